/* totals: a worker's totals as bytes, as FRAME and BYE have them. */
#ifndef PELT_WIRE_TOTALS_H
#define PELT_WIRE_TOTALS_H

#include "codec.h"
#include "pelt/wire.h"

void pelt_wire_put_totals(struct pelt_buf *b, const struct pelt_wire_totals *t);
/* Each figure at most 2^60. */
void pelt_wire_get_totals(struct pelt_wire_reader *r, struct pelt_wire_totals *t);

#endif
