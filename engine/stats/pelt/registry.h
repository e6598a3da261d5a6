/*
 * registry: the names of one run, shared by its threads: request series, checks and error texts get
 * small ids, in the order of first use, capped so that memory does not depend on the number of
 * URLs.
 *
 * A registry has the quota of its series' memory as well: once it is spent, there are no new ones.
 *
 * The one shared table besides the mailbox: a lock guards it, taken only when a thread meets a name
 * for the first time (callers cache ids). Names live until free.
 */
#ifndef PELT_REGISTRY_H
#define PELT_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/quota.h"
#include "pelt/status.h"

#define PELT_SERIES_MAX   1000 /* request series; id 0 is `_other`, which takes what comes beyond */
#define PELT_SERIES_OTHER 0
#define PELT_CHECKS_MAX   1000 /* checks; id 0 is `_other` likewise; so ids are 0 to 999 */
#define PELT_NAME_MAX     200  /* bytes of a name; longer ones are cut, at a character's end */

enum pelt_name_kind { PELT_NAME_REQUEST, PELT_NAME_CHECK, PELT_NAME_KINDS };

struct pelt_registry;
struct pelt_metrics;

struct pelt_registry *pelt_registry_new(void); /* NULL: out of memory */
/* It, its names and the frames of its quota lie in `shm`, borrowed; NULL: in the heap. */
struct pelt_registry *pelt_registry_new_in(struct pelt_shm *shm);
/* Of a process that is gone and shared its memory: nobody holds the locks any more. */
void pelt_registry_inherit(struct pelt_registry *reg);
void pelt_registry_free(struct pelt_registry *reg);
/*
 * The id of `name`, 1 for the first name; 0 (`_other`) when the cap is reached, the quota is spent
 * (request series only) or memory is out.
 * Any thread. Names end up in JSON, CSV and on terminals: control characters and bytes that are not
 * UTF-8 become '?'.
 */
uint32_t pelt_registry_intern(struct pelt_registry *reg, enum pelt_name_kind kind,
                              struct pelt_span name);
/* Name of an id, NUL-terminated, valid until free. Any thread. */
const char *pelt_registry_name(struct pelt_registry *reg, enum pelt_name_kind kind, uint32_t id);
/* The id of a name that was interned; false: never. Any thread. */
bool pelt_registry_find(struct pelt_registry *reg, enum pelt_name_kind kind, struct pelt_span name,
                        uint32_t *id);
/* Ids given out so far, `_other` included. Any thread. */
uint32_t pelt_registry_count(struct pelt_registry *reg, enum pelt_name_kind kind);
/* How many interns were refused by the cap or for want of memory; those refused by the quota it
 * counts itself. */
uint64_t pelt_registry_refused(struct pelt_registry *reg, enum pelt_name_kind kind);

/* What the series of this registry may take; without limit until it is initialised anew, before a
 * second thread knows the registry. Any thread; never NULL. */
struct pelt_quota *pelt_registry_quota(struct pelt_registry *reg);
/* The metrics that the script declares; never NULL. Any thread. */
struct pelt_metrics *pelt_registry_metrics(struct pelt_registry *reg);

/* Makes `len` bytes at `name` what a name may hold, in place; they get no longer, and a NUL. */
void pelt_name_clean(char *name, size_t len);

/*
 * Series name of a request that has none: "GET /users/{}": the path with segments that are numbers,
 * hex of at least 8 digits or UUIDs folded, query dropped, an empty path "/". `target` is the path
 * with query. Writes at most PELT_NAME_MAX + 1 bytes with NUL; returns the length.
 */
size_t pelt_series_name(const char *method, struct pelt_span target, char out[PELT_NAME_MAX + 1]);

#endif
