/*
 * outputs: see the header.
 */
#include "outputs.h"

#include <limits.h>
#include <sys/stat.h>

#include "exit_code.h"
#include "pelt/log.h"
#include "pelt/report.h"
#include "stdout.h"

/* PATH of "FORMAT=PATH"; empty where there is none. */
static const char *path_of(const char *spec)
{
    const char *equals = strchr(spec, '=');
    return equals != NULL ? equals + 1 : "";
}

static bool is_stdout(const char *spec)
{
    return strcmp(path_of(spec), "-") == 0;
}

bool cli_outputs_take_stdout(const struct cli_texts *out)
{
    for (size_t i = 0; i < out->len; i++) {
        if (is_stdout(out->items[i])) {
            return true;
        }
    }
    return false;
}

/* The last part of a path, and the folder that it lies in. */
static const char *last_part(const char *path, struct stat *folder)
{
    const char *slash = strrchr(path, '/');
    char before[PATH_MAX] = ".";
    if (slash != NULL) {
        snprintf(before, sizeof before, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    }
    if (stat(before, folder) != 0) {
        *folder = (struct stat){0};
    }
    return slash != NULL ? slash + 1 : path;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether writing both would leave one: a file that is there, or a name that a file would get. */
static bool is_same_place(const char *a, const char *b)
{
    struct stat of_a, of_b;
    bool there = stat(a, &of_a) == 0, other_there = stat(b, &of_b) == 0;
    if (there && other_there) {
        return is_same_file(&of_a, &of_b) && (S_ISREG(of_a.st_mode) || S_ISDIR(of_a.st_mode));
    }
    if (there != other_there) {
        return false;
    }
    const char *name = last_part(a, &of_a), *other = last_part(b, &of_b);
    return strcmp(name, other) == 0 && is_same_file(&of_a, &of_b);
}

static enum pelt_status check_place(const struct cli_texts *out, size_t i, const char *run_file,
                                    struct pelt_error *err)
{
    const char *spec = out->items[i];
    for (size_t k = 0; k < i; k++) {
        if (is_stdout(spec) && is_stdout(out->items[k])) {
            return pelt_fail(err, PELT_EINVAL,
                             "--out %s and --out %s: both go to stdout; give one of them a file",
                             out->items[k], spec);
        }
        if (is_same_place(path_of(spec), path_of(out->items[k]))) {
            return pelt_fail(err, PELT_EINVAL,
                             "--out %s and --out %s: one would overwrite the other; choose "
                             "another path",
                             out->items[k], spec);
        }
    }
    if (run_file != NULL && is_same_place(path_of(spec), run_file)) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: would overwrite the run file %s; choose another path", spec,
                         run_file);
    }
    return PELT_OK;
}

enum pelt_status cli_outputs_check(const struct cli_texts *out, const char *run_file,
                                   struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < out->len && status == PELT_OK; i++) {
        status = report_check(out->items[i], err);
        if (status == PELT_OK) {
            status = check_place(out, i, run_file, err);
        }
    }
    return status;
}

/* PELT_EIO ...: said already. */
static enum pelt_status write_one(const char *spec, const struct pelt_results *results,
                                  struct pelt_error *err)
{
    enum pelt_status status = report_write(results, spec, err);
    if (status != PELT_OK && is_stdout(spec)) {
        bool gone = cli_stdout_gone();
        cli_stdout_drop();
        status = gone ? PELT_OK : status;
    } else if (status == PELT_OK && !is_stdout(spec)) {
        pelt_log(PELT_LOG_INFO, "pelt", "wrote %s", path_of(spec));
    }
    if (status != PELT_OK) {
        cli_fail(status, err);
    }
    return status;
}

int cli_outputs_write(const struct cli_texts *out, const struct pelt_results *results)
{
    int code = CLI_EXIT_PASSED;
    for (size_t i = 0; i < out->len; i++) {
        struct pelt_error err = {{0}};
        if (write_one(out->items[i], results, &err) != PELT_OK) {
            code = CLI_EXIT_FAILED;
        }
    }
    return code;
}

/* ---- of a run that ends now ---- */

#define REASONS_MAX 64

/* A run's results, told with another exit code. */
struct telling {
    struct pelt_results results;         /* borrows all but `exit_reasons` */
    char *exit_reasons[REASONS_MAX + 1]; /* borrowed: the run's and `why` */
    struct pelt_error why;               /* of the first failure */
};

static void add_failure(struct telling *t, const struct pelt_error *err)
{
    size_t len = 0;
    t->results.exit_code = cli_exit_merge(t->results.exit_code, CLI_EXIT_FAILED);
    if (t->why.text[0] != '\0') {
        return;
    }
    t->why = *err;
    for (char **r = t->results.exit_reasons; r != NULL && *r != NULL && len + 1 < REASONS_MAX;
         r++) {
        t->exit_reasons[len++] = *r;
    }
    t->exit_reasons[len] = t->why.text;
    t->results.exit_reasons = t->exit_reasons;
}

/* In this order: what does not tell the exit code, what can be written again, what cannot. */
enum turn { TURN_SILENT, TURN_FILE, TURN_STDOUT };

static enum turn turn_of(const char *spec)
{
    const bool silent = strncmp(spec, "csv=", 4) == 0 || strncmp(spec, "hlog=", 5) == 0;
    return silent && !is_stdout(spec) ? TURN_SILENT : is_stdout(spec) ? TURN_STDOUT : TURN_FILE;
}

static void write_turn(const struct cli_texts *out, enum turn turn, struct telling *t)
{
    for (size_t i = 0; i < out->len; i++) {
        struct pelt_error err = {{0}};
        if (turn_of(out->items[i]) == turn &&
            write_one(out->items[i], &t->results, &err) != PELT_OK) {
            add_failure(t, &err);
        }
    }
}

/* A file that was written before one failed has told an older code. */
static void correct_files(const struct cli_texts *out, const struct telling *t)
{
    for (size_t i = 0; i < out->len; i++) {
        struct pelt_error err;
        if (turn_of(out->items[i]) == TURN_FILE &&
            report_write(&t->results, out->items[i], &err) != PELT_OK) {
            continue; /* said the first time */
        }
    }
}

int cli_outputs_write_of_run(const struct cli_texts *out, const struct pelt_results *results,
                             cli_show_fn show, const void *arg)
{
    struct telling t = {.results = *results};
    write_turn(out, TURN_SILENT, &t);
    int told = t.results.exit_code;
    write_turn(out, TURN_FILE, &t);
    write_turn(out, TURN_STDOUT, &t);
    t.results.exit_code = show(arg, &t.results);
    if (t.results.exit_code != told) {
        correct_files(out, &t);
    }
    return t.results.exit_code;
}
