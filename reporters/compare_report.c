/*
 * compare_report: the formats of comparisons and histories by name.
 */
#include <string.h>

#include "compare_formats.h"
#include "pelt/units.h"
#include "place.h"

#define TEXT_WIDTH  100 /* columns of a text in a file */
#define EXIT_WORSE  5
#define COMPARE_HAS "there are markdown=PATH, json=PATH, summary=PATH"
#define HISTORY_HAS "there are json=PATH, summary=PATH"

static const char *const compare_formats[] = {"summary", "json", "markdown", NULL};
static const char *const history_formats[] = {"summary", "json", NULL};

int report_compare_exit_code(const struct pelt_comparison *c)
{
    return c->counts[PELT_COMPARED_WORSE] > 0 ? EXIT_WORSE : 0;
}

/* The format's index; -1: none, and err says so. */
static int format_of(const char *spec, const char *const *formats, const char *has,
                     const char **path, struct pelt_error *err)
{
    char name[32] = "";
    const char *equals = strchr(spec, '=');
    size_t len = equals != NULL ? (size_t)(equals - spec) : strlen(spec);
    memcpy(name, spec, len < sizeof name ? len : 0);
    for (int i = 0; formats[i] != NULL; i++) {
        if (strcmp(formats[i], name) != 0) {
            continue;
        }
        if (equals == NULL || equals[1] == '\0') {
            pelt_fail(err, PELT_EINVAL,
                      "--out %s: a path is missing; try --out %s=PATH, or - for stdout", spec,
                      name);
            return -1;
        }
        *path = equals + 1;
        return i;
    }
    const char *nearest = pelt_nearest(name, formats);
    pelt_fail(err, PELT_EINVAL, "--out %s: no such format; %s%s%s%s", spec,
              nearest != NULL ? "did you mean " : "", nearest != NULL ? nearest : "",
              nearest != NULL ? "? " : "", has);
    return -1;
}

enum pelt_status report_compare_check(const char *spec, struct pelt_error *err)
{
    const char *path;
    int format = format_of(spec, compare_formats, COMPARE_HAS, &path, err);
    return format < 0 ? PELT_EINVAL : report_place_check(spec, path, false, err);
}

enum pelt_status report_history_check(const char *spec, struct pelt_error *err)
{
    const char *path;
    int format = format_of(spec, history_formats, HISTORY_HAS, &path, err);
    return format < 0 ? PELT_EINVAL : report_place_check(spec, path, false, err);
}

static enum pelt_status compare_text(const void *c, FILE *out, struct pelt_error *err)
{
    report_compare_text(c, out, false, TEXT_WIDTH);
    return PELT_OK;
}

static enum pelt_status compare_json(const void *c, FILE *out, struct pelt_error *err)
{
    return report_compare_json(c, out);
}

static enum pelt_status compare_markdown(const void *c, FILE *out, struct pelt_error *err)
{
    report_compare_markdown(c, out);
    return PELT_OK;
}

static enum pelt_status history_text(const void *h, FILE *out, struct pelt_error *err)
{
    report_history_text(h, out, false, TEXT_WIDTH);
    return PELT_OK;
}

static enum pelt_status history_json(const void *h, FILE *out, struct pelt_error *err)
{
    return report_history_json(h, out);
}

enum pelt_status report_compare_write(const struct pelt_comparison *c, const char *spec,
                                      struct pelt_error *err)
{
    static const report_write_fn write[] = {compare_text, compare_json, compare_markdown};
    const char *path;
    int format = format_of(spec, compare_formats, COMPARE_HAS, &path, err);
    return format < 0 ? PELT_EINVAL : report_place_write(write[format], c, path, err);
}

enum pelt_status report_history_write(const struct pelt_history *h, const char *spec,
                                      struct pelt_error *err)
{
    static const report_write_fn write[] = {history_text, history_json};
    const char *path;
    int format = format_of(spec, history_formats, HISTORY_HAS, &path, err);
    return format < 0 ? PELT_EINVAL : report_place_write(write[format], h, path, err);
}
