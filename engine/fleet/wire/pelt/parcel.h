/*
 * parcel: the files that a run needs on each host (scenario, modules, data), by their content's
 * SHA-256: a list that goes with the plan, while the bytes lie in Redis under their hashes.
 *
 * Names are relative to the scenario's folder. What a name may be is checked wherever one comes
 * from: no absolute path, no "..", ".", empty part, backslash or control character; so a parcel
 * cannot reach out of the folder that it is unpacked into.
 *
 * Storage: the struct is the caller's, zeroed = empty; names are the heap's. Thread: one at a time.
 */
#ifndef PELT_PARCEL_H
#define PELT_PARCEL_H

#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/status.h"

#define PELT_PARCEL_FILES_MAX 4096
#define PELT_PARCEL_NAME_MAX  400                /* bytes */
#define PELT_PARCEL_DEPTH_MAX 16                 /* folders in a name */
#define PELT_PARCEL_FILE_MAX  ((size_t)64 << 20) /* bytes of a file */
#define PELT_PARCEL_BYTES_MAX ((uint64_t)512 << 20)

struct pelt_parcel_file {
    char *name;
    uint64_t bytes;
    uint8_t sha256[32];
};
struct pelt_parcel {
    struct pelt_parcel_file *file; /* in the order of adding; no name twice */
    size_t len, room;
    uint64_t bytes; /* of all */
};

void pelt_parcel_deinit(struct pelt_parcel *p);
/* PELT_EINVAL: one line. */
PELT_MUST_USE enum pelt_status pelt_parcel_name_check(struct pelt_span name,
                                                      struct pelt_error *err);
/* Adds a file with this content. PELT_EINVAL: its name, or one that is there already with another
 * content (the same content is fine); PELT_ELIMIT: too many or too much, named. */
PELT_MUST_USE enum pelt_status pelt_parcel_add(struct pelt_parcel *p, struct pelt_span name,
                                               struct pelt_span content, struct pelt_error *err);
/* The same by what is known of it. */
PELT_MUST_USE enum pelt_status pelt_parcel_add_known(struct pelt_parcel *p, struct pelt_span name,
                                                     uint64_t bytes, const uint8_t sha256[32],
                                                     struct pelt_error *err);
const struct pelt_parcel_file *pelt_parcel_find(const struct pelt_parcel *p, const char *name);
/* One hash of all names and contents, in the order of names: what READY says. */
void pelt_parcel_sha256(const struct pelt_parcel *p, uint8_t out[32]);
/* `content` is the file's. PELT_EPARSE: another length or hash, named. */
PELT_MUST_USE enum pelt_status pelt_parcel_check(const struct pelt_parcel_file *file,
                                                 struct pelt_span content, struct pelt_error *err);
/* Checks it, then writes it below the folder, whose own folders are made as needed (0700), the file
 * anew (0600); no symbolic link is followed and nothing overwritten. PELT_EPARSE, PELT_EIO. */
PELT_MUST_USE enum pelt_status pelt_parcel_unpack(int folder_fd,
                                                  const struct pelt_parcel_file *file,
                                                  struct pelt_span content, struct pelt_error *err);

#endif
