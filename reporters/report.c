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
#include "formats.h"
#include "html.h"
#include "pelt/page.h"
#include "pelt/units.h"
#include "place.h"

#define SUMMARY_WIDTH 100 /* columns of a summary in a file */

/* Writes one file's content. */
typedef enum pelt_status (*write_fn)(const struct pelt_results *r, FILE *out,
                                     struct pelt_error *err);

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
    {"json", report_json},   {"html", report_html},
    {"csv", NULL},           {"summary", write_summary},
    {"junit", report_junit}, {"markdown", report_markdown},
    {"hlog", report_hlog},   {"openmetrics", report_openmetrics},
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
        if (out->format->write == report_html && !pelt_page_available()) {
            return pelt_fail(err, PELT_EINVAL, "--out %s: " PELT_PAGE_MISSING, spec);
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

enum pelt_status report_check(const char *spec, struct pelt_error *err)
{
    struct spec s;
    enum pelt_status status = parse_spec(spec, &s, err);
    return status ? status : report_place_check(spec, s.path, is_folder(&s), err);
}

struct file { /* of a run */
    write_fn write;
    const struct pelt_results *r;
};

static enum pelt_status write_content(const void *file, FILE *out, struct pelt_error *err)
{
    const struct file *f = file;
    return f->write(f->r, out, err);
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
        status = report_place_write(write_content, &(struct file){report_csv_files[i].write, r},
                                    path, err);
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
    return is_folder(&s)
               ? write_csv(r, s.path, err)
               : report_place_write(write_content, &(struct file){s.format->write, r}, s.path, err);
}
