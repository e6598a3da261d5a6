/* keyfigures: see the header. */
#include "keyfigures.h"

#include <inttypes.h>
#include <string.h>

#define NS_PER_S 1e9

static void print_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Calls `print` for each path that was asked for. */
static void each_action(FILE *out, const struct target_tally *tally,
                        void (*print)(FILE *out, const char *path,
                                      const struct target_action *action))
{
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        struct target_action action = target_tally_action(tally, route);

        if (action.over > 0) {
            print(out, target_route_class(route), &action);
        }
    }
}

static void print_over(FILE *out, const char *path, const struct target_action *action)
{
    fprintf(out, "actions_total{action=\"%s\"} %" PRIu64 "\n", path, action->over);
}

static void print_errors(FILE *out, const char *path, const struct target_action *action)
{
    fprintf(out, "errors_total{action=\"%s\"} %" PRIu64 "\n", path, action->errors);
}

static void print_queues(FILE *out, const struct target_figures *figures)
{
    print_head(out, "queue_depth", "gauge", "Waiting for a limit now.");
    for (size_t i = 0; i < figures->limits; i++) {
        fprintf(out, "queue_depth{queue=\"%s\"} %" PRIu64 "\n", figures->limit[i].name,
                figures->limit[i].waiters);
    }
}

/* The histogram `own`, by the name that others have for it. */
static void print_times(FILE *out, const struct target_figures *figures, const char *own,
                        const char *name, const char *help)
{
    for (size_t i = 0; i < figures->histograms; i++) {
        if (strcmp(figures->histogram[i].name, own) == 0) {
            target_histogram_print(&figures->histogram[i], name, help, out);
        }
    }
}

void target_keyfigures_print(FILE *out, const struct target_tally *tally,
                             const struct target_figures *figures, uint64_t uptime_ns)
{
    print_head(out, "system_uptime_seconds", "gauge", "Since the service began.");
    fprintf(out, "system_uptime_seconds %.3f\n", (double)uptime_ns / NS_PER_S);
    print_head(out, "actions_total", "counter", "Requests that are over.");
    each_action(out, tally, print_over);
    print_head(out, "errors_total", "counter", "Of these: 5xx, or no answer.");
    each_action(out, tally, print_errors);
    if (figures && figures->limits > 0) {
        print_queues(out, figures);
    }
    if (figures) {
        print_times(out, figures, "request_seconds", "action_processing_duration_seconds",
                    "Of requests that are over: from its head to its end.");
        print_times(out, figures, "event_lag_seconds", "event_processing_latency_seconds",
                    "From an event to its first reader.");
    }
}
