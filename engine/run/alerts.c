/*
 * alerts: see internal.h. In the run file their rules are meta (alert_1 "NAME: rule"), and what
 * becomes of them events (alert_fired, alert_resolved, alert_unjudged: "NAME: why").
 */
#include "internal.h"

#include <stdio.h>

#include "pelt/log.h"

static void put_rules(struct pelt_running *run)
{
    for (size_t i = 0; i < pelt_alertbook_len(run->alerts); i++) {
        const struct pelt_alert *alert = pelt_alertbook_at(run->alerts, i);
        char key[32], rule[400], text[512];
        pelt_threshold_format(&alert->rule, rule, sizeof(rule));
        snprintf(key, sizeof(key), "alert_%zu", i + 1);
        snprintf(text, sizeof(text), "%s: %s", alert->name, rule);
        pelt_notes_written(run, pelt_runfile_meta(run->file, key, text));
    }
}

enum pelt_status pelt_alerts_open(struct pelt_running *run)
{
    const struct pelt_scenario *scenario = run->opt.scenario;
    if (scenario == NULL || scenario->alerts_len == 0 || run->opt.stand_in_port != 0) {
        return PELT_OK; /* what a null server does alarms nobody */
    }
    run->alerts = pelt_alertbook_new(scenario->alerts, scenario->alerts_len, run->registry);
    if (run->alerts == NULL) {
        return PELT_ENOMEM;
    }
    put_rules(run);
    return PELT_OK;
}

static void on_turn(void *arg, const struct pelt_alert_turn *turn)
{
    struct pelt_running *run = arg;
    const char *kind = turn->fired ? PELT_EVENT_ALERT_FIRED : PELT_EVENT_ALERT_RESOLVED;
    char text[400];
    snprintf(text, sizeof(text), "%s: %s", turn->alert->name, turn->why);
    pelt_log(turn->fired ? PELT_LOG_WARNING : PELT_LOG_INFO, "alert", "%s %s",
             turn->fired ? "fired:" : "resolved:", text);
    pelt_notes_written(run, pelt_runfile_event(run->file, turn->at_s, kind, text));
    pelt_notes_tell(run, &(struct pelt_live_event){
                             .t_s = turn->at_s, .kind = kind, .text = text, .alert = turn});
}

void pelt_alerts_see(struct pelt_running *run, const struct pelt_frame *second)
{
    if (run->alerts == NULL || second->second < 0) {
        return;
    }
    const int32_t whole =
        pelt_rulebook_whole_s(second, run->length_ns, pelt_clock_ns() - run->start_ns);
    if (whole >= 0) {
        pelt_alertbook_add(run->alerts, second, whole, on_turn, run);
    }
}

void pelt_alerts_close(struct pelt_running *run)
{
    for (size_t i = 0; i < pelt_alertbook_len(run->alerts); i++) {
        if (pelt_alertbook_state(run->alerts, i) == PELT_ALERT_UNJUDGED) {
            char text[400];
            snprintf(text, sizeof(text), "%s: %s", pelt_alertbook_at(run->alerts, i)->name,
                     pelt_alertbook_why(run->alerts, i));
            pelt_notes_event(run, PELT_EVENT_ALERT_UNJUDGED, text);
        }
    }
}
