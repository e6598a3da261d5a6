/*
 * command: see the header. What each command says about itself is here; its options come from
 * options.c.
 */
#include "command.h"

#include "pelt/units.h"

/* clang-format off */
const struct cli_command cli_commands[] = {
    {"run", CLI_RUN, "SCENARIO.lua", "run a scenario, headless",
     "Runs the scenario with the load that it asks for, shows progress on\n"
     "stderr, prints the summary on stdout and keeps all that was measured in a run\n"
     "file.\n",
     "  pelt run chat.lua\n"
     "  pelt run chat.lua --users 50 --duration 1m --target http://127.0.0.1:8080\n"
     "  pelt run chat.lua --threshold 'http_response p99 < 200ms' --out json=r.json\n",
     cmd_run},
    {"bench", CLI_BENCH, "URL", "one URL, no script",
     "Sends one request again and again: closed loop with -c connections (the next\n"
     "request follows the answer), or open loop with --rate (requests are due by plan,\n"
     "however slow the answers). With --pipeline N a connection has N requests in\n"
     "flight: more of them a second for less work, but each response waits for those\n"
     "before it, and response times count that. When a connection ends (also by an\n"
     "answer that says close), requests sent behind the last answer end as\n"
     "stale_reuse, reset or timeout: whether the server has seen them nobody knows.\n"
     "With --http2 and --streams N a connection has N requests in flight, too, and\n"
     "none waits for another.\n",
     "  pelt bench http://127.0.0.1:8080/ -c 64 -d 10s\n"
     "  pelt bench http://127.0.0.1:8080/ --rate 2000/s --arrivals poisson -d 20s\n"
     "  pelt bench http://127.0.0.1:8080/ -c 8 --pipeline 16\n"
     "  pelt bench https://127.0.0.1:8443/ --http2 -c 8 --streams 16\n"
     "  pelt bench http://127.0.0.1:8080/items -H 'Content-Type: application/json' \\\n"
     "      --body '{\"id\": 1}'\n",
     cmd_bench},
    {"worker", CLI_WORKER, NULL, "lend this host to a run of many hosts",
     "Waits for a coordinator (pelt run SCENARIO.lua --bus URL --workers N), gets from\n"
     "it the scenario with its files, sends a part of its load and hands all that is\n"
     "measured on; then ends. What comes runs without io, os and package, and only if\n"
     "it was made with the secret that both share. See docs/DISTRIBUTED.md.\n",
     "  PELT_BUS_SECRET=... pelt worker --bus redis://127.0.0.1\n"
     "  pelt worker --bus rediss://worker@redis.lan:6380 --bus-ca ca.pem \\\n"
     "      --bus-password-file pw --bus-secret-file secret\n",
     cmd_worker},
    {"ctl", CLI_CTL, "rate|pause|resume|mark|stop", "steer a run of many hosts",
     "Asks the coordinator of a run over a bus to change its load, two seconds later,\n"
     "at all workers at the same moment: rate is a share of what the scenario asks\n"
     "for. Each change, and each mark, is an event of the run.\n",
     "  pelt ctl --bus redis://127.0.0.1 rate 150%\n"
     "  pelt ctl --bus redis://127.0.0.1 pause\n"
     "  pelt ctl --bus redis://127.0.0.1 mark 'new release'\n",
     cmd_ctl},
    {"demo", CLI_DEMO, NULL, "a first run against a server of its own",
     "Starts pelt-target, and pelt-agent beside it, on free ports of the loopback\n"
     "interface, runs a scenario of about 30 s against it and says where run file,\n"
     "JSON, CSV and HTML lie.\n",
     "  pelt demo\n",
     cmd_demo},
    {"check", CLI_CHECK, "SCENARIO.lua", "read a scenario and say what it would do",
     "Loads the scenario and lists its load, tasks and thresholds. Sends nothing,\n"
     "unless --once is given: then it runs one iteration and prints every exchange\n"
     "and every check.\n",
     "  pelt check chat.lua\n"
     "  pelt check chat.lua --once --target http://127.0.0.1:8080\n",
     cmd_check},
    {"preflight", CLI_PREFLIGHT, "SCENARIO.lua", "what this host can send with it",
     "Runs the scenario for about 5 s against a server of its own on the loopback\n"
     "interface, without its pauses, measures what an iteration and a user cost, and\n"
     "says how much this host can send and which limit comes first: CPU, descriptors,\n"
     "ports or memory. Nothing is sent to the target, setup and teardown included:\n"
     "every server the script names is stood in for by the null server, which answers\n"
     "200 and {} (or --answer) at once. Exit 2 if the plan asks for more than that.\n",
     "  pelt preflight chat.lua\n"
     "  pelt preflight chat.lua --rate 5000/s --answer '{\"token\": \"x\"}'\n"
     "  pelt preflight chat.lua --users 2000 --quiet --out json=-\n",
     cmd_preflight},
    {"report", CLI_REPORT, "RUN.pelt", "any format of a run, again",
     "Reads a run file, also one of a run that was killed, and prints its summary, or\n"
     "writes the formats that --out asks for. --from and --to make it a report of a\n"
     "part of the load: its thresholds are judged on that part, verdict and exit code\n"
     "are still those of the run. What --price, --demand and the like say holds for\n"
     "this report, in the place of what the run was made with.\n",
     "  pelt report pelt-runs/20261121-081500-chat.pelt\n"
     "  pelt report run.pelt --out json=run.json --out html=run.html\n"
     "  pelt report run.pelt --out junit=junit.xml --out markdown=job.md\n"
     "  pelt report run.pelt --from 30s --to 5m\n"
     "  pelt report stress.pelt --price 0.40/h --demand 500/s\n",
     cmd_report},
    {"trace", CLI_TRACE, "RUN.pelt ID", "what a run knows of one exchange",
     "Looks for an exchange by its trace id, which is its correlation id, too (of 32\n"
     "digits the first 8 will do), and tells when it was due, sent, answered and done,\n"
     "where the time went, who sent it, what else happened in that second, and what to\n"
     "look for in the server's log. A run keeps the slowest exchanges and the failed\n"
     "ones of each second, a class and a name; they have ids if the scenario says\n"
     "trace = true.\n",
     "  pelt trace run.pelt 9ccc1cd11cfd5f4bb1a4e0e2ab0fb1a7\n"
     "  pelt trace run.pelt 9ccc1cd1\n",
     cmd_trace},
    {"runs", CLI_RUNS, "[PATH]", "the runs of a folder, newest first",
     "Lists the run files of a folder (default pelt-runs), or tells of one file:\n"
     "largest load (u: users) and length, verdict on the measurement, exit code,\n"
     "requests started a second, response times, share of errors. The first column is\n"
     "the file's name without .pelt; pelt report tells all of it.\n",
     "  pelt runs\n"
     "  pelt runs nightly/ | head\n",
     cmd_runs},
    {"compare", CLI_COMPARE, "BASE NEW", "what got better or worse between runs",
     "Tells of each figure (response time p50, p90, p95, p99 and mean, errors and\n"
     "throughput of each request; a script's trends; hit shares of caches; capacity of\n"
     "a stress load) whether it is better, worse, the same, or whether that cannot be\n"
     "told, and how much would tell. BASE and NEW are run files, or folders of several\n"
     "runs each, which are then tested across runs. Of a plan the steady part counts.\n"
     "Exit 5: a figure is worse; 2: the plans differ; 4: a run is INVALID.\n",
     "  pelt compare before.pelt after.pelt\n"
     "  pelt compare main/ branch/ --out markdown=comment.md --out json=compare.json\n"
     "  pelt compare --base a1.pelt a2.pelt a3.pelt --new b1.pelt b2.pelt b3.pelt\n"
     "  pelt compare before.pelt after.pelt --effect 10%,2ms\n",
     cmd_compare},
    {"history", CLI_HISTORY, "[DIR]", "where figures changed over many runs",
     "Looks through the runs of a folder (default pelt-runs), those of one plan\n"
     "together, for figures that went to another level and stayed there: a line a\n"
     "change, with the runs that it lies between. Five and more runs tell.\n",
     "  pelt history\n"
     "  pelt history nightly/ --out json=history.json\n",
     cmd_history},
    {"new", CLI_NEW, "[FILE]", "a commented scenario to start from",
     "Writes a scenario (default scenario.lua) with a comment at each part; it passes\n"
     "pelt check and runs against pelt-target. Never writes over a file.\n",
     "  pelt new chat.lua\n"
     "  pelt check chat.lua\n",
     cmd_new},
    {"convert", CLI_CONVERT, "curl|har", "a scenario from curl or a HAR file",
     "Writes a scenario that sends what a curl command line sends, or what a browser\n"
     "recorded (HAR). Behind curl stands the command in quotes, or a file of such\n"
     "lines; behind har a file; - or nothing is stdin. Lines may be those of a POSIX\n"
     "shell or of Windows' cmd, as browsers copy them. What cannot be converted is a\n"
     "comment in the scenario and a line on stderr. Sends nothing.\n",
     "  pelt convert curl 'curl -d name=ada http://127.0.0.1:18800/echo' > ada.lua\n"
     "  pelt convert curl requests.sh --out api.lua\n"
     "  pelt convert har shop.har --host shop.example --no-static --out shop.lua\n",
     cmd_convert},
    {"doctor", CLI_DOCTOR, NULL, "what of this host can spoil a measurement",
     "Looks at this host's CPUs and who else uses them, clocks and timers, limits of\n"
     "descriptors and ports, firewall, memory, disk and CA certificates, and says of\n"
     "each whether it can spoil a measurement, and what to change and how. Changes\n"
     "nothing, sends nothing, needs no rights.\n",
     "  pelt doctor\n"
     "  pelt doctor --out json=-\n",
     cmd_doctor},
    {.name = NULL},
};
/* clang-format on */

