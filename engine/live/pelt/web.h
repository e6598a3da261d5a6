/*
 * web: the live page of a run, on this host only: a server on a thread of its own (libmicrohttpd)
 * that shows what the control thread hands to it once a second, and never makes it wait.
 *
 *   /                 the page          /events           server-sent events
 *   /metrics          OpenMetrics       /api/v1/...       status, seconds, events as JSON
 *
 * It listens on loopback addresses only, answers GET and HEAD to names of the loopback, and no page
 * of another site. What viewers can have is bounded: so many connections, so many bytes of events
 * kept; who is too slow misses events and is told how many.
 *
 * Thread: control, but for what libmicrohttpd's does inside.
 */
#ifndef PELT_WEB_H
#define PELT_WEB_H

#include "pelt/run.h"

#define PELT_WEB_PORT     9647
#define PELT_WEB_ADDRESS  "127.0.0.1:9647" /* where none is said */
#define PELT_WEB_VIEWERS  32               /* streams of events at once */
#define PELT_WEB_URL_SIZE 80

struct pelt_web;

/* "127.0.0.1:9647", "[::1]:9647", "localhost:9647", ":9647", "9647", "127.0.0.1"; port 0: any free
 * one. */
bool pelt_web_is_address(const char *word); /* it looks like one, whatever host it is of */

/* Listens, and answers from here on. `address` NULL or "": the default. PELT_EINVAL: it is none, or
 * not of the loopback; PELT_EIO: it is taken. */
PELT_MUST_USE enum pelt_status pelt_web_new(const char *address, struct pelt_web **out,
                                            struct pelt_error *err);
void pelt_web_url(const struct pelt_web *w, char out[PELT_WEB_URL_SIZE]);

/* These fit pelt_run_options' on_live, on_second and on_event. */
void pelt_web_live(void *web, const struct pelt_live *live);
void pelt_web_second(void *web, const struct pelt_live *live);
void pelt_web_event(void *web, const struct pelt_live *live, const struct pelt_live_event *event);
/* The run has ended, `results` being what it found; NULL: it failed, and `why`. */
void pelt_web_end(struct pelt_web *w, const struct pelt_results *results, const char *why);
/* Gives viewers that read 0.3 s to get the end. Accepts NULL. */
void pelt_web_free(struct pelt_web *w);

#endif
