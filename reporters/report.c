/*
 * The formats by name, and how their files come to be: written beside their place and renamed, so
 * that nobody reads half a report and an old one survives a failure. What is no regular file
 * (/dev/null, a pipe) is written straight.
 */
#include "pelt/report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "csv.h"
#include "formats.h"
#include "pelt/runfile.h"
#include "pelt/units.h"

#define SUMMARY_WIDTH 100 /* columns of a summary in a file */

/* Writes one file's content. */
typedef enum pelt_status (*write_fn)(const struct pelt_results *r, FILE *out,
                                     struct pelt_error *err);

static enum pelt_status write_json(const struct pelt_results *r, FILE *out, struct pelt_error *err)
{
    return report_json(r, out);
}

static enum pelt_status write_summary(const struct pelt_results *r, FILE *out,
                                      struct pelt_error *err)
{
    report_summary(r, out, false, SUMMARY_WIDTH);
    return PELT_OK;
}

/* What there is; without a function: a folder of tables. */
static const struct format {
    const char *name;
    write_fn write;
} formats[] = {
    {"json", write_json},
    {"csv", NULL},
    {"summary", write_summary},
    {"junit", report_junit},
    {"markdown", report_markdown},
    {"hlog", report_hlog},
    {"openmetrics", report_openmetrics},
};
#define FORMATS (sizeof formats / sizeof *formats)

struct spec { /* "FORMAT=PATH", borrowed */
    const struct format *format;
    const char *path;
};

static bool is_folder(const struct spec *s)
{
    return s->format->write == NULL;
}

/* "json=PATH, csv=FOLDER, ..." */
static void list_formats(char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < FORMATS && len < size; i++) {
        len += (size_t)snprintf(out + len, size - len, "%s%s=%s", i > 0 ? ", " : "",
                                formats[i].name, formats[i].write != NULL ? "PATH" : "FOLDER");
    }
}

static const char *nearest_format(const char *name)
{
    const char *names[FORMATS + 1] = {NULL};
    for (size_t i = 0; i < FORMATS; i++) {
        names[i] = formats[i].name;
    }
    return pelt_nearest(name, names);
}

static enum pelt_status parse_spec(const char *spec, struct spec *out, struct pelt_error *err)
{
    char name[32] = "";
    const char *equals = strchr(spec, '=');
    size_t len = equals ? (size_t)(equals - spec) : strlen(spec);
    if (len < sizeof name) {
        memcpy(name, spec, len);
    }
    for (size_t i = 0; i < FORMATS; i++) {
        out->format = &formats[i];
        if (strcmp(formats[i].name, name) != 0) {
            continue;
        }
        if (equals == NULL || equals[1] == '\0') {
            return pelt_fail(err, PELT_EINVAL, "--out %s: a path is missing; try --out %s=%s", spec,
                             name, is_folder(out) ? "FOLDER" : "PATH, or - for stdout");
        }
        if (is_folder(out) && strcmp(equals + 1, "-") == 0) {
            return pelt_fail(err, PELT_EINVAL, "--out %s: csv makes several files; name a folder",
                             spec);
        }
        out->path = equals + 1;
        return PELT_OK;
    }
    const char *nearest = nearest_format(name);
    char all[400];
    list_formats(all, sizeof all);
    return pelt_fail(err, PELT_EINVAL, "--out %s: no such format; %s%s%sthere are %s", spec,
                     nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? " : "",
                     all);
}

/* ---- before the run ---- */

/* The folder that `path` lies in, into `out`; PELT_ELIMIT: too long. */
static enum pelt_status folder_of(const char *path, char out[4096], struct pelt_error *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') { /* csv=folder/ */
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    if (len >= 4096) {
        return pelt_fail(err, PELT_ELIMIT, "--out: the path is longer than 4095 bytes");
    }
    memcpy(out, len ? path : ".", len ? len : 1);
    out[len ? len : 1] = '\0';
    return PELT_OK;
}

static enum pelt_status check_folder(const char *spec, const char *folder, struct pelt_error *err)
{
    struct stat st;
    if (stat(folder, &st) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: the folder %s: %s; make it first, or choose another", spec,
                         folder, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return pelt_fail(err, PELT_EINVAL, "--out %s: %s is not a folder; choose another path",
                         spec, folder);
    }
    if (access(folder, W_OK | X_OK) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: the folder %s cannot be written: %s; choose another", spec,
                         folder, strerror(errno));
    }
    return PELT_OK;
}

