/* jsonlua: see the header. */
#include "jsonlua.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "luatext.h"

#define DEPTH_MAX 50          /* Lua reads tables to 200 */
#define BYTES_MAX (64 * 1024) /* above it, a text is easier on the reader */
#define WIDTH     70          /* of a table in one line */
#define ONE_LINE  0

/* Deep tables, and numbers that no Lua number gives back. */
static bool fits(const json_t *value, unsigned depth)
{
    const char *key;
    const json_t *item;
    size_t i;
    bool good = depth < DEPTH_MAX;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, item)
        {
            good = good && fits(item, depth + 1);
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, item)
        {
            good = good && fits(item, depth + 1);
        }
    } else if (json_is_integer(value)) {
        good = good && json_integer_value(value) != INT64_MIN; /* -(2^63) is a float in Lua */
    } else if (json_is_real(value)) {
        good = good && isfinite(json_real_value(value));
    }
    return good;
}

static void add_real(struct pelt_buf *out, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    pelt_buf_addf(out, "%s%s", text, strpbrk(text, ".e") != NULL ? "" : ".0");
}

static void add_value(struct pelt_buf *out, const json_t *value, unsigned indent);

static void add_break(struct pelt_buf *out, unsigned indent, bool first)
{
    if (indent == ONE_LINE) {
        pelt_buf_add_str(out, first ? " " : ", ");
    } else {
        pelt_buf_addf(out, "%s\n%*s", first ? "" : ",", (int)indent, "");
    }
}

static void add_items(struct pelt_buf *out, const json_t *value, unsigned indent)
{
    const char *key;
    const json_t *item;
    size_t i;
    bool first = true;
    unsigned inner = indent == ONE_LINE ? ONE_LINE : indent + 4;
    pelt_buf_add_str(out, "{");
    json_object_foreach((json_t *)value, key, item)
    {
        add_break(out, inner, first);
        convert_lua_key(out, key);
        add_value(out, item, inner);
        first = false;
    }
    json_array_foreach(value, i, item)
    {
        add_break(out, inner, first);
        add_value(out, item, inner);
        first = false;
    }
    if (indent == ONE_LINE) {
        pelt_buf_add_str(out, first ? "}" : " }");
    } else {
        pelt_buf_addf(out, ",\n%*s}", (int)indent, "");
    }
}

static void add_table(struct pelt_buf *out, const json_t *value, unsigned indent)
{
    struct pelt_buf line;
    pelt_buf_init(&line, 0);
    add_items(&line, value, ONE_LINE);
    if (indent == ONE_LINE || line.len <= WIDTH) {
        out->failed = out->failed || line.failed;
        pelt_buf_add(out, line.data, line.len);
    } else {
        add_items(out, value, indent);
    }
    pelt_buf_deinit(&line);
}

static void add_value(struct pelt_buf *out, const json_t *value, unsigned indent)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_table(out, value, indent);
        break;
    case JSON_ARRAY:
        if (json_array_size(value) == 0) {
            pelt_buf_add_str(out, "pelt.json.array {}");
        } else {
            add_table(out, value, indent);
        }
        break;
    case JSON_STRING:
        convert_lua_text(out, json_string_value(value));
        break;
    case JSON_INTEGER:
        pelt_buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        add_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        pelt_buf_add_str(out, json_is_true(value) ? "true" : "false");
        break;
    case JSON_NULL:
        pelt_buf_add_str(out, "pelt.json.null");
        break;
    }
}

bool convert_json_lua(struct pelt_buf *out, const char *text, unsigned indent)
{
    size_t len = strlen(text);
    json_t *json = len <= BYTES_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool good = json != NULL && fits(json, 0);
    if (good) {
        add_value(out, json, indent);
    }
    json_decref(json);
    return good;
}
