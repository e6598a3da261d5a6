/*
 * link: see the header.
 *
 *   OFF -> RESOLVING -> MEETING -> TIMING -> [BASELINE] -> READY -> OPENING -> STREAMING
 *   any of these, after the first time -> WAITING -> RESOLVING
 *
 * While frames come, a clock exchange that fails is no loss: it is made again.
 */
#include "link.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "mail.h"
#include "pelt/units.h"

#define BURST        20    /* exchanges at once, when it is met */
#define BURST_AGAIN  8     /* after a jump */
#define BURST_GAP_S  0.005 /* between them: an unlucky moment shall not spoil all */
#define MARK_S       1.0   /* for a sample of all figures */
#define AGAIN_S      2.0   /* for one attempt to join again */
#define ASK_S        2.0   /* for a clock exchange, while frames come */
#define SILENCE_S    2.0   /* without a frame: lost */
#define SILENT_TICKS 4     /* of the agent's own, where those are longer */
#define LOOK_S       0.25
#define STEADY_NS    (2 * PELT_NS_PER_S) /* frames for so long: it is here, and no flapping */
#define FUTURE_TICKS 10                  /* a frame of a tick that far ahead is of another clock */
#define AWAY_NS      (10 * (int64_t)PELT_NS_PER_S) /* so is a sample that far from its tick */
#define OLD_NS       (60 * (int64_t)PELT_NS_PER_S) /* and a newest sample of so long ago */

/* After the burst; then each EXCHANGE_S. The first ones bound the drift. */
static const double pauses_s[] = {0.25, 0.5, 1, 2};
#define EXCHANGE_S  5.0
#define UNLUCKY_S   0.1 /* an exchange that met a queue is made again after this */
#define UNLUCKY_MAX 3   /* times */

static void begin(struct pelt_link *l);
static void exchange_now(struct pelt_link *l);

/* ---- mail ---- */

static struct pelt_agent_clock clock_now(const struct pelt_link *l)
{
    struct pelt_watch_offset at = {0};
    if (l->clock.len > 0) {
        at = pelt_watch_clock_at(&l->clock, pelt_clock_ns());
    }
    return (struct pelt_agent_clock){
        .offset_ns = at.offset_ns,
        .bound_ns = at.bound_ns,
        .bound_ns_max = l->bound_ns_max,
        .drift_ppm = l->clock.drift * 1e6,
        .drift_ppm_bound = l->clock.drift_bound * 1e6,
        .delay_ns = at.delay_ns,
        .exchanges = l->clock.exchanges,
        .jumps = l->clock.jumps,
        .regrids = l->regrids,
    };
}

static const char *name_of(const struct pelt_link *l)
{
    return l->endpoint->name != NULL ? l->endpoint->name : l->met_info.name;
}

/* False: it found no room, and what it said is to be told afresh. */
static bool post(struct pelt_link *l, struct pelt_agent_mail *mail)
{
    bool posted = false;
    if (mail != NULL) {
        mail->clock = clock_now(l);
        mail->figures = pelt_figures_len(l->figures);
        posted = l->ops->on_mail(l->arg, mail);
    }
    l->afresh = l->afresh || !posted;
    return posted;
}

PELT_PRINTF(3, 4)
static void post_text(struct pelt_link *l, struct pelt_agent_mail *mail, const char *fmt, ...)
{
    va_list args;
    if (mail != NULL) {
        va_start(args, fmt);
        vsnprintf(mail->text, sizeof(mail->text), fmt, args);
        va_end(args);
    }
    (void)post(l, mail);
}

/* ---- losing it ---- */

static void set_timer(struct pelt_link *l, ev_timer *timer, double after_s)
{
    ev_timer_stop(l->loop, timer);
    ev_now_update(l->loop);
    ev_timer_set(timer, after_s, 0);
    ev_timer_start(l->loop, timer);
}

static void end_mark(struct pelt_link *l)
{
    if (l->mark != PELT_MARK_NONE) {
        l->mark = PELT_MARK_NONE;
        l->ops->on_marked(l->arg, l->mark_kind);
    }
}

