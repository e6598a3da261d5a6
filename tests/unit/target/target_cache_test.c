/* cache: each policy evicts as a naive model of it does; single flight, tags, references. */
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "cache.h"
#include "draw.h"
#include "failing_malloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

/* ---- a log of what left, by either of the two ---- */

#define LOG_BYTES 4096

struct log {
    char text[LOG_BYTES];
    size_t used;
};

static void note(struct log *log, const char *key, enum target_cache_leave why)
{
    static const char letter[] = {'e', 'x', 'p'}; /* evicted, expired, purged */

    log->used += (size_t)snprintf(log->text + log->used, LOG_BYTES - log->used, "%s%c:%s",
                                  log->used ? " " : "", letter[why], key);
    assert_true(log->used < LOG_BYTES);
}

static struct log log_of_cache;

static void on_leave(void *cls, const struct target_cache_entry *entry, enum target_cache_leave why)
{
    note(cls, entry->key, why);
}

static unsigned dropped;

static void on_drop(void *value)
{
    dropped++;
}

static struct target_cache *cache_of(enum target_cache_policy policy, uint64_t limit_bytes)
{
    struct target_cache_options options = {.policy = policy,
                                           .limit_bytes = limit_bytes,
                                           .drop_value = on_drop,
                                           .on_leave = on_leave,
                                           .cls = &log_of_cache};
    struct target_cache *cache = target_cache_new(&options);

    assert_non_null(cache);
    log_of_cache.used = 0;
    log_of_cache.text[0] = '\0';
    dropped = 0;
    return cache;
}

/* Something to point at. */
static char thing;

static const struct target_cache_entry *begin_load(struct target_cache *cache, const char *key,
                                                   uint64_t now_ns)
{
    struct target_cache_ask ask = {.key = key, .now_ns = now_ns};
    const struct target_cache_entry *entry;

    assert_int_equal(target_cache_find(cache, &ask, &entry), TARGET_CACHE_LOAD);
    return entry;
}

/* One access: a hit, or a miss that loads at once. True: a hit. */
static bool touch(struct target_cache *cache, const char *key, struct target_cache_load load,
                  uint64_t now_ns)
{
    struct target_cache_ask ask = {.key = key, .now_ns = now_ns};
    const struct target_cache_entry *entry;
    enum target_cache_found found = target_cache_find(cache, &ask, &entry);

    load.value = &thing;
    if (found == TARGET_CACHE_LOAD) {
        assert_null(target_cache_fill(cache, entry, &load, now_ns));
    } else {
        assert_int_equal(found, TARGET_CACHE_HIT);
    }
    assert_string_equal(entry->key, key);
    target_cache_release(cache, entry);
    return found == TARGET_CACHE_HIT;
}

static bool has(struct target_cache *cache, const char *key, uint64_t now_ns)
{
    struct target_cache_ask ask = {.key = key, .now_ns = now_ns};
    const struct target_cache_entry *entry;

    if (target_cache_find(cache, &ask, &entry) == TARGET_CACHE_HIT) {
        target_cache_release(cache, entry);
        return true;
    }
    assert_null(target_cache_fail(cache, entry));
    return false;
}

static void assert_log(const char *expected)
{
    assert_string_equal(log_of_cache.text, expected);
    log_of_cache.used = 0;
    log_of_cache.text[0] = '\0';
}

/* ---- by hand ---- */

/*
 * Three of ten bytes fit. a, b and c are stored, then used: a twice, c once, b once. What d, e and
 * f then evict follows from the policy by hand.
 *
 *        expires   cost   hits   last used
 *   a       30       5      2     1st
 *   b       10       9      1     3rd
 *   c       20       7      1     2nd
 */
static const char *evicted_by(enum target_cache_policy policy)
{
    static const struct target_cache_load a = {.bytes = 10, .ttl_ns = 30 * S, .cost = 5};
    static const struct target_cache_load b = {.bytes = 10, .ttl_ns = 10 * S, .cost = 9};
    static const struct target_cache_load c = {.bytes = 10, .ttl_ns = 20 * S, .cost = 7};
    static const struct target_cache_load more = {.bytes = 10, .ttl_ns = 99 * S, .cost = 8};
    static const char *const uses[] = {"a", "a", "c", "b"};
    struct target_cache *cache = cache_of(policy, 30);

    touch(cache, "a", a, 0);
    touch(cache, "b", b, 0);
    touch(cache, "c", c, 0);
    for (size_t i = 0; i < COUNT(uses); i++) {
        assert_true(touch(cache, uses[i], more, S));
    }
    touch(cache, "d", more, 2 * S);
    touch(cache, "e", more, 2 * S);
    touch(cache, "f", more, 2 * S);
    target_cache_free(cache);
    return log_of_cache.text;
}

