/*
 * An open-addressing hash from keys to templates. The strings of all keys are items of one Lua
 * list, so that none of their addresses can become another string's (a set would not do: long
 * strings of one content are several objects). Nothing is removed alone: a full table is emptied
 * with its strings, and what is in use comes back at its next calls.
 */
#include "template.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

#define SLOTS (2 * PELT_TEMPLATES_MAX) /* a power of two */
#define SEEN  1024                     /* hashes remembered of keys met once; a power of two */
#define PAUSE                                                                                      \
    (64 * PELT_TEMPLATES_MAX) /* calls that do without, after a table that was of no use */

/* Words that are no address. What follows: the bits of a number; nothing; the entries of a table.
 */
enum { WORD_KIND = 1, WORD_TABLE = 64, WORD_TABLE_END };

const char *const pelt_option_names[PELT_OPTIONS_LEN + 1] = {
    "headers",         "body",        "json",      "name",      "timeout",
    "expect",          "keep_body",   "cookies",   "redirects", "auth",
    "compressed",      "form",        "multipart", "trace",     "behave",
    "expect_continue", "retry_stale", NULL};

struct kept {
    struct pelt_template template;
    uint64_t hash;
    size_t words;
    uint64_t word[]; /* then the bytes of the head */
};

/* Options whose tables are part of a template: of json, form and multipart the body is made at each
 * call. */
static const enum pelt_option TABLES[] = {PELT_OPTION_HEADERS, PELT_OPTION_EXPECT, PELT_OPTION_AUTH,
                                          PELT_OPTION_TRACE, PELT_OPTION_BEHAVE};

#define CALL_WORDS 5 /* of a key without its options, at most */

/* An options table met before: at the same call, with the same words. */
struct constant {
    const void *options; /* NULL: none */
    const struct pelt_template *template;
    struct pelt_given given;
    uint64_t version;   /* of the source's writes when it was looked whether they reach the table */
    uint64_t additions; /* likewise: fields that were added to constant tables */
    bool looked;        /* that was done */
    bool held;          /* they do not; then the table is at this place of a Lua list */
    size_t words;
    uint64_t word[CALL_WORDS];
};

struct pelt_templates {
    const void *option[PELT_OPTIONS_LEN]; /* addresses of the options' names */
    int names_ref;                        /* keeps these names alive */
    int strings_ref;                      /* a list: the strings of all keys */
    lua_Integer strings_len;
    size_t len;
    size_t hits;  /* since it was empty */
    size_t pause; /* calls for which the answer is still no: what they say changes each time */
    struct kept *slot[SLOTS];
    uint32_t seen[SEEN];
    int tables_ref; /* a list: the constant tables, each at its place */
    struct constant constant[PELT_CONSTANTS_MAX];
    int trap_ref;       /* the metatable of constant tables, which tells of new fields */
    const void *trap;   /* its address */
    uint64_t additions; /* new fields told */
};

/* __newindex of a constant table, upvalue the templates: it is what it is for everyone else. */
static int on_new_field(lua_State *L)
{
    struct pelt_templates *templates = lua_touserdata(L, lua_upvalueindex(1));
    templates->additions++;
    if (lua_isnil(L, 2)) {
        return luaL_error(L, "index is nil");
    }
    lua_rawset(L, 1);
    return 0;
}

