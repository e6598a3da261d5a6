/*
 * digest_auth: HTTP Digest access authentication (RFC 7616), a client's side: challenges are read,
 * credentials written. MD5, SHA-256 and their -sess forms; qop auth, auth-int, and none (RFC 2069);
 * userhash. No I/O, no state: counting and nonces are the caller's. Thread: any.
 */
#ifndef PELT_DIGEST_AUTH_H
#define PELT_DIGEST_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"

#define PELT_DIGEST_TEXT 512 /* bytes of a realm, nonce or opaque, at most */

/* Better ones later. */
enum pelt_digest_hash { PELT_DIGEST_MD5, PELT_DIGEST_SHA256 };
enum pelt_digest_qop { PELT_DIGEST_NO_QOP, PELT_DIGEST_AUTH, PELT_DIGEST_AUTH_INT };

/* Texts are as in the field, escapes included, and are sent back so. */
struct pelt_digest_text {
    char bytes[PELT_DIGEST_TEXT];
    uint16_t len;
};

struct pelt_digest_challenge {
    enum pelt_digest_hash hash;
    enum pelt_digest_qop qop; /* auth where it is offered */
    bool session;             /* -sess */
    bool stale;               /* the credentials were good, their nonce is too old */
    bool userhash;            /* the user's name is to be hashed */
    bool has_opaque, has_algorithm;
    struct pelt_digest_text realm, nonce, opaque;
};

/*
 * The best challenge that the WWW-Authenticate fields of a head have. PELT_EOF: none is of Digest;
 * PELT_EPARSE: one is, and broken, or longer than what is kept; PELT_EINVAL: one is, and asks for
 * what is not known: err names it.
 */
PELT_MUST_USE enum pelt_status pelt_digest_auth_read(struct pelt_span head,
                                                     struct pelt_digest_challenge *out,
                                                     struct pelt_error *err);

/* Whether two texts are the same byte for byte. */
bool pelt_digest_text_eq(const struct pelt_digest_text *a, const struct pelt_digest_text *b);

/* The nonce that the server wants to see next (RFC 7616, 3.5: nextnonce of Authentication-Info, in
 * an answer to good credentials). False: it says none, or one that is broken or too long. */
bool pelt_digest_auth_next(struct pelt_span head, struct pelt_digest_text *nonce);

struct pelt_digest_auth_login {
    const char *user, *password;
};

/* What of a request goes into its credentials. */
struct pelt_digest_auth_request {
    struct pelt_span method, target, body;
    uint32_t nc;        /* how often the nonce was used, this time included; from 1 */
    const char *cnonce; /* ours, the same for a nonce; no '"' */
};

/* Appends the value of Authorization. PELT_ENOMEM, PELT_ELIMIT: as buf. */
PELT_MUST_USE enum pelt_status
pelt_digest_auth_write(struct pelt_buf *out, const struct pelt_digest_challenge *challenge,
                       const struct pelt_digest_auth_login *login,
                       const struct pelt_digest_auth_request *request);

#endif
