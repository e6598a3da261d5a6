/* options: see the header. One table says what there is, how it is taken and what --help shows. */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/units.h"

#define HELP_COLUMN  34
#define HELP_WIDTH   100
#define LISTEN       "127.0.0.1:9646"
#define CPU_LIMIT    0.01
#define NAME_MAX_LEN 63

struct option {
    const char *name;
    const char *value; /* NULL: takes none */
    const char *text;
    /* Takes the value; on false `why` says what is wrong with it. */
    bool (*take)(struct agent_options *o, const char *value, struct pelt_error *why);
    const char *group; /* a heading before it; NULL: the one above goes on */
};

/* ---- values ---- */

static bool fail(struct pelt_error *why, const char *format, ...) PELT_PRINTF(2, 3);

static bool fail(struct pelt_error *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return false;
}

/* "NAME=VALUE", or only the value: a '/' comes before any name's '='. */
static bool add_target(struct agent_options *o, enum target_by by, const char *value,
                       struct pelt_error *why)
{
    char *equals = strchr(value, '='), *slash = strchr(value, '/');
    struct target_options *target = &o->targets[o->targets_len];

    if (o->targets_len == AGENT_TARGETS_MAX) {
        return fail(why, "\"%.200s\" is one too many: 32 processes and cgroups can be watched",
                    value);
    }
    *target = (struct target_options){.by = by, .text = value};
    if (equals && (!slash || equals < slash)) {
        *equals = '\0';
        target->name = value;
        target->text = equals + 1;
        if (!target->name[0] || strlen(target->name) > NAME_MAX_LEN) {
            return fail(why, "the name \"%.200s\" must have 1 to 63 characters", value);
        }
    }
    if (!target->text[0]) {
        return fail(why, "\"%.200s\" names nothing", value);
    }
    o->targets_len++;
    return true;
}

/* -1: no number from 0 to `most`. */
static long number(const char *text, long most)
{
    bool is_one = text[0] && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 10;
    long value = is_one ? strtol(text, NULL, 10) : -1;

    return value <= most ? value : -1;
}

static bool take_pid(struct agent_options *o, const char *value, struct pelt_error *why)
{
    const char *text;

    if (!add_target(o, TARGET_PID, value, why)) {
        return false;
    }
    text = o->targets[o->targets_len - 1].text;
    return number(text, INT32_MAX) > 0 ||
           fail(why, "\"%.200s\" is no process number: --pid 1234 or --pid NAME=1234", text);
}

static bool take_port(struct agent_options *o, const char *value, struct pelt_error *why)
{
    const char *text;

    if (!add_target(o, TARGET_PORT, value, why)) {
        return false;
    }
    text = o->targets[o->targets_len - 1].text;
    return number(text, UINT16_MAX) > 0 ||
           fail(why, "\"%.200s\" is no TCP port: --port 8080 or --port NAME=8080", text);
}

static bool take_unit(struct agent_options *o, const char *value, struct pelt_error *why)
{
    return add_target(o, TARGET_UNIT, value, why);
}

static bool take_cgroup(struct agent_options *o, const char *value, struct pelt_error *why)
{
    return add_target(o, TARGET_CGROUP, value, why);
}

static bool add_text(struct agent_texts *texts, const char *value, struct pelt_error *why)
{
    if (texts->len == AGENT_TEXTS_MAX) {
        return fail(why, "\"%.200s\" is one too many: it can be given 32 times", value);
    }
    texts->all[texts->len++] = value;
    return true;
}

static bool take_cache(struct agent_options *o, const char *value, struct pelt_error *why)
{
    return add_text(&o->caches, value, why);
}

static bool take_pool(struct agent_options *o, const char *value, struct pelt_error *why)
{
    return add_text(&o->pools, value, why);
}

static bool take_disk(struct agent_options *o, const char *value, struct pelt_error *why)
{
    return add_text(&o->disks, value, why) &&
           (value[0] == '/' ||
            fail(why, "\"%.200s\" is no mount point: write it from / on, as /var", value));
}