static void let_go(struct pelt_link *l)
{
    end_mark(l);
    pelt_call_close(&l->ask);
    pelt_call_close(&l->stream);
    pelt_dns_cancel(l->dns, l);
    ev_timer_stop(l->loop, &l->step);
    ev_timer_stop(l->loop, &l->exchange);
    ev_timer_stop(l->loop, &l->silence);
    l->state = PELT_LINK_OFF;
}

static void tell_lost(struct pelt_link *l, const char *why)
{
    uint64_t now_ns = pelt_clock_ns();
    l->gap_ns = l->has_last ? pelt_grid_due_ns(&l->grid, l->last_k) + l->grid.tick_ns
                : l->started && l->grid.epoch_ns < now_ns ? l->grid.epoch_ns
                                                          : now_ns;
    l->gap = true;
    struct pelt_agent_mail *mail = pelt_mail_new(PELT_AGENT_LOST, NULL);
    if (mail != NULL) {
        mail->from_ns = l->gap_ns;
    }
    post_text(l, mail, "agent %s: lost: %s", name_of(l), why);
}

/* 50 ms, 100 ms ... 800 ms, 1 s, 1 s ...: a restarted agent is joined within two of them. */
static double backoff_s(unsigned tries)
{
    double s = tries < 5 ? 0.05 * (double)(1u << tries) : 1;
    return s < 1 ? s : 1;
}

static void lose(struct pelt_link *l, enum pelt_status status, const char *why)
{
    let_go(l);
    if (!l->told) {
        l->told = true;
        l->ops->on_met(l->arg, status, why);
        return;
    }
    if (!l->gap) {
        tell_lost(l, why);
    }
    l->state = PELT_LINK_WAITING;
    set_timer(l, &l->step, backoff_s(l->tries++));
}

static void lose_badly(struct pelt_link *l, const struct pelt_error *why)
{
    lose(l, PELT_EINVAL, why->text);
}

/* ---- what is answered but 200 ---- */

static void refused(struct pelt_link *l, unsigned status, const char *said)
{
    struct pelt_error why;
    pelt_fail(&why, PELT_EINVAL,
              l->endpoint->token == NULL
                  ? "wants a token (%u%s%s): give --agent-token-file FILE"
                  : "refuses the token (%u%s%s): the file of --agent-token-file must have the one "
                    "that pelt-agent was started with",
              status, *said != 0 ? ": " : "", said);
    lose_badly(l, &why);
}

/* Of `call`; `what` was asked. */
static void explain(struct pelt_link *l, const struct pelt_call *call, const char *what)
{
    char said[PELT_WATCH_TEXT_MAX + 1];
    unsigned status = pelt_call_status(call);
    struct pelt_error why;
    pelt_watch_error_read(pelt_call_body(call), said);
    const char *colon = *said != 0 ? ": " : "";
    if (status == 401) {
        refused(l, status, said);
    } else if (status == 403) {
        pelt_fail(&why, PELT_EINVAL,
                  "does not answer who asks for it by this URL (403%s%s); a token changes nothing "
                  "about that",
                  colon, said);
        lose_badly(l, &why);
    } else if (status == 429 || status == 503) {
        pelt_fail(&why, PELT_EIO, "cannot serve us now (%u%s%s)", status, colon, said);
        lose(l, PELT_EIO, why.text);
    } else {
        pelt_fail(&why, PELT_EINVAL,
                  "answers GET %s with status %u%s%s: is it the URL of a pelt-agent (port 9646 by "
                  "default)?",
                  what, status, colon, said);
        lose_badly(l, &why);
    }
}

/* ---- meeting it ---- */

static void ask(struct pelt_link *l, enum pelt_link_state state, const char *target, size_t most)
{
    l->state = state;
    pelt_call_get(&l->ask, target, false, most);
}

static void on_resolved(void *arg, const struct pelt_addrs *addrs, const char *why)
{
    struct pelt_link *l = arg;
    if (addrs == NULL) {
        struct pelt_error text;
        pelt_fail(&text, PELT_EIO, "its host \"%s\" cannot be resolved: %s", l->endpoint->host,
                  why);
        lose(l, PELT_EIO, text.text);
        return;
    }
    pelt_call_set_addrs(&l->ask, addrs);
    pelt_call_set_addrs(&l->stream, addrs);
    ask(l, PELT_LINK_MEETING, "/v1/info", PELT_WATCH_INFO_MAX);
}

