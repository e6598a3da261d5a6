/*
 * queue: see the header. Requests that leave a message WAIT in `senders` until the sender's thread
 * has handed it on; the same thread looks how deep the queue is, anew before it refuses one. While
 * Redis is away nobody waits: the sender tries again by and by. Each consumer is a thread with a
 * connection of its own.
 */
#include "queue.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends.h"
#include "clock.h"
#include "draw.h"
#include "keytable.h"
#include "notices.h"
#include "queuelink.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define WAIT_MS   100               /* a consumer without a message looks up so often */
#define PAUSE_NS  (200 * NS_PER_MS) /* after Redis could not be reached: a consumer */
#define RETRY_NS  (500 * NS_PER_MS) /* likewise: the sender */
#define FRESH_NS  NS_PER_MS         /* a depth is no older when a message is refused for it */
#define LOOK_NS   (100 * NS_PER_MS) /* how often the depth is read */
#define END_NS    (2 * NS_PER_S)    /* at the end a message gets so long to be done */

struct consumer {
    struct target_queue *queue;
    pthread_t thread;
    char name[48]; /* in Redis */
    uint64_t done, redelivered, crashed;
};

struct target_queue {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t roused;
    struct target_queue_settings settings;
    struct target_memqueue *memory; /* NULL: it is in Redis */
    struct target_waiters senders;
    struct target_queue_depth depth; /* in Redis */
    uint64_t looked_ns;              /* when `depth` was read */
    bool is_reached;                 /* Redis was, the last time */
    bool is_away;                    /* it was not, the last time; neither: nobody has tried yet */
    bool is_ending;
    uint64_t end_ns;
    uint64_t sent, refused, failed, taken;
    struct consumer consumer[TARGET_QUEUE_CONSUMERS_MAX];
    size_t consumers; /* whose threads run */
    pthread_t sender;
    bool has_sender;
    struct target_notices notices;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_queue_settings, name)

static const struct target_knob knobs[] = {
    {.name = "queue",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(redis),
     .max = TARGET_QUEUE_TEXT_BYTES,
     .initial = "",
     .text = "HOST:PORT of a Redis server that keeps the messages of POST /queue, or memory"},
    {.name = "queue-name",
     .needs = "queue",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(name),
     .max = TARGET_QUEUE_TEXT_BYTES,
     .initial = "pelt",
     .text = "its stream there"},
    {.name = "queue-consumers",
     .needs = "queue",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(consumers),
     .max = TARGET_QUEUE_CONSUMERS_MAX,
     .initial = "3",
     .text = "messages that are worked on at once; 0: others do them"},
    {.name = "queue-max",
     .needs = "queue",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(most),
     .word = "unlimited",
     .word_value = TARGET_UNLIMITED,
     .initial = "unlimited",
     .is_live = true,
     .text = "most messages that wait; the next is answered 503 with Retry-After"},
    {.name = "queue-time",
     .needs = "queue",
     .type = TARGET_KNOB_LAW,
     .offset = FIELD(time),
     .initial = "10ms",
     .is_live = true,
     .text = "how long a message takes, as --service-time"},
    {.name = "queue-claim",
     .needs = "queue",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(claim_ns),
     .min = 10 * NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .initial = "5s",
     .is_live = true,
     .text = "a message that was not acknowledged for this long goes to another consumer"},
    {.name = "queue-crash",
     .needs = "queue",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(crash_share),
     .initial = "0",
     .is_live = true,
     .text = "this share of messages is taken and forgotten, as by a consumer that crashes"},
};

static bool is_in_memory(const struct target_queue_settings *settings)
{
    return strcmp(settings->redis, "memory") == 0;
}

static bool is_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789-_.:");

    return length > 0 && name[length] == '\0';
}

static bool check_settings(const void *cls, struct target_error *err)
{
    const struct target_queue_settings *settings = cls;

    if (settings->redis[0] && !is_in_memory(settings) &&
        !target_backends_is_address(settings->redis)) {
        return target_fail(err, "queue: \"%.100s\" is not HOST:PORT; try 127.0.0.1:6379 or memory",
                           settings->redis);
    }
    return is_name(settings->name) ||
           target_fail(err, "queue-name: \"%.100s\" is not letters, digits and -_.:; try pelt",
                       settings->name);
}

/* ---- waiting, under the lock ---- */