static bool take_name(struct agent_options *o, const char *value, struct pelt_error *why)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    o->name = value;
    return (value[0] && strlen(value) <= NAME_MAX_LEN && !value[strspn(value, allowed)]) ||
           fail(why, "\"%.200s\" must have 1 to 63 letters, digits, '-' and '_'", value);
}

static bool is_loopback(const struct pelt_addr *addr)
{
    if (addr->u.sa.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&addr->u.in6.sin6_addr);
    }
    return ntohl(addr->u.in.sin_addr.s_addr) >> 24 == 127;
}

/* "127.0.0.1:9646", "[::1]:9646". */
static bool parse_address(const char *value, struct pelt_addr *out)
{
    char host[64];
    const char *colon = strrchr(value, ':');
    size_t len = colon ? (size_t)(colon - value) : 0;
    bool in_brackets = len > 2 && value[0] == '[' && value[len - 1] == ']';
    long port = len > 0 ? number(colon + 1, UINT16_MAX) : -1;

    if (port < 0 || len >= sizeof host) {
        return false;
    }
    snprintf(host, sizeof host, "%.*s", (int)(in_brackets ? len - 2 : len), value + in_brackets);
    return pelt_addr_literal(host, (uint16_t)port, out) &&
           in_brackets == (out->u.sa.sa_family == AF_INET6);
}

static bool take_listen(struct agent_options *o, const char *value, struct pelt_error *why)
{
    if (!parse_address(value, &o->listen)) {
        return fail(why, "\"%.200s\" is no address: ADDRESS:PORT as 127.0.0.1:9646 or [::1]:9646",
                    value);
    }
    return true;
}

static bool take_token_file(struct agent_options *o, const char *value, struct pelt_error *why)
{
    o->token_file = value;
    return true;
}

static bool take_tls_cert(struct agent_options *o, const char *value, struct pelt_error *why)
{
    o->tls_cert = value;
    return true;
}

static bool take_tls_key(struct agent_options *o, const char *value, struct pelt_error *why)
{
    o->tls_key = value;
    return true;
}

static bool take_plaintext(struct agent_options *o, const char *value, struct pelt_error *why)
{
    o->allow_plaintext = true;
    return true;
}

static bool take_user(struct agent_options *o, const char *value, struct pelt_error *why)
{
    o->user = value;
    return value[0] || fail(why, "\"\" is no user");
}

static bool take_port_file(struct agent_options *o, const char *value, struct pelt_error *why)
{
    o->port_file = value;
    return true;
}

static bool take_redact(struct agent_options *o, const char *value, struct pelt_error *why)
{
    o->redact_hostname = true;
    return true;
}

static bool take_probe(struct agent_options *o, const char *value, struct pelt_error *why)
{
    o->probe = true;
    return true;
}

static bool take_cpu_limit(struct agent_options *o, const char *value, struct pelt_error *why)
{
    if (pelt_parse_share(value, &o->cpu_limit, why)) {
        return false;
    }
    return o->cpu_limit > 0 || fail(why, "\"%.200s\" leaves the agent nothing: more than 0", value);
}

/* ---- the table ---- */

