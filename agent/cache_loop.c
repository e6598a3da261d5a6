/*
 * cache_loop: see the header. The loop's thread owns sources and rules; behind the lock lie the
 * readings as they were published, the news, and when the sampler sampled.
 */
#include "cache_loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache_pace.h"
#include "cache_source.h"
#include "pelt/clock.h"
#include "pelt/log.h"

#define SOURCES_MAX   64
#define NEWS_MAX      32
#define STACK_BYTES   (256 << 10)
#define FIRST_MOST_NS UINT64_C(1000000000)
#define IDLE_AFTER    3 /* seconds without a sample: nobody listens */

struct entry { /* a source and when it is asked */
    struct cache_loop *loop;
    struct cache_source *source;
    char *key; /* what makes two wishes the same source */
    struct cache_pace pace;
    ev_timer due;
    uint64_t begun_ns;
    bool is_asked, has_answered;
    bool is_hastened;     /* it has not answered since that was asked for */
    uint64_t hastened_ns; /* when that was */
    enum cache_state state;
};

struct ruled {
    struct cache_rule rule;
    struct entry *entry;
    char name[64];
    enum cache_state state;      /* as it was told last */
    struct cache_reading newest; /* behind the lock, as `is_new` */
    bool is_new;
};

struct cache_loop {
    struct ev_loop *ev;
    ev_async wake;
    pthread_t thread;
    bool is_running;
    struct entry entries[SOURCES_MAX];
    size_t entries_len;
    struct ruled *rules[CACHE_RULES_MAX];
    size_t rules_len;

    pthread_mutex_t lock; /* of all that follows, and of each rule's newest */
    pthread_cond_t first; /* each source has answered, well or not */
    size_t unanswered;
    bool is_ending;
    unsigned haste, haste_heard; /* how often; of these the loop has heard */
    size_t hastened_len;         /* entries that have not answered since */
    struct cache_tick tick;
    struct cache_news news[NEWS_MAX];
    size_t news_first, news_len;
};

/* ---- what the sampler sees ---- */

