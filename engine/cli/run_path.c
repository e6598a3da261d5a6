/*
 * run_path: see the header.
 */
#include "run_path.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

enum pelt_status cli_run_path_check(const char *path, struct pelt_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? strdup(".")
                   : slash == path ? strdup("/")
                                   : strndup(path, (size_t)(slash - path));
    struct stat st;
    enum pelt_status status = PELT_OK;
    if (folder == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (stat(folder, &st) != 0) {
        status = pelt_fail(err, PELT_EINVAL,
                           "--run-file %s: the folder %s: %s; make it, or choose another path",
                           path, folder, strerror(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        status = pelt_fail(err, PELT_EINVAL, "--run-file %s: %s is no folder; choose another path",
                           path, folder);
    } else if (access(folder, W_OK | X_OK) != 0) {
        status =
            pelt_fail(err, PELT_EINVAL,
                      "--run-file %s: the folder %s cannot be written: %s; choose another path",
                      path, folder, strerror(errno));
    }
    free(folder);
    return status;
}
