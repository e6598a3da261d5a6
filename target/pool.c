/*
 * pool: `next` looks at the state and never at what led to it, so whatever order callers come in,
 * what is to be done is done.
 *
 * Invariants: a slot is in the list of its state, and in one only; `total` counts all that are not
 * free. The list of idle slots is in order of use, the latest first, so that the first of them is
 * the least in need of a check.
 */
#include "pool.h"

#include <assert.h>
#include <pthread.h>

#include "keytable.h"

enum state { FREE, OPENING, IDLE, CHECKING, USED, DOOMED, CLOSING, STATES };

struct list {
    struct target_pool_slot *first, *last;
    size_t count;
};

struct target_pool {
    pthread_mutex_t lock;
    struct target_pool_options options;
    struct target_pool_slot slot[TARGET_POOL_SLOTS_MAX];
    struct list list[STATES];
    struct target_waiters waiters;
    struct target_rankheap by_deadline;
    uint64_t order;     /* counts asks */
    uint64_t refill_ns; /* no opening for `min` before */
    size_t failing;     /* waiters to be failed because an open failed */
    struct target_pool_figures figures;
};

/* ---- slots ---- */

static void unlink_slot(struct list *list, struct target_pool_slot *slot)
{
    if (slot->prev) {
        slot->prev->next = slot->next;
    } else {
        list->first = slot->next;
    }
    if (slot->next) {
        slot->next->prev = slot->prev;
    } else {
        list->last = slot->prev;
    }
    list->count--;
}

static void link_slot(struct list *list, struct target_pool_slot *slot)
{
    slot->prev = NULL;
    slot->next = list->first;
    if (list->first) {
        list->first->prev = slot;
    } else {
        list->last = slot;
    }
    list->first = slot;
    list->count++;
}

static void move(struct target_pool *pool, struct target_pool_slot *slot, enum state to)
{
    static const unsigned from[STATES] = {
        [FREE] = 1U << OPENING | 1U << CLOSING,
        [OPENING] = 1U << FREE,
        [IDLE] = 1U << OPENING | 1U << CHECKING | 1U << USED,
        [CHECKING] = 1U << IDLE,
        [USED] = 1U << IDLE,
        [DOOMED] = 1U << IDLE | 1U << CHECKING | 1U << USED,
        [CLOSING] = 1U << DOOMED,
    };

    assert(from[to] & 1U << slot->state);
    (void)from; /* read by the assertion only */
    unlink_slot(&pool->list[slot->state], slot);
    slot->state = to;
    link_slot(&pool->list[to], slot);
}

static size_t in(const struct target_pool *pool, enum state state)
{
    return pool->list[state].count;
}

static size_t total(const struct target_pool *pool)
{
    return TARGET_POOL_SLOTS_MAX - in(pool, FREE);
}

/* Without those that are about to be closed. */
static size_t staying(const struct target_pool *pool)
{
    return total(pool) - in(pool, DOOMED) - in(pool, CLOSING);
}

/* Opens and checks under way: each will serve somebody, if it goes well. */
static size_t on_the_way(const struct target_pool *pool)
{
    return in(pool, OPENING) + in(pool, CHECKING);
}

static uint64_t later(uint64_t from_ns, uint64_t by_ns)
{
    return by_ns < UINT64_MAX - from_ns ? from_ns + by_ns : UINT64_MAX;
}

/* When an idle slot is to be closed, as things are. */
static uint64_t close_ns(const struct target_pool *pool, const struct target_pool_slot *slot)
{
    uint64_t old_ns = later(slot->opened_ns, pool->options.lifetime_ns);
    uint64_t idle_ns = later(slot->used_ns, pool->options.idle_ns);

    if (staying(pool) > pool->options.max) {
        return 0;
    }
    return staying(pool) > pool->options.min && idle_ns < old_ns ? idle_ns : old_ns;
}

/* ---- waiters ---- */

