/*
 * dependency: something that the service calls through a pool of connections, each of which has a
 * thread of its own and does one blocking thing at a time. So no event loop ever blocks.
 *
 *   begin --> waits for a connection --> is called --> on_done --> over, or later once more
 *                  (pool.h)               (crew.h)
 *
 * What a connection is, the kind says: how one is opened, checked, called and closed. The rest is
 * here: the pool's acts, its clock, calls that wait to be tried again, knobs, figures, events.
 *
 * Storage: opaque, new/free; calls are the caller's, inside the request.   Thread: any; one mutex
 * inside, held while on_done and may_go run and by nobody while open, check, call and close do.
 * Clock: CLOCK_MONOTONIC nanoseconds; it reads the time itself.
 */
#ifndef TARGET_DEPENDENCY_H
#define TARGET_DEPENDENCY_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "knob.h"
#include "notices.h"
#include "pool.h"
#include "rankheap.h"

struct target_admission;
struct target_figures;
struct target_scene;

struct target_dependency;

struct target_dependency_settings {
    uint64_t max; /* connections; 0: off */
    uint64_t min;
    uint64_t waiters_max; /* TARGET_UNLIMITED: no end */
    uint64_t wait_ns;     /* the longest that a call waits for a connection */
    uint64_t call_ns;     /* the longest that one opening, check or call may take */
    uint64_t check_ns;    /* 0: never; so for the next two */
    uint64_t idle_ns;
    uint64_t lifetime_ns;
};

enum target_call_result {
    TARGET_CALL_OK,
    TARGET_CALL_FAILED,     /* it was called: `answer` is not 0 */
    TARGET_CALL_NOT_OPENED, /* no connection could be opened for it */
    TARGET_CALL_NOT_SERVED, /* no connection was free in time */
    TARGET_CALL_FULL,       /* tried again, it found too many waiting */
    TARGET_CALL_SHUT,       /* the dependency was turned off while it waited */
    TARGET_CALL_REJECTED,   /* the kind no longer wanted it called */
};

struct target_call { /* all zero: never begun. The caller reads the second half once it is over */
    struct target_pool_waiter waiter;
    struct target_rank_node by_due;
    int state;
    size_t member;   /* that does it, while it is called */
    uint64_t due_ns; /* to be tried again */

    uint64_t index; /* among all calls */
    uint64_t tries; /* so far */
    enum target_call_result result;
    int answer;                          /* of the kind's `call`; 0: it went well */
    uint64_t begin_ns, end_ns, spent_ns; /* spent: in the kind's `call`, all tries */
};

struct target_dependency_kind {
    const char *name;       /* of the system and its limit */
    const char *queue_name; /* of the limit of its waiters */

    /* On the connection's thread; they may block until `deadline_ns`, or until `is_ending`. */
    void *(*open)(void *cls, uint64_t deadline_ns, const char **why); /* NULL: not opened, and a
                                                                         static text says why */
    bool (*check)(void *cls, void *connection, uint64_t deadline_ns);
    /* Returns 0, or what went wrong. `*is_good` false: the connection is not to be used again. */
    int (*call)(void *cls, void *connection, uint64_t index, uint64_t deadline_ns, bool *is_good);
    void (*close)(void *cls, void *connection);

    /* Under the lock, on any thread; they call nothing of this file but `notices`. */
    /* A try has ended. Returns when it is to be tried again, or 0: it is over. */
    uint64_t (*on_done)(void *cls, struct target_call *call, uint64_t now_ns);
    /*
     * It is to be tried again, or waits and is next: may it be called, as things are now? False: it
     * is REJECTED. NULL: always.
     */
    bool (*may_go)(void *cls, struct target_call *call, uint64_t now_ns);
};

/* Off until settings say otherwise. NULL: no memory, or no thread. */
struct target_dependency *target_dependency_new(const struct target_dependency_kind *kind,
                                                void *cls);

/*
 * Closes all connections, after what they are doing, and tells the last events; no call may be
 * under way for anybody. `scene` may be NULL: nobody is told.
 */
void target_dependency_free(struct target_dependency *dependency, const struct target_scene *scene);

void target_dependency_set(struct target_dependency *dependency,
                           const struct target_dependency_settings *settings);

/* Whether it is being freed: then what blocks should end soon. Lock-free. */
bool target_dependency_is_ending(const struct target_dependency *dependency);

