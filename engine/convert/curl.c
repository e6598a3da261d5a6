/*
 * curl: command lines of curl as requests. Options hold from where they stand to the next --next,
 * for all URLs of that part, so a part is read to its end before its requests are made.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "curl_option.h"
#include "draft.h"
#include "pelt/convert.h"
#include "percent.h"
#include "scenario_text.h"
#include "words.h"

#define REDIRECTS_DEFAULT 50 /* curl's, and the most that pelt follows */

struct part {                 /* between two --next */
    struct convert_request r; /* made up; each URL gets a copy of it */
    struct convert_texts urls;
    const char *method, *user, *form_type, *upload;
    struct pelt_buf data, query;
    struct convert_texts data_files;
    bool has_data, get, head, json, location, insecure, globoff, many_bodies;
    unsigned redirects;
};

struct reader {
    struct convert_draft *d;
    struct part part;
};

static const char *text(struct reader *in, const char *bytes, size_t len)
{
    return convert_arena_text(&in->d->arena, bytes, len);
}

static void add_text(struct reader *in, struct convert_texts *t, const char *value)
{
    if (t->len == t->cap) {
        size_t cap = t->cap > 0 ? 2 * t->cap : 8;
        const char **at = realloc(t->at, cap * sizeof *at);
        if (at == NULL) {
            in->d->arena.failed = true;
            return;
        }
        t->at = at;
        t->cap = cap;
    }
    t->at[t->len++] = value;
}

static void part_deinit(struct part *p)
{
    free(p->r.headers.at);
    free(p->r.parts.at);
    free(p->r.notes.at);
    free(p->urls.at);
    free(p->data_files.at);
    pelt_buf_deinit(&p->data);
    pelt_buf_deinit(&p->query);
    *p = (struct part){.redirects = REDIRECTS_DEFAULT};
}

/* "Name: value"; "Name:" takes one away, "Name;" sends it empty. */
static void add_header(struct reader *in, const char *line)
{
    struct part *p = &in->part;
    size_t len = strcspn(line, ":;");
    const char *value = line + len + (line[len] != '\0');
    value += strspn(value, " \t");
    if (line[0] == '@') {
        convert_note(in->d, &p->r, "-H %s: the file's headers are left out", line);
    } else if (line[len] == '\0' || len == 0) {
        convert_note(in->d, &p->r, "-H \"%s\" is no header: left out", line);
    } else if (line[len] == ':' && *value == '\0') {
        convert_note(in->d, &p->r, "-H \"%s\" takes a header of curl's own away: pelt may send it",
                     line);
    } else if (line[len] == ';' && *value != '\0') {
        convert_note(in->d, &p->r, "-H \"%s\" is no header: left out", line);
    } else {
        const char *name = text(in, line, len);
        struct convert_field *same = convert_fields_find(&p->r.headers, name);
        if (same == NULL) {
            convert_fields_add(in->d, &p->r.headers, name, text(in, value, strlen(value)));
        } else if (strcasecmp(name, "Cookie") == 0) {
            same->value = convert_arena_format(&in->d->arena, "%s; %s", same->value, value);
        } else {
            convert_note(in->d, &p->r, "header %s stands twice: only the first is sent", name);
        }
    }
}

static void set_header(struct reader *in, const char *name, const char *value)
{
    if (convert_fields_find(&in->part.r.headers, name) == NULL) {
        convert_fields_add(in->d, &in->part.r.headers, name, value);
    }
}

static void begin_data(struct part *p)
{
    if (p->has_data && !p->json) {
        pelt_buf_add_str(&p->data, "&");
    }
    p->has_data = true;
}

/* -d, --data-binary, --json: a text, or @FILE. */
static void add_data(struct reader *in, const char *value, bool stripped)
{
    struct part *p = &in->part;
    if (value[0] != '@') {
        begin_data(p);
        pelt_buf_add_str(&p->data, value);
        return;
    }
    p->has_data = true;
    add_text(in, &p->data_files, value + 1);
    if (strcmp(value, "@-") == 0) {
        convert_note(in->d, &p->r, "the body comes from curl's standard input: put it into a file");
    } else if (stripped) {
        convert_note(in->d, &p->r,
                     "-d %s: curl takes line breaks out of the file, pelt sends it as it is",
                     value);
    }
}

