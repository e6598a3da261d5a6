/* counters: see the header. */
#include "counters.h"

#include <inttypes.h>
#include <stdio.h>

#include "keyfigures.h"

/* One writer, so no atomic addition is needed; release pairs with the acquire of read(). */
static void add(target_counter *counter, uint64_t more)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + more, memory_order_release);
}

static void add_one(target_counter *counter)
{
    add(counter, 1);
}

static uint64_t read(const target_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_acquire);
}

void target_counters_head(struct target_counters *set, enum target_route route)
{
    if (!target_route_is_observer(route)) {
        add_one(&set->heads[route]);
    }
}

void target_counters_answer(struct target_counters *set, enum target_route route, unsigned status)
{
    if (!target_route_is_observer(route)) {
        add_one(&set->answers[route][status - TARGET_STATUS_MIN]);
    }
}

void target_counters_unanswered(struct target_counters *set, enum target_route route)
{
    if (!target_route_is_observer(route)) {
        add_one(&set->unanswered[route]);
    }
}

void target_counters_done(struct target_counters *set, enum target_route route, uint64_t took_ns)
{
    size_t bucket = 0;

    if (target_route_is_observer(route)) {
        return;
    }
    for (uint64_t most_ns = TARGET_TOOK_NS; bucket < TARGET_TOOK_BUCKETS - 1 && took_ns > most_ns;
         most_ns *= 4) {
        bucket++;
    }
    add(&set->took[bucket], 1);
    add(&set->took_ns, took_ns);
    add_one(&set->done);
}

static uint64_t sum_heads(const struct target_tally *tally, enum target_route route)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < tally->sets; i++) {
        sum += read(&tally->set[i].heads[route]);
    }
    return sum;
}

static uint64_t sum_all_heads(const struct target_tally *tally)
{
    uint64_t sum = 0;

    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        sum += sum_heads(tally, route);
    }
    return sum;
}

static uint64_t sum_answers(const struct target_tally *tally, enum target_route route,
                            unsigned status)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < tally->sets; i++) {
        sum += read(&tally->set[i].answers[route][status - TARGET_STATUS_MIN]);
    }
    return sum;
}

static uint64_t sum_unanswered(const struct target_tally *tally, enum target_route route)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < tally->sets; i++) {
        sum += read(&tally->set[i].unanswered[route]);
    }
    return sum;
}

static uint64_t sum_all_unanswered(const struct target_tally *tally)
{
    uint64_t sum = 0;

    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        sum += sum_unanswered(tally, route);
    }
    return sum;
}

uint64_t target_tally_in_flight(const struct target_tally *tally)
{
    uint64_t done = 0;

    /* Read before the heads, so that the difference is never negative. */
    for (size_t i = 0; i < tally->sets; i++) {
        done += read(&tally->set[i].done);
    }
    return sum_all_heads(tally) - done;
}

struct target_totals target_tally_totals(const struct target_tally *tally)
{
    struct target_totals totals = {.errors = sum_all_unanswered(tally)};

    for (size_t i = 0; i < tally->sets; i++) {
        totals.over += read(&tally->set[i].done);
    }
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        for (unsigned status = 500; status <= TARGET_STATUS_MAX; status++) {
            totals.errors += sum_answers(tally, route, status);
        }
    }
    totals.requests = sum_all_heads(tally);
    return totals;
}

void target_tally_add_times(const struct target_tally *tally, struct target_figures *figures)
{
    struct target_histogram_figure times = {.name = "request_seconds"};
    double most_s = TARGET_TOOK_NS / 1e9;

    for (size_t i = 0; i < TARGET_TOOK_BUCKETS; i++, most_s *= 4) {
        uint64_t count = 0;

        for (size_t k = 0; k < tally->sets; k++) {
            count += read(&tally->set[k].took[i]);
        }
        target_histogram_add(&times, most_s, count);
    }
    for (size_t k = 0; k < tally->sets; k++) {
        times.sum += (double)read(&tally->set[k].took_ns) / 1e9;
    }
    target_figures_add_histogram(figures, &times);
}

