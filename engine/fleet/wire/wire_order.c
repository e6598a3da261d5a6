/*
 * wire_order: see the header.
 *
 * What the HMAC is of begins with a word of its own and the run's name, so that no order can be
 * taken for one of another run, and nothing else that is signed with the key for an order.
 */
#include "pelt/wire_order.h"

#include <assert.h>
#include <stdlib.h>

#include "codec.h"

#define SIGNED   "pelt order 1"
#define WHAT     "order"
#define SLOTS    10000 /* PELT_BUS_SLOTS_MAX */
#define TIME_MAX (UINT64_C(1) << 62)

static const char *const KINDS[PELT_ORDER_KINDS] = {"?",     "PLAN",   "START", "RATE",
                                                    "PAUSE", "RESUME", "MARK",  "STOP",
                                                    "ABORT", "STAGE",  "CLOSE", "SPREAD"};

const char *pelt_order_kind_name(enum pelt_order_kind kind)
{
    assert(kind < PELT_ORDER_KINDS);
    return KINDS[kind];
}

void pelt_order_deinit(struct pelt_order *o)
{
    for (size_t i = 0; i < o->plan.settings_len; i++) {
        free(o->plan.settings[i].key);
        free(o->plan.settings[i].value);
    }
    free(o->plan.settings);
    pelt_parcel_deinit(&o->plan.files);
    free(o->text);
    *o = (struct pelt_order){0};
}

/* ---- settings ---- */

static bool key_good(struct pelt_span key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] <= ' ' || key.ptr[i] > '~') {
            return false;
        }
    }
    return key.len > 0 && key.len <= PELT_ORDER_SETTING_KEY;
}

