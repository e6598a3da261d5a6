/*
 * repeat: see the header.
 *
 * A bottleneck is an association, which chance can bring; that two of three runs name the same is
 * what makes it worth acting on.
 */
#include "repeat.h"

#include "exit_code.h"
#include "outputs.h"
#include "pelt/findings.h"
#include "pelt/log.h"
#include "pelt/report.h"
#include "pelt/runfile.h"
#include "stdout.h"

#define PATH_BYTES_MAX 4096

struct told {
    char path[PATH_BYTES_MAX]; /* of the run file; "": there is none */
    char limit[128];           /* of the bottleneck; "": the run says nothing of one */
};

/* "a.json", 2: "a-2.json"; what is no file of its own stays. */
static void numbered(const char *path, unsigned number, char *out, size_t size)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') { /* csv=folder/ */
        len--;
    }
    size_t name = len;
    while (name > 0 && path[name - 1] != '/') {
        name--;
    }
    size_t stem = len;
    for (size_t i = name + 1; i < len; i++) {
        stem = path[i] == '.' ? i : stem;
    }
    if (strcmp(path, "-") == 0 || strncmp(path, "/dev/", 5) == 0) {
        snprintf(out, size, "%s", path);
    } else {
        snprintf(out, size, "%.*s-%u%.*s", (int)stem, path, number, (int)(len - stem),
                 path + stem);
    }
}

/* The outputs of one run; false: out of memory. To be freed by free_outs(). */
static bool make_outs(const struct cli_texts *all, unsigned number, struct cli_texts *out)
{
    *out = (struct cli_texts){calloc(all->len + 1, sizeof *out->items), 0};
    for (size_t i = 0; out->items != NULL && i < all->len; i++) {
        char path[PATH_BYTES_MAX], spec[PATH_BYTES_MAX + 32];
        const char *equals = strchr(all->items[i], '=');
        const int format = equals != NULL ? (int)(equals + 1 - all->items[i]) : 0;
        numbered(all->items[i] + format, number, path, sizeof path);
        snprintf(spec, sizeof spec, "%.*s%s", format, all->items[i], path);
        if ((out->items[i] = strdup(spec)) == NULL) {
            return false;
        }
        out->len++;
    }
    return out->items != NULL;
}

static void free_outs(struct cli_texts *out)
{
    for (size_t i = 0; i < out->len; i++) {
        free((char *)out->items[i]);
    }
    free(out->items);
}

static int run_one(const struct cli_options *o, cli_once_fn once, unsigned number,
                   struct told *told)
{
    char path[PATH_BYTES_MAX];
    struct cli_options one = *o; /* borrows all of `o`; never deinited */
    one.seed = o->seed + number - 1;
    one.ran = told->path;
    one.ran_size = sizeof told->path;
    if (o->run_file != NULL) {
        numbered(o->run_file, number, path, sizeof path);
        one.run_file = path;
    }
    int code = CLI_EXIT_FAILED;
    if (make_outs(&o->out, number, &one.out)) {
        pelt_log(PELT_LOG_INFO, "pelt", "repeat: run %u of %llu, seed %llu", number,
                 (unsigned long long)o->repeat, (unsigned long long)one.seed);
        code = once(&one);
    } else {
        pelt_log(PELT_LOG_ERROR, "pelt", "out of memory");
    }
    free_outs(&one.out);
    return code;
}

static void read_limit(struct told *told)
{
    struct pelt_results *r = NULL;
    struct pelt_findings *f = NULL;
    if (pelt_results_load(told->path, &r, NULL) == PELT_OK &&
        pelt_findings_make(r, &f, NULL) == PELT_OK) {
        for (size_t i = 0; i < f->len; i++) {
            if (strcmp(f->list[i].kind, "bottleneck") == 0) {
                snprintf(told->limit, sizeof told->limit, "%s", f->list[i].about);
            }
        }
    }
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void tell_bottleneck(const struct told *runs, size_t len, FILE *out)
{
    const char *limits[CLI_REPEAT_MOST];
    size_t times, best;
    for (size_t i = 0; i < len; i++) {
        limits[i] = runs[i].limit;
    }
    const bool agree = pelt_bottlenecks_agree(limits, len, &best, &times);
    if (times == 0) {
        return; /* no agents, or all too short */
    }
    if (agree) {
        fprintf(out, "bottleneck, by association: %s, in %zu of %zu runs\n", limits[best], times,
                len);
        return;
    }
    fprintf(out, "bottleneck inconclusive: no limit in two of three of %zu runs:", len);
    for (size_t i = 0; i < len; i++) {
        fprintf(out, "%s %s", i > 0 ? "," : "", limits[i][0] != '\0' ? limits[i] : "not told");
    }
    fputc('\n', out);
}

static void tell(const struct cli_options *o, struct told *runs, size_t len)
{
    const bool aside = cli_outputs_take_stdout(&o->out);
    const bool color = !aside && cli_stdout_color(o->no_color);
    const int columns = cli_stdout_columns(), width = columns > 80 ? columns : 80;
    FILE *out = aside ? stderr : stdout;
    fprintf(out, "\nrepeat: %zu runs\n", len);
    report_runs_head(out, color, width);
    for (size_t i = 0; i < len; i++) {
        struct pelt_brief brief;
        if (pelt_brief_read(runs[i].path, &brief, NULL) == PELT_OK) {
            report_runs_line(&brief, runs[i].path, out, color, width);
        }
        read_limit(&runs[i]);
    }
    tell_bottleneck(runs, len, out);
}

/* 1, 2, 6 and signals: there will be no other one, either. */
static bool ends_all(int code)
{
    return code >= CLI_EXIT_BY_SIGNAL || code == CLI_EXIT_FAILED || code == CLI_EXIT_USAGE ||
           code == CLI_EXIT_LOST;
}

int cli_repeat(const struct cli_options *o, cli_once_fn once)
{
    struct pelt_error err = {{0}};
    if (o->repeat < 2) {
        return once(o);
    }
    if (o->no_run_file) {
        const enum pelt_status status = pelt_fail(
            &err, PELT_EINVAL, "--repeat reads the run files of its runs: leave out --no-run-file");
        return cli_fail(status, &err);
    }
    struct told *runs = calloc(o->repeat, sizeof *runs);
    if (runs == NULL) {
        return cli_fail(pelt_fail(&err, PELT_ENOMEM, "out of memory"), &err);
    }
    int code = CLI_EXIT_PASSED;
    size_t len = 0;
    for (; len < o->repeat && !ends_all(code); len++) {
        code = cli_exit_merge(code, run_one(o, once, (unsigned)len + 1, &runs[len]));
    }
    if (len == o->repeat) {
        tell(o, runs, len);
    } else {
        pelt_log(PELT_LOG_WARNING, "pelt", "repeat: ended with run %zu of %llu", len,
                 (unsigned long long)o->repeat);
    }
    free(runs);
    return cli_stdout_finish(code);
}
