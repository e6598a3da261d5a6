/*
 * A list: scenarios have a handful of files.
 */
#include "files.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pelt_files {
    pthread_mutex_t lock;
    struct pelt_rows **list; /* in the order of opening */
    size_t len;
};

struct pelt_files *pelt_files_new(void)
{
    struct pelt_files *files = calloc(1, sizeof *files);
    if (files && pthread_mutex_init(&files->lock, NULL) != 0) {
        free(files);
        return NULL;
    }
    return files;
}

void pelt_files_free(struct pelt_files *files)
{
    if (!files) {
        return;
    }
    for (size_t i = 0; i < files->len; i++) {
        pelt_rows_free(files->list[i]);
    }
    free(files->list);
    pthread_mutex_destroy(&files->lock);
    free(files);
}

static struct pelt_rows *find(const struct pelt_files *files, const char *path,
                              enum pelt_rows_format format, char separator)
{
    for (size_t i = 0; i < files->len; i++) {
        struct pelt_rows *rows = files->list[i];
        if (rows->format == format && rows->separator == separator &&
            strcmp(rows->path, path) == 0) {
            return rows;
        }
    }
    return NULL;
}

static enum pelt_status add(struct pelt_files *files, const char *path,
                            enum pelt_rows_format format, char separator, struct pelt_rows **out,
                            struct pelt_error *err)
{
    struct pelt_rows **list = realloc(files->list, (files->len + 1) * sizeof *list);
    if (!list) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    files->list = list;
    enum pelt_status status = pelt_rows_read(path, format, separator, out, err);
    if (status == PELT_OK) {
        list[files->len++] = *out;
    }
    return status;
}

enum pelt_status pelt_files_open(struct pelt_files *files, const char *path,
                                 enum pelt_rows_format format, char separator,
                                 struct pelt_rows **out, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    pthread_mutex_lock(&files->lock);
    *out = find(files, path, format, separator);
    if (!*out) {
        status = add(files, path, format, separator, out, err);
    }
    pthread_mutex_unlock(&files->lock);
    return status;
}

const struct pelt_rows *pelt_files_at(struct pelt_files *files, size_t i)
{
    pthread_mutex_lock(&files->lock);
    const struct pelt_rows *rows = i < files->len ? files->list[i] : NULL;
    pthread_mutex_unlock(&files->lock);
    return rows;
}
