/*
 * recorder: the hot path of the figures. What every answered exchange needs is inline; what is rare
 * (a second's edge, an error, a new connection's phases, want of memory) lies in cold functions of
 * its own.
 *
 * Invariant: second_edge_ns = start_ns + (k + 1) s, where second k is running; the frame's own
 * second is k, or earlier while no empty frame could be had. edge_ns lies at most a slot's length
 * ahead of what was recorded last, so that the hot path finds the running slot without a division.
 * Thread: the owner. Times in ns of the monotonic clock.
 */
#include "pelt/recorder.h"

#include <assert.h>

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD        __attribute__((noinline, cold))

#define SLOT_NS (PELT_NS_PER_S / PELT_FRAME_SLOTS)

void pelt_recorder_init(struct pelt_recorder *r, struct pelt_frame *frame, uint64_t start_ns,
                        pelt_turn_fn turn, void *arg)
{
    assert(frame != NULL);
    bool turns = turn != NULL && frame->second >= 0;
    uint64_t edge_ns = start_ns + ((uint64_t)frame->second + 1) * PELT_NS_PER_S;
    *r = (struct pelt_recorder){.frame = frame,
                                .slot = &frame->slots[0],
                                .start_ns = start_ns,
                                .edge_ns = turns ? edge_ns - PELT_NS_PER_S + SLOT_NS : PELT_NEVER,
                                .second_edge_ns = turns ? edge_ns : PELT_NEVER,
                                .stalling_ns = PELT_NEVER,
                                .turn = turn,
                                .arg = arg};
}

/* Of the frame that is there, the slot of `now_ns`, which lies before the second's edge. A frame
 * that is filled on under its old second takes all that comes later into its last slot. */
static void find_slot(struct pelt_recorder *r, uint64_t now_ns)
{
    uint64_t begin_ns = r->second_edge_ns - PELT_NS_PER_S;
    unsigned at = now_ns > begin_ns ? (unsigned)((now_ns - begin_ns) / SLOT_NS) : 0;
    int32_t running = (int32_t)((begin_ns - r->start_ns) / PELT_NS_PER_S);
    r->edge_ns = begin_ns + (at + 1) * SLOT_NS;
    r->slot = &r->frame->slots[r->frame->second == running ? at : PELT_FRAME_SLOTS - 1];
}

static void turn_seconds(struct pelt_recorder *r, uint64_t now_ns)
{
    uint64_t edges = (now_ns - r->second_edge_ns) / PELT_NS_PER_S + 1;
    if (edges > PELT_RECORDER_CATCH_UP) {
        r->second_edge_ns += (edges - PELT_RECORDER_CATCH_UP) * PELT_NS_PER_S;
    }
    for (; now_ns >= r->second_edge_ns; r->second_edge_ns += PELT_NS_PER_S) {
        uint16_t thread =
            r->frame->thread; /* read before: the frame is another thread's afterwards */
        struct pelt_frame *next = r->turn(r->arg, r->frame);
        if (next != NULL) {
            next->second = (int32_t)((r->second_edge_ns - r->start_ns) / PELT_NS_PER_S);
            next->thread = thread;
            r->frame = next;
        }
    }
}

COLD void pelt_recorder_turn_slow(struct pelt_recorder *r, uint64_t now_ns)
{
    if (now_ns >= r->second_edge_ns) {
        turn_seconds(r, now_ns);
    }
    find_slot(r, now_ns);
}

/* The series' part of the frame; NULL: out of memory, and the event counted as lost. */
static inline struct pelt_request_frame *request_of(struct pelt_recorder *r, uint32_t series)
{
    struct pelt_request_frame *f = pelt_frame_request(r->frame, series);
    if (UNLIKELY(f == NULL)) {
        r->frame->lost++;
    }
    return f;
}

void pelt_recorder_started(struct pelt_recorder *r, uint32_t series, uint64_t due_ns,
                           uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    struct pelt_request_frame *f = request_of(r, series);
    if (LIKELY(f != NULL)) {
        f->started++;
        r->frame->flight_ns -= due_ns - r->start_ns;
        r->slot->started++;
    }
}