/* Until then, or the end, or news; false: the end. */
static bool rest(struct target_queue *q, uint64_t until_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                   .tv_nsec = (long)(until_ns % NS_PER_S)};

    if (!q->is_ending) {
        pthread_cond_timedwait(&q->roused, &q->lock, &until);
    }
    return !q->is_ending;
}

static void note_reached(struct target_queue *q, bool is_reached)
{
    q->is_away = !is_reached;
    if (is_reached != q->is_reached) {
        q->is_reached = is_reached;
        target_notices_add(&q->notices, target_clock_now_ns(), is_reached ? "connect" : "lost",
                           "%s", "");
    }
}

static struct target_queue_depth depth_of(struct target_queue *q)
{
    struct target_queue_depth depth = q->depth;

    if (q->memory) {
        target_memqueue_depth(q->memory, &depth.waiting, &depth.pending);
    }
    return depth;
}

static bool is_full(struct target_queue *q)
{
    return depth_of(q).waiting >= q->settings.most;
}

static bool open_link(struct target_queue *q, struct target_queuelink *link)
{
    bool is_open;

    pthread_mutex_lock(&q->lock);
    is_open = target_queuelink_init(link, q->memory, q->settings.redis, q->settings.name);
    pthread_mutex_unlock(&q->lock);
    return is_open;
}

/* ---- the sender's thread ---- */

#define SENDER(of_waiter) TARGET_OWNER(of_waiter, struct target_admission, queue.waiter)

static void refuse(struct target_admission *admission, unsigned status, const char *message)
{
    admission->status = status;
    admission->refused_by = target_queue_system.name;
    admission->message = message;
    admission->retry_after_s = 1;
}

static void answer(struct target_admission *admission, const char *id)
{
    char *text = NULL;

    admission->result =
        asprintf(&text, "{\"id\":\"%s\"}\n", id) > 0 ? target_body_new(202, text) : NULL;
    if (!admission->result) {
        refuse(admission, 503, "no memory");
    }
}

static void look(struct target_queue *q, struct target_queuelink *link)
{
    struct target_queue_depth depth;
    bool is_known = target_queuelink_depth(link, &depth);

    pthread_mutex_lock(&q->lock);
    note_reached(q, is_known);
    q->looked_ns = target_clock_now_ns();
    if (is_known) {
        q->depth = depth;
    }
    pthread_mutex_unlock(&q->lock);
}

/* Whether there is room for one more, by a depth that is not old. */
static bool has_room(struct target_queue *q, struct target_queuelink *link)
{
    bool has_room, is_old;

    pthread_mutex_lock(&q->lock);
    has_room = !is_full(q);
    is_old = !q->memory && target_clock_now_ns() - q->looked_ns >= FRESH_NS;
    pthread_mutex_unlock(&q->lock);
    if (has_room || !is_old) {
        return has_room;
    }
    look(q, link);
    pthread_mutex_lock(&q->lock);
    has_room = !is_full(q);
    pthread_mutex_unlock(&q->lock);
    return has_room;
}

static bool is_away(struct target_queue *q)
{
    bool is_away;

    pthread_mutex_lock(&q->lock);
    is_away = q->is_away;
    pthread_mutex_unlock(&q->lock);
    return is_away;
}

static void note_sent(struct target_queue *q, bool is_sent)
{
    pthread_mutex_lock(&q->lock);
    note_reached(q, is_sent);
    q->sent += is_sent;
    q->depth.waiting += is_sent;
    if (q->memory) {
        pthread_cond_broadcast(&q->roused);
    }
    pthread_mutex_unlock(&q->lock);
}

/* Under the lock. */
static void refuse_away(struct target_queue *q, struct target_admission *admission)
{
    q->failed++;
    refuse(admission, 503, "the queue cannot be reached");
}

static void refuse_full(struct target_queue *q, struct target_admission *admission)
{
    q->refused++;
    refuse(admission, 503, "too many messages wait");
}

static bool add(struct target_queue *q, struct target_queuelink *link,
                const struct target_admission *admission, char id[TARGET_REDISQUEUE_ID_BYTES])
{
    bool is_sent;

    if (is_away(q) || !has_room(q, link)) {
        return false;
    }
    is_sent = target_queuelink_add(link, admission->body ? admission->body : "",
                                   admission->body_bytes, id);
    note_sent(q, is_sent);
    return is_sent;
}

static void send_one(struct target_queue *q, struct target_queuelink *link,
                     struct target_admission *admission)
{
    char id[TARGET_REDISQUEUE_ID_BYTES];

