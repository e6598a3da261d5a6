/*
 * option_values: see the header. A refusal says what was typed and what to write instead, or which
 * other option was meant; the option's own name is put before it by the caller.
 */
#include "option_values.h"

#include "agents.h"
#include "pelt/h2_session.h"
#include "pelt/http1_request.h"
#include "pelt/pipe.h"
#include "pelt/route.h"
#include "pelt/units.h"
#include "pelt/url.h"
#include "repeat.h"

#define USERS_MAX   1000000 /* as pelt_plan_validate() */
#define THREADS_MAX 1024

static bool is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789.")] == '\0';
}

static bool is_duration(const char *text)
{
    uint64_t ns;
    return !is_number(text) && pelt_parse_duration(text, &ns, NULL) == PELT_OK;
}

static bool is_rate(const char *text)
{
    double per_s;
    return pelt_parse_rate(text, &per_s, NULL) == PELT_OK;
}

/* Grows an array by one element of `size` bytes; the new one is zeroed. NULL: out of memory. */
static void *grow(void *array, size_t len, size_t size)
{
    char *bigger = realloc(array, (len + 1) * size);
    if (bigger != NULL) {
        memset(bigger + len * size, 0, size);
    }
    return bigger;
}

enum pelt_status cli_read_flag(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err)
{
    *(bool *)field = true;
    return PELT_OK;
}

enum pelt_status cli_read_text(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err)
{
    *(const char **)field = text;
    return PELT_OK;
}

enum pelt_status cli_read_web(struct cli_options *o, void *field, const char *text,
                              struct pelt_error *err)
{
    *(const char **)field = text != NULL ? text : "";
    return PELT_OK;
}

enum pelt_status cli_read_texts(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err)
{
    struct cli_texts *texts = field;
    const char **items = realloc(texts->items, (texts->len + 2) * sizeof *items);
    if (items == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    items[texts->len++] = text;
    items[texts->len] = NULL;
    texts->items = items;
    return PELT_OK;
}

enum pelt_status cli_read_users(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err)
{
    if (is_rate(text)) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is a rate of arrivals: --rate %s", text, text);
    }
    if (is_duration(text)) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is a duration: -d %s", text, text);
    }
    return pelt_parse_count("a number", text, 1, USERS_MAX, field, err);
}

enum pelt_status cli_read_pipeline(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err)
{
    return pelt_parse_count("a number", text, 1, PELT_PIPE_DEPTH_MAX, field, err);
}

enum pelt_status cli_read_streams(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err)
{
    return pelt_parse_count("a number", text, 1, PELT_H2_STREAMS_MOST, field, err);
}

enum pelt_status cli_read_window(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    enum pelt_status status = pelt_parse_size(text, field, err);
    const uint64_t bytes = status == PELT_OK ? *(uint64_t *)field : PELT_H2_WINDOW_LEAST;
    if (bytes < PELT_H2_WINDOW_LEAST || bytes > PELT_H2_WINDOW_MOST) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\": from 64k (HTTP/2's own) to 1g is possible",
                         text);
    }
    return status;
}

enum pelt_status cli_read_threads(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err)
{
    if (is_duration(text)) {
        return pelt_fail(
            err, PELT_EINVAL,
            "\"%s\" is a duration, and duration is -d: -d %s (-t is the number of threads)", text,
            text);
    }
    return pelt_parse_count("a number", text, 1, THREADS_MAX, field, err);
}

enum pelt_status cli_read_iterations(struct cli_options *o, void *field, const char *text,
                                     struct pelt_error *err)
{
    if (is_duration(text)) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is a duration: -d %s", text, text);
    }
    return pelt_parse_count("a number", text, 1, INT64_MAX, field, err);
}

enum pelt_status cli_read_repeat(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    return pelt_parse_count("a number", text, 1, CLI_REPEAT_MOST, field, err);
}

enum pelt_status cli_read_seed(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err)
{
    return pelt_parse_count("a number", text, 0, UINT64_MAX, field, err);
}

enum pelt_status cli_read_rate(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err)
{
    if (is_number(text)) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" has no unit: %s/s, or --ramp %s/s with --users?",
                         text, text, text);
    }
    enum pelt_status status = pelt_parse_rate(text, field, err);
    if (status == PELT_OK && *(double *)field <= 0) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" would send nothing: a rate is above 0", text);
    }
    return status;
}

