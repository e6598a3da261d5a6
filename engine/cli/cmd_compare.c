/*
 * cmd_compare: `pelt compare BASE NEW`: what got better or worse. The text goes to stdout, or to
 * stderr where --out takes stdout. Exit 5: a figure is worse; 4: a run is INVALID.
 */
#include <stdlib.h>

#include "command.h"
#include "exit_code.h"
#include "outputs.h"
#include "pelt/compare_report.h"
#include "pelt/log.h"
#include "run_files.h"
#include "stderr.h"
#include "stdout.h"

#define EXIT_INVALID 4

struct side {
    struct cli_run_files files;
    struct pelt_digest **runs;
    size_t len;
};

static void side_deinit(struct side *s)
{
    for (size_t i = 0; i < s->len; i++) {
        pelt_digest_free(s->runs[i]);
    }
    free(s->runs);
    cli_run_files_deinit(&s->files);
}

static enum pelt_status find_files(struct side *s, const struct cli_texts *paths,
                                   struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < paths->len && status == PELT_OK; i++) {
        const size_t before = s->files.len;
        status = cli_run_files_add(&s->files, paths->items[i], err);
        if (status == PELT_OK && s->files.len == before) {
            status = pelt_fail(err, PELT_EINVAL, "%s: no run files (*.pelt) are in that folder",
                               paths->items[i]);
        }
    }
    return status;
}

static enum pelt_status read_side(struct side *s, size_t pieces, struct pelt_error *err)
{
    s->runs = calloc(s->files.len + 1, sizeof *s->runs);
    if (s->runs == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = PELT_OK;
    for (; s->len < s->files.len && status == PELT_OK; s->len += status == PELT_OK) {
        status = pelt_digest_read(s->files.paths[s->len], pieces, &s->runs[s->len], err);
    }
    return status;
}

/* Says which; the number of them. */
static unsigned say_invalid(const struct side *s)
{
    unsigned invalid = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (s->runs[i]->verdict == PELT_INVALID) {
            pelt_log(PELT_LOG_ERROR, "pelt",
                     "%s is INVALID: %s; its figures prove nothing (--allow-invalid compares them "
                     "all the same)",
                     s->runs[i]->path, s->runs[i]->reason != NULL ? s->runs[i]->reason : "");
            invalid++;
        }
    }
    return invalid;
}

static int tell(const struct cli_options *o, const struct pelt_comparison *c)
{
    int code = report_compare_exit_code(c);
    FILE *out = cli_outputs_take_stdout(&o->out) ? stderr : stdout;
    cli_stderr_flush();
    report_compare_text(c, out, out == stdout && cli_stdout_color(o->no_color),
                        cli_stdout_columns());
    for (size_t i = 0; i < o->out.len; i++) {
        struct pelt_error err = {{0}};
        if (report_compare_write(c, o->out.items[i], &err) != PELT_OK) {
            code = cli_exit_merge(code, cli_fail(PELT_EIO, &err));
        }
    }
    return code;
}

static int compare(const struct cli_options *o, const struct side *base, const struct side *now)
{
    const struct pelt_compare_options options = {.effect = o->effect, .force = o->force};
    struct pelt_comparison *c = NULL;
    struct pelt_error err = {{0}};
    if (!o->allow_invalid && say_invalid(base) + say_invalid(now) > 0) {
        return EXIT_INVALID;
    }
    enum pelt_status status =
        pelt_compare((const struct pelt_digest *const *)base->runs, base->len,
                     (const struct pelt_digest *const *)now->runs, now->len, &options, &c, &err);
    int code = status == PELT_OK ? tell(o, c) : cli_fail(status, &err);
    pelt_comparison_free(c);
    return code;
}

int cmd_compare(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct side base = {.len = 0}, now = {.len = 0};
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < o->out.len && status == PELT_OK; i++) {
        status = report_compare_check(o->out.items[i], &err);
    }
    if (status == PELT_OK) {
        status = find_files(&base, &o->base, &err);
    }
    if (status == PELT_OK) {
        status = find_files(&now, &o->now, &err);
    }
    const size_t pieces = pelt_compare_pieces(base.files.len, now.files.len);
    if (status == PELT_OK) {
        status = read_side(&base, pieces, &err);
    }
    if (status == PELT_OK) {
        status = read_side(&now, pieces, &err);
    }
    int code = status == PELT_OK ? compare(o, &base, &now) : cli_fail(status, &err);
    side_deinit(&base);
    side_deinit(&now);
    return code;
}
