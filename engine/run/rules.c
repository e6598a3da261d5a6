/*
 * rules: see internal.h. A whole second that breaks a threshold with abort ends the load, as the
 * first signal would.
 */
#include "internal.h"

#include <stdio.h>

#include "pelt/log.h"

static void abort_load(struct pelt_running *run, size_t threshold,
                       const struct pelt_verdict_line *line)
{
    char bounds[400], text[768];
    pelt_threshold_format(&run->opt.thresholds[threshold], bounds, sizeof(bounds));
    snprintf(text, sizeof(text), "threshold missed: %s: %s", bounds, line->why);
    run->aborted = true;
    pelt_log(PELT_LOG_WARNING, "run", "%s", text);
    pelt_control_end(run, "");
    pelt_notes_event(run, "abort", text);
    pelt_notes_length(run); /* now: whoever reads the file of a killed run judges as was judged */
}

void pelt_rules_see(struct pelt_running *run, const struct pelt_frame *second)
{
    size_t threshold = 0;
    if (pelt_rulebook_is_empty(run->rules)) {
        return;
    }
    pelt_rulebook_add(run->rules, second, run->length_ns, pelt_clock_ns() - run->start_ns);
    const struct pelt_verdict_line *stop = pelt_rulebook_stop(run->rules, &threshold);
    bool loads = pelt_clock_ns() < run->start_ns + run->length_ns;
    if (stop != NULL && loads && !run->aborted && run->asked == 0) {
        abort_load(run, threshold, stop);
    }
}

enum pelt_status pelt_rules_open(struct pelt_running *run)
{
    const size_t len = run->opt.thresholds_len;
    run->rules = pelt_rulebook_new(len, run->registry);
    enum pelt_status status = run->rules != NULL ? PELT_OK : PELT_ENOMEM;
    for (size_t i = 0; i < len && status == PELT_OK; i++) {
        status = pelt_rulebook_put(run->rules, i, &run->opt.thresholds[i]);
    }
    return status;
}
