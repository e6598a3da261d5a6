/*
 * words: see the header. cmd works in two steps, as Windows does: carets and ends of commands
 * first (cmd_line), then quotes and backslashes (cmd_words).
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#include "percent.h"

#define NONE (-1)

static int peek(const struct convert_lines *l, size_t ahead)
{
    return l->at + ahead < l->text.len ? (unsigned char)l->text.ptr[l->at + ahead] : NONE;
}

static int take(struct convert_lines *l)
{
    int c = peek(l, 0);
    l->line += c == '\n';
    l->at += c != NONE;
    return c;
}

static void add_char(struct pelt_buf *b, int c)
{
    char byte = (char)c;
    pelt_buf_add(b, &byte, 1);
}

static void add_word(struct convert_lines *l, struct convert_words *w, struct pelt_buf *word)
{
    if (w->len == w->cap) {
        size_t cap = w->cap > 0 ? 2 * w->cap : 32;
        const char **at = realloc(w->at, cap * sizeof *at);
        if (at == NULL) {
            l->arena->failed = true;
            return;
        }
        w->at = at;
        w->cap = cap;
    }
    w->at[w->len++] = convert_arena_take(l->arena, word);
}

static bool is_name(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static int digit_of(int c, int base)
{
    const int value = convert_hex(c);
    return value >= 0 && value < base ? value : NONE;
}

static enum pelt_status fail_open(size_t line, const char *quote, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EPARSE,
                     "line %zu: a quote %s is opened and never closed: is the end of the command "
                     "missing?",
                     line, quote);
}

/* At a '$' or '`' that a shell would expand: remembers it; it stays in the text as it is. */
static void note_variable(struct convert_lines *l, struct convert_words *w)
{
    size_t len = 1;
    int c = peek(l, 1);
    bool expands = peek(l, 0) == '`' || c == '{' || c == '(' || (is_name(c) && c > '9') || c == '_';
    while (expands && len < 64 && (is_name(peek(l, len)) || peek(l, len) == '{')) {
        len++;
    }
    if (expands && w->variable == NULL) {
        len += peek(l, len) == '}';
        w->variable = convert_arena_text(l->arena, l->text.ptr + l->at, len);
    }
}

static enum pelt_status single_quoted(struct convert_lines *l, struct pelt_buf *word,
                                      struct pelt_error *err)
{
    size_t line = l->line;
    take(l);
    for (int c = take(l); c != '\''; c = take(l)) {
        if (c == NONE) {
            return fail_open(line, "'", err);
        }
        add_char(word, c);
    }
    return PELT_OK;
}

static enum pelt_status double_quoted(struct convert_lines *l, struct convert_words *w,
                                      struct pelt_buf *word, struct pelt_error *err)
{
    size_t line = l->line;
    take(l);
    while (peek(l, 0) != '"') {
        int c = peek(l, 0), next = peek(l, 1);
        if (c == NONE) {
            return fail_open(line, "\"", err);
        }
        if (c == '\\' && next != NONE && strchr("$`\"\\\n", next) != NULL) {
            take(l);
            c = take(l);
            if (c != '\n') {
                add_char(word, c);
            }
            continue;
        }
        if (c == '$' || c == '`') {
            note_variable(l, w);
        }
        add_char(word, take(l));
    }
    take(l);
    return PELT_OK;
}

static void add_utf8(struct pelt_buf *b, unsigned long c)
{
    if (c < 0x80) {
        add_char(b, (int)c);
    } else if (c < 0x800) {
        add_char(b, (int)(0xC0 | c >> 6));
    } else if (c < 0x10000) {
        add_char(b, (int)(0xE0 | c >> 12));
        add_char(b, (int)(0x80 | (c >> 6 & 0x3F)));
    } else {
        add_char(b, (int)(0xF0 | (c >> 18 & 7)));
        add_char(b, (int)(0x80 | (c >> 12 & 0x3F)));
        add_char(b, (int)(0x80 | (c >> 6 & 0x3F)));
    }
    if (c >= 0x80) {
        add_char(b, (int)(0x80 | (c & 0x3F)));
    }
}

/* Up to `most` digits; NONE where there is none. */
static long number(struct convert_lines *l, int base, int most)
{
    long value = NONE;
    for (int i = 0; i < most && digit_of(peek(l, 0), base) != NONE; i++) {
        value = (value == NONE ? 0 : value * base) + digit_of(take(l), base);
    }
    return value;
}

