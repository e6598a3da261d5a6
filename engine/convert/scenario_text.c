/*
 * scenario_text: see the header. The file as a person would write it: what all requests share at
 * the top, then one call after the other.
 */
#include "scenario_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "jsonlua.h"
#include "luatext.h"
#include "percent.h"

#define FILES_MAX 100 /* locals at the top; Lua has 200 */
#define WIDTH     100
#define FORM_TYPE "application/x-www-form-urlencoded"

struct writer {
    struct convert_draft *d;
    struct pelt_buf *out;
    size_t origin_len;            /* of the target, the first request's */
    struct convert_fields common; /* headers of all requests: the client's */
    const char *caller;           /* "http." or "api:" */
    const char *files[FILES_MAX];
    const char *types[FILES_MAX], *names[FILES_MAX];
    size_t files_len;
};

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static size_t origin_len(const char *url)
{
    const char *authority = strstr(url, "://") + 3;
    return (size_t)(authority - url) + strcspn(authority, "/?");
}

/* The number, from 1, of the file's local; 0: there are too many. */
static size_t file_number(struct writer *w, const char *path, const char *type, const char *name)
{
    for (size_t i = 0; i < w->files_len; i++) {
        if (strcmp(w->files[i], path) == 0 && same_text(w->types[i], type) &&
            same_text(w->names[i], name)) {
            return i + 1;
        }
    }
    if (w->files_len == FILES_MAX) {
        return 0;
    }
    w->files[w->files_len] = path;
    w->types[w->files_len] = type;
    w->names[w->files_len] = name;
    return ++w->files_len;
}

static void collect_files(struct writer *w)
{
    for (size_t i = 0; i < w->d->len; i++) {
        struct convert_request *r = &w->d->requests[i];
        bool good = r->body_file == NULL || file_number(w, r->body_file, NULL, NULL) > 0;
        for (size_t k = 0; k < r->parts.len; k++) {
            const struct convert_field *f = &r->parts.at[k];
            good = good && (f->file == NULL || file_number(w, f->file, f->type, f->file_name) > 0);
        }
        if (!good) {
            convert_note(w->d, r, "more than %d files: the others are sent as empty texts",
                         FILES_MAX);
        }
    }
}

static bool all_have(const struct convert_draft *d, const struct convert_field *header)
{
    for (size_t i = 0; i < d->len; i++) {
        const struct convert_field *f = convert_fields_find(&d->requests[i].headers, header->name);
        if (f == NULL || strcmp(f->value, header->value) != 0) {
            return false;
        }
    }
    return true;
}

/* What every request says is said once. Content-Type stays with its body. */
static void collect_common(struct writer *w)
{
    const struct convert_fields *first = &w->d->requests[0].headers;
    w->caller = "http.";
    for (size_t i = 0; w->d->len > 1 && i < first->len; i++) {
        if (strcasecmp(first->at[i].name, "Content-Type") != 0 && all_have(w->d, &first->at[i])) {
            convert_fields_add(w->d, &w->common, first->at[i].name, first->at[i].value);
            w->caller = "site:";
        }
    }
    for (size_t i = 0; i < w->d->len; i++) {
        for (size_t k = 0; k < w->common.len; k++) {
            convert_fields_remove(&w->d->requests[i].headers, w->common.at[k].name);
        }
    }
}

static void add_comments(struct pelt_buf *out, const struct convert_texts *notes, unsigned indent)
{
    for (size_t i = 0; i < notes->len; i++) {
        pelt_buf_addf(out, "%*s-- ", (int)indent, "");
        pelt_buf_add_str(out, notes->at[i]);
        pelt_buf_add_str(out, "\n");
    }
}

static void add_headers(struct pelt_buf *out, const struct convert_fields *headers, unsigned indent)
{
    size_t width = 0;
    for (size_t i = 0; i < headers->len; i++) {
        width += strlen(headers->at[i].name) + strlen(headers->at[i].value) + 12;
    }
    bool one_line = indent + width < WIDTH;
    pelt_buf_add_str(out, "headers = {");
    for (size_t i = 0; i < headers->len; i++) {
        if (one_line) {
            pelt_buf_add_str(out, i > 0 ? ", " : " ");
        } else {
            pelt_buf_addf(out, "\n%*s", (int)indent + 4, "");
        }
        convert_lua_key(out, headers->at[i].name);
        convert_lua_text(out, headers->at[i].value);
        pelt_buf_add_str(out, one_line ? "" : ",");
    }
    if (one_line) {
        pelt_buf_add_str(out, " }");
    } else {
        pelt_buf_addf(out, "\n%*s}", (int)indent, "");
    }
}