static void a_trace_worked_out_by_hand_comes_out_so(void **state)
{
    assert_string_equal(evicted_by(TARGET_CACHE_LRU), "e:a e:c e:b");
    assert_string_equal(evicted_by(TARGET_CACHE_LFU), "e:c e:d e:e"); /* c before b: used earlier */
    assert_string_equal(evicted_by(TARGET_CACHE_FIFO), "e:a e:b e:c");
    assert_string_equal(evicted_by(TARGET_CACHE_TTL), "e:b e:c e:a");
    assert_string_equal(evicted_by(TARGET_CACHE_COST), "e:a e:c e:d");
}

static void cost_is_weighed_by_the_byte(void **state)
{
    static const struct target_cache_load large = {
        .bytes = 60, .cost = 66, .ttl_ns = TARGET_CACHE_NO_END}; /* 1.1 a byte */
    static const struct target_cache_load small = {
        .bytes = 10, .cost = 20, .ttl_ns = TARGET_CACHE_NO_END}; /* 2 a byte */
    struct target_cache *cache = cache_of(TARGET_CACHE_COST, 75);

    touch(cache, "small", small, 0);
    touch(cache, "large", large, 0);
    touch(cache, "other", small, 0);
    assert_log("e:large");
    target_cache_free(cache);
}

static void great_costs_are_weighed_exactly(void **state)
{
    static const struct target_cache_load dear = {
        .bytes = 8, .cost = UINT64_C(1) << 62, .ttl_ns = TARGET_CACHE_NO_END}; /* 2^59 a byte */
    static const struct target_cache_load cheap = {
        .bytes = 16, .cost = UINT64_C(1) << 60, .ttl_ns = TARGET_CACHE_NO_END}; /* 2^56 a byte */
    struct target_cache *cache = cache_of(TARGET_CACHE_COST, 24);

    touch(cache, "dear", dear, 0);
    touch(cache, "cheap", cheap, 0);
    touch(cache, "other", dear, 0);
    assert_log("e:cheap");
    target_cache_free(cache);
}

/* ---- the model: arrays and scans, written from the header ---- */

#define KEYS 2000

struct held {
    unsigned key;
    uint64_t bytes, cost, expires_ns;
    uint64_t hits, used, stored; /* orders */
    unsigned tag;
};

struct model {
    enum target_cache_policy policy;
    uint64_t limit_bytes;
    struct held held[KEYS];
    size_t count;
    uint64_t clock;
    struct log log;
};

static char key_text[KEYS][8];

static int name_keys(void **state)
{
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key_text[i], sizeof key_text[i], "%u", i);
    }
    return 0;
}

static int sign(long double difference)
{
    return (difference > 0) - (difference < 0);
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Negative: a goes first. The cross products of cost stay below 2^64 here. */
static int by_policy(enum target_cache_policy policy, const struct held *a, const struct held *b)
{
    int first = 0, tie = compare(a->used, b->used);

    switch (policy) {
    case TARGET_CACHE_LFU:
        first = compare(a->hits, b->hits);
        break;
    case TARGET_CACHE_FIFO:
        tie = compare(a->stored, b->stored);
        break;
    case TARGET_CACHE_TTL:
        first = compare(a->expires_ns, b->expires_ns);
        tie = compare(a->stored, b->stored);
        break;
    case TARGET_CACHE_COST:
        first = sign((long double)(a->cost * b->bytes) - (long double)(b->cost * a->bytes));
        break;
    default:
        break;
    }
    return first ? first : tie;
}

static void model_remove(struct model *model, size_t i, enum target_cache_leave why)
{
    note(&model->log, key_text[model->held[i].key], why);
    model->held[i] = model->held[--model->count];
}

static void model_expire(struct model *model, uint64_t now_ns)
{
    for (;;) {
        size_t first = SIZE_MAX;

        for (size_t i = 0; i < model->count; i++) {
            if (model->held[i].expires_ns <= now_ns &&
                (first == SIZE_MAX ||
                 by_policy(TARGET_CACHE_TTL, &model->held[i], &model->held[first]) < 0)) {
                first = i;
            }
        }
        if (first == SIZE_MAX) {
            return;
        }
        model_remove(model, first, TARGET_CACHE_EXPIRED);
    }
}

static uint64_t model_bytes(const struct model *model)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < model->count; i++) {
        bytes += model->held[i].bytes;
    }
    return bytes;
}

static void model_evict_one(struct model *model)
{
    size_t first = 0;

    for (size_t i = 1; i < model->count; i++) {
        if (by_policy(model->policy, &model->held[i], &model->held[first]) < 0) {
            first = i;
        }
    }
    model_remove(model, first, TARGET_CACHE_EVICTED);
}

