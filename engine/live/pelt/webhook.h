/*
 * webhook: posts each alert that fires or is resolved to a URL, on a thread of its own, so that a
 * run never waits for whoever answers there. A message is tried three times; what could not be
 * delivered is said once, and counted.
 *
 * Thread: control, but for the thread inside.
 */
#ifndef PELT_WEBHOOK_H
#define PELT_WEBHOOK_H

#include "pelt/https.h"
#include "pelt/run.h"

#define PELT_WEBHOOK_WAITING_MAX 64 /* messages that wait; more are not delivered */

struct pelt_webhook;

struct pelt_webhook_options {
    const char *url;          /* copied */
    struct pelt_https *https; /* borrowed until free; NULL: https URLs are refused */
    uint64_t pause_ns;    /* before the second try, and three times that before the third; 0: 1 s */
    uint64_t patience_ns; /* for an answer; 0: 5 s */
};

/* PELT_EINVAL: the URL is none that can be posted to; the line says alerts.webhook. Sends nothing.
 */
PELT_MUST_USE enum pelt_status pelt_webhook_check(const char *url, struct pelt_error *err);
/* The URL without its path, which may be a secret; cut at `size`. */
void pelt_webhook_place(const char *url, char *out, size_t size);
/* Likewise. */
PELT_MUST_USE enum pelt_status pelt_webhook_new(const struct pelt_webhook_options *options,
                                                struct pelt_webhook **out, struct pelt_error *err);
/* Fits pelt_run_options.on_event; what is no alert is left alone. */
void pelt_webhook_event(void *webhook, const struct pelt_live *live,
                        const struct pelt_live_event *event);
/* Waits at most 3 s for what is not delivered yet, and says how much was not. Accepts NULL. */
void pelt_webhook_free(struct pelt_webhook *w);

#endif
