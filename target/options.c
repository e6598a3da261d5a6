/*
 * options: one table row an option; each row's function reads its value. "--name VALUE" and
 * "--name=VALUE" mean the same. getopt_long is not used because it cannot suggest the nearest name.
 */
#include "options.h"

#include <sched.h>
#include <sys/resource.h>

#include "quantity.h"

#define THREADS_DEFAULT_MAX 2     /* more only help when asked for: the client needs cores too */
#define CONNECTIONS_DEFAULT 10240 /* fewer where the file limit is too low for that */
#define CONNECTIONS_MAX     100000
#define SUGGEST_WITHIN      4 /* edits */

typedef bool (*option_fn)(struct target_options *options, const char *value,
                          struct target_error *err);

struct option_row {
    const char *name; /* without "--" */
    const char *value;
    option_fn set;
    const char *help;
};

static bool set_listen(struct target_options *options, const char *value, struct target_error *err)
{
    const char *colon = strrchr(value, ':');
    const char *host = value;
    size_t host_length = colon ? (size_t)(colon - value) : 0;
    uint64_t port;

    if (host_length >= 2 && host[0] == '[' && host[host_length - 1] == ']') {
        host++;
        host_length -= 2;
    }
    if (host_length == 0 || host_length >= sizeof options->host ||
        !target_quantity_count(colon + 1, 65535, &port)) {
        return target_fail(err,
                           "--listen: \"%s\" is not ADDRESS:PORT; try 127.0.0.1:18800, or port 0 "
                           "for any free one",
                           value);
    }
    memcpy(options->host, host, host_length);
    options->host[host_length] = '\0';
    snprintf(options->port, sizeof options->port, "%u", (unsigned)port);
    return true;
}

static bool set_port_file(struct target_options *options, const char *value,
                          struct target_error *err)
{
    options->port_file = value;
    return true;
}

static bool set_log(struct target_options *options, const char *value, struct target_error *err)
{
    options->log_path = value;
    return true;
}

static bool set_service_time(struct target_options *options, const char *value,
                             struct target_error *err)
{
    return target_law_parse(&options->service, value, err);
}

static bool set_stall(struct target_options *options, const char *value, struct target_error *err)
{
    return target_calendar_add(&options->stalls, value, err);
}

static bool set_error_share(struct target_options *options, const char *value,
                            struct target_error *err)
{
    return target_quantity_share(value, &options->error_share) ||
           target_fail(err, "--error-share: \"%s\" is not a share of 0%% to 100%%; try 1%%", value);
}

static bool set_body_size(struct target_options *options, const char *value,
                          struct target_error *err)
{
    return target_quantity_size(value, &options->body_bytes) ||
           target_fail(err, "--body-size: \"%s\" is not a size of up to 1 GiB; try 512 or 64k",
                       value);
}

static bool set_seed(struct target_options *options, const char *value, struct target_error *err)
{
    return target_quantity_count(value, UINT64_MAX, &options->seed) ||
           target_fail(err, "--seed: \"%s\" is not a whole number", value);
}

/* A whole number of 1 to `max`. */
static bool set_positive(uint64_t *number, const char *name, uint64_t max, const char *value,
                         struct target_error *err)
{
    uint64_t n;

    if (!target_quantity_count(value, max, &n) || n == 0) {
        return target_fail(err, "--%s: \"%s\" is not a number of 1 to %llu", name, value,
                           (unsigned long long)max);
    }
    *number = n;
    return true;
}

static bool set_threads(struct target_options *options, const char *value, struct target_error *err)
{
    return set_positive(&options->threads, "threads", TARGET_THREADS_MAX, value, err);
}

static bool set_connections(struct target_options *options, const char *value,
                            struct target_error *err)
{
    return set_positive(&options->connections, "connections", CONNECTIONS_MAX, value, err);
}

static const struct option_row rows[] = {
    {"listen", "ADDR:PORT", set_listen, "default 127.0.0.1:18800; port 0: any free one"},
    {"port-file", "PATH", set_port_file, "holds the port once the service listens"},
    {"service-time", "LAW", set_service_time,
     "constant:5ms, exponential:5ms, lognormal:5ms,0.5 (mean, sigma);\n"
     "                          by timer, not CPU; default 0, answer at once"},
    {"stall", "LENGTH/PERIOD", set_stall,
     "1s/5s: answer nothing for 1 s from second 5, 10, ... after the\n"
     "                          start, then all that was held; 1s,300ms/5s takes the lengths\n"
     "                          in turn; repeatable"},
    {"error-share", "SHARE", set_error_share, "1%: this share is answered 500, drawn by the seed"},
    {"body-size", "BYTES", set_body_size, "pads JSON answers to at least this size (64k, 10m)"},
    {"seed", "N", set_seed, "default 1; the k-th request's draws depend on it and k only"},
    {"log", "PATH", set_log, "truth log: each stall and request with its times (docs/TARGET.md)"},
    {"threads", "N", set_threads, "default: one a core, at most 2"},
    {"connections", "N", set_connections, "most open at once in each thread; default 10240"},
};

