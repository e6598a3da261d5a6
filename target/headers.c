/* headers: see the header. */
#include "headers.h"

#include <inttypes.h>

#include "response.h"
#include "response_cache.h"

#define SERVER_TIMING  "Server-Timing"
#define CACHE_STATUS   "Cache-Status"
#define CACHE_BYPASS   "pelt-target; fwd=bypass"
#define CORRELATION_ID "X-Correlation-ID"
#define BACKEND        "X-Backend"

/* In the response cache, or among those under way. */
static bool has_been_looked_up(const struct target_asked *asked)
{
    return asked->admission->response_cache.note != TARGET_CACHE_BYPASS ||
           asked->admission->coalescing.is_collapsed;
}

static void add_timing(struct MHD_Response *response, const struct target_asked *asked)
{
    const struct target_admission *admission = asked->admission;
    char text[240 + 80 * TARGET_SPANS_MAX];
    size_t used = 0;

    if (!admission->lb.is_relayed) { /* else the back end has said its own */
        used = (size_t)snprintf(text, sizeof text, "queue;dur=%.3f, work;dur=%.3f",
                                (double)asked->queue_ns / 1e6, (double)asked->work_ns / 1e6);
    }

    if (admission->model.name) {
        used += (size_t)snprintf(text + used, sizeof text - used, ", load;dur=%.3f",
                                 (double)admission->model.load_ns / 1e6);
    }
    for (unsigned i = 0; i < admission->spans; i++) {
        const struct target_span *span = &admission->span[i];

        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s-wait;dur=%.3f, %s;dur=%.3f",
                                 used ? ", " : "", span->name, (double)span->wait_ns / 1e6,
                                 span->name, (double)span->call_ns / 1e6);
    }
    if (asked->cost->is_counted) {
        snprintf(text + used, sizeof text - used,
                 ", cpu;dur=%.3f, bytes;desc=\"in=%" PRIu64 " out=%" PRIu64
                 "\", tokens;desc=\"%" PRIu64 "\"",
                 (double)asked->cost->cpu_ns / 1e6, asked->cost->bytes_in, asked->cost->bytes_out,
                 asked->cost->tokens);
    }
    target_response_add(response, SERVER_TIMING, text);
}

static void add_number(struct MHD_Response *response, const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    target_response_add(response, name, text);
}

/* The header fields of draft-ietf-httpapi-ratelimit-headers-06. */
static void add_rate(struct MHD_Response *response, const struct target_bucket_verdict *rate)
{
    char policy[64];

    snprintf(policy, sizeof policy, "%" PRIu64 ";w=%" PRIu64, rate->limit, rate->window_s);
    target_response_add(response, "RateLimit-Policy", policy);
    add_number(response, "RateLimit-Limit", rate->limit);
    add_number(response, "RateLimit-Remaining", rate->remaining);
    add_number(response, "RateLimit-Reset", rate->reset_s);
}

static void add_cache_status(struct MHD_Response *response, const struct target_asked *asked)
{
    char text[TARGET_CACHE_STATUS_BYTES];

    target_response_cache_status(asked->admission, text);
    target_response_add(response, CACHE_STATUS, text);
    if (has_been_looked_up(asked) && asked->admission->vary[0]) {
        target_response_add(response, MHD_HTTP_HEADER_VARY, asked->admission->vary);
    }
}

void target_headers_add(const struct target_sources *from, struct MHD_Response *response,
                        const struct target_asked *asked)
{
    if (from->service->has_server_timing) {
        add_timing(response, asked);
    }
    if (asked->admission->rate.limit > 0) {
        add_rate(response, &asked->admission->rate);
    }
    if (asked->admission->lb.backend[0]) {
        target_response_add(response, BACKEND, asked->admission->lb.backend);
    }
    if (!target_route_is_observer(asked->route) && !asked->admission->lb.is_relayed) {
        add_cache_status(response, asked);
    }
    if (asked->correlation_id && !asked->admission->lb.is_relayed) {
        target_response_add(response, CORRELATION_ID, asked->correlation_id);
    }
    if (from->is_closing) {
        target_response_add(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}

void target_headers_add_shared(struct MHD_Response *response, bool has_server_timing)
{
    if (has_server_timing) {
        target_response_add(response, SERVER_TIMING, "queue;dur=0, work;dur=0");
    }
    target_response_add(response, CACHE_STATUS, CACHE_BYPASS);
}

bool target_headers_are_needed(const struct target_asked *asked)
{
    return asked->correlation_id || asked->cost->is_counted || asked->queue_ns > 0 ||
           asked->work_ns > 0 || asked->admission->rate.limit > 0 || asked->admission->model.name ||
           asked->admission->spans > 0 || asked->admission->says > 0 || has_been_looked_up(asked);
}