const struct cli_command *cli_command_find(const char *name)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

void cli_command_names(unsigned mask, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (const struct cli_command *c = cli_commands; c->name != NULL && len < size; c++) {
        if ((mask & c->bit) != 0) {
            len +=
                (size_t)snprintf(out + len, size - len, "%spelt %s", len > 0 ? ", " : "", c->name);
        }
    }
}

void cli_help_overview(FILE *out)
{
    fputs("pelt " PELT_VERSION
          ": a load generator that says how far its figures can be trusted\n\n",
          out);
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        char usage[64];
        snprintf(usage, sizeof usage, "pelt %s %s", c->name, c->operand != NULL ? c->operand : "");
        fprintf(out, "  %-27s  %s\n", usage, c->line);
    }
    fputs("\n  pelt CMD --help              the options of a command (or: pelt help CMD)\n"
          "  pelt --version\n"
          "\nExit codes: 0 passed; 1 pelt itself failed; 2 bad usage, scenario or script\n"
          "error; 3 a threshold was missed or could not be judged; 4 the run is INVALID;\n"
          "5 compare found something worse; 130 SIGINT, 143 SIGTERM (what was measured is\n"
          "reported).\n",
          out);
}

void cli_help_command(const struct cli_command *command, FILE *out)
{
    const char *operand = command->operand != NULL ? command->operand : "";
    fprintf(out, "usage: pelt %s %s%s[OPTION...]\n\n%s", command->name, operand,
            *operand != '\0' ? " " : "", command->about);
    cli_options_help(command, out);
    fprintf(out, "\nExamples:\n%s", command->examples);
}

enum pelt_status cli_command_unknown(const char *word, struct pelt_error *err)
{
    const char *names[32];
    size_t len = 0;
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        names[len++] = c->name;
    }
    names[len] = NULL;
    const char *nearest = pelt_nearest(word, names);
    const char *dot = strrchr(word, '.');
    if (strstr(word, "://") != NULL) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is a URL, not a command: pelt bench %s", word,
                         word);
    }
    if (dot != NULL && strcmp(dot, ".lua") == 0) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is a scenario, not a command: pelt run %s", word,
                         word);
    }
    if (nearest != NULL) {
        return pelt_fail(err, PELT_EINVAL, "no command \"%s\": did you mean pelt %s?", word,
                         nearest);
    }
    return pelt_fail(err, PELT_EINVAL, "no command \"%s\": pelt --help lists them", word);
}
