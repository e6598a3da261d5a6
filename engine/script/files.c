/*
 * Two lists, of files and of the rows found in them: scenarios have a handful of each.
 */
#include "files.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
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
    char **notes; /* paths of code */
    size_t notes_len;
    const char *box; /* NULL: none */
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
    for (size_t i = 0; i < files->notes_len; i++) {
        free(files->notes[i]);
    }
    free(files->notes);
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

void pelt_files_box(struct pelt_files *files, const char *box)
{
    files->box = box[0] != '\0' ? box : NULL;
}

void pelt_files_note(struct pelt_files *files, const char *path)
{
    bool known = false;
    pthread_mutex_lock(&files->lock);
    for (size_t i = 0; i < files->notes_len; i++) {
        known = known || strcmp(files->notes[i], path) == 0;
    }
    char **list = known ? NULL : realloc(files->notes, (files->notes_len + 1) * sizeof *list);
    if (list) {
        files->notes = list;
        list[files->notes_len] = strdup(path);
        files->notes_len += list[files->notes_len] != NULL;
    }
    pthread_mutex_unlock(&files->lock);
}

const char *pelt_files_path_at(struct pelt_files *files, size_t i)
{
    const char *path = NULL;
    pthread_mutex_lock(&files->lock);
    if (i < files->notes_len) {
        path = files->notes[i];
    } else if (i - files->notes_len < files->contents_len) {
        path = files->contents[i - files->notes_len]->path;
    }
    pthread_mutex_unlock(&files->lock);
    return path;
}

/* Where the file lies, which may be in `boxed`. */
static enum pelt_status find_path(const struct pelt_files *files, const char **path,
                                  char boxed[PELT_FILES_PATH_SIZE], struct pelt_error *err)
{
    if (files->box == NULL) {
        return PELT_OK;
    }
    if (!pelt_box_path(files->box, *path, boxed)) {
        return pelt_fail(err, PELT_EINVAL, "%s: too long a path", *path);
    }
    *path = boxed;
    return PELT_OK;
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
    char boxed[PELT_FILES_PATH_SIZE];
    enum pelt_status status = find_path(files, &path, boxed, err);
    pthread_mutex_lock(&files->lock);
    if (status == PELT_OK) {
        status = open_content(files, path, PELT_FILES_BODY_MAX, &content, err);
    }
    pthread_mutex_unlock(&files->lock);
    *out = content;
    return status;
}

enum pelt_status pelt_files_rows(struct pelt_files *files, const char *path,
                                 enum pelt_rows_format format, char separator,
                                 struct pelt_rows **out, struct pelt_error *err)
{
    char boxed[PELT_FILES_PATH_SIZE];
    enum pelt_status status = find_path(files, &path, boxed, err);
    pthread_mutex_lock(&files->lock);
    *out = status == PELT_OK ? find_rows(files, path, format, separator) : NULL;
    if (status == PELT_OK && !*out) {
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
    char boxed[PELT_FILES_PATH_SIZE];
    enum pelt_status status = find_path(files, &path, boxed, err);
    pthread_mutex_lock(&files->lock);
    status = status == PELT_OK ? open_trace(files, path, format, out, err) : status;
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