static void make_trap(lua_State *L, struct pelt_templates *templates)
{
    lua_newtable(L);
    lua_pushlightuserdata(L, templates);
    lua_pushcclosure(L, on_new_field, 1);
    lua_setfield(L, -2, "__newindex");
    templates->trap = lua_topointer(L, -1);
    templates->trap_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void pelt_templates_new(lua_State *L, struct pelt_templates **out)
{
    struct pelt_templates *templates = calloc(1, sizeof *templates);
    *out = templates;
    if (!templates) {
        luaL_error(L, "out of memory");
    }
    lua_createtable(L, PELT_OPTIONS_LEN, 0);
    for (int i = 0; i < PELT_OPTIONS_LEN; i++) {
        lua_pushstring(L, pelt_option_names[i]);
        templates->option[i] = lua_topointer(L, -1);
        lua_rawseti(L, -2, i + 1);
    }
    templates->names_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    templates->strings_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    templates->tables_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    make_trap(L, templates);
}

static void drop_all(struct pelt_templates *templates)
{
    for (size_t i = 0; i < SLOTS; i++) {
        free(templates->slot[i]);
        templates->slot[i] = NULL;
    }
    templates->len = 0;
    memset(templates->constant, 0, sizeof templates->constant);
}

void pelt_templates_free(struct pelt_templates *templates)
{
    if (templates) {
        drop_all(templates);
        free(templates);
    }
}

int pelt_template_entries(lua_State *L, int index)
{
    if (lua_getmetatable(L, index)) {
        lua_pushliteral(L, "__values");
        lua_rawget(L, -2);
        lua_replace(L, -2);
        if (lua_istable(L, -1)) {
            return lua_gettop(L);
        }
        lua_pop(L, 1);
    }
    return index;
}

/* A number or boolean takes two words, the first of which is no address. */
static void add_plain(lua_State *L, int index, struct pelt_template_key *key)
{
    int type = lua_type(L, index);
    bool integer = lua_isinteger(L, index);
    uint64_t bits = 0;
    if (integer) {
        bits = (uint64_t)lua_tointeger(L, index);
    } else if (type == LUA_TNUMBER) {
        lua_Number number = lua_tonumber(L, index);
        memcpy(&bits, &number, sizeof bits);
    } else {
        bits = (uint64_t)lua_toboolean(L, index);
    }
    pelt_template_key_add(key, (uint64_t)(WORD_KIND + 2 * (type + 1) + integer));
    pelt_template_key_add(key, bits);
}

/* Strings take one word; so does what is no option's value, and has no template. */
static void add_value(lua_State *L, int index, struct pelt_template_key *key)
{
    const void *object = lua_topointer(L, index);
    if (object) {
        pelt_template_key_add(key, (uintptr_t)object);
    } else {
        add_plain(L, index, key);
    }
}

/* The table on top: headers, statuses or auth. */
static void add_table(lua_State *L, struct pelt_template_key *key)
{
    int top = lua_gettop(L), entries = pelt_template_entries(L, top);
    pelt_template_key_add(key, WORD_TABLE);
    lua_pushnil(L);
    while (lua_next(L, entries)) {
        add_value(L, -2, key);
        add_value(L, -1, key);
        lua_settop(L, -2);
    }
    pelt_template_key_add(key, WORD_TABLE_END);
    if (entries != top) {
        lua_settop(L, top);
    }
}

/* `auth` on top with a table in it: whose that is must be looked at anew each time. */
static bool has_digest(lua_State *L)
{
    const int top = lua_gettop(L), entries = pelt_template_entries(L, top);
    lua_pushliteral(L, "digest");
    const bool there = lua_rawget(L, entries) != LUA_TNIL;
    lua_settop(L, top);
    return there;
}

/* One option: its name below its value on top. */
static bool add_option(lua_State *L, const struct pelt_templates *templates,
                       struct pelt_template_key *key, struct pelt_given *given)
{
    const void *name = lua_topointer(L, -2);
    if (!name) {
        return false;
    }
    pelt_template_key_add(key, (uintptr_t)name);
    if (name == templates->option[PELT_OPTION_AUTH] && lua_istable(L, -1) && has_digest(L)) {
        return false;
    }
    if (name == templates->option[PELT_OPTION_HEADERS] ||
        name == templates->option[PELT_OPTION_EXPECT] ||
        name == templates->option[PELT_OPTION_AUTH] ||
        name == templates->option[PELT_OPTION_TRACE] ||
        name == templates->option[PELT_OPTION_BEHAVE]) {
        if (lua_istable(L, -1)) {
            add_table(L, key);
        } else {
            add_value(L, -1, key);
        }
    } else if (name == templates->option[PELT_OPTION_JSON]) {
        given->json = true;
    } else if (name == templates->option[PELT_OPTION_FORM]) {
        given->form = true;
    } else if (name == templates->option[PELT_OPTION_MULTIPART]) {
        given->multipart = true;
    } else if (name == templates->option[PELT_OPTION_BODY]) {
        if (!pelt_file_or_text(L, -1, &given->body)) {
            return false;
        }
    } else {
        add_value(L, -1, key);
    }
    return true;
}

bool pelt_templates_help(struct pelt_templates *templates)
{
    if (templates->pause == 0) {
        return true;
    }
    templates->pause--;
    return false;
}

bool pelt_template_key_read(lua_State *L, int index, const struct pelt_templates *templates,
                            struct pelt_template_key *key, struct pelt_given *given)
{
    int top = lua_gettop(L), entries = pelt_template_entries(L, index);
    bool known = true;
    lua_pushnil(L);
    while (known && lua_next(L, entries)) {
        known = add_option(L, templates, key, given);
        lua_settop(L, -2);
    }
    lua_settop(L, top);
    return known && key->len <= PELT_TEMPLATE_WORDS;
}

/* The slot of the key's template, or the empty one where it belongs. */
static size_t slot_of(const struct pelt_templates *templates, const struct pelt_template_key *key)
{
    size_t i = (key->hash >> 32) % SLOTS, bytes = key->len * sizeof key->word[0];
    const struct kept *k = templates->slot[i];
    while (k && (k->hash != key->hash || k->words != key->len ||
                 memcmp(k->word, key->word, bytes) != 0)) {
        i = (i + 1) % SLOTS;
        k = templates->slot[i];
    }
    return i;
}

const struct pelt_template *pelt_templates_find(struct pelt_templates *templates,
                                                const struct pelt_template_key *key)
{
    const struct kept *k = templates->slot[slot_of(templates, key)];
    if (!k) {
        return NULL;
    }
    templates->hits++;
    return &k->template;
}

static size_t constant_place(const struct pelt_template_key *call, const void *options)
{
    return (call->hash >> 32 ^ (uintptr_t)options >> 5) % PELT_CONSTANTS_MAX;
}

static bool is_of(const struct constant *c, const struct pelt_template_key *call,
                  const void *options)
{
    return c->options == options && c->words == call->len &&
           memcmp(c->word, call->word, call->len * sizeof call->word[0]) == 0;
}

/* Nothing that was looked at has changed since. */
static bool is_current(const struct pelt_templates *templates, const struct constant *c,
                       const struct pelt_writes *writes)
{
    return c->version == writes->version && c->additions == templates->additions;
}

const struct pelt_template *pelt_templates_constant(struct pelt_templates *templates,
                                                    const struct pelt_template_key *call,
                                                    const void *options,
                                                    const struct pelt_writes *writes,
                                                    struct pelt_given *given)
{
    const struct constant *c = &templates->constant[constant_place(call, options)];
    if (!c->held || !is_current(templates, c, writes) || !is_of(c, call, options)) {
        return NULL;
    }
    templates->hits++;
    *given = c->given;
    return c->template;
}

/* From now on new fields of the table at `index` are told. False: it has a metatable of its own. */
static bool set_trap(lua_State *L, const struct pelt_templates *templates, int index)
{
    if (lua_getmetatable(L, index)) {
        bool ours = lua_topointer(L, -1) == templates->trap;
        lua_pop(L, 1);
        return ours;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, templates->trap_ref);
    lua_setmetatable(L, index);
    return true;
}

/* Whether the code can write a field that the table at `index` has. */
static bool has_written_field(lua_State *L, int index, const struct pelt_writes *writes)
{
    int top = lua_gettop(L);
    bool written = writes->anything;
    lua_pushnil(L);
    while (!written && lua_next(L, index)) {
        size_t len;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
        written = name && pelt_writes_name(writes, pelt_span(name, len));
        lua_settop(L, -2);
    }
    lua_settop(L, top);
    return written;
}

/* Fields that it has are only written where the source says so; fields that it has not are trapped.
 */
static bool make_constant(lua_State *L, const struct pelt_templates *templates, int index,
                          const struct pelt_writes *writes)
{
    return !has_written_field(L, index, writes) && set_trap(L, templates, index);
}

/* The options at `index`, and those tables in them that are part of a template. */
static bool make_all_constant(lua_State *L, const struct pelt_templates *templates, int index,
                              const struct pelt_writes *writes)
{
    bool constant = make_constant(L, templates, index, writes);
    for (size_t i = 0; constant && i < sizeof TABLES / sizeof TABLES[0]; i++) {
        lua_pushstring(L, pelt_option_names[TABLES[i]]);
        if (lua_rawget(L, index) == LUA_TTABLE) {
            constant = make_constant(L, templates, lua_gettop(L), writes);
        }
        lua_pop(L, 1);
    }
    return constant;
}

void pelt_templates_note(lua_State *L, struct pelt_templates *templates,
                         const struct pelt_template_key *call, int index,
                         const struct pelt_template *found, const struct pelt_writes *writes,
                         const struct pelt_given *given)
{
    const void *options = lua_topointer(L, index);
    size_t place = constant_place(call, options);
    struct constant *c = &templates->constant[place];
    if (!is_of(c, call, options) || c->template != found) {
        *c = (struct constant){
            .options = options, .template = found, .given = *given, .words = call->len};
        memcpy(c->word, call->word, call->len * sizeof call->word[0]);
    } else if (!c->looked || !is_current(templates, c, writes)) {
        luaL_checkstack(L, LUA_MINSTACK, "options");
        c->given = *given;
        c->looked = true;
        c->version = writes->version;
        c->additions = templates->additions;
        c->held = make_all_constant(L, templates, index, writes);
        lua_rawgeti(L, LUA_REGISTRYINDEX, templates->tables_ref);
        if (c->held) {
            lua_pushvalue(L, index);
        } else {
            lua_pushboolean(L, false);
        }
        lua_rawseti(L, -2, (lua_Integer)place + 1);
        lua_pop(L, 1);
    }
}

/* Appends the value at `index`, if it is a string, to the list at `list`. */
static void hold(lua_State *L, struct pelt_templates *templates, int list, int index)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        lua_pushvalue(L, index);
        lua_rawseti(L, list, ++templates->strings_len);
    }
}

