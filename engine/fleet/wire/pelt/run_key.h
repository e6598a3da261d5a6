/*
 * run_key: the secret that coordinator and workers of a run share, so that who can write to Redis
 * cannot make workers run what it likes: HMAC-SHA256 (RFC 2104) of every order.
 *
 * A run's key is derived of the secret that the user gives (a file, or the environment) and the
 * run's name, so that one secret serves many runs and an order of one is of no use in another.
 *
 * Thread: any. Wipe keys after use.
 */
#ifndef PELT_RUN_KEY_H
#define PELT_RUN_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/status.h"

#define PELT_RUN_KEY_BYTES  32
#define PELT_RUN_SECRET_MIN 16 /* bytes */
#define PELT_RUN_SECRET_MAX 4096
#define PELT_RUN_SECRET_ENV "PELT_BUS_SECRET"

struct pelt_run_key {
    uint8_t bytes[PELT_RUN_KEY_BYTES];
};

/* The key of `run` by a secret of any length above 0. */
void pelt_run_key_derive(struct pelt_run_key *out, struct pelt_span secret, const char *run);
/* By the first line of a file. PELT_EINVAL: it cannot be read, or is shorter than
 * PELT_RUN_SECRET_MIN. */
PELT_MUST_USE enum pelt_status pelt_run_key_read(struct pelt_run_key *out, const char *path,
                                                 const char *run, struct pelt_error *err);
void pelt_run_key_mac(const struct pelt_run_key *key, struct pelt_span bytes,
                      uint8_t mac[PELT_RUN_KEY_BYTES]);
/* In a time that does not depend on where they differ. */
bool pelt_run_key_mac_equal(const uint8_t a[PELT_RUN_KEY_BYTES],
                            const uint8_t b[PELT_RUN_KEY_BYTES]);
void pelt_run_key_wipe(struct pelt_run_key *key);

void pelt_sha256(struct pelt_span bytes, uint8_t out[32]);
void pelt_sha256_hex(const uint8_t sha256[32], char out[65]);
bool pelt_sha256_parse(struct pelt_span hex, uint8_t out[32]); /* 64 lower-case hex digits */

#endif
