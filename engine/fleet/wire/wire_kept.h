/* wire_kept: a single exchange (pelt/kept.h) as bytes; whose name it has stands outside. */
#ifndef PELT_WIRE_KEPT_H
#define PELT_WIRE_KEPT_H

#include "codec.h"
#include "pelt/kept.h"

void pelt_wire_put_kept(struct pelt_buf *b, const struct pelt_kept *k);
/* `series` stays 0. */
void pelt_wire_get_kept(struct pelt_wire_reader *r, struct pelt_kept *k);

#endif
