/* luatext: see the header. */
#include "luatext.h"

#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word_of_lua(const char *name)
{
    static const char *const words[] = {"and",   "break", "do",       "else",  "elseif", "end",
                                        "false", "for",   "function", "goto",  "if",     "in",
                                        "local", "nil",   "not",      "or",    "repeat", "return",
                                        "then",  "true",  "until",    "while", NULL};
    const char *const *word = words;
    while (*word != NULL && strcmp(*word, name) != 0) {
        word++;
    }
    return *word != NULL;
}

/* Reads better in [[...]]: has quotes or lines, and nothing that these would change. */
static bool wants_brackets(const char *text)
{
    size_t awkward = 0;
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c < ' ' && c != '\n' && c != '\t') || c == 127) {
            return false;
        }
        awkward += c == '"' || c == '\\' || c == '\n';
    }
    return awkward > 1;
}

/* `text` with `close` behind it would end before that: it has one, or its end makes one with it. */
static bool ends_early(const char *text, size_t len, const char *close)
{
    const size_t begun = strlen(close) - 1; /* "]" of "]]", "]=" of "]=]" */
    return strstr(text, close) != NULL ||
           (len >= begun && memcmp(text + len - begun, close, begun) == 0);
}

static void add_bracketed(struct pelt_buf *out, const char *text)
{
    char close[16] = "]]";
    size_t level = 0;
    size_t len = strlen(text);
    while (ends_early(text, len, close)) {
        if (++level > sizeof close - 4) {
            break; /* convert_lua_text() has looked */
        }
        memset(close + 1, '=', level);
        close[level + 1] = ']';
        close[level + 2] = '\0';
    }
    pelt_buf_addf(out, "[%.*s[%s", (int)level, "============", text[0] == '\n' ? "\n" : "");
    pelt_buf_add(out, text, len);
    pelt_buf_add_str(out, close);
}

static void add_quoted(struct pelt_buf *out, const char *text)
{
    pelt_buf_add_str(out, "\"");
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            pelt_buf_addf(out, "\\%c", c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            pelt_buf_add_str(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        } else if (c < ' ' || c == 127) {
            pelt_buf_addf(out, "\\%03u", c);
        } else {
            pelt_buf_add(out, p, 1);
        }
    }
    pelt_buf_add_str(out, "\"");
}

void convert_lua_text(struct pelt_buf *out, const char *text)
{
    if (wants_brackets(text) && strstr(text, "]=========") == NULL) {
        add_bracketed(out, text);
    } else {
        add_quoted(out, text);
    }
}

void convert_lua_key(struct pelt_buf *out, const char *name)
{
    bool plain = is_letter(*name) && !is_word_of_lua(name);
    for (const char *p = name; plain && *p != '\0'; p++) {
        plain = is_letter(*p) || (*p >= '0' && *p <= '9');
    }
    if (plain) {
        pelt_buf_addf(out, "%s = ", name);
        return;
    }
    pelt_buf_add_str(out, "[");
    add_quoted(out, name);
    pelt_buf_add_str(out, "] = ");
}
