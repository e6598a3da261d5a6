/*
 * regex: see the header. PCRE2's own match limit counts from each place where a match may begin
 * anew, so a long body multiplies it; callouts at each item of the pattern count them all.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex.h"

#include <lauxlib.h>
#include <pcre2.h>
#include <stdbool.h>

#include "watchdog.h"

#define REGEX_TYPE "pelt.regex"

/* Two addresses that are keys in the registry: the table from text to pattern, and how many it has.
 */
static const char PATTERNS, COUNT;

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
};

struct effort {
    size_t steps, most;
    bool stopped;
};

static int on_step(pcre2_callout_block *block, void *arg)
{
    struct effort *effort = arg;
    effort->stopped = pelt_watch_tripped();
    effort->steps++;
    return effort->stopped || effort->steps > effort->most ? PCRE2_ERROR_CALLOUT : 0;
}

static int regex_gc(lua_State *L)
{
    struct regex *r = lua_touserdata(L, 1);
    pcre2_match_context_free(r->context);
    pcre2_match_data_free(r->match);
    pcre2_code_free(r->code);
    *r = (struct regex){.code = NULL};
    return 0;
}

/* Pushes the compiled pattern. */
static struct regex *compile(lua_State *L, struct pelt_span text)
{
    struct regex *r = lua_newuserdatauv(L, sizeof *r, 0);
    *r = (struct regex){.code = NULL};
    if (luaL_newmetatable(L, REGEX_TYPE)) {
        lua_pushcfunction(L, regex_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    int error;
    PCRE2_SIZE at;
    r->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len,
                            PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_AUTO_CALLOUT |
                                PCRE2_NEVER_BACKSLASH_C,
                            &error, &at, NULL);
    if (!r->code) {
        PCRE2_UCHAR why[256];
        pcre2_get_error_message(error, why, sizeof why);
        luaL_error(L, "r:regex: pattern '%s', at character %d: %s", text.ptr, (int)at + 1,
                   (const char *)why);
    }
    r->match = pcre2_match_data_create_from_pattern(r->code, NULL);
    r->context = pcre2_match_context_create(NULL);
    if (!r->match || !r->context) {
        luaL_error(L, "r:regex: out of memory");
    }
    pcre2_set_heap_limit(r->context, PELT_REGEX_HEAP_KIB);
    return r;
}

/* Pushes the table of kept patterns; a full one is dropped. */
static void push_kept(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &COUNT);
    lua_Integer count = lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (count < PELT_REGEX_KEPT && lua_rawgetp(L, LUA_REGISTRYINDEX, &PATTERNS) == LUA_TTABLE) {
        return;
    }
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &PATTERNS);
    lua_pushinteger(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &COUNT);
}

/* Pushes the pattern whose text stands at `index`, compiled. */
static struct regex *push_regex(lua_State *L, int index)
{
    push_kept(L);
    int kept = lua_gettop(L);
    lua_pushvalue(L, index);
    if (lua_rawget(L, kept) == LUA_TUSERDATA) {
        return lua_touserdata(L, -1);
    }
    struct pelt_span text;
    text.ptr = luaL_checklstring(L, index, &text.len);
    struct regex *r = compile(L, text);
    lua_pushvalue(L, index);
    lua_pushvalue(L, -2);
    lua_rawset(L, kept);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &COUNT);
    lua_pushinteger(L, lua_tointeger(L, -1) + 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &COUNT);
    lua_pop(L, 1);
    return r;
}

static int refuse(lua_State *L, int index, int error, const struct effort *effort)
{
    const char *text = lua_tostring(L, index);
    if (effort->stopped) {
        return pelt_watch_raise(L);
    }
    if (error == PCRE2_ERROR_CALLOUT || error == PCRE2_ERROR_MATCHLIMIT ||
        error == PCRE2_ERROR_HEAPLIMIT || error == PCRE2_ERROR_DEPTHLIMIT) {
        return luaL_error(L,
                          "r:regex: pattern '%s' needs more than %d steps on this body: make it "
                          "more exact, as [^\"]* instead of .*",
                          text, (int)effort->most);
    }
    PCRE2_UCHAR why[256];
    pcre2_get_error_message(error, why, sizeof why);
    return luaL_error(L, "r:regex: pattern '%s': %s", text, (const char *)why);
}

static void push_group(lua_State *L, const PCRE2_SIZE *ovector, int group, struct pelt_span subject)
{
    PCRE2_SIZE begin = ovector[2 * group], end = ovector[2 * group + 1];
    if (begin == PCRE2_UNSET || begin > end) { /* \K in a lookaround may turn them round */
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, subject.ptr + begin, end - begin);
    }
}

int pelt_regex_match(lua_State *L, int index, struct pelt_span subject)
{
    luaL_checktype(L, index, LUA_TSTRING);
    struct regex *r = push_regex(L, index);
    if (!subject.ptr) {
        lua_pushnil(L);
        return 1;
    }
    struct effort effort = {.most = PELT_REGEX_STEPS + PELT_REGEX_STEPS_PER_BYTE * subject.len};
    pcre2_set_callout(r->context, on_step, &effort);
    int found =
        pcre2_match(r->code, (PCRE2_SPTR)subject.ptr, subject.len, 0, 0, r->match, r->context);
    if (found == PCRE2_ERROR_NOMATCH) {
        lua_pushnil(L);
        return 1;
    }
    if (found < 0) {
        return refuse(L, index, found, &effort);
    }
    uint32_t groups = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    const PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(r->match);
    luaL_checkstack(L, (int)groups + 1, "too many captures");
    for (int i = groups > 0; i <= (int)groups; i++) {
        push_group(L, ovector, i, subject);
    }
    return (int)(groups > 0 ? groups : 1);
}