enum target_begin {
    TARGET_BEGIN_UNDER_WAY, /* on_done will be, or was, called; until it is over `call` is in use */
    TARGET_BEGIN_OFF,
    TARGET_BEGIN_FULL, /* too many wait */
    TARGET_BEGIN_NO_MEMORY,
};

TARGET_MUST_USE enum target_begin target_dependency_begin(struct target_dependency *dependency,
                                                          struct target_call *call);

/*
 * Nobody waits for the call any more: its memory is the caller's again. What a connection does for
 * it goes on to its end. False: it was over already.
 */
bool target_dependency_leave(struct target_dependency *dependency, struct target_call *call);

/* Notes its times with the request, once it is over. `name` is the system's. */
void target_call_tell(const struct target_call *call, const char *name,
                      struct target_admission *admission);

/* Where the kind and its system tell their events, too. */
struct target_notices *target_dependency_notices(struct target_dependency *dependency);

/* Two limits and the events of the pool; nothing while it is off. */
void target_dependency_figures(struct target_dependency *dependency,
                               struct target_figures *figures);

/* For the system's `check`. */
TARGET_MUST_USE bool target_dependency_check(const struct target_dependency_settings *settings,
                                             const char *name, struct target_error *err);

#define TARGET_DEPENDENCY_KNOB(prefix, what, kind, at, field, ...)                                 \
    {                                                                                              \
        .name = prefix what, .needs = prefix, .type = kind,                                        \
        .offset = (at) + offsetof(struct target_dependency_settings, field), .is_live = true,      \
        __VA_ARGS__                                                                                \
    }

#define TARGET_DEPENDENCY_TIME(prefix, what, at, field, ...)                                       \
    TARGET_DEPENDENCY_KNOB(prefix, what, TARGET_KNOB_DURATION, at, field,                          \
                           .max = UINT64_C(86400000000000), __VA_ARGS__)

/* The knobs of its settings, which lie at offset `at`; `prefix` is "upstream" or the like. */
#define TARGET_DEPENDENCY_KNOBS(prefix, at)                                                        \
    TARGET_DEPENDENCY_KNOB(prefix, "-max", TARGET_KNOB_COUNT, at, max,                             \
                           .max = TARGET_POOL_SLOTS_MAX, .initial = "8",                           \
                           .text = "most connections to the " prefix " at once; 0: it is not "     \
                                   "called at all"),                                               \
        TARGET_DEPENDENCY_KNOB(prefix, "-min", TARGET_KNOB_COUNT, at, min,                         \
                               .max = TARGET_POOL_SLOTS_MAX, .initial = "0",                       \
                               .text = "connections to the " prefix                                \
                                       " that are kept open though nobody needs them"),            \
        TARGET_DEPENDENCY_KNOB(prefix, "-waiters", TARGET_KNOB_COUNT, at, waiters_max,             \
                               .word = "unlimited", .word_value = TARGET_UNLIMITED,                \
                               .initial = "unlimited",                                             \
                               .text = "most requests that wait for a connection to the " prefix   \
                                       "; the next is answered 503"),                              \
        TARGET_DEPENDENCY_TIME(prefix, "-wait", at, wait_ns, .initial = "5s",                      \
                               .text = "how long a request waits for a connection to the " prefix  \
                                       " before it is answered 503"),                              \
        TARGET_DEPENDENCY_TIME(prefix, "-timeout", at, call_ns, .min = 1000000, .initial = "5s",   \
                               .text = "how long one call of the " prefix                          \
                                       " may take before the request is answered 504; so long "    \
                                       "opening a connection, too"),                               \
        TARGET_DEPENDENCY_TIME(prefix, "-check", at, check_ns, .initial = "30s",                   \
                               .text = "a connection that was last known good longer ago is "      \
                                       "checked before it is used; 0: never"),                     \
        TARGET_DEPENDENCY_TIME(prefix, "-idle", at, idle_ns, .initial = "1m",                      \
                               .text = "a connection that nobody used for so long is closed, "     \
                                       "down to --" prefix "-min; 0: never"),                      \
        TARGET_DEPENDENCY_TIME(prefix, "-lifetime", at, lifetime_ns, .initial = "30m",             \
                               .text = "a connection this old is closed, once nobody uses it; "    \
                                       "0: never")

#endif