static bool model_touch(struct model *model, unsigned key, const struct target_cache_load *load,
                        unsigned tag, uint64_t now_ns)
{
    model_expire(model, now_ns);
    for (size_t i = 0; i < model->count; i++) {
        if (model->held[i].key == key) {
            model->held[i].hits++;
            model->held[i].used = ++model->clock;
            return true;
        }
    }
    if (load->bytes > model->limit_bytes || load->ttl_ns == 0) {
        return false;
    }
    while (model_bytes(model) + load->bytes > model->limit_bytes) {
        model_evict_one(model);
    }
    model->clock++;
    model->held[model->count++] = (struct held){.key = key,
                                                .bytes = load->bytes,
                                                .cost = load->cost,
                                                .expires_ns = now_ns + load->ttl_ns,
                                                .used = model->clock,
                                                .stored = model->clock,
                                                .tag = tag};
    return false;
}

static size_t model_purge_tag(struct model *model, unsigned tag)
{
    size_t purged = 0;

    for (size_t i = model->count; i-- > 0;) {
        if (model->held[i].tag == tag) {
            model->held[i] = model->held[--model->count];
            purged++;
        }
    }
    return purged;
}

/* ---- exact order on a random trace ---- */

#define TRACE      20000
#define TRACE_KEYS 80
#define TAGS       5

static double draw(uint64_t index, enum target_lane lane)
{
    return target_draw(17, index, lane);
}

/* Of a key, always the same: some are alike in all, some too large, some never kept. */
static struct target_cache_load load_of(unsigned key)
{
    return (struct target_cache_load){
        .bytes = key == 13 ? 5000 : 1 + key % 7 * 20,
        .cost = 1 + key % 5 * 10,
        .ttl_ns = key == 14 ? 0 : (1 + key % 11) * 7 * S,
    };
}

static void assert_same(const struct model *model, struct target_cache *cache, uint64_t step,
                        uint64_t now_ns)
{
    struct target_cache_figures figures = target_cache_figures(cache, now_ns);

    if (strcmp(model->log.text, log_of_cache.text) != 0) {
        fail_msg("%s, step %llu: \"%s\" left, not \"%s\"", target_cache_policy_names[model->policy],
                 (unsigned long long)step, log_of_cache.text, model->log.text);
    }
    assert_int_equal(figures.bytes, model_bytes(model));
    assert_int_equal(figures.entries, model->count);
}

static void clear_logs(struct model *model)
{
    model->log.used = log_of_cache.used = 0;
    model->log.text[0] = log_of_cache.text[0] = '\0';
}

static void trace_step(struct model *model, struct target_cache *cache, uint64_t step,
                       uint64_t now_ns)
{
    static const char *const tags[TAGS] = {"t0", "t1", "t2", "t3", "t4"};
    double kind = draw(step, TARGET_LANE_ERROR), which = draw(step, TARGET_LANE_SERVICE);
    unsigned key = (unsigned)(which * which * TRACE_KEYS); /* low keys more often */
    unsigned tag = (unsigned)(which * 1000) % TAGS;
    struct target_cache_load load = load_of(key);

    load.tags = &tags[key % TAGS];
    load.tag_count = 1;
    if (kind < 0.002) {
        model_expire(model, now_ns);
        (void)target_cache_figures(cache, now_ns); /* expires as well */
        assert_int_equal(target_cache_purge_tag(cache, tags[tag]), model_purge_tag(model, tag));
        clear_logs(model); /* the order in which members go is nobody's business */
    } else if (kind < 0.004) {
        model->limit_bytes = 300 + (uint64_t)(which * 2000);
        model_expire(model, now_ns);
        while (model_bytes(model) > model->limit_bytes) {
            model_evict_one(model);
        }
        target_cache_set(cache, model->limit_bytes, model->policy, now_ns);
    } else {
        assert_int_equal(touch(cache, key_text[key], load, now_ns),
                         model_touch(model, key, &load, key % TAGS, now_ns));
    }
    assert_same(model, cache, step, now_ns);
    clear_logs(model);
}

static void every_policy_evicts_as_its_model_does(void **state)
{
    static struct model model;

    for (enum target_cache_policy policy = 0; policy < TARGET_CACHE_POLICIES; policy++) {
        struct target_cache *cache = cache_of(policy, 1000);
        struct target_cache_figures figures;
        uint64_t now_ns = 5 * S;

        model = (struct model){.policy = policy, .limit_bytes = 1000};
        for (uint64_t step = 0; step < TRACE; step++) {
            now_ns += (uint64_t)(draw(step, TARGET_LANE_SERVICE_2) * 2) * S;
            trace_step(&model, cache, step, now_ns);
        }
        figures = target_cache_figures(cache, now_ns);
        assert_in_range(figures.hits, TRACE / 10, TRACE);
        assert_in_range(figures.evictions, TRACE / 20, TRACE);
        assert_in_range(figures.expired, TRACE / 100, TRACE);
        assert_in_range(figures.purged, 10, TRACE);
        assert_in_range(figures.unkept, 10, TRACE);
        target_cache_free(cache);
        assert_int_equal(dropped, figures.misses); /* each load's value, once */
    }
}