    if (add(q, link, admission, id)) {
        answer(admission, id);
    } else {
        pthread_mutex_lock(&q->lock);
        (q->is_away ? refuse_away : refuse_full)(q, admission);
        pthread_mutex_unlock(&q->lock);
    }
    target_resume(admission);
}

/* All that wait by now, in order. */
static void send_all(struct target_queue *q, struct target_queuelink *link)
{
    struct target_waiter *waiter, *next;

    pthread_mutex_lock(&q->lock);
    waiter = target_waiters_take(&q->senders, NULL);
    pthread_mutex_unlock(&q->lock);
    for (; waiter; waiter = next) {
        next = waiter->next;
        send_one(q, link, SENDER(waiter));
    }
}

static void *run_sender(void *cls)
{
    struct target_queue *q = cls;
    struct target_queuelink link;
    uint64_t look_ns = 0;
    bool is_open = open_link(q, &link), goes_on = is_open;

    while (goes_on) {
        uint64_t now_ns = target_clock_now_ns();

        if (now_ns >= look_ns) {
            look(q, &link);
            look_ns = target_clock_now_ns() + (is_away(q) ? RETRY_NS : LOOK_NS);
        }
        send_all(q, &link);
        pthread_mutex_lock(&q->lock);
        goes_on = q->senders.count > 0 || rest(q, look_ns);
        pthread_mutex_unlock(&q->lock);
    }
    if (is_open) {
        send_all(q, &link);
    }
    target_queuelink_deinit(&link);
    return NULL;
}

/* ---- a consumer's thread ---- */

/* How long the next message takes, and whether it is forgotten. Under the lock. */
static uint64_t draw(struct target_queue *q, bool *is_forgotten)
{
    uint64_t index = q->taken++;

    *is_forgotten = target_draw(1, index, TARGET_LANE_ERROR) < q->settings.crash_share;
    return target_law_ns(&q->settings.time, target_draw(1, index, TARGET_LANE_SERVICE),
                         target_draw(1, index, TARGET_LANE_SERVICE_2));
}

/* False: it ends before the message is done. */
static bool work(struct target_queue *q, uint64_t until_ns)
{
    uint64_t now_ns;

    while ((now_ns = target_clock_now_ns()) < until_ns) {
        const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                       .tv_nsec = (long)(until_ns % NS_PER_S)};

        if (q->is_ending && until_ns > q->end_ns) {
            return false;
        }
        if (q->is_ending) {
            pthread_mutex_unlock(&q->lock);
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
            pthread_mutex_lock(&q->lock);
        } else {
            pthread_cond_timedwait(&q->roused, &q->lock, &until);
        }
    }
    return true;
}

static void take_message(struct consumer *consumer, struct target_queuelink *link, const char *id,
                         bool is_again)
{
    struct target_queue *q = consumer->queue;
    uint64_t time_ns;
    bool is_forgotten, is_done;

    pthread_mutex_lock(&q->lock);
    consumer->redelivered += is_again;
    if (is_again) {
        target_notices_add(&q->notices, target_clock_now_ns(), "redelivered", ",\"id\":\"%s\"", id);
    }
    time_ns = draw(q, &is_forgotten);
    is_done = work(q, target_clock_now_ns() + time_ns) && !is_forgotten;
    consumer->crashed += is_forgotten;
    pthread_mutex_unlock(&q->lock);
    is_done = is_done && target_queuelink_acknowledge(link, id);
    pthread_mutex_lock(&q->lock);
    consumer->done += is_done;
    pthread_mutex_unlock(&q->lock);
}

static enum target_queue_got next_message(struct consumer *consumer, struct target_queuelink *link,
                                          uint64_t *claim_at_ns, bool *is_again,
                                          char id[TARGET_REDISQUEUE_ID_BYTES])
{
    struct target_queue *q = consumer->queue;
    uint64_t now_ns = target_clock_now_ns(), claim_ns;
    enum target_queue_got got = TARGET_QUEUE_NONE;

    pthread_mutex_lock(&q->lock);
    claim_ns = q->settings.claim_ns;
    pthread_mutex_unlock(&q->lock);
    *is_again = now_ns >= *claim_at_ns;
    if (*is_again) {
        got = target_queuelink_claim(link, consumer->name, claim_ns / NS_PER_MS, id);
        *claim_at_ns = got == TARGET_QUEUE_GOT ? now_ns : now_ns + claim_ns / 4;
    }
    if (got == TARGET_QUEUE_NONE) {
        *is_again = false;
        got = target_queuelink_take(link, consumer->name, WAIT_MS, id);
    }
    return got;
}

