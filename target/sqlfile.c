/* sqlfile: see the header. */
#include "sqlfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool check_folder(const char *path, const char *knob, struct target_error *err)
{
    const char *slash = strrchr(path, '/');
    char folder[TARGET_SQLFILE_PATH_BYTES] = ".";

    if (slash) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    }
    return access(folder, W_OK | X_OK) == 0 ||
           target_fail(err, "%s: cannot write \"%.300s\": %s; try a folder that is there", knob,
                       path, strerror(errno));
}

/* SQLite's first bytes; an empty file becomes a database. */
static bool is_database(const char *path)
{
    char head[16] = {0};
    FILE *file = fopen(path, "re");
    size_t bytes = file ? fread(head, 1, sizeof head, file) : 0;

    if (file) {
        fclose(file);
    }
    return bytes == 0 || memcmp(head, "SQLite format 3", sizeof head) == 0;
}

bool target_sqlfile_check(const char *path, const char *knob, struct target_error *err)
{
    struct stat file;

    if (path[0] == '\0') {
        return true;
    }
    if (!check_folder(path, knob, err)) {
        return false;
    }
    if (stat(path, &file) < 0) {
        return true;
    }
    if (!S_ISREG(file.st_mode) || access(path, R_OK | W_OK) < 0) {
        return target_fail(err, "%s: \"%.300s\" is no file that can be read and written", knob,
                           path);
    }
    return is_database(path) ||
           target_fail(err, "%s: \"%.300s\" is no SQLite database; try a name that is not there",
                       knob, path);
}
