/*
 * sharing: connections that all users of a thread share: a call takes one that is idle, else a new
 * one, else, where there may be no more, it waits; the oldest call gets the next that is free. The
 * wait is part of the phase `blocked`, and of the whole exchange's time, which may run out
 * meanwhile.
 *
 * A ticket is a call's: it joins the user's session to the connection, and stands in the queue.
 * Each session brings one, so that a user with one exchange in flight always has one.
 *
 * Invariant: calls wait for an origin only while none of its connections is without an exchange, or
 * until `serve` runs: at the load's end users are cancelled one after the other, and who waits is
 * not to open a connection only because it is cancelled a little later.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "h2.h"
#include "internal.h"

struct pelt_ticket {
    struct pelt_ticket *sibling; /* of the same session; or the next spare one */
    struct pelt_session *session;
    struct pelt_conn *conn;          /* NULL: waits */
    struct pelt_ticket *prev, *next; /* among those that wait */
    struct pelt_deadline deadline;   /* while it waits */
    const struct pelt_request *request;
    pelt_done_fn done;
    void *arg;
    uint64_t due_ns, call_ns; /* as given */
};

/* ---- tickets ---- */

static bool add_spare(struct pelt_sharing *all)
{
    struct pelt_ticket *t = calloc(1, sizeof(struct pelt_ticket));
    if (t != NULL) {
        t->sibling = all->spare;
        all->spare = t;
        all->spares++;
    }
    return t != NULL;
}

static struct pelt_ticket *take_spare(struct pelt_sharing *all)
{
    struct pelt_ticket *t = all->spare;
    all->spare = t->sibling;
    all->spares--;
    return t;
}

static void give_back(struct pelt_ticket *t)
{
    struct pelt_sharing *all = &t->session->client->sharing;
    struct pelt_ticket **at = &t->session->tickets;
    while (*at != t) {
        at = &(*at)->sibling;
    }
    *at = t->sibling;
    t->sibling = all->spare;
    all->spare = t;
    all->spares++;
    all->idle += t->session->tickets == NULL;
}

/* ---- who waits ---- */

static void queue_push(struct pelt_conn_pool *pool, struct pelt_ticket *t)
{
    t->prev = pool->last;
    t->next = NULL;
    *(pool->last != NULL ? &pool->last->next : &pool->first) = t;
    pool->last = t;
}

static void queue_remove(struct pelt_conn_pool *pool, struct pelt_ticket *t)
{
    *(t->prev != NULL ? &t->prev->next : &pool->first) = t->next;
    *(t->next != NULL ? &t->next->prev : &pool->last) = t->prev;
    pelt_deadline_clear(&t->deadline);
}

/* ---- connections without an exchange ---- */

static struct pelt_conn *pop(struct pelt_conn **list)
{
    struct pelt_conn *c = *list;
    if (c != NULL) {
        *list = c->next;
    }
    return c;
}

static void push(struct pelt_conn **list, struct pelt_conn *c)
{
    c->next = *list;
    *list = c;
}

/* The one used last, so that the others may grow old; ended ones keep their back-off. */
static struct pelt_conn *take_idle(struct pelt_conn_pool *pool)
{
    struct pelt_conn *c;
    while ((c = pop(&pool->idle)) != NULL) {
        if (c->state == PELT_CONN_IDLE) {
            return c;
        }
        push(&pool->closed, c);
    }
    return pop(&pool->closed);
}

static struct pelt_conn *add_conn(struct pelt_origin *origin)
{
    const bool http2 = origin->client->opt.http2.on; /* then the hub says how many there may be */
    uint32_t most = http2 ? 0 : origin->client->opt.connections_max;
    struct pelt_conn *c =
        most == 0 || origin->pool.conns < most ? pelt_conn_for(origin->client) : NULL;
    if (c != NULL) {
        pelt_conn_bind(c, origin);
        if (http2) {
            pelt_h2call_join_pool(c);
        }
        origin->pool.conns++;
    }
    return c;
}

/* NULL: there may be no more, or memory is out. */
static struct pelt_conn *take_conn(struct pelt_origin *origin)
{
    struct pelt_conn *c = take_idle(&origin->pool);
    return c != NULL ? c : add_conn(origin);
}

/* ---- the life of a call ---- */

static void on_done(void *arg, const struct pelt_exchange *x);

static void open(struct pelt_ticket *t, struct pelt_conn *c)
{
    t->conn = c;
    pelt_conn_open(c, t->request, t->due_ns, t->call_ns, on_done, t);
}

/* The oldest call that waits. */
static void serve(struct pelt_conn *c, uint64_t now_ns)
{
    struct pelt_conn_pool *pool = &c->origin->pool;
    struct pelt_ticket *oldest = pool->first;
    queue_remove(pool, oldest);
    open(oldest, c);
    pelt_conn_start(c, now_ns);
}

/* Whoever waits is served later, as users are being cancelled. */
static bool put_off(struct pelt_client *client, uint64_t now_ns)
{
    struct pelt_sharing *all = &client->sharing;
    return all->cancelling && (all->serve.slot != 0 ||
                               pelt_timerq_add(client->opt.timers, &all->serve, now_ns) == PELT_OK);
}

/* The call on it has ended. */
static void release(struct pelt_conn *c, uint64_t now_ns)
{
    struct pelt_conn_pool *pool = &c->origin->pool;
    if (pool->first == NULL || put_off(c->origin->client, now_ns)) {
        push(c->state == PELT_CONN_IDLE ? &pool->idle : &pool->closed, c);
    } else {
        serve(c, now_ns);
    }
}

