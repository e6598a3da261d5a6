/*
 * figures: all that an agent was ever found to have, over its restarts, each with an index that
 * stays; and what was counted, which goes on where a new process begins at 0.
 *
 * An agent's catalogue is adopted when it is met: figures are known again by kind, name and target.
 *
 * Storage: heap, by new. Thread: the watching thread's, but that a figure whose index another
 * thread was told of (by mail) may be read there: figures never change and stay where they are.
 */
#ifndef PELT_WATCH_FIGURES_H
#define PELT_WATCH_FIGURES_H

#include "frame.h"

struct pelt_figures;

struct pelt_figures *pelt_figures_new(void); /* NULL: out of memory */
void pelt_figures_free(struct pelt_figures *f);
/* `again`: by another process than before, so counts go on from where they were. Those that find no
 * room are left out: *left_out. PELT_ENOMEM: nothing was adopted from some place on. */
PELT_MUST_USE enum pelt_status pelt_figures_adopt(struct pelt_figures *f,
                                                  const struct pelt_watch_info *info, bool again,
                                                  size_t *left_out);
size_t pelt_figures_len(const struct pelt_figures *f);
const struct pelt_agent_figure *pelt_figures_at(const struct pelt_figures *f, size_t index);
/* A value's, or unreadable's, place in the catalogue becomes its index, and what a value counts
 * goes on. False: it was left out. */
bool pelt_figures_map(const struct pelt_figures *f, uint32_t *figure);
bool pelt_figures_map_value(struct pelt_figures *f, struct pelt_agent_value *value);

#endif
