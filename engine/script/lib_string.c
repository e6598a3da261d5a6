/*
 * string.find, match, gmatch and gsub by a matcher that the watchdog can stop (pattern.c), and rep,
 * which could repeat nothing for years. All else is Lua's own. What they do and raise is as in Lua
 * 5.4 (tests/fuzz/pattern_fuzz.c holds the two against each other).
 *
 * The subject and the pattern lie on the stack, or are upvalues, as long as pointers go into them.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "lib.h"
#include "pattern.h"
#include "watchdog.h"

/* ---- matching ---- */

static void begin_pattern(struct pelt_pattern *p, const char *subject, size_t subject_len,
                          const char *pattern, size_t pattern_len)
{
    p->subject = subject;
    p->subject_end = subject + subject_len;
    p->pattern = pattern;
    p->pattern_end = pattern + pattern_len;
    p->stopped = pelt_watch_tripped;
}

/* Takes a '^' off the pattern. */
static bool take_anchor(struct pelt_pattern *p)
{
    bool anchored = p->pattern < p->pattern_end && *p->pattern == '^';
    p->pattern += anchored;
    return anchored;
}

/* The end of a match that begins at `at`, or NULL; raises what was wrong with the pattern. */
static const char *match_at(lua_State *L, struct pelt_pattern *p, const char *at)
{
    const char *end = pelt_pattern_match(p, at);
    if (p->error) {
        luaL_error(L, p->error, p->error_arg);
    }
    if (p->was_stopped) {
        pelt_watch_raise(L);
    }
    return end;
}

/* Capture i; the first of none is the whole match, from `at` to `end`. */
static struct pelt_pattern_capture capture_of(lua_State *L, const struct pelt_pattern *p, int i,
                                              const char *at, const char *end)
{
    if (i >= p->captures) {
        if (i > 0) {
            luaL_error(L, "invalid capture index %%%d", i + 1);
        }
        return (struct pelt_pattern_capture){.at = at, .len = end - at};
    }
    if (p->capture[i].len == PELT_PATTERN_OPEN) {
        luaL_error(L, "unfinished capture");
    }
    return p->capture[i];
}

static void push_capture(lua_State *L, const struct pelt_pattern *p, int i, const char *at,
                         const char *end)
{
    struct pelt_pattern_capture c = capture_of(L, p, i, at, end);
    if (c.len == PELT_PATTERN_POSITION) {
        lua_pushinteger(L, c.at - p->subject + 1);
    } else {
        lua_pushlstring(L, c.at, (size_t)c.len);
    }
}

/* Pushes all captures, or the whole match if `whole` and there are none; returns how many. */
static int push_captures(lua_State *L, const struct pelt_pattern *p, const char *at,
                         const char *end, bool whole)
{
    int n = p->captures == 0 && whole ? 1 : p->captures;
    luaL_checkstack(L, n, "too many captures");
    for (int i = 0; i < n; i++) {
        push_capture(L, p, i, at, end);
    }
    return n;
}

/* The optional argument `init` as bytes before the place; beyond the subject: more than len. */
static size_t start_of(lua_State *L, int arg, size_t len)
{
    lua_Integer init = luaL_optinteger(L, arg, 1);
    if (init > 0) {
        return (size_t)init - 1;
    }
    return init == 0 || init < -(lua_Integer)len ? 0 : len - (size_t)-init;
}

/* ---- find and match ---- */

static int push_place(lua_State *L, const char *subject, const char *at, const char *end)
{
    lua_pushinteger(L, at - subject + 1);
    lua_pushinteger(L, end - subject);
    return 2;
}

/* Where the text begins from `at` on, or NULL. A first byte that is everywhere makes it slow. */
static const char *search(lua_State *L, const char *at, const char *end, const char *text,
                          size_t text_len)
{
    if (text_len == 0) {
        return at;
    }
    while ((size_t)(end - at) >= text_len) {
        at = memchr(at, *text, (size_t)(end - at) - text_len + 1);
        if (!at || memcmp(at, text, text_len) == 0) {
            return at;
        }
        if (pelt_watch_tripped()) {
            pelt_watch_raise(L);
        }
        at++;
    }
    return NULL;
}

static int find_plain(lua_State *L, const char *subject, size_t len, size_t start, const char *text,
                      size_t text_len)
{
    const char *at = search(L, subject + start, subject + len, text, text_len);
    if (!at) {
        luaL_pushfail(L);
        return 1;
    }
    return push_place(L, subject, at, at + text_len);
}

static int find_pattern(lua_State *L, struct pelt_pattern *p, const char *at, bool find)
{
    bool anchored = take_anchor(p);
    do {
        const char *end = match_at(L, p, at);
        if (end) {
            int place = find ? push_place(L, p->subject, at, end) : 0;
            return place + push_captures(L, p, at, end, !find);
        }
    } while (at++ < p->subject_end && !anchored);
    luaL_pushfail(L);
    return 1;
}

static int find_or_match(lua_State *L, bool find)
{
    size_t len, pattern_len;
    const char *subject = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t start = start_of(L, 3, len);
    if (start > len) {
        luaL_pushfail(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || pelt_pattern_is_plain(pattern, pattern_len))) {
        return find_plain(L, subject, len, start, pattern, pattern_len);
    }
    struct pelt_pattern p;
    begin_pattern(&p, subject, len, pattern, pattern_len);
    return find_pattern(L, &p, subject + start, find);
}