#define WAITER(node) TARGET_OWNER(node, struct target_pool_waiter, by_deadline)

static bool ends_before(const struct target_rank_node *a, const struct target_rank_node *b)
{
    return WAITER(a)->deadline_ns != WAITER(b)->deadline_ns
               ? WAITER(a)->deadline_ns < WAITER(b)->deadline_ns
               : WAITER(a)->order < WAITER(b)->order;
}

static void dequeue(struct target_pool *pool, struct target_pool_waiter *waiter)
{
    target_waiters_remove(&waiter->waiter);
    target_rankheap_remove(&pool->by_deadline, &waiter->by_deadline);
    if (pool->failing > pool->waiters.count) {
        pool->failing = pool->waiters.count;
    }
}

static struct target_pool_waiter *first_waiter(const struct target_pool *pool)
{
    struct target_waiter *first = pool->waiters.first;

    return first ? TARGET_OWNER(first, struct target_pool_waiter, waiter) : NULL;
}

/* Who waits for somebody to give back is one too many for the pool, and may be for its queue. */
static bool is_room_for_one(struct target_pool *pool)
{
    uint64_t max = pool->options.max;
    uint64_t spare = max > in(pool, USED) ? max - in(pool, USED) : 0;
    uint64_t waiting = pool->waiters.count;

    if (waiting < spare) {
        return true;
    }
    pool->figures.usage.events++;
    return max > 0 && waiting - spare < pool->options.waiters_max;
}

bool target_pool_ask(struct target_pool *pool, struct target_pool_waiter *waiter,
                     uint64_t timeout_ns, uint64_t now_ns)
{
    bool is_taken;

    pthread_mutex_lock(&pool->lock);
    is_taken = is_room_for_one(pool) &&
               target_rankheap_reserve(&pool->by_deadline, pool->waiters.count + 1);
    if (is_taken) {
        waiter->since_ns = now_ns;
        waiter->deadline_ns = later(now_ns, timeout_ns);
        waiter->order = ++pool->order;
        waiter->slot = NULL;
        waiter->why = TARGET_POOL_SERVED;
        target_waiters_push(&pool->waiters, &waiter->waiter);
        target_rankheap_add(&pool->by_deadline, &waiter->by_deadline);
    } else {
        pool->figures.refused++;
    }
    pthread_mutex_unlock(&pool->lock);
    return is_taken;
}

bool target_pool_leave(struct target_pool *pool, struct target_pool_waiter *waiter)
{
    bool is_waiting;

    pthread_mutex_lock(&pool->lock);
    is_waiting = waiter->waiter.queue != NULL;
    if (is_waiting) {
        dequeue(pool, waiter);
    }
    pthread_mutex_unlock(&pool->lock);
    return is_waiting;
}

struct target_pool_waiter *target_pool_first_waiter(struct target_pool *pool)
{
    struct target_pool_waiter *first;

    pthread_mutex_lock(&pool->lock);
    first = first_waiter(pool);
    pthread_mutex_unlock(&pool->lock);
    return first;
}

/* ---- what is to be done ---- */

static struct target_pool_act fail(struct target_pool *pool, struct target_pool_waiter *waiter,
                                   enum target_pool_why why)
{
    dequeue(pool, waiter);
    waiter->why = why;
    return (struct target_pool_act){.what = TARGET_POOL_FAIL, .waiter = waiter};
}

/* Who was to be served before `by_ns`. */
static bool fail_late(struct target_pool *pool, uint64_t by_ns, struct target_pool_act *act)
{
    struct target_rank_node *first = target_rankheap_first(&pool->by_deadline);

    if (!first || WAITER(first)->deadline_ns >= by_ns) {
        return false;
    }
    pool->figures.timeouts++;
    *act = fail(pool, WAITER(first), TARGET_POOL_TIMEOUT);
    return true;
}