static void a_change_of_policy_goes_on_as_its_model_does(void **state)
{
    static struct model model;
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 1000);

    model = (struct model){.policy = TARGET_CACHE_LRU, .limit_bytes = 1000};
    for (uint64_t step = 0; step < 5000; step++) {
        if (step % 100 == 0) {
            model.policy = (enum target_cache_policy)(step / 100 % TARGET_CACHE_POLICIES);
            target_cache_set(cache, model.limit_bytes, model.policy, step * S / 4);
            model_expire(&model, step * S / 4);
        }
        trace_step(&model, cache, step, step * S / 4);
    }
    target_cache_free(cache);
}

/* ---- hit rates on a Zipf trace ---- */

#define ZIPF_KEYS     1000
#define ZIPF_ACCESSES 60000
#define ZIPF_WARMUP   10000
#define ZIPF_ROOM     100

static double zipf_share[ZIPF_KEYS], zipf_below[ZIPF_KEYS];

static int make_zipf(void **state)
{
    double sum = 0;

    for (size_t i = 0; i < ZIPF_KEYS; i++) {
        zipf_share[i] = pow((double)(i + 1), -0.9);
        sum += zipf_share[i];
        zipf_below[i] = sum;
    }
    for (size_t i = 0; i < ZIPF_KEYS; i++) {
        zipf_share[i] /= sum;
        zipf_below[i] /= sum;
    }
    return name_keys(state);
}

