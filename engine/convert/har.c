/*
 * har: the entries of a HAR file as requests, in the order in which they began.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "draft.h"
#include "pelt/convert.h"
#include "percent.h"
#include "scenario_text.h"

#define PAUSE_MIN_MS 100 /* shorter ones are the browser's own work */
#define PAUSE_MAX_MS (60 * 60 * 1000)

struct entry {
    const json_t *json;
    double begin_ms, end_ms; /* of the day's count; NAN: not said */
    size_t index;
};

struct reader {
    struct convert_draft *d;
    const struct pelt_har_options *options;
    const json_t *pages;
    double last_end_ms; /* NAN: nothing before */
    size_t other_hosts, statics, others;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static const char *keep(struct reader *in, const char *text)
{
    return convert_arena_text(&in->d->arena, text, strlen(text));
}

/* Days since 1970 of the Gregorian calendar. */
static long days(long year, long month, long day)
{
    year -= month <= 2;
    long era = year / 400, of_era = year - era * 400;
    long of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "2026-11-22T04:33:38.123+01:00" or ...Z in milliseconds; NAN: it is no time. */
static double time_ms(const char *text)
{
    int year, month, day, hour, minute, used = 0;
    double second;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%lf%n", &year, &month, &day, &hour, &minute, &second,
               &used) < 6 ||
        year < 1970 || month < 1 || month > 12) {
        return NAN;
    }
    int zone_hour = 0, zone_minute = 0;
    char sign = '+';
    if (sscanf(text + used, "%c%2d:%2d", &sign, &zone_hour, &zone_minute) < 3) {
        zone_hour = zone_minute = 0;
    }
    double zone_s = (sign == '-' ? -1 : 1) * (zone_hour * 3600.0 + zone_minute * 60.0);
    double s =
        (double)days(year, month, day) * 86400 + hour * 3600.0 + minute * 60.0 + second - zone_s;
    return isfinite(s) ? s * 1000 : NAN;
}

