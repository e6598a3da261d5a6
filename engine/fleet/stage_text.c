/*
 * stage_text: see the header. Levels are hexadecimal: no digit is lost.
 */
#include "stage_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LEVEL_MAX 1e7

void pelt_stage_write(const struct pelt_stage *s, char out[PELT_STAGE_TEXT])
{
    snprintf(out, PELT_STAGE_TEXT, "%llu %a %a %d %u %s", (unsigned long long)s->duration_ns,
             s->from, s->to, s->exponential, (unsigned)s->span, s->part[0] != '\0' ? s->part : "-");
}

static bool good_level(double level)
{
    return isfinite(level) && level >= 0 && level <= LEVEL_MAX;
}

bool pelt_stage_read(const char *text, struct pelt_stage *out)
{
    unsigned long long duration_ns;
    int exponential, end = 0;
    unsigned span;
    char part[sizeof(out->part)];
    *out = (struct pelt_stage){0};
    if (sscanf(text, "%20llu %la %la %1d %5u %13s%n", &duration_ns, &out->from, &out->to,
               &exponential, &span, part, &end) != 6 ||
        text[end] != '\0' || !good_level(out->from) || !good_level(out->to) || span > UINT16_MAX ||
        duration_ns > PELT_PLAN_ENDLESS_NS ||
        (exponential == 1 && (out->from <= 0 || out->to <= 0))) {
        return false;
    }
    out->duration_ns = duration_ns;
    out->exponential = exponential == 1;
    out->span = (uint16_t)span;
    snprintf(out->part, sizeof(out->part), "%s", strcmp(part, "-") == 0 ? "" : part);
    return true;
}