static void begin(struct pelt_link *l)
{
    l->state = PELT_LINK_RESOLVING;
    set_timer(l, &l->step, l->told ? AGAIN_S : (double)PELT_AGENTS_CONNECT_NS / 1e9);
    pelt_dns_resolve(l->dns, l->endpoint->host, l->endpoint->port, on_resolved, l);
}

static bool is_same_process(const struct pelt_link *l, const struct pelt_watch_info *info)
{
    return l->info.boot != NULL && strcmp(l->info.boot, info->boot) == 0;
}

static bool is_same_host(const struct pelt_link *l, const struct pelt_watch_info *info)
{
    return l->info.boot_id != NULL && *info->boot_id != 0 &&
           strcmp(l->info.boot_id, info->boot_id) == 0;
}

/* The first one's texts stay, for the control thread. */
static void keep_info(struct pelt_link *l, struct pelt_watch_info *info)
{
    if (l->info.texts != l->met_info.texts) {
        pelt_watch_info_deinit(&l->info);
    }
    l->info = *info;
    if (l->told) {
        return;
    }
    l->met_info = *info;
    l->met = (struct pelt_agent_info){
        .url = l->endpoint->url,
        .name = name_of(l),
        .version = info->version,
        .boot = info->boot,
        .hostname = info->hostname,
        .kernel = info->kernel,
        .boot_id = info->boot_id,
        .cpus = info->cpus,
        .targets = info->targets,
        .targets_len = info->targets_len,
    };
}

static void on_info(struct pelt_link *l)
{
    struct pelt_watch_info info;
    struct pelt_error why;
    enum pelt_status status = pelt_watch_info_read(&info, pelt_call_body(&l->ask), &why);
    if (status != PELT_OK) {
        lose(l, status == PELT_EPARSE ? PELT_EINVAL : status, why.text);
        return;
    }
    bool again = l->told && !is_same_process(l, &info);
    if (!is_same_host(l, &info)) {
        pelt_watch_clock_forget(&l->clock);
    }
    status = pelt_figures_adopt(l->figures, &info, again, &l->left_out);
    l->restarted = l->restarted || again;
    l->events_ns = again ? 0 : l->events_ns;
    keep_info(l, &info);
    if (status != PELT_OK) {
        lose(l, status, "out of memory");
        return;
    }
    l->burst = BURST;
    l->pauses = 0;
    l->state = PELT_LINK_TIMING;
    exchange_now(l);
}

/* ---- frames ---- */

/* A stream that is opened anew may tell again what the one before told. */
static void map_events(struct pelt_link *l, struct pelt_watch_frame *f)
{
    uint64_t told_ns = l->events_ns, newest_ns = (uint64_t)f->at_ns + (uint64_t)AWAY_NS;
    size_t events = 0;
    for (size_t i = 0; i < f->events; i++) {
        uint64_t at_ns = f->event[i].at_ns < newest_ns ? f->event[i].at_ns : newest_ns;
        if (at_ns > told_ns) {
            l->events_ns = at_ns > l->events_ns ? at_ns : l->events_ns;
            f->event[events] = f->event[i];
            f->event[events++].at_ns = pelt_watch_clock_to_run(&l->clock, (int64_t)at_ns);
        }
    }
    f->events = events;
}

/* Places become indexes, the agent's times the run's; what finds no place is left out. */
static struct pelt_mail_content map_frame(struct pelt_link *l)
{
    struct pelt_watch_frame *f = &l->frame;
    size_t values = 0, unreadables = 0;
    for (size_t i = 0; i < f->values; i++) {
        f->value[values] = f->value[i];
        values += pelt_figures_map_value(l->figures, &f->value[values]);
    }
    for (size_t i = 0; i < f->unreadables; i++) {
        f->unreadable[unreadables] = f->unreadable[i];
        unreadables += pelt_figures_map(l->figures, &f->unreadable[unreadables].figure);
    }
    map_events(l, f);
    return (struct pelt_mail_content){
        .value = f->value,
        .values = values,
        .unreadable = f->unreadable,
        .unreadables = unreadables,
        .event = f->event,
        .events = f->events,
    };
}

