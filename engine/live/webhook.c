/*
 * webhook: see the header. `lock` guards the queue and the counts; nothing is sent while it is
 * held.
 */
#include "pelt/webhook.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <jansson.h>

#include "pelt/alert.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/rows.h"
#include "post.h"

#define TRIES       3
#define PAUSE_NS    PELT_NS_PER_S
#define PATIENCE_NS (5 * PELT_NS_PER_S)
#define FAREWELL_NS (3 * PELT_NS_PER_S)

struct message {
    struct message *next;
    char *json;
};

struct pelt_webhook {
    char *url;
    char place[300]; /* of the URL what may be told: its path may be a secret */
    struct pelt_https *https;
    uint64_t pause_ns, patience_ns;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct message *head, **tail;
    size_t waiting;
    uint64_t messages, failed;
    bool told;                 /* that one was not delivered */
    bool ending;               /* no message comes any more */
    _Atomic uint64_t until_ns; /* then all is given up; 0: not yet */
};

/* ---- the thread ---- */

static bool is_over(const struct pelt_webhook *w)
{
    const uint64_t until_ns = atomic_load(&w->until_ns);
    return until_ns != 0 && pelt_clock_ns() >= until_ns;
}

/* With the lock held, which is let go meanwhile; less where the end comes. */
static void pause_for(struct pelt_webhook *w, uint64_t pause_ns)
{
    uint64_t at_ns = pelt_clock_ns() + pause_ns;
    while (pelt_clock_ns() < at_ns && !is_over(w)) {
        const uint64_t until_ns = atomic_load(&w->until_ns);
        const uint64_t next_ns = until_ns != 0 && until_ns < at_ns ? until_ns : at_ns;
        const struct timespec until = {.tv_sec = (time_t)(next_ns / PELT_NS_PER_S),
                                       .tv_nsec = (long)(next_ns % PELT_NS_PER_S)};
        pthread_cond_timedwait(&w->changed, &w->lock, &until);
    }
}

/* With the lock held, which is let go meanwhile. */
static bool deliver(struct pelt_webhook *w, const char *json, struct pelt_error *err)
{
    const struct live_post post = {
        .url = w->url, .https = w->https, .patience_ns = w->patience_ns, .until_ns = &w->until_ns};
    pelt_fail(err, PELT_EIO, "the run was over before");
    for (unsigned i = 0; i < TRIES && !is_over(w); i++) {
        if (i > 0) {
            pause_for(w, i == 1 ? w->pause_ns : 3 * w->pause_ns);
        }
        if (is_over(w)) {
            break;
        }
        pthread_mutex_unlock(&w->lock);
        const bool done = live_post_send(&post, json, err) == PELT_OK;
        pthread_mutex_lock(&w->lock);
        if (done) {
            return true;
        }
    }
    return false;
}

static void note_failure(struct pelt_webhook *w, const char *why)
{
    w->failed++;
    if (!w->told) {
        w->told = true;
        pelt_log(PELT_LOG_WARNING, "webhook", "%s: an alert was not delivered: %s; the run goes on",
                 w->place, why);
    }
}

static void deliver_next(struct pelt_webhook *w)
{
    struct message *m = w->head;
    struct pelt_error err;
    w->head = m->next;
    w->tail = w->head == NULL ? &w->head : w->tail;
    w->waiting--;
    if (!deliver(w, m->json, &err)) {
        note_failure(w, err.text);
    }
    free(m->json);
    free(m);
}

