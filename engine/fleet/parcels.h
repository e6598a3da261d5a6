/*
 * parcels: the files of a run on their way: what the coordinator puts into Redis by the hash of its
 * content, and what a worker takes out and checks.
 *
 * A file is called by its path from the root of the host that it comes from, without the first '/'.
 * One more, PELT_PARCEL_DATA, holds what setup returned.
 *
 * Thread: the bus'.
 */
#ifndef PELT_PARCELS_H
#define PELT_PARCELS_H

#include "pelt/bus.h"
#include "pelt/parcel.h"

#define PELT_PARCEL_DATA ".pelt/data.json"

/* Reads the file at `path`, which is absolute, into the run's files and the parcel. */
PELT_MUST_USE enum pelt_status pelt_parcels_put_file(struct pelt_bus *bus, const char *run,
                                                     struct pelt_parcel *parcel, const char *path,
                                                     struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_parcels_put(struct pelt_bus *bus, const char *run,
                                                struct pelt_parcel *parcel, const char *name,
                                                struct pelt_span content, struct pelt_error *err);
/* All files of the parcel into the folder. PELT_EPARSE: one is not what the plan says. */
PELT_MUST_USE enum pelt_status pelt_parcels_fetch(struct pelt_bus *bus, const char *run,
                                                  const struct pelt_parcel *parcel, int folder_fd,
                                                  struct pelt_error *err);

#endif
