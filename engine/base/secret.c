/* secret: see the header. */
#include "pelt/secret.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t pelt_secret_at(const char *text)
{
    static const char *const names[] = {"authorization", "cookie",  "token",  "secret",
                                        "password",      "api-key", "apikey", "api_key"};
    const char *url = strstr(text, "://");
    size_t shown = strlen(text);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *name = strcasestr(text, names[i]);
        const bool in_url = name != NULL && url != NULL && url < name; /* ":" is before a port */
        const char *sign = name != NULL ? strpbrk(name, in_url ? "=" : ":=") : NULL;
        if (sign != NULL && (size_t)(sign - text) + 1 < shown) {
            shown = (size_t)(sign - text) + 1;
        }
    }
    /* http://user:password@host */
    if (url != NULL && memchr(url + 3, '@', strcspn(url + 3, "/?#")) != NULL &&
        (size_t)(url + 3 - text) < shown) {
        shown = (size_t)(url + 3 - text);
    }
    return shown;
}

void pelt_secret_mask(const char *text, char *out, size_t size)
{
    const size_t shown = pelt_secret_at(text);
    snprintf(out, size, "%.*s%s", (int)shown, text, text[shown] != '\0' ? PELT_SECRET_MASK : "");
}