static struct pelt_agent_mail *mail_of_frame(struct pelt_link *l, enum pelt_agent_mail_kind kind)
{
    struct pelt_mail_content content = map_frame(l);
    uint64_t at_ns = pelt_watch_clock_to_run(&l->clock, l->frame.at_ns);
    uint64_t bound_ns = pelt_watch_clock_at(&l->clock, at_ns).bound_ns;
    l->bound_ns_max = bound_ns > l->bound_ns_max ? bound_ns : l->bound_ns_max;
    struct pelt_agent_mail *mail = pelt_mail_new(kind, &content);
    if (mail != NULL) {
        mail->at_ns = mail->due_ns = at_ns;
        mail->late = l->frame.late;
        mail->self = l->frame.self;
    }
    return mail;
}

static void tell_joined(struct pelt_link *l, int64_t k)
{
    struct pelt_agent_mail *mail = pelt_mail_new(PELT_AGENT_JOINED, NULL);
    uint64_t to_ns = pelt_grid_due_ns(&l->grid, k);
    char length[32], left_out[80] = "";
    pelt_format_duration(to_ns > l->gap_ns ? to_ns - l->gap_ns : 0, length, sizeof(length));
    if (mail != NULL) {
        mail->from_ns = l->gap_ns;
        mail->to_ns = to_ns;
        mail->restarted = l->restarted;
    }
    if (l->left_out > 0) {
        snprintf(left_out, sizeof(left_out), "; %zu of its figures are too many, left out",
                 l->left_out);
    }
    post_text(l, mail, "agent %s: back after %s%s%s", name_of(l), length,
              l->restarted ? ", as another process" : "", left_out);
    l->gap = l->restarted = false;
}

/* The sample was taken when the tick was due, or not much later. */
static bool is_of_tick(const struct pelt_link *l)
{
    const int64_t due_ns =
        (int64_t)(l->grid.agent_epoch_ns + (uint64_t)l->frame.k * l->grid.tick_ns);
    return l->frame.at_ns >= due_ns - AWAY_NS && l->frame.at_ns <= due_ns + AWAY_NS;
}

static void fail_frame(struct pelt_link *l, const char *what)
{
    pelt_fail(&l->failure, PELT_EPARSE, "sent a frame of tick %" PRId64 ", which %s", l->frame.k,
              what);
    l->failed = true;
}

/* False: the frame is not of our grid, or was told before. */
static bool take_tick(struct pelt_link *l, int64_t *k, uint64_t *missed)
{
    const struct pelt_watch_frame *f = &l->frame;
    uint64_t now_ns = pelt_clock_ns();
    if (!f->has_k || !pelt_grid_of_agent(&l->grid, f->k, k) ||
        *k > pelt_grid_next(&l->grid, now_ns) + FUTURE_TICKS) {
        fail_frame(l, "is not due");
        return false;
    }
    if (!is_of_tick(l)) {
        fail_frame(l, "was sampled at another time");
        return false;
    }
    if (l->has_last && *k <= l->last_k) {
        return false;
    }
    *missed = l->has_last && !l->gap ? (uint64_t)(*k - l->last_k - 1) : 0;
    return true;
}

static void on_frame(struct pelt_link *l)
{
    int64_t k;
    uint64_t missed;
    if (!take_tick(l, &k, &missed)) {
        return;
    }
    l->heard_ns = pelt_clock_ns();
    if (l->frame.self.tick_ns > 0) {
        l->agent_tick_ns = l->frame.self.tick_ns;
    }
    if (l->gap) {
        tell_joined(l, k);
    }
    uint64_t events_ns = l->events_ns;
    struct pelt_agent_mail *mail = mail_of_frame(l, PELT_AGENT_FRAME);
    if (mail != NULL) {
        mail->k = k;
        mail->due_ns = pelt_grid_due_ns(&l->grid, k);
        mail->missed = missed;
    }
    l->state = PELT_LINK_STREAMING;
    l->tries = l->heard_ns - l->joined_ns > STEADY_NS ? 0 : l->tries;
    if (post(l, mail)) {
        l->has_last = true;
        l->last_k = k;
        l->reopen = l->afresh;
    } else {
        l->events_ns = events_ns;
    }
    if (pelt_grid_moved(&l->grid, pelt_watch_clock_at(&l->clock, l->heard_ns).offset_ns)) {
        l->regrids++;
        l->reopen = true;
    }
}