#define ROWS (sizeof rows / sizeof rows[0])

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance, one row at a time; texts beyond 31 bytes count as far away. */
static size_t edit_distance(const char *a, size_t a_length, const char *b)
{
    size_t row[32];
    size_t b_length = strlen(b);

    if (b_length >= 32) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

static bool fail_unknown(const char *arg, const char *name, size_t length, struct target_error *err)
{
    const char *nearest = NULL;
    size_t least = SUGGEST_WITHIN;

    for (size_t i = 0; i < ROWS; i++) {
        size_t distance = edit_distance(name, length, rows[i].name);

        if (distance < least) {
            least = distance;
            nearest = rows[i].name;
        }
    }
    if (nearest) {
        return target_fail(err, "no option \"%s\"; did you mean --%s?", arg, nearest);
    }
    return target_fail(err, "no option \"%s\"; see --help", arg);
}

static const struct option_row *find_row(const char *name, size_t length)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, name, length) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Reads argv[*i] and, where the value is apart, argv[*i + 1]. */
static bool parse_one(struct target_options *options, int argc, char **argv, int *i,
                      struct target_error *err)
{
    const char *arg = argv[*i];
    const char *name = arg + strspn(arg, "-");
    size_t length = strcspn(name, "=");
    const struct option_row *row = find_row(name, length);

    if (strncmp(arg, "--", 2) != 0 || !row) {
        return fail_unknown(arg, name, length, err);
    }
    if (name[length] == '=') {
        return row->set(options, name + length + 1, err);
    }
    if (*i + 1 == argc) {
        return target_fail(err, "--%s needs a value: %s", row->name, row->value);
    }
    return row->set(options, argv[++*i], err);
}

static uint64_t usable_cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 1;
}

static uint64_t default_connections(uint64_t threads)
{
    struct rlimit limit;
    uint64_t files;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max == RLIM_INFINITY) {
        return CONNECTIONS_DEFAULT;
    }
    files = limit.rlim_max > TARGET_FILES_BESIDE ? limit.rlim_max - TARGET_FILES_BESIDE : 1;
    return files / threads < CONNECTIONS_DEFAULT ? files / threads : CONNECTIONS_DEFAULT;
}

static void set_defaults(struct target_options *options)
{
    uint64_t cores = usable_cores();

    *options = (struct target_options){
        .host = "127.0.0.1",
        .port = "18800",
        .seed = 1,
        .threads = cores < THREADS_DEFAULT_MAX ? cores : THREADS_DEFAULT_MAX,
    };
}

enum target_options_result target_options_parse(struct target_options *options, int argc,
                                                char **argv, struct target_error *err)
{
    set_defaults(options);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return TARGET_OPTIONS_HELP;
        }
        if (strcmp(argv[i], "--version") == 0) {
            return TARGET_OPTIONS_VERSION;
        }
        if (!parse_one(options, argc, argv, &i, err)) {
            return TARGET_OPTIONS_BAD;
        }
    }
    if (options->connections == 0) {
        options->connections = default_connections(options->threads);
    }
    return TARGET_OPTIONS_RUN;
}

void target_options_help(void)
{
    puts("pelt-target: a reference service with known, settable behaviour\n"
         "\n"
         "usage: pelt-target [OPTION...]\n");
    for (size_t i = 0; i < ROWS; i++) {
        printf("  --%s %-*s %s\n", rows[i].name, 20 - (int)strlen(rows[i].name), rows[i].value,
               rows[i].help);
    }
    puts("  --version\n"
         "\n"
         "Paths: POST /api/chat, GET /api/models /api/status /health, /bytes/N, /status/N, /echo;\n"
         "GET /count and /metrics look on: they are neither counted nor delayed.\n"
         "SIGTERM or SIGINT: answers what is in flight for up to 2 s, then exit 0.\n"
         "Exit 1: it cannot listen or write its log; 2: a bad option.");
}
