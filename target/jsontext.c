/* jsontext: see the header. */
#include "jsontext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

char *target_jsontext_take(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return text;
}

char *target_jsontext_padded(char *text, uint64_t bytes)
{
    size_t length = text ? strlen(text) : 0;
    char *longer;

    if (!text || length >= bytes) {
        return text;
    }
    longer = realloc(text, bytes + 1);
    if (!longer) {
        free(text);
        return NULL;
    }
    memset(longer + length, ' ', bytes - length);
    longer[bytes] = '\0';
    return longer;
}

char *target_jsontext_error(const char *type, const char *message)
{
    char plain[sizeof((struct target_error *)0)->text];
    json_t *json = json_string(message);

    if (!json) { /* what a client sent and the message quotes need not be UTF-8 */
        snprintf(plain, sizeof plain, "%s", message);
        for (char *at = plain; *at; at++) {
            *at = (char)((unsigned char)*at < 128 ? *at : '?');
        }
        json = json_string(plain);
    }
    return target_jsontext_take(
        json_pack("{s:{s:s, s:o}}", "error", "type", type, "message", json));
}