struct target_action target_tally_action(const struct target_tally *tally, enum target_route route)
{
    struct target_action action = {.over = sum_unanswered(tally, route)};

    action.errors = action.over;
    for (unsigned status = TARGET_STATUS_MIN; status <= TARGET_STATUS_MAX; status++) {
        uint64_t answers = sum_answers(tally, route, status);

        action.over += answers;
        action.errors += status >= 500 ? answers : 0;
    }
    return action;
}

static void print_paths_json(FILE *out, const struct target_tally *tally, uint64_t *total)
{
    const char *comma = "";

    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        uint64_t heads = sum_heads(tally, route);

        if (heads > 0) {
            fprintf(out, "%s\"%s\": %" PRIu64, comma, target_route_class(route), heads);
            comma = ", ";
            *total += heads;
        }
    }
}

static void print_statuses_json(FILE *out, const struct target_tally *tally)
{
    const char *comma = "";

    for (unsigned status = TARGET_STATUS_MIN; status <= TARGET_STATUS_MAX; status++) {
        uint64_t answers = 0;

        for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
            answers += sum_answers(tally, route, status);
        }
        if (answers > 0) {
            fprintf(out, "%s\"%u\": %" PRIu64, comma, status, answers);
            comma = ", ";
        }
    }
}

char *target_tally_json(const struct target_tally *tally)
{
    char *text = NULL;
    size_t length;
    uint64_t total = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out) {
        return NULL;
    }
    fputs("{\"paths\": {", out);
    print_paths_json(out, tally, &total); /* so that the total is the sum of what was printed */
    fputs("}, \"statuses\": {", out);
    print_statuses_json(out, tally);
    fprintf(out, "}, \"unanswered\": %" PRIu64 ", \"total\": %" PRIu64 "}\n",
            sum_all_unanswered(tally), total);
    fclose(out);
    return text;
}

static void print_metric_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_requests(FILE *out, const struct target_tally *tally)
{
    print_metric_head(out, "pelt_target_requests_total", "counter",
                      "Requests whose head was fully received.");
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        uint64_t heads = sum_heads(tally, route);

        if (heads > 0) {
            fprintf(out, "pelt_target_requests_total{path=\"%s\"} %" PRIu64 "\n",
                    target_route_class(route), heads);
        }
    }
}

static void print_answers(FILE *out, const struct target_tally *tally)
{
    print_metric_head(out, "pelt_target_answers_total", "counter", "Answers by path and status.");
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        for (unsigned status = TARGET_STATUS_MIN; status <= TARGET_STATUS_MAX; status++) {
            uint64_t answers = sum_answers(tally, route, status);

            if (answers > 0) {
                fprintf(out, "pelt_target_answers_total{path=\"%s\",status=\"%u\"} %" PRIu64 "\n",
                        target_route_class(route), status, answers);
            }
        }
    }
}

static void print_unanswered(FILE *out, const struct target_tally *tally)
{
    print_metric_head(out, "pelt_target_unanswered_total", "counter",
                      "Requests that ended without an answer.");
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        uint64_t unanswered = sum_unanswered(tally, route);

        if (unanswered > 0) {
            fprintf(out, "pelt_target_unanswered_total{path=\"%s\"} %" PRIu64 "\n",
                    target_route_class(route), unanswered);
        }
    }
}

char *target_tally_prometheus(const struct target_tally *tally, uint64_t stalls,
                              const struct target_figures *figures, uint64_t uptime_ns)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    if (!out) {
        return NULL;
    }
    print_requests(out, tally);
    print_answers(out, tally);
    print_unanswered(out, tally);
    print_metric_head(out, "pelt_target_in_flight", "gauge", "Requests received, not yet done.");
    fprintf(out, "pelt_target_in_flight %" PRIu64 "\n", target_tally_in_flight(tally));
    print_metric_head(out, "pelt_target_stalls_total", "counter", "Stalls that have begun.");
    fprintf(out, "pelt_target_stalls_total %" PRIu64 "\n", stalls);
    if (figures) {
        target_figures_print(figures, out);
    }
    target_keyfigures_print(out, tally, figures, uptime_ns);
    fclose(out);
    return text;
}
