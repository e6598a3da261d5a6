/*
 * option_table: see the header. A row names the commands that take the option, the field it fills
 * and the function that reads its value, and its line of help.
 */
#include "option_table.h"

#define LOAD_COMMANDS (CLI_RUN | CLI_BENCH)
#define PLAN_COMMANDS (LOAD_COMMANDS | CLI_PREFLIGHT)
#define SEND_COMMANDS (CLI_RUN | CLI_BENCH | CLI_CHECK | CLI_PREFLIGHT)
#define COST_COMMANDS (LOAD_COMMANDS | CLI_REPORT)
#define ALL_COMMANDS                                                                               \
    (CLI_RUN | CLI_BENCH | CLI_CHECK | CLI_PREFLIGHT | CLI_REPORT | CLI_DEMO | CLI_RUNS |          \
     CLI_NEW | CLI_CONVERT | CLI_DOCTOR | CLI_COMPARE | CLI_HISTORY | CLI_TRACE | CLI_WORKER |     \
     CLI_CTL)
#define BUS_COMMANDS (CLI_RUN | CLI_WORKER | CLI_CTL)

static const char *const group_names[] = {
    "Load",       "Request", "Target",   "TLS",   "Agents", "Judgement", "Cost",
    "Comparison", "Output",  "Scenario", "Start", "Hosts",  "Other"};

#define FIELD(name) offsetof(struct cli_options, name)

