/*
 * own_metric: pelt's own metrics beside the series of requests: of WebSockets, streams, language
 * models, caches. They are metrics like a script's (metric.h), so thresholds, tags, CSV and JSON
 * have them; but a script cannot declare their names.
 *
 * Thread: any, as pelt/metric.h.
 */
#ifndef PELT_OWN_METRIC_H
#define PELT_OWN_METRIC_H

#include "pelt/metric.h"

enum pelt_own_metric {
    PELT_OWN_WS_CONNECT,      /* trend: call to the server's 101 */
    PELT_OWN_WS_RTT,          /* trend: a message to the one that answers it */
    PELT_OWN_WS_GAP,          /* trend: between two messages of a feed */
    PELT_OWN_WS_MESSAGES,     /* counter, by direction: whole messages */
    PELT_OWN_WS_BYTES,        /* counter, by direction: their payload, before it is compressed */
    PELT_OWN_WS_CLOSES,       /* counter, by code and clean: WebSockets that ended */
    PELT_OWN_WS_ERRORS,       /* counter, by class (enum pelt_ws_class) */
    PELT_OWN_WS_DELIVERY,     /* trend: a message's sending by one user to its coming to another */
    PELT_OWN_WS_LOST,         /* counter: deliveries that did not come */
    PELT_OWN_WS_DUPLICATE,    /* counter: those that came again */
    PELT_OWN_WS_REORDERED,    /* counter: those that came after a later one */
    PELT_OWN_TLS_HANDSHAKE,   /* trend: connected to ready; tags `resumed` and `version` */
    PELT_OWN_PROXY_TUNNEL,    /* trend: CONNECT sent to a proxy to its answer of 2xx */
    PELT_OWN_CONNECTIONS,     /* counter, by address: connections made, of names with addresses */
    PELT_OWN_SERVER_TIME,     /* trend: the server's own time, as Server-Timing says */
    PELT_OWN_SERVER_REST,     /* trend: service time less that */
    PELT_OWN_SERVER_TIMING,   /* trend: each entry of Server-Timing; tag entry */
    PELT_OWN_CACHE_LATENCY,   /* trend: response time by what caches did; tag cache */
    PELT_OWN_CACHE_AGE,       /* trend, s: Age of hits */
    PELT_OWN_CACHE_HIT_SHARE, /* share: hits among look-ups of caches in front of the server */
    PELT_OWN_CACHE_STATUS_SHARE, /* the same of each that has a name; tag cache */
    PELT_OWN_H2_RESETS, /* counter, by code: RST_STREAM of the server, before an answer was whole */
    PELT_OWN_H2_GOAWAYS, /* counter, by code */
    PELT_OWN_H2_MOVED, /* counter: exchanges sent again over another connection, behind a GOAWAY */
    PELT_OWN_GRPC_STATUSES, /* counter, by code: answers of gRPC with a status other than OK */
    /* Answers of language models: what each one is, own_metric.c says to people. */
    PELT_OWN_LLM_TTFT,
    PELT_OWN_LLM_TTFT_DUE,
    PELT_OWN_LLM_TTFO,
    PELT_OWN_LLM_ICL,
    PELT_OWN_LLM_TPOT,
    PELT_OWN_LLM_E2E,
    PELT_OWN_LLM_E2E_DUE,
    PELT_OWN_LLM_TOKENS_PER_S,
    PELT_OWN_LLM_OUTPUT_TOKENS,
    PELT_OWN_LLM_PROMPT_TOKENS,
    PELT_OWN_LLM_CACHED_TOKENS,
    PELT_OWN_LLM_COMPLETE,
    PELT_OWN_LLM_GOODPUT,
    PELT_OWN_LLM_GOOD,
    /* Streams of events; times end at the stamp of a receive. */
    PELT_OWN_STREAM_TTFB,      /* trend: sent to first byte */
    PELT_OWN_STREAM_TTFB_DUE,  /* the same from due */
    PELT_OWN_STREAM_FIRST,     /* trend: sent to first event */
    PELT_OWN_STREAM_FIRST_DUE, /* the same from due */
    PELT_OWN_STREAM_MATCH,     /* trend: sent to the first event that the option `first` meets */
    PELT_OWN_STREAM_MATCH_DUE, /* the same from due */
    PELT_OWN_STREAM_GAP,       /* trend: an event to the next one; 0: they came in one receive */
    PELT_OWN_STREAM_FREEZE,    /* trend: the longest gap of a stream */
    PELT_OWN_STREAM_EVENTS,    /* counter */
    PELT_OWN_STREAM_COALESCED, /* share: events that came in one receive with another */
    PELT_OWN_METRICS
};

/* The metric's id, declared at first use. */
uint32_t pelt_own_metric(struct pelt_metrics *m, enum pelt_own_metric which);
/* Its series of these tags, as pelt_metrics_series(); "" is the one without. */
uint32_t pelt_own_metric_series(struct pelt_metrics *m, enum pelt_own_metric which,
                                const char *tags);
/* The metric of this name; false: pelt has none that is so called, or it is one of another kind. */
bool pelt_own_metric_find(const char *name, enum pelt_own_metric *which);
const struct pelt_metric *pelt_own_metric_at(enum pelt_own_metric which);
/* How it is reckoned, as one line for people; NULL: nothing is said of it, or no such metric. A
 * metric whose formula changes gets another name, so that this is true of old run files as well. */
const char *pelt_own_metric_definition(const char *name);
/* The tags of the series of a request of this name: "name=NAME". One that is too long is cut, at a
 * character's end. */
void pelt_own_metric_tags(const char *request, char out[PELT_TAGS_TEXT + 1]);
/* The tags of a series of the metric of this name, as people write them in braces: of pelt's own
 * "chat", where name=chat is all of them; else as they are. */
void pelt_own_metric_braces(const char *metric, const char *tags, char out[PELT_TAGS_TEXT + 1]);

#endif