static void on_serve(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_client *client =
        (struct pelt_client *)(void *)((char *)timer - offsetof(struct pelt_client, sharing.serve));
    for (struct pelt_origin *o = client->origins; o != NULL; o = o->next) {
        struct pelt_conn *c;
        while (o->pool.first != NULL && (c = take_conn(o)) != NULL) {
            serve(c, now_ns);
        }
    }
}

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct pelt_ticket *t = arg;
    struct pelt_conn *c = t->conn;
    pelt_done_fn done = t->done;
    void *done_arg = t->arg;
    struct pelt_client *client = t->session->client;
    give_back(t);
    if (c != client->sharing.nowhere) {
        release(c, x->sample.done_ns);
    }
    done(done_arg, x); /* may end the session */
}

/* A call that waits ends without a connection. */
static void finish_waiting(struct pelt_ticket *t, enum pelt_outcome outcome, const char *error,
                           uint64_t now_ns)
{
    struct pelt_conn *c = t->session->client->sharing.nowhere;
    queue_remove(&t->request->origin->pool, t);
    c->origin = t->request->origin;
    open(t, c);
    pelt_conn_finish(c, outcome, error, now_ns);
}

static void on_deadline(void *arg, struct pelt_deadline *d, uint64_t now_ns)
{
    struct pelt_ticket *t =
        (struct pelt_ticket *)(void *)((char *)d - offsetof(struct pelt_ticket, deadline));
    bool memory = t->request->origin->pool.conns == 0;
    finish_waiting(t, memory ? PELT_OUTCOME_GEN_MEMORY : PELT_OUTCOME_TIMEOUT,
                   memory ? "no memory for a connection" : "no shared connection came free in time",
                   now_ns);
}

static void wait(struct pelt_ticket *t, uint64_t now_ns)
{
    struct pelt_conn_pool *pool = &t->request->origin->pool;
    uint64_t total_ns = t->request->timeouts.total_ns;
    queue_push(pool, t);
    pelt_deadline_set(&t->session->client->sharing.deadlines, &t->deadline, total_ns,
                      pool->conns > 0 ? t->call_ns + total_ns : now_ns);
}

/* ---- for sessions ---- */

/* The session's own ticket, or one that is no other session's own. */
bool pelt_sharing_has_room(struct pelt_session *s)
{
    struct pelt_sharing *all = &s->client->sharing;
    return s->tickets == NULL || all->spares > all->idle || add_spare(all);
}

void pelt_sharing_call(struct pelt_session *s, const struct pelt_request *request, uint64_t due_ns,
                       uint64_t now_ns, pelt_done_fn done, void *arg)
{
    struct pelt_sharing *all = &s->client->sharing;
    bool room = pelt_sharing_has_room(s);
    assert(room);
    (void)room;
    all->idle -= s->tickets == NULL;
    struct pelt_ticket *t = take_spare(all);
    *t = (struct pelt_ticket){.sibling = s->tickets,
                              .session = s,
                              .request = request,
                              .done = done,
                              .arg = arg,
                              .due_ns = due_ns,
                              .call_ns = now_ns};
    s->tickets = t;
    pelt_client_started(s->client, request, due_ns, now_ns);
    struct pelt_conn *c = request->origin->pool.first == NULL ? take_conn(request->origin) : NULL;
    if (c == NULL) {
        wait(t, now_ns);
        return;
    }
    open(t, c);
    pelt_conn_start(c, now_ns);
}

/* What a `done` calls anew stands before them in the list; the last one may end the session. */
void pelt_sharing_cancel(struct pelt_session *s, enum pelt_outcome outcome, uint64_t now_ns)
{
    const char *name = pelt_outcome_name(outcome);
    struct pelt_sharing *all = &s->client->sharing;
    all->cancelling = true;
    for (struct pelt_ticket *t = s->tickets, *next; t != NULL; t = next) {
        next = t->sibling;
        if (t->conn == NULL) {
            finish_waiting(t, outcome, name, now_ns);
        } else {
            pelt_conn_finish(t->conn, outcome, name, now_ns);
        }
    }
    all->cancelling = false;
}

enum pelt_status pelt_sharing_join(struct pelt_session *s)
{
    if (!add_spare(&s->client->sharing)) {
        s->client = NULL;
        return PELT_ENOMEM;
    }
    s->client->sharing.idle++;
    return PELT_OK;
}

void pelt_sharing_leave(struct pelt_session *s)
{
    assert(s->tickets == NULL);
    s->client->sharing.idle--;
    free(take_spare(&s->client->sharing));
    s->client = NULL; /* it has left */
}

enum pelt_status pelt_sharing_init(struct pelt_client *client)
{
    pelt_deadlines_init(&client->sharing.deadlines, client->opt.timers, on_deadline, client);
    client->sharing.serve.fn = on_serve;
    client->sharing.nowhere = pelt_conn_new();
    return client->sharing.nowhere != NULL ? PELT_OK : PELT_ENOMEM;
}

static void free_conns(struct pelt_conn **list)
{
    struct pelt_conn *c;
    while ((c = pop(list)) != NULL) {
        pelt_conn_free(c);
    }
}

void pelt_sharing_deinit(struct pelt_client *client)
{
    struct pelt_sharing *all = &client->sharing;
    for (struct pelt_origin *o = client->origins; o != NULL; o = o->next) {
        free_conns(&o->pool.idle);
        free_conns(&o->pool.closed);
        pelt_h2hub_free(o->hub);
    }
    while (all->spare != NULL) {
        free(take_spare(all));
    }
    free(all->nowhere);
    if (all->deadlines.timers != NULL) {
        pelt_timerq_remove(client->opt.timers, &all->serve);
        pelt_deadlines_deinit(&all->deadlines);
    }
}