/* The keys and values of the table at `index`. */
static void hold_entries(lua_State *L, struct pelt_templates *templates, int list, int index)
{
    int top = lua_gettop(L), entries = pelt_template_entries(L, index);
    lua_pushnil(L);
    while (lua_next(L, entries)) {
        int value = lua_gettop(L);
        hold(L, templates, list, value - 1);
        hold(L, templates, list, value);
        lua_settop(L, value - 1);
    }
    lua_settop(L, top);
}

/* The options' own strings, and those of tables in them. */
static void hold_options(lua_State *L, struct pelt_templates *templates, int list, int options)
{
    int entries = pelt_template_entries(L, options);
    hold_entries(L, templates, list, entries);
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        lua_pushstring(L, pelt_option_names[TABLES[i]]);
        if (lua_rawget(L, entries) == LUA_TTABLE) {
            hold_entries(L, templates, list, lua_gettop(L));
        }
        lua_pop(L, 1);
    }
}

static void hold_key(lua_State *L, struct pelt_templates *templates, int method, int options)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, LUA_MINSTACK, "options");
    lua_rawgeti(L, LUA_REGISTRYINDEX, templates->strings_ref);
    if (method) {
        hold(L, templates, top + 1, method);
    }
    if (options) {
        hold_options(L, templates, top + 1, options);
    }
    lua_settop(L, top);
}

