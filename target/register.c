/*
 * register: see the header. A balancer that cannot be reached is tried again at the next interval:
 * so the order in which they start does not matter.
 */
#include "register.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends.h"
#include "clock.h"
#include "notices.h"
#include "relay.h"

#define NS_PER_S   UINT64_C(1000000000)
#define NS_PER_MS  UINT64_C(1000000)
#define TIMEOUT_MS 1000
#define ADDRESS    192 /* HOST:PORT */

struct target_register {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t told;
    struct target_register_settings settings;
    char address[ADDRESS]; /* empty: it does not listen */
    uint64_t next_ns;
    bool is_under_way, is_leaving, has_left;
    bool is_known; /* the balancer took the last one */
    uint64_t sent, failed;
    struct target_relay *relay; /* NULL: not begun */
    struct target_notices notices;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_register_settings, name)

static const struct target_knob knobs[] = {
    {.name = "register",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(balancer),
     .max = TARGET_REGISTER_URL_BYTES,
     .initial = "",
     .text = "HOST:PORT of a balancer (--lb) that is told that this service is one of its back "
             "ends, and when it ends"},
    {.name = "register-weight",
     .needs = "register",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(weight),
     .min = 1,
     .max = TARGET_BACKEND_WEIGHT_MAX,
     .initial = "1",
     .is_live = true,
     .text = "its weight there"},
    {.name = "register-interval",
     .needs = "register",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(interval_ns),
     .min = 10 * NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .initial = "2s",
     .is_live = true,
     .text = "how often the balancer is told that it is still there"},
};

static bool check_settings(const void *cls, struct target_error *err)
{
    const struct target_register_settings *settings = cls;

    return settings->balancer[0] == '\0' || target_backends_is_address(settings->balancer) ||
           target_fail(err, "register: \"%.100s\" is not HOST:PORT; try 127.0.0.1:18800",
                       settings->balancer);
}

/* ---- one word to the balancer; on the relay's thread, under the lock ---- */

static void on_told(void *cls, struct target_relay_call *call)
{
    struct target_register *reg = cls;
    bool is_good = call->result == TARGET_RELAY_ANSWERED && call->status == 200;

    pthread_mutex_lock(&reg->lock);
    reg->is_under_way = false;
    if (call->number == 1) {
        reg->has_left = true;
        pthread_cond_signal(&reg->told);
    } else {
        reg->sent++;
        reg->failed += !is_good;
        if (is_good != reg->is_known) {
            reg->is_known = is_good;
            target_notices_add(&reg->notices, target_clock_now_ns(), is_good ? "known" : "unknown",
                               ",\"status\":%u", call->status);
        }
    }
    pthread_mutex_unlock(&reg->lock);
}

/* The body; NULL: no memory. It is the call's `text`, which lives as long as that. */
static char *make_body(const struct target_register *reg)
{
    char *text = NULL;

    return asprintf(&text, "{\"address\": \"%s\", \"weight\": %llu}", reg->address,
                    (unsigned long long)reg->settings.weight) < 0
               ? NULL
               : text;
}

static void tell(struct target_register *reg, bool is_leaving)
{
    struct target_relay_call *call = target_relay_call_new(reg->relay);
    char *body = is_leaving ? NULL : make_body(reg);
    int made = -1;

    if (call) {
        made = is_leaving
                   ? asprintf(&call->url, "http://%s/admin/backends?address=%s",
                              reg->settings.balancer, reg->address)
                   : asprintf(&call->url, "http://%s/admin/backends", reg->settings.balancer);
    }
    if (made < 0 || (!is_leaving && !body)) {
        free(body);
        if (call) {
            call->url = made < 0 ? NULL : call->url;
            target_relay_call_drop(call);
        }
        reg->has_left |= is_leaving;
        return;
    }
    call->method = is_leaving ? "DELETE" : "POST";
    call->owned_body = body;
    call->body = body;
    call->body_bytes = body ? strlen(body) : 0;
    call->timeout_ms = TIMEOUT_MS;
    call->on_done = on_told;
    call->cls = reg;
    call->number = is_leaving;
    reg->is_under_way = true;
    target_relay_call_begin(call);
}

static uint64_t on_turn(void *cls, uint64_t now_ns)
{
    struct target_register *reg = cls;
    uint64_t next_ns = UINT64_MAX;

    pthread_mutex_lock(&reg->lock);
    if (reg->relay && !reg->is_under_way && !reg->has_left) {
        if (reg->is_leaving) {
            tell(reg, true);
        } else if (now_ns >= reg->next_ns) {
            reg->next_ns = now_ns + reg->settings.interval_ns;
            tell(reg, false);
        }
        next_ns = reg->next_ns;
    }
    pthread_mutex_unlock(&reg->lock);
    return next_ns;
}

/* ---- outside ---- */

bool target_register_begin(struct target_register *reg, const char *host, const char *port)
{
    bool is_v6 = strchr(host, ':') != NULL;
    struct target_relay *relay;

    if (reg->settings.balancer[0] == '\0') {
        return true;
    }
    pthread_mutex_lock(&reg->lock);
    snprintf(reg->address, sizeof reg->address, "%s%s%s:%s", is_v6 ? "[" : "", host,
             is_v6 ? "]" : "", port);
    pthread_mutex_unlock(&reg->lock);
    relay = target_relay_new(on_turn, reg);
    pthread_mutex_lock(&reg->lock);
    reg->relay = relay;
    pthread_mutex_unlock(&reg->lock);
    if (relay) {
        target_relay_wake(relay);
    }
    return relay != NULL;
}

void target_register_leave(struct target_register *reg)
{
    struct timespec until;

    if (!reg->relay) {
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    pthread_mutex_lock(&reg->lock);
    reg->is_leaving = true;
    target_relay_wake(reg->relay);
    while (!reg->has_left && pthread_cond_timedwait(&reg->told, &reg->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&reg->lock);
}

/* ---- the system ---- */

static void *start(const void *cls, uint64_t now_ns)
{
    struct target_register *reg = calloc(1, sizeof *reg);

    if (!reg) {
        return NULL;
    }
    reg->settings = *(const struct target_register_settings *)cls;
    pthread_mutex_init(&reg->lock, NULL);
    pthread_cond_init(&reg->told, NULL);
    if (!target_notices_init(&reg->notices)) {
        target_register_system.stop(reg, &(struct target_scene){.now_ns = now_ns});
        return NULL;
    }
    return reg;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_register *reg = state;

    target_relay_free(reg->relay);
    target_notices_tell(&reg->notices, target_register_system.name, scene);
    target_notices_deinit(&reg->notices);
    pthread_cond_destroy(&reg->told);
    pthread_mutex_destroy(&reg->lock);
    free(reg);
}

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_register *reg = state;

    pthread_mutex_lock(&reg->lock);
    reg->settings = *(const struct target_register_settings *)cls;
    reg->next_ns = scene->now_ns;
    if (reg->relay) {
        target_relay_wake(reg->relay);
    }
    pthread_mutex_unlock(&reg->lock);
    return true;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_register *reg = state;
    const char *name = target_register_system.name;

    pthread_mutex_lock(&reg->lock);
    if (reg->relay) {
        target_figures_add_event(figures, name, "sent", reg->sent);
        target_figures_add_event(figures, name, "failed", reg->failed);
    }
    pthread_mutex_unlock(&reg->lock);
    target_notices_tell(&reg->notices, name, scene);
}

const struct target_system target_register_system = {
    .name = "register",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_register_settings),
    .check = check_settings,
    .start = start,
    .stop = stop,
    .apply = apply,
    .figures = figures,
};
