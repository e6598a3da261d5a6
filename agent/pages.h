/*
 * pages: what the face answers in one piece, as JSON. Each is written into the page given, which is
 * emptied first.
 *
 * Thread: whoever holds the sampler's lock, where a sampler is given.
 */
#ifndef AGENT_PAGES_H
#define AGENT_PAGES_H

#include "about.h"
#include "page.h"
#include "sampler.h"

void pages_info(struct page *p, const struct about *about, const struct sampler *s);
/* When the request reached the agent, and when this is written. */
void pages_clock(struct page *p, uint64_t t2_ns, uint64_t t3_ns);
/* {"error": "..."} */
void pages_error(struct page *p, const char *line);

enum health {
    HEALTH_LIVE,  /* samples are taken */
    HEALTH_READY, /* there is one */
    HEALTH_BRIEF, /* both, in a word */
    HEALTH_DETAILED,
};

/* The HTTP status: 200, or 503. */
int pages_health(struct page *p, enum health depth, const struct about *about,
                 const struct sampler *s, uint64_t now_ns);

#endif
