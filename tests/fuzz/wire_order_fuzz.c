/* wire_order: any bytes as an order. The first says whether they are signed as they are, so that
 * what lies behind the HMAC is reached; what is taken has one form, and names that stay in their
 * folder. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/wire_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The HMAC over what pelt/wire_order.h says: a word, the run, the message. */
static void sign(struct pelt_buf *message, const struct pelt_run_key *key)
{
    struct pelt_buf all;
    uint8_t mac[PELT_RUN_KEY_BYTES];
    pelt_buf_init(&all, 0);
    pelt_buf_add(&all, "\x0cpelt order 1\x01r", 15);
    pelt_buf_add(&all, message->data, message->len);
    pelt_run_key_mac(key, pelt_span(all.data, all.len), mac);
    pelt_buf_add(message, mac, sizeof mac);
    pelt_buf_deinit(&all);
}

static void check(const struct pelt_order *o)
{
    struct pelt_error err;
    assert(o->kind >= PELT_ORDER_PLAN && o->kind < PELT_ORDER_KINDS && o->level >= 0);
    for (size_t i = 0; i < o->plan.files.len; i++) {
        const char *name = o->plan.files.file[i].name;
        assert(pelt_parcel_name_check(pelt_span_of(name), &err) == PELT_OK);
        assert(name[0] != '/' && strstr(name, "/../") == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_run_key key;
    struct pelt_order o;
    struct pelt_error err = {""};
    struct pelt_buf message, again;
    if (size < 1) {
        return 0;
    }
    pelt_run_key_derive(&key, pelt_span_of("fuzz"), "r");
    pelt_buf_init(&message, 0);
    pelt_buf_init(&again, 0);
    pelt_buf_add(&message, data + 1, size - 1);
    if (data[0] % 8 != 0) {
        sign(&message, &key);
    }
    struct pelt_span span = pelt_span(message.data, message.len);
    if (pelt_order_decode(span, "r", &key, &o, &err) == PELT_OK) {
        check(&o);
        assert(pelt_order_encode(&o, "r", &key, &again, NULL) == PELT_OK);
        assert(again.len == message.len && memcmp(again.data, message.data, again.len) == 0);
    } else {
        assert(*err.text != '\0' && o.text == NULL && o.plan.settings == NULL);
    }
    pelt_order_deinit(&o);
    pelt_buf_deinit(&message);
    pelt_buf_deinit(&again);
    return 0;
}
