/*
 * judge: see the header. Exit codes and their precedence are CONTRACT's: 130/143, 1, 2, 6, 4, 3.
 */
#include "judge.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include "capacity.h"
#include "verdict.h"

static void add_reason(char **reasons, const char *fmt, ...) PELT_PRINTF(2, 3);
static void add_reason(char **reasons, const char *fmt, ...)
{
    size_t n = 0;
    while (reasons[n] != NULL) {
        n++;
    }
    if (n == PELT_REASONS_MAX) {
        return;
    }
    char text[768];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    reasons[n] = strdup(text);
}

/* ---- thresholds and exit code ---- */

/* Notes a reason for `code`; the first one noted, the one of highest precedence, is the exit code.
 */
static void exit_with(struct pelt_judgement *j, int code)
{
    if (j->exit_code == 0) {
        j->exit_code = code;
    }
}

static void exit_by_thresholds(const struct pelt_results *r, struct pelt_judgement *j)
{
    for (size_t i = 0; i < j->lines_len; i++) {
        const struct pelt_verdict_line *line = &j->lines[i];
        if (line->level == PELT_LEVEL_MISSED || line->level == PELT_LEVEL_UNJUDGED) {
            char text[PELT_THRESHOLD_REASON];
            pelt_threshold_reason(&r->thresholds[i].threshold, line, text);
            exit_with(j, 3);
            add_reason(j->exit_reasons, "%s", text);
        }
    }
}

static void judge_exit(const struct pelt_results *r, const struct pelt_judge_options *opt,
                       struct pelt_judgement *j)
{
    if (opt->signal != 0) {
        exit_with(j, opt->signal == SIGTERM ? 143 : 130);
        add_reason(j->exit_reasons, "stopped by %s", opt->signal == SIGTERM ? "SIGTERM" : "SIGINT");
    }
    if (opt->own_failure != NULL) {
        exit_with(j, 1);
        add_reason(j->exit_reasons, "%s", opt->own_failure);
    }
    if (opt->script_error != NULL && !opt->allow_script_errors) {
        exit_with(j, 2);
        add_reason(j->exit_reasons, "script error: %s", opt->script_error);
    }
    if (opt->agent_lost != NULL) {
        exit_with(j, 6);
        add_reason(j->exit_reasons, "%s", opt->agent_lost);
    }
    if (opt->worker_lost != NULL) {
        exit_with(j, 6);
        add_reason(j->exit_reasons, "%s", opt->worker_lost);
    }
    if ((j->verdict == PELT_INVALID && !opt->allow_invalid) ||
        (j->verdict == PELT_SUSPECT && opt->strict)) {
        exit_with(j, 4);
        add_reason(j->exit_reasons, "the run is %s%s%s", pelt_verdict_name(j->verdict),
                   j->verdict_reasons[0] != NULL ? ": " : "",
                   j->verdict_reasons[0] != NULL ? j->verdict_reasons[0] : "");
    }
    exit_by_thresholds(r, j);
}

static void judge_thresholds(const struct pelt_results *r, const struct pelt_judge_options *opt,
                             struct pelt_judgement *j)
{
    const struct pelt_load_sum sum = pelt_results_sum(r);
    pelt_rulebook_finish(opt->rules, &sum, j->lines);
    for (size_t i = 0; i < j->lines_len && opt->lines != NULL; i++) {
        if (!j->lines[i].aborted && !r->thresholds[i].threshold.trend) {
            j->lines[i] = opt->lines[i];
        }
    }
    for (size_t i = 0; i < j->lines_len && opt->capacity != NULL; i++) {
        if (pelt_threshold_is_of_capacity(&r->thresholds[i].threshold)) {
            pelt_capacity_judge(opt->capacity, &r->thresholds[i].threshold, &j->lines[i]);
        }
    }
    for (size_t i = 0; i < j->lines_len; i++) {
        pelt_results_explain(r, &r->thresholds[i].threshold, &j->lines[i]);
    }
}

enum pelt_status pelt_judge(const struct pelt_results *r, const struct pelt_judge_options *options,
                            struct pelt_judgement *out)
{
    *out = (struct pelt_judgement){.verdict = PELT_VALID, .lines_len = r->thresholds_len};
    out->lines = calloc(r->thresholds_len + 1, sizeof(struct pelt_verdict_line));
    if (out->lines == NULL) {
        return PELT_ENOMEM; /* nothing to deinit, which is fine nevertheless */
    }
    pelt_verdict_make(r, options, out);
    judge_thresholds(r, options, out);
    judge_exit(r, options, out);
    return PELT_OK;
}

void pelt_judgement_deinit(struct pelt_judgement *j)
{
    free(j->lines);
    for (size_t i = 0; i < PELT_REASONS_MAX; i++) {
        free(j->verdict_reasons[i]);
        free(j->exit_reasons[i]);
    }
}