enum pelt_status cli_read_duration(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err)
{
    enum pelt_status status = pelt_parse_duration(text, field, err);
    if (status == PELT_OK && *(uint64_t *)field == 0) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no time at all: write 500ms, 10s, 5m or 1h",
                         text);
    }
    return status;
}

enum pelt_status cli_read_warmup(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    enum pelt_status status = cli_read_duration(o, field, text, err);
    const uint64_t ns = *(uint64_t *)field;
    if (status == PELT_OK && ns % PELT_NS_PER_S != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\": what counts begins with a second: write whole ones, as 5s", text);
    }
    return status;
}

enum pelt_status cli_read_second(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    uint64_t ns;
    enum pelt_status status = pelt_parse_duration(text, &ns, err);
    if (status == PELT_OK &&
        (ns % PELT_NS_PER_S != 0 || ns / PELT_NS_PER_S > (uint64_t)INT32_MAX)) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\" is no whole second of a run, and a run file has no more than "
                         "those: write 90s, 5m or 1h30m",
                         text);
    }
    if (status == PELT_OK) {
        *(int32_t *)field = (int32_t)(ns / PELT_NS_PER_S);
    }
    return status;
}

enum pelt_status cli_read_grace(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err)
{
    return pelt_parse_duration(text, field, err);
}

enum pelt_status cli_read_ramp(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err)
{
    struct cli_ramp *ramp = field;
    *ramp = (struct cli_ramp){0};
    if (is_number(text)) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\" has no unit: %s/s more each second, or %ss until all are there?",
                         text, text, text);
    }
    if (strchr(text, '/') != NULL) {
        return cli_read_rate(o, &ramp->per_s, text, err);
    }
    return cli_read_duration(o, &ramp->duration_ns, text, err);
}

/* "uniform", "poisson", "gamma" or "gamma:SHAPE". */
enum pelt_status cli_read_arrivals(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err)
{
    static const char *const names[] = {"uniform", "poisson", "gamma", NULL};
    static const enum pelt_arrivals kinds[] = {PELT_ARRIVALS_UNIFORM, PELT_ARRIVALS_POISSON,
                                               PELT_ARRIVALS_GAMMA};
    size_t len = strcspn(text, ":");
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strlen(names[i]) != len || strncmp(names[i], text, len) != 0) {
            continue;
        }
        o->has_arrivals = true;
        o->arrivals = kinds[i];
        if (text[len] == '\0') {
            return PELT_OK;
        }
        char *end;
        o->gamma_shape = strtod(text + len + 1, &end);
        if (kinds[i] == PELT_ARRIVALS_GAMMA && is_number(text + len + 1) && *end == '\0' &&
            o->gamma_shape > 0) {
            return PELT_OK;
        }
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\": a shape above 0 belongs behind gamma only, as in gamma:0.5",
                         text);
    }
    const char *nearest = pelt_nearest(text, names);
    return pelt_fail(err, PELT_EINVAL, "\"%s\" is none of uniform, poisson, gamma%s%s%s", text,
                     nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "?" : "");
}

enum pelt_status cli_read_url(struct cli_options *o, void *field, const char *text,
                              struct pelt_error *err)
{
    struct pelt_url url;
    enum pelt_status status = pelt_url_parse(pelt_span_of(text), &url, err);
    *(const char **)field = text;
    return status;
}

enum pelt_status cli_read_method(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    if (!pelt_http1_is_token(pelt_span_of(text))) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no HTTP method: write GET, POST, PUT ...",
                         text);
    }
    return cli_read_text(o, field, text, err);
}

enum pelt_status cli_read_header(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    if (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) {
        return pelt_fail(
            err, PELT_EINVAL,
            "\"%s\" is a URL; -H is a header, as \"Name: value\", and the server is --target",
            text);
    }
    const char *colon = strchr(text, ':');
    if (colon == NULL || !pelt_http1_is_token(pelt_span(text, (size_t)(colon - text)))) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no header: write \"Name: value\"", text);
    }
    if (!pelt_http1_is_value(pelt_span_of(colon + 1))) {
        return pelt_fail(err, PELT_EINVAL, "header \"%.*s\" has a line break in its value",
                         (int)(colon - text), text);
    }
    return cli_read_texts(o, field, text, err);
}