static unsigned zipf_key(uint64_t index)
{
    double at = target_draw(23, index, TARGET_LANE_SERVICE);
    unsigned low = 0, high = ZIPF_KEYS - 1;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (zipf_below[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct rates {
    double cache, model;
};

/* In percent, once warm; all are of one byte, alike but for their life and their cost. */
static struct rates zipf_rates(enum target_cache_policy policy)
{
    static struct model model;
    struct target_cache *cache = cache_of(policy, ZIPF_ROOM);
    struct rates hits = {0};

    model = (struct model){.policy = policy, .limit_bytes = ZIPF_ROOM};
    for (uint64_t i = 0; i < ZIPF_ACCESSES; i++) {
        unsigned key = zipf_key(i);
        struct target_cache_load load = {
            .bytes = 1, .cost = key * 7919 % 101, .ttl_ns = (1 + key * 31 % 97) * 3600 * S};

        hits.cache += touch(cache, key_text[key], load, i * MS) && i >= ZIPF_WARMUP;
        hits.model += model_touch(&model, key, &load, 0, i * MS) && i >= ZIPF_WARMUP;
        clear_logs(&model);
    }
    target_cache_free(cache);
    return (struct rates){.cache = 100 * hits.cache / (ZIPF_ACCESSES - ZIPF_WARMUP),
                          .model = 100 * hits.model / (ZIPF_ACCESSES - ZIPF_WARMUP)};
}

static void assert_within(double points, double value, double expected)
{
    if (!(fabs(value - expected) <= points)) {
        fail_msg("%.3f is not within %.1f points of %.3f", value, points, expected);
    }
}

static void hit_rates_on_a_zipf_trace_are_a_simulators(void **state)
{
    for (enum target_cache_policy policy = 0; policy < TARGET_CACHE_POLICIES; policy++) {
        struct rates rates = zipf_rates(policy);

        print_message("           %-4s hits %.2f%%, the simulator %.2f%%\n",
                      target_cache_policy_names[policy], rates.cache, rates.model);
        assert_within(0.5, rates.cache, rates.model);
    }
}

/*
 * Che, Tung, Wang: "Hierarchical Web Caching Systems" (2002), and Martina, Garetto, Leonardi (2014)
 * for fifo: a key of share p is there with 1 - exp(-pT), for fifo with pT / (1 + pT), where T makes
 * the expected number there equal to the room.
 */
static double there(enum target_cache_policy policy, double pt)
{
    return policy == TARGET_CACHE_LRU ? 1 - exp(-pt) : pt / (1 + pt);
}

static double che_rate(enum target_cache_policy policy)
{
    double low = 0, high = 1e6, rate = 0;

    for (int i = 0; i < 100; i++) {
        double t = (low + high) / 2, held = 0;

        for (size_t k = 0; k < ZIPF_KEYS; k++) {
            held += there(policy, zipf_share[k] * t);
        }
        *(held < ZIPF_ROOM ? &low : &high) = t;
    }
    for (size_t k = 0; k < ZIPF_KEYS; k++) {
        rate += zipf_share[k] * there(policy, zipf_share[k] * low);
    }
    return 100 * rate;
}

static void hit_rates_of_lru_and_fifo_are_those_of_theory(void **state)
{
    assert_within(0.5, zipf_rates(TARGET_CACHE_LRU).cache, che_rate(TARGET_CACHE_LRU));
    assert_within(0.5, zipf_rates(TARGET_CACHE_FIFO).cache, che_rate(TARGET_CACHE_FIFO));
}

/* ---- time, room, tags ---- */

static const struct target_cache_load ten = {.bytes = 10, .ttl_ns = TARGET_CACHE_NO_END};

static void an_entry_lives_until_its_time_is_over(void **state)
{
    static const struct target_cache_load brief = {.bytes = 10, .ttl_ns = 5 * S};
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);

    touch(cache, "a", brief, 10 * S);
    touch(cache, "forever", ten, 10 * S);
    assert_true(has(cache, "a", 15 * S - 1));
    assert_false(has(cache, "a", 15 * S));
    assert_true(has(cache, "forever", UINT64_MAX));
    assert_log("x:a");
    assert_int_equal(target_cache_figures(cache, 15 * S).expired, 1);
    assert_int_equal(target_cache_figures(cache, 15 * S).evictions, 0);
    target_cache_free(cache);
}

static void what_has_expired_leaves_before_anything_is_evicted(void **state)
{
    static const struct target_cache_load brief = {.bytes = 10, .ttl_ns = 5 * S};
    struct target_cache *cache = cache_of(TARGET_CACHE_FIFO, 20);

    touch(cache, "old", ten, 0);
    touch(cache, "brief", brief, 0);
    touch(cache, "new", ten, 5 * S);
    assert_log("x:brief");
    target_cache_free(cache);
}

static void what_expires_during_a_load_makes_room_for_it(void **state)
{
    static const struct target_cache_load brief = {.bytes = 10, .ttl_ns = 5 * S};
    struct target_cache *cache = cache_of(TARGET_CACHE_FIFO, 20);
    const struct target_cache_entry *entry;

    touch(cache, "old", ten, 0);
    touch(cache, "brief", brief, 0);
    entry = begin_load(cache, "new", 0);
    assert_null(target_cache_fill(cache, entry, &ten, 5 * S));
    target_cache_release(cache, entry);
    assert_log("x:brief");
    target_cache_free(cache);
}

static void what_does_not_fit_is_handed_out_and_evicts_nothing(void **state)
{
    static const char *const tags[] = {"x"};
    static const struct target_cache_load large = {
        .value = &thing, .bytes = 101, .ttl_ns = TARGET_CACHE_NO_END, .tags = tags, .tag_count = 1};
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);
    const struct target_cache_entry *entry;

    touch(cache, "a", ten, 0);
    entry = begin_load(cache, "large", 0);
    assert_null(target_cache_fill(cache, entry, &large, 0));
    assert_ptr_equal(entry->value, &thing);
    assert_false(entry->is_kept);
    target_cache_release(cache, entry);
    assert_int_equal(dropped, 1);
    assert_int_equal(target_cache_purge_tag(cache, "x"), 0);
    assert_false(has(cache, "large", 0));
    assert_true(has(cache, "a", 0));
    assert_int_equal(target_cache_figures(cache, 0).unkept, 1);
    target_cache_free(cache);
}

static void a_cache_without_room_keeps_nothing(void **state)
{
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);

    touch(cache, "a", ten, 0);
    target_cache_set(cache, 0, TARGET_CACHE_LRU, 0);
    assert_log("e:a");
    assert_false(touch(cache, "a", ten, 0));
    assert_false(touch(cache, "a", ten, 0));
    assert_int_equal(target_cache_figures(cache, 0).bytes, 0);
    target_cache_free(cache);
}

static void purging_a_tag_drops_exactly_its_members(void **state)
{
    static const char *const both[] = {"x", "y", "x"}, *const only_x[] = {"x"},
                             *const only_y[] = {"y"};
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 1000);
    struct target_cache_load load = ten;

    touch(cache, "none", load, 0);
    load.tags = both, load.tag_count = 3;
    touch(cache, "both", load, 0);
    load.tags = only_x, load.tag_count = 1;
    touch(cache, "x", load, 0);
    load.tags = only_y, load.tag_count = 1;
    touch(cache, "y", load, 0);
    assert_int_equal(target_cache_purge_tag(cache, "nobody's"), 0);
    assert_int_equal(target_cache_purge_tag(cache, "x"), 2);
    assert_int_equal(target_cache_purge_tag(cache, "x"), 0);
    assert_true(has(cache, "none", 0) && has(cache, "y", 0));
    assert_false(has(cache, "both", 0) || has(cache, "x", 0));
    assert_int_equal(target_cache_purge_tag(cache, "y"), 1);
    assert_int_equal(target_cache_figures(cache, 0).purged, 3);
    assert_int_equal(target_cache_figures(cache, 0).bytes, 10);
    target_cache_free(cache);
}