static void start_again(lua_State *L, struct pelt_templates *templates)
{
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, templates->strings_ref);
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, templates->tables_ref);
    templates->strings_len = 0;
    templates->pause = templates->hits < PELT_TEMPLATES_MAX ? PAUSE : 0;
    templates->hits = 0;
    drop_all(templates);
}

/* NULL: out of memory. */
static struct kept *copy_of(const struct pelt_template_key *key, const struct pelt_template *made)
{
    size_t key_bytes = key->len * sizeof key->word[0];
    struct kept *k = malloc(sizeof *k + key_bytes + made->head_len);
    if (k) {
        char *head = (char *)k->word + key_bytes;
        k->template = *made;
        k->template.head = head;
        k->hash = key->hash;
        k->words = key->len;
        memcpy(k->word, key->word, key_bytes);
        memcpy(head, made->head, made->head_len);
    }
    return k;
}

void pelt_templates_keep(lua_State *L, struct pelt_templates *templates,
                         const struct pelt_template_key *key, const struct pelt_template *made,
                         int method, int options)
{
    uint32_t *seen = &templates->seen[(key->hash >> 32) % SEEN];
    if (*seen != (uint32_t)key->hash) {
        *seen = (uint32_t)key->hash;
        return;
    }
    if (templates->len == PELT_TEMPLATES_MAX) {
        start_again(L, templates);
    }
    hold_key(L, templates, method, options);
    struct kept *k = copy_of(key, made);
    if (k) {
        size_t slot = slot_of(templates, key);
        assert(!templates->slot[slot]);
        templates->slot[slot] = k;
        templates->len++;
    }
}
