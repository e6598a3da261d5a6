/*
 * frame: see the header. Parts of series are made when first touched and kept over a reset on the
 * `spare` list, so a frame in rotation stops allocating once it has seen its series.
 *
 * Thread: whoever holds it.
 */
#include "pelt/frame.h"

#include <assert.h>

static const char *const REQUEST_HISTS[PELT_HIST_REQUEST_KINDS] = {
#define X(symbol, name) name,
    PELT_REQUEST_HISTS(X)
#undef X
};

static const char *const RUN_HISTS[PELT_RUNHIST_KINDS] = {
#define X(symbol, name) name,
    PELT_RUN_HISTS(X)
#undef X
        "http_response_tainted",
    "http_response_relieved"};

const char *pelt_request_hist_name(enum pelt_request_hist kind)
{
    assert(kind < PELT_HIST_REQUEST_KINDS);
    return REQUEST_HISTS[kind];
}

const char *pelt_run_hist_name(enum pelt_run_hist kind)
{
    assert(kind < PELT_RUNHIST_KINDS);
    return RUN_HISTS[kind];
}

struct pelt_frame *pelt_frame_new(struct pelt_quota *quota)
{
    struct pelt_frame *f = pelt_shm_take(pelt_quota_shm(quota), sizeof *f);
    if (f != NULL) {
        pelt_hist_pool_init(&f->pool, quota);
    }
    return f;
}

/* A series' part, zeroed. */
static void *part_new(struct pelt_frame *f, size_t bytes)
{
    void *part = pelt_shm_take(pelt_quota_shm(f->pool.quota), bytes);
    if (part != NULL) {
        pelt_quota_draw(f->pool.quota, bytes);
    }
    return part;
}

static void part_free(struct pelt_frame *f, void *part, size_t bytes)
{
    if (part != NULL) {
        pelt_quota_give(f->pool.quota, bytes);
        pelt_shm_give(pelt_quota_shm(f->pool.quota), part);
    }
}

static void request_free(struct pelt_frame *f, struct pelt_request_frame *r)
{
    if (r != NULL) {
        part_free(f, r->slowest, sizeof *r->slowest);
        part_free(f, r, sizeof *r);
    }
}

void pelt_frame_free(struct pelt_frame *f)
{
    if (f == NULL) {
        return;
    }
    for (uint32_t i = 0; i < f->requests_len; i++) {
        request_free(f, f->requests[i]);
    }
    while (f->spare != NULL) {
        struct pelt_request_frame *spare = f->spare;
        f->spare = spare->next_spare;
        request_free(f, spare);
    }
    for (uint32_t i = 0; i < f->metrics_len; i++) {
        part_free(f, f->metrics[i], sizeof *f->metrics[i]);
    }
    while (f->spare_metrics != NULL) {
        struct pelt_metric_frame *spare = f->spare_metrics;
        f->spare_metrics = spare->next_spare;
        part_free(f, spare, sizeof *spare);
    }
    struct pelt_shm *shm = pelt_quota_shm(f->pool.quota);
    pelt_shm_give(shm, f->metrics);
    pelt_shm_give(shm, f->requests);
    pelt_shm_give(shm, f->checks);
    pelt_hist_pool_deinit(&f->pool);
    pelt_shm_give(shm, f);
}

/* Empties a series' part and puts it on the spare list, with its memory for the slowest. */
static void retire(struct pelt_frame *f, struct pelt_request_frame *r)
{
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        pelt_hist_reset(&r->hist[kind], &f->pool);
    }
    *r = (struct pelt_request_frame){.next_spare = f->spare, .slowest = r->slowest};
    if (r->slowest != NULL) {
        r->slowest->len = 0;
    }
    f->spare = r;
}

static void retire_metric(struct pelt_frame *f, struct pelt_metric_frame *m)
{
    pelt_hist_reset(&m->hist, &f->pool);
    *m = (struct pelt_metric_frame){.next_spare = f->spare_metrics};
    f->spare_metrics = m;
}