enum pelt_status report_check(const char *spec, struct pelt_error *err)
{
    struct spec s;
    struct stat st;
    char folder[4096];
    enum pelt_status status = parse_spec(spec, &s, err);
    if (status != PELT_OK || strcmp(s.path, "-") == 0) {
        return status;
    }
    bool exists = stat(s.path, &st) == 0;
    if (exists && is_folder(&s)) {
        return check_folder(spec, s.path, err);
    }
    if (exists && S_ISDIR(st.st_mode)) {
        return pelt_fail(err, PELT_EINVAL, "--out %s: %s is a folder; name a file in it", spec,
                         s.path);
    }
    if (exists && access(s.path, W_OK) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: the file cannot be written: %s; choose another path", spec,
                         strerror(errno));
    }
    if (exists && !S_ISREG(st.st_mode)) {
        return PELT_OK;
    }
    if (exists && pelt_runfile_is(s.path)) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: %s is a run file, which would be lost; choose another path",
                         spec, s.path);
    }
    status = folder_of(s.path, folder, err);
    return status ? status : check_folder(spec, folder, err);
}

/* ---- after it ---- */

static enum pelt_status fill(const struct pelt_results *r, write_fn write, FILE *out,
                             const char *path, struct pelt_error *err)
{
    struct pelt_error why = {""};
    errno = 0;
    enum pelt_status status = write(r, out, &why);
    if (fflush(out) != 0 || ferror(out)) {
        return pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path,
                         strerror(errno ? errno : EIO));
    }
    if (status != PELT_OK) {
        return pelt_fail(err, status, "report %s: %s", path,
                         why.text[0] ? why.text : pelt_status_name(status));
    }
    return PELT_OK;
}

static enum pelt_status write_straight(const struct pelt_results *r, write_fn write,
                                       const char *path, struct pelt_error *err)
{
    FILE *out = fopen(path, "we");
    if (out == NULL) {
        return pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path, strerror(errno));
    }
    enum pelt_status status = fill(r, write, out, path, err);
    fclose(out);
    return status;
}

/* A new file beside `path`, its name written into `temporary`; NULL: errno. */
static FILE *open_beside(const char *path, char *temporary, size_t size)
{
    snprintf(temporary, size, "%s.tmp-%ld", path, (long)getpid());
    return fopen(temporary, "wxe");
}

static enum pelt_status write_renamed(const struct pelt_results *r, write_fn write,
                                      const char *path, struct pelt_error *err)
{
    size_t size = strlen(path) + 32;
    char *temporary = malloc(size);
    if (temporary == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = PELT_OK;
    FILE *out = open_beside(path, temporary, size);
    if (out == NULL) {
        status =
            pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path, strerror(errno));
        goto out;
    }
    status = fill(r, write, out, path, err);
    if ((fclose(out) != 0 || (status == PELT_OK && rename(temporary, path) != 0)) &&
        status == PELT_OK) {
        status =
            pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path, strerror(errno));
    }
    if (status != PELT_OK) {
        unlink(temporary);
    }
out:
    free(temporary);
    return status;
}

static enum pelt_status write_file(const struct pelt_results *r, write_fn write, const char *path,
                                   struct pelt_error *err)
{
    struct stat st;
    if (strcmp(path, "-") == 0) {
        return fill(r, write, stdout, "to stdout", err);
    }
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* a link's target keeps its name, too */
        return write_straight(r, write, path, err);
    }
    return write_renamed(r, write, path, err);
}

static enum pelt_status write_csv(const struct pelt_results *r, const char *folder,
                                  struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return pelt_fail(err, PELT_EIO, "report %s: cannot make the folder: %s", folder,
                         strerror(errno));
    }
    for (int i = 0; i < REPORT_CSV_FILES && status == PELT_OK; i++) {
        size_t size = strlen(folder) + strlen(report_csv_files[i].name) + 2;
        char *path = malloc(size);
        if (path == NULL) {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
        snprintf(path, size, "%s/%s", folder, report_csv_files[i].name);
        status = write_file(r, report_csv_files[i].write, path, err);
        free(path);
    }
    return status;
}

enum pelt_status report_write(const struct pelt_results *r, const char *spec,
                              struct pelt_error *err)
{
    struct spec s;
    enum pelt_status status = parse_spec(spec, &s, err);
    if (status != PELT_OK) {
        return status;
    }
    return is_folder(&s) ? write_csv(r, s.path, err) : write_file(r, s.format->write, s.path, err);
}