/* Room is made in steps of 16. */
static struct pelt_order_setting *setting_new(struct pelt_order_plan *plan)
{
    if (plan->settings_len % 16 == 0) {
        struct pelt_order_setting *grown =
            realloc(plan->settings, (plan->settings_len + 16) * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        plan->settings = grown;
    }
    struct pelt_order_setting *s = &plan->settings[plan->settings_len];
    *s = (struct pelt_order_setting){0};
    return s;
}

static enum pelt_status set(struct pelt_order_plan *plan, struct pelt_span key,
                            struct pelt_span value, struct pelt_error *err)
{
    if (!key_good(key) || value.len > PELT_ORDER_VALUE_MAX) {
        return pelt_fail(err, PELT_EINVAL,
                         "setting \"%.*s\" of %zu bytes: too long for other hosts (at most %d)",
                         (int)(key.len < 100 ? key.len : 100), key.ptr, value.len,
                         PELT_ORDER_VALUE_MAX);
    }
    if (plan->settings_len == PELT_ORDER_SETTINGS) {
        return pelt_fail(err, PELT_ELIMIT, "more than %d settings for other hosts",
                         PELT_ORDER_SETTINGS);
    }
    struct pelt_order_setting *s = setting_new(plan);
    if (s != NULL) {
        s->key = strndup(key.ptr, key.len);
        s->value = strndup(value.ptr, value.len);
    }
    if (s == NULL || s->key == NULL || s->value == NULL) {
        if (s != NULL) {
            free(s->key);
            free(s->value);
        }
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    plan->settings_len++;
    return PELT_OK;
}

enum pelt_status pelt_order_set(struct pelt_order_plan *plan, const char *key, const char *value,
                                struct pelt_error *err)
{
    return set(plan, pelt_span_of(key), pelt_span_of(value), err);
}

const char *pelt_order_get(const struct pelt_order_plan *plan, const char *key)
{
    for (size_t i = 0; i < plan->settings_len; i++) {
        if (strcmp(plan->settings[i].key, key) == 0) {
            return plan->settings[i].value;
        }
    }
    return NULL;
}

/* ---- sets of slots: each by its distance from the one behind the last ---- */

static void put_slots(struct pelt_buf *b, const uint64_t *set, uint32_t slots)
{
    uint32_t len = 0, next = 0;
    for (uint32_t slot = 0; slot < slots; slot++) {
        len += pelt_order_slot(set, slot);
    }
    pelt_wire_put_number(b, len);
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (pelt_order_slot(set, slot)) {
            pelt_wire_put_number(b, slot - next);
            next = slot + 1;
        }
    }
}

static void get_slots(struct pelt_wire_reader *r, uint64_t *set, uint32_t slots)
{
    uint64_t len = pelt_wire_get_most(r, slots, "a set of more slots than there are"), next = 0;
    for (uint64_t i = 0; i < len && r->why == NULL; i++) {
        uint64_t slot = next + pelt_wire_get_most(r, SLOTS, "a slot that is none");
        if (slot >= slots) {
            pelt_wire_bad(r, "a slot that is none");
            return;
        }
        pelt_order_slot_set(set, (uint32_t)slot);
        next = slot + 1;
    }
}

static uint32_t get_slots_len(struct pelt_wire_reader *r)
{
    const uint64_t slots = pelt_wire_get_most(r, SLOTS, "too many slots");
    if (slots == 0) {
        pelt_wire_bad(r, "an order for no slot");
    }
    return (uint32_t)slots;
}

static void put_spread(struct pelt_buf *b, const struct pelt_order_spread *s)
{
    pelt_wire_put_number(b, s->slots);
    put_slots(b, s->lost, s->slots);
    put_slots(b, s->done, s->slots);
}

static void get_spread(struct pelt_wire_reader *r, struct pelt_order_spread *s)
{
    s->slots = get_slots_len(r);
    get_slots(r, s->lost, s->slots);
    get_slots(r, s->done, s->slots);
}

/* ---- plans ---- */

static void put_plan(struct pelt_buf *b, const struct pelt_order_plan *plan)
{
    pelt_wire_put_number(b, plan->slots);
    pelt_wire_put_number(b, plan->settings_len);
    for (size_t i = 0; i < plan->settings_len; i++) {
        pelt_wire_put_text(b, pelt_span_of(plan->settings[i].key));
        pelt_wire_put_text(b, pelt_span_of(plan->settings[i].value));
    }
    pelt_wire_put_number(b, plan->files.len);
    for (size_t i = 0; i < plan->files.len; i++) {
        const struct pelt_parcel_file *f = &plan->files.file[i];
        pelt_wire_put_text(b, pelt_span_of(f->name));
        pelt_wire_put_number(b, f->bytes);
        pelt_wire_put_bytes(b, f->sha256, sizeof f->sha256);
    }
}

/* A status but PELT_OK: memory is out; what is malformed the reader knows. */
static enum pelt_status get_settings(struct pelt_wire_reader *r, struct pelt_order_plan *plan)
{
    uint64_t len = pelt_wire_get_most(r, PELT_ORDER_SETTINGS, "too many settings");
    for (uint64_t i = 0; i < len && r->why == NULL; i++) {
        struct pelt_span key = pelt_wire_get_text(r, PELT_ORDER_SETTING_KEY);
        struct pelt_span value = pelt_wire_get_text(r, PELT_ORDER_VALUE_MAX);
        if (!key_good(key) || memchr(value.ptr, 0, value.len) != NULL) {
            pelt_wire_bad(r, "a setting with a bad name or value");
        } else if (r->why == NULL && set(plan, key, value, NULL) != PELT_OK) {
            return PELT_ENOMEM;
        }
    }
    return PELT_OK;
}

static enum pelt_status get_files(struct pelt_wire_reader *r, struct pelt_order_plan *plan)
{
    uint64_t len = pelt_wire_get_most(r, PELT_PARCEL_FILES_MAX, "too many files");
    for (uint64_t i = 0; i < len && r->why == NULL; i++) {
        struct pelt_span name = pelt_wire_get_text(r, PELT_PARCEL_NAME_MAX);
        uint64_t bytes = pelt_wire_get_most(r, PELT_PARCEL_FILE_MAX, "too large a file");
        struct pelt_span sha256 = pelt_wire_get_bytes(r, 32);
        if (r->why != NULL) {
            break;
        }
        const size_t before = plan->files.len;
        enum pelt_status status =
            pelt_parcel_add_known(&plan->files, name, bytes, (const uint8_t *)sha256.ptr, NULL);
        if (status == PELT_ENOMEM) {
            return status;
        }
        if (status != PELT_OK || plan->files.len == before) {
            pelt_wire_bad(r, "a file with a bad name, or twice, or too much in all");
        }
    }
    return PELT_OK;
}

static enum pelt_status get_plan(struct pelt_wire_reader *r, struct pelt_order_plan *plan)
{
    plan->slots = get_slots_len(r);
    enum pelt_status status = get_settings(r, plan);
    return status == PELT_OK ? get_files(r, plan) : status;
}

/* ---- orders ---- */

/* Of the run's name and the message without its end. */
static enum pelt_status sign(struct pelt_span message, const char *run,
                             const struct pelt_run_key *key, uint8_t mac[PELT_RUN_KEY_BYTES])
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    pelt_wire_put_text(&b, pelt_span_of(SIGNED));
    pelt_wire_put_text(&b, pelt_span_of(run));
    pelt_wire_put_bytes(&b, message.ptr, message.len);
    const bool good = !b.failed;
    if (good) {
        pelt_run_key_mac(key, pelt_span(b.data, b.len), mac);
    }
    pelt_buf_deinit(&b);
    return good ? PELT_OK : PELT_ENOMEM;
}

