/*
 * verdict: the first line, did it pass and can it be believed, and why not.
 */
#include "sections.h"

#include "text.h"

static const char *result_word(const struct pelt_results *r)
{
    switch (r->exit_code) {
    case 0:
        return "PASSED";
    case 3:
        return "MISSED";
    case 130:
    case 143:
        return "INTERRUPTED";
    default:
        return r->finished ? "FAILED" : r->running ? "RUNNING" : "KILLED";
    }
}

static void reasons(struct report_page *p, char *const *list)
{
    for (; list != NULL && *list != NULL; list++) {
        report_page_sentence(p, 2, *list);
    }
}

void report_section_verdict(struct report_page *p)
{
    const struct pelt_results *r = p->r;
    const char *name = pelt_results_meta(r, "scenario");
    enum report_color of_verdict = r->verdict == PELT_VALID     ? REPORT_GREEN
                                   : r->verdict == PELT_SUSPECT ? REPORT_YELLOW
                                                                : REPORT_RED;
    report_page_say(p, r->exit_code == 0 ? REPORT_GREEN : REPORT_RED, "%s", result_word(r));
    fputs("  ", p->out);
    report_text_print(p->out, name && *name ? name : "run", p->width - 40, 0);
    fputs("  measurement ", p->out);
    report_page_say(p, of_verdict, "%s", pelt_verdict_name(r->verdict));
    fprintf(p->out, "  exit %d\n", r->exit_code);
    reasons(p, r->verdict_reasons);
    reasons(p, r->exit_reasons);
}
