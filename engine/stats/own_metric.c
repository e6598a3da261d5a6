/*
 * own_metric: see the header.
 */
#include "pelt/own_metric.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TIME                                                                                       \
    .type = PELT_METRIC_TREND, .unit = PELT_METRIC_TIME_UNIT, .decimals = PELT_METRIC_TIME_DECIMALS
#define TOKENS .type = PELT_METRIC_COUNTER, .unit = "tokens"
#define SHARE  .type = PELT_METRIC_SHARE, .unit = "share"

#define COUNT .type = PELT_METRIC_COUNTER, .unit = "count"

static const struct pelt_metric METRICS[PELT_OWN_METRICS] = {
    [PELT_OWN_WS_CONNECT] = {.name = "ws_connect", TIME},
    [PELT_OWN_WS_RTT] = {.name = "ws_rtt", TIME},
    [PELT_OWN_WS_GAP] = {.name = "ws_gap", TIME},
    [PELT_OWN_WS_MESSAGES] = {.name = "ws_messages", COUNT},
    [PELT_OWN_WS_BYTES] = {.name = "ws_bytes", .type = PELT_METRIC_COUNTER, .unit = "bytes"},
    [PELT_OWN_WS_CLOSES] = {.name = "ws_closes", COUNT},
    [PELT_OWN_WS_ERRORS] = {.name = "ws_errors", COUNT},
    [PELT_OWN_WS_DELIVERY] = {.name = "ws_delivery", TIME},
    [PELT_OWN_WS_LOST] = {.name = "ws_lost", COUNT},
    [PELT_OWN_WS_DUPLICATE] = {.name = "ws_duplicate", COUNT},
    [PELT_OWN_WS_REORDERED] = {.name = "ws_reordered", COUNT},
    [PELT_OWN_TLS_HANDSHAKE] = {.name = "tls_handshake", TIME},
    [PELT_OWN_PROXY_TUNNEL] = {.name = "http_tunnel", TIME},
    [PELT_OWN_CONNECTIONS] = {.name = "http_connections", COUNT},
    [PELT_OWN_SERVER_TIME] = {.name = "server_time", TIME},
    [PELT_OWN_SERVER_REST] = {.name = "server_rest", TIME},
    [PELT_OWN_SERVER_TIMING] = {.name = "server_timing", TIME},
    [PELT_OWN_CACHE_LATENCY] = {.name = "cache_latency", TIME},
    [PELT_OWN_CACHE_AGE] = {.name = "cache_age", .type = PELT_METRIC_TREND, .unit = "s"},
    [PELT_OWN_CACHE_STATUS_SHARE] = {.name = "cache.status.hit_share",
                                     .type = PELT_METRIC_SHARE,
                                     .unit = "share"},
    [PELT_OWN_CACHE_HIT_SHARE] = {.name = "cache.http.hit_share",
                                  .type = PELT_METRIC_SHARE,
                                  .unit = "share"},
    [PELT_OWN_H2_RESETS] = {.name = "h2_resets", COUNT},
    [PELT_OWN_H2_GOAWAYS] = {.name = "h2_goaways", COUNT},
    [PELT_OWN_H2_MOVED] = {.name = "h2_moved", COUNT},
    [PELT_OWN_GRPC_STATUSES] = {.name = "grpc_statuses", COUNT},
    /* Answers of language models. */
    [PELT_OWN_LLM_TTFT] = {.name = "llm_ttft", TIME},
    [PELT_OWN_LLM_TTFT_DUE] = {.name = "llm_ttft_due", TIME},
    [PELT_OWN_LLM_TTFO] = {.name = "llm_ttfo", TIME},
    [PELT_OWN_LLM_ICL] = {.name = "llm_icl", TIME},
    [PELT_OWN_LLM_TPOT] = {.name = "llm_tpot", TIME},
    [PELT_OWN_LLM_E2E] = {.name = "llm_e2e", TIME},
    [PELT_OWN_LLM_E2E_DUE] = {.name = "llm_e2e_due", TIME},
    [PELT_OWN_LLM_TOKENS_PER_S] = {.name = "llm_tokens_per_s",
                                   .type = PELT_METRIC_TREND,
                                   .unit = "tokens/s",
                                   .decimals = PELT_METRIC_DECIMALS_MAX},
    [PELT_OWN_LLM_OUTPUT_TOKENS] = {.name = "llm_output_tokens", TOKENS},
    [PELT_OWN_LLM_PROMPT_TOKENS] = {.name = "llm_prompt_tokens", TOKENS},
    [PELT_OWN_LLM_CACHED_TOKENS] = {.name = "llm_cached_tokens", TOKENS},
    [PELT_OWN_LLM_COMPLETE] = {.name = "llm_complete", SHARE},
    [PELT_OWN_LLM_GOODPUT] = {.name = "llm_goodput", SHARE},
    [PELT_OWN_LLM_GOOD] = {.name = "llm_good", .type = PELT_METRIC_COUNTER, .unit = "answers"},
    /* Streams of events. */
    [PELT_OWN_STREAM_TTFB] = {.name = "stream_ttfb", TIME},
    [PELT_OWN_STREAM_TTFB_DUE] = {.name = "stream_ttfb_due", TIME},
    [PELT_OWN_STREAM_FIRST] = {.name = "stream_first", TIME},
    [PELT_OWN_STREAM_FIRST_DUE] = {.name = "stream_first_due", TIME},
    [PELT_OWN_STREAM_MATCH] = {.name = "stream_match", TIME},
    [PELT_OWN_STREAM_MATCH_DUE] = {.name = "stream_match_due", TIME},
    [PELT_OWN_STREAM_GAP] = {.name = "stream_gap", TIME},
    [PELT_OWN_STREAM_FREEZE] = {.name = "stream_freeze", TIME},
    [PELT_OWN_STREAM_EVENTS] = {.name = "stream_events",
                                .type = PELT_METRIC_COUNTER,
                                .unit = "events"},
    [PELT_OWN_STREAM_COALESCED] = {.name = "stream_coalesced", SHARE},
};