static const struct option table[] = {
    {"pid", "[NAME=]PID", "a process by its number; once it has ended it is gone for good",
     take_pid, "What is watched, beside the host (each several times)"},
    {"port", "[NAME=]PORT",
     "the process that listens on this TCP port; one that takes its place is found again",
     take_port, NULL},
    {"unit", "[NAME=]UNIT", "the main process and the cgroup of a systemd unit: nginx.service",
     take_unit, NULL},
    {"cgroup", "[NAME=]PATH",
     "a cgroup: system.slice/x.service, as in /proc/PID/cgroup, or its folder below /sys/fs/cgroup",
     take_cgroup, NULL},
    {"cache", "[NAME=]KIND=ADDRESS[#KEY=VALUE,...]",
     "a cache and its hit rate; the kinds and their keys are in docs/AGENT.md", take_cache, NULL},
    {"pool", "NAME=URL#used=METRIC,limit=METRIC",
     "a pool or queue of the application, from its /metrics; limit may be a number; also "
     "waiters=METRIC and timeouts=METRIC",
     take_pool, NULL},
    {"disk", "MOUNT", "a mount point to watch; default all that are mounted from a device",
     take_disk, NULL},

    {"listen", "ADDRESS:PORT", "where to answer; port 0 takes a free one; default " LISTEN,
     take_listen, "Answers"},
    {"port-file", "FILE", "writes the port there once it listens", take_port_file, NULL},
    {"token-file", "FILE",
     "whoever asks must show the token in it (mode 0600, 128 bits); needed beyond loopback",
     take_token_file, NULL},
    {"tls-cert", "FILE", "certificate for https, PEM; needed beyond loopback", take_tls_cert, NULL},
    {"tls-key", "FILE", "its key, PEM", take_tls_key, NULL},
    {"allow-plaintext", NULL, "beyond loopback without TLS: the token can be overheard",
     take_plaintext, NULL},
    {"name", "NAME", "what reports call this agent; default the host's name up to its first dot",
     take_name, NULL},
    {"redact-hostname", NULL, "leaves the host's name out of what is told", take_redact, NULL},

    {"cpu-limit", "SHARE",
     "of a core: above it the agent doubles its tick, and says so; default 1%", take_cpu_limit,
     "Own cost"},

    {"user", "NAME",
     "who it is once all is open, where root begins it; default pelt-agent if there is such a "
     "user, "
     "else nobody; root to stay root",
     take_user, "Rights"},

    {"probe", NULL, "prints what can be read here, what cannot, and why; and ends", take_probe,
     "Other"},
    {"version", NULL, "prints the version; and ends", NULL, NULL},
    {"help", NULL, "prints this; and ends", NULL, NULL},
};

#define TABLE_LEN (sizeof table / sizeof table[0])

/* ---- the command line ---- */

