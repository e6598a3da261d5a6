/*
 * orders: see leader.h. Orders are kept and said again where Redis has lost them; workers obey
 * each once.
 */
#include "leader.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/log.h"

/* Takes the order. */
void pelt_leader_tell(struct pelt_fleet_coordinator *c, struct pelt_order *order)
{
    pthread_mutex_lock(&c->orders_lock);
    struct pelt_order *list = realloc(c->orders, (c->orders_len + 1) * sizeof(*list));
    if (list == NULL) {
        pelt_log(PELT_LOG_ERROR, "fleet", "out of memory: workers are not told %s",
                 pelt_order_kind_name(order->kind));
        pelt_order_deinit(order);
    } else {
        c->orders = list;
        order->epoch = c->lease.epoch;
        order->seq = c->orders_len + 1;
        list[c->orders_len++] = *order;
    }
    pthread_mutex_unlock(&c->orders_lock);
    pthread_cond_broadcast(&c->changed);
}

void pelt_leader_tell_text(struct pelt_fleet_coordinator *c, enum pelt_order_kind kind,
                           const char *text)
{
    struct pelt_order order = {.kind = kind, .text = text != NULL ? strdup(text) : NULL};
    pelt_leader_tell(c, &order);
}

/* The next one that was not sent, as bytes. PELT_EOF: there is none. */
static enum pelt_status next_order(struct pelt_fleet_coordinator *c, struct pelt_buf *message,
                                   struct pelt_error *err)
{
    enum pelt_status status = PELT_EOF;
    pthread_mutex_lock(&c->orders_lock);
    if (c->orders_sent < c->orders_len) {
        status = pelt_order_encode(&c->orders[c->orders_sent], c->run, &c->key, message, err);
    }
    pthread_mutex_unlock(&c->orders_lock);
    return status;
}

enum pelt_status pelt_leader_send(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    char ctl[PELT_BUS_KEY_SIZE];
    struct pelt_buf message;
    struct pelt_bus_id id;
    enum pelt_status status = PELT_OK;
    pelt_bus_key(ctl, c->run, PELT_BUS_CTL);
    pelt_buf_init(&message, PELT_ORDER_BYTES_MAX + 1024);
    while (status == PELT_OK && pelt_bus_lease_good(&c->lease, pelt_clock_ns())) {
        pelt_buf_reset(&message);
        status = next_order(c, &message, err);
        if (status != PELT_OK && status != PELT_EOF) {
            pelt_fail(&c->failure, status, "%s", err->text);
        }
        if (status == PELT_OK) {
            status =
                pelt_bus_xadd_next(c->bus, ctl, pelt_span(message.data, message.len), &id, err);
            c->orders_sent += status == PELT_OK;
        }
    }
    pelt_buf_deinit(&message);
    return status == PELT_EOF ? PELT_OK : status;
}
