/* form: see the header. */
#include "form.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "pelt/encode.h"
#include "template.h"

#define STREAM_BOUNDARY UINT64_C(0x626f756e64617279)

/* One body while it is made. */
struct maker {
    lua_State *L;
    const char *what, *option;
    struct pelt_buf *out;
    char boundary[PELT_BOUNDARY_SIZE]; /* empty: urlencoded */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the fields, sorted, in a userdata that is pushed. */
static const char **push_names(const struct maker *m, int table, size_t *len)
{
    lua_State *L = m->L;
    *len = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "%s: %s: '%s' is no name of a field: { name = value }", m->what,
                       m->option, luaL_tolstring(L, -2, NULL));
        }
        ++*len;
        lua_pop(L, 1);
    }
    const char **names = lua_newuserdatauv(L, (*len + 1) * sizeof *names, 0);
    size_t i = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        names[i++] = lua_tostring(L, -2); /* held by the table */
        lua_pop(L, 1);
    }
    qsort(names, *len, sizeof *names, by_name);
    return names;
}

/* The text of the value on top; what is no text is converted in its place. */
static struct pelt_span text_of(const struct maker *m, const char *name)
{
    lua_State *L = m->L;
    int type = lua_type(L, -1);
    if (type == LUA_TBOOLEAN) {
        const char *text = lua_toboolean(L, -1) ? "true" : "false";
        return pelt_span_of(text);
    }
    if (type != LUA_TSTRING && type != LUA_TNUMBER) {
        luaL_error(L, "%s: %s: field '%s': text, a number, true or false%s is expected, not a %s",
                   m->what, m->option, name, m->boundary[0] ? ", or a pelt.file" : "",
                   luaL_typename(L, -1));
    }
    struct pelt_span text;
    text.ptr = lua_tolstring(L, -1, &text.len);
    return text;
}

static void add_urlencoded(const struct maker *m, const char *name)
{
    struct pelt_span text = text_of(m, name);
    if (m->out->len > 0) {
        pelt_buf_add(m->out, "&", 1);
    }
    pelt_encode_form(m->out, pelt_span_of(name));
    pelt_buf_add(m->out, "=", 1);
    pelt_encode_form(m->out, text);
}

static void add_part(const struct maker *m, const char *name)
{
    struct pelt_buf *out = m->out;
    const struct pelt_file *file = pelt_file_test(m->L, -1);
    struct pelt_span content = file ? file->content : text_of(m, name);
    pelt_buf_addf(out, "--%s\r\nContent-Disposition: form-data; name=\"", m->boundary);
    pelt_encode_part_name(out, pelt_span_of(name));
    if (file) {
        pelt_buf_add_str(out, "\"; filename=\"");
        pelt_encode_part_name(out, pelt_span_of(file->name));
        pelt_buf_addf(out, "\"\r\nContent-Type: %s", file->type);
    } else {
        pelt_buf_add(out, "\"", 1);
    }
    pelt_buf_add(out, "\r\n\r\n", 4);
    pelt_buf_add(out, content.ptr, content.len);
    pelt_buf_add(out, "\r\n", 2);
}

static void add_value(const struct maker *m, const char *name)
{
    if (m->boundary[0]) {
        add_part(m, name);
    } else {
        add_urlencoded(m, name);
    }
}

/* The value on top: one, or a list of them. */
static void add_field(const struct maker *m, const char *name)
{
    lua_State *L = m->L;
    if (!lua_istable(L, -1)) {
        add_value(m, name);
        return;
    }
    int list = pelt_template_entries(L, lua_gettop(L));
    lua_Unsigned len = lua_rawlen(L, list), entries = 0;
    for (lua_pushnil(L); lua_next(L, list); lua_pop(L, 1)) {
        entries++;
    }
    if (entries != len) {
        luaL_error(L, "%s: %s: field '%s' is a table with names: give a value, or a list of values",
                   m->what, m->option, name);
    }
    for (lua_Unsigned i = 1; i <= len; i++) {
        lua_rawgeti(L, list, (lua_Integer)i);
        add_value(m, name);
        lua_pop(L, 1);
    }
}

static void add_fields(const struct maker *m, int index)
{
    lua_State *L = m->L;
    if (!lua_istable(L, index)) {
        luaL_error(L, "%s: %s: a table of fields is expected: { name = value }, not a %s", m->what,
                   m->option, luaL_typename(L, index));
    }
    luaL_checkstack(L, LUA_MINSTACK, m->option);
    int table = pelt_template_entries(L, lua_absindex(L, index));
    size_t len;
    const char **names = push_names(m, table, &len);
    for (size_t i = 0; i < len; i++) {
        int top = lua_gettop(L);
        lua_pushstring(L, names[i]);
        lua_rawget(L, table);
        add_field(m, names[i]);
        lua_settop(L, top);
    }
}

static void check_room(const struct maker *m)
{
    if (m->out->failed) {
        luaL_error(m->L, "%s: %s: out of memory", m->what, m->option);
    }
}

void pelt_form_encode(lua_State *L, int index, const char *what, struct pelt_buf *out)
{
    struct maker m = {.L = L, .what = what, .option = "form", .out = out};
    add_fields(&m, index);
    check_room(&m);
}

void pelt_multipart_encode(lua_State *L, int index, const char *what, struct pelt_buf *out)
{
    struct maker m = {.L = L, .what = what, .option = "multipart", .out = out};
    pelt_multipart_boundary(pelt_shard_of(L), m.boundary);
    add_fields(&m, index);
    pelt_buf_addf(out, "--%s--\r\n", m.boundary);
    check_room(&m);
}

void pelt_multipart_boundary(const struct pelt_shard *shard, char out[PELT_BOUNDARY_SIZE])
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, shard->opt->seed, STREAM_BOUNDARY);
    uint64_t high = pelt_rng_u64(&rng), low = pelt_rng_u64(&rng);
    snprintf(out, PELT_BOUNDARY_SIZE, "pelt-%016" PRIx64 "%016" PRIx64, high, low);
}