/* Rests where there was nothing to do, and nobody waited for it. Under the lock; false: the end. */
static bool may_go_on(struct target_queue *q, enum target_queue_got got)
{
    if (got == TARGET_QUEUE_FAILED) {
        return rest(q, target_clock_now_ns() + PAUSE_NS);
    }
    return !q->memory || depth_of(q).waiting > 0 ||
           rest(q, target_clock_now_ns() + WAIT_MS * NS_PER_MS);
}

static void *run_consumer(void *cls)
{
    struct consumer *consumer = cls;
    struct target_queue *q = consumer->queue;
    struct target_queuelink link;
    char id[TARGET_REDISQUEUE_ID_BYTES];
    uint64_t claim_at_ns = 0;
    bool is_open = open_link(q, &link), goes_on = is_open, is_again;

    while (goes_on) {
        enum target_queue_got got = next_message(consumer, &link, &claim_at_ns, &is_again, id);

        if (got == TARGET_QUEUE_GOT) {
            take_message(consumer, &link, id, is_again);
        }
        pthread_mutex_lock(&q->lock);
        goes_on = !q->is_ending && (got == TARGET_QUEUE_GOT || may_go_on(q, got));
        pthread_mutex_unlock(&q->lock);
    }
    if (is_open) {
        target_queuelink_leave(&link, consumer->name);
    }
    target_queuelink_deinit(&link);
    return NULL;
}

/* ---- one request ---- */

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_queue *q = state;
    enum target_verdict verdict = TARGET_WAITS;

    if (admission->route != TARGET_ROUTE_QUEUE || strcmp(admission->method, "POST") != 0 ||
        admission->is_to_fail || !q->has_sender) {
        return TARGET_GO;
    }
    if (admission->is_cut || admission->body_bytes > TARGET_QUEUE_MESSAGE_MAX) {
        refuse(admission, 413, "a message is at most 64 KB");
        admission->retry_after_s = 0;
        return TARGET_REFUSED;
    }
    pthread_mutex_lock(&q->lock);
    if (q->is_away) {
        refuse_away(q, admission);
        verdict = TARGET_REFUSED;
    } else {
        target_waiters_push(&q->senders, &admission->queue.waiter);
        pthread_cond_broadcast(&q->roused);
    }
    pthread_mutex_unlock(&q->lock);
    return verdict;
}

static bool leave(void *state, struct target_admission *admission)
{
    struct target_queue *q = state;
    bool is_waiting;

    pthread_mutex_lock(&q->lock);
    is_waiting = admission->queue.waiter.queue != NULL;
    if (is_waiting) {
        target_waiters_remove(&admission->queue.waiter);
    }
    pthread_mutex_unlock(&q->lock);
    return is_waiting;
}

/* ---- telling ---- */

static json_t *consumers_json(const struct target_queue *q)
{
    json_t *all = json_array();

    for (size_t i = 0; i < q->consumers; i++) {
        const struct consumer *one = &q->consumer[i];

        json_array_append_new(all, json_pack("{s:s, s:I, s:I, s:I}", "name", one->name, "done",
                                             (json_int_t)one->done, "redelivered",
                                             (json_int_t)one->redelivered, "crashed",
                                             (json_int_t)one->crashed));
    }
    return all;
}

struct target_draft target_queue_answer(const struct target_sources *from,
                                        const struct target_asked *asked)
{
    struct target_queue *q = from->running->state[target_systems_index(&target_queue_system)];
    struct target_queue_depth depth;
    json_t *json;

    if (!q->has_sender) {
        return target_draft_failed(
            MHD_HTTP_NOT_FOUND, "not_found",
            "there is no queue; start with --queue HOST:PORT of a Redis, or --queue memory");
    }
    pthread_mutex_lock(&q->lock);
    depth = depth_of(q);
    json = json_pack("{s:s, s:b, s:I, s:I, s:I, s:o}", "name", q->settings.name, "reached",
                     (int)q->is_reached, "waiting", (json_int_t)depth.waiting, "pending",
                     (json_int_t)depth.pending, "sent", (json_int_t)q->sent, "consumers",
                     consumers_json(q));
    pthread_mutex_unlock(&q->lock);
    return target_draft_json(from, MHD_HTTP_OK, json);
}