/* Behind a backslash within $'...'. */
static void ansi_escape(struct convert_lines *l, struct pelt_buf *word)
{
    static const char letters[] = "abefnrtvE";
    static const char meant[] = "\a\b\033\f\n\r\t\v\033";
    int c = peek(l, 0);
    const char *found = c != NONE && c != 0 ? strchr(letters, c) : NULL;
    if (found != NULL) {
        take(l);
        add_char(word, meant[found - letters]);
    } else if (digit_of(c, 8) != NONE) {
        add_char(word, (int)(number(l, 8, 3) & 0xFF));
    } else if (c == 'x' || c == 'u' || c == 'U') {
        take(l);
        long value = number(l, 16, c == 'x' ? 2 : c == 'u' ? 4 : 8);
        if (value == NONE) {
            add_char(word, '\\');
            add_char(word, c);
        } else if (c == 'x') {
            add_char(word, (int)value);
        } else {
            add_utf8(word, (unsigned long)value & 0x1FFFFF);
        }
    } else if (c != NONE) {
        if (strchr("\\'\"?", c) == NULL) {
            add_char(word, '\\');
        }
        add_char(word, take(l));
    }
}

/* $'...': the quote that Chrome and Firefox take where a text has an apostrophe or a line break. */
static enum pelt_status ansi_quoted(struct convert_lines *l, struct pelt_buf *word,
                                    struct pelt_error *err)
{
    size_t line = l->line;
    l->at += 2;
    for (int c = take(l); c != '\''; c = take(l)) {
        if (c == NONE) {
            return fail_open(line, "$'", err);
        }
        if (c == '\\') {
            ansi_escape(l, word);
        } else {
            add_char(word, c);
        }
    }
    return PELT_OK;
}

static bool ends_word(int c)
{
    return c == NONE || strchr(" \t\r\n;&|<>()", c) != NULL;
}

/* One word, which begins here. */
static enum pelt_status shell_word(struct convert_lines *l, struct convert_words *w,
                                   struct pelt_buf *word, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    while (status == PELT_OK && !ends_word(peek(l, 0))) {
        int c = peek(l, 0), next = peek(l, 1);
        if (c == '\'') {
            status = single_quoted(l, word, err);
        } else if (c == '"' || (c == '$' && next == '"')) {
            l->at += c == '$';
            status = double_quoted(l, w, word, err);
        } else if (c == '$' && next == '\'') {
            status = ansi_quoted(l, word, err);
        } else if (c == '\\' && (next == '\n' || (next == '\r' && peek(l, 2) == '\n'))) {
            l->at += next == '\r';
            take(l);
            take(l);
        } else if (c == '\\' && next != NONE) {
            take(l);
            add_char(word, take(l));
        } else {
            if (c == '$' || c == '`') {
                note_variable(l, w);
            }
            add_char(word, take(l));
        }
    }
    return status;
}

/* Passes blanks, comments and continued lines; what stands behind them. */
static int skip_blanks(struct convert_lines *l)
{
    for (;;) {
        int c = peek(l, 0), next = peek(l, 1);
        bool dos = c == '\\' && next == '\r' && peek(l, 2) == '\n';
        if (c == ' ' || c == '\t' || c == '\r') {
            take(l);
        } else if (dos || (c == '\\' && next == '\n')) {
            l->at += dos;
            take(l);
            take(l);
        } else if (c == '#') {
            while (peek(l, 0) != NONE && peek(l, 0) != '\n') {
                take(l);
            }
        } else {
            return c;
        }
    }
}

/* At '<' or '>': the file behind it belongs to the shell. */
static enum pelt_status redirection(struct convert_lines *l, struct convert_words *w,
                                    struct pelt_error *err)
{
    struct pelt_buf word;
    size_t line = l->line;
    if (peek(l, 0) == '<' && peek(l, 1) == '<') {
        return pelt_fail(err, PELT_EPARSE,
                         "line %zu: << is not read: put the text into a file and give curl -d "
                         "@FILE",
                         line);
    }
    while (peek(l, 0) == '<' || peek(l, 0) == '>' || peek(l, 0) == '&' || peek(l, 0) == '|') {
        take(l);
    }
    skip_blanks(l);
    pelt_buf_init(&word, 0);
    enum pelt_status status = shell_word(l, w, &word, err);
    if (status == PELT_OK && w->redirect == NULL) {
        w->redirect = convert_arena_take(l->arena, &word);
    }
    pelt_buf_deinit(&word);
    return status;
}

/* "2" of "2>&1" belongs to what follows. */
static bool is_descriptor(const struct convert_lines *l, const struct pelt_buf *word, size_t from)
{
    int next = peek(l, 0);
    return (next == '<' || next == '>') && word->len == 1 && l->at == from + 1 &&
           digit_of(word->data[0], 10) != NONE;
}

