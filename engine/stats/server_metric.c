/*
 * server_metric: see the header.
 */
#include "pelt/server_metric.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "pelt/own_metric.h"

#define SERVER "server."
#define CACHE  "cache."

static const struct {
    const char *name;
    enum pelt_metric_type type;
    const char *unit;
    unsigned decimals;
} CELLS[PELT_SERVER_CELLS] = {
    [PELT_SERVER_USED] = {"used", PELT_METRIC_GAUGE, "", PELT_METRIC_DECIMALS_MAX},
    [PELT_SERVER_FREE] = {"free", PELT_METRIC_GAUGE, "", PELT_METRIC_DECIMALS_MAX},
    [PELT_SERVER_RATIO] = {"ratio", PELT_METRIC_GAUGE, "share", PELT_METRIC_DECIMALS_MAX},
    [PELT_SERVER_EVENTS] = {"events", PELT_METRIC_COUNTER, "events", 0},
    [PELT_SERVER_VALUE] = {"value", PELT_METRIC_GAUGE, "", PELT_METRIC_DECIMALS_MAX},
    /* Some count seconds, whole ones of which are too coarse. */
    [PELT_SERVER_COUNT] = {"count", PELT_METRIC_COUNTER, "", PELT_METRIC_DECIMALS_MAX},
    [PELT_SERVER_HIT_SHARE] = {"hit_share", PELT_METRIC_SHARE, "share", 0},
};

const char *pelt_server_cell_name(enum pelt_server_cell cell)
{
    assert(cell < PELT_SERVER_CELLS);
    return CELLS[cell].name;
}

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-')) {
            return false;
        }
    }
    return len > 0;
}

/* False: the last part says no cell that such a metric has. */
static bool find_cell(const char *word, bool cache, enum pelt_server_cell *cell)
{
    for (unsigned i = 0; i < PELT_SERVER_CELLS; i++) {
        if (strcmp(CELLS[i].name, word) == 0) {
            *cell = (enum pelt_server_cell)i;
            return cache == (i == PELT_SERVER_HIT_SHARE);
        }
    }
    return false;
}

bool pelt_server_metric_is_meant(const char *name)
{
    return strncmp(name, SERVER, strlen(SERVER)) == 0 || strncmp(name, CACHE, strlen(CACHE)) == 0;
}

bool pelt_server_metric_parse(const char *name, struct pelt_server_metric *out)
{
    enum pelt_own_metric own;
    const bool cache = strncmp(name, CACHE, strlen(CACHE)) == 0;
    if (!pelt_server_metric_is_meant(name) || strlen(name) > PELT_METRIC_NAME_MAX ||
        pelt_own_metric_find(name, &own)) {
        return false;
    }
    const char *agent = name + (cache ? strlen(CACHE) : strlen(SERVER));
    const char *dot = cache ? NULL : strchr(agent, '.');
    const char *figure = cache ? agent : dot != NULL ? dot + 1 : "";
    const char *end = strchr(figure, '.');
    *out = (struct pelt_server_metric){.agent = ""};
    if (end == NULL || !is_name(figure, (size_t)(end - figure)) ||
        (!cache && !is_name(agent, (size_t)(dot - agent))) ||
        !find_cell(end + 1, cache, &out->cell)) {
        return false;
    }
    snprintf(out->agent, sizeof out->agent, "%.*s", cache ? 0 : (int)(dot - agent), agent);
    snprintf(out->figure, sizeof out->figure, "%.*s", (int)(end - figure), figure);
    out->metric.type = CELLS[out->cell].type;
    out->metric.decimals = CELLS[out->cell].decimals;
    snprintf(out->metric.name, sizeof out->metric.name, "%s", name);
    snprintf(out->metric.unit, sizeof out->metric.unit, "%s", CELLS[out->cell].unit);
    return true;
}