static bool fail_unserved(struct target_pool *pool, struct target_pool_act *act)
{
    if (pool->options.max == 0 && pool->waiters.count > 0) {
        *act = fail(pool, first_waiter(pool), TARGET_POOL_SHUT);
        return true;
    }
    if (pool->failing == 0) {
        return false;
    }
    pool->failing--;
    *act = fail(pool, first_waiter(pool), TARGET_POOL_NOT_OPENED);
    return true;
}

static struct target_pool_act serve(struct target_pool *pool, struct target_pool_slot *slot,
                                    uint64_t now_ns)
{
    struct target_pool_waiter *waiter = first_waiter(pool);

    dequeue(pool, waiter);
    move(pool, slot, USED);
    slot->uses++;
    waiter->slot = slot;
    pool->figures.served++;
    pool->figures.wait_ns += now_ns > waiter->since_ns ? now_ns - waiter->since_ns : 0;
    return (struct target_pool_act){.what = TARGET_POOL_SERVE, .slot = slot, .waiter = waiter};
}

static bool close_next(struct target_pool *pool, uint64_t now_ns, struct target_pool_act *act)
{
    struct target_pool_slot *slot = pool->list[IDLE].last;

    while (slot && close_ns(pool, slot) > now_ns) {
        slot = slot->prev;
    }
    if (slot) {
        move(pool, slot, DOOMED);
    }
    slot = pool->list[DOOMED].last;
    if (!slot) {
        return false;
    }
    move(pool, slot, CLOSING);
    *act = (struct target_pool_act){.what = TARGET_POOL_CLOSE, .slot = slot};
    return true;
}

static bool serve_next(struct target_pool *pool, uint64_t now_ns, struct target_pool_act *act)
{
    struct target_pool_slot *slot = pool->list[IDLE].first;

    if (!slot || pool->waiters.count == 0) {
        return false;
    }
    if (now_ns < later(slot->good_ns, pool->options.check_age_ns)) {
        *act = serve(pool, slot, now_ns);
        return true;
    }
    if (pool->waiters.count <= on_the_way(pool)) {
        return false;
    }
    move(pool, slot, CHECKING);
    *act = (struct target_pool_act){.what = TARGET_POOL_CHECK, .slot = slot};
    return true;
}

static bool open_next(struct target_pool *pool, uint64_t now_ns, struct target_pool_act *act)
{
    bool is_waited_for = pool->waiters.count > on_the_way(pool);
    bool is_refill = staying(pool) < pool->options.min && now_ns >= pool->refill_ns;
    struct target_pool_slot *slot = pool->list[FREE].first;

    if (total(pool) >= pool->options.max || (!is_waited_for && !is_refill)) {
        return false;
    }
    move(pool, slot, OPENING);
    *act = (struct target_pool_act){.what = TARGET_POOL_OPEN, .slot = slot};
    return true;
}

struct target_pool_act target_pool_next(struct target_pool *pool, uint64_t now_ns)
{
    struct target_pool_act act = {.what = TARGET_POOL_NOTHING};