/* "text", "=text", "name=text"; with '@' in the place of '=' a file. */
static void add_urlencoded(struct reader *in, struct pelt_buf *out, const char *value)
{
    size_t name = strcspn(value, "=@");
    if (value[name] == '@') {
        convert_note(in->d, &in->part.r, "--data-urlencode %s: the file's content is left out",
                     value);
        return;
    }
    if (value[name] == '=') {
        pelt_buf_add(out, value, name);
        pelt_buf_add_str(out, name > 0 ? "=" : "");
        value += name + 1;
    }
    convert_percent_add(out, value, "-._~ ");
}

/*
 * A word of -F: in quotes, with \" and \\ for what they are, or up to one of `ends`. Returns what
 * is behind it, at one of `ends` or the end.
 */
static const char *form_word(struct reader *in, const char *from, const char *ends,
                             const char **word)
{
    if (*from != '"') {
        const size_t len = strcspn(from, ends);
        *word = text(in, from, len);
        return from + len;
    }
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    for (from++; *from != '\0' && *from != '"'; from++) {
        from += *from == '\\' && (from[1] == '"' || from[1] == '\\');
        pelt_buf_add(&out, from, 1);
    }
    *word = convert_arena_take(&in->d->arena, &out);
    pelt_buf_deinit(&out);
    return from + strcspn(from, ends);
}

/* Behind ';' of -F: type=, filename=; returns where they end, at one of `ends` or the end. */
static const char *form_attributes(struct reader *in, struct convert_field *f, const char *rest,
                                   const char *ends)
{
    while (*rest == ';') {
        const char *from = rest + 1 + strspn(rest + 1, " ");
        if (strncmp(from, "type=", 5) == 0) {
            rest = form_word(in, from + 5, ends, &f->type);
        } else if (strncmp(from, "filename=", 9) == 0) {
            rest = form_word(in, from + 9, ends, &f->file_name);
        } else {
            rest = from + strcspn(from, ends);
            convert_note(in->d, &in->part.r, "-F %s: \"%.*s\" is left out", f->name,
                         (int)(rest - from), from);
        }
    }
    return rest;
}

/* "photo.png;type=image/png,other.png": curl puts them into one part, as files of its own. */
static void add_files(struct reader *in, const char *name, const char *content)
{
    size_t files = 0;
    for (const char *rest = content - 1; files == 0 || *rest == ','; files++) {
        const char *path;
        rest = form_word(in, rest + 1, ",;", &path);
        struct convert_field *f = convert_fields_add(in->d, &in->part.r.parts, name, path);
        if (f == NULL) {
            return;
        }
        f->file = path;
        rest = form_attributes(in, f, rest, ",;");
    }
    if (files > 1) {
        convert_note(in->d, &in->part.r,
                     "-F %s: curl sends its %zu files within one part, here each is a part", name,
                     files);
    }
}

static void add_form_text(struct reader *in, const char *name, const char *content)
{
    const char *value;
    const char *rest = form_word(in, content, ";", &value);
    struct convert_field *f = convert_fields_add(in->d, &in->part.r.parts, name, value);
    if (f == NULL) {
        return;
    }
    form_attributes(in, f, rest, ";");
    if (f->type != NULL) {
        convert_note(in->d, &in->part.r, "-F %s: a type of a text is left out: %s", name, f->type);
    }
}

static void add_form(struct reader *in, const char *value, bool plain)
{
    size_t name_len = strcspn(value, "=");
    if (value[name_len] == '\0' || name_len == 0) {
        convert_note(in->d, &in->part.r, "-F \"%s\" is no NAME=VALUE: left out", value);
        return;
    }
    const char *name = text(in, value, name_len), *content = value + name_len + 1;
    if (plain) {
        convert_fields_add(in->d, &in->part.r.parts, name, content);
    } else if (content[0] == '<') {
        convert_note(in->d, &in->part.r, "-F %s: a file's content as a text is left out", value);
    } else if (content[0] == '@') {
        add_files(in, name, content + 1);
    } else {
        add_form_text(in, name, content);
    }
}