static const struct option *find(const char *name, size_t len)
{
    for (size_t i = 0; i < TABLE_LEN; i++) {
        if (strlen(table[i].name) == len && strncmp(table[i].name, name, len) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static enum pelt_status fail_unknown(const char *arg, struct pelt_error *err)
{
    const char *names[TABLE_LEN + 1] = {NULL}, *nearest;
    char name[64];

    for (size_t i = 0; i < TABLE_LEN; i++) {
        names[i] = table[i].name;
    }
    arg += strspn(arg, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(arg, "="), arg);
    nearest = pelt_nearest(name, names);
    if (nearest) {
        return pelt_fail(err, PELT_EINVAL, "no option \"--%s\"; did you mean --%s?", name, nearest);
    }
    return pelt_fail(err, PELT_EINVAL, "no option \"--%s\"; see --help", name);
}

/* The option at argv[*i], which is then that of its last word. */
static enum pelt_status parse_one(struct agent_options *o, int argc, char **argv, int *i,
                                  struct pelt_error *err)
{
    const char *arg = argv[*i], *equals = strchr(arg, '=');
    const struct option *option;
    struct pelt_error why = {{0}};
    const char *value = NULL;

    if (strncmp(arg, "--", 2) != 0) {
        return pelt_fail(err, PELT_EINVAL, "\"%.100s\" is no option; see --help", arg);
    }
    option = find(arg + 2, equals ? (size_t)(equals - arg - 2) : strlen(arg) - 2);
    if (!option) {
        return fail_unknown(arg, err);
    }
    if (!option->value && equals) {
        return pelt_fail(err, PELT_EINVAL, "--%s takes no value", option->name);
    }
    if (option->value) {
        value = equals ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
        if (!value) {
            return pelt_fail(err, PELT_EINVAL, "--%s needs a value: %s", option->name,
                             option->value);
        }
    }
    if (!option->take(o, value, &why)) {
        return pelt_fail(err, PELT_EINVAL, "--%s: %s", option->name, why.text);
    }
    return PELT_OK;
}

/* What listens where others can reach it tells nothing to whoever asks. */
static enum pelt_status check_face(const struct agent_options *o, struct pelt_error *err)
{
    bool needs_token = !o->token_file, needs_tls = !o->tls_cert && !o->allow_plaintext;
    char text[64];

    if (!o->tls_cert != !o->tls_key) {
        return pelt_fail(err, PELT_EINVAL, "--tls-%s needs --tls-%s as well",
                         o->tls_cert ? "cert" : "key", o->tls_cert ? "key" : "cert");
    }
    if (is_loopback(&o->listen) || (!needs_token && !needs_tls)) {
        return PELT_OK;
    }
    pelt_addr_format(&o->listen, text, sizeof text);
    return pelt_fail(
        err, PELT_EINVAL, "--listen: %s is no loopback address, so others can ask: add %s%s%s",
        text, needs_token ? "--token-file FILE" : "", needs_token && needs_tls ? " and " : "",
        needs_tls ? "--tls-cert FILE --tls-key FILE (or --allow-plaintext)" : "");
}

/* --help and --version win over all that is wrong behind them. */
static enum agent_options_result find_switch(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return AGENT_OPTIONS_HELP;
        }
        if (strcmp(argv[i], "--version") == 0) {
            return AGENT_OPTIONS_VERSION;
        }
    }
    return AGENT_OPTIONS_RUN;
}

enum agent_options_result agent_options_parse(struct agent_options *options, int argc, char **argv,
                                              struct pelt_error *err)
{
    enum agent_options_result asked = find_switch(argc, argv);

    *options = (struct agent_options){.root = "", .cpu_limit = CPU_LIMIT};
    parse_address(LISTEN, &options->listen);
    if (asked != AGENT_OPTIONS_RUN) {
        return asked;
    }
    for (int i = 1; i < argc; i++) {
        if (parse_one(options, argc, argv, &i, err)) {
            return AGENT_OPTIONS_BAD;
        }
    }
    return check_face(options, err) ? AGENT_OPTIONS_BAD : AGENT_OPTIONS_RUN;
}

/* ---- --help ---- */

/* Prints `text` from HELP_COLUMN on, broken at blanks. The cursor is at column `at`. */
static void print_wrapped(int at, const char *text)
{
    bool is_first = true;

    if (at >= HELP_COLUMN) {
        printf("\n");
        at = 0;
    }
    printf("%*s", HELP_COLUMN - at, "");
    at = HELP_COLUMN;
    while (*text) {
        int length = (int)strcspn(text, " ");

        if (!is_first && at + 1 + length > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            at = HELP_COLUMN;
            is_first = true;
        }
        at += printf("%s%.*s", is_first ? "" : " ", length, text);
        is_first = false;
        text += length + (int)strspn(text + length, " ");
    }
    putchar('\n');
}

void agent_options_help(void)
{
    puts("pelt-agent: this host's limits and hit rates, for load tests; read-only\n"
         "\n"
         "usage: pelt-agent [OPTION...]");
    for (size_t i = 0; i < TABLE_LEN; i++) {
        const struct option *option = &table[i];

        if (option->group) {
            printf("\n%s:\n", option->group);
        }
        print_wrapped(printf("  --%s%s%s", option->name, option->value ? " " : "",
                             option->value ? option->value : ""),
                      option->text);
    }
    puts("\n"
         "Paths: GET /v1/info /v1/sample /v1/stream /v1/clock, /metrics (OpenMetrics), /health\n"
         "/health/live /health/ready /health/detailed (docs/AGENT.md).\n"
         "SIGTERM or SIGINT ends it at once, exit 0.\n"
         "Exit 1: it cannot listen, or something to watch is not there now; 2: a bad option.");
}
