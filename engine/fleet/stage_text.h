/*
 * stage_text: a stage of a plan as the text of an order, exactly. Pure. Thread: any.
 */
#ifndef PELT_STAGE_TEXT_H
#define PELT_STAGE_TEXT_H

#include "pelt/plan.h"

#define PELT_STAGE_TEXT 160 /* bytes that hold one */

void pelt_stage_write(const struct pelt_stage *stage, char out[PELT_STAGE_TEXT]);
/* False: none, or one that no plan may have. */
bool pelt_stage_read(const char *text, struct pelt_stage *out);

#endif