static void set_cookie(struct reader *in, const char *value)
{
    if (strchr(value, '=') == NULL) {
        convert_note(in->d, &in->part.r,
                     "-b %s: a file of cookies is not read; user.cookies:set() sets them", value);
        return;
    }
    add_header(in, convert_arena_format(&in->d->arena, "Cookie: %s", value));
}

/* "URL", "URL;auto", ";auto": the last is of redirects alone, and sends none at first. */
static void set_referer(struct reader *in, const char *value)
{
    const size_t len = strcspn(value, ";");
    if (len > 0) {
        set_header(in, "Referer", text(in, value, len));
    }
}

static void set_seconds(struct reader *in, const char *value)
{
    char *end;
    double seconds = strtod(value, &end);
    if (*end != '\0' || !isfinite(seconds) || seconds <= 0 || seconds > 86400) {
        convert_note(in->d, &in->part.r, "--max-time %s is no time: left out", value);
        return;
    }
    in->part.r.timeout_ms = (uint64_t)ceil(seconds * 1000);
}

static void set_redirects(struct reader *in, const char *value)
{
    char *end;
    long n = strtol(value, &end, 10);
    bool good = *value != '\0' && *end == '\0';
    in->part.redirects = good && n >= 0 && n < REDIRECTS_DEFAULT ? (unsigned)n : REDIRECTS_DEFAULT;
}

static enum pelt_status end_part(struct reader *in, size_t line, struct pelt_error *err);

/* `typed` is the option as it stands there; `value` is "" where it takes none. */
static void apply(struct reader *in, const struct convert_curl_option *o, const char *typed,
                  const char *value)
{
    struct part *p = &in->part;
    switch (o->act) {
    case CURL_METHOD:
        p->method = value;
        break;
    case CURL_URL:
        add_text(in, &p->urls, value);
        break;
    case CURL_HEADER:
        add_header(in, value);
        break;
    case CURL_DATA:
        add_data(in, value, true);
        break;
    case CURL_DATA_BINARY:
        add_data(in, value, false);
        break;
    case CURL_DATA_RAW:
        begin_data(p);
        pelt_buf_add_str(&p->data, value);
        break;
    case CURL_DATA_URLENCODE:
        begin_data(p);
        add_urlencoded(in, &p->data, value);
        break;
    case CURL_JSON:
        p->json = true;
        add_data(in, value, false);
        break;
    case CURL_FORM:
        add_form(in, value, false);
        break;
    case CURL_FORM_STRING:
        add_form(in, value, true);
        break;
    case CURL_USER:
        p->user = value;
        break;
    case CURL_BEARER:
        p->r.bearer = value;
        break;
    case CURL_AGENT:
        set_header(in, "User-Agent", value);
        break;
    case CURL_REFERER:
        set_referer(in, value);
        break;
    case CURL_COOKIE:
        set_cookie(in, value);
        break;
    case CURL_INSECURE:
        p->insecure = true;
        break;
    case CURL_LOCATION:
        p->location = true;
        break;
    case CURL_MAX_REDIRS:
        set_redirects(in, value);
        break;
    case CURL_COMPRESSED:
        p->r.compressed = true;
        break;
    case CURL_DIGEST:
        p->r.digest = true;
        break;
    case CURL_GET:
        p->get = true;
        break;
    case CURL_HEAD:
        p->head = true;
        break;
    case CURL_MAX_TIME:
        set_seconds(in, value);
        break;
    case CURL_UPLOAD:
        p->upload = value;
        break;
    case CURL_RANGE:
        set_header(in, "Range", convert_arena_format(&in->d->arena, "bytes=%s", value));
        break;
    case CURL_URL_QUERY:
        pelt_buf_add_str(&p->query, p->query.len > 0 ? "&" : "");
        if (value[0] == '+') {
            pelt_buf_add_str(&p->query, value + 1);
        } else {
            add_urlencoded(in, &p->query, value);
        }
        break;
    case CURL_GLOBOFF:
        p->globoff = true;
        break;
    case CURL_BASIC:
    case CURL_NEXT:
        break;
    case CURL_SILENT:
    case CURL_LEFT:
        convert_note(in->d, &p->r, "%s%s%s is left out: %s", typed, o->takes ? " " : "", value,
                     o->why);
        break;
    }
}

