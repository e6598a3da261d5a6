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
#include "html.h"
#include "pelt/page.h"
#include "pelt/runfile.h"
#include "pelt/units.h"

#define SUMMARY_WIDTH 100 /* columns of a summary in a file */

const char *const report_formats[] = {"json", "csv", "summary", "html", NULL};

/* Writes one file's content. */
typedef enum pelt_status (*write_fn)(const struct pelt_results *r, FILE *out,
                                     struct pelt_error *err);

struct spec { /* "FORMAT=PATH", borrowed */
    enum { FORMAT_JSON, FORMAT_CSV, FORMAT_SUMMARY, FORMAT_HTML } format;
    const char *path;
};

static enum pelt_status parse_spec(const char *spec, struct spec *out, struct pelt_error *err)
{
    char name[32] = "";
    const char *equals = strchr(spec, '=');
    size_t len = equals ? (size_t)(equals - spec) : strlen(spec);
    if (len < sizeof name) {
        memcpy(name, spec, len);
    }
    for (int i = 0; report_formats[i] != NULL; i++) {
        if (strcmp(report_formats[i], name) != 0) {
            continue;
        }
        if (equals == NULL || equals[1] == '\0') {
            return pelt_fail(err, PELT_EINVAL, "--out %s: a path is missing; try --out %s=%s", spec,
                             name, i == FORMAT_CSV ? "FOLDER" : "PATH, or - for stdout");
        }
        if (i == FORMAT_CSV && strcmp(equals + 1, "-") == 0) {
            return pelt_fail(err, PELT_EINVAL, "--out %s: csv makes several files; name a folder",
                             spec);
        }
        if (i == FORMAT_HTML && !pelt_page_available()) {
            return pelt_fail(err, PELT_EINVAL, "--out %s: " PELT_PAGE_MISSING, spec);
        }
        out->format = i;
        out->path = equals + 1;
        return PELT_OK;
    }
    const char *nearest = pelt_nearest(name, report_formats);
    return pelt_fail(
        err, PELT_EINVAL,
        "--out %s: no such format; %s%s%sthere are json=PATH, html=PATH, csv=FOLDER, summary=PATH",
        spec, nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? " : "");
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
    if (exists && s.format == FORMAT_CSV) {
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

enum pelt_status report_write(const struct pelt_results *r, const char *spec,
                              struct pelt_error *err)
{
    struct spec s;
    enum pelt_status status = parse_spec(spec, &s, err);
    if (status != PELT_OK) {
        return status;
    }
    switch (s.format) {
    case FORMAT_CSV:
        return write_csv(r, s.path, err);
    case FORMAT_SUMMARY:
        return write_file(r, write_summary, s.path, err);
    case FORMAT_HTML:
        return write_file(r, report_html, s.path, err);
    case FORMAT_JSON:
        break;
    }
    return write_file(r, write_json, s.path, err);
}