static void a_tag_is_there_as_long_as_a_member(void **state)
{
    static const char *const tags[] = {"x"};
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 20);
    struct target_cache_load load = ten;

    load.tags = tags, load.tag_count = 1;
    assert_false(target_cache_has_tag(cache, "x"));
    touch(cache, "a", load, 0);
    assert_true(target_cache_has_tag(cache, "x"));
    touch(cache, "b", ten, 0);
    touch(cache, "c", ten, 0);
    assert_false(target_cache_has_tag(cache, "x"));
    target_cache_free(cache);
}

static void no_more_entries_are_kept_than_there_may_be(void **state)
{
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 1000);

    target_cache_set_entries(cache, 2);
    touch(cache, "a", ten, 0);
    touch(cache, "b", ten, 0);
    touch(cache, "a", ten, 0);
    touch(cache, "c", ten, 0);
    assert_log("e:b");
    assert_int_equal(target_cache_figures(cache, 0).entries, 2);
    target_cache_set_entries(cache, 1);
    assert_log("e:a");
    target_cache_set_entries(cache, 0);
    touch(cache, "d", ten, 0);
    touch(cache, "e", ten, 0);
    assert_int_equal(target_cache_figures(cache, 0).entries, 3);
    target_cache_free(cache);
}

static void purging_a_key_or_all_drops_these(void **state)
{
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 1000);

    touch(cache, "a", ten, 0);
    touch(cache, "b", ten, 0);
    touch(cache, "c", ten, 0);
    assert_int_equal(target_cache_purge(cache, "b"), 1);
    assert_int_equal(target_cache_purge(cache, "b"), 0);
    assert_int_equal(target_cache_clear(cache), 2);
    assert_int_equal(target_cache_figures(cache, 0).entries, 0);
    target_cache_free(cache);
}

static void who_holds_an_entry_keeps_its_value(void **state)
{
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 10);
    struct target_cache_ask ask = {.key = "a"};
    const struct target_cache_entry *entry;

    touch(cache, "a", ten, 0);
    assert_int_equal(target_cache_find(cache, &ask, &entry), TARGET_CACHE_HIT);
    touch(cache, "b", ten, 0);
    assert_log("e:a");
    assert_int_equal(dropped, 0);
    assert_ptr_equal(entry->value, &thing);
    target_cache_release(cache, entry);
    assert_int_equal(dropped, 1);
    target_cache_free(cache);
    assert_int_equal(dropped, 2);
}

/* ---- single flight ---- */

static struct target_waiter waiter[3];

static void wait_thrice(struct target_cache *cache, const char *key)
{
    const struct target_cache_entry *none;

    for (size_t i = 0; i < 3; i++) {
        struct target_cache_ask ask = {.key = key, .waiter = &waiter[i]};

        assert_int_equal(target_cache_find(cache, &ask, &none), TARGET_CACHE_WAIT);
        assert_null(none);
    }
}

static void a_miss_loads_once_and_all_get_it(void **state)
{
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);
    const struct target_cache_entry *entry = begin_load(cache, "model", 0);
    struct target_cache_load load = ten;
    struct target_waiter *first;

    wait_thrice(cache, "model");
    assert_int_equal(target_cache_figures(cache, 0).waiters, 3);
    load.value = &thing;
    first = target_cache_fill(cache, entry, &load, 0);
    assert_ptr_equal(first, &waiter[0]);
    assert_ptr_equal(first->next, &waiter[1]);
    assert_ptr_equal(first->next->next, &waiter[2]);
    assert_null(first->next->next->next);
    target_cache_clear(cache);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(dropped, 0);
        assert_ptr_equal(waiter[i].got, entry);
        target_cache_release(cache, waiter[i].got);
    }
    target_cache_release(cache, entry);
    assert_int_equal(dropped, 1);
    assert_int_equal(target_cache_figures(cache, 0).misses, 4);
    assert_int_equal(target_cache_figures(cache, 0).collapsed, 3);
    assert_int_equal(target_cache_figures(cache, 0).waiters, 0);
    target_cache_free(cache);
}

