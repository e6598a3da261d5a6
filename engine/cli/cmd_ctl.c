/*
 * cmd_ctl: `pelt ctl`: steers a run of many hosts that goes.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "exit_code.h"
#include "fleet.h"
#include "pelt/fleet_ctl.h"
#include "pelt/log.h"

#define LEVEL_MAX 1000 /* times what was given */

/* "150%", "1.5x", "0.5". */
static enum pelt_status read_level(const char *text, double *level, struct pelt_error *err)
{
    char *end = NULL;
    const double value = text != NULL ? strtod(text, &end) : -1;
    const bool percent = end != NULL && strcmp(end, "%") == 0;
    *level = percent ? value / 100 : value;
    if (end == NULL || end == text || (!percent && *end != '\0' && strcmp(end, "x") != 0) ||
        !(*level >= 0 && *level <= LEVEL_MAX)) {
        return pelt_fail(err, PELT_EINVAL,
                         "pelt ctl rate: \"%s\" is no share of the scenario's load: 150%%, 0.5x",
                         text != NULL ? text : "");
    }
    return PELT_OK;
}

static enum pelt_status read_words(const struct cli_options *o, enum pelt_order_kind *kind,
                                   double *level, struct pelt_error *err)
{
    static const struct {
        const char *word;
        enum pelt_order_kind kind;
        bool more; /* needs a second word */
    } words[] = {{"rate", PELT_ORDER_RATE, true},
                 {"pause", PELT_ORDER_PAUSE, false},
                 {"resume", PELT_ORDER_RESUME, false},
                 {"mark", PELT_ORDER_MARK, true},
                 {"stop", PELT_ORDER_STOP, false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(o->operand, words[i].word) != 0) {
            continue;
        }
        *kind = words[i].kind;
        if (words[i].more != (o->source != NULL)) {
            return pelt_fail(err, PELT_EINVAL, "pelt ctl %s %s", o->operand,
                             words[i].more ? "needs one word more: rate 150%, mark \"new release\""
                                           : "takes nothing more");
        }
        return *kind == PELT_ORDER_RATE ? read_level(o->source, level, err) : PELT_OK;
    }
    return pelt_fail(err, PELT_EINVAL,
                     "pelt ctl: \"%s\" is none of rate, pause, resume, mark, stop", o->operand);
}

int cmd_ctl(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    enum pelt_order_kind kind = PELT_ORDER_MARK;
    double level = 0;
    const struct pelt_fleet_options options = cli_fleet_options(o);
    enum pelt_status status =
        o->bus.url != NULL
            ? read_words(o, &kind, &level, &err)
            : pelt_fail(&err, PELT_EINVAL, "pelt ctl: where is the bus? --bus redis://HOST");
    if (status == PELT_OK) {
        status =
            pelt_fleet_ctl(&options, kind, level, kind == PELT_ORDER_MARK ? o->source : NULL, &err);
    }
    if (status != PELT_OK) {
        return cli_fail(status, &err);
    }
    pelt_log(PELT_LOG_INFO, "pelt", "done: %s%s%s", o->operand, o->source != NULL ? " " : "",
             o->source != NULL ? o->source : "");
    return CLI_EXIT_PASSED;
}
