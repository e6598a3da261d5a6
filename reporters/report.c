/*
 * The formats by name. How their files come to be: place.h.
 */
#include "pelt/report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "csv.h"
#include "html.h"
#include "pelt/page.h"
#include "pelt/units.h"
#include "place.h"

#define SUMMARY_WIDTH 100 /* columns of a summary in a file */

const char *const report_formats[] = {"json", "csv", "summary", "html", NULL};

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

enum pelt_status report_check(const char *spec, struct pelt_error *err)
{
    struct spec s;
    enum pelt_status status = parse_spec(spec, &s, err);
    return status ? status : report_place_check(spec, s.path, s.format == FORMAT_CSV, err);
}

struct csv_file { /* one of the folder, of a run */
    int which;
    const struct pelt_results *r;
};

static enum pelt_status write_csv_file(const void *file, FILE *out, struct pelt_error *err)
{
    const struct csv_file *f = file;
    return report_csv_files[f->which].write(f->r, out, err);
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
        status = report_place_write(write_csv_file, &(struct csv_file){i, r}, path, err);
        free(path);
    }
    return status;
}

static enum pelt_status write_json(const void *results, FILE *out, struct pelt_error *err)
{
    return report_json(results, out);
}

static enum pelt_status write_summary(const void *results, FILE *out, struct pelt_error *err)
{
    report_summary(results, out, false, SUMMARY_WIDTH);
    return PELT_OK;
}

static enum pelt_status write_html(const void *results, FILE *out, struct pelt_error *err)
{
    return report_html(results, out, err);
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
        return report_place_write(write_summary, r, s.path, err);
    case FORMAT_HTML:
        return report_place_write(write_html, r, s.path, err);
    case FORMAT_JSON:
        break;
    }
    return report_place_write(write_json, r, s.path, err);
}
