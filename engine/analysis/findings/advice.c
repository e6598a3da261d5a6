/*
 * advice: see the header. The first row that fits counts, so that special names come before
 * general ones.
 */
#include "advice.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 6

struct row {
    /* One is a word of the name, or its plural; "^" before it: the name begins with it. */
    const char *word[WORDS_MAX];
    const char *line[PELT_ADVICE_LINES];
};

static const struct row limits[] = {
    {{"^cgroup_cpu"},
     {"CPU quota: look at cgroup_cpu_throttled and the quota (cpu.max, limits.cpu); raise it, or "
      "profile what uses it: a slow model or a hot loop looks like this",
      "a service with more threads than its quota has cores is stopped early in each period: fewer "
      "threads or workers may serve more"}},
    {{"^cgroup_memory"},
     {"memory of the cgroup: look at cgroup_oom_kills and pressure_memory_some; raise memory.max, "
      "or find what holds memory as load grows (bodies, sessions, caches without a bound)",
      "a process that was killed and started again answers nothing meanwhile: look for its restart "
      "in the timeline"}},
    {{"^cgroup_pids"},
     {"the cgroup may begin no further threads or processes: raise pids.max, or bound what is "
      "begun a request",
      NULL}},
    {{"^cgroup_io"},
     {"the cgroup's disk limit: raise io.max, or write and read less a request", NULL}},
    {{"^process_cpu"},
     {"the process uses all cores that it may: profile it under this load; a slow model, or work "
      "that could be cached, is the usual cause",
      "is it one thread of many? then look at cpu_busiest: more cores do not help it"}},
    {{"^process_threads"},
     {"threads of the process's user are used up: raise RLIMIT_NPROC, or bound what is begun a "
      "request",
      NULL}},
    {{"^cpu"},
     {"all CPUs of the host are busy: profile the service; a slow model, or other programs on this "
      "host, look like this",
      "does the generator run on the same host? then measure again from another one"}},
    {{"^nofile"},
     {"file descriptors: raise RLIMIT_NOFILE (LimitNOFILE= of the unit), and look whether "
      "connections are kept open longer than they are used, or leak",
      NULL}},
    {{"^file_nr"},
     {"open files of the whole host: raise fs.file-max, and look for a process that leaks them",
      NULL}},
    {{"^listen_backlog"},
     {"the accept queue: look at listen_overflows; raise the server's backlog and "
      "net.core.somaxconn, or accept faster: an event loop that blocks, or a cap on connections, "
      "fills it",
      "clients that keep connections alive need far fewer of them"}},
    {{"^ephemeral_ports"},
     {"local ports towards one address are used up: keep connections to it alive, or widen "
      "net.ipv4.ip_local_port_range",
      NULL}},
    {{"^time_wait"},
     {"TIME_WAIT is full: keep connections alive; raise net.ipv4.tcp_max_tw_buckets", NULL}},
    {{"^conntrack"},
     {"connection tracking is full: raise nf_conntrack_max, or do not track this traffic", NULL}},
    {{"^tcp_memory"},
     {"memory of TCP: slow readers fill send buffers; look at net.ipv4.tcp_mem", NULL}},
    {{"^net_bandwidth"},
     {"the network interface is full: look at the size of answers, and compress them", NULL}},
    {{"^disk_space"},
     {"the disk is full: what could not be written fails; look which files grow (logs, spool, a "
      "write-ahead log) and at what cleans them up",
      NULL}},
    {{"^inodes"},
     {"the file system has no inodes left: many small files; look at what cleans them up", NULL}},
    {{"^disk_io"},
     {"the disk was always busy: look at disk_queue and at who writes; batch writes, or fsync less "
      "often",
      NULL}},
    {{"^memory"},
     {"memory: look at which process grows (memory_rss), and at swap_in and direct_reclaim", NULL}},
    {{"^swap"}, {"swap is used: memory is too small for what runs here", NULL}},
    {{"^cache_connections"},
     {"connections of the cache or database server are used up: pool them, or raise its maximum",
      NULL}},
    {{"breaker", "circuit"},
     {"the circuit breaker was open: it guards a slow or failing dependency; look at the "
      "dependency's own times and errors from a little before",
      "its timeout and cool-down decide how long it stays open: both belong above the dependency's "
      "usual p99"}},
    {{"rate", "limiter", "ratelimit", "ratelimiter", "throttle"},
     {"the rate limiter refused: is its limit meant to be below this load? then clients should "
      "back off by Retry-After; else raise it",
      NULL}},
    {{"model"},
     {"models did not fit in their memory and were loaded again and again: give them more memory, "
      "or serve fewer on one host; the time to load is in the slow answers",
      NULL}},
    {{"db", "database", "sql", "mysql", "postgres", "postgresql"},
     {"the pool of the database is exhausted: look at the slowest queries and at who holds "
      "connections for long; raise it only as far as the database's own maximum",
      "did a query become slower with load (a lock, a missing index)? then a larger pool makes it "
      "worse"}},
    {{"ws", "websocket", "conn", "connection", "socket"},
     {"WebSocket or connection pool exhausted: new ones wait or are refused; raise its size, close "
      "those that idle, or add an instance",
      NULL}},
    {{"worker"},
     {"all workers are busy: look how long one works on a request (a slow model, a slow "
      "dependency); more workers help only while CPUs are idle",
      "bound the queue in front of them, so that what cannot be served in time is refused at "
      "once"}},
    {{"mem", "memory", "heap"},
     {"the service is at its own memory limit and sheds load: look at what grows with load, or "
      "raise the limit",
      NULL}},
    {{"upstream"},
     {"the pool of an upstream is exhausted: a slow dependency holds connections for long; look at "
      "its times first, then at the pool's size",
      NULL}},
    {{"session"},
     {"sessions are used up: look at their time to live, and at who does not end them", NULL}},
    {{"queue"},
     {"the queue was full and what came was refused: what it waits for is too slow, or too little "
      "of it",
      NULL}},
    {{"^pool_"},
     {"this pool is exhausted: look how long each is held, and by whom; raise it if what is behind "
      "it has room",
      NULL}},
};