static enum pelt_status shell_words(struct convert_lines *l, struct convert_words *w,
                                    struct pelt_error *err)
{
    struct pelt_buf word;
    enum pelt_status status = PELT_OK;
    pelt_buf_init(&word, 0);
    for (;;) {
        int c = skip_blanks(l);
        if (w->len == 0) {
            w->line = l->line;
        }
        if (c == '<' || c == '>' || (c == '&' && peek(l, 1) == '>')) {
            status = redirection(l, w, err);
        } else if (ends_word(c)) {
            take(l);
            break;
        } else {
            size_t from = l->at;
            status = shell_word(l, w, &word, err);
            if (status == PELT_OK && is_descriptor(l, &word, from)) {
                pelt_buf_reset(&word);
            } else if (status == PELT_OK) {
                add_word(l, w, &word);
            }
        }
        if (status != PELT_OK) {
            break;
        }
    }
    pelt_buf_deinit(&word);
    return status;
}

/* Up to the end of a command of cmd, carets resolved: outside of quotes ^ makes the next character
 * an ordinary one, and a line's end vanish. */
static void cmd_line(struct convert_lines *l, struct pelt_buf *line)
{
    bool quoted = false;
    for (int c = take(l); c != NONE && c != '\n'; c = take(l)) {
        if (c == '^' && !quoted) {
            c = take(l);
            c = c == '\r' && peek(l, 0) == '\n' ? take(l) : c;
            bool continued = c == '\n';
            c = continued ? take(l) : c;
            c = continued && c == '\r' && peek(l, 0) == '\n' ? take(l) : c;
            if (c != NONE) {
                add_char(line, c);
            }
            continue;
        }
        quoted = quoted != (c == '"');
        if (!quoted && (c == '&' || c == '|')) {
            break;
        }
        add_char(line, c);
    }
}

/* Within one command: quotes, and backslashes before them. `*at` moves behind the word. */
static void cmd_word(const char *text, size_t len, size_t *at, struct pelt_buf *word)
{
    bool quoted = false;
    while (*at < len && (quoted || strchr(" \t\r\n", text[*at]) == NULL)) {
        size_t slashes = 0;
        while (*at + slashes < len && text[*at + slashes] == '\\') {
            slashes++;
        }
        bool quote = *at + slashes < len && text[*at + slashes] == '"';
        for (size_t i = 0; i < (quote ? slashes / 2 : slashes); i++) {
            add_char(word, '\\');
        }
        *at += slashes;
        if (quote && slashes % 2 == 1) {
            add_char(word, '"');
            ++*at;
        } else if (quote && quoted && *at + 1 < len && text[*at + 1] == '"') {
            add_char(word, '"'); /* "" within quotes */
            *at += 2;
        } else if (quote) {
            quoted = !quoted;
            ++*at;
        } else if (slashes == 0) {
            add_char(word, text[*at]);
            ++*at;
        }
    }
}

static void cmd_words(struct convert_lines *l, struct convert_words *w)
{
    struct pelt_buf line, word;
    pelt_buf_init(&line, 0);
    pelt_buf_init(&word, 0);
    w->line = l->line;
    cmd_line(l, &line);
    for (size_t at = 0; at < line.len;) {
        if (strchr(" \t\r\n", line.data[at]) != NULL) {
            at++;
            continue;
        }
        cmd_word(line.data, line.len, &at, &word);
        add_word(l, w, &word);
    }
    l->arena->failed = l->arena->failed || line.failed;
    pelt_buf_deinit(&line);
    pelt_buf_deinit(&word);
}

/* A caret before a quote or a line's end, where a shell would not have it in quotes of its own. */
static bool is_cmd(struct pelt_span text)
{
    bool single = false;
    for (size_t i = 0; i + 1 < text.len; i++) {
        char c = text.ptr[i], next = text.ptr[i + 1];
        if (c == '\'') {
            single = !single;
        } else if (c == '\\' && !single) {
            i++;
        } else if (c == '^' && !single && (next == '"' || next == '\r' || next == '\n')) {
            return true;
        }
    }
    return false;
}

void convert_lines_init(struct convert_lines *l, struct convert_arena *arena, struct pelt_span text)
{
    *l = (struct convert_lines){.arena = arena, .text = text, .line = 1, .cmd = is_cmd(text)};
}

enum pelt_status convert_lines_next(struct convert_lines *l, struct convert_words *w,
                                    struct pelt_error *err)
{
    w->len = 0;
    w->variable = w->redirect = NULL;
    while (w->len == 0) {
        if (l->at >= l->text.len) {
            return PELT_EOF;
        }
        enum pelt_status status = PELT_OK;
        if (l->cmd) {
            cmd_words(l, w);
        } else {
            status = shell_words(l, w, err);
        }
        if (status == PELT_OK && l->arena->failed) {
            status = pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
        if (status != PELT_OK) {
            return status;
        }
    }
    return PELT_OK;
}

void convert_words_deinit(struct convert_words *w)
{
    free(w->at);
    *w = (struct convert_words){0};
}