static void add_consumers(struct target_queue *q, struct target_figures *figures)
{
    for (size_t i = 0; i < q->consumers; i++) {
        struct target_series_figure series = {
            .name = "queue_consumer_messages_total",
            .label = "consumer",
            .help = "Of a consumer of the queue: messages done.",
            .value = (double)q->consumer[i].done,
            .is_counter = true,
        };

        snprintf(series.of, sizeof series.of, "%zu", i + 1);
        target_figures_add_series(figures, &series);
    }
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_queue *q = state;
    const char *name = target_queue_system.name;
    uint64_t done = 0, redelivered = 0, crashed = 0;
    struct target_queue_depth depth;

    if (!q->has_sender) {
        return;
    }
    pthread_mutex_lock(&q->lock);
    depth = depth_of(q);
    for (size_t i = 0; i < q->consumers; i++) {
        done += q->consumer[i].done;
        redelivered += q->consumer[i].redelivered;
        crashed += q->consumer[i].crashed;
    }
    target_figures_add_limit(figures, &(struct target_limit_figure){.name = "queue",
                                                                    .used = depth.waiting,
                                                                    .limit = q->settings.most,
                                                                    .events = q->refused});
    target_figures_add_limit(figures, &(struct target_limit_figure){.name = "queue_consumers",
                                                                    .used = depth.pending,
                                                                    .limit = q->settings.consumers,
                                                                    .waiters = depth.waiting});
    target_figures_add_event(figures, name, "sent", q->sent);
    target_figures_add_event(figures, name, "failed", q->failed);
    target_figures_add_event(figures, name, "done", done);
    target_figures_add_event(figures, name, "redelivered", redelivered);
    target_figures_add_event(figures, name, "crashed", crashed);
    add_consumers(q, figures);
    pthread_mutex_unlock(&q->lock);
    target_notices_tell(&q->notices, name, scene);
}

static enum target_health health(void *state, const struct target_scene *scene)
{
    struct target_queue *q = state;
    bool is_reached;

    if (!q->has_sender) {
        return TARGET_HEALTH_OK;
    }
    pthread_mutex_lock(&q->lock);
    is_reached = q->is_reached;
    pthread_mutex_unlock(&q->lock);
    return is_reached ? TARGET_HEALTH_OK : TARGET_HEALTH_DEGRADED;
}

/* ---- the system ---- */

static bool start_threads(struct target_queue *q)
{
    if (is_in_memory(&q->settings) && !(q->memory = target_memqueue_new())) {
        return false;
    }
    q->has_sender = pthread_create(&q->sender, NULL, run_sender, q) == 0;
    while (q->has_sender && q->consumers < q->settings.consumers) {
        struct consumer *consumer = &q->consumer[q->consumers];

        consumer->queue = q;
        snprintf(consumer->name, sizeof consumer->name, "c%zu-%ld", q->consumers + 1,
                 (long)getpid());
        if (pthread_create(&consumer->thread, NULL, run_consumer, consumer) != 0) {
            return false;
        }
        q->consumers++;
    }
    return q->has_sender;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_queue *q = state;

    pthread_mutex_lock(&q->lock);
    q->is_ending = true;
    q->end_ns = target_clock_now_ns() + END_NS;
    pthread_cond_broadcast(&q->roused);
    pthread_mutex_unlock(&q->lock);
    for (size_t i = 0; i < q->consumers; i++) {
        pthread_join(q->consumer[i].thread, NULL);
    }
    if (q->has_sender) {
        pthread_join(q->sender, NULL);
    }
    target_notices_tell(&q->notices, target_queue_system.name, scene);
    target_notices_deinit(&q->notices);
    target_memqueue_free(q->memory);
    pthread_cond_destroy(&q->roused);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static void *start(const void *cls, uint64_t now_ns)
{
    struct target_queue *q = calloc(1, sizeof *q);
    const struct target_scene scene = {.now_ns = now_ns};
    pthread_condattr_t monotonic;

    if (!q) {
        return NULL;
    }
    q->settings = *(const struct target_queue_settings *)cls;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&q->roused, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!target_notices_init(&q->notices) || (q->settings.redis[0] && !start_threads(q))) {
        stop(q, &scene);
        return NULL;
    }
    return q;
}

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_queue *q = state;

    pthread_mutex_lock(&q->lock);
    q->settings = *(const struct target_queue_settings *)cls;
    pthread_mutex_unlock(&q->lock);
    return true;
}

const struct target_system target_queue_system = {
    .name = "queue",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_queue_settings),
    .check = check_settings,
    .start = start,
    .stop = stop,
    .apply = apply,
    .admits_all = true,
    .admit = admit,
    .leave = leave,
    .health = health,
    .figures = figures,
};