void pelt_frame_reset(struct pelt_frame *f)
{
    for (uint32_t i = 0; i < f->metrics_len; i++) {
        if (f->metrics[i] != NULL) {
            retire_metric(f, f->metrics[i]);
            f->metrics[i] = NULL;
        }
    }
    for (uint32_t i = 0; i < f->requests_len; i++) {
        if (f->requests[i] != NULL) {
            retire(f, f->requests[i]);
            f->requests[i] = NULL;
        }
    }
    for (unsigned kind = 0; kind < PELT_RUNHIST_KINDS; kind++) {
        pelt_hist_reset(&f->hist[kind], &f->pool);
    }
    if (f->checks_len > 0) {
        memset(f->checks, 0, f->checks_len * sizeof *f->checks);
    }
    struct pelt_frame kept = {.pool = f->pool,
                              .requests = f->requests,
                              .requests_len = f->requests_len,
                              .checks = f->checks,
                              .checks_len = f->checks_len,
                              .metrics = f->metrics,
                              .metrics_len = f->metrics_len,
                              .spare = f->spare,
                              .spare_metrics = f->spare_metrics};
    *f = kept;
}

/*
 * A copy of `array` of `len` items that holds index `id`, doubled, new items zeroed, and *more, how
 * many it has; the old one is given back. NULL: out of memory, the old array stays.
 */
static void *grow(struct pelt_frame *f, void *array, uint32_t len, uint32_t id, size_t item_bytes,
                  uint32_t *more)
{
    struct pelt_shm *shm = pelt_quota_shm(f->pool.quota);
    *more = len < 8 ? 8 : 2 * len;
    *more = id < *more ? *more : id + 1;
    void *grown = pelt_shm_take(shm, *more * item_bytes);
    if (grown != NULL && len > 0) {
        memcpy(grown, array, len * item_bytes);
        pelt_shm_give(shm, array);
    }
    return grown;
}

/* Between an array and its new length: who finds this process killed (pelt/estate.h) reads no more
 * items than there are. */
static void array_first(void)
{
    atomic_signal_fence(memory_order_release);
}

struct pelt_request_frame *pelt_frame_request_slow(struct pelt_frame *f, uint32_t series)
{
    assert(series < PELT_SERIES_MAX);
    if (series >= f->requests_len) {
        uint32_t more;
        void *grown = grow(f, f->requests, f->requests_len, series, sizeof *f->requests, &more);
        if (grown == NULL) {
            return NULL;
        }
        f->requests = grown;
        array_first();
        f->requests_len = more;
    }
    struct pelt_request_frame *r = f->requests[series];
    if (r == NULL && f->spare != NULL) {
        r = f->spare;
        f->spare = r->next_spare;
        r->next_spare = NULL;
    } else if (r == NULL) {
        r = part_new(f, sizeof *r);
    }
    f->requests[series] = r;
    return r;
}

struct pelt_metric_frame *pelt_frame_metric_slow(struct pelt_frame *f, uint32_t series)
{
    assert(series < PELT_METRIC_SERIES_MAX);
    if (series >= f->metrics_len) {
        uint32_t more;
        void *grown = grow(f, f->metrics, f->metrics_len, series, sizeof *f->metrics, &more);
        if (grown == NULL) {
            return NULL;
        }
        f->metrics = grown;
        array_first();
        f->metrics_len = more;
    }
    struct pelt_metric_frame *m = f->metrics[series];
    if (m == NULL && f->spare_metrics != NULL) {
        m = f->spare_metrics;
        f->spare_metrics = m->next_spare;
        m->next_spare = NULL;
    } else if (m == NULL) {
        m = part_new(f, sizeof *m);
    }
    f->metrics[series] = m;
    return m;
}

struct pelt_check_frame *pelt_frame_check(struct pelt_frame *f, uint32_t check)
{
    assert(check < PELT_CHECKS_MAX);
    if (check >= f->checks_len) {
        uint32_t more;
        void *grown = grow(f, f->checks, f->checks_len, check, sizeof *f->checks, &more);
        if (grown == NULL) {
            return NULL;
        }
        f->checks = grown;
        array_first();
        f->checks_len = more;
    }
    return &f->checks[check];
}

const struct pelt_error_frame *pelt_frame_find_error(const struct pelt_frame *f, uint32_t series,
                                                     enum pelt_outcome outcome)
{
    for (uint32_t i = 0; i < f->errors_len; i++) {
        if (f->errors[i].series == series && f->errors[i].outcome == outcome) {
            return &f->errors[i].e;
        }
    }
    return NULL;
}

