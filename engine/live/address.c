/*
 * address: see the header.
 */
#include "address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pelt/units.h"
#include "pelt/web.h"

#define HOST_BYTES 256

struct parts {
    char host[HOST_BYTES]; /* without brackets; "": none */
    const char *port;      /* NULL: none */
};

static bool all_digits(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* Of "HOST:PORT", "[HOST]:PORT", ":PORT", "PORT" and "HOST". */
static bool split(const char *text, struct parts *out)
{
    const bool in_brackets = text[0] == '[';
    const char *begin = text + in_brackets;
    const char *end = in_brackets ? strchr(begin, ']') : begin + strcspn(begin, ":");
    *out = (struct parts){.host = ""};
    if (all_digits(text)) {
        out->port = text;
        return true;
    }
    if (end == NULL || (size_t)(end - begin) >= sizeof out->host) {
        return false;
    }
    snprintf(out->host, sizeof out->host, "%.*s", (int)(end - begin), begin);
    end += in_brackets;
    if (*end == ':') {
        out->port = end + 1;
    }
    return *end == '\0' || (*end == ':' && all_digits(out->port));
}

bool pelt_web_is_address(const char *word)
{
    struct parts parts;
    struct pelt_addr addr;
    if (strchr(word, '/') != NULL || !split(word, &parts)) {
        return false;
    }
    return parts.port != NULL || pelt_addr_literal(parts.host, 0, &addr);
}

static enum pelt_status fail(const char *text, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL,
                     "\"%.200s\" is no address of this host's loopback, and the live page is for "
                     "this host only: try " PELT_WEB_ADDRESS ", [::1]:9647 or 9647; from elsewhere "
                     "by ssh -L 9647:127.0.0.1:9647 HOST",
                     text);
}

enum pelt_status live_address_parse(const char *text, struct pelt_addr *out, struct pelt_error *err)
{
    struct parts parts;
    uint64_t port = PELT_WEB_PORT;
    text = text != NULL && text[0] != '\0' ? text : PELT_WEB_ADDRESS;
    if (!split(text, &parts)) {
        return fail(text, err);
    }
    if (parts.port != NULL) {
        enum pelt_status status = pelt_parse_count("port", parts.port, 0, UINT16_MAX, &port, err);
        if (status != PELT_OK) {
            return status;
        }
    }
    const bool named = parts.host[0] == '\0' || strcasecmp(parts.host, "localhost") == 0;
    const char *host = named ? "127.0.0.1" : parts.host;
    if (!pelt_addr_literal(host, (uint16_t)port, out) || !pelt_loopback_addr(out)) {
        return fail(text, err);
    }
    return PELT_OK;
}
