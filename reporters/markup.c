/*
 * markup: see the header.
 *
 * XML: https://www.w3.org/TR/xml/#charsets. Markdown: CommonMark 0.31, with the tables and the
 * autolinks of GitHub, which are looked for in what is left as text.
 */
#include "markup.h"

#include <stdbool.h>
#include <string.h>

#include "text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define JOINER      "\xe2\x81\xa0" /* U+2060, no width */

/* The character at *s, which moves behind it; NULL: none that is text. Its bytes: `*len`. */
static const char *next(const char **s, size_t *len)
{
    const char *at = *s;
    *len = report_text_utf8((const unsigned char *)at);
    *s += *len > 0 ? *len : 1;
    const bool control = *len == 1 && ((unsigned char)at[0] < 0x20 || at[0] == 0x7f);
    const bool noncharacter = *len == 3 && memcmp(at, "\xef\xbf", 2) == 0 &&
                              (unsigned char)at[2] >= 0xbe; /* U+FFFE, U+FFFF */
    const bool c1 = *len == 2 && at[0] == '\xc2' && (unsigned char)at[1] < 0xa0;
    return *len == 0 || control || noncharacter || c1 ? NULL : at;
}

void report_xml(FILE *out, const char *text)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"},  {'<', "&lt;"},  {'>', "&gt;"},  {'"', "&quot;"},
                    {'\'', "&#39;"}, {'\t', "&#9;"}, {'\n', "&#10;"}};
    size_t len;
    while (*text != '\0') {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
            entity = *text == entities[i].c ? entities[i].entity : entity;
        }
        if (entity != NULL) {
            fputs(entity, out);
            text++;
            continue;
        }
        const char *at = next(&text, &len);
        fwrite(at != NULL ? at : REPLACEMENT, 1, at != NULL ? len : 3, out);
    }
}

/* The longest row of backticks. */
static size_t ticks(const char *text)
{
    size_t most = 0;
    while (*text != '\0') {
        const size_t len = strspn(text, "`");
        most = len > most ? len : most;
        text += len > 0 ? len : 1;
    }
    return most;
}

static void fence(FILE *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        fputc('`', out);
    }
}

static void code(FILE *out, const char *text, bool cell)
{
    const size_t width = ticks(text) + 1;
    const size_t all = strlen(text);
    const bool apart = all == 0 || text[0] == '`' || text[0] == ' ' || text[all - 1] == '`' ||
                       text[all - 1] == ' ';
    size_t len;
    fence(out, width);
    fputs(apart ? " " : "", out);
    while (*text != '\0') {
        const char *at = next(&text, &len);
        if (cell && at != NULL && *at == '|') {
            fputs("\\|", out); /* of a table's cell, which is taken apart before the code is read */
        } else if (cell && at != NULL && *at == '\\' && *text == '|') {
            fputs(REPLACEMENT, out); /* tables differ in what \\| is */
        } else {
            fwrite(at != NULL ? at : REPLACEMENT, 1, at != NULL ? len : 3, out);
        }
    }
    fputs(apart ? " " : "", out);
    fence(out, width);
}

void report_markdown_code(FILE *out, const char *text)
{
    code(out, text, false);
}

void report_markdown_cell(FILE *out, const char *text)
{
    code(out, text, true);
}

void report_markdown_text(FILE *out, const char *text)
{
    size_t len;
    while (*text != '\0') {
        const char *at = next(&text, &len);
        if (at == NULL) {
            fputs(REPLACEMENT, out);
        } else if (strchr("<>&", *at) != NULL) {
            fprintf(out, "&#%d;", *at);
        } else if (strchr("\\`*_{}[]()#+-!|~\"'$^=", *at) != NULL) {
            fprintf(out, "\\%c", *at);
        } else if (*at == '@' || *at == ':') {
            fprintf(out, "%c" JOINER, *at); /* no mention, no address */
        } else {
            fwrite(at, 1, len, out);
        }
    }
}
