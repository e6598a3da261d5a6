/* ratelimit: see the header. Off, it costs a request one relaxed load. */
#include "ratelimit.h"

#include <stdatomic.h>

#include "bucket.h"

#define NS_PER_S UINT64_C(1000000000)

struct target_ratelimit {
    struct target_bucket bucket;
    _Atomic bool is_on, counts_work_only; /* relaxed: only their values matter */
    _Atomic bool is_limiting;             /* refused since the bucket was full; relaxed */
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_ratelimit_settings, name)

static const char *const rate_for_choices[] = {"all", "work", NULL};

static const struct target_knob knobs[] = {
    {.name = "rate-limit",
     .type = TARGET_KNOB_RATE,
     .offset = FIELD(rate),
     .max = TARGET_BUCKET_RATE_MAX,
     .initial = "0",
     .is_live = true,
     .text = "200/s, 60/m or 5/h: a token bucket gains so many tokens and each request takes one; "
             "without one it is answered 429 with Retry-After; 0: off"},
    {.name = "rate-burst",
     .needs = "rate-limit",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(burst),
     .min = 1,
     .max = TARGET_BUCKET_BURST_MAX,
     .word = "auto",
     .initial = "auto",
     .is_live = true,
     .text = "with --rate-limit: most tokens that the bucket holds, and holds at the start; auto: "
             "those of a second, at least 1"},
    {.name = "rate-for",
     .needs = "rate-limit",
     .type = TARGET_KNOB_CHOICE,
     .offset = FIELD(rate_for),
     .choices = rate_for_choices,
     .initial = "all",
     .is_live = true,
     .text = "which requests --rate-limit counts: all but probes, or those that have work (POST "
             "/api/chat, GET /work)"},
};

static struct target_bucket_limit limit_of(const struct target_ratelimit_settings *settings)
{
    const struct target_rate *rate = &settings->rate;
    unsigned __int128 a_second =
        ((unsigned __int128)rate->count * NS_PER_S + rate->per_ns - 1) / rate->per_ns;
    uint64_t burst = settings->burst;

    if (burst == 0) {
        burst = a_second < TARGET_BUCKET_BURST_MAX ? (uint64_t)a_second : TARGET_BUCKET_BURST_MAX;
    }
    return (struct target_bucket_limit){
        .rate = rate->count, .per_ns = rate->per_ns, .burst = burst};
}

static void publish(struct target_ratelimit *limit,
                    const struct target_ratelimit_settings *settings)
{
    atomic_store_explicit(&limit->is_on, settings->rate.count > 0, memory_order_relaxed);
    atomic_store_explicit(&limit->counts_work_only, settings->rate_for == TARGET_RATELIMIT_FOR_WORK,
                          memory_order_relaxed);
}

/* ---- one request ---- */

static bool counts(struct target_ratelimit *limit, const struct target_admission *admission)
{
    return atomic_load_explicit(&limit->is_on, memory_order_relaxed) &&
           (admission->is_work ||
            !atomic_load_explicit(&limit->counts_work_only, memory_order_relaxed));
}

static void tell(struct target_ratelimit *limit, const struct target_bucket_verdict *verdict,
                 const struct target_scene *scene)
{
    bool is_limiting = !verdict->is_accepted;
    bool was_full = verdict->remaining + 1 == verdict->limit;

    if ((is_limiting || was_full) &&
        atomic_exchange_explicit(&limit->is_limiting, is_limiting, memory_order_relaxed) !=
            is_limiting) {
        target_journal_event(scene->journal, scene->now_ns, verdict->counted_ns,
                             target_ratelimit_system.name, is_limiting ? "empty" : "full",
                             ",\"burst\":%llu", (unsigned long long)verdict->limit);
    }
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_ratelimit *limit = state;
    const struct target_bucket_verdict *verdict = &admission->rate;

    if (!counts(limit, admission)) {
        return TARGET_GO;
    }
    admission->rate = target_bucket_take(&limit->bucket, scene->now_ns);
    if (verdict->limit == 0) {
        return TARGET_GO; /* turned off meanwhile */
    }
    tell(limit, verdict, scene);
    if (verdict->is_accepted) {
        return TARGET_GO;
    }
    admission->status = 429;
    admission->refused_by = target_ratelimit_system.name;
    admission->message = "more requests than the rate limit allows";
    admission->retry_after_s = verdict->retry_after_s;
    return TARGET_REFUSED;
}

/* ---- the system ---- */

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_ratelimit *limit = calloc(1, sizeof *limit);
    struct target_bucket_limit bucket = limit_of(settings);

    if (!limit) {
        return NULL;
    }
    if (!target_bucket_init(&limit->bucket, &bucket, now_ns)) {
        free(limit);
        return NULL;
    }
    publish(limit, settings);
    return limit;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_ratelimit *limit = state;

    target_bucket_deinit(&limit->bucket);
    free(limit);
}

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_ratelimit *limit = state;
    struct target_bucket_limit bucket = limit_of(settings);

    if (!target_bucket_set(&limit->bucket, &bucket, scene->now_ns)) {
        return false;
    }
    publish(limit, settings);
    return true;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_ratelimit *limit = state;
    struct target_usage usage = target_bucket_figures(&limit->bucket, scene->now_ns);

    if (usage.limit > 0) {
        target_figures_add_limit(figures, &(struct target_limit_figure){.name = "rate_limit",
                                                                        .used = usage.used,
                                                                        .limit = usage.limit,
                                                                        .events = usage.events});
        target_figures_add_event(figures, target_ratelimit_system.name, "accepted",
                                 target_bucket_accepted(&limit->bucket));
    }
}

const struct target_system target_ratelimit_system = {
    .name = "rate_limit",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_ratelimit_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .admits_all = true,
    .admit = admit,
    .figures = figures,
};
