/*
 * frame: see the header. jansson parses (its depth is bounded); what it made is gone when a read
 * returns, as texts are copied into one piece of memory of the input's size: no text is longer than
 * its JSON.
 */
#include "frame.h"

#include <jansson.h>
#include <math.h>

/* ---- reading JSON ---- */

struct reading {
    char *text, *text_end; /* where the next text goes */
    struct pelt_error *err;
};

static enum pelt_status misfit(struct reading *r, const char *field, const char *wants)
{
    return pelt_fail(r->err, PELT_EPARSE,
                     "sends \"%s\" that is %s: is it a pelt-agent of another version?", field,
                     wants);
}

/* Those of C1 are two bytes in UTF-8, and terminals obey some of them. */
static bool is_control(const char *at)
{
    const unsigned char c = (unsigned char)at[0], next = c == 0xc2 ? (unsigned char)at[1] : 0;
    return c < ' ' || c == 0x7f || (next >= 0x80 && next < 0xa0);
}

/* A copy without control characters, cut between two characters. */
static const char *keep(struct reading *r, const char *text)
{
    size_t len = strlen(text);
    if (len > PELT_WATCH_TEXT_MAX) {
        len = PELT_WATCH_TEXT_MAX;
        while (((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    if (len + 1 > (size_t)(r->text_end - r->text)) { /* a text was used twice: there is no such */
        return "";
    }
    char *copy = r->text;
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        const bool control = is_control(text + i);
        i += control && (unsigned char)text[i] == 0xc2;
        copy[kept++] = control ? '?' : text[i];
    }
    copy[kept] = 0;
    r->text += kept + 1;
    return copy;
}

/* A text that may be missing. */
static const char *text_of(struct reading *r, const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));
    return text != NULL && *text != 0 ? keep(r, text) : "";
}

/* Part of a metric's name: anything but letters, digits, '-' and '_' would break it. */
static const char *name_of(struct reading *r, const json_t *object, const char *field)
{
    char *name = (char *)text_of(r, object, field);
    for (char *c = name; *c != 0; c++) {
        bool fits = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        *c = fits ? *c : '_';
    }
    return name;
}

/* A whole number >= 0. */
static enum pelt_status integer(struct reading *r, const json_t *object, const char *field,
                                int64_t *out)
{
    const json_t *value = json_object_get(object, field);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return misfit(r, field, "no whole number");
    }
    *out = json_integer_value(value);
    return PELT_OK;
}

/* The same of what may be missing: 0. */
static uint64_t count_of(const json_t *object, const char *field)
{
    const json_t *value = json_object_get(object, field);
    return json_is_integer(value) && json_integer_value(value) > 0
               ? (uint64_t)json_integer_value(value)
               : 0;
}

static bool is_html(struct pelt_span body)
{
    body = pelt_span_trim(body);
    return body.len > 0 && body.ptr[0] == '<';
}

/* The object that `body` is; NULL: `*status` says why not. */
static json_t *load(struct reading *r, struct pelt_span body, size_t most, enum pelt_status *status)
{
    json_error_t why;
    if (body.len > most) {
        *status = pelt_fail(r->err, PELT_EPARSE, "answers more than %zu bytes: is it a pelt-agent?",
                            most);
        return NULL;
    }
    if (is_html(body)) {
        *status = pelt_fail(r->err, PELT_EPARSE,
                            "answers an HTML page, so it is no pelt-agent: give the URL that "
                            "pelt-agent prints at its start (port 9646 by default)");
        return NULL;
    }
    json_t *root = json_loadb(body.ptr, body.len, 0, &why);
    if (!json_is_object(root)) {
        bool memory = root == NULL && json_error_code(&why) == json_error_out_of_memory;
        json_decref(root);
        if (memory) {
            *status = pelt_fail(r->err, PELT_ENOMEM, "out of memory");
            return NULL;
        }
        *status = pelt_fail(r->err, PELT_EPARSE,
                            "answers no JSON object, so it is no pelt-agent: give the URL that "
                            "pelt-agent prints at its start (port 9646 by default)");
        return NULL;
    }
    *status = PELT_OK;
    return root;
}

/* ---- /v1/info ---- */

static enum pelt_status kind_of(struct reading *r, const json_t *object, enum pelt_server_kind *out)
{
    const char *name = json_string_value(json_object_get(object, "kind"));
    return name != NULL && pelt_server_kind_find(name, out)
               ? PELT_OK
               : misfit(r, "kind", "none of limit, gauge, counter, cache");
}