/* Options of one call are collected as texts, one each, before it is known whether they fit a
 * line. */
struct options {
    struct pelt_buf text[12];
    size_t len;
};

static struct pelt_buf *add_option(struct options *o)
{
    struct pelt_buf *b = &o->text[o->len++];
    pelt_buf_init(b, 0);
    return b;
}

static void add_file(struct writer *w, struct pelt_buf *out, const char *path, const char *type,
                     const char *name)
{
    size_t number = file_number(w, path, type, name);
    if (number > 0) {
        pelt_buf_addf(out, "file%zu", number);
    } else {
        pelt_buf_add_str(out, "\"\"");
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct convert_field *x = *(const struct convert_field *const *)a,
                               *y = *(const struct convert_field *const *)b;
    int by_name = strcmp(x->name, y->name);
    return by_name != 0 ? by_name : x < y ? -1 : 1;
}

/* `option = { name = value, list = { a, b } }`, in the order of names, as pelt sends them. */
static void add_fields(struct writer *w, struct pelt_buf *out, const char *option,
                       const struct convert_fields *fields)
{
    const struct convert_field **sorted = calloc(fields->len + 1, sizeof *sorted);
    if (sorted == NULL) {
        w->d->arena.failed = true;
        return;
    }
    for (size_t i = 0; i < fields->len; i++) {
        sorted[i] = &fields->at[i];
    }
    qsort(sorted, fields->len, sizeof *sorted, compare_names);
    pelt_buf_addf(out, "%s = {", option);
    for (size_t i = 0; i < fields->len; i++) {
        bool again = i > 0 && strcmp(sorted[i - 1]->name, sorted[i]->name) == 0;
        bool more = i + 1 < fields->len && strcmp(sorted[i + 1]->name, sorted[i]->name) == 0;
        pelt_buf_add_str(out, i > 0 ? ", " : " ");
        if (!again) {
            convert_lua_key(out, sorted[i]->name);
            pelt_buf_add_str(out, more ? "{ " : "");
        }
        if (sorted[i]->file != NULL) {
            add_file(w, out, sorted[i]->file, sorted[i]->type, sorted[i]->file_name);
        } else {
            convert_lua_text(out, sorted[i]->value);
        }
        pelt_buf_add_str(out, again && !more ? " }" : "");
    }
    pelt_buf_add_str(out, " }");
    free(sorted);
}

/* NULL: not as a form has it. */
static const char *form_decoded(struct writer *w, const char *text, size_t len)
{
    struct pelt_buf out;
    bool good = true;
    pelt_buf_init(&out, 0);
    for (size_t i = 0; good && i < len; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            good = i + 2 < len && convert_hex(text[i + 1]) >= 0 && convert_hex(text[i + 2]) >= 0;
            c = good ? (char)(convert_hex(text[i + 1]) << 4 | convert_hex(text[i + 2])) : 0;
            i += 2;
        } else if ((unsigned char)c < ' ' || strchr("{}[]\"<>\\", c) != NULL) {
            good = false;
        }
        good = good && c != '\0';
        pelt_buf_add(&out, &c, 1);
    }
    const char *done = good ? convert_arena_take(&w->d->arena, &out) : NULL;
    pelt_buf_deinit(&out);
    return done;
}

/* The fields of a=1&b=2; false: the body is something else, whatever its type says. */
static bool read_form(struct writer *w, const char *body, struct convert_fields *fields)
{
    while (*body != '\0') {
        size_t len = strcspn(body, "&"), name_len = strcspn(body, "=&");
        const char *name = form_decoded(w, body, name_len);
        const char *value =
            name_len < len ? form_decoded(w, body + name_len + 1, len - name_len - 1) : NULL;
        if (name == NULL || value == NULL || name_len == 0) {
            return false;
        }
        convert_fields_add(w->d, fields, name, value);
        body += len;
        if (*body == '&' && *++body == '\0') {
            return false;
        }
    }
    return fields->len > 0;
}

static bool is_type(const struct convert_field *type, const char *wanted)
{
    return type != NULL && strncasecmp(type->value, wanted, strlen(wanted)) == 0;
}

/* Where pelt would set the same type by itself it need not be said. */
static void drop_type(struct convert_request *r, const char *pelts)
{
    const struct convert_field *type = convert_fields_find(&r->headers, "Content-Type");
    if (type != NULL && strcmp(type->value, pelts) == 0) {
        convert_fields_remove(&r->headers, "Content-Type");
    }
}