struct pelt_counts pelt_frame_counts(const struct pelt_frame *f)
{
    struct pelt_counts n = {0};
    for (uint32_t i = 0; i < f->requests_len; i++) {
        const struct pelt_request_frame *r = f->requests[i];
        if (r == NULL) {
            continue;
        }
        n.started += r->started;
        for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
            n.by_outcome[o] += r->outcomes[o];
            n.ended += r->outcomes[o];
        }
    }
    n.ok = n.by_outcome[PELT_OUTCOME_OK];
    return n;
}

uint64_t pelt_frame_lost(const struct pelt_frame *f)
{
    uint64_t lost = f->lost;
    for (unsigned kind = 0; kind < PELT_RUNHIST_KINDS; kind++) {
        lost += f->hist[kind].lost;
    }
    for (uint32_t i = 0; i < f->requests_len; i++) {
        for (unsigned kind = 0; f->requests[i] != NULL && kind < PELT_HIST_REQUEST_KINDS; kind++) {
            lost += f->requests[i]->hist[kind].lost;
        }
    }
    for (uint32_t i = 0; i < f->metrics_len; i++) {
        lost += f->metrics[i] != NULL ? f->metrics[i]->hist.lost : 0;
    }
    return lost;
}

/* Adds `e` to what is kept of its class; the earliest sample stays. */
static void merge_error(struct pelt_error_frame *into, const struct pelt_error_frame *e)
{
    if (into->count == 0 || e->first_ns < into->first_ns) {
        into->first_ns = e->first_ns;
        memcpy(into->sample, e->sample, sizeof into->sample);
        into->has_exchange = e->has_exchange;
        into->exchange = e->exchange;
    }
    if (e->last_ns > into->last_ns) {
        into->last_ns = e->last_ns;
    }
    into->count += e->count;
}

/* The place for errors of this class, made if there is room; NULL: no room. */
static struct pelt_error_frame *error_of(struct pelt_frame *f, uint32_t series,
                                         enum pelt_outcome outcome)
{
    for (uint32_t i = 0; i < f->errors_len; i++) {
        if (f->errors[i].series == series && f->errors[i].outcome == outcome) {
            return &f->errors[i].e;
        }
    }
    if (f->errors_len == PELT_FRAME_ERRORS) {
        return NULL;
    }
    uint32_t i = f->errors_len++;
    f->errors[i].series = series;
    f->errors[i].outcome = outcome;
    f->errors[i].e = (struct pelt_error_frame){0};
    return &f->errors[i].e;
}

struct pelt_error_frame *pelt_frame_error(struct pelt_frame *f, uint32_t series,
                                          enum pelt_outcome outcome, uint64_t at_ns,
                                          const char *sample)
{
    struct pelt_error_frame *kept = error_of(f, series, outcome);
    if (kept == NULL) {
        return NULL;
    }
    bool first = kept->count == 0 || at_ns < kept->first_ns;
    if (first) {
        kept->first_ns = at_ns;
        snprintf(kept->sample, sizeof kept->sample, "%s", sample);
    }
    kept->last_ns = at_ns > kept->last_ns ? at_ns : kept->last_ns;
    kept->count++;
    return first ? kept : NULL;
}

/* The slowest of a name, with room for some; NULL: out of memory. */
static struct pelt_slowest_frame *slowest_of(struct pelt_frame *f, uint32_t series)
{
    struct pelt_request_frame *r = pelt_frame_request(f, series);
    if (r != NULL && r->slowest == NULL) {
        r->slowest = part_new(f, sizeof *r->slowest);
    }
    return r != NULL ? r->slowest : NULL;
}

enum pelt_status pelt_frame_slow(struct pelt_frame *f, const struct pelt_kept *k)
{
    (void)pelt_kept_add(f->slowest, &f->slowest_len, PELT_KEPT_OF_RUN, k);
    struct pelt_slowest_frame *of = slowest_of(f, k->series);
    if (of == NULL) {
        return PELT_ENOMEM;
    }
    (void)pelt_kept_add(of->list, &of->len, PELT_KEPT_OF_NAME, k);
    return PELT_OK;
}