static enum pelt_status read_figure(struct reading *r, const json_t *object, size_t index,
                                    struct pelt_agent_figure *out)
{
    int64_t i;
    enum pelt_status status = integer(r, object, "i", &i);
    if (status == PELT_OK && (size_t)i != index) {
        status = misfit(r, "i", "not its figure's place");
    }
    if (status == PELT_OK) {
        status = kind_of(r, object, &out->kind);
    }
    if (status != PELT_OK) {
        return status;
    }
    out->name = name_of(r, object, "name");
    if (*out->name == 0) {
        return misfit(r, "name", "empty");
    }
    out->target = text_of(r, object, "target");
    out->unit = text_of(r, object, "unit");
    out->source = text_of(r, object, "source");
    out->tier = text_of(r, object, "tier");
    const char *why = text_of(r, object, "unreadable");
    out->unreadable = *why != 0 ? why : NULL;
    return PELT_OK;
}

/* An array's elements as zeroed structs; `*out` is the caller's also after a failure. */
static enum pelt_status room_for(struct reading *r, const json_t *array, const char *field,
                                 size_t most, size_t size, void **out)
{
    size_t len = json_array_size(array);
    if (!json_is_array(array) || len > most) {
        return misfit(r, field, json_is_array(array) ? "too long" : "no list");
    }
    *out = calloc(len + 1, size);
    return *out != NULL ? PELT_OK : pelt_fail(r->err, PELT_ENOMEM, "out of memory");
}

static enum pelt_status read_figures(struct reading *r, const json_t *root,
                                     struct pelt_watch_info *out)
{
    const json_t *array = json_object_get(root, "figures");
    enum pelt_status status = room_for(r, array, "figures", PELT_WATCH_CATALOGUE_MAX,
                                       sizeof(*out->figures), (void **)&out->figures);
    for (size_t i = 0; status == PELT_OK && i < json_array_size(array); i++) {
        status = read_figure(r, json_array_get(array, i), i, &out->figures[i]);
        out->figures_len = i + 1;
    }
    return status;
}

static enum pelt_status read_targets(struct reading *r, const json_t *root,
                                     struct pelt_watch_info *out)
{
    const json_t *array = json_object_get(root, "targets");
    if (array == NULL) {
        return PELT_OK;
    }
    enum pelt_status status = room_for(r, array, "targets", PELT_WATCH_TARGETS_MAX,
                                       sizeof(*out->targets), (void **)&out->targets);
    for (size_t i = 0; status == PELT_OK && i < json_array_size(array); i++) {
        const json_t *object = json_array_get(array, i);
        struct pelt_agent_target *t = &out->targets[i];
        t->name = text_of(r, object, "name");
        t->by = text_of(r, object, "by");
        t->pid = (int64_t)count_of(object, "pid");
        t->restarts = count_of(object, "restarts");
        out->targets_len = i + 1;
    }
    return status;
}

static enum pelt_status check_schema(struct reading *r, const json_t *root)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    if (schema != NULL && strcmp(schema, PELT_WATCH_SCHEMA) == 0) {
        return PELT_OK;
    }
    if (schema == NULL || strncmp(schema, "pelt-agent/", 11) != 0) {
        return pelt_fail(r->err, PELT_EPARSE,
                         "answers JSON of something else, so it is no pelt-agent: give the URL "
                         "that pelt-agent prints at its start (port 9646 by default)");
    }
    return pelt_fail(r->err, PELT_EPARSE,
                     "speaks %s, and this pelt %s reads " PELT_WATCH_SCHEMA
                     ": use pelt and pelt-agent of one version",
                     keep(r, schema), PELT_VERSION);
}

static enum pelt_status read_info(struct reading *r, const json_t *root,
                                  struct pelt_watch_info *out)
{
    enum pelt_status status = check_schema(r, root);
    if (status != PELT_OK) {
        return status;
    }
    const json_t *host = json_object_get(root, "host");
    out->version = text_of(r, root, "version");
    out->name = name_of(r, root, "name");
    out->boot = text_of(r, root, "boot");
    out->hostname = text_of(r, host, "hostname");
    out->kernel = text_of(r, host, "kernel");
    out->boot_id = text_of(r, host, "boot_id");
    out->cpus = count_of(host, "cpus");
    out->tick_ns_least = count_of(root, "tick_ns_least");
    if (*out->name == 0 || *out->boot == 0) {
        return misfit(r, *out->name == 0 ? "name" : "boot", "missing or empty");
    }
    status = read_targets(r, root, out);
    return status == PELT_OK ? read_figures(r, root, out) : status;
}