static void add_news(struct cache_loop *l, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_news(struct cache_loop *l, const char *kind, const char *format, ...)
{
    char text[NOTICE_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&l->lock);
    if (l->news_len < NEWS_MAX) {
        struct cache_news *n = &l->news[(l->news_first + l->news_len++) % NEWS_MAX];
        snprintf(n->kind, sizeof n->kind, "%s", kind);
        memcpy(n->text, text, sizeof text);
    }
    pthread_mutex_unlock(&l->lock);
    pelt_log(PELT_LOG_WARNING, "agent", "%s", text);
}

bool cache_loop_news(struct cache_loop *l, struct cache_news *out)
{
    pthread_mutex_lock(&l->lock);
    bool is_some = l->news_len > 0;
    if (is_some) {
        *out = l->news[l->news_first];
        l->news_first = (l->news_first + 1) % NEWS_MAX;
        l->news_len--;
    }
    pthread_mutex_unlock(&l->lock);
    return is_some;
}

bool cache_loop_take(struct cache_loop *l, size_t rule, struct cache_reading *out)
{
    struct ruled *r = l->rules[rule];

    pthread_mutex_lock(&l->lock);
    bool is_new = r->is_new;
    if (is_new) {
        *out = r->newest;
        r->is_new = false;
    }
    pthread_mutex_unlock(&l->lock);
    return is_new;
}

void cache_loop_sampled(struct cache_loop *l)
{
    uint64_t now_ns = pelt_clock_ns();

    pthread_mutex_lock(&l->lock);
    uint64_t before = cache_tick_ns(&l->tick);
    cache_tick_sampled(&l->tick, now_ns);
    bool is_finer = cache_tick_ns(&l->tick) < before;
    pthread_mutex_unlock(&l->lock);
    if (is_finer && l->is_running) {
        ev_async_send(l->ev, &l->wake);
    }
}

void cache_loop_hasten(struct cache_loop *l)
{
    pthread_mutex_lock(&l->lock);
    l->haste += l->is_running;
    pthread_mutex_unlock(&l->lock);
    if (l->is_running) {
        ev_async_send(l->ev, &l->wake);
    }
}

bool cache_loop_is_ready(struct cache_loop *l)
{
    pthread_mutex_lock(&l->lock);
    bool is_ready = l->haste_heard == l->haste && l->hastened_len == 0;
    pthread_mutex_unlock(&l->lock);
    return is_ready;
}

/* ---- an answer ---- */

static const char *const state_words[] = {
    [CACHE_UNREACHABLE] = "cache_unreachable",
    [CACHE_DISABLED] = "cache_disabled",
    [CACHE_MISSING] = "cache_missing",
    [CACHE_REFUSED] = "cache_refused",
};

static void publish(struct cache_loop *l, struct ruled *r, const struct cache_reading *reading)
{
    pthread_mutex_lock(&l->lock);
    r->newest = *reading;
    r->is_new = true;
    pthread_mutex_unlock(&l->lock);
    if (reading->state != r->state &&
        (reading->state == CACHE_MISSING || reading->state == CACHE_REFUSED)) {
        add_news(l, state_words[reading->state], "%s: %s", r->name, reading->why);
    }
    r->state = reading->state;
}

static void tell_state(struct entry *e, enum cache_state state, const char *why)
{
    if (state != e->state && (state == CACHE_UNREACHABLE || state == CACHE_DISABLED)) {
        add_news(e->loop, state_words[state], "%s: %s%s", e->source->where, why,
                 state == CACHE_DISABLED ? "; it is not asked again" : "");
    } else if (state == CACHE_READ && e->state == CACHE_UNREACHABLE) {
        add_news(e->loop, "cache_back", "%s: it answers again", e->source->where);
    }
    e->state = state;
}

static void schedule(struct entry *e);
static void ask_soon(struct entry *e, uint64_t in_ns);

static void end_haste(struct entry *e)
{
    if (e->is_hastened) {
        e->is_hastened = false;
        pthread_mutex_lock(&e->loop->lock);
        e->loop->hastened_len--;
        pthread_mutex_unlock(&e->loop->lock);
    }
}

/* Whether it took too long to be asked as often. */
static void keep_pace(struct entry *e, enum cache_state state, uint64_t tick_ns)
{
    uint64_t took_ns = pelt_clock_ns() - e->begun_ns;

    if (cache_pace_took(&e->pace, tick_ns, took_ns) > 0 && state == CACHE_READ) {
        add_news(e->loop, "cache_slow", "%s: its answers take %.1f ms: it is asked each %.1f s now",
                 e->source->where, (double)took_ns / 1e6,
                 (double)cache_pace_interval(&e->pace, tick_ns) / 1e9);
    }
}

static uint64_t tick_of(struct cache_loop *l, uint64_t *sampled_ns)
{
    uint64_t now_ns = pelt_clock_ns();

    pthread_mutex_lock(&l->lock);
    bool is_idle = now_ns > l->tick.sampled_ns + IDLE_AFTER * PELT_NS_PER_S;
    uint64_t tick_ns = is_idle ? CACHE_TICK_IDLE_NS : cache_tick_ns(&l->tick);
    *sampled_ns = is_idle ? 0 : l->tick.sampled_ns;
    pthread_mutex_unlock(&l->lock);
    return tick_ns;
}

static void note_first(struct entry *e)
{
    if (e->has_answered) {
        return;
    }
    e->has_answered = true;
    pthread_mutex_lock(&e->loop->lock);
    if (--e->loop->unanswered == 0) {
        pthread_cond_signal(&e->loop->first);
    }
    pthread_mutex_unlock(&e->loop->lock);
}

static void on_answer(struct cache_source *s, enum cache_state state, const char *why)
{
    struct entry *e = s->arg;
    struct cache_loop *l = e->loop;
    struct cache_reading reading = {.state = state};
    uint64_t sampled_ns;

    for (size_t i = 0; i < l->rules_len; i++) {
        struct ruled *r = l->rules[i];
        if (r->entry != e) {
            continue;
        }
        if (state == CACHE_READ || (state == CACHE_REFUSED && r->rule.kind != PELT_SERVER_CACHE)) {
            cache_rule_apply(&r->rule, s->gather, &reading);
        } else {
            reading.state = state;
            snprintf(reading.why, sizeof reading.why, "%.60s: %.90s", s->where, why);
        }
        publish(l, r, &reading);
    }
    note_first(e);
    tell_state(e, state, why);
    keep_pace(e, state, tick_of(l, &sampled_ns));
    e->is_asked = false;
    if (e->is_hastened && e->begun_ns < e->hastened_ns && state == CACHE_READ) {
        ask_soon(e, 0); /* what it said was of before */
        return;
    }
    end_haste(e);
    schedule(e);
}

/* ---- when ---- */

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct entry *e = timer->data;
    uint64_t sampled_ns;

    e->is_asked = true;
    e->begun_ns = pelt_clock_ns();
    e->source->ops->ask(e->source, cache_pace_timeout(&e->pace, tick_of(e->loop, &sampled_ns)));
}

