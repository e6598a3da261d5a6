/* cache_kind: see the header. */
#include "cache_kind.h"

#include <string.h>

#include "cache_reader.h"

#define CLIENTS_OF_REDIS                                                                           \
    {                                                                                              \
        PELT_SERVER_LIMIT, "cache_connections", "connections", "connected_clients", "maxclients",  \
            "rejected_connections"                                                                 \
    }

static const struct cache_kind kinds[] = {
    {.name = "redis",
     .protocol = CACHE_REDIS,
     .port = 6379,
     .counted = "keys",
     .unit = "bytes",
     .roles = {[CACHE_HIT] = "keyspace_hits",
               [CACHE_MISS] = "keyspace_misses",
               [CACHE_EVICTED] = "evicted_keys",
               [CACHE_USED] = "used_memory",
               [CACHE_MOST] = "maxmemory",
               [CACHE_RUN] = CACHE_READER_RUN,
               [CACHE_AGE] = "uptime_in_seconds",
               [CACHE_WORK] = "total_commands_processed"},
     .extras = {CLIENTS_OF_REDIS}},
    {.name = "memcached",
     .protocol = CACHE_MEMCACHED,
     .port = 11211,
     .counted = "keys",
     .unit = "bytes",
     .roles = {[CACHE_HIT] = "get_hits",
               [CACHE_MISS] = "get_misses",
               [CACHE_EVICTED] = "evictions",
               [CACHE_USED] = "bytes",
               [CACHE_MOST] = "limit_maxbytes",
               [CACHE_RUN] = CACHE_READER_RUN,
               [CACHE_AGE] = "uptime",
               [CACHE_WORK] = "bytes_read"},
     .extras = {{PELT_SERVER_LIMIT, "cache_connections", "connections", "curr_connections",
                 "max_connections", "listen_disabled_num"}}},
    {.name = "prometheus", .protocol = CACHE_HTTP, .path = "/metrics", .unit = ""},
    {.name = "vllm",
     .protocol = CACHE_HTTP,
     .path = "/metrics",
     .counted = "tokens",
     .unit = "share",
     .roles = {[CACHE_HIT] = "vllm:prefix_cache_hits_total|vllm:prefix_cache_hits|"
                             "vllm:gpu_prefix_cache_hits_total|vllm:gpu_prefix_cache_hits",
               [CACHE_LOOKUPS] = "vllm:prefix_cache_queries_total|vllm:prefix_cache_queries|"
                                 "vllm:gpu_prefix_cache_queries_total|"
                                 "vllm:gpu_prefix_cache_queries",
               [CACHE_USED] = "vllm:kv_cache_usage_perc^|vllm:gpu_cache_usage_perc^",
               [CACHE_MOST] = "1"},
     .extras = {{PELT_SERVER_GAUGE, "requests_running", "requests", "vllm:num_requests_running",
                 NULL, NULL},
                {PELT_SERVER_GAUGE, "requests_waiting", "requests", "vllm:num_requests_waiting",
                 NULL, NULL},
                {PELT_SERVER_COUNTER, "preemptions", "requests",
                 "vllm:num_preemptions_total|vllm:num_preemptions", NULL, NULL}}},
    {.name = "sglang",
     .protocol = CACHE_HTTP,
     .path = "/metrics",
     .counted = "tokens",
     .unit = "share",
     .roles = {[CACHE_HIT] = "sglang:cached_tokens_total",
               [CACHE_LOOKUPS] = "sglang:prompt_tokens_total",
               [CACHE_USED] = "sglang:token_usage^",
               [CACHE_MOST] = "1"},
     .extras = {{PELT_SERVER_GAUGE, "requests_running", "requests", "sglang:num_running_reqs", NULL,
                 NULL},
                {PELT_SERVER_GAUGE, "requests_waiting", "requests", "sglang:num_queue_reqs", NULL,
                 NULL}}},
    {.name = "llamacpp",
     .protocol = CACHE_HTTP,
     .path = "/metrics",
     .counted = "tokens",
     .unit = "share",
     .roles = {[CACHE_HIT] = "llamacpp:prompt_tokens_cached_total",
               [CACHE_MISS] = "llamacpp:prompt_tokens_total", /* without those cached */
               [CACHE_USED] = "llamacpp:kv_cache_usage_ratio^",
               [CACHE_MOST] = "1"},
     .extras = {{PELT_SERVER_GAUGE, "requests_running", "requests", "llamacpp:requests_processing",
                 NULL, NULL},
                {PELT_SERVER_GAUGE, "requests_waiting", "requests", "llamacpp:requests_deferred",
                 NULL, NULL}}},
    {.name = "tensorrt-llm",
     .protocol = CACHE_HTTP,
     .path = "/prometheus/metrics",
     .counted = "tokens",
     .unit = "share",
     .roles = {[CACHE_HIT] = "trtllm_prompt_cached_tokens_total",
               [CACHE_LOOKUPS] = "trtllm_prompt_tokens_total",
               [CACHE_USED] = "trtllm_kv_cache_utilization^",
               [CACHE_MOST] = "1"},
     .extras = {{PELT_SERVER_GAUGE, "requests_running", "requests",
                 "trtllm_num_active_requests|trtllm_num_requests_running", NULL, NULL},
                {PELT_SERVER_GAUGE, "requests_waiting", "requests",
                 "trtllm_server_queue_length|trtllm_num_requests_waiting", NULL, NULL},
                {PELT_SERVER_GAUGE, "cache_hit_rate", "share", "trtllm_kv_cache_hit_rate^", NULL,
                 NULL}}},
    {.name = "triton",
     .protocol = CACHE_HTTP,
     .path = "/metrics",
     .counted = "requests",
     .unit = "share",
     .roles = {[CACHE_HIT] = "nv_cache_num_hits_per_model",
               [CACHE_MISS] = "nv_cache_num_misses_per_model",
               [CACHE_EVICTED] = "nv_cache_num_evictions",
               [CACHE_USED] = "nv_cache_util^",
               [CACHE_MOST] = "1"},
     .extras = {{PELT_SERVER_GAUGE, "requests_waiting", "requests",
                 "nv_inference_pending_request_count", NULL, NULL}}},
    {.name = "haproxy",
     .protocol = CACHE_HTTP,
     .path = "/metrics",
     .counted = "requests",
     .unit = "bytes",
     /* HAProxy counts a lookup where its rule stands: in the frontend or the backend, never both.
      */
     .roles = {[CACHE_HIT] = "haproxy_frontend_http_cache_hits_total+"
                             "haproxy_backend_http_cache_hits_total?",
               [CACHE_LOOKUPS] = "haproxy_frontend_http_cache_lookups_total+"
                                 "haproxy_backend_http_cache_lookups_total?"},
     .extras = {{PELT_SERVER_LIMIT, "cache_connections", "connections",
                 "haproxy_process_current_connections", "haproxy_process_max_connections", NULL},
                {PELT_SERVER_GAUGE, "requests_waiting", "requests", "haproxy_backend_current_queue",
                 NULL, NULL}}},
    {.name = "squid",
     .protocol = CACHE_SQUID,
     .path = "/squid-internal-mgr/counters",
     .counted = "requests",
     .unit = "bytes",
     .roles = {[CACHE_HIT] = "client_http.hits",
               [CACHE_LOOKUPS] = "client_http.requests",
               [CACHE_EXCEPT] = "client_http.errors"}},
    {.name = "varnish-exporter",
     .protocol = CACHE_HTTP,
     .path = "/metrics",
     .counted = "requests",
     .unit = "bytes",
     /* cache_hit counts those in grace, too (varnish-counters(7)). */
     .roles = {[CACHE_HIT] = "varnish_main_cache_hit",
               [CACHE_MISS] = "varnish_main_cache_miss",
               [CACHE_EVICTED] = "varnish_main_n_lru_nuked",
               [CACHE_USED] = "varnish_sma_g_bytes+varnish_smf_g_bytes?",
               [CACHE_MOST] = "varnish_sma_g_bytes+varnish_sma_g_space+varnish_smf_g_bytes?+"
                              "varnish_smf_g_space?"},
     .extras = {{PELT_SERVER_COUNTER, "sessions_dropped", "sessions",
                 "varnish_main_sessions{type=\"dropped\"}|varnish_main_sess_dropped", NULL, NULL},
                {PELT_SERVER_COUNTER, "threads_limited", "times", "varnish_main_threads_limited",
                 NULL, NULL}}},
    {.name = "postgres-exporter",
     .protocol = CACHE_HTTP,
     .path = "/metrics",
     .counted = "blocks",
     .unit = "bytes",
     .roles = {[CACHE_HIT] = "pg_stat_database_blks_hit|pg_stat_database_blks_hit_total",
               [CACHE_MISS] = "pg_stat_database_blks_read|pg_stat_database_blks_read_total"},
     .extras = {{PELT_SERVER_LIMIT, "cache_connections", "connections",
                 "pg_stat_database_numbackends", "pg_settings_max_connections", NULL}}},
    {.name = "nginx",
     .protocol = CACHE_LOG,
     .counted = "requests",
     .unit = "bytes",
     /* As pelt/cache_result.h has it: hits are those for which nobody was asked (RFC 9211), and
      * what was not looked up is no miss. */
     .roles = {[CACHE_HIT] = "HIT+STALE+UPDATING", [CACHE_MISS] = "MISS+EXPIRED+REVALIDATED"}},
    {.name = "statsd", .protocol = CACHE_STATSD, .port = 8125, .counted = "events", .unit = ""},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

const struct cache_kind *cache_kind_find(const char *name, size_t len)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, name, len) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

const char *const *cache_kind_names(void)
{
    static const char *names[KINDS + 1];

    for (size_t i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
    }
    return names;
}

const struct cache_kind *cache_kind_of_pools(void)
{
    return cache_kind_find("prometheus", strlen("prometheus"));
}