static enum pelt_status reading_init(struct reading *r, size_t bytes, char **texts,
                                     struct pelt_error *err)
{
    *r = (struct reading){.err = err};
    free(*texts);
    *texts = r->text = malloc(bytes + 1);
    r->text_end = r->text + bytes + 1;
    return r->text != NULL ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

enum pelt_status pelt_watch_info_read(struct pelt_watch_info *out, struct pelt_span body,
                                      struct pelt_error *err)
{
    struct reading r = {.err = err};
    enum pelt_status status;
    *out = (struct pelt_watch_info){0};
    json_t *root = load(&r, body, PELT_WATCH_INFO_MAX, &status);
    if (root != NULL) {
        status = reading_init(&r, body.len, &out->texts, err);
        status = status == PELT_OK ? read_info(&r, root, out) : status;
        json_decref(root);
    }
    if (status != PELT_OK) {
        pelt_watch_info_deinit(out);
    }
    return status;
}

void pelt_watch_info_deinit(struct pelt_watch_info *info)
{
    free(info->targets);
    free(info->figures);
    free(info->texts);
    *info = (struct pelt_watch_info){0};
}

/* ---- /v1/clock, errors ---- */

enum pelt_status pelt_watch_clock_read(struct pelt_span body, int64_t *t2_ns, int64_t *t3_ns,
                                       struct pelt_error *err)
{
    struct reading r = {.err = err};
    enum pelt_status status;
    json_t *root = load(&r, body, PELT_WATCH_SMALL_MAX, &status);
    if (root == NULL) {
        return status;
    }
    status = integer(&r, root, "t2_ns", t2_ns);
    status = status == PELT_OK ? integer(&r, root, "t3_ns", t3_ns) : status;
    json_decref(root);
    return status;
}

void pelt_watch_error_read(struct pelt_span body, char out[PELT_WATCH_TEXT_MAX + 1])
{
    struct reading r = {.text = out, .text_end = out + PELT_WATCH_TEXT_MAX + 1};
    enum pelt_status status;
    out[0] = 0;
    json_t *root = load(&r, body, PELT_WATCH_SMALL_MAX, &status);
    const char *text = json_string_value(json_object_get(root, "error"));
    if (text != NULL) {
        keep(&r, text);
    }
    json_decref(root);
}

/* ---- frames ---- */

static enum pelt_status place_of(struct reading *r, const json_t *entry, const char *field,
                                 size_t figures, uint32_t *out)
{
    const json_t *place = json_array_get(entry, 0);
    if (!json_is_integer(place) || json_integer_value(place) < 0 ||
        (uint64_t)json_integer_value(place) >= figures) {
        return misfit(r, field, "about a figure that its catalogue does not have");
    }
    *out = (uint32_t)json_integer_value(place);
    return PELT_OK;
}

static enum pelt_status read_value(struct reading *r, const json_t *entry,
                                   const struct pelt_agent_figure *figures, size_t figures_len,
                                   struct pelt_agent_value *out)
{
    enum pelt_status status = place_of(r, entry, "v", figures_len, &out->figure);
    if (status != PELT_OK) {
        return status;
    }
    unsigned cells = pelt_server_cells(figures[out->figure].kind);
    if (json_array_size(entry) != cells + 1) {
        return misfit(r, "v", "not of its figure's kind");
    }
    for (unsigned i = 0; i < PELT_SERVER_CELLS_MAX; i++) {
        const json_t *cell = json_array_get(entry, i + 1);
        if (i < cells && !json_is_number(cell) && !json_is_null(cell)) {
            return misfit(r, "v", "neither a number nor null");
        }
        out->cell[i] = json_is_number(cell) ? json_number_value(cell) : NAN;
    }
    return PELT_OK;
}

/* A list that may be missing, of at most `most`; NULL and PELT_OK: it has nothing. */
static enum pelt_status list_of(struct reading *r, const json_t *root, const char *field,
                                size_t most, const json_t **out)
{
    *out = json_object_get(root, field);
    if (*out != NULL && !json_is_array(*out)) {
        return misfit(r, field, "no list");
    }
    return json_array_size(*out) <= most ? PELT_OK : misfit(r, field, "too long");
}

static enum pelt_status read_values(struct reading *r, const json_t *root,
                                    const struct pelt_agent_figure *figures, size_t figures_len,
                                    struct pelt_watch_frame *f)
{
    const json_t *list;
    enum pelt_status status = list_of(r, root, "v", PELT_WATCH_CATALOGUE_MAX, &list);
    for (size_t i = 0; status == PELT_OK && i < json_array_size(list); i++) {
        status = read_value(r, json_array_get(list, i), figures, figures_len, &f->value[i]);
        f->values = i + 1;
    }
    return status;
}

static enum pelt_status read_unreadables(struct reading *r, const json_t *root, size_t figures_len,
                                         struct pelt_watch_frame *f)
{
    const json_t *list;
    enum pelt_status status = list_of(r, root, "unreadable", PELT_WATCH_CATALOGUE_MAX, &list);
    for (size_t i = 0; status == PELT_OK && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        status = place_of(r, entry, "unreadable", figures_len, &f->unreadable[i].figure);
        const char *why = json_string_value(json_array_get(entry, 1));
        f->unreadable[i].why = why != NULL && *why != 0 ? keep(r, why) : "no reason given";
        f->unreadables = i + 1;
    }
    return status;
}

static enum pelt_status read_events(struct reading *r, const json_t *root,
                                    struct pelt_watch_frame *f)
{
    const json_t *list;
    enum pelt_status status = list_of(r, root, "events", PELT_WATCH_EVENTS_MAX, &list);
    for (size_t i = 0; status == PELT_OK && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        int64_t at_ns = 0;
        status = integer(r, entry, "at_ns", &at_ns);
        f->event[i] = (struct pelt_agent_event){.at_ns = (uint64_t)at_ns,
                                                .kind = name_of(r, entry, "kind"),
                                                .text = text_of(r, entry, "text")};
        f->events = i + 1;
    }
    return status;
}

static void read_self(const json_t *self, struct pelt_agent_self *out)
{
    *out = (struct pelt_agent_self){
        .cpu_ns = count_of(self, "cpu_ns"),
        .rss_bytes = count_of(self, "rss_bytes"),
        .overruns = count_of(self, "overruns"),
        .worst_ns = count_of(self, "worst_ns"),
        .tick_ns = count_of(self, "tick_ns"),
        .degraded = json_is_true(json_object_get(self, "degraded")),
        .lost = count_of(self, "lost"),
    };
}

static enum pelt_status read_times(struct reading *r, const json_t *root,
                                   struct pelt_watch_frame *f)
{
    enum pelt_status status = integer(r, root, "at_ns", &f->at_ns);
    f->has_k = json_object_get(root, "k") != NULL;
    f->due_ns = f->at_ns;
    if (status == PELT_OK && f->has_k) {
        status = integer(r, root, "k", &f->k);
        status = status == PELT_OK ? integer(r, root, "due_ns", &f->due_ns) : status;
    }
    f->late = json_is_true(json_object_get(root, "late"));
    return status;
}

static enum pelt_status read_frame(struct reading *r, const json_t *root,
                                   const struct pelt_agent_figure *figures, size_t figures_len,
                                   struct pelt_watch_frame *f)
{
    enum pelt_status status = read_times(r, root, f);
    if (status == PELT_OK) {
        status = read_values(r, root, figures, figures_len, f);
    }
    if (status == PELT_OK) {
        status = read_unreadables(r, root, figures_len, f);
    }
    if (status == PELT_OK) {
        status = read_events(r, root, f);
    }
    read_self(json_object_get(root, "self"), &f->self);
    return status;
}

/* The arrays have room for the largest frame from the first one on. */
static enum pelt_status make_room(struct pelt_watch_frame *f, struct pelt_error *err)
{
    f->value = f->value != NULL ? f->value : calloc(PELT_WATCH_CATALOGUE_MAX, sizeof(*f->value));
    f->unreadable = f->unreadable != NULL
                        ? f->unreadable
                        : calloc(PELT_WATCH_CATALOGUE_MAX, sizeof(*f->unreadable));
    f->event = f->event != NULL ? f->event : calloc(PELT_WATCH_EVENTS_MAX, sizeof(*f->event));
    return f->value != NULL && f->unreadable != NULL && f->event != NULL
               ? PELT_OK
               : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

enum pelt_status pelt_watch_frame_read(struct pelt_watch_frame *f,
                                       const struct pelt_agent_figure *figures, size_t figures_len,
                                       struct pelt_span line, struct pelt_error *err)
{
    struct reading r = {.err = err};
    f->values = f->unreadables = f->events = 0;
    enum pelt_status status = make_room(f, err);
    if (status != PELT_OK) {
        return status;
    }
    json_t *root = load(&r, line, PELT_WATCH_LINE_MAX, &status);
    if (root != NULL) {
        status = reading_init(&r, line.len, &f->texts, err);
        status = status == PELT_OK ? read_frame(&r, root, figures, figures_len, f) : status;
        json_decref(root);
    }
    return status;
}

void pelt_watch_frame_deinit(struct pelt_watch_frame *f)
{
    free(f->value);
    free(f->unreadable);
    free(f->event);
    free(f->texts);
    *f = (struct pelt_watch_frame){0};
}
