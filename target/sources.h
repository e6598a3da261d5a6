/*
 * sources: what the answers of a loop are made from.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_SOURCES_H
#define TARGET_SOURCES_H

#include "chat.h"
#include "counters.h"
#include "service.h"
#include "settings.h"
#include "ws.h"

struct target_sources {                   /* all borrowed; the loop sets them once */
    const struct target_service *service; /* the loop's copy */
    const struct target_tally *tally;
    struct target_settings *settings;
    struct target_running *running;
    struct target_journal *journal;
    const struct target_pace *pace; /* the loop's copy */
    struct target_sessions *sessions;
    struct target_ws *ws;
    bool is_closing; /* each answer closes its connection, and the service is not ready */
};

static inline struct target_scene target_sources_scene(const struct target_sources *from,
                                                       uint64_t now_ns)
{
    return (struct target_scene){.now_ns = now_ns, .journal = from->journal};
}

#endif
