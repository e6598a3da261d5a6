/*
 * cmd_history: `pelt history [DIR]`: where figures changed over the runs of a folder. A file that
 * cannot be read gets its line on stderr and is left out.
 */
#include <stdlib.h>

#include "command.h"
#include "exit_code.h"
#include "outputs.h"
#include "pelt/compare_report.h"
#include "pelt/log.h"
#include "run_files.h"
#include "run_path.h"
#include "stderr.h"
#include "stdout.h"

struct list {
    struct pelt_digest **runs;
    size_t len;
};

/* Figures are enough of each: what they are made of is not kept. */
static enum pelt_status read_all(struct list *list, const struct cli_run_files *files,
                                 struct pelt_error *err)
{
    list->runs = calloc(files->len + 1, sizeof *list->runs);
    if (list->runs == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < files->len; i++) {
        enum pelt_status status = pelt_digest_read(files->paths[i], 1, &list->runs[list->len], err);
        if (status == PELT_ENOMEM) {
            return status;
        }
        if (status == PELT_OK) {
            pelt_digest_reduce(list->runs[list->len++]);
        } else {
            pelt_log(PELT_LOG_WARNING, "pelt", "%s", err->text);
        }
    }
    return PELT_OK;
}

static int tell(const struct cli_options *o, const struct pelt_history *h, const char *path)
{
    int code = CLI_EXIT_PASSED;
    FILE *out = cli_outputs_take_stdout(&o->out) ? stderr : stdout;
    cli_stderr_flush();
    report_history_text(h, out, out == stdout && cli_stdout_color(o->no_color),
                        cli_stdout_columns());
    if (h->len == 0) {
        pelt_log(PELT_LOG_INFO, "pelt",
                 "no runs in %s that can be looked at: pelt run and pelt bench keep theirs "
                 "in " CLI_RUNS_FOLDER "/ of the folder they are started in",
                 path);
    }
    for (size_t i = 0; i < o->out.len; i++) {
        struct pelt_error err = {{0}};
        if (report_history_write(h, o->out.items[i], &err) != PELT_OK) {
            code = cli_exit_merge(code, cli_fail(PELT_EIO, &err));
        }
    }
    return code;
}

int cmd_history(const struct cli_options *o)
{
    const char *path = o->operand != NULL ? o->operand : CLI_RUNS_FOLDER;
    struct pelt_error err = {{0}};
    struct cli_run_files files = {0};
    struct list list = {0};
    struct pelt_history *history = NULL;
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < o->out.len && status == PELT_OK; i++) {
        status = report_history_check(o->out.items[i], &err);
    }
    if (status == PELT_OK) {
        status = cli_run_files_add(&files, path, &err);
    }
    if (status == PELT_OK) {
        status = read_all(&list, &files, &err);
    }
    if (status == PELT_OK) {
        status = pelt_history_make((const struct pelt_digest *const *)list.runs, list.len,
                                   &o->effect, &history, &err);
    }
    int code = status == PELT_OK ? tell(o, history, path) : cli_fail(status, &err);
    pelt_history_free(history);
    for (size_t i = 0; i < list.len; i++) {
        pelt_digest_free(list.runs[i]);
    }
    free(list.runs);
    cli_run_files_deinit(&files);
    return code;
}