static void schedule(struct entry *e)
{
    uint64_t sampled_ns, now_ns = pelt_clock_ns();

    if (e->is_asked || e->state == CACHE_DISABLED) {
        return;
    }
    uint64_t tick_ns = tick_of(e->loop, &sampled_ns);
    uint64_t next_ns = cache_pace_next(&e->pace, tick_ns, sampled_ns, e->begun_ns);
    if (e->state == CACHE_UNREACHABLE && next_ns < e->begun_ns + CACHE_RETRY_NS) {
        next_ns = e->begun_ns + CACHE_RETRY_NS;
    }
    ask_soon(e, next_ns > now_ns ? next_ns - now_ns : 1000000);
}

static void ask_soon(struct entry *e, uint64_t in_ns)
{
    ev_now_update(e->loop->ev);
    ev_timer_stop(e->loop->ev, &e->due);
    ev_timer_set(&e->due, (double)in_ns / 1e9, 0);
    ev_timer_start(e->loop->ev, &e->due);
}

/* One that cannot be reached has its pause, and one that is no such server is not asked. */
static void hasten(struct entry *e, uint64_t now_ns)
{
    const bool is_told = e->is_hastened;

    if (e->state == CACHE_DISABLED || (e->state == CACHE_UNREACHABLE && !e->is_asked)) {
        return;
    }
    e->is_hastened = true;
    e->hastened_ns = now_ns;
    if (!is_told) {
        pthread_mutex_lock(&e->loop->lock);
        e->loop->hastened_len++;
        pthread_mutex_unlock(&e->loop->lock);
    }
    if (!e->is_asked) {
        ask_soon(e, 0);
    }
}

static void on_wake(struct ev_loop *loop, ev_async *async, int events)
{
    struct cache_loop *l = async->data;

    pthread_mutex_lock(&l->lock);
    const bool is_ending = l->is_ending, is_hastened = l->haste != l->haste_heard;
    const unsigned haste = l->haste;
    pthread_mutex_unlock(&l->lock);
    if (is_ending) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    for (size_t i = 0; i < l->entries_len; i++) {
        struct entry *e = &l->entries[i];
        if (is_hastened) {
            hasten(e, pelt_clock_ns());
        }
        if (!e->is_hastened) {
            schedule(e);
        }
    }
    pthread_mutex_lock(&l->lock);
    l->haste_heard = haste; /* all that are to answer are counted */
    pthread_mutex_unlock(&l->lock);
}

static void *run(void *arg)
{
    struct cache_loop *l = arg;

    for (size_t i = 0; i < l->entries_len; i++) {
        struct entry *e = &l->entries[i];
        if (e->source->ops->start) {
            e->source->ops->start(e->source);
        }
        ev_timer_set(&e->due, 0.0, 0);
        ev_timer_start(l->ev, &e->due);
    }
    ev_run(l->ev, 0);
    return NULL;
}

/* ---- filling, starting, ending ---- */

enum pelt_status cache_loop_new(struct cache_loop **out, struct pelt_error *err)
{
    struct cache_loop *l = calloc(1, sizeof *l);

    *out = l;
    if (!l) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->first, &attr);
    pthread_condattr_destroy(&attr);
    l->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (!l->ev) {
        cache_loop_free(l);
        *out = NULL;
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    ev_async_init(&l->wake, on_wake);
    l->wake.data = l;
    ev_async_start(l->ev, &l->wake);
    return PELT_OK;
}