static enum pelt_status on_line(void *arg, struct pelt_span line)
{
    struct pelt_link *l = arg;
    if (l->reopen || l->failed) { /* what follows comes again */
        return PELT_OK;
    }
    enum pelt_status status =
        pelt_watch_frame_read(&l->frame, l->info.figures, l->info.figures_len, line, &l->failure);
    if (status == PELT_OK) {
        on_frame(l);
    }
    return status;
}

static void open_stream(struct pelt_link *l)
{
    char target[160];
    uint64_t now_ns = pelt_clock_ns();
    int64_t next = pelt_grid_next(&l->grid, now_ns);
    int64_t k = l->has_last && l->last_k >= next ? l->last_k + 1 : next;
    pelt_grid_open(&l->grid, pelt_watch_clock_at(&l->clock, now_ns).offset_ns);
    snprintf(target, sizeof(target),
             "/v1/stream?epoch_ns=%" PRIu64 "&tick_ns=%" PRIu64 "&k=%" PRId64,
             l->grid.agent_epoch_ns, l->grid.tick_ns, pelt_grid_to_agent(&l->grid, k));
    l->heard_ns = now_ns > pelt_grid_due_ns(&l->grid, k) ? now_ns : pelt_grid_due_ns(&l->grid, k);
    l->reopen = l->failed = l->afresh = false;
    pelt_lines_reset(&l->lines);
    if (l->state != PELT_LINK_STREAMING) {
        l->state = PELT_LINK_OPENING;
        l->joined_ns = now_ns;
    }
    ev_timer_again(l->loop, &l->silence);
    pelt_call_close(&l->stream);
    pelt_call_get(&l->stream, target, true, PELT_WATCH_LINE_MAX);
}

static void on_stream_bytes(void *arg, const char *bytes, size_t len)
{
    struct pelt_link *l = arg;
    enum pelt_status status = pelt_lines_feed(&l->lines, bytes, len);
    if (status == PELT_ENOMEM) {
        lose(l, status, "out of memory");
    } else if (status == PELT_ELIMIT) {
        lose(l, PELT_EINVAL, "sent a line of more than 512 KiB: is it a pelt-agent?");
    } else if (status != PELT_OK || l->failed) {
        lose_badly(l, &l->failure);
    } else if (l->reopen) {
        open_stream(l);
    }
}

static void on_stream_done(void *arg)
{
    struct pelt_link *l = arg;
    if (pelt_call_status(&l->stream) == 200) {
        lose(l, PELT_EIO, "it ended its stream");
    } else {
        explain(l, &l->stream, "/v1/stream");
    }
}

static void on_stream_failed(void *arg, enum pelt_status status, const char *why)
{
    lose(arg, status, why);
}

static void on_silence(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pelt_link *l = timer->data;
    uint64_t now_ns = pelt_clock_ns();
    double agents_s = (double)l->agent_tick_ns / 1e9 * SILENT_TICKS;
    double most_s = agents_s > SILENCE_S && agents_s < 60 ? agents_s : SILENCE_S;
    if (now_ns > l->heard_ns && (double)(now_ns - l->heard_ns) / 1e9 > most_s) {
        char why[80];
        snprintf(why, sizeof(why), "no frame for %.3g s", most_s);
        lose(l, PELT_EIO, why);
    }
}

/* ---- ready ---- */

static void ask_mark(struct pelt_link *l)
{
    l->mark = PELT_MARK_ASKED;
    set_timer(l, &l->exchange, MARK_S);
    pelt_call_get(&l->ask, "/v1/sample?fresh=1", false, PELT_WATCH_LINE_MAX);
}

