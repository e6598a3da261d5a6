/*
 * Two lists, of files and of the rows found in them: scenarios have a handful of each.
 */
#include "files.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/log.h"

struct pelt_files {
    pthread_mutex_t lock;
    struct pelt_content **contents;
    size_t contents_len;
    struct pelt_rows **rows; /* in the order of opening */
    size_t rows_len;
    struct opened_trace {
        struct pelt_trace *trace;
        enum pelt_trace_format asked; /* unsaid where the file told */
    } * traces;
    size_t traces_len;
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
    for (size_t i = 0; i < files->rows_len; i++) {
        pelt_rows_free(files->rows[i]);
    }
    for (size_t i = 0; i < files->traces_len; i++) {
        pelt_trace_free(files->traces[i].trace);
    }
    free(files->traces);
    for (size_t i = 0; i < files->contents_len; i++) {
        pelt_content_free(files->contents[i]);
    }
    free(files->rows);
    free(files->contents);
    pthread_mutex_destroy(&files->lock);
    free(files);
}

bool pelt_files_path(const char *scenario, struct pelt_span given, char path[PELT_FILES_PATH_SIZE])
{
    const char *slash = strrchr(scenario, '/');
    if (given.len == 0 || given.len >= PELT_FILES_PATH_SIZE || memchr(given.ptr, '\0', given.len)) {
        return false;
    }
    int folder = slash && given.ptr[0] != '/' ? (int)(slash - scenario + 1) : 0;
    int len = snprintf(path, PELT_FILES_PATH_SIZE, "%.*s%.*s", folder, scenario, (int)given.len,
                       given.ptr);
    return len < PELT_FILES_PATH_SIZE;
}

/* The file of that path, read if it is new. Under the lock. */
static enum pelt_status open_content(struct pelt_files *files, const char *path, size_t bytes_max,
                                     struct pelt_content **out, struct pelt_error *err)
{
    for (size_t i = 0; i < files->contents_len; i++) {
        if (strcmp(files->contents[i]->path, path) == 0) {
            *out = files->contents[i];
            return pelt_content_check(*out, bytes_max, err);
        }
    }
    struct pelt_content **list = realloc(files->contents, (files->contents_len + 1) * sizeof *list);
    if (!list) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    files->contents = list;
    enum pelt_status status = pelt_content_read(path, bytes_max, out, err);
    files->contents_len += status == PELT_OK;
    if (status == PELT_OK) {
        list[files->contents_len - 1] = *out;
    }
    return status;
}

static struct pelt_rows *find_rows(const struct pelt_files *files, const char *path,
                                   enum pelt_rows_format format, char separator)
{
    for (size_t i = 0; i < files->rows_len; i++) {
        struct pelt_rows *rows = files->rows[i];
        if (rows->format == format && rows->separator == separator &&
            strcmp(rows->content->path, path) == 0) {
            return rows;
        }
    }
    return NULL;
}

static enum pelt_status add_rows(struct pelt_files *files, const char *path,
                                 enum pelt_rows_format format, char separator,
                                 struct pelt_rows **out, struct pelt_error *err)
{
    struct pelt_content *content = NULL;
    struct pelt_rows **list = realloc(files->rows, (files->rows_len + 1) * sizeof *list);
    if (!list) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    files->rows = list;
    enum pelt_status status = open_content(files, path, PELT_FILES_ROWS_MAX, &content, err);
    if (status == PELT_OK) {
        status = pelt_rows_new(content, format, separator, out, err);
    }
    if (status == PELT_OK) {
        list[files->rows_len++] = *out;
    }
    return status;
}

enum pelt_status pelt_files_body(struct pelt_files *files, const char *path,
                                 const struct pelt_content **out, struct pelt_error *err)
{
    struct pelt_content *content = NULL;
    pthread_mutex_lock(&files->lock);
    enum pelt_status status = open_content(files, path, PELT_FILES_BODY_MAX, &content, err);
    pthread_mutex_unlock(&files->lock);
    *out = content;
    return status;
}

enum pelt_status pelt_files_rows(struct pelt_files *files, const char *path,
                                 enum pelt_rows_format format, char separator,
                                 struct pelt_rows **out, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    pthread_mutex_lock(&files->lock);
    *out = find_rows(files, path, format, separator);
    if (!*out) {
        status = add_rows(files, path, format, separator, out, err);
    }
    pthread_mutex_unlock(&files->lock);
    return status;
}

static void tell_bad_lines(const struct pelt_trace *trace)
{
    if (trace->bad > 0) {
        pelt_log(PELT_LOG_WARNING, "replay",
                 "%s: %zu of %zu lines are no request and are left out; the first is line %zu: %s",
                 trace->content->path, trace->bad, trace->bad + trace->count, trace->bad_line,
                 trace->reason);
    }
}

/* Under the lock. */
static enum pelt_status open_trace(struct pelt_files *files, const char *path,
                                   enum pelt_trace_format format, const struct pelt_trace **out,
                                   struct pelt_error *err)
{
    for (size_t i = 0; i < files->traces_len; i++) {
        if (files->traces[i].asked == format &&
            strcmp(files->traces[i].trace->content->path, path) == 0) {
            *out = files->traces[i].trace;
            return PELT_OK;
        }
    }
    struct pelt_content *content = NULL;
    struct pelt_trace *trace = NULL;
    struct opened_trace *list = realloc(files->traces, (files->traces_len + 1) * sizeof *list);
    if (!list) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    files->traces = list;
    enum pelt_status status = open_content(files, path, PELT_FILES_ROWS_MAX, &content, err);
    if (status == PELT_OK) {
        status = pelt_trace_new(content, format, &trace, err);
    }
    if (status == PELT_OK) {
        list[files->traces_len++] = (struct opened_trace){trace, format};
        tell_bad_lines(trace);
        *out = trace;
    }
    return status;
}

enum pelt_status pelt_files_trace(struct pelt_files *files, const char *path,
                                  enum pelt_trace_format format, const struct pelt_trace **out,
                                  struct pelt_error *err)
{
    pthread_mutex_lock(&files->lock);
    enum pelt_status status = open_trace(files, path, format, out, err);
    pthread_mutex_unlock(&files->lock);
    return status;
}

const struct pelt_trace *pelt_files_trace_at(struct pelt_files *files, size_t i, size_t *bytes)
{
    pthread_mutex_lock(&files->lock);
    const struct pelt_trace *trace = i < files->traces_len ? files->traces[i].trace : NULL;
    if (trace) {
        *bytes = pelt_trace_bytes(trace) + trace->content->len;
    }
    pthread_mutex_unlock(&files->lock);
    return trace;
}

const struct pelt_rows *pelt_files_at(struct pelt_files *files, size_t i, size_t *bytes)
{
    pthread_mutex_lock(&files->lock);
    const struct pelt_rows *rows = i < files->rows_len ? files->rows[i] : NULL;
    if (rows) {
        size_t first = 0;
        while (files->rows[first]->content != rows->content) {
            first++;
        }
        *bytes = pelt_rows_bytes(rows) + (first == i ? rows->content->len : 0);
    }
    pthread_mutex_unlock(&files->lock);
    return rows;
}
