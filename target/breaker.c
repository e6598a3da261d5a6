/* breaker: see the header for the diagram. */
#include "breaker.h"

#include <assert.h>

static void enter(struct target_breaker *breaker, enum target_breaker_state state)
{
    assert(state != TARGET_BREAKER_HALF_OPEN || breaker->state == TARGET_BREAKER_OPEN);
    breaker->state = state;
    breaker->generation++;
    breaker->failures = 0;
    breaker->is_probing = false;
}

static void open_up(struct target_breaker *breaker, uint64_t now_ns)
{
    enter(breaker, TARGET_BREAKER_OPEN);
    breaker->open_until_ns = now_ns + breaker->options.cooldown_ns;
    breaker->opened++;
}

static void cool_down(struct target_breaker *breaker, uint64_t now_ns)
{
    if (breaker->state == TARGET_BREAKER_OPEN && now_ns >= breaker->open_until_ns) {
        enter(breaker, TARGET_BREAKER_HALF_OPEN);
    }
}

static struct target_breaker_pass decide(struct target_breaker *breaker, uint64_t now_ns)
{
    struct target_breaker_pass pass = {.generation = breaker->generation};

    if (breaker->state == TARGET_BREAKER_CLOSED) {
        pass.is_allowed = true;
    } else if (breaker->state == TARGET_BREAKER_HALF_OPEN && !breaker->is_probing) {
        pass.is_allowed = pass.is_probe = breaker->is_probing = true;
        breaker->probes++;
    } else {
        breaker->rejected++;
        if (breaker->state == TARGET_BREAKER_OPEN) {
            pass.retry_ns = breaker->open_until_ns - now_ns;
        }
    }
    return pass;
}

struct target_breaker_pass target_breaker_ask(struct target_breaker *breaker, uint64_t now_ns)
{
    struct target_breaker_pass pass;

    pthread_mutex_lock(&breaker->lock);
    cool_down(breaker, now_ns);
    pass = decide(breaker, now_ns);
    pthread_mutex_unlock(&breaker->lock);
    return pass;
}

static void count_closed(struct target_breaker *breaker, enum target_breaker_outcome outcome,
                         uint64_t now_ns)
{
    if (outcome == TARGET_BREAKER_OK) {
        breaker->failures = 0;
    } else if (outcome == TARGET_BREAKER_FAILED) {
        breaker->failures++;
        if (breaker->options.failures > 0 && breaker->failures >= breaker->options.failures) {
            open_up(breaker, now_ns);
        }
    }
}

static void end_probe(struct target_breaker *breaker, enum target_breaker_outcome outcome,
                      uint64_t now_ns)
{
    if (outcome == TARGET_BREAKER_OK) {
        enter(breaker, TARGET_BREAKER_CLOSED);
    } else if (outcome == TARGET_BREAKER_FAILED) {
        open_up(breaker, now_ns);
    } else {
        breaker->is_probing = false;
    }
}

void target_breaker_report(struct target_breaker *breaker, const struct target_breaker_pass *pass,
                           enum target_breaker_outcome outcome, uint64_t now_ns)
{
    assert(pass->is_allowed);
    pthread_mutex_lock(&breaker->lock);
    if (pass->generation == breaker->generation) {
        if (pass->is_probe) {
            end_probe(breaker, outcome, now_ns);
        } else {
            count_closed(breaker, outcome, now_ns);
        }
    }
    pthread_mutex_unlock(&breaker->lock);
}

bool target_breaker_is_current(struct target_breaker *breaker,
                               const struct target_breaker_pass *pass)
{
    bool is_current;

    pthread_mutex_lock(&breaker->lock);
    is_current = pass->generation == breaker->generation;
    pthread_mutex_unlock(&breaker->lock);
    return is_current;
}

void target_breaker_set(struct target_breaker *breaker,
                        const struct target_breaker_options *options)
{
    pthread_mutex_lock(&breaker->lock);
    breaker->options = *options;
    if (options->failures == 0 && breaker->state != TARGET_BREAKER_CLOSED) {
        enter(breaker, TARGET_BREAKER_CLOSED);
    }
    pthread_mutex_unlock(&breaker->lock);
}

const char *target_breaker_state_name(enum target_breaker_state state)
{
    static const char *const name[] = {
        [TARGET_BREAKER_CLOSED] = "closed",
        [TARGET_BREAKER_OPEN] = "open",
        [TARGET_BREAKER_HALF_OPEN] = "half-open",
    };

    return name[state];
}

struct target_breaker_figures target_breaker_figures(struct target_breaker *breaker,
                                                     uint64_t now_ns)
{
    struct target_breaker_figures figures;

    pthread_mutex_lock(&breaker->lock);
    cool_down(breaker, now_ns);
    figures = (struct target_breaker_figures){
        .usage = {.used = breaker->state == TARGET_BREAKER_CLOSED ? breaker->failures
                                                                  : breaker->options.failures,
                  .limit = breaker->options.failures,
                  .events = breaker->opened},
        .state = breaker->state,
        .rejected = breaker->rejected,
        .probes = breaker->probes,
    };
    pthread_mutex_unlock(&breaker->lock);
    return figures;
}

void target_breaker_init(struct target_breaker *breaker,
                         const struct target_breaker_options *options)
{
    *breaker = (struct target_breaker){.options = *options};
    pthread_mutex_init(&breaker->lock, NULL);
}

void target_breaker_deinit(struct target_breaker *breaker)
{
    pthread_mutex_destroy(&breaker->lock);
}