static void *thread_main(void *arg)
{
    struct pelt_webhook *w = arg;
    prctl(PR_SET_NAME, "pelt-webhook");
    pthread_mutex_lock(&w->lock);
    while (w->head != NULL || !w->ending) {
        if (w->head != NULL) {
            deliver_next(w);
        } else {
            pthread_cond_wait(&w->changed, &w->lock);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- messages ---- */

static json_t *moment(const struct pelt_live *live, int32_t t_s)
{
    char text[32] = "";
    pelt_clock_rfc3339(live->start_wall_ns + (uint64_t)t_s * PELT_NS_PER_S, text);
    return json_string(text);
}

/* "[firing] HighErrorRate: share is 12%, 5% was allowed (chat-burst, 41 s)": chats show `text`. */
static json_t *sentence(const struct pelt_live *live, const struct pelt_alert_turn *turn)
{
    char text[512];
    snprintf(text, sizeof text, "[%s] %s: %s (%.100s, at %d s)",
             turn->fired ? "firing" : "resolved", turn->alert->name, turn->why, live->name,
             turn->at_s);
    return report_json_text(text);
}

static char *message_of(const struct pelt_live *live, const struct pelt_alert_turn *turn)
{
    char rule[400];
    pelt_threshold_format(&turn->alert->rule, rule, sizeof rule);
    json_t *o = json_object(), *run = json_object();
    json_object_set_new(run, "id", report_json_text(live->run_id));
    json_object_set_new(run, "scenario", report_json_text(live->name));
    json_object_set_new(run, "target", report_json_text(live->target));
    json_object_set_new(o, "schema", json_string("pelt-alert/1"));
    json_object_set_new(o, "status", json_string(turn->fired ? "firing" : "resolved"));
    json_object_set_new(o, "alert", report_json_text(turn->alert->name));
    json_object_set_new(o, "rule", report_json_text(rule));
    json_object_set_new(o, "why", report_json_text(turn->why));
    json_object_set_new(o, "value", json_real(turn->value));
    json_object_set_new(o, "at", moment(live, turn->at_s));
    json_object_set_new(o, "at_s", json_integer(turn->at_s));
    json_object_set_new(o, "since_s", turn->fired ? json_integer(turn->since_s) : json_null());
    json_object_set_new(o, "run", run);
    json_object_set_new(o, "text", sentence(live, turn));
    char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(o);
    return text;
}

void pelt_webhook_event(void *webhook, const struct pelt_live *live,
                        const struct pelt_live_event *event)
{
    struct pelt_webhook *w = webhook;
    if (event->alert == NULL) {
        return;
    }
    struct message *m = calloc(1, sizeof *m);
    char *json = m != NULL ? message_of(live, event->alert) : NULL;
    pthread_mutex_lock(&w->lock);
    w->messages++;
    if (json == NULL || w->waiting == PELT_WEBHOOK_WAITING_MAX) {
        w->failed++;
        pthread_mutex_unlock(&w->lock);
        free(json);
        free(m);
        return;
    }
    m->json = json;
    *w->tail = m;
    w->tail = &m->next;
    w->waiting++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* ---- start and end ---- */

static enum pelt_status start(struct pelt_webhook *w, struct pelt_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    w->has_thread = pthread_create(&w->thread, NULL, thread_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return w->has_thread ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "no thread for the webhook");
}

static void init_lock(struct pelt_webhook *w)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum pelt_status pelt_webhook_check(const char *url, struct pelt_error *err)
{
    struct pelt_error why = {{0}};
    enum pelt_status status = live_post_check(url, &why);
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "alerts.webhook: %s", why.text);
}

void pelt_webhook_place(const char *url, char *out, size_t size)
{
    const char *host = strstr(url, "://");
    const size_t len = host != NULL ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
    snprintf(out, size, "%.*s", (int)len, url);
}

enum pelt_status pelt_webhook_new(const struct pelt_webhook_options *options,
                                  struct pelt_webhook **out, struct pelt_error *err)
{
    enum pelt_status status = pelt_webhook_check(options->url, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_webhook *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    init_lock(w);
    w->tail = &w->head;
    w->url = strdup(options->url);
    w->https = options->https;
    w->pause_ns = options->pause_ns > 0 ? options->pause_ns : PAUSE_NS;
    w->patience_ns = options->patience_ns > 0 ? options->patience_ns : PATIENCE_NS;
    pelt_webhook_place(options->url, w->place, sizeof w->place);
    status = w->url != NULL ? start(w, err) : pelt_fail(err, PELT_ENOMEM, "out of memory");
    if (status != PELT_OK) {
        pelt_webhook_free(w);
        return status;
    }
    *out = w;
    return PELT_OK;
}

static void finish(struct pelt_webhook *w)
{
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    atomic_store(&w->until_ns, pelt_clock_ns() + FAREWELL_NS);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    if (w->failed > 0) {
        pelt_log(PELT_LOG_WARNING, "webhook", "%s: %llu of %llu messages were not delivered",
                 w->place, (unsigned long long)w->failed, (unsigned long long)w->messages);
    }
}

void pelt_webhook_free(struct pelt_webhook *w)
{
    if (w == NULL) {
        return;
    }
    if (w->has_thread) {
        finish(w);
    }
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    free(w->url);
    free(w);
}