static void pause_exchange(struct pelt_link *l)
{
    if (l->mark == PELT_MARK_WANTED) {
        ask_mark(l);
        return;
    }
    if (l->unlucky < UNLUCKY_MAX && pelt_watch_clock_unlucky(&l->clock)) {
        l->unlucky++;
        set_timer(l, &l->exchange, UNLUCKY_S);
        return;
    }
    l->unlucky = 0;
    size_t known = sizeof(pauses_s) / sizeof(pauses_s[0]);
    set_timer(l, &l->exchange, l->pauses < known ? pauses_s[l->pauses] : EXCHANGE_S);
    l->pauses++;
}

static void on_ready(struct pelt_link *l)
{
    ev_timer_stop(l->loop, &l->step);
    l->state = PELT_LINK_READY;
    pause_exchange(l);
    if (!l->told) {
        l->told = true;
        l->met_clock = clock_now(l);
        l->ops->on_met(l->arg, PELT_OK, "");
    }
    if (l->started) {
        open_stream(l);
    } else {
        l->tries = 0;
    }
}

/* The sample is of the last seconds, on the agent's clock. */
static bool is_newest(const struct pelt_link *l)
{
    const int64_t now_ns =
        (int64_t)l->ask.received_ns + pelt_watch_clock_at(&l->clock, l->ask.received_ns).offset_ns;
    return l->frame.at_ns >= now_ns - OLD_NS && l->frame.at_ns <= now_ns + (int64_t)PELT_NS_PER_S;
}

static void on_baseline(struct pelt_link *l)
{
    struct pelt_error why;
    enum pelt_status status = pelt_watch_frame_read(&l->frame, l->info.figures, l->info.figures_len,
                                                    pelt_call_body(&l->ask), &why);
    if (status != PELT_OK) {
        lose(l, status == PELT_EPARSE ? PELT_EINVAL : status, why.text);
        return;
    }
    if (!is_newest(l)) {
        lose(l, PELT_EINVAL, "answers GET /v1/sample with a time that cannot be");
        return;
    }
    map_events(l, &l->frame);
    l->frame.events = 0; /* they were before us: of now on later ones are told */
    (void)post(l, mail_of_frame(l, PELT_AGENT_BASELINE));
    l->afresh = false; /* the stream's first frame has all */
    on_ready(l);
}

/* Of an agent that has no fresh ones it is the newest, which is better than none. */
static void post_mark(struct pelt_link *l)
{
    struct pelt_error why;
    if (pelt_call_status(&l->ask) != 200 ||
        pelt_watch_frame_read(&l->frame, l->info.figures, l->info.figures_len,
                              pelt_call_body(&l->ask), &why) != PELT_OK ||
        !is_newest(l)) {
        return;
    }
    const uint64_t sent_ns = l->ask.sent_ns;
    struct pelt_agent_mail *mail = mail_of_frame(l, l->mark_kind);
    if (mail != NULL) {
        mail->fresh = mail->at_ns + pelt_watch_clock_at(&l->clock, mail->at_ns).bound_ns >= sent_ns;
    }
    (void)post(l, mail);
}

static void on_mark(struct pelt_link *l)
{
    post_mark(l);
    end_mark(l);
    pause_exchange(l);
}

/* ---- the clock ---- */

static bool is_joining(const struct pelt_link *l)
{
    return l->state != PELT_LINK_OPENING && l->state != PELT_LINK_STREAMING;
}

static void exchange_now(struct pelt_link *l)
{
    if (!is_joining(l)) {
        set_timer(l, &l->exchange, ASK_S);
    }
    pelt_call_get(&l->ask, "/v1/clock", false, PELT_WATCH_SMALL_MAX);
}

/* Either it is time for one, or the last one was not answered in time. */
static void on_exchange(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pelt_link *l = timer->data;
    if (l->mark == PELT_MARK_ASKED) { /* in vain */
        pelt_call_close(&l->ask);
        end_mark(l);
    }
    if (l->state == PELT_LINK_READY && l->ask.state != PELT_CALL_IDLE &&
        l->ask.state != PELT_CALL_CLOSED) {
        lose(l, PELT_EIO, "no answer to GET /v1/clock");
        return;
    }
    exchange_now(l);
    if (l->state == PELT_LINK_READY) {
        set_timer(l, &l->exchange, ASK_S);
    }
}