typedef enum pelt_status (*route_fn)(struct pelt_route *route, const char *text,
                                     struct pelt_error *err);

static enum pelt_status read_route(struct cli_options *o, const char *text, route_fn add,
                                   struct pelt_error *err)
{
    return add(o->route, text, err);
}

enum pelt_status cli_read_resolve(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err)
{
    (void)field;
    return read_route(o, text, pelt_route_resolve, err);
}

enum pelt_status cli_read_connect_to(struct cli_options *o, void *field, const char *text,
                                     struct pelt_error *err)
{
    (void)field;
    return read_route(o, text, pelt_route_connect_to, err);
}

enum pelt_status cli_read_source_ip(struct cli_options *o, void *field, const char *text,
                                    struct pelt_error *err)
{
    (void)field;
    return read_route(o, text, pelt_route_source, err);
}

enum pelt_status cli_read_unix_socket(struct cli_options *o, void *field, const char *text,
                                      struct pelt_error *err)
{
    (void)field;
    return read_route(o, text, pelt_route_unix, err);
}

enum pelt_status cli_read_proxy(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err)
{
    (void)field;
    return read_route(o, text, pelt_route_proxy, err);
}

enum pelt_status cli_read_dns_server(struct cli_options *o, void *field, const char *text,
                                     struct pelt_error *err)
{
    (void)field;
    return read_route(o, text, pelt_route_dns_server, err);
}

enum pelt_status cli_read_dns_ttl(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err)
{
    uint64_t ttl_ns = 0;
    enum pelt_status status = pelt_parse_duration(text, &ttl_ns, err);
    (void)field;
    pelt_route_set_dns_ttl(o->route, ttl_ns);
    return status;
}

enum pelt_status cli_read_pacing(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    if (strcmp(text, "poll") != 0 && strcmp(text, "sleep") != 0) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\": write poll or sleep", text);
    }
    o->pacing = text[0] == 'p' ? PELT_PACING_POLL : PELT_PACING_SLEEP;
    return PELT_OK;
}

enum pelt_status cli_read_agent(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err)
{
    const char *url;
    enum pelt_status status = cli_agent_parse(text, &url, err);
    return status == PELT_OK ? cli_read_texts(o, field, text, err) : status;
}

enum pelt_status cli_read_threshold(struct cli_options *o, void *field, const char *text,
                                    struct pelt_error *err)
{
    struct pelt_threshold *all = grow(o->thresholds, o->thresholds_len, sizeof *all);
    if (all == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    o->thresholds = all;
    const char **texts = grow(o->threshold_texts, o->thresholds_len, sizeof *texts);
    if (texts == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    o->threshold_texts = texts;
    texts[o->thresholds_len] = text;
    if (pelt_threshold_is_foreign(
            text)) { /* read once the scenario is: it may declare the metric */
        all[o->thresholds_len++] = (struct pelt_threshold){.unit = PELT_UNIT_NUMBER};
        return PELT_OK;
    }
    enum pelt_status status = pelt_threshold_parse(text, &all[o->thresholds_len], err);
    o->thresholds_len += status == PELT_OK;
    return status;
}

/* A number above 0 at the text's begin; what is behind it. NULL: there is none. */
static const char *read_amount(const char *text, double *amount)
{
    const size_t len = strspn(text, "0123456789.");
    char *end;
    *amount = strtod(text, &end);
    return len > 0 && end == text + len && *amount > 0 && *amount < 1e12 ? end : NULL;
}

enum pelt_status cli_read_price(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err)
{
    static const struct {
        const char *unit;
        double hours;
    } units[] = {{"/h", 1}, {"/hour", 1}, {"/d", 24}, {"/day", 24}, {"/month", 730}};
    const size_t digits = strcspn(text, "0123456789.");
    double amount;
    const char *unit = read_amount(text, &amount);
    for (size_t i = 0; unit != NULL && i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].unit) == 0) {
            *(double *)field = amount / units[i].hours;
            return PELT_OK;
        }
    }
    if (unit != NULL && *unit == '\0') {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" has no unit: an hour is %s/h", text, text);
    }
    if (unit == NULL && digits > 0 && read_amount(text + digits, &amount) != NULL) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\": leave the currency out: %s", text,
                         text + digits);
    }
    return pelt_fail(err, PELT_EINVAL, "\"%s\" is no price: write 0.40/h, 9.60/d or 292/month",
                     text);
}