    pthread_mutex_lock(&pool->lock);
    /* What is to be closed may not serve; whose time ends just now is served if anything is idle.
     */
    if (!fail_late(pool, now_ns, &act) && !fail_unserved(pool, &act) &&
        !close_next(pool, now_ns, &act) && !serve_next(pool, now_ns, &act) &&
        !open_next(pool, now_ns, &act)) {
        fail_late(pool, now_ns + 1, &act);
    }
    pthread_mutex_unlock(&pool->lock);
    return act;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t target_pool_due_ns(struct target_pool *pool)
{
    uint64_t due_ns = UINT64_MAX;
    struct target_rank_node *first;

    pthread_mutex_lock(&pool->lock);
    first = target_rankheap_first(&pool->by_deadline);
    if (first) {
        due_ns = WAITER(first)->deadline_ns;
    }
    if (staying(pool) < pool->options.min && total(pool) < pool->options.max) {
        due_ns = earlier(due_ns, pool->refill_ns);
    }
    for (struct target_pool_slot *slot = pool->list[IDLE].first; slot; slot = slot->next) {
        due_ns = earlier(due_ns, close_ns(pool, slot));
    }
    pthread_mutex_unlock(&pool->lock);
    return due_ns;
}

/* ---- what was done ---- */

void target_pool_opened(struct target_pool *pool, struct target_pool_slot *slot, void *resource,
                        uint64_t now_ns)
{
    pthread_mutex_lock(&pool->lock);
    if (resource) {
        slot->resource = resource;
        slot->uses = 0;
        slot->opened_ns = slot->used_ns = slot->good_ns = now_ns;
        pool->figures.opened++;
        move(pool, slot, IDLE);
    } else {
        move(pool, slot, FREE);
        pool->figures.not_opened++;
        pool->refill_ns = later(now_ns, pool->options.retry_ns);
        pool->failing += pool->waiters.count > in(pool, IDLE) + on_the_way(pool) + pool->failing;
    }
    pthread_mutex_unlock(&pool->lock);
}

/* Back among the idle, or to be closed. */
static void settle(struct target_pool *pool, struct target_pool_slot *slot, bool is_good,
                   uint64_t now_ns)
{
    if (!is_good) {
        pool->figures.not_good++;
        move(pool, slot, DOOMED);
        return;
    }
    slot->good_ns = now_ns;
    move(pool, slot, IDLE);
}

void target_pool_checked(struct target_pool *pool, struct target_pool_slot *slot, bool is_good,
                         uint64_t now_ns)
{
    pthread_mutex_lock(&pool->lock);
    settle(pool, slot, is_good, now_ns);
    pthread_mutex_unlock(&pool->lock);
}

void target_pool_give_back(struct target_pool *pool, struct target_pool_slot *slot, bool is_good,
                           uint64_t now_ns)
{
    pthread_mutex_lock(&pool->lock);
    slot->used_ns = now_ns;
    settle(pool, slot, is_good, now_ns);
    pthread_mutex_unlock(&pool->lock);
}

void target_pool_closed(struct target_pool *pool, struct target_pool_slot *slot)
{
    pthread_mutex_lock(&pool->lock);
    slot->resource = NULL;
    pool->figures.closed++;
    move(pool, slot, FREE);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- the whole ---- */

static struct target_pool_options within(const struct target_pool_options *options)
{
    struct target_pool_options ours = *options;

    assert(ours.max <= TARGET_POOL_SLOTS_MAX && ours.min <= ours.max);
    return ours;
}

void target_pool_set(struct target_pool *pool, const struct target_pool_options *options)
{
    pthread_mutex_lock(&pool->lock);
    pool->options = within(options);
    pthread_mutex_unlock(&pool->lock);
}

struct target_pool_figures target_pool_figures(struct target_pool *pool)
{
    struct target_pool_figures figures;

    pthread_mutex_lock(&pool->lock);
    figures = pool->figures;
    figures.usage.used = in(pool, USED);
    figures.usage.limit = pool->options.max;
    figures.usage.waiters = pool->waiters.count;
    figures.idle = in(pool, IDLE);
    figures.opening = in(pool, OPENING);
    figures.checking = in(pool, CHECKING);
    pthread_mutex_unlock(&pool->lock);
    return figures;
}

struct target_pool *target_pool_new(const struct target_pool_options *options)
{
    struct target_pool *pool = calloc(1, sizeof *pool);

    if (!pool) {
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pool->options = within(options);
    pool->by_deadline.is_before = ends_before;
    for (size_t i = TARGET_POOL_SLOTS_MAX; i-- > 0;) {
        pool->slot[i].index = i;
        link_slot(&pool->list[FREE], &pool->slot[i]);
    }
    return pool;
}

void target_pool_free(struct target_pool *pool)
{
    if (!pool) {
        return;
    }
    target_rankheap_deinit(&pool->by_deadline);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