static void add_body(struct writer *w, struct convert_request *r, struct options *o,
                     unsigned indent)
{
    const struct convert_field *type = convert_fields_find(&r->headers, "Content-Type");
    struct convert_fields form = {0};
    struct pelt_buf *b = NULL;
    if (r->parts.len > 0) {
        add_fields(w, add_option(o), "multipart", &r->parts);
    } else if (r->body_file != NULL) {
        b = add_option(o);
        pelt_buf_add_str(b, "body = ");
        add_file(w, b, r->body_file, NULL, NULL);
    } else if (r->body != NULL && is_type(type, FORM_TYPE) && read_form(w, r->body, &form)) {
        add_fields(w, add_option(o), "form", &form);
        drop_type(r, FORM_TYPE);
    } else if (r->body != NULL) {
        b = add_option(o);
        pelt_buf_add_str(b, "json = ");
        if (type != NULL && strstr(type->value, "json") != NULL &&
            convert_json_lua(b, r->body, indent)) {
            drop_type(r, "application/json");
        } else {
            pelt_buf_reset(b);
            pelt_buf_add_str(b, "body = ");
            convert_lua_text(b, r->body);
        }
    }
    free(form.at);
}

static void add_auth(struct convert_request *r, struct options *o)
{
    if (r->bearer == NULL && r->user == NULL) {
        return;
    }
    struct pelt_buf *b = add_option(o);
    pelt_buf_add_str(b, "auth = { ");
    if (r->bearer != NULL) {
        pelt_buf_add_str(b, "bearer = ");
        convert_lua_text(b, r->bearer);
    } else {
        pelt_buf_add_str(b, r->digest ? "digest = { user = " : "user = ");
        convert_lua_text(b, r->user);
        pelt_buf_add_str(b, ", password = ");
        convert_lua_text(b, r->password);
        pelt_buf_add_str(b, r->digest ? " }" : "");
    }
    pelt_buf_add_str(b, " }");
}

static void collect_options(struct writer *w, struct convert_request *r, struct options *o,
                            unsigned indent)
{
    if (r->name != NULL) {
        struct pelt_buf *b = add_option(o);
        pelt_buf_add_str(b, "name = ");
        convert_lua_text(b, r->name);
    }
    add_body(w, r, o, indent);
    if (r->headers.len > 0) {
        add_headers(add_option(o), &r->headers, indent);
    }
    add_auth(r, o);
    if (r->compressed) {
        pelt_buf_add_str(add_option(o), "compressed = true");
    }
    if (r->redirects > 0) {
        pelt_buf_addf(add_option(o), "redirects = %u", r->redirects);
    }
    if (r->timeout_ms > 0) {
        pelt_buf_addf(add_option(o), "timeout = \"%llums\"", (unsigned long long)r->timeout_ms);
    }
}

static bool fits_line(const struct options *o, size_t column)
{
    for (size_t i = 0; i < o->len; i++) {
        if (o->text[i].len > 0 && memchr(o->text[i].data, '\n', o->text[i].len) != NULL) {
            return false;
        }
        column += o->text[i].len + 2;
    }
    return column < WIDTH;
}

static void add_options(struct writer *w, struct options *o, size_t column, unsigned indent)
{
    bool one_line = fits_line(o, column);
    pelt_buf_add_str(w->out, o->len > 0 ? ", {" : "");
    for (size_t i = 0; i < o->len; i++) {
        if (one_line) {
            pelt_buf_add_str(w->out, i > 0 ? ", " : " ");
        } else {
            pelt_buf_addf(w->out, "\n%*s", (int)indent + 4, "");
        }
        pelt_buf_add(w->out, o->text[i].data, o->text[i].len);
        pelt_buf_add_str(w->out, one_line ? "" : ",");
        w->d->arena.failed = w->d->arena.failed || o->text[i].failed;
        pelt_buf_deinit(&o->text[i]);
    }
    if (o->len > 0 && one_line) {
        pelt_buf_add_str(w->out, " }");
    } else if (o->len > 0) {
        pelt_buf_addf(w->out, "\n%*s}", (int)indent, "");
    }
}

/* get, post and so on have a function each; other methods are a text. */
static void add_call(struct writer *w, const char *method)
{
    static const char *const known[] = {"get",    "post", "put",     "patch",
                                        "delete", "head", "options", NULL};
    const char *const *name = known;
    while (*name != NULL && (strcasecmp(*name, method) != 0 || *method >= 'a')) {
        name++;
    }
    if (*name != NULL) {
        pelt_buf_addf(w->out, "%s%s(", w->caller, *name);
    } else {
        pelt_buf_addf(w->out, "%srequest(", w->caller);
        convert_lua_text(w->out, method);
        pelt_buf_add_str(w->out, ", ");
    }
}

