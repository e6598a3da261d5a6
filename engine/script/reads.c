/*
 * A lexer of just what tells names from strings and comments (Lua 5.4 manual, section 3.1). It
 * never fails: what is no Lua does not compile, and is never asked.
 */
#include "reads.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard.h"

#define FILE_MAX (16u << 20) /* bytes of a larger file are not read: it may read everything */

struct lexer {
    const char *at, *end;
    char before;         /* '.' or ':' right before the token, else 0 */
    const char *library; /* and before that a name of ours or Lua's: what of it is no reading */
};

static const struct pelt_reads EVERYTHING = {.body = true, .headers = true};

static void add(struct pelt_reads *reads, struct pelt_reads more)
{
    reads->body = reads->body || more.body;
    reads->headers = reads->headers || more.headers;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(word, name, len) == 0;
}

static struct pelt_reads field(const char *word, size_t len)
{
    return (struct pelt_reads){.body = is(word, len, "body") || is(word, len, "body_cut") ||
                                       is(word, len, "json") || is(word, len, "match") ||
                                       is(word, len, "regex"),
                               .headers = is(word, len, "headers")};
}

/* The level of a long bracket that opens at `at` ("[[" 0, "[=[" 1); -1: none does. */
static int bracket_level(const char *at, const char *end)
{
    const char *p = at;
    if (p == end || *p++ != '[') {
        return -1;
    }
    while (p < end && *p == '=') {
        p++;
    }
    return p < end && *p == '[' ? (int)(p - at - 1) : -1;
}

/* Behind the bracket that closes at this level, which may open right at `at`; *content_end: its
 * first byte. */
static const char *skip_brackets(const char *at, const char *end, int level,
                                 const char **content_end)
{
    for (const char *p = at + level + 2; p < end; p++) {
        if (*p != ']') {
            continue;
        }
        const char *q = p + 1;
        while (q < end && *q == '=') {
            q++;
        }
        if (q < end && *q == ']' && q - p - 1 == level) {
            *content_end = p;
            return q + 1;
        }
    }
    *content_end = end;
    return end;
}

static const char *skip_comment(const char *at, const char *end)
{
    const char *content_end;
    int level = bracket_level(at + 2, end);
    if (level >= 0) {
        return skip_brackets(at + 2, end, level, &content_end);
    }
    while (at < end && *at != '\n' && *at != '\r') {
        at++;
    }
    return at;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Behind the escape at `at`: \z takes the blanks and lines that follow, and a line's end may be two
 * bytes; of all others the rest is harmless text. */
static const char *skip_escape(const char *at, const char *end)
{
    const char *p = at + 1;
    if (p == end) {
        return end;
    }
    char c = *p++;
    if (c == 'z') {
        while (p < end && is_space(*p)) {
            p++;
        }
    } else if (p < end && ((c == '\r' && *p == '\n') || (c == '\n' && *p == '\r'))) {
        p++;
    }
    return p;
}

static const char *skip_quoted(const char *at, const char *end)
{
    const char *p = at + 1;
    while (p < end && *p != *at && *p != '\n') {
        p = *p == '\\' ? skip_escape(p, end) : p + 1;
    }
    return p < end ? p + 1 : end;
}

static void scan_name(struct lexer *x, struct pelt_reads *reads)
{
    const char *word = x->at;
    while (x->at < x->end && is_name_char(*x->at)) {
        x->at++;
    }
    size_t len = (size_t)(x->at - word);
    if (x->before && !(x->library && is(word, len, x->library))) {
        add(reads, field(word, len));
    }
    bool first = !x->before;
    x->library = first && is(word, len, "pelt")                  ? "json"
                 : first && is(word, len, "string")              ? "match"
                 : !first && x->library && is(word, len, "data") ? x->library
                                                                 : NULL;
    x->before = 0;
}

static void scan_string(struct lexer *x, struct pelt_reads *reads)
{
    const char *start = x->at, *content, *content_end;
    int level = bracket_level(start, x->end);
    if (level >= 0) {
        content = start + level + 2;
        x->at = skip_brackets(start, x->end, level, &content_end);
    } else {
        content = start + 1;
        x->at = skip_quoted(start, x->end);
        content_end = x->at - 1;
    }
    if (content < content_end) {
        add(reads, field(content, (size_t)(content_end - content)));
    }
    x->before = 0;
    x->library = NULL;
}

/* One character that is no name, string or comment. ".." and "::" are operators of their own. */
static void scan_other(struct lexer *x)
{
    char c = *x->at++;
    bool joins = c == '.' || c == ':';
    if (joins && x->at < x->end && *x->at == c) {
        x->at++;
        joins = false;
    }
    x->library = joins ? x->library : NULL;
    x->before = (char)(joins ? c : 0);
}

void pelt_reads_scan(struct pelt_reads *reads, const char *source, size_t len)
{
    struct lexer x = {.at = source, .end = source + len};
    if (len > 0 && source[0] == LUA_SIGNATURE[0]) {
        add(reads, EVERYTHING);
        return;
    }
    while (x.at < x.end) {
        char c = *x.at;
        if (is_space(c)) {
            x.at++;
        } else if (c == '-' && x.at + 1 < x.end && x.at[1] == '-') {
            x.at = skip_comment(x.at, x.end);
        } else if (c == '"' || c == '\'' || bracket_level(x.at, x.end) >= 0) {
            scan_string(&x, reads);
        } else if (is_name_char(c)) {
            scan_name(&x, reads);
        } else {
            scan_other(&x);
        }
    }
}

static struct pelt_reads *reads_of(lua_State *L)
{
    return &pelt_shard_of(L)->reads;
}

static void scan_file(struct pelt_reads *reads, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? malloc(FILE_MAX) : NULL;
    size_t len = text ? fread(text, 1, FILE_MAX, file) : 0;
    if (text && len < FILE_MAX) {
        pelt_reads_scan(reads, text, len);
    } else if (file) {
        add(reads, EVERYTHING);
    }
    free(text);
    if (file) {
        fclose(file);
    }
}

/* load(chunk, ...); upvalue: the library's function. */
static int load(lua_State *L)
{
    size_t len;
    const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &len) : NULL;
    if (text) {
        pelt_reads_scan(reads_of(L), text, len);
    } else {
        add(reads_of(L), EVERYTHING); /* a function that gives it piece by piece */
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* loadfile(name, ...) and dofile(name); without a name they read what is on the standard input. */
static int load_file(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING) {
        scan_file(reads_of(L), lua_tostring(L, 1));
    } else {
        add(reads_of(L), EVERYTHING);
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* The searcher of Lua files: (name) -> loader and path, or why there is none; upvalue: the
 * library's. */
static int search(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, LUA_MULTRET);
    if (lua_gettop(L) == 2 && lua_isfunction(L, 1) && lua_type(L, 2) == LUA_TSTRING) {
        scan_file(reads_of(L), lua_tostring(L, 2));
    }
    return lua_gettop(L);
}

/* Wraps the global function `name`. */
static void wrap(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getglobal(L, name);
    lua_pushcclosure(L, function, 1);
    lua_setglobal(L, name);
}

void pelt_reads_open(lua_State *L)
{
    wrap(L, "load", load);
    wrap(L, "loadfile", load_file);
    wrap(L, "dofile", load_file);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    lua_rawgeti(L, -1, 2);
    lua_pushcclosure(L, search, 1);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
}