static const char *const cache_lines[PELT_ADVICE_LINES] = {
    "the cache lost its hits: was it switched off, emptied or restarted, or does what is asked for "
    "no longer fit (evictions)? what is behind it then gets all requests",
    "warm it before load comes, and let requests for the same key share one load"};

static const char *const any_limit[PELT_ADVICE_LINES] = {
    "look at what uses this limit up, and whether it may be raised", NULL};

struct of_error {
    enum pelt_outcome outcome;
    const char *line[PELT_ADVICE_LINES];
};

static const struct of_error errors[] = {
    {PELT_OUTCOME_HTTP_STATUS,
     {"overload errors: the server answered with an error status; look at its log from then on: "
      "503 and 429 are a limit of its own that no agent reads, 502 and 504 a dependency",
      "let an agent read that limit: pelt-agent --pool "
      "NAME=URL#used=METRIC,limit=METRIC,waiters=METRIC"}},
    {PELT_OUTCOME_TIMEOUT,
     {"answers did not come in time: look for a lock, a queue or a dependency that no agent reads",
      NULL}},
    {PELT_OUTCOME_CONNECT,
     {"connections were refused or not accepted: does the process still live? look at "
      "listen_backlog and nofile of its port",
      NULL}},
    {PELT_OUTCOME_RESET,
     {"the server broke connections off: look whether the process was started again, and at its "
      "cap on connections",
      NULL}},
};

/* The client's own fault, but for those that say that there was too much. */
static const char *const refused[PELT_ADVICE_LINES] = {
    "the server refuses what is sent (a status of 400 to 499): look at path, method, credentials "
    "and body of the requests before you look for a limit",
    NULL};

static const char *const no_error[PELT_ADVICE_LINES] = {
    "what was read was not full: look for a lock, garbage collection, or a pool or queue of the "
    "application that no agent reads",
    "let an agent read it: pelt-agent --pool NAME=URL#used=METRIC,limit=METRIC,waiters=METRIC"};

static void give(const char *const line[PELT_ADVICE_LINES], const char *out[PELT_ADVICE_LINES],
                 size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < PELT_ADVICE_LINES && line[i] != NULL; i++) {
        out[(*len)++] = line[i];
    }
}

/* Length of the word at `at`: letters up to a capital ("dbPool" is db and pool); 0: there is none.
 */
static size_t word_length(const char *at)
{
    size_t len = 0;
    while (isalpha((unsigned char)at[len]) &&
           !(len > 0 && isupper((unsigned char)at[len]) && islower((unsigned char)at[len - 1]))) {
        len++;
    }
    return len;
}

static bool has_word(const char *name, const char *word)
{
    const size_t wanted = strlen(word);
    while (*name != '\0') {
        const size_t len = word_length(name);
        const bool plural = len == wanted + 1 && tolower((unsigned char)name[wanted]) == 's';
        if ((len == wanted || plural) && strncasecmp(name, word, wanted) == 0) {
            return true;
        }
        name += len > 0 ? len : 1;
    }
    return false;
}

static bool fits(const char *name, const struct row *row)
{
    bool any = false;
    for (size_t i = 0; i < WORDS_MAX && row->word[i] != NULL; i++) {
        const char *word = row->word[i];
        any = any || (word[0] == '^' ? strncmp(name, word + 1, strlen(word + 1)) == 0
                                     : has_word(name, word));
    }
    return any;
}

void pelt_advice_of_limit(const char *name, const char *out[PELT_ADVICE_LINES], size_t *len)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (fits(name, &limits[i])) {
            give(limits[i].line, out, len);
            return;
        }
    }
    give(any_limit, out, len);
}

void pelt_advice_of_cache(const char *out[PELT_ADVICE_LINES], size_t *len)
{
    give(cache_lines, out, len);
}

static bool is_refused(enum pelt_outcome most, const char *sample)
{
    static const char begin[] = "status ";
    if (most != PELT_OUTCOME_HTTP_STATUS || strncmp(sample, begin, strlen(begin)) != 0) {
        return false;
    }
    const long status = strtol(sample + strlen(begin), NULL, 10);
    return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

void pelt_advice_of_errors(enum pelt_outcome most, const char *sample,
                           const char *out[PELT_ADVICE_LINES], size_t *len)
{
    if (is_refused(most, sample)) {
        give(refused, out, len);
        return;
    }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].outcome == most) {
            give(errors[i].line, out, len);
            return;
        }
    }
    give(no_error, out, len);
}