static void end_thread(struct cache_loop *l)
{
    if (!l->is_running) {
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->is_ending = true;
    pthread_mutex_unlock(&l->lock);
    ev_async_send(l->ev, &l->wake);
    pthread_join(l->thread, NULL);
}

void cache_loop_free(struct cache_loop *l)
{
    if (!l) {
        return;
    }
    end_thread(l);
    for (size_t i = 0; i < l->entries_len; i++) {
        ev_timer_stop(l->ev, &l->entries[i].due);
        cache_source_free(l->entries[i].source);
        free(l->entries[i].key);
    }
    for (size_t i = 0; i < l->rules_len; i++) {
        free(l->rules[i]);
    }
    if (l->ev) {
        ev_async_stop(l->ev, &l->wake);
        ev_loop_destroy(l->ev);
    }
    pthread_cond_destroy(&l->first);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* What of a wish makes the source another one. */
static char *key_of(const struct cache_wish *w)
{
    char key[1024];

    snprintf(key, sizeof key, "%d %s %u %s %s %s %d", w->kind->protocol, w->host, w->port,
             w->path ? w->path : "", w->user ? w->user : "",
             w->password_file ? w->password_file : "", w->field);
    return strdup(key);
}

enum pelt_status cache_loop_source(struct cache_loop *l, const struct cache_wish *wish,
                                   size_t *source, bool *is_new, struct pelt_error *err)
{
    char *key = key_of(wish);

    *is_new = false;
    for (*source = 0; key && *source < l->entries_len; (*source)++) {
        if (strcmp(l->entries[*source].key, key) == 0) {
            free(key);
            return PELT_OK;
        }
    }
    if (!key || l->entries_len == SOURCES_MAX) {
        free(key);
        return pelt_fail(err, key ? PELT_ELIMIT : PELT_ENOMEM, "more than %d addresses of caches",
                         SOURCES_MAX);
    }
    struct entry *e = &l->entries[l->entries_len];
    *e = (struct entry){.loop = l, .key = key};
    enum pelt_status status = cache_source_new(wish, l->ev, &e->source, err);
    if (status != PELT_OK) {
        free(key);
        return status;
    }
    e->source->on_answer = on_answer;
    e->source->arg = e;
    ev_init(&e->due, on_due);
    e->due.data = e;
    l->entries_len++;
    *is_new = true;
    return PELT_OK;
}

struct cache_gather *cache_loop_gather(struct cache_loop *l, size_t source)
{
    return l->entries[source].source->gather;
}

const char *cache_loop_where(const struct cache_loop *l, size_t source)
{
    return l->entries[source].source->where;
}

enum pelt_status cache_loop_rule(struct cache_loop *l, size_t source, const char *name,
                                 const struct cache_rule *rule, size_t *number,
                                 struct pelt_error *err)
{
    struct ruled *r = l->rules_len < CACHE_RULES_MAX ? calloc(1, sizeof *r) : NULL;

    if (!r) {
        return pelt_fail(err, PELT_ELIMIT, "more than %d figures of caches, or no memory",
                         CACHE_RULES_MAX);
    }
    r->rule = *rule;
    r->entry = &l->entries[source];
    snprintf(r->name, sizeof r->name, "%s", name);
    *number = l->rules_len;
    l->rules[l->rules_len++] = r;
    return PELT_OK;
}

/* Until each source has answered, or FIRST_MOST_NS. */
static void wait_for_first(struct cache_loop *l)
{
    const uint64_t until_ns = pelt_clock_ns() + FIRST_MOST_NS;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / PELT_NS_PER_S),
                                   .tv_nsec = (long)(until_ns % PELT_NS_PER_S)};
    int error = 0;

    pthread_mutex_lock(&l->lock);
    while (l->unanswered > 0 && error != ETIMEDOUT) {
        error = pthread_cond_timedwait(&l->first, &l->lock, &until);
    }
    pthread_mutex_unlock(&l->lock);
}

enum pelt_status cache_loop_start(struct cache_loop *l, struct pelt_error *err)
{
    pthread_attr_t attr;
    sigset_t all, before;

    l->unanswered = l->entries_len;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* comes from the call itself: a filter refused it */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&l->thread, &attr, run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (error != 0) {
        return pelt_fail(err, PELT_EIO, "no thread for the caches: %s", strerror(error));
    }
    l->is_running = true;
    wait_for_first(l);
    return PELT_OK;
}
