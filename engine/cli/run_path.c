/*
 * run_path: see the header.
 */
#include "run_path.h"

#include <ctype.h>
#include <time.h>
#include <unistd.h>

#include "pelt/clock.h"

#define NAME_BYTES_MAX 80
#define SUFFIX_MAX     1000 /* runs of one name in one second */

static void file_name(const char *name, char out[NAME_BYTES_MAX + 1])
{
    size_t len = strnlen(name, NAME_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        out[i] = isalnum(c) || c == '.' || c == '_' ? (char)c : '-';
    }
    out[len] = '\0';
}

void cli_run_path(uint64_t wall_ns, const char *name, char *out, size_t size)
{
    char start[32], plain[NAME_BYTES_MAX + 1];
    time_t seconds = (time_t)(wall_ns / PELT_NS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(start, sizeof start, "%Y%m%d-%H%M%S", &utc);
    file_name(name, plain);
    snprintf(out, size, CLI_RUNS_FOLDER "/%s-%s.pelt", start, plain);
    for (int i = 2; access(out, F_OK) == 0 && i < SUFFIX_MAX; i++) {
        snprintf(out, size, CLI_RUNS_FOLDER "/%s-%s-%d.pelt", start, plain, i);
    }
}
