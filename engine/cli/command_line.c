/*
 * command_line: see the header.
 */
#include "command_line.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "pelt/buf.h"

/* Bytes of `word` before a secret begins; its whole length where there is none. */
static size_t length_to_show(const char *word)
{
    static const char *const names[] = {"authorization", "cookie",  "token",  "secret",
                                        "password",      "api-key", "apikey", "api_key"};
    size_t shown = strlen(word);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *name = strcasestr(word, names[i]);
        const char *sign = name != NULL ? strpbrk(name, ":=") : NULL;
        if (sign != NULL && (size_t)(sign - word) + 1 < shown) {
            shown = (size_t)(sign - word) + 1;
        }
    }
    const char *place = strstr(word, "://"); /* http://user:password@proxy */
    if (place != NULL && memchr(place + 3, '@', strcspn(place + 3, "/?#")) != NULL &&
        (size_t)(place + 3 - word) < shown) {
        shown = (size_t)(place + 3 - word);
    }
    return shown;
}

/* True: no shell changes this character outside of quotes. */
static bool is_plain(char c)
{
    return isalnum((unsigned char)c) || strchr("_-+=:,./@%", c) != NULL;
}

static bool needs_quotes(const char *word)
{
    for (const char *c = word; *c != '\0'; c++) {
        if (!is_plain(*c)) {
            return true;
        }
    }
    return *word == '\0';
}

static void add_word(struct pelt_buf *out, const char *word)
{
    size_t shown = length_to_show(word);
    bool masked = word[shown] != '\0';
    bool quoted = needs_quotes(word) || masked;
    pelt_buf_add_str(out, quoted ? " '" : " ");
    for (size_t i = 0; i < shown; i++) {
        if (word[i] == '\'') {
            pelt_buf_add_str(out, "'\\''");
        } else {
            pelt_buf_add(out, &word[i], 1);
        }
    }
    pelt_buf_add_str(out, masked ? "***" : "");
    pelt_buf_add_str(out, quoted ? "'" : "");
}

char *cli_command_line(int argc, char *const *argv)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    pelt_buf_add_str(&out, "pelt");
    for (int i = 0; i < argc; i++) {
        add_word(&out, argv[i]);
    }
    if (out.failed) {
        pelt_buf_deinit(&out);
        return NULL;
    }
    return pelt_buf_take(&out);
}