/* A body of one file, or of texts; what curl makes of both is not made here. */
static void take_body(struct reader *in, struct convert_request *r)
{
    struct part *p = &in->part;
    if (p->data_files.len > 0) {
        r->body_file = p->data_files.at[0];
        if (p->data_files.len > 1 || p->data.len > 0) {
            convert_note(in->d, r,
                         "of the body only the file %s is sent: join its pieces in one file",
                         r->body_file);
        }
    } else if (p->has_data) {
        r->body = text(in, p->data.data, p->data.len);
    }
}

static void take_headers_of_body(struct reader *in)
{
    struct part *p = &in->part;
    if (p->json) {
        set_header(in, "Content-Type", "application/json");
        set_header(in, "Accept", "application/json");
    } else if (p->has_data && !p->get) {
        set_header(in, "Content-Type", "application/x-www-form-urlencoded");
    }
    set_header(in, "Accept", "*/*"); /* curl's own */
}

static const char *with_query(struct reader *in, const char *url, struct pelt_span query)
{
    size_t path = strcspn(url, "#");
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    pelt_buf_add(&out, url, path);
    const char *scheme = strstr(url, "://");
    const char *host = scheme != NULL ? scheme + 3 : url;
    const char *mark = memchr(url, '?', path);
    pelt_buf_add_str(
        &out, mark == NULL && memchr(host, '/', (size_t)(url + path - host)) == NULL ? "/" : "");
    pelt_buf_add_str(&out, mark == NULL ? "?" : mark + 1 == url + path ? "" : "&");
    pelt_buf_add(&out, query.ptr, query.len);
    const char *done = convert_arena_take(&in->d->arena, &out);
    pelt_buf_deinit(&out);
    return done;
}

static bool copy_fields(struct reader *in, struct convert_fields *to,
                        const struct convert_fields *from)
{
    *to = (struct convert_fields){0};
    for (size_t i = 0; i < from->len; i++) {
        struct convert_field *f =
            convert_fields_add(in->d, to, from->at[i].name, from->at[i].value);
        if (f == NULL) {
            return false;
        }
        *f = from->at[i];
    }
    return true;
}

/* curl takes the word behind the first ':' for the password. */
static void take_user(struct reader *in, struct convert_request *r)
{
    const char *user = in->part.user;
    if (user == NULL) {
        return;
    }
    size_t len = strcspn(user, ":");
    r->user = text(in, user, len);
    r->password = user[len] == ':' ? user + len + 1 : "";
    if (user[len] != ':') {
        convert_note(in->d, r, "-u %s: curl asks for the password; here it is empty", user);
    }
}

/* "[1-3]", "[a-z:2]"; "[::1]" is an address. */
static bool has_range(const char *url)
{
    for (const char *p = strchr(url, '['); p != NULL; p = strchr(p + 1, '[')) {
        const size_t len = strcspn(p, "]");
        if (p[len] == ']' && memchr(p, '-', len) != NULL) {
            return true;
        }
    }
    return false;
}

static const char *url_of(struct reader *in, struct convert_request *r, const char *url)
{
    struct part *p = &in->part;
    size_t len = strlen(url);
    if (!p->globoff && (strpbrk(url, "{}") != NULL || has_range(url))) {
        convert_note(in->d, r,
                     "curl makes several requests of {...} or [1-3] in the URL: here it is one");
    }
    if (p->upload != NULL && len > 0 && url[len - 1] == '/') {
        const char *slash = strrchr(p->upload, '/');
        url =
            convert_arena_format(&in->d->arena, "%s%s", url, slash != NULL ? slash + 1 : p->upload);
    }
    if (p->query.len > 0) {
        url = with_query(in, url, pelt_span(p->query.data, p->query.len));
    }
    if (p->get && p->data.len > 0) {
        url = with_query(in, url, pelt_span(p->data.data, p->data.len));
    }
    return url;
}