static void a_failed_load_tells_all_and_the_next_tries_again(void **state)
{
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);
    const struct target_cache_entry *entry = begin_load(cache, "model", 0);

    wait_thrice(cache, "model");
    assert_true(target_cache_leave(cache, &waiter[1]));
    assert_false(target_cache_leave(cache, &waiter[1]));
    assert_ptr_equal(target_cache_fail(cache, entry), &waiter[0]);
    assert_ptr_equal(waiter[0].next, &waiter[2]);
    assert_null(waiter[2].next);
    assert_null(waiter[0].got);
    assert_false(target_cache_leave(cache, &waiter[0]));
    assert_false(touch(cache, "model", ten, 0));
    assert_true(has(cache, "model", 0));
    target_cache_free(cache);
}

static void what_is_purged_while_it_loads_is_not_kept(void **state)
{
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);
    const struct target_cache_entry *entry = begin_load(cache, "a", 0), *again;

    wait_thrice(cache, "a");
    assert_int_equal(target_cache_purge(cache, "a"), 0);
    again = begin_load(cache, "a", 0);
    assert_ptr_equal(target_cache_fill(cache, entry, &ten, 0), &waiter[0]);
    for (size_t i = 0; i < 3; i++) {
        target_cache_release(cache, waiter[i].got);
    }
    target_cache_release(cache, entry);
    assert_null(target_cache_fill(cache, again, &ten, 0));
    target_cache_release(cache, again);
    assert_true(has(cache, "a", 0));
    assert_int_equal(target_cache_figures(cache, 0).bytes, 10);
    target_cache_free(cache);
}

static void a_load_may_reserve_its_bytes(void **state)
{
    static const struct target_cache_load fifty = {.bytes = 50, .ttl_ns = TARGET_CACHE_NO_END};
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);
    struct target_cache_ask b = {.key = "b", .reserve_bytes = 60};
    struct target_cache_ask c = {.key = "c", .reserve_bytes = 41};
    const struct target_cache_entry *loading, *none;

    touch(cache, "a", fifty, 0);
    assert_int_equal(target_cache_find(cache, &b, &loading), TARGET_CACHE_LOAD);
    assert_log("e:a"); /* before the load, not after */
    assert_int_equal(target_cache_figures(cache, 0).bytes, 60);
    assert_int_equal(target_cache_find(cache, &c, &none), TARGET_CACHE_FULL);
    assert_null(none);
    assert_int_equal(target_cache_figures(cache, 0).full, 1);
    touch(cache, "large", fifty, 0); /* what loads is never evicted: not kept */
    assert_false(has(cache, "large", 0));
    assert_null(target_cache_fill(cache, loading, &fifty, 0)); /* smaller than was thought */
    target_cache_release(cache, loading);
    assert_int_equal(target_cache_figures(cache, 0).bytes, 50);
    assert_false(touch(cache, "large", fifty, 0));
    assert_true(has(cache, "large", 0) && has(cache, "b", 0));
    assert_log("");
    target_cache_free(cache);
}

static void a_failed_load_gives_its_reservation_back(void **state)
{
    struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);
    struct target_cache_ask b = {.key = "b", .reserve_bytes = 60};
    const struct target_cache_entry *loading;

    assert_int_equal(target_cache_find(cache, &b, &loading), TARGET_CACHE_LOAD);
    assert_null(target_cache_fail(cache, loading));
    assert_int_equal(target_cache_figures(cache, 0).bytes, 0);
    target_cache_free(cache);
}

/* ---- want of memory ---- */

static void no_allocation_that_fails_breaks_it(void **state)
{
    static const char *const tags[] = {"x", "y"};
    bool is_done = false;

    for (long at = 0; !is_done; at++) {
        struct target_cache *cache = cache_of(TARGET_CACHE_LRU, 100);
        struct target_cache_ask ask = {.key = "a"};
        struct target_cache_load load = ten;
        const struct target_cache_entry *entry;

        load.value = &thing, load.tags = tags, load.tag_count = 2;
        failing_malloc_at = at;
        if (target_cache_find(cache, &ask, &entry) == TARGET_CACHE_LOAD) {
            assert_null(target_cache_fill(cache, entry, &load, 0));
            assert_ptr_equal(entry->value, &thing);
            is_done = entry->is_kept;
            target_cache_release(cache, entry);
        } else {
            assert_null(entry);
        }
        failing_malloc_at = -1;
        assert_int_equal(target_cache_figures(cache, 0).bytes, is_done ? 10 : 0);
        assert_int_equal(target_cache_purge_tag(cache, "x"), is_done);
        target_cache_free(cache);
    }
}

/* ---- threads ---- */

#define ROUNDS      3000
#define THREAD_KEYS 16