/* NULL: out of memory. */
static struct pelt_request_frame *add_request_counts(struct pelt_frame *into, uint32_t series,
                                                     const struct pelt_request_frame *from)
{
    struct pelt_request_frame *r = pelt_frame_request(into, series);
    if (r == NULL) {
        return NULL;
    }
    r->started += from->started;
    r->bytes_sent += from->bytes_sent;
    r->bytes_received += from->bytes_received;
    for (unsigned i = 0; i < PELT_OUTCOME_COUNT; i++) {
        r->outcomes[i] += from->outcomes[i];
    }
    return r;
}

static enum pelt_status add_request(struct pelt_frame *into, uint32_t series,
                                    const struct pelt_request_frame *from)
{
    struct pelt_request_frame *r = add_request_counts(into, series, from);
    if (r == NULL) {
        return PELT_ENOMEM;
    }
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        pelt_hist_add(&r->hist[kind], &into->pool, &from->hist[kind]);
    }
    if (from->slowest == NULL || from->slowest->len == 0) {
        return PELT_OK;
    }
    struct pelt_slowest_frame *of = slowest_of(into, series);
    for (uint8_t i = 0; of != NULL && i < from->slowest->len; i++) {
        struct pelt_kept k = from->slowest->list[i];
        k.series = series; /* it may have been another's: pelt_frame_fold() */
        (void)pelt_kept_add(of->list, &of->len, PELT_KEPT_OF_NAME, &k);
    }
    return of != NULL ? PELT_OK : PELT_ENOMEM;
}

static enum pelt_status add_check(struct pelt_frame *into, uint32_t check,
                                  const struct pelt_check_frame *from)
{
    if (from->passed + from->failed == 0) {
        return PELT_OK; /* a place in the array, not a check that ran */
    }
    struct pelt_check_frame *c = pelt_frame_check(into, check);
    if (c == NULL) {
        return PELT_ENOMEM;
    }
    c->passed += from->passed;
    c->failed += from->failed;
    return PELT_OK;
}

/* The extremes of a gauge, and what it was last. */
static void add_gauge(struct pelt_metric_frame *into, const struct pelt_metric_frame *from)
{
    bool first = into->values == 0;
    if (first || from->at_ns > into->at_ns ||
        (from->at_ns == into->at_ns && from->last > into->last)) {
        into->at_ns = from->at_ns;
        into->last = from->last;
    }
    into->min = first || from->min < into->min ? from->min : into->min;
    into->max = first || from->max > into->max ? from->max : into->max;
}

void pelt_metric_frame_add(struct pelt_metric_frame *into, struct pelt_hist_pool *pool,
                           const struct pelt_metric_frame *from)
{
    if (from->values == 0) {
        return;
    }
    add_gauge(into, from);
    into->values += from->values;
    into->sum += from->sum;
    into->sum = into->sum < PELT_METRIC_SUM_MAX ? into->sum : PELT_METRIC_SUM_MAX;
    pelt_hist_add(&into->hist, pool, &from->hist);
}

static enum pelt_status add_metric(struct pelt_frame *into, uint32_t series,
                                   const struct pelt_metric_frame *from)
{
    struct pelt_metric_frame *m = pelt_frame_metric(into, series);
    if (m == NULL) {
        return PELT_ENOMEM;
    }
    pelt_metric_frame_add(m, &into->pool, from);
    return PELT_OK;
}

/* What needs no memory. */
static void add_sums(struct pelt_frame *into, const struct pelt_frame *from)
{
    into->iterations += from->iterations;
    into->script_errors += from->script_errors;
    into->planned += from->planned;
    into->dropped += from->dropped;
    into->users += from->users;
    into->waiting += from->waiting;
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        into->slots[i].started += from->slots[i].started;
        into->slots[i].ended += from->slots[i].ended;
        into->slots[i].waiting += from->slots[i].waiting;
    }
    into->cpu_ns += from->cpu_ns;
    into->spin_ns += from->spin_ns;
    into->run_wait_ns += from->run_wait_ns;
    into->run_wait_unread += from->run_wait_unread;
    into->lua_looks += from->lua_looks;
    into->lua_seen += from->lua_seen;
    into->flight_ns += from->flight_ns;
    into->unanswered_ns += from->unanswered_ns;
    into->lost += from->lost;
}