/* clang-format off */
const struct cli_option cli_option_table[CLI_OPTIONS] = {
    {"users", 'u', "N", GROUP_LOAD, PLAN_COMMANDS, cli_read_users, FIELD(users),
     "closed loop: N users at once; with --rate: at most N. A scenario's own load is scaled so that its largest level is N (stress: its max)"},
    {"rate", 'r', "N/s", GROUP_LOAD, PLAN_COMMANDS, cli_read_rate, FIELD(rate_per_s),
     "open loop: N arrivals a second (200/s, 60/m), whether answers come or not: iterations in run, requests in bench"},
    {"ramp", 0, "N/s|T", GROUP_LOAD, PLAN_COMMANDS, cli_read_ramp, FIELD(ramp),
     "climb to the level: N more each second, or within the time T; part of --duration"},
    {"duration", 'd', "T", GROUP_LOAD, PLAN_COMMANDS, cli_read_duration, FIELD(duration_ns),
     "length of the load: 500ms, 10s, 5m, 1h30m. A scenario's own load is stretched to it; one decided as it goes (stress, a function) lasts at most so long"},
    {"warmup", 0, "T", GROUP_LOAD, LOAD_COMMANDS, cli_read_warmup, FIELD(warmup_ns),
     "the load runs so long before it counts, at the level that it begins with: whole seconds, which come before --duration and are in no figure but their own"},
    {"iterations", 'n', "N", GROUP_LOAD, PLAN_COMMANDS, cli_read_iterations, FIELD(iterations),
     "end after N iterations of all users together (requests in bench), or after --duration, whichever comes first; needs no --duration"},
    {"connections", 'c', "N", GROUP_LOAD, PLAN_COMMANDS, cli_read_users, FIELD(connections),
     "bench: N connections (default 10), one request in flight on each, or as --pipeline says; with --rate: at most N. run: the users of a thread share at most N to each server, and wait for a free one"},
    {"pipeline", 0, "N", GROUP_LOAD, CLI_BENCH, cli_read_pipeline, FIELD(pipeline),
     "closed loop: N requests in flight on each connection, at most 64 (HTTP/1.1 pipelining; default 1). A response then waits for those before it, and its time counts that"},
    {"streams", 0, "N", GROUP_LOAD, PLAN_COMMANDS, cli_read_streams, FIELD(streams),
     "HTTP/2: at most N requests in flight on a connection, and no more than the server allows (default 100). bench: N users on each connection (default 1), in closed loop N requests in flight on each"},
    {"arrivals", 0, "KIND", GROUP_LOAD, PLAN_COMMANDS, cli_read_arrivals, FIELD(arrivals),
     "gaps between arrivals: uniform, poisson, gamma or gamma:SHAPE (below 1: burstier than poisson)"},
    {"threads", 't', "N", GROUP_LOAD, PLAN_COMMANDS, cli_read_threads, FIELD(threads),
     "threads that send (default: the cores this process may use, never more than users)"},
    {"threads-pin", 0, NULL, GROUP_LOAD, LOAD_COMMANDS, cli_read_flag, FIELD(threads_pin),
     "each thread stays on a CPU of its own (of those that this process may use)"},
    {"pacing", 0, "HOW", GROUP_LOAD, LOAD_COMMANDS, cli_read_pacing, 0,
     "the last 20 us before something is due: poll, or sleep (default: poll where threads leave a core free). Polling takes CPU time of others, and is not counted as pelt's work"},
    {"seed", 0, "N", GROUP_LOAD, SEND_COMMANDS, cli_read_seed, FIELD(seed),
     "of everything random (default 1); the same seed gives the same plan"},
    {"grace", 0, "T", GROUP_LOAD, PLAN_COMMANDS, cli_read_grace, FIELD(grace_ns),
     "how long what is in flight at the end may finish (default 30s)"},
    {"repeat", 0, "N", GROUP_LOAD, CLI_RUN | CLI_BENCH, cli_read_repeat, FIELD(repeat),
     "N runs one after the other, with seeds from --seed on: each its own run file (and reports: -1, -2 ... in their names), then what all say together"},
    {"force", 0, NULL, GROUP_LOAD, LOAD_COMMANDS | CLI_CONVERT | CLI_COMPARE, cli_read_flag, FIELD(force),
     "start even if the limit of file descriptors is too low for all users; convert: write over the file of --out; compare: runs of different plans, too"},

    {"method", 'X', "NAME", GROUP_REQUEST, CLI_BENCH, cli_read_method, FIELD(method),
     "HTTP method (default GET; POST with --body)"},
    {"body", 0, "TEXT", GROUP_REQUEST, CLI_BENCH, cli_read_text, FIELD(body),
     "body of each request; @FILE takes a file's bytes"},
    {"retry-stale", 0, NULL, GROUP_REQUEST, CLI_BENCH, cli_read_flag, FIELD(retry_stale),
     "call again what ends as stale_reuse (the server closed an idle connection meanwhile): an exchange of its own, both counted"},

    {"target", 0, "URL", GROUP_TARGET, CLI_RUN | CLI_CHECK | CLI_PREFLIGHT, cli_read_url, FIELD(target),
     "base URL of the scenario's relative paths, instead of its own"},
    {"header", 'H', "\"NAME: V\"", GROUP_TARGET, SEND_COMMANDS, cli_read_header, FIELD(headers),
     "added to each request; repeatable"},
    {"resolve", 0, "H:P:ADDR", GROUP_TARGET, SEND_COMMANDS, cli_read_resolve, 0,
     "connect to ADDR (or in turns to several, with commas between) where host H (or *), port P is asked for; repeatable"},
    {"connect-to", 0, "H:P:H2:P2", GROUP_TARGET, SEND_COMMANDS, cli_read_connect_to, 0,
     "connect to host H2, port P2 where H, P is asked for; an empty H or P is any, an empty H2 or P2 stays. Host, SNI and certificate stay those of H; repeatable"},
    {"source-ip", 0, "ADDR", GROUP_TARGET, SEND_COMMANDS, cli_read_source_ip, 0,
     "connect from this address of this host; repeatable: in turns, each has its own local ports"},
    {"http2", 0, NULL, GROUP_TARGET, SEND_COMMANDS, cli_read_flag, FIELD(http2),
     "speak HTTP/2: https URLs by ALPN, http URLs by prior knowledge (h2c). A server that does not fails (tls, bad_response)"},
    {"http2-window", 0, "SIZE", GROUP_TARGET, SEND_COMMANDS, cli_read_window, FIELD(http2_window),
     "HTTP/2: bytes of a body that the server may send before it hears that they were read (64k to 1g; default 6m, and 16m for a connection)"},
    {"unix-socket", 0, "PATH", GROUP_TARGET, SEND_COMMANDS, cli_read_unix_socket, 0,
     "connect to this unix socket, whatever host is asked for"},
    {"proxy", 0, "URL", GROUP_TARGET, SEND_COMMANDS, cli_read_proxy, 0,
     "ask for servers by this HTTP proxy: http://[USER:PASSWORD@]HOST:PORT, or https:// (TLS with the proxy, as --ca and its like say); for https, ws and wss with CONNECT. env: by the one that http_proxy, https_proxy and no_proxy of the environment say, which are not looked at otherwise"},
    {"dns-ttl", 0, "T", GROUP_TARGET, SEND_COMMANDS, cli_read_dns_ttl, 0,
     "how long the addresses of a name are used before they are asked for again (default 30s; 0: each connection asks)"},
    {"dns-server", 0, "ADDR[:PORT]", GROUP_TARGET, SEND_COMMANDS, cli_read_dns_server, 0,
     "ask this name server instead of the system's; several with commas between"},

    {"tls", 0, "LIBRARY", GROUP_TLS, SEND_COMMANDS, cli_read_text, FIELD(tls.backend),
     "that speaks TLS for https URLs: mbedtls (default) or openssl"},
    {"ca", 0, "PATH", GROUP_TLS, SEND_COMMANDS, cli_read_text, FIELD(tls.ca),
     "file or folder of certificates (PEM) to trust instead of the system's"},
    {"cert", 0, "FILE", GROUP_TLS, SEND_COMMANDS, cli_read_text, FIELD(tls.cert),
     "client certificate (PEM), with its chain behind it"},
    {"key", 0, "FILE", GROUP_TLS, SEND_COMMANDS, cli_read_text, FIELD(tls.key),
     "its private key (PEM); default: in the file of --cert"},
    {"insecure", 'k', NULL, GROUP_TLS, SEND_COMMANDS, cli_read_flag, FIELD(tls.insecure),
     "accept any certificate of any server; the report says so"},
    {"tls-min", 0, "VERSION", GROUP_TLS, SEND_COMMANDS, cli_read_text, FIELD(tls.min),
     "lowest version to agree on: 1.2 (default) or 1.3"},
    {"tls-max", 0, "VERSION", GROUP_TLS, SEND_COMMANDS, cli_read_text, FIELD(tls.max),
     "highest version to agree on"},
    {"tls-ciphers", 0, "LIST", GROUP_TLS, SEND_COMMANDS, cli_read_text, FIELD(tls.ciphers),
     "cipher suites by their names of OpenSSL or IANA, with colons between, best first"},
    {"no-tls-resume", 0, NULL, GROUP_TLS, SEND_COMMANDS, cli_read_flag, FIELD(tls.no_resume),
     "no session is resumed: each connection has a full handshake"},

    {"agent", 0, "[NAME=]URL", GROUP_AGENT, LOAD_COMMANDS | CLI_CHECK, cli_read_agent, FIELD(agents),
     "pelt-agent on a host under test, as api=http://10.0.0.5:9646: its limits and cache hit rates are in the report, and thresholds can name them (server.api.nofile.ratio). Repeatable; instead of the scenario's"},
    {"agent-token-file", 0, "PATH", GROUP_AGENT, LOAD_COMMANDS | CLI_CHECK, cli_read_text, FIELD(agent_token_file),
     "file whose first line is the agents' bearer token"},

    {"threshold", 0, "TEXT", GROUP_JUDGE, LOAD_COMMANDS, cli_read_threshold, 0,
     "what must hold, else exit 3: 'http_response p99 < 200ms', 'errors share <= 1%'; repeatable"},
    {"abort-on-fail", 0, NULL, GROUP_JUDGE, LOAD_COMMANDS, cli_read_flag, FIELD(abort_on_fail),
     "the first threshold that is missed stops the run, as abort does"},
    {"strict", 0, NULL, GROUP_JUDGE, LOAD_COMMANDS, cli_read_flag, FIELD(strict),
     "a SUSPECT run ends in exit 4, too"},
    {"allow-invalid", 0, NULL, GROUP_JUDGE, LOAD_COMMANDS | CLI_COMPARE, cli_read_flag, FIELD(allow_invalid),
     "an INVALID run does not end in exit 4; compare: is compared"},
    {"allow-script-errors", 0, NULL, GROUP_JUDGE, CLI_RUN, cli_read_flag, FIELD(allow_script_errors),
     "Lua errors in iterations do not end in exit 2"},

    {"price", 0, "PRICE/h", GROUP_COST, COST_COMMANDS, cli_read_price, FIELD(price_per_h),
     "of one instance of the service: 0.40/h, 9.60/d, 292/month: the report tells the cost of 1,000 requests and of a million tokens"},
    {"instances", 0, "N", GROUP_COST, COST_COMMANDS, cli_read_users, FIELD(instances),
     "how many of them were under test (default 1)"},
    {"demand", 0, "N/s|FILE", GROUP_COST, COST_COMMANDS, cli_read_demand, FIELD(demand),
     "requests that the service must serve: 500/s, or a file with a row a period (hour, day ...), the rate its last field, which is forecast: the report tells the headroom, the instances that it takes and whether one more pays"},
    {"headroom", 0, "SHARE", GROUP_COST, COST_COMMANDS, cli_read_headroom, FIELD(headroom),
     "of the demand, to be kept above it when instances are counted (default 20%)"},
    {"penalty", 0, "N", GROUP_COST, COST_COMMANDS, cli_read_penalty, FIELD(penalty),
     "what a request costs that breaks the SLO, in the currency of --price"},

    {"base", 0, "PATH...", GROUP_COMPARE, CLI_COMPARE, cli_read_side, FIELD(base),
     "several runs of the one side: run files and folders, all words up to the next option; repeatable"},
    {"new", 0, "PATH...", GROUP_COMPARE, CLI_COMPARE, cli_read_side, FIELD(now),
     "likewise of the other side"},
    {"effect", 0, "N%,T", GROUP_COMPARE, CLI_COMPARE | CLI_HISTORY, cli_read_effect, FIELD(effect),
     "smallest change that counts: a share, of times also so much time (default 5%,1ms); 5% or 2ms: that alone"},

    {"out", 'o', "FORMAT=PATH", GROUP_OUTPUT, PLAN_COMMANDS | CLI_REPORT | CLI_CONVERT | CLI_DOCTOR | CLI_COMPARE | CLI_HISTORY, cli_read_texts, FIELD(out),
     "write json, html, csv (a folder), summary, junit, markdown, hlog or openmetrics; PATH - is stdout; repeatable. compare: markdown, json, summary. history: json, summary. preflight, doctor: json only. convert: PATH of the scenario (default stdout)"},
    {"from", 0, "T", GROUP_OUTPUT, CLI_REPORT, cli_read_second, FIELD(from_s),
     "only what happened from this moment of the load on: 90s, 5m"},
    {"to", 0, "T", GROUP_OUTPUT, CLI_REPORT, cli_read_second, FIELD(to_s),
     "only what happened before this moment of the load"},
    {"run-file", 0, "PATH", GROUP_OUTPUT, LOAD_COMMANDS | CLI_DEMO, cli_read_text, FIELD(run_file),
     "where everything measured goes (default pelt-runs/<start>-<name>.pelt)"},
    {"no-run-file", 0, NULL, GROUP_OUTPUT, LOAD_COMMANDS, cli_read_flag, FIELD(no_run_file),
     "keep it in memory only, which then grows with the run"},
    {"quiet", 'q', NULL, GROUP_OUTPUT, PLAN_COMMANDS | CLI_DEMO, cli_read_flag, FIELD(quiet),
     "no progress and no notes: the summary only"},
    {"no-color", 0, NULL, GROUP_OUTPUT, ALL_COMMANDS, cli_read_flag, FIELD(no_color),
     "no colours (as NO_COLOR in the environment)"},
    {"log-json", 0, NULL, GROUP_OUTPUT, ALL_COMMANDS, cli_read_flag, FIELD(log_json),
     "progress and log as JSON lines on stderr"},

    {"web", 0, "[ADDRESS]", GROUP_OUTPUT, LOAD_COMMANDS, cli_read_web, FIELD(web),
     "a live page while the run goes, on this host only (default 127.0.0.1:9647; a port alone will do, 0: any free one), with /metrics for Prometheus and a JSON API"},

    {"set", 0, "KEY=VALUE", GROUP_SCENARIO, CLI_RUN | CLI_CHECK | CLI_PREFLIGHT, cli_read_setting, 0,
     "what pelt.env(KEY) gives, before the environment; repeatable"},
    {"answer", 0, "TEXT", GROUP_SCENARIO, CLI_PREFLIGHT, cli_read_text, FIELD(answer),
     "body of each answer of the null server (default {}); @FILE takes a file's bytes. For scripts that need what an answer says"},
    {"once", 0, NULL, GROUP_SCENARIO, CLI_CHECK, cli_read_flag, FIELD(once),
     "run one iteration and print every exchange and every check"},

    {"host", 0, "NAME", GROUP_SCENARIO, CLI_CONVERT, cli_read_texts, FIELD(hosts),
     "har: only requests to this host; repeatable"},
    {"no-static", 0, NULL, GROUP_SCENARIO, CLI_CONVERT, cli_read_flag, FIELD(no_static),
     "har: leave out pictures, fonts, styles, scripts and media"},
    {"think", 0, NULL, GROUP_SCENARIO, CLI_CONVERT, cli_read_flag, FIELD(think),
     "har: the recording's pauses of 100 ms and more become pelt.sleep()"},

    {"wait-for", 0, "URL", GROUP_START, LOAD_COMMANDS, cli_read_url, FIELD(wait_for),
     "first wait until URL answers with a status of 200 to 399"},
    {"wait-timeout", 0, "T", GROUP_START, LOAD_COMMANDS, cli_read_duration, FIELD(wait_timeout_ns),
     "how long (default 60s); then exit 2, and nothing was sent"},

    {"bus", 0, "URL", GROUP_HOSTS, BUS_COMMANDS, cli_read_text, FIELD(bus.url),
     "Redis or Valkey that carries a run of many hosts: redis://host, rediss://user@host:6380 (TLS)"},
    {"workers", 0, "N", GROUP_HOSTS, CLI_RUN, cli_read_users, FIELD(bus.workers),
     "so many workers send the load, this host sends none of it; waits until they are there"},
    {"on-loss", 0, "WHAT", GROUP_HOSTS, CLI_RUN, cli_read_on_loss, FIELD(bus.on_loss),
     "when a worker is killed, or not heard for 5s: degrade (default: the others go on with their part), redistribute (they send what it was to send as well, from two seconds later on) or abort; exit 6 in each case"},
    {"orphan-timeout", 0, "T", GROUP_HOSTS, CLI_RUN | CLI_WORKER, cli_read_duration, FIELD(bus.orphan_ns),
     "a worker that does not hear the coordinator for so long ends its load (default 30s)"},
    {"wait", 0, "T", GROUP_HOSTS, CLI_WORKER, cli_read_duration, FIELD(bus.wait_ns),
     "a worker that hears of no coordinator for so long ends, exit 6 (default: it waits for ever)"},
    {"run", 0, "NAME", GROUP_HOSTS, BUS_COMMANDS, cli_read_text, FIELD(bus.run),
     "what the run is called on the bus, the same for coordinator and workers (default pelt)"},
    {"resume", 0, "RUN.pelt", GROUP_HOSTS, CLI_RUN, cli_read_text, FIELD(bus.resume),
     "go on with a run whose coordinator was killed, while its workers still send or wait: no other option is needed but secrets that were typed"},
    {"slot", 0, "N", GROUP_HOSTS, CLI_WORKER, cli_read_slot, FIELD(bus.slot),
     "which of the workers this one is, from 0 (default: the first that is free)"},
    {"bus-secret-file", 0, "PATH", GROUP_HOSTS, BUS_COMMANDS, cli_read_text, FIELD(bus.secret_file),
     "file whose first line is the secret that coordinator and workers share (default: PELT_BUS_SECRET of the environment)"},
    {"bus-password-file", 0, "PATH", GROUP_HOSTS, BUS_COMMANDS, cli_read_text, FIELD(bus.password_file),
     "file whose first line is the password at the bus (default: PELT_BUS_PASSWORD of the environment)"},
    {"bus-ca", 0, "PATH", GROUP_HOSTS, BUS_COMMANDS, cli_read_text, FIELD(bus.ca),
     "rediss: the only certificates (PEM) that are trusted to sign the bus' own"},
    {"bus-cert", 0, "FILE", GROUP_HOSTS, BUS_COMMANDS, cli_read_text, FIELD(bus.cert),
     "client certificate (PEM) for the bus"},
    {"bus-key", 0, "FILE", GROUP_HOSTS, BUS_COMMANDS, cli_read_text, FIELD(bus.key),
     "its private key; default: in the file of --bus-cert"},
    {"bus-plaintext", 0, NULL, GROUP_HOSTS, BUS_COMMANDS, cli_read_flag, FIELD(bus.plaintext),
     "redis:// to another host than this one is meant so: nothing is encrypted"},

    {"help", 'h', NULL, GROUP_OTHER, ALL_COMMANDS, cli_read_help, 0, "this text"},
};
/* clang-format on */

