/*
 * session: finds the connection for a call, unless connections are shared (sharing.c). Nearly
 * always it is the first of the list, idle and of the right origin.
 *
 * Out of memory for a further connection, the idle one there is is bound to the other origin
 * instead: a user with no exchange in flight always gets a connection, and one that has some asks
 * whether there is room.
 */
#include <assert.h>
#include <stdlib.h>

#include "h2.h"
#include "internal.h"

enum pelt_status pelt_session_init(struct pelt_session *s, struct pelt_client *client)
{
    *s = (struct pelt_session){.client = client};
    if (client->opt.shared) {
        return pelt_sharing_join(s);
    }
    s->conns = pelt_conn_for(client);
    return s->conns != NULL ? PELT_OK : PELT_ENOMEM;
}

void pelt_session_deinit(struct pelt_session *s)
{
    if (s->client != NULL && s->client->opt.shared) {
        pelt_sharing_leave(s);
        return;
    }
    while (s->conns != NULL) {
        struct pelt_conn *c = s->conns;
        s->conns = c->next;
        pelt_conn_free(c);
    }
}

/* A free connection of this origin, or one that was never bound. */
static struct pelt_conn *find_free(const struct pelt_session *s, const struct pelt_origin *origin)
{
    for (struct pelt_conn *c = s->conns; c != NULL; c = c->next) {
        if (c->request == NULL && (c->origin == origin || c->origin == NULL)) {
            return c;
        }
    }
    return NULL;
}

/* The free connection that was called longest ago; NULL: all are busy. */
static struct pelt_conn *find_oldest_free(const struct pelt_session *s)
{
    struct pelt_conn *oldest = NULL;
    for (struct pelt_conn *c = s->conns; c != NULL; c = c->next) {
        if (c->request == NULL && (oldest == NULL || c->call_ns < oldest->call_ns)) {
            oldest = c;
        }
    }
    return oldest;
}

static bool is_full(const struct pelt_session *s)
{
    unsigned len = 0;
    for (const struct pelt_conn *c = s->conns; c != NULL; c = c->next) {
        len++;
    }
    return len >= PELT_SESSION_CONNS_MAX;
}

/* NULL: out of memory. */
static struct pelt_conn *add_conn(struct pelt_session *s)
{
    struct pelt_conn *c = pelt_conn_for(s->client);
    if (c != NULL) {
        c->next = s->conns;
        s->conns = c;
    }
    return c;
}

/* With HTTP/2: those of a session to one server go over the same connections. */
static void join_others(const struct pelt_session *s, struct pelt_conn *c)
{
    const struct pelt_conn *other = s->conns;
    while (other != NULL && (other == c || other->origin != c->origin)) {
        other = other->next;
    }
    pelt_h2call_join(c, other);
}

static struct pelt_conn *get_conn(struct pelt_session *s, struct pelt_origin *origin)
{
    struct pelt_conn *c = find_free(s, origin);
    if (c == NULL && is_full(s)) {
        c = find_oldest_free(s);
    }
    if (c == NULL) {
        c = add_conn(s);
    }
    if (c == NULL) {
        c = find_oldest_free(s);
        assert(c != NULL); /* there was room */
    }
    if (c->origin != origin) {
        pelt_conn_bind(c, origin);
        if (c->muxed) {
            join_others(s, c);
        }
    }
    return c;
}

bool pelt_session_has_room(struct pelt_session *s)
{
    if (s->client->opt.shared) {
        return pelt_sharing_has_room(s);
    }
    return find_oldest_free(s) != NULL || add_conn(s) != NULL;
}

void pelt_session_call(struct pelt_session *s, const struct pelt_request *request, uint64_t due_ns,
                       uint64_t now_ns, pelt_done_fn done, void *arg)
{
    if (s->client->opt.shared) {
        pelt_sharing_call(s, request, due_ns, now_ns, done, arg);
        return;
    }
    struct pelt_conn *c = s->conns;
    if (c->request != NULL || c->origin != request->origin) {
        c = get_conn(s, request->origin);
    }
    pelt_conn_call(c, request, due_ns, now_ns, done, arg);
}

void pelt_session_share(struct pelt_session *s, const struct pelt_session *other,
                        struct pelt_origin *origin)
{
    assert(s->conns->muxed);
    pelt_conn_bind(s->conns, origin);
    pelt_h2call_join(s->conns, other != NULL ? other->conns : NULL);
}

static unsigned in_flight(const struct pelt_session *s)
{
    unsigned n = 0;
    for (const struct pelt_conn *c = s->conns; c != NULL; c = c->next) {
        n += c->request != NULL;
    }
    return n;
}

void pelt_session_cancel(struct pelt_session *s, enum pelt_outcome outcome, uint64_t now_ns)
{
    if (s->client->opt.shared) {
        pelt_sharing_cancel(s, outcome, now_ns);
        return;
    }
    unsigned left = in_flight(s);
    for (struct pelt_conn *c = s->conns, *next; left > 0 && c != NULL; c = next) {
        next = c->next; /* `done` of the last one may end the session: nothing is touched then */
        if (c->request != NULL) {
            left--;
            pelt_conn_finish(c, outcome, pelt_outcome_name(outcome), now_ns);
        }
    }
}
