/*
 * h2hub: see h2.h; which call goes over which connection.
 *
 * Invariant: calls wait only while each connection has as many streams as it may have (or waits for
 * the server's settings, which say so), and no further one may be made; or until `serve` runs.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "h2.h"

/* ---- queues ---- */

static void put(struct pelt_h2queue *q, struct pelt_h2call *a, struct pelt_h2call *prev,
                struct pelt_h2call *next)
{
    assert(a->in == NULL);
    a->in = q;
    a->prev = prev;
    a->next = next;
    *(prev != NULL ? &prev->next : &q->first) = a;
    *(next != NULL ? &next->prev : &q->last) = a;
    q->len++;
}

void pelt_h2queue_push(struct pelt_h2queue *q, struct pelt_h2call *a)
{
    put(q, a, q->last, NULL);
}

void pelt_h2queue_push_first(struct pelt_h2queue *q, struct pelt_h2call *a)
{
    put(q, a, NULL, q->first);
}

void pelt_h2queue_remove(struct pelt_h2call *a)
{
    struct pelt_h2queue *q = a->in;
    if (q != NULL) {
        *(a->prev != NULL ? &a->prev->next : &q->first) = a->next;
        *(a->next != NULL ? &a->next->prev : &q->last) = a->prev;
        q->len--;
        a->in = NULL;
    }
}

/* ---- who is served ---- */

static struct pelt_h2conn *find_room(const struct pelt_h2hub *hub)
{
    struct pelt_h2conn *k = hub->conns;
    while (k != NULL && !pelt_h2conn_has_room(k)) {
        k = k->next;
    }
    return k;
}

/* More wait than those connections will take that are being made, or are new. */
static bool should_make(const struct pelt_h2hub *hub)
{
    uint32_t coming = hub->making;
    for (const struct pelt_h2conn *k = hub->conns; k != NULL; k = k->next) {
        coming += pelt_h2conn_is_new(k);
    }
    return (hub->conns_max == 0 || hub->conns_len + hub->making < hub->conns_max) &&
           hub->waiting.len > (uint64_t)coming * hub->origin->client->opt.http2.streams;
}

static void make_one(struct pelt_h2hub *hub, uint64_t now_ns)
{
    struct pelt_h2call *a = hub->waiting.first;
    pelt_h2queue_remove(a);
    hub->making++;
    a->making = true;
    a->conn.failures = hub->failures;
    a->conn.retry_ns = hub->retry_ns;
    pelt_setup_make(&a->conn, now_ns);
}

void pelt_h2hub_serve(struct pelt_h2hub *hub, uint64_t now_ns)
{
    struct pelt_h2conn *k;
    while (hub->waiting.first != NULL && (k = find_room(hub)) != NULL) {
        struct pelt_h2call *a = hub->waiting.first;
        pelt_h2queue_remove(a);
        pelt_h2conn_take(k, a);
    }
    while (hub->waiting.first != NULL && should_make(hub)) {
        make_one(hub, now_ns);
    }
}

static void on_serve(struct pelt_timer *timer, uint64_t now_ns)
{
    pelt_h2hub_serve(
        (struct pelt_h2hub *)(void *)((char *)timer - offsetof(struct pelt_h2hub, serve)), now_ns);
}

void pelt_h2hub_serve_later(struct pelt_h2hub *hub)
{
    const uint64_t now_ns = pelt_clock_ns();
    if (hub->waiting.first != NULL && hub->serve.slot == 0 &&
        pelt_timerq_add(hub->origin->client->opt.timers, &hub->serve, now_ns) != PELT_OK) {
        pelt_h2hub_serve(hub, now_ns);
    }
}

/* ---- life ---- */

struct pelt_h2hub *pelt_h2hub_new(struct pelt_origin *origin, uint32_t conns_max)
{
    struct pelt_h2hub *hub = calloc(1, sizeof *hub);
    if (hub != NULL) {
        hub->origin = origin;
        hub->conns_max = conns_max;
        hub->serve.fn = on_serve;
        hub->refs = 1;
    }
    return hub;
}

void pelt_h2hub_free(struct pelt_h2hub *hub)
{
    if (hub == NULL || --hub->refs > 0) {
        return;
    }
    assert(hub->waiting.len == 0);
    while (hub->conns != NULL) {
        pelt_h2conn_retire(hub->conns);
    }
    pelt_timerq_remove(hub->origin->client->opt.timers, &hub->serve);
    free(hub);
}