static enum pelt_status add_request(struct reader *in, const char *url, struct pelt_error *err)
{
    struct part *p = &in->part;
    struct convert_request *r = convert_draft_add(in->d);
    if (r == NULL) {
        return in->d->arena.failed
                   ? pelt_fail(err, PELT_ENOMEM, "out of memory")
                   : pelt_fail(err, PELT_ELIMIT, "more than %d requests: convert fewer at once",
                               PELT_CONVERT_REQUESTS_MAX);
    }
    r->compressed = p->r.compressed;
    r->bearer = p->r.bearer;
    r->digest = p->r.digest;
    r->timeout_ms = p->r.timeout_ms;
    r->redirects = p->location ? p->redirects : 0;
    for (size_t i = 0; i < p->r.notes.len; i++) {
        convert_note(in->d, r, "%s", p->r.notes.at[i]);
    }
    copy_fields(in, &r->headers, &p->r.headers);
    copy_fields(in, &r->parts, &p->r.parts);
    take_user(in, r);
    if (!p->get) {
        take_body(in, r);
    }
    if (p->upload != NULL) {
        r->body_file = p->upload;
    }
    bool posts = r->body != NULL || r->parts.len > 0 || (p->has_data && !p->get);
    r->method = p->method != NULL   ? p->method
                : p->head           ? "HEAD"
                : p->upload != NULL ? "PUT"
                : posts             ? "POST"
                                    : "GET";
    r->url = url_of(in, r, url);
    if (p->insecure) {
        convert_note(
            in->d, NULL,
            "-k: run it with --insecure (-k), or give the scenario tls = { insecure = true }");
    }
    return convert_request_tidy(in->d, r, err);
}

static enum pelt_status end_part(struct reader *in, size_t line, struct pelt_error *err)
{
    struct part *p = &in->part;
    enum pelt_status status = PELT_OK;
    if (p->urls.len == 0) {
        status = pelt_fail(err, PELT_EINVAL, "line %zu: this curl command has no URL", line);
    }
    take_headers_of_body(in);
    in->d->arena.failed = in->d->arena.failed || p->data.failed || p->query.failed;
    for (size_t i = 0; status == PELT_OK && i < p->urls.len; i++) {
        struct pelt_error why = {{0}};
        status = add_request(in, p->urls.at[i], &why);
        if (status != PELT_OK) {
            pelt_fail(err, status, "line %zu: %.900s", line, why.text);
        }
    }
    part_deinit(p);
    return status;
}

static void note_unknown(struct reader *in, const char *word)
{
    const char *nearest = strncmp(word, "--", 2) == 0 ? convert_curl_nearest(word + 2) : NULL;
    convert_note(in->d, &in->part.r, "%.100s is no option of curl that pelt knows: left out%s%s%s",
                 word, nearest != NULL ? "; did you mean --" : "", nearest != NULL ? nearest : "",
                 nearest != NULL ? "?" : "");
}

static enum pelt_status fail_value(const char *word, size_t line, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL,
                     "line %zu: curl's %s needs a value and the command ends there", line, word);
}

/* "--name value" at word *i, which moves to the last one taken. */
static enum pelt_status long_option(struct reader *in, const struct convert_words *w, size_t *i,
                                    struct pelt_error *err)
{
    const char *word = w->at[*i], *name = word + 2;
    const struct convert_curl_option *o = convert_curl_by_name(name, strlen(name));
    if (o == NULL && strncmp(name, "no-", 3) == 0) {
        o = convert_curl_by_name(name + 3, strlen(name + 3));
        if (o != NULL && !o->takes) { /* off is what it is without it */
            convert_note(in->d, &in->part.r, "%s is left out: it switches something off", word);
            return PELT_OK;
        }
    }
    if (o == NULL) {
        note_unknown(in, word);
        return PELT_OK;
    }
    if (o->act == CURL_NEXT) {
        return end_part(in, w->line, err);
    }
    if (o->takes && *i + 1 == w->len) {
        return fail_value(word, w->line, err);
    }
    apply(in, o, word, o->takes ? w->at[++*i] : "");
    return PELT_OK;
}