int pelt_string_match(lua_State *L, struct pelt_span subject)
{
    size_t pattern_len;
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t start = start_of(L, 3, subject.len);
    if (!subject.ptr || start > subject.len) {
        luaL_pushfail(L);
        return 1;
    }
    struct pelt_pattern p;
    begin_pattern(&p, subject.ptr, subject.len, pattern, pattern_len);
    return find_pattern(L, &p, subject.ptr + start, false);
}

static int string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* ---- gmatch ---- */

struct gmatch {
    const char *at;   /* where the next match is looked for */
    const char *last; /* end of the last one: an empty one there is no new one; NULL: none yet */
};

/* Upvalues: subject, pattern, struct gmatch. A '^' is no anchor here. */
static int gmatch_next(lua_State *L)
{
    size_t len, pattern_len;
    const char *subject = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_len);
    struct gmatch *g = lua_touserdata(L, lua_upvalueindex(3));
    struct pelt_pattern p;
    begin_pattern(&p, subject, len, pattern, pattern_len);
    for (; g->at <= p.subject_end; g->at++) {
        const char *at = g->at, *end = match_at(L, &p, at);
        if (end && end != g->last) {
            g->at = g->last = end;
            return push_captures(L, &p, at, end, true);
        }
    }
    return 0;
}

static int string_gmatch(lua_State *L)
{
    size_t len;
    const char *subject = luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    size_t start = start_of(L, 3, len);
    lua_settop(L, 2);
    struct gmatch *g = lua_newuserdatauv(L, sizeof *g, 0);
    *g = (struct gmatch){.at = subject + (start > len ? len + 1 : start)};
    lua_pushcclosure(L, gmatch_next, 3);
    return 1;
}

/* ---- gsub ---- */

/* The replacement text at argument 3, with %0 to %9 and %%. */
static void add_text(lua_State *L, luaL_Buffer *out, const struct pelt_pattern *p, const char *at,
                     const char *end)
{
    size_t len;
    const char *text = lua_tolstring(L, 3, &len), *text_end = text + len, *sign;
    while ((sign = memchr(text, '%', (size_t)(text_end - text))) != NULL) {
        luaL_addlstring(out, text, (size_t)(sign - text));
        char what = sign[1]; /* '\0' behind the last character */
        text = sign + 2;
        if (what == '%') {
            luaL_addchar(out, '%');
        } else if (what == '0') {
            luaL_addlstring(out, at, (size_t)(end - at));
        } else if (what >= '1' && what <= '9') {
            struct pelt_pattern_capture c = capture_of(L, p, what - '1', at, end);
            if (c.len == PELT_PATTERN_POSITION) {
                lua_pushinteger(L, c.at - p->subject + 1);
                luaL_addvalue(out);
            } else {
                luaL_addlstring(out, c.at, (size_t)c.len);
            }
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
    luaL_addlstring(out, text, (size_t)(text_end - text));
}

/* Adds what stands for the match from `at` to `end`. False: the match itself. */
static bool add_replacement(lua_State *L, luaL_Buffer *out, const struct pelt_pattern *p,
                            const char *at, const char *end)
{
    switch (lua_type(L, 3)) {
    case LUA_TTABLE:
        push_capture(L, p, 0, at, end);
        lua_gettable(L, 3);
        break;
    case LUA_TFUNCTION:
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, p, at, end, true), 1);
        break;
    default:
        add_text(L, out, p, at, end);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, at, (size_t)(end - at));
        return false;
    }
    if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    luaL_addvalue(out);
    return true;
}

/* Replaces up to `most` matches; true: something changed. */
static bool substitute(lua_State *L, luaL_Buffer *out, struct pelt_pattern *p, lua_Integer most,
                       lua_Integer *n)
{
    const char *at = p->subject, *last = NULL;
    bool anchored = take_anchor(p), changed = false;
    while (*n < most) {
        const char *end = match_at(L, p, at);
        if (end && end != last) {
            ++*n;
            changed |= add_replacement(L, out, p, at, end);
            at = last = end;
        } else if (at < p->subject_end) {
            luaL_addchar(out, *at++);
        } else {
            break;
        }
        if (anchored) {
            break;
        }
    }
    luaL_addlstring(out, at, (size_t)(p->subject_end - at));
    return changed;
}

static int string_gsub(lua_State *L)
{
    size_t len, pattern_len;
    const char *subject = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    int type = lua_type(L, 3);
    if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TTABLE && type != LUA_TFUNCTION) {
        return luaL_typeerror(L, 3, "string/function/table");
    }
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)len + 1), n = 0;
    if (type == LUA_TNUMBER) {
        lua_tostring(L, 3); /* once, in place */
    }
    struct pelt_pattern p;
    begin_pattern(&p, subject, len, pattern, pattern_len);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    bool changed = substitute(L, &out, &p, most, &n);
    luaL_pushresult(&out);
    if (!changed) {
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, n);
    return 2;
}

/* ---- rep ---- */

/* Upvalue: Lua's own. Nothing, however often, is nothing at once. */
static int string_rep(lua_State *L)
{
    size_t len, sep_len;
    luaL_checklstring(L, 1, &len);
    luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &sep_len);
    if (len + sep_len == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

int pelt_lib_string(lua_State *L)
{
    static const luaL_Reg functions[] = {{"find", string_find},
                                         {"match", string_match},
                                         {"gmatch", string_gmatch},
                                         {"gsub", string_gsub},
                                         {NULL, NULL}};
    lua_getglobal(L, LUA_STRLIBNAME);
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "rep");
    lua_pushcclosure(L, string_rep, 1);
    lua_setfield(L, -2, "rep");
    lua_pop(L, 1);
    return 0;
}
