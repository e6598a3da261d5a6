/*
 * routes: which paths the service knows, and the class under which each is counted and logged.
 *
 * A class is a fixed name ("/bytes/N" for all of them), so counting needs no memory a path. Static
 * data, pure functions.
 */
#ifndef TARGET_ROUTES_H
#define TARGET_ROUTES_H

#include <stdbool.h>

enum target_route {
    TARGET_ROUTE_CHAT,
    TARGET_ROUTE_COMPLETIONS,
    TARGET_ROUTE_MODELS,
    TARGET_ROUTE_STATUS,
    TARGET_ROUTE_WORK,
    TARGET_ROUTE_SEARCH,
    TARGET_ROUTE_COGNITIVE,
    TARGET_ROUTE_TASKS,
    TARGET_ROUTE_TASK,
    TARGET_ROUTE_HEALTH,
    TARGET_ROUTE_LIVE,
    TARGET_ROUTE_READY,
    TARGET_ROUTE_DETAILED,
    TARGET_ROUTE_ECHO,
    TARGET_ROUTE_BYTES,
    TARGET_ROUTE_ANSWER_STATUS,
    TARGET_ROUTE_SESSIONS,
    TARGET_ROUTE_WS_ECHO,
    TARGET_ROUTE_WS_CHAT,
    TARGET_ROUTE_DASHBOARD,
    TARGET_ROUTE_API_HEALTH,
    TARGET_ROUTE_SYSTEM_STATS,
    TARGET_ROUTE_WORKERS_STATS,
    TARGET_ROUTE_TASKS_QUEUED,
    TARGET_ROUTE_TASKS_RUNNING,
    TARGET_ROUTE_TASKS_STATUS,
    TARGET_ROUTE_HISTORY,
    TARGET_ROUTE_FULL_STATUS,
    TARGET_ROUTE_CAPACITY,
    TARGET_ROUTE_ALERTS,
    TARGET_ROUTE_EVENTS,
    TARGET_ROUTE_TRACE,
    TARGET_ROUTE_QUEUE,
    TARGET_ROUTE_WS_PUSH,
    TARGET_ROUTE_OTHER, /* no such path: 404 */
    TARGET_ROUTE_COUNT,
    TARGET_ROUTE_METRICS,
    TARGET_ROUTE_KNOBS,
    TARGET_ROUTE_KNOB,
    TARGET_ROUTE_CACHE,
    TARGET_ROUTE_BACKENDS,
    TARGET_ROUTE_WARM,
    TARGET_ROUTE_TRIM,
    TARGET_ROUTES
};

/* The route of a request path (without query). Never fails: what is unknown is OTHER. */
enum target_route target_route_find(const char *path);

/* The class name, "/bytes/N". */
const char *target_route_class(enum target_route route);

/* What follows a prefix route's prefix: the "12" of "/bytes/12". `path` must belong to `route`. */
const char *target_route_rest(enum target_route route, const char *path);

/* Allowed methods as the Allow header has them; NULL: any. */
const char *target_route_methods(enum target_route route);

bool target_route_allows(enum target_route route, const char *method);

/*
 * True for the observer's own doors, /count, /metrics and /admin: not counted, never delayed,
 * stalled or failed, because looking at a judge must not change what it saw.
 */
bool target_route_is_observer(enum target_route route);

/* True for /admin: for clients on this machine only. */
bool target_route_is_admin(enum target_route route);

/* True for the dashboard's figures, /status, /capacity, /alerts, /events, /trace; not its page. */
bool target_route_tells(enum target_route route);

/* True for what has work to do: it needs a worker where their number is limited. */
bool target_route_has_work(enum target_route route);

/*
 * True for /health/live, /health/ready and /health/detailed, and for all that only tells of the
 * service (target_route_tells): they take no service time, and no system is asked.
 */
bool target_route_is_probe(enum target_route route);

#endif