static void add_run(struct pelt_frame *into, const struct pelt_frame *from)
{
    add_sums(into, from);
    for (uint8_t i = 0; i < from->slowest_len; i++) {
        (void)pelt_kept_add(into->slowest, &into->slowest_len, PELT_KEPT_OF_RUN, &from->slowest[i]);
    }
    for (unsigned kind = 0; kind < PELT_RUNHIST_KINDS; kind++) {
        pelt_hist_add(&into->hist[kind], &into->pool, &from->hist[kind]);
    }
    for (uint32_t i = 0; i < from->errors_len; i++) {
        struct pelt_error_frame *kept =
            error_of(into, from->errors[i].series, from->errors[i].outcome);
        if (kept != NULL) {
            merge_error(kept, &from->errors[i].e);
        }
    }
}

enum pelt_status pelt_frame_add(struct pelt_frame *into, const struct pelt_frame *from)
{
    enum pelt_status status = PELT_OK;
    add_run(into, from);
    for (uint32_t i = 0; i < from->requests_len && status == PELT_OK; i++) {
        if (from->requests[i] != NULL) {
            status = add_request(into, i, from->requests[i]);
        }
    }
    for (uint32_t i = 0; i < from->checks_len && status == PELT_OK; i++) {
        status = add_check(into, i, &from->checks[i]);
    }
    return status == PELT_OK ? pelt_frame_add_metrics(into, from) : status;
}

enum pelt_status pelt_frame_add_counts(struct pelt_frame *into, const struct pelt_frame *from)
{
    enum pelt_status status = PELT_OK;
    add_sums(into, from);
    for (uint32_t i = 0; i < from->requests_len && status == PELT_OK; i++) {
        if (from->requests[i] != NULL && add_request_counts(into, i, from->requests[i]) == NULL) {
            status = PELT_ENOMEM;
        }
    }
    for (uint32_t i = 0; i < from->checks_len && status == PELT_OK; i++) {
        status = add_check(into, i, &from->checks[i]);
    }
    return status;
}

enum pelt_status pelt_frame_add_metrics(struct pelt_frame *into, const struct pelt_frame *from)
{
    enum pelt_status status = PELT_OK;
    for (uint32_t i = 0; i < from->metrics_len && status == PELT_OK; i++) {
        if (from->metrics[i] != NULL) {
            status = add_metric(into, i, from->metrics[i]);
        }
    }
    return status;
}

size_t pelt_frame_growth(const struct pelt_frame *into, const struct pelt_frame *from,
                         uint32_t series)
{
    static const struct pelt_hist none = {0};
    const struct pelt_request_frame *more = from->requests[series];
    const struct pelt_request_frame *have =
        series < into->requests_len ? into->requests[series] : NULL;
    size_t bytes = have == NULL ? sizeof *have : 0;
    bytes += more->slowest != NULL && (have == NULL || have->slowest == NULL)
                 ? sizeof *more->slowest
                 : 0;
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        bytes += pelt_hist_growth(have != NULL ? &have->hist[kind] : &none, &more->hist[kind]);
    }
    return bytes;
}

static void fold_errors(struct pelt_frame *f, uint32_t series)
{
    for (uint32_t i = 0; i < f->errors_len; i++) {
        if (f->errors[i].series != series) {
            continue;
        }
        f->errors[i].e.exchange.series = PELT_SERIES_OTHER;
        const struct pelt_error_frame *kept =
            pelt_frame_find_error(f, PELT_SERIES_OTHER, f->errors[i].outcome);
        if (kept == NULL) {
            f->errors[i].series = PELT_SERIES_OTHER;
        } else {
            merge_error(error_of(f, PELT_SERIES_OTHER, f->errors[i].outcome), &f->errors[i].e);
            f->errors[i--] = f->errors[--f->errors_len];
        }
    }
}

void pelt_frame_fold(struct pelt_frame *f, uint32_t series)
{
    struct pelt_request_frame *r = f->requests[series];
    if (add_request(f, PELT_SERIES_OTHER, r) == PELT_OK) {
        fold_errors(f, series);
        for (uint8_t i = 0; i < f->slowest_len; i++) {
            const bool of_it = f->slowest[i].series == series;
            f->slowest[i].series = of_it ? PELT_SERIES_OTHER : f->slowest[i].series;
        }
        retire(f, r);
        f->requests[series] = NULL;
    }
}
