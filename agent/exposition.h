/*
 * exposition: the newest sample as text for Prometheus and its kin: OpenMetrics 1.0, or the older
 * text format 0.0.4 for who asks for no other. A value that there is none of has no line; what
 * cannot be read has pelt_agent_readable 0.
 */
#ifndef AGENT_EXPOSITION_H
#define AGENT_EXPOSITION_H

#include "figure.h"
#include "frame.h"
#include "page.h"

enum exposition { EXPOSITION_OPENMETRICS, EXPOSITION_TEXT };

/* By the header Accept (NULL: none). */
enum exposition exposition_wanted(const char *accept);
const char *exposition_content_type(enum exposition format);

struct exposition_about {
    const char *name; /* of the agent */
    size_t streams;   /* open */
    struct self self;
};

void exposition_write(struct page *p, enum exposition format, const struct exposition_about *about,
                      const struct catalogue *figures);

#endif
