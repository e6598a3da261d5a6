/*
 * post: sends one JSON text to a URL and waits for the answer, on a loop of its own. Thread: any;
 * it is held for as long as this takes.
 */
#ifndef LIVE_POST_H
#define LIVE_POST_H

#include <stdatomic.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/https.h"

struct live_post {
    const char *url;
    struct pelt_https *https;         /* borrowed; NULL: https URLs are refused */
    uint64_t patience_ns;             /* for the answer */
    const _Atomic uint64_t *until_ns; /* it is given up then, whatever patience says; 0: never */
};

/* The URL can be posted to; nothing is sent. PELT_EINVAL says why not. */
PELT_MUST_USE enum pelt_status live_post_check(const char *url, struct pelt_error *err);
/* PELT_OK: it answered with a status of 200 to 299. PELT_EIO: it did not, and how. PELT_EINVAL: the
 * URL is none. */
PELT_MUST_USE enum pelt_status live_post_send(const struct live_post *post, const char *json,
                                              struct pelt_error *err);

#endif