static void tell_jump(struct pelt_link *l)
{
    struct pelt_agent_mail *mail = pelt_mail_new(PELT_AGENT_JUMPED, NULL);
    if (mail != NULL) {
        mail->at_ns = pelt_clock_ns();
    }
    post_text(
        l, mail,
        "agent %s: its clock, or this host's, jumped by %.3f ms (give or take %.3f): frames of the "
        "seconds before may be off by that",
        name_of(l), (double)l->clock.jump_ns / 1e6,
        ceil((double)l->clock.jump_bound_ns / 1e3) / 1e3);
}

static void after_burst(struct pelt_link *l)
{
    if (l->state != PELT_LINK_TIMING) {
        pause_exchange(l);
    } else if (l->told) {
        on_ready(l);
    } else {
        ask(l, PELT_LINK_BASELINE, "/v1/sample", PELT_WATCH_LINE_MAX);
    }
}

static void on_clock(struct pelt_link *l)
{
    struct pelt_watch_exchange x = {.t1_ns = l->ask.sent_ns, .t4_ns = l->ask.received_ns};
    struct pelt_error why;
    bool jumped = false;
    enum pelt_status status =
        pelt_watch_clock_read(pelt_call_body(&l->ask), &x.t2_ns, &x.t3_ns, &why);
    if (status == PELT_OK) {
        status = pelt_watch_clock_add(&l->clock, &x, &jumped);
        pelt_fail(&why, status, "answers GET /v1/clock with times that cannot be");
    }
    if (status != PELT_OK) {
        lose_badly(l, &why);
        return;
    }
    if (jumped) {
        l->burst = BURST_AGAIN + 1;
        l->pauses = 0;
        if (l->told) {
            tell_jump(l);
        }
    }
    l->burst -= l->burst > 0;
    if (l->burst > 0) {
        set_timer(l, &l->exchange, BURST_GAP_S);
    } else {
        after_burst(l);
    }
}

/* ---- what `ask` hears ---- */

static void on_ask_done(void *arg)
{
    struct pelt_link *l = arg;
    static const char *const asked[] = {
        [PELT_LINK_MEETING] = "/v1/info", [PELT_LINK_BASELINE] = "/v1/sample"};
    bool meeting = l->state == PELT_LINK_MEETING, baseline = l->state == PELT_LINK_BASELINE;
    if (l->mark == PELT_MARK_ASKED) {
        on_mark(l);
    } else if (pelt_call_status(&l->ask) != 200) {
        explain(l, &l->ask, meeting || baseline ? asked[l->state] : "/v1/clock");
    } else if (meeting) {
        on_info(l);
    } else if (baseline) {
        on_baseline(l);
    } else {
        on_clock(l);
    }
}

static void on_ask_failed(void *arg, enum pelt_status status, const char *why)
{
    struct pelt_link *l = arg;
    if (l->mark == PELT_MARK_ASKED) {
        end_mark(l);
    }
    if (is_joining(l)) {
        lose(l, status, why);
    } else {
        pause_exchange(l);
    }
}

/* ---- time is over ---- */

static void too_slow(struct pelt_link *l)
{
    double s = l->told ? AGAIN_S : (double)PELT_AGENTS_CONNECT_NS / 1e9;
    const char *what = l->state == PELT_LINK_MEETING    ? "GET /v1/info"
                       : l->state == PELT_LINK_BASELINE ? "GET /v1/sample"
                                                        : "GET /v1/clock";
    struct pelt_error why;
    if (l->state == PELT_LINK_RESOLVING) {
        pelt_fail(&why, PELT_EIO, "its host \"%s\" was not resolved within %g s", l->endpoint->host,
                  s);
    } else if (l->ask.state == PELT_CALL_CONNECTING) {
        pelt_fail(&why, PELT_EIO,
                  "no connection within %g s: is the host up, and does a firewall let port %u "
                  "through?",
                  s, l->endpoint->port);
    } else if (l->ask.state == PELT_CALL_SHAKING) {
        pelt_fail(&why, PELT_EIO, "no TLS handshake within %g s: does it want http:// ?", s);
    } else {
        pelt_fail(&why, PELT_EIO, "no answer to %s within %g s: is it a pelt-agent?", what, s);
    }
    lose(l, PELT_EIO, why.text);
}

