/* account: see the header. */
#include "account.h"

#include <stdatomic.h>

#include "threadcpu.h"

struct target_account {
    atomic_bool is_on; /* relaxed: a request may miss a change */
    _Atomic uint64_t requests, cpu_ns, bytes_in, bytes_out, tokens; /* relaxed: only values */
};

static const struct target_knob knobs[] = {
    {.name = "account",
     .type = TARGET_KNOB_FLAG,
     .offset = offsetof(struct target_account_settings, is_on),
     .initial = "off",
     .is_live = true,
     .text = "what each request costs, CPU time, bytes and tokens, stands in Server-Timing, in the "
             "truth log, and summed up in /metrics"},
};

/* ---- one loop ---- */

void target_meter_enter(struct target_meter *meter, struct target_account *account,
                        struct target_cost *cost)
{
    uint64_t now_ns;

    if (!atomic_load_explicit(&account->is_on, memory_order_relaxed)) {
        meter->mark_ns = 0;
        return;
    }
    now_ns = target_threadcpu_ns();
    if (meter->mark_ns > 0) {
        cost->cpu_ns += meter->unclaimed_ns + now_ns - meter->mark_ns;
    }
    meter->unclaimed_ns = 0;
    meter->mark_ns = now_ns;
    cost->is_counted = true;
}

void target_meter_leave(struct target_meter *meter, struct target_cost *cost)
{
    uint64_t now_ns;

    if (meter->mark_ns > 0 && cost->is_counted) {
        now_ns = target_threadcpu_ns();
        cost->cpu_ns += now_ns - meter->mark_ns;
        meter->mark_ns = now_ns;
    }
}

void target_account_add(struct target_account *account, const struct target_cost *cost)
{
    if (cost->is_counted) {
        atomic_fetch_add_explicit(&account->requests, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&account->cpu_ns, cost->cpu_ns, memory_order_relaxed);
        atomic_fetch_add_explicit(&account->bytes_in, cost->bytes_in, memory_order_relaxed);
        atomic_fetch_add_explicit(&account->bytes_out, cost->bytes_out, memory_order_relaxed);
        atomic_fetch_add_explicit(&account->tokens, cost->tokens, memory_order_relaxed);
    }
}

/* ---- the system ---- */

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_account *account = state;

    atomic_store_explicit(&account->is_on,
                          ((const struct target_account_settings *)settings)->is_on,
                          memory_order_relaxed);
    return true;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_account *account = calloc(1, sizeof *account);

    if (account) {
        apply(account, settings, NULL);
    }
    return account;
}

static void stop(void *state, const struct target_scene *scene)
{
    free(state);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_account *account = state;
    const char *name = target_account_system.name;

    if (!atomic_load_explicit(&account->is_on, memory_order_relaxed)) {
        return;
    }
    target_figures_add_event(figures, name, "request",
                             atomic_load_explicit(&account->requests, memory_order_relaxed));
    target_figures_add_event(figures, name, "cpu_us",
                             atomic_load_explicit(&account->cpu_ns, memory_order_relaxed) / 1000);
    target_figures_add_event(figures, name, "byte_in",
                             atomic_load_explicit(&account->bytes_in, memory_order_relaxed));
    target_figures_add_event(figures, name, "byte_out",
                             atomic_load_explicit(&account->bytes_out, memory_order_relaxed));
    target_figures_add_event(figures, name, "token",
                             atomic_load_explicit(&account->tokens, memory_order_relaxed));
}

const struct target_system target_account_system = {
    .name = "account",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_account_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .figures = figures,
};
