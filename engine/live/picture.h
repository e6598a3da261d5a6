/*
 * picture: what the live page and its JSON API say of a running run, as JSON: its newest second (as
 * a member of the report's `seconds`), what happened beside it, and where it stands.
 *
 * Texts are one line of valid UTF-8 on the heap, the caller's; NULL: out of memory.
 *
 * Storage: the caller's, zeroed = empty; deinit. Thread: control.
 */
#ifndef LIVE_PICTURE_H
#define LIVE_PICTURE_H

#include <jansson.h>

#include "pelt/run.h"

#define LIVE_REQUESTS_SHOWN 40 /* those that were started most often */
#define LIVE_PHASES_SHOWN   50 /* of a load */

struct live_picture {
    struct pelt_hist_pool pool;
    double begun; /* exchanges that were begun and not ended when the newest second began */
};

struct live_audience { /* of the page */
    uint64_t viewers, missed;
};

void live_picture_deinit(struct live_picture *p);
/* Of live->second; each second once, in order: the report's row, with more members. */
char *live_picture_second(struct live_picture *p, const struct pelt_live *live);
char *live_picture_event(const struct pelt_live_event *event);
char *live_picture_status(struct live_picture *p, const struct pelt_live *live,
                          const struct live_audience *audience);

#endif