/* A rate, or a file, which is read once the command begins. */
enum pelt_status cli_read_demand(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    double per_s;
    if (is_number(text)) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" has no unit: %s/s", text, text);
    }
    if (is_rate(text)) {
        return cli_read_rate(o, &per_s, text, err) == PELT_OK ? cli_read_text(o, field, text, err)
                                                              : PELT_EINVAL;
    }
    return cli_read_text(o, field, text, err);
}

enum pelt_status cli_read_headroom(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err)
{
    double share;
    const enum pelt_status status = pelt_parse_share(text, &share, err);
    return status == PELT_OK ? cli_read_text(o, field, text, err) : status;
}

enum pelt_status cli_read_penalty(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err)
{
    double amount;
    const char *end = read_amount(text, &amount);
    if (end == NULL || *end != '\0') {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no number above 0, as in 0.01", text);
    }
    return cli_read_text(o, field, text, err);
}

enum pelt_status cli_read_setting(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\": write KEY=VALUE", text);
    }
    struct pelt_setting *all = grow(o->settings, o->settings_len, sizeof *all);
    char *key = strndup(text, (size_t)(equals - text));
    o->settings = all != NULL ? all : o->settings;
    if (all == NULL || key == NULL) {
        free(key);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    all[o->settings_len++] = (struct pelt_setting){.key = key, .value = equals + 1};
    return PELT_OK;
}

enum pelt_status cli_read_side(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err)
{
    o->side = field;
    return cli_read_texts(o, field, text, err);
}

/* "5%", "2ms" or both with a comma between: what is not said is no condition. */
enum pelt_status cli_read_effect(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err)
{
    struct pelt_effect *effect = field, read = {0, 0};
    char part[32];
    for (const char *at = text; at != NULL;) {
        const char *comma = strchr(at, ',');
        size_t len = comma != NULL ? (size_t)(comma - at) : strlen(at);
        struct pelt_error why;
        uint64_t ns = 0;
        snprintf(part, sizeof part, "%.*s", len < sizeof part ? (int)len : 0, at);
        bool share = len > 0 && part[strlen(part) > 0 ? strlen(part) - 1 : 0] == '%';
        enum pelt_status status = share ? pelt_parse_share(part, &read.share, &why)
                                        : pelt_parse_duration(part, &ns, &why);
        if (status != PELT_OK || (share ? read.share : (double)ns) <= 0) {
            return pelt_fail(err, PELT_EINVAL,
                             "\"%s\": write a share, a time or both, above 0: 5%%, 2ms or 5%%,1ms",
                             text);
        }
        read.time_us = share ? read.time_us : (double)ns / 1e3;
        at = comma != NULL ? comma + 1 : NULL;
    }
    *effect = read;
    return PELT_OK;
}

enum pelt_status cli_read_help(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err)
{
    o->help = true;
    return PELT_OK;
}

enum pelt_status cli_read_on_loss(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err)
{
    enum pelt_on_loss *on_loss = field;
    if (strcmp(text, "degrade") == 0) {
        *on_loss = PELT_ON_LOSS_DEGRADE;
    } else if (strcmp(text, "redistribute") == 0) {
        *on_loss = PELT_ON_LOSS_REDISTRIBUTE;
    } else if (strcmp(text, "abort") == 0) {
        *on_loss = PELT_ON_LOSS_ABORT;
    } else {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is none of degrade, redistribute, abort", text);
    }
    return PELT_OK;
}

enum pelt_status cli_read_slot(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err)
{
    char *end;
    const long slot = strtol(text, &end, 10);
    if (end == text || *end != '\0' || slot < 0 || slot >= PELT_BUS_SLOTS_MAX) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is no number from 0 to %d", text,
                         PELT_BUS_SLOTS_MAX - 1);
    }
    *(int64_t *)field = slot;
    return PELT_OK;
}
