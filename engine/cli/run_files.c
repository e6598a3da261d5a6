/*
 * run_files: see the header.
 */
#include "run_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES_MAX 4096

static enum pelt_status append(struct cli_run_files *f, const char *path, struct pelt_error *err)
{
    char **grown = realloc(f->paths, (f->len + 1) * sizeof *grown);
    if (grown != NULL) {
        f->paths = grown;
        grown[f->len] = strdup(path);
    }
    if (grown == NULL || grown[f->len] == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    f->len++;
    return PELT_OK;
}

static int is_run_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".pelt") == 0;
}

static enum pelt_status add_folder(struct cli_run_files *f, const char *folder,
                                   struct pelt_error *err)
{
    struct dirent **entries = NULL;
    int len = scandir(folder, &entries, is_run_file, alphasort);
    if (len < 0) {
        return pelt_fail(err, PELT_EINVAL, "%s: cannot be read: %s", folder, strerror(errno));
    }
    enum pelt_status status = PELT_OK;
    size_t end = strlen(folder);
    for (int i = 0; i < len; i++) {
        char path[PATH_BYTES_MAX];
        snprintf(path, sizeof path, "%s%s%s", folder, end > 0 && folder[end - 1] == '/' ? "" : "/",
                 entries[i]->d_name);
        status = status == PELT_OK ? append(f, path, err) : status;
        free(entries[i]);
    }
    free(entries);
    return status;
}

enum pelt_status cli_run_files_add(struct cli_run_files *f, const char *path,
                                   struct pelt_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return pelt_fail(err, PELT_EINVAL, "%s: %s; name a run file, or a folder of them", path,
                         strerror(errno));
    }
    return S_ISDIR(st.st_mode) ? add_folder(f, path, err) : append(f, path, err);
}

void cli_run_files_deinit(struct cli_run_files *f)
{
    for (size_t i = 0; i < f->len; i++) {
        free(f->paths[i]);
    }
    free(f->paths);
    *f = (struct cli_run_files){0};
}
