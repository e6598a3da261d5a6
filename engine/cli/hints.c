/*
 * hints: see the header.
 */
#include "hints.h"

#include <string.h>

const char *cli_hint_for(const char *typed)
{
    static const struct {
        const char *option, *hint;
    } hints[] = {
        {"--vus", "virtual users are --users"},
        {"--concurrency", "--connections in pelt bench, --users in pelt run"},
        {"--requests", "so many requests are --iterations N (-n) in pelt bench; in a scenario it "
                       "counts iterations"},
        {"-z", "duration is -d"},
        {"-R", "arrivals a second are --rate N/s"},
        {"-q", "arrivals a second are --rate N/s; to say less: --quiet"},
        {"--rps", "arrivals a second are --rate N/s"},
        {"--qps", "arrivals a second are --rate N/s"},
        {"--spawn-rate", "users added a second are --ramp N/s with --users"},
        {"--hatch-rate", "users added a second are --ramp N/s with --users"},
        {"--run-time", "duration is --duration"},
        {"--stages", "stages belong into the scenario: load = pelt.load.stages { ... }; --users "
                     "and --duration scale them"},
        {"--stage", "stages belong into the scenario: load = pelt.load.stages { ... }; --users and "
                    "--duration scale them"},
        {"--host", "the server is --target URL"},
        {"--url",
         "the server is --target URL in pelt run; pelt bench takes the URL without an option"},
        {"--base-url", "the server is --target URL"},
        {"--headless", "pelt run is always headless"},
        {"--latency", "the percentiles are always printed"},
        {"--env", "settings of a scenario are --set KEY=VALUE"},
        {"-e", "settings of a scenario are --set KEY=VALUE"},
        {"-s", "the scenario is given without an option: pelt run SCENARIO.lua"},
        {"-f", "the scenario is given without an option: pelt run SCENARIO.lua"},
        {"--script", "the scenario is given without an option: pelt run SCENARIO.lua"},
        {"--request", "the method is --method"},
        {"--data", "the body is --body TEXT or --body @FILE"},
        {"--json", "reports are --out FORMAT=PATH: --out json=report.json"},
        {"--html", "reports are --out FORMAT=PATH: --out html=report.html"},
        {"--csv", "reports are --out FORMAT=PATH: --out csv=folder"},
        {"--output", "reports are --out FORMAT=PATH: --out json=report.json"},
        {"--summary-export", "reports are --out FORMAT=PATH: --out json=report.json"},
        {"--no-summary", "to see nothing: > /dev/null"},
        {"--verbose", "to see each exchange: pelt check SCENARIO.lua --once"},
        {"--cacert", "certificates to trust are --ca PATH"},
        {"--insecure-skip-tls-verify", "to accept any certificate: --insecure"},
        {"--tlsv1.2", "versions are --tls-min 1.2 and --tls-max 1.2"},
        {"--tlsv1.3", "versions are --tls-min 1.3 and --tls-max 1.3"},
        {"--ciphers", "cipher suites are --tls-ciphers LIST"},
        {"-v",
         "to see each exchange: pelt check SCENARIO.lua --once; the version is pelt --version"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (strcmp(hints[i].option, typed) == 0) {
            return hints[i].hint;
        }
    }
    return NULL;
}