enum pelt_status pelt_order_encode(const struct pelt_order *o, const char *run,
                                   const struct pelt_run_key *key, struct pelt_buf *out,
                                   struct pelt_error *err)
{
    const size_t from = out->len;
    uint8_t mac[PELT_RUN_KEY_BYTES];
    const struct pelt_span text = pelt_span_of(o->text);
    assert(o->kind >= PELT_ORDER_PLAN && o->kind < PELT_ORDER_KINDS);
    assert(o->level >= 0);
    if (text.len > PELT_ORDER_TEXT_MAX) {
        return pelt_fail(err, PELT_ELIMIT, "a text of %zu bytes: at most %d go to other hosts",
                         text.len, PELT_ORDER_TEXT_MAX);
    }
    pelt_wire_put_byte(out, PELT_WIRE_ORDER);
    pelt_wire_put_byte(out, o->kind);
    pelt_wire_put_number(out, o->epoch);
    pelt_wire_put_number(out, o->seq);
    pelt_wire_put_number(out, o->server_ns);
    pelt_wire_put_signed(out, o->at_ns);
    pelt_wire_put_double(out, o->level);
    pelt_wire_put_text(out, text);
    if (o->kind == PELT_ORDER_PLAN) {
        assert(o->plan.slots >= 1 && o->plan.slots <= SLOTS);
        put_plan(out, &o->plan);
    } else if (o->kind == PELT_ORDER_SPREAD) {
        assert(o->spread.slots >= 1 && o->spread.slots <= SLOTS);
        put_spread(out, &o->spread);
    }
    if (out->failed ||
        sign(pelt_span(out->data + from, out->len - from), run, key, mac) != PELT_OK ||
        pelt_buf_add(out, mac, sizeof mac) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (out->len - from > PELT_ORDER_BYTES_MAX) {
        const size_t len = out->len - from;
        out->len = from;
        return pelt_fail(err, PELT_ELIMIT,
                         "the plan for other hosts has %zu bytes of at most %zu: fewer files, or "
                         "shorter settings",
                         len, PELT_ORDER_BYTES_MAX);
    }
    return PELT_OK;
}

static enum pelt_status get_order(struct pelt_wire_reader *r, struct pelt_order *o)
{
    (void)pelt_wire_get_byte(r); /* the kind of message */
    o->kind = (enum pelt_order_kind)pelt_wire_get_byte(r);
    if (o->kind < PELT_ORDER_PLAN || o->kind >= PELT_ORDER_KINDS) {
        pelt_wire_bad(r, "of no known kind");
    }
    o->epoch = pelt_wire_get_number(r);
    o->seq = pelt_wire_get_number(r);
    o->server_ns = pelt_wire_get_most(r, TIME_MAX, "a time that cannot be");
    o->at_ns = pelt_wire_get_signed(r);
    o->level = pelt_wire_get_double(r);
    if (o->level < 0 || o->at_ns > (int64_t)TIME_MAX || o->at_ns < -(int64_t)TIME_MAX) {
        pelt_wire_bad(r, "a level or time that cannot be");
    }
    struct pelt_span text = pelt_wire_get_text(r, PELT_ORDER_TEXT_MAX);
    if (memchr(text.ptr, 0, text.len) != NULL) {
        pelt_wire_bad(r, "a text with a NUL");
    }
    if (r->why == NULL && text.len > 0) {
        o->text = strndup(text.ptr, text.len);
        if (o->text == NULL) {
            return PELT_ENOMEM;
        }
    }
    if (r->why == NULL && o->kind == PELT_ORDER_SPREAD) {
        get_spread(r, &o->spread);
    }
    return r->why == NULL && o->kind == PELT_ORDER_PLAN ? get_plan(r, &o->plan) : PELT_OK;
}

static enum pelt_status check_mac(struct pelt_span message, const char *run,
                                  const struct pelt_run_key *key, struct pelt_error *err)
{
    uint8_t mac[PELT_RUN_KEY_BYTES];
    const size_t body = message.len - sizeof mac;
    if (sign(pelt_span(message.ptr, body), run, key, mac) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (!pelt_run_key_mac_equal(mac, (const uint8_t *)message.ptr + body)) {
        return pelt_fail(err, PELT_EINVAL,
                         WHAT ": its HMAC is not that of run %s: refused; is the key the same on "
                              "all hosts?",
                         run);
    }
    return PELT_OK;
}

enum pelt_status pelt_order_decode(struct pelt_span message, const char *run,
                                   const struct pelt_run_key *key, struct pelt_order *out,
                                   struct pelt_error *err)
{
    *out = (struct pelt_order){0};
    if (message.len < PELT_RUN_KEY_BYTES + 2 || message.len > PELT_ORDER_BYTES_MAX ||
        pelt_wire_kind(message) != PELT_WIRE_ORDER) {
        return pelt_fail(err, PELT_EPARSE, WHAT ": none, by its kind or its %zu bytes",
                         message.len);
    }
    enum pelt_status status = check_mac(message, run, key, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_wire_reader r =
        pelt_wire_read(pelt_span(message.ptr, message.len - PELT_RUN_KEY_BYTES));
    status = get_order(&r, out);
    if (status == PELT_OK) {
        status = pelt_wire_done(&r, WHAT, err);
    } else {
        pelt_fail(err, status, "out of memory");
    }
    if (status != PELT_OK) {
        pelt_order_deinit(out);
    }
    return status;
}

bool pelt_order_gate_lets(struct pelt_order_gate *gate, const struct pelt_order *o)
{
    const bool newer = o->epoch > gate->epoch || (o->epoch == gate->epoch && o->seq > gate->seq);
    if (!newer) {
        gate->stale++;
        return false;
    }
    gate->epoch = o->epoch;
    gate->seq = o->seq;
    return true;
}