/* "-sSL", "-XPOST", "-X POST". */
static enum pelt_status short_options(struct reader *in, const struct convert_words *w, size_t *i,
                                      struct pelt_error *err)
{
    for (const char *letter = w->at[*i] + 1; *letter != '\0'; letter++) {
        const struct convert_curl_option *o = convert_curl_by_letter(*letter);
        char typed[3] = {'-', *letter, '\0'};
        if (o == NULL) {
            note_unknown(in, typed);
        } else if (o->act == CURL_NEXT) {
            return end_part(in, w->line, err);
        } else if (!o->takes) {
            apply(in, o, typed, "");
        } else if (letter[1] != '\0') {
            apply(in, o, typed, letter + 1);
            return PELT_OK;
        } else if (*i + 1 == w->len) {
            return fail_value(typed, w->line, err);
        } else {
            apply(in, o, typed, w->at[++*i]);
        }
    }
    return PELT_OK;
}

static enum pelt_status read_command(struct reader *in, const struct convert_words *w, size_t from,
                                     struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    bool only_urls = false;
    if (w->variable != NULL) {
        convert_note(
            in->d, &in->part.r,
            "%s is not expanded: write its value, or .. pelt.env(\"NAME\") .. in its place",
            w->variable);
    }
    if (w->redirect != NULL) {
        convert_note(in->d, &in->part.r, "the shell's redirection to or from \"%s\" is left out",
                     w->redirect);
    }
    for (size_t i = from; status == PELT_OK && i < w->len; i++) {
        const char *word = w->at[i];
        if (only_urls || word[0] != '-' || word[1] == '\0') {
            add_text(in, &in->part.urls, word);
        } else if (strcmp(word, "--") == 0) {
            only_urls = true;
        } else if (word[1] == '-') {
            status = long_option(in, w, &i, err);
        } else {
            status = short_options(in, w, &i, err);
        }
    }
    return status == PELT_OK ? end_part(in, w->line, err) : status;
}

static bool is_curl(const char *word)
{
    const char *name = word + strlen(word);
    while (name > word && name[-1] != '/' && name[-1] != '\\') {
        name--;
    }
    return strcasecmp(name, "curl") == 0 || strcasecmp(name, "curl.exe") == 0;
}

/* Where the words behind "curl" begin, a prompt before it passed; 0: it is another command. */
static size_t behind_curl(const struct convert_words *w)
{
    size_t i = w->len > 1 && (strcmp(w->at[0], "$") == 0 || strcmp(w->at[0], "%") == 0);
    return is_curl(w->at[i]) ? i + 1 : 0;
}

static enum pelt_status read_lines(struct reader *in, struct pelt_span lines,
                                   struct pelt_error *err)
{
    struct convert_lines reader;
    struct convert_words words = {0};
    convert_lines_init(&reader, &in->d->arena, lines);
    enum pelt_status status = PELT_OK;
    while (status == PELT_OK) {
        status = convert_lines_next(&reader, &words, err);
        if (status != PELT_OK) {
            break;
        }
        size_t from = behind_curl(&words);
        if (from > 0) {
            status = read_command(in, &words, from, err);
        } else {
            convert_note(in->d, NULL,
                         "line %zu: \"%.60s\" is not curl: left out (an & in a URL needs quotes)",
                         words.line, words.at[0]);
        }
    }
    convert_words_deinit(&words);
    return status == PELT_EOF ? PELT_OK : status;
}

enum pelt_status pelt_convert_curl(struct pelt_span lines, struct pelt_converted *out,
                                   struct pelt_error *err)
{
    *out = (struct pelt_converted){0};
    if (lines.len > PELT_CONVERT_BYTES_MAX ||
        memchr(lines.ptr != NULL ? lines.ptr : "", '\0', lines.len)) {
        return pelt_fail(err, PELT_EINVAL, "this is no text with curl commands");
    }
    struct convert_draft draft = {.source = "curl"};
    struct reader in = {.d = &draft, .part = {.redirects = REDIRECTS_DEFAULT}};
    enum pelt_status status = read_lines(&in, lines, err);
    if (status == PELT_OK && draft.len == 0) {
        status = pelt_fail(
            err, PELT_EINVAL,
            "no curl command in it: it begins with the word curl, as curl -d x=1 http://HOST/");
    }
    if (status == PELT_OK) {
        status = convert_scenario_write(&draft, out, err);
    }
    part_deinit(&in.part);
    convert_draft_deinit(&draft);
    return status;
}
