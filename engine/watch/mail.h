/* mail: makes what the control thread is told: one piece of memory, of malloc. */
#ifndef PELT_WATCH_MAIL_H
#define PELT_WATCH_MAIL_H

#include "pelt/agents.h"

/* What is in a mail; arrays and texts are copied. */
struct pelt_mail_content {
    const struct pelt_agent_value *value;
    size_t values;
    const struct pelt_agent_unreadable *unreadable;
    size_t unreadables;
    const struct pelt_agent_event *event;
    size_t events;
};

/* `content` NULL: nothing. All other fields are zero, but the kind. NULL: out of memory. */
struct pelt_agent_mail *pelt_mail_new(enum pelt_agent_mail_kind kind,
                                      const struct pelt_mail_content *content);

#endif
