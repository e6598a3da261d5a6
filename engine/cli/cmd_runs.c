/*
 * cmd_runs: `pelt runs [PATH]`: the runs of a folder, newest first, a line each on stdout. A file
 * that cannot be read gets its line on stderr and does not stop the list.
 */
#include <errno.h>
#include <sys/stat.h>

#include "command.h"
#include "exit_code.h"
#include "pelt/log.h"
#include "pelt/report.h"
#include "run_files.h"
#include "run_path.h"
#include "stdout.h"

struct listed {
    char *path;
    struct pelt_brief brief;
};

struct list {
    struct listed *runs;
    size_t len, cap;
    unsigned long refused; /* files that are no run, or a damaged one */
};

static enum pelt_status out_of_memory(struct pelt_error *err)
{
    return pelt_fail(err, PELT_ENOMEM, "out of memory");
}

/* Reads one file into the list. */
static enum pelt_status add(struct list *list, const char *path, struct pelt_error *err)
{
    if (list->len == list->cap) {
        size_t cap = list->cap > 0 ? 2 * list->cap : 64;
        struct listed *runs = realloc(list->runs, cap * sizeof *runs);
        if (runs == NULL) {
            return out_of_memory(err);
        }
        list->runs = runs;
        list->cap = cap;
    }
    struct listed *run = &list->runs[list->len];
    enum pelt_status status = pelt_brief_read(path, &run->brief, err);
    if (status == PELT_OK) {
        run->path = strdup(path);
        status = run->path != NULL ? PELT_OK : out_of_memory(err);
    }
    list->len += status == PELT_OK;
    return status;
}

static void list_deinit(struct list *list)
{
    for (size_t i = 0; i < list->len; i++) {
        free(list->runs[i].path);
    }
    free(list->runs);
}

static enum pelt_status add_entry(struct list *list, const char *path, struct pelt_error *err)
{
    enum pelt_status status = add(list, path, err);
    if (status == PELT_OK || status == PELT_ENOMEM) {
        return status;
    }
    pelt_log(PELT_LOG_WARNING, "pelt", "%s", err->text);
    list->refused++;
    return PELT_OK;
}

static enum pelt_status add_folder(struct list *list, const char *folder, struct pelt_error *err)
{
    struct cli_run_files files = {0};
    enum pelt_status status = cli_run_files_add(&files, folder, err);
    for (size_t i = 0; i < files.len && status == PELT_OK; i++) {
        status = add_entry(list, files.paths[i], err);
    }
    cli_run_files_deinit(&files);
    return status;
}

static int newest_first(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    if (x->brief.start_wall_ns != y->brief.start_wall_ns) {
        return x->brief.start_wall_ns < y->brief.start_wall_ns ? 1 : -1;
    }
    return strcmp(y->path, x->path);
}

static void print(const struct list *list, const struct cli_options *o)
{
    bool color = cli_stdout_color(o->no_color);
    int width = cli_stdout_columns();
    width = width > 80 ? width < 110 ? width : 110 : 80; /* names have room, lines stay together */
    if (list->len == 0) {
        return;
    }
    qsort(list->runs, list->len, sizeof *list->runs, newest_first);
    report_runs_head(stdout, color, width);
    for (size_t i = 0; i < list->len; i++) {
        report_runs_line(&list->runs[i].brief, list->runs[i].path, stdout, color, width);
    }
}

static void say_what_else(const struct list *list, const char *path, bool is_folder)
{
    if (is_folder && list->len > 0) {
        pelt_log(PELT_LOG_INFO, "pelt", "%zu run%s in %s; all of one: pelt report %s", list->len,
                 list->len == 1 ? "" : "s", path, list->runs[0].path);
    } else if (is_folder && list->refused == 0) {
        pelt_log(PELT_LOG_INFO, "pelt",
                 "no runs in %s: pelt run and pelt bench keep theirs in " CLI_RUNS_FOLDER
                 "/ of the folder they are started in",
                 path);
    }
}

int cmd_runs(const struct cli_options *o)
{
    const char *path = o->operand != NULL ? o->operand : CLI_RUNS_FOLDER;
    struct pelt_error err = {{0}};
    struct list list = {0};
    struct stat st;
    enum pelt_status status = PELT_OK;
    bool there = stat(path, &st) == 0;
    bool is_folder = there ? S_ISDIR(st.st_mode) : o->operand == NULL && errno == ENOENT;
    if (!there && !is_folder) {
        status = pelt_fail(&err, PELT_EINVAL,
                           "%s: %s; name a folder of run files, or nothing for " CLI_RUNS_FOLDER,
                           path, strerror(errno));
    } else if (!is_folder) {
        status = add(&list, path, &err);
    } else if (there) {
        status = add_folder(&list, path, &err);
    }
    int code = status == PELT_OK ? CLI_EXIT_PASSED : cli_fail(status, &err);
    if (status == PELT_OK) {
        print(&list, o);
        say_what_else(&list, path, is_folder);
    }
    list_deinit(&list);
    return code;
}