static inline void record_phase(struct pelt_hist *h, struct pelt_hist_pool *pool, uint64_t ns)
{
    if (LIKELY(ns != PELT_NEVER)) {
        pelt_hist_record_ns(h, pool, ns);
    }
}

COLD static void record_setup(struct pelt_request_frame *f, struct pelt_hist_pool *pool,
                              const struct pelt_sample *s)
{
    record_phase(&f->hist[PELT_HIST_DNS], pool, s->dns_ns);
    record_phase(&f->hist[PELT_HIST_CONNECT], pool, s->connect_ns);
    record_phase(&f->hist[PELT_HIST_TLS], pool, s->tls_ns);
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What was due within a stall, and is told of after it, is a stall from its end on. */
void pelt_recorder_stalled(struct pelt_recorder *r, uint64_t length_ns, uint64_t now_ns)
{
    const uint64_t i = r->stalls_len++ % PELT_STALLS_KEPT;
    r->stalls[i].length_ns = lesser(length_ns, now_ns - r->stalled_ns);
    r->stalls[i].end_ns = now_ns;
    r->stalled_ns = now_ns;
}

/* For how long stalls held the thread up since `due_ns`, the running one included; the newest ones
 * first. */
static uint64_t stalled_since(const struct pelt_recorder *r, uint64_t due_ns, uint64_t done_ns)
{
    uint64_t sum_ns = 0;
    if (done_ns > r->stalling_ns) {
        sum_ns += lesser(done_ns - r->stalling_ns + PELT_STALL_NS, done_ns - due_ns);
    }
    for (uint64_t back = 1; back <= r->stalls_len; back++) {
        const uint64_t i = (r->stalls_len - back) % PELT_STALLS_KEPT;
        if (back > PELT_STALLS_KEPT) {
            return done_ns - due_ns; /* how long the others were is forgotten */
        }
        if (r->stalls[i].end_ns <= due_ns) {
            break;
        }
        sum_ns += lesser(r->stalls[i].length_ns, r->stalls[i].end_ns - due_ns);
    }
    return lesser(sum_ns, done_ns - due_ns);
}

__attribute__((noinline)) static void record_if_tainted(struct pelt_recorder *r,
                                                        const struct pelt_sample *s)
{
    struct pelt_frame *f = r->frame;
    const uint64_t added_ns = stalled_since(r, s->done_ns - s->response_ns, s->done_ns);
    if ((double)added_ns > PELT_TAINT_SHARE * (double)s->response_ns) {
        pelt_hist_record_ns(&f->hist[PELT_RUNHIST_TAINTED], &f->pool, s->response_ns);
        pelt_hist_record_ns(&f->hist[PELT_RUNHIST_RELIEVED], &f->pool, s->response_ns - added_ns);
    }
}

static inline void record_times(struct pelt_request_frame *f, struct pelt_hist_pool *pool,
                                const struct pelt_sample *s)
{
    pelt_hist_record_ns(&f->hist[PELT_HIST_RESPONSE], pool, s->response_ns);
    if (LIKELY(s->sent)) {
        pelt_hist_record_ns(&f->hist[PELT_HIST_SERVICE], pool, s->service_ns);
    }
    record_phase(&f->hist[PELT_HIST_BLOCKED], pool, s->blocked_ns);
    record_phase(&f->hist[PELT_HIST_SEND], pool, s->send_ns);
    record_phase(&f->hist[PELT_HIST_WAIT], pool, s->wait_ns);
    record_phase(&f->hist[PELT_HIST_RECEIVE], pool, s->receive_ns);
    /* PELT_NEVER is all ones, so the three are all absent if and only if their AND is. */
    if (UNLIKELY((s->dns_ns & s->connect_ns & s->tls_ns) != PELT_NEVER)) {
        record_setup(f, pool, s);
    }
}

/* ---- single exchanges ---- */

static void fill_kept(const struct pelt_recorder *r, uint32_t series, const struct pelt_sample *s,
                      struct pelt_kept *k)
{
    *k = (struct pelt_kept){
        .series = series,
        .thread = r->frame->thread,
        .outcome = s->outcome,
        .sent = s->sent,
        .answered = s->answered,
        .done_ns = s->done_ns > r->start_ns ? s->done_ns - r->start_ns : 0,
        .response_ns = s->response_ns,
        .service_ns = s->sent ? s->service_ns : 0,
        .phase_ns = {s->blocked_ns, s->dns_ns, s->connect_ns, s->tls_ns, s->send_ns, s->wait_ns,
                     s->receive_ns},
        .bytes_sent = s->bytes_sent,
        .bytes_received = s->bytes_received,
    };
    if (r->describe != NULL) {
        r->describe(s->of, k);
    }
}

/* Puts `ns` into a falling list of `len`, whose last one has to go. False: it is too short. */
static bool lengthen(uint64_t *list, unsigned len, uint64_t ns)
{
    unsigned at = len - 1;
    if (ns <= list[at]) {
        return false;
    }
    for (; at > 0 && ns > list[at - 1]; at--) {
        list[at] = list[at - 1];
    }
    list[at] = ns;
    return true;
}

/* It took longer than the series' bound in the frame says, which is too low where the frame is new,
 * or others have become slower. */
COLD static void record_slow(struct pelt_recorder *r, struct pelt_request_frame *f, uint32_t series,
                             const struct pelt_sample *s)
{
    uint64_t *of_name = r->slowest_of_ns[series];
    if (r->frame->second < 0) {
        f->slow_ns = UINT64_MAX;
        return;
    }
    const bool of_run = lengthen(r->slowest_ns, PELT_KEPT_OF_RUN, s->response_ns);
    if (lengthen(of_name, PELT_KEPT_OF_NAME, s->response_ns) || of_run) {
        struct pelt_kept k;
        fill_kept(r, series, s, &k);
        if (pelt_frame_slow(r->frame, &k) != PELT_OK) {
            r->frame->lost++;
        }
    }
    f->slow_ns = lesser(of_name[PELT_KEPT_OF_NAME - 1], r->slowest_ns[PELT_KEPT_OF_RUN - 1]);
}

COLD static void record_error(struct pelt_recorder *r, uint32_t series, const struct pelt_sample *s)
{
    uint64_t at_ns = s->done_ns > r->start_ns ? s->done_ns - r->start_ns : 0;
    if (s->answered) {
        struct pelt_request_frame *f = r->frame->requests[series]; /* it is there: it was counted */
        pelt_hist_record_ns(&f->hist[PELT_HIST_FAILED], &r->frame->pool, s->response_ns);
    }
    struct pelt_error_frame *first =
        pelt_frame_error(r->frame, series, s->outcome, at_ns,
                         s->error != NULL ? s->error : pelt_outcome_name(s->outcome));
    if (first != NULL) {
        fill_kept(r, series, s, &first->exchange);
        first->has_exchange = true;
    }
}

void pelt_recorder_ended(struct pelt_recorder *r, uint32_t series, const struct pelt_sample *s)
{
    assert(s->outcome < PELT_OUTCOME_COUNT);
    pelt_recorder_turn(r, s->done_ns);
    struct pelt_request_frame *f = request_of(r, series);
    if (UNLIKELY(f == NULL)) {
        return;
    }
    f->outcomes[s->outcome]++;
    r->slot->ended++;
    f->bytes_sent += s->bytes_sent;
    f->bytes_received += s->bytes_received;
    r->frame->flight_ns += s->done_ns - r->start_ns;
    if (LIKELY(s->answered)) {
        if (UNLIKELY(s->response_ns > f->slow_ns)) {
            record_slow(r, f, series, s);
        }
        record_times(f, &r->frame->pool, s);
        if (UNLIKELY(s->done_ns - s->response_ns < r->stalled_ns || s->done_ns > r->stalling_ns)) {
            record_if_tainted(r, s);
        }
    } else {
        r->frame->unanswered_ns += s->response_ns;
    }
    if (UNLIKELY(s->outcome != PELT_OUTCOME_OK) && pelt_outcome_is_error(s->outcome)) {
        record_error(r, series, s);
    }
}

void pelt_recorder_check(struct pelt_recorder *r, uint32_t check, bool passed, uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    struct pelt_check_frame *c = pelt_frame_check(r->frame, check);
    if (UNLIKELY(c == NULL)) {
        r->frame->lost++;
        return;
    }
    c->passed += passed;
    c->failed += !passed;
}

/* The series' part of the frame, one value more in it; NULL: out of memory, and counted as lost. */
static struct pelt_metric_frame *metric_of(struct pelt_recorder *r, uint32_t series,
                                           uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    struct pelt_metric_frame *m = pelt_frame_metric(r->frame, series);
    if (UNLIKELY(m == NULL)) {
        r->frame->lost++;
        return NULL;
    }
    m->values++;
    return m;
}

void pelt_recorder_counter(struct pelt_recorder *r, uint32_t series, uint64_t n, uint64_t now_ns)
{
    assert(n <= PELT_METRIC_SUM_MAX);
    struct pelt_metric_frame *m = metric_of(r, series, now_ns);
    if (LIKELY(m != NULL)) {
        m->sum = m->sum + n < PELT_METRIC_SUM_MAX ? m->sum + n : PELT_METRIC_SUM_MAX;
    }
}

void pelt_recorder_gauge(struct pelt_recorder *r, uint32_t series, double value, uint64_t now_ns)
{
    struct pelt_metric_frame *m = metric_of(r, series, now_ns);
    if (UNLIKELY(m == NULL)) {
        return;
    }
    m->min = m->values == 1 || value < m->min ? value : m->min;
    m->max = m->values == 1 || value > m->max ? value : m->max;
    m->last = value;
    m->at_ns = now_ns > r->start_ns ? now_ns - r->start_ns : 0;
}

void pelt_recorder_share(struct pelt_recorder *r, uint32_t series, bool passed, uint64_t now_ns)
{
    struct pelt_metric_frame *m = metric_of(r, series, now_ns);
    if (LIKELY(m != NULL)) {
        m->sum += passed;
    }
}

void pelt_recorder_trend(struct pelt_recorder *r, uint32_t series, uint64_t scaled, uint64_t now_ns)
{
    struct pelt_metric_frame *m = metric_of(r, series, now_ns);
    if (LIKELY(m != NULL)) {
        pelt_hist_record(&m->hist, &r->frame->pool, scaled);
    }
}

void pelt_recorder_iteration(struct pelt_recorder *r, uint64_t duration_ns, bool script_error,
                             uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    struct pelt_frame *f = r->frame;
    f->iterations++;
    f->script_errors += script_error;
    pelt_hist_record_ns(&f->hist[PELT_RUNHIST_ITERATION], &f->pool, duration_ns);
}

void pelt_recorder_script_error(struct pelt_recorder *r, uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    r->frame->script_errors++;
}

void pelt_recorder_arrival(struct pelt_recorder *r, uint64_t lag_ns, uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    r->frame->planned++;
    pelt_hist_record_ns(&r->frame->hist[PELT_RUNHIST_SEND_LAG], &r->frame->pool, lag_ns);
}

void pelt_recorder_waiting(struct pelt_recorder *r, int change, uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    r->slot->waiting += change;
}

void pelt_recorder_dropped(struct pelt_recorder *r, uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    r->frame->dropped++;
}

void pelt_recorder_loop_lag(struct pelt_recorder *r, uint64_t lag_ns, uint64_t now_ns)
{
    pelt_recorder_turn(r, now_ns);
    pelt_hist_record_ns(&r->frame->hist[PELT_RUNHIST_LOOP_LAG], &r->frame->pool, lag_ns);
}