static void add_request(struct writer *w, struct convert_request *r, unsigned indent)
{
    const char *first = w->d->requests[0].url;
    struct options options = {.len = 0};
    bool at_target =
        strncmp(r->url, first, w->origin_len) == 0 && origin_len(r->url) == w->origin_len;
    if (r->pause_ms > 0) {
        pelt_buf_addf(w->out, "%*spelt.sleep(\"%llums\")\n", (int)indent, "",
                      (unsigned long long)r->pause_ms);
    }
    collect_options(w, r, &options, indent + 4);
    add_comments(w->out, &r->notes, indent);
    size_t before = w->out->len;
    pelt_buf_addf(w->out, "%*s", (int)indent, "");
    add_call(w, r->method);
    convert_lua_text(w->out, at_target ? r->url + w->origin_len : r->url);
    add_options(w, &options, w->out->len - before, indent);
    pelt_buf_add_str(w->out, ")\n");
}

static void add_requests(struct writer *w)
{
    const char *page = NULL;
    for (size_t i = 0; i < w->d->len; i++) {
        struct convert_request *r = &w->d->requests[i];
        if (page != NULL && !same_text(page, r->page)) {
            pelt_buf_add_str(w->out, "        end)\n");
            page = NULL;
        }
        if (page == NULL && r->page != NULL) {
            pelt_buf_add_str(w->out, "        pelt.group(");
            convert_lua_text(w->out, r->page);
            pelt_buf_add_str(w->out, ", function()\n");
            page = r->page;
        }
        add_request(w, r, page != NULL ? 12 : 8);
    }
    pelt_buf_add_str(w->out, page != NULL ? "        end)\n" : "");
}

static void add_files(struct writer *w)
{
    for (size_t i = 0; i < w->files_len; i++) {
        pelt_buf_addf(w->out, "local file%zu = pelt.file(", i + 1);
        convert_lua_text(w->out, w->files[i]);
        if (w->types[i] != NULL || w->names[i] != NULL) {
            pelt_buf_add_str(w->out, ", { ");
            if (w->types[i] != NULL) {
                pelt_buf_add_str(w->out, "type = ");
                convert_lua_text(w->out, w->types[i]);
            }
            if (w->names[i] != NULL) {
                pelt_buf_add_str(w->out, w->types[i] != NULL ? ", name = " : "name = ");
                convert_lua_text(w->out, w->names[i]);
            }
            pelt_buf_add_str(w->out, " }");
        }
        pelt_buf_add_str(w->out, ")\n");
    }
}

static void add_top(struct writer *w)
{
    pelt_buf_addf(w->out, "-- Made by pelt convert %s. Try it: pelt check --once FILE.lua\n",
                  w->d->source);
    add_comments(w->out, &w->d->notes, 0);
    pelt_buf_add_str(w->out, "local pelt = require \"pelt\"\nlocal http = pelt.http\n\n");
    add_files(w);
    if (w->common.len > 0) {
        pelt_buf_add_str(w->out, "local site = http.client {\n    ");
        add_headers(w->out, &w->common, 4);
        pelt_buf_add_str(w->out, ",\n}\n");
    }
    pelt_buf_add_str(w->out, w->files_len + w->common.len > 0 ? "\n" : "");
}

static void add_notes(struct pelt_buf *out, const struct convert_texts *notes)
{
    for (size_t i = 0; i < notes->len; i++) {
        pelt_buf_add_str(out, notes->at[i]);
        pelt_buf_add_str(out, "\n");
    }
}

enum pelt_status convert_scenario_write(struct convert_draft *d, struct pelt_converted *out,
                                        struct pelt_error *err)
{
    struct writer w = {.d = d, .out = &out->lua, .origin_len = origin_len(d->requests[0].url)};
    collect_files(&w);
    collect_common(&w);
    add_top(&w);
    pelt_buf_add_str(w.out, "return {\n    target = pelt.env(\"TARGET\", ");
    convert_lua_text(w.out, convert_arena_text(&d->arena, d->requests[0].url, w.origin_len));
    pelt_buf_add_str(w.out, "),\n    load = { users = 1, duration = \"10s\" },\n"
                            "    iteration = function(user)\n");
    add_requests(&w);
    pelt_buf_add_str(w.out, "    end,\n}\n");
    add_notes(&out->notes, &d->notes);
    for (size_t i = 0; i < d->len; i++) {
        add_notes(&out->notes, &d->requests[i].notes);
    }
    out->requests = d->len;
    free(w.common.at);
    if (out->lua.failed || out->notes.failed || d->arena.failed) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    return PELT_OK;
}

void pelt_converted_deinit(struct pelt_converted *c)
{
    pelt_buf_deinit(&c->lua);
    pelt_buf_deinit(&c->notes);
}