static struct target_cache *shared;
static atomic_int loading[THREAD_KEYS];
static atomic_uint loads, drops;

static void count_drop(void *value)
{
    atomic_fetch_add(&drops, 1);
    free(value);
}

static void load_one(const struct target_cache_entry *entry, unsigned key)
{
    struct target_cache_load load = {.bytes = 10 + key, .ttl_ns = 50, .value = malloc(1)};
    struct target_waiter *back, *next;

    assert_int_equal(atomic_fetch_add(&loading[key], 1), 0);
    sched_yield();
    atomic_fetch_add(&loads, 1);
    atomic_fetch_sub(&loading[key], 1);
    back = target_cache_fill(shared, entry, &load, 0);
    for (; back; back = next) {
        next = back->next;
        atomic_store((atomic_bool *)back->owner, true);
    }
    target_cache_release(shared, entry);
}

static void wait_or_leave(struct target_waiter *mine, atomic_bool *is_back, bool is_patient)
{
    if (!is_patient && target_cache_leave(shared, mine)) {
        return;
    }
    while (!atomic_load(is_back)) {
        sched_yield();
    }
    target_cache_release(shared, mine->got);
}

static void *access_often(void *cls)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned key = (unsigned)(draw(i, TARGET_LANE_SERVICE) * THREAD_KEYS);
        atomic_bool is_back = false;
        struct target_waiter mine = {.owner = &is_back};
        struct target_cache_ask ask = {.key = key_text[key], .waiter = &mine, .now_ns = i % 100};
        const struct target_cache_entry *entry;
        enum target_cache_found found = target_cache_find(shared, &ask, &entry);

        if (found == TARGET_CACHE_LOAD) {
            load_one(entry, key);
        } else if (found == TARGET_CACHE_WAIT) {
            wait_or_leave(&mine, &is_back, i % 3 != 0);
        } else {
            assert_string_equal(entry->key, key_text[key]);
            target_cache_release(shared, entry);
        }
        assert_true(target_cache_figures(shared, 0).bytes <= 100);
    }
    return NULL;
}

static void threads_load_a_key_once_at_a_time_and_drop_each_value_once(void **state)
{
    struct target_cache_options options = {
        .policy = TARGET_CACHE_LRU, .limit_bytes = 100, .drop_value = count_drop};
    struct target_cache_figures figures;
    pthread_t thread[4];

    shared = target_cache_new(&options);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, access_often, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    figures = target_cache_figures(shared, 0);
    assert_int_equal(figures.hits + figures.misses, 4 * ROUNDS);
    assert_int_equal(figures.misses - figures.collapsed, loads);
    assert_int_equal(figures.waiters, 0);
    target_cache_free(shared);
    assert_int_equal(drops, loads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_worked_out_by_hand_comes_out_so),
        cmocka_unit_test(cost_is_weighed_by_the_byte),
        cmocka_unit_test(great_costs_are_weighed_exactly),
        cmocka_unit_test_setup(every_policy_evicts_as_its_model_does, name_keys),
        cmocka_unit_test_setup(a_change_of_policy_goes_on_as_its_model_does, name_keys),
        cmocka_unit_test_setup(hit_rates_on_a_zipf_trace_are_a_simulators, make_zipf),
        cmocka_unit_test_setup(hit_rates_of_lru_and_fifo_are_those_of_theory, make_zipf),
        cmocka_unit_test(an_entry_lives_until_its_time_is_over),
        cmocka_unit_test(what_has_expired_leaves_before_anything_is_evicted),
        cmocka_unit_test(what_expires_during_a_load_makes_room_for_it),
        cmocka_unit_test(what_does_not_fit_is_handed_out_and_evicts_nothing),
        cmocka_unit_test(a_cache_without_room_keeps_nothing),
        cmocka_unit_test(purging_a_tag_drops_exactly_its_members),
        cmocka_unit_test(a_tag_is_there_as_long_as_a_member),
        cmocka_unit_test(no_more_entries_are_kept_than_there_may_be),
        cmocka_unit_test(purging_a_key_or_all_drops_these),
        cmocka_unit_test(who_holds_an_entry_keeps_its_value),
        cmocka_unit_test(a_miss_loads_once_and_all_get_it),
        cmocka_unit_test(a_failed_load_tells_all_and_the_next_tries_again),
        cmocka_unit_test(what_is_purged_while_it_loads_is_not_kept),
        cmocka_unit_test(a_load_may_reserve_its_bytes),
        cmocka_unit_test(a_failed_load_gives_its_reservation_back),
        cmocka_unit_test(no_allocation_that_fails_breaks_it),
        cmocka_unit_test_setup(threads_load_a_key_once_at_a_time_and_drop_each_value_once,
                               name_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