/* Whether a recording shows `end` of a type or path. */
static bool has_ending(const char *path, const char *const *endings)
{
    size_t len = strcspn(path, "?#");
    for (; *endings != NULL; endings++) {
        size_t n = strlen(*endings);
        if (len > n && strncasecmp(path + len - n, *endings, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool begins_with_one(const char *text, const char *const *starts)
{
    while (*starts != NULL && strncasecmp(text, *starts, strlen(*starts)) != 0) {
        starts++;
    }
    return *starts != NULL;
}

static bool is_static(const json_t *entry, const char *url)
{
    static const char *const kinds[] = {"image", "font",     "stylesheet", "script",
                                        "media", "manifest", NULL};
    static const char *const types[] = {"image/",
                                        "font/",
                                        "text/css",
                                        "text/javascript",
                                        "application/javascript",
                                        "application/x-javascript",
                                        "application/font",
                                        "video/",
                                        "audio/",
                                        NULL};
    static const char *const endings[] = {
        ".css",  ".js",  ".mjs",  ".map",   ".png", ".jpg", ".jpeg", ".gif",  ".svg", ".webp",
        ".avif", ".ico", ".woff", ".woff2", ".ttf", ".otf", ".mp4",  ".webm", ".mp3", NULL};
    const char *kind = text_of(entry, "_resourceType");
    const json_t *content = json_object_get(json_object_get(entry, "response"), "content");
    const char *type = text_of(content, "mimeType");
    if (strcmp(kind, "xhr") == 0 || strcmp(kind, "fetch") == 0 || strcmp(kind, "document") == 0) {
        return false;
    }
    return begins_with_one(kind, kinds) || begins_with_one(type, types) || has_ending(url, endings);
}

static bool is_host(const char *url, const char *const *hosts)
{
    const char *authority = strstr(url, "://") + 3;
    size_t len = strcspn(authority, ":/?#");
    while (hosts != NULL && *hosts != NULL &&
           (strlen(*hosts) != len || strncasecmp(*hosts, authority, len) != 0)) {
        hosts++;
    }
    return hosts == NULL || *hosts != NULL;
}

static void add_headers(struct reader *in, struct convert_request *r, const json_t *request)
{
    const json_t *header;
    size_t i;
    json_array_foreach(json_object_get(request, "headers"), i, header)
    {
        const char *name = text_of(header, "name"), *value = text_of(header, "value");
        if (*name == ':' || *name == '\0') {
            continue; /* HTTP/2's own: method, path and host by another name */
        }
        if (strcasecmp(name, "Cookie") == 0) {
            convert_note(in->d, NULL,
                         "header Cookie is left out: each user keeps the cookies that answers set; "
                         "user.cookies:set() in user_init gives it others");
        } else if (convert_fields_find(&r->headers, name) != NULL) {
            convert_note(in->d, r, "header %s stands twice: only the first is sent", name);
        } else {
            convert_fields_add(in->d, &r->headers, keep(in, name), keep(in, value));
        }
    }
}

/* Fields without the text that was sent: Firefox and Safari leave it out at times. */
static void add_params(struct reader *in, struct convert_request *r, const json_t *params,
                       bool multipart)
{
    struct pelt_buf body;
    const json_t *param;
    size_t i;
    pelt_buf_init(&body, 0);
    json_array_foreach(params, i, param)
    {
        const char *name = text_of(param, "name"), *value = text_of(param, "value");
        if (multipart && *text_of(param, "fileName") != '\0') {
            convert_note(in->d, r,
                         "the content of file \"%s\" is not in the HAR: field %s is sent empty",
                         text_of(param, "fileName"), name);
        }
        if (multipart) {
            convert_fields_add(in->d, &r->parts, keep(in, name), keep(in, value));
            continue;
        }
        pelt_buf_add_str(&body, i > 0 ? "&" : "");
        convert_percent_add(&body, name, "-._*");
        pelt_buf_add_str(&body, "=");
        convert_percent_add(&body, value, "-._*");
    }
    if (multipart) {
        convert_fields_remove(&r->headers, "Content-Type"); /* its boundary is another one */
    } else {
        r->body = convert_arena_take(&in->d->arena, &body);
    }
    pelt_buf_deinit(&body);
}

/* GraphQL asks one path for everything; its operations have names. */
static const char *operation_of(struct reader *in, const char *body)
{
    json_t *json = strstr(body, "\"operationName\"") != NULL
                       ? json_loads(body, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    const char *name = text_of(json, "operationName");
    const char *kept = *name != '\0' && strlen(name) < 100 ? keep(in, name) : NULL;
    json_decref(json);
    return kept;
}

static void add_body(struct reader *in, struct convert_request *r, const json_t *request)
{
    const json_t *data = json_object_get(request, "postData");
    const json_t *text = json_object_get(data, "text"), *params = json_object_get(data, "params");
    const char *type = text_of(data, "mimeType");
    bool multipart = strncasecmp(type, "multipart/", 10) == 0;
    if (*type != '\0' && convert_fields_find(&r->headers, "Content-Type") == NULL) {
        convert_fields_add(in->d, &r->headers, "Content-Type", keep(in, type));
    }
    const bool base64 = strcmp(text_of(data, "encoding"), "base64") == 0;
    if (base64 || strlen(text_of(data, "text")) < json_string_length(text)) {
        convert_note(in->d, r,
                     "the body is binary (%s in the HAR): put it into a file and say body = "
                     "pelt.file(...)",
                     base64 ? "base64" : "with NULs");
    } else if (json_string_length(text) > 0) {
        r->body = keep(in, json_string_value(text));
        r->name = operation_of(in, r->body);
    } else if (json_array_size(params) > 0) {
        add_params(in, r, params, multipart);
    } else if (json_integer_value(json_object_get(request, "bodySize")) > 0) {
        convert_note(in->d, r, "the body, %lld bytes, is not in the HAR",
                     (long long)json_integer_value(json_object_get(request, "bodySize")));
    }
}

static const char *page_of(struct reader *in, const json_t *entry)
{
    const char *id = text_of(entry, "pageref"), *title = "";
    const json_t *page;
    size_t i;
    if (*id == '\0' || json_array_size(in->pages) < 2) {
        return NULL; /* a single page needs no name */
    }
    json_array_foreach(in->pages, i, page)
    {
        title = strcmp(text_of(page, "id"), id) == 0 ? text_of(page, "title") : title;
    }
    const char *host = strstr(title, "://"); /* Chrome's titles are URLs */
    const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
    title = path != NULL ? path : *title != '\0' ? title : id;
    size_t len = host != NULL ? strcspn(title, "?#") : strlen(title);
    return convert_arena_text(&in->d->arena, title, len < 60 ? len : 60);
}

static enum pelt_status add_entry(struct reader *in, const struct entry *e, struct pelt_error *err)
{
    const json_t *request = json_object_get(e->json, "request");
    const char *url = text_of(request, "url"), *method = text_of(request, "method");
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        in->others++;
        if (strncasecmp(url, "ws", 2) == 0) {
            convert_note(in->d, NULL, "WebSocket %.200s is left out: pelt.ws speaks it", url);
        }
        return PELT_OK;
    }
    bool wanted = is_host(url, in->options->hosts),
         left = in->options->no_static && is_static(e->json, url);
    in->other_hosts += !wanted;
    in->statics += wanted && left;
    if (!wanted || left) {
        return PELT_OK;
    }
    struct convert_request *r = convert_draft_add(in->d);
    if (r == NULL) {
        return in->d->arena.failed
                   ? pelt_fail(err, PELT_ENOMEM, "out of memory")
                   : pelt_fail(err, PELT_ELIMIT,
                               "more than %d requests: --host NAME and --no-static leave some out",
                               PELT_CONVERT_REQUESTS_MAX);
    }
    r->method = *method != '\0' ? keep(in, method) : "GET";
    r->url = keep(in, url);
    r->page = page_of(in, e->json);
    double pause = e->begin_ms - in->last_end_ms;
    if (in->options->think && pause >= PAUSE_MIN_MS) { /* false where a time is not known */
        r->pause_ms = (uint64_t)fmin(pause, PAUSE_MAX_MS);
    }
    in->last_end_ms = isnan(in->last_end_ms) ? e->end_ms : fmax(in->last_end_ms, e->end_ms);
    add_headers(in, r, request);
    add_body(in, r, request);
    struct pelt_error why = {{0}};
    enum pelt_status status = convert_request_tidy(in->d, r, &why);
    if (status == PELT_EINVAL) {
        convert_draft_drop_last(in->d);
        convert_note(in->d, NULL, "entry %zu is left out: %.300s", e->index + 1, why.text);
        return PELT_OK;
    }
    return status == PELT_OK ? status : pelt_fail(err, status, "%s", why.text);
}

static int compare_begin(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->begin_ms < y->begin_ms || x->begin_ms > y->begin_ms) {
        return x->begin_ms < y->begin_ms ? -1 : 1;
    }
    return x->index < y->index ? -1 : 1;
}

static enum pelt_status add_entries(struct reader *in, const json_t *list, struct pelt_error *err)
{
    size_t len = json_array_size(list);
    struct entry *entries = calloc(len + 1, sizeof *entries);
    bool timed = true;
    if (entries == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < len; i++) {
        const json_t *json = json_array_get(list, i);
        double begin = time_ms(text_of(json, "startedDateTime"));
        double took = json_number_value(json_object_get(json, "time"));
        entries[i] = (struct entry){json, begin, begin + (took > 0 ? took : 0), i};
        timed = timed && !isnan(begin);
    }
    if (timed) {
        qsort(entries, len, sizeof *entries, compare_begin);
    }
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; status == PELT_OK && i < len; i++) {
        status = add_entry(in, &entries[i], err);
    }
    free(entries);
    return status;
}

static void note_left(struct reader *in)
{
    if (in->other_hosts > 0) {
        convert_note(in->d, NULL, "%zu requests to other hosts are left out (--host)",
                     in->other_hosts);
    }
    if (in->statics > 0) {
        convert_note(in->d, NULL, "%zu static files are left out (--no-static)", in->statics);
    }
    if (in->others > 0) {
        convert_note(in->d, NULL, "%zu entries that are not http are left out", in->others);
    }
}

/* The escape at `p`, of `len` bytes to the text's end: the code unit of \uXXXX; -1: none of these.
 */
static long escaped_unit(const char *p, size_t len)
{
    if (len < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    long unit = 0;
    for (size_t i = 2; i < 6; i++) {
        const int digit = convert_hex(p[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

/*
 * Browsers write what is no text, of binary bodies and frames of WebSockets, as halves of surrogate
 * pairs (RFC 8259, section 8.2, allows them), which Jansson refuses: each becomes U+FFFD, in place.
 * Returns how many.
 */
static size_t mend_surrogates(char *text, size_t len)
{
    size_t mended = 0;
    for (size_t i = 0; i + 1 < len; i++) {
        if (text[i] != '\\') {
            continue;
        }
        const long unit = escaped_unit(text + i, len - i);
        if (unit < 0) {
            i++; /* what is escaped is no beginning of another */
            continue;
        }
        const long next = i + 6 < len ? escaped_unit(text + i + 6, len - i - 6) : -1;
        const bool high = unit >= 0xD800 && unit < 0xDC00, low = unit >= 0xDC00 && unit < 0xE000;
        const bool pair = high && next >= 0xDC00 && next < 0xE000;
        if ((high && !pair) || low) {
            memcpy(text + i + 2, "FFFD", 4);
            mended++;
        }
        i += pair ? 11 : 5;
    }
    return mended;
}

/* `*mended`: characters that stand as U+FFFD now. */
static enum pelt_status read_json(struct pelt_span text, json_t **json, size_t *mended,
                                  struct pelt_error *err)
{
    json_error_t why;
    char *copy = malloc(text.len + 1);
    if (copy == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    *mended = mend_surrogates(copy, text.len);
    *json = json_loadb(copy, text.len, JSON_ALLOW_NUL, &why);
    free(copy);
    return *json != NULL ? PELT_OK
                         : pelt_fail(err, PELT_EPARSE, "no HAR file: it is no JSON: line %d: %s",
                                     why.line, why.text);
}

enum pelt_status pelt_convert_har(struct pelt_span text, const struct pelt_har_options *options,
                                  struct pelt_converted *out, struct pelt_error *err)
{
    *out = (struct pelt_converted){0};
    size_t mended = 0;
    bool marked = text.len > 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0; /* BOM */
    if (text.len > PELT_CONVERT_BYTES_MAX) {
        return pelt_fail(err, PELT_ELIMIT, "larger than 64 MiB: export less, or without contents");
    }
    json_t *json;
    enum pelt_status status =
        read_json(marked ? pelt_span(text.ptr + 3, text.len - 3) : text, &json, &mended, err);
    if (status != PELT_OK) {
        return status;
    }
    const json_t *log = json_object_get(json, "log"), *list = json_object_get(log, "entries");
    struct convert_draft draft = {.source = "har"};
    struct reader in = {.d = &draft,
                        .options = options,
                        .pages = json_object_get(log, "pages"),
                        .last_end_ms = NAN};
    if (!json_is_array(list)) {
        status = pelt_fail(err, PELT_EPARSE, "no HAR file: it has no log.entries");
    } else {
        status = add_entries(&in, list, err);
    }
    if (status == PELT_OK && draft.len == 0) {
        status = pelt_fail(
            err, PELT_EINVAL,
            "none of its %zu entries is left: to other hosts %zu, static %zu, not http %zu",
            json_array_size(list), in.other_hosts, in.statics, in.others);
    }
    if (status == PELT_OK) {
        note_left(&in);
        if (mended > 0) {
            convert_note(&draft, NULL,
                         "%zu characters that are none (halves of surrogate pairs) stand as U+FFFD",
                         mended);
        }
        status = convert_scenario_write(&draft, out, err);
    }
    convert_draft_deinit(&draft);
    json_decref(json);
    return status;
}
