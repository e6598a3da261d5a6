/*
 * outbox: in closed loop, what is called while a batch of answers is being received is sent after
 * the batch: the kernel's receiving path, then its sending path, each with warm caches, and answers
 * are stamped before work for other users delays them. Sent stamps stay exact: they are read just
 * before each send. At most PELT_HELD_MAX calls wait, tens of microseconds.
 *
 * In open loop nothing is held: a call has its due time.
 */
#include "internal.h"

static void flush(struct pelt_outbox *box)
{
    for (unsigned i = 0; i < box->len; i++) {
        struct pelt_conn *c = box->held[i];
        if (!(c->piped | c->upgraded)) {
            pelt_conn_send(c); /* none of these calls back */
        } else if (c->piped) {
            (c->carrier ? pelt_h2conn_send_held : pelt_pipe_send)(c);
        } else {
            pelt_wsconn_send_held(c);
        }
    }
    box->len = 0;
}

bool pelt_outbox_add(struct pelt_conn *c)
{
    struct pelt_outbox *box = &pelt_conn_client(c)->outbox;
    if (!box->open) {
        return false;
    }
    if (box->len == PELT_HELD_MAX) {
        flush(box);
    }
    box->held[box->len++] = c;
    return true;
}

bool pelt_outbox_hold(struct pelt_conn *c)
{
    if (!pelt_outbox_add(c)) {
        return false;
    }
    c->state = PELT_CONN_HELD;
    return true;
}

void pelt_outbox_remove(struct pelt_conn *c)
{
    struct pelt_outbox *box = &pelt_conn_client(c)->outbox;
    for (unsigned i = 0; i < box->len; i++) {
        if (box->held[i] == c) {
            box->held[i] = box->held[--box->len];
            return;
        }
    }
}

static void on_batch_begin(void *arg)
{
    struct pelt_client *client = arg;
    client->outbox.open = client->opt.may_hold;
}

static void on_batch_end(void *arg)
{
    struct pelt_client *client = arg;
    client->outbox.open = false;
    flush(&client->outbox);
}

/* With thousands of users nothing of one is in the caches when its answer comes: first the
 * connection is fetched, then what it points to, then what that one's owner knows of. */
static void foresee(void *who, unsigned places)
{
    const struct pelt_conn *c = who;
    if (places == PELT_POLLER_AHEAD) {
        pelt_fetch(c, sizeof *c);
    } else if (c->request != NULL && places == PELT_POLLER_AHEAD - 1) {
        pelt_fetch(c->request, sizeof *c->request);
        pelt_fetch(c->arg, PELT_OWNER_BYTES);
    } else if (c->request != NULL && pelt_conn_client(c)->foresee != NULL) {
        pelt_conn_client(c)->foresee(c->done, c->arg);
    }
}

const struct pelt_poller_ops pelt_client_poller_ops = {
    .ready = pelt_conn_on_ready,
    .foresee = foresee,
    .begin = on_batch_begin,
    .end = on_batch_end,
};