static void on_step(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pelt_link *l = timer->data;
    if (l->state == PELT_LINK_WAITING) {
        begin(l);
    } else {
        too_slow(l);
    }
}

/* ---- from outside ---- */

static const struct pelt_call_ops ask_ops = {.on_done = on_ask_done, .on_failed = on_ask_failed};
static const struct pelt_call_ops stream_ops = {
    .on_bytes = on_stream_bytes, .on_done = on_stream_done, .on_failed = on_stream_failed};

static void init_timer(struct pelt_link *l, ev_timer *timer,
                       void (*on_timer)(struct ev_loop *, ev_timer *, int), double repeat_s)
{
    ev_timer_init(timer, on_timer, repeat_s, repeat_s);
    timer->data = l;
}

enum pelt_status pelt_link_init(struct pelt_link *l, struct ev_loop *loop, struct pelt_dns *dns,
                                struct pelt_endpoint *endpoint, const struct pelt_link_ops *ops,
                                void *arg)
{
    *l = (struct pelt_link){.ops = ops, .arg = arg, .loop = loop, .dns = dns, .endpoint = endpoint};
    l->lines = (struct pelt_lines){.on_line = on_line, .arg = l, .max = PELT_WATCH_LINE_MAX};
    pelt_call_init(&l->ask, loop, endpoint, &ask_ops, l);
    pelt_call_init(&l->stream, loop, endpoint, &stream_ops, l);
    init_timer(l, &l->step, on_step, 0);
    init_timer(l, &l->exchange, on_exchange, 0);
    init_timer(l, &l->silence, on_silence, LOOK_S);
    l->figures = pelt_figures_new();
    return l->figures != NULL ? PELT_OK : PELT_ENOMEM;
}

void pelt_link_deinit(struct pelt_link *l)
{
    if (l->info.texts != l->met_info.texts) {
        pelt_watch_info_deinit(&l->info);
    }
    pelt_watch_info_deinit(&l->met_info);
    pelt_watch_frame_deinit(&l->frame);
    pelt_lines_deinit(&l->lines);
    pelt_figures_free(l->figures);
    pelt_call_deinit(&l->ask);
    pelt_call_deinit(&l->stream);
    pelt_endpoint_free(l->endpoint);
}

void pelt_link_join(struct pelt_link *l)
{
    begin(l);
}

void pelt_link_start(struct pelt_link *l, uint64_t epoch_ns, uint64_t tick_ns)
{
    pelt_grid_init(&l->grid, epoch_ns, tick_ns);
    l->started = true;
    if (l->state == PELT_LINK_READY) {
        open_stream(l);
    }
}

void pelt_link_mark(struct pelt_link *l, enum pelt_agent_mail_kind kind)
{
    end_mark(l);
    l->mark_kind = kind;
    if (l->state != PELT_LINK_READY && is_joining(l)) {
        l->ops->on_marked(l->arg, kind);
        return;
    }
    l->mark = PELT_MARK_WANTED;
    if (l->ask.state == PELT_CALL_IDLE || l->ask.state == PELT_CALL_CLOSED) {
        ask_mark(l);
    } /* else when its clock has been told */
}

bool pelt_link_is_flushed(const struct pelt_link *l, uint64_t until_ns)
{
    if (!l->started || (l->state != PELT_LINK_STREAMING && l->state != PELT_LINK_OPENING)) {
        return true;
    }
    int64_t first_not_needed = pelt_grid_next(&l->grid, until_ns);
    return first_not_needed == 0 || (l->has_last && l->last_k >= first_not_needed - 1);
}

void pelt_link_stop(struct pelt_link *l)
{
    let_go(l);
}