#define HELP_COLUMN  28 /* where the help of an option begins */
#define HELP_COLUMNS 80

/* Prints `text` broken at blanks; the cursor stands in column `column` already. */
static void print_wrapped(FILE *out, const char *text, size_t column)
{
    size_t at = column;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (at > column && at + 1 + len > HELP_COLUMNS) {
            fprintf(out, "\n%*s", (int)column, "");
            at = column;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > column ? " " : "", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const struct cli_option *row)
{
    char left[64];
    char letter[8] = "    ";
    if (row->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    }
    int len = snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name,
                       row->arg != NULL ? " " : "", row->arg != NULL ? row->arg : "");
    if (len > HELP_COLUMN - 2) {
        fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
    } else {
        fprintf(out, "%-*s", HELP_COLUMN, left);
    }
    print_wrapped(out, row->help, HELP_COLUMN);
}

void cli_options_help(const struct cli_command *command, FILE *out)
{
    for (size_t group = 0; group < sizeof group_names / sizeof group_names[0]; group++) {
        bool titled = false;
        for (size_t i = 0; i < CLI_OPTIONS; i++) {
            const struct cli_option *row = &cli_option_table[i];
            if (row->group != group || (row->commands & command->bit) == 0) {
                continue;
            }
            if (!titled) {
                fprintf(out, "\n%s:\n", group_names[group]);
                titled = true;
            }
            print_row(out, row);
        }
    }
}
