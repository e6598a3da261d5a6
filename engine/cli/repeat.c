/*
 * repeat: see the header.
 *
 * A bottleneck is an association, which chance can bring; that two of three runs name the same is
 * what makes it worth acting on.
 */
#include "repeat.h"

#include <jansson.h>

#include "exit_code.h"
#include "json_out.h"
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

/* What most runs say; the generator and what nobody knows are no limits of a server. */
static void words_agreed(const char *about, size_t times, size_t len, FILE *out)
{
    if (strcmp(about, "none") == 0) {
        fprintf(out, "no bottleneck, in %zu of %zu runs\n", times, len);
    } else if (strcmp(about, "unknown") == 0) {
        fprintf(out, "bottleneck unknown, in %zu of %zu runs\n", times, len);
    } else if (strcmp(about, "generator") == 0) {
        fprintf(out,
                "no bottleneck of the servers is named: in %zu of %zu runs the load did not come "
                "as planned\n",
                times, len);
    } else {
        fprintf(out, "bottleneck, by association: %s, in %zu of %zu runs\n", about, times, len);
    }
}

/* What the runs' findings say together. */
struct agreed {
    const char *limits[CLI_REPEAT_MOST];
    size_t times, best; /* as pelt_bottlenecks_agree() has them */
    bool agree;
};

static void find_agreed(const struct told *runs, size_t len, struct agreed *a)
{
    for (size_t i = 0; i < len; i++) {
        a->limits[i] = runs[i].limit;
    }
    a->agree = pelt_bottlenecks_agree(a->limits, len, &a->best, &a->times);
}

static void tell_bottleneck(const struct agreed *a, size_t len, FILE *out)
{
    if (a->times == 0) {
        return; /* no agents, or all too short */
    }
    if (a->agree) {
        words_agreed(a->limits[a->best], a->times, len, out);
        return;
    }
    fprintf(out, "bottleneck inconclusive: no limit in two of three of %zu runs:", len);
    for (size_t i = 0; i < len; i++) {
        fprintf(out, "%s %s", i > 0 ? "," : "",
                a->limits[i][0] != '\0' ? a->limits[i] : "not told");
    }
    fputc('\n', out);
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

/* NULL: out of memory. */
static json_t *document_of(const struct told *runs, size_t len, const struct agreed *a)
{
    json_t *list = json_array();
    for (size_t i = 0; i < len; i++) {
        json_array_append_new(list, json_pack("{so so}", "run_file", text_or_null(runs[i].path),
                                              "bottleneck", text_or_null(runs[i].limit)));
    }
    const char *about = a->times == 0 ? "" : a->agree ? a->limits[a->best] : "inconclusive";
    return json_pack("{ss so s{so si si}}", "document", "repeat", "runs", list, "bottleneck",
                     "about", text_or_null(about), "in_runs", a->agree ? (int)a->times : 0,
                     "of_runs", (int)len);
}

/* Of `--out json=a.json` the runs write a-1.json and so on, and all of them together a.json. */
static int write_json(const struct cli_options *o, const struct told *runs, size_t len,
                      const struct agreed *a, int code)
{
    static const char format[] = "json=";
    struct cli_texts own = {calloc(o->out.len + 1, sizeof *own.items), 0};
    for (size_t i = 0; own.items != NULL && i < o->out.len; i++) {
        char path[PATH_BYTES_MAX];
        const char *whole = o->out.items[i] + strlen(format);
        if (strncmp(o->out.items[i], format, strlen(format)) == 0) {
            numbered(whole, 1, path, sizeof path);
            own.items[own.len] = o->out.items[i];
            own.len += strcmp(path, whole) != 0;
        }
    }
    if (own.len > 0) {
        code = cli_json_out_write(&own, document_of(runs, len, a), code);
    }
    free(own.items);
    return code;
}

static int tell(const struct cli_options *o, struct told *runs, size_t len, int code)
{
    struct agreed agreed;
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
    find_agreed(runs, len, &agreed);
    tell_bottleneck(&agreed, len, out);
    return write_json(o, runs, len, &agreed, code);
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
    for (; len < o->repeat; len++) { /* those that came to their end */
        const int one = run_one(o, once, (unsigned)len + 1, &runs[len]);
        code = cli_exit_merge(code, one);
        if (ends_all(one)) {
            break;
        }
    }
    if (len == o->repeat) {
        code = tell(o, runs, len, code);
    } else {
        pelt_log(PELT_LOG_WARNING, "pelt", "repeat: ended with run %zu of %llu", len + 1,
                 (unsigned long long)o->repeat);
    }
    free(runs);
    return cli_stdout_finish(code);
}