/* Of those that tools reckon in different ways. Content is text that is not empty, of the answer or
 * of its reasoning, a tool call or a refusal. */
static const char *const DEFINITIONS[PELT_OWN_METRICS] = {
    [PELT_OWN_LLM_TTFT] = "first content - sent",
    [PELT_OWN_LLM_TTFT_DUE] = "first content - due",
    [PELT_OWN_LLM_TTFO] = "first content that is not reasoning - sent",
    [PELT_OWN_LLM_ICL] = "chunk with content - the one before; it may hold several tokens",
    [PELT_OWN_LLM_TPOT] = "(e2e - ttft) / (output tokens - 1)",
    [PELT_OWN_LLM_E2E] = "last content - sent; not streamed: end - sent",
    [PELT_OWN_LLM_E2E_DUE] = "last content - due; not streamed: end - due",
    [PELT_OWN_LLM_TOKENS_PER_S] = "1 / tpot",
    [PELT_OWN_LLM_OUTPUT_TOKENS] = "usage.completion_tokens, else chunks with content",
    [PELT_OWN_LLM_PROMPT_TOKENS] = "usage.prompt_tokens",
    [PELT_OWN_LLM_CACHED_TOKENS] = "usage.prompt_tokens_details.cached_tokens",
    [PELT_OWN_LLM_COMPLETE] = "whole answers / calls; all but ttft, ttfo, icl are of these",
    [PELT_OWN_LLM_GOODPUT] = "whole answers within each bound of slo / calls",
    [PELT_OWN_LLM_GOOD] = "whole answers within each bound of slo; per second: goodput",
    [PELT_OWN_STREAM_TTFB] = "first byte of the answer - sent",
    [PELT_OWN_STREAM_TTFB_DUE] = "first byte of the answer - due",
    [PELT_OWN_STREAM_FIRST] = "first event - sent",
    [PELT_OWN_STREAM_FIRST_DUE] = "first event - due",
    [PELT_OWN_STREAM_MATCH] = "first event that meets `first` - sent",
    [PELT_OWN_STREAM_MATCH_DUE] = "first event that meets `first` - due",
    [PELT_OWN_STREAM_GAP] = "event - the one before, by the stamps of their receives",
    [PELT_OWN_STREAM_FREEZE] = "longest gap of a stream",
    [PELT_OWN_STREAM_COALESCED] = "events that came in one receive with another / events",
};
static_assert((int)PELT_OWN_METRICS <= PELT_METRICS_OWN, "there is room for all of them");

uint32_t pelt_own_metric(struct pelt_metrics *m, enum pelt_own_metric which)
{
    uint32_t id = 0;
    const enum pelt_status status = pelt_metrics_put(m, &METRICS[which], &id, NULL);
    assert(status == PELT_OK); /* the same each time, and there is room */
    (void)status;
    return id;
}

uint32_t pelt_own_metric_series(struct pelt_metrics *m, enum pelt_own_metric which,
                                const char *tags)
{
    bool first_refused;
    return pelt_metrics_series(m, pelt_own_metric(m, which), tags, &first_refused);
}

bool pelt_own_metric_find(const char *name, enum pelt_own_metric *which)
{
    for (int i = 0; i < PELT_OWN_METRICS; i++) {
        if (strcmp(METRICS[i].name, name) == 0) {
            *which = (enum pelt_own_metric)i;
            return true;
        }
    }
    return false;
}

const struct pelt_metric *pelt_own_metric_at(enum pelt_own_metric which)
{
    assert(which < PELT_OWN_METRICS);
    return &METRICS[which];
}

const char *pelt_own_metric_definition(const char *name)
{
    enum pelt_own_metric which;
    return pelt_own_metric_find(name, &which) ? DEFINITIONS[which] : NULL;
}

void pelt_own_metric_tags(const char *request, char out[PELT_TAGS_TEXT + 1])
{
    size_t at = (size_t)snprintf(out, PELT_TAGS_TEXT + 1, "name=");
    while (*request != '\0') {
        size_t len = 1; /* of the character */
        while (((unsigned char)request[len] & 0xc0) == 0x80) {
            len++;
        }
        const bool escaped = *request == ',' || *request == '\\';
        if (at + escaped + len > PELT_TAGS_TEXT) {
            break;
        }
        memcpy(out + at, "\\", escaped);
        memcpy(out + at + escaped, request, len);
        at += escaped + len;
        request += len;
    }
    out[at] = '\0';
}

/* What reads as tags keeps its key, so that it is read again as it was meant. */
void pelt_own_metric_braces(const char *metric, const char *tags, char out[PELT_TAGS_TEXT + 1])
{
    char key[PELT_TAGS_TEXT + 1], value[PELT_TAGS_TEXT + 1], read[PELT_TAGS_TEXT + 1];
    const char *rest = tags;
    enum pelt_own_metric own;
    const bool named = pelt_own_metric_find(metric, &own) && pelt_tags_next(&rest, key, value) &&
                       *rest == '\0' && strcmp(key, "name") == 0 && !pelt_tags_parse(value, read);
    snprintf(out, PELT_TAGS_TEXT + 1, "%s", named ? value : tags);
}
