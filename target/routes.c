/* routes: see the header. */
#include "routes.h"

#define GET_AND_HEAD "GET, HEAD"
#define GET_AND_PUT  "GET, HEAD, PUT"

struct route {
    const char *class;
    const char *path;
    bool is_prefix;
    const char *methods;
};

static const struct route routes[TARGET_ROUTES] = {
    [TARGET_ROUTE_CHAT] = {"/api/chat", "/api/chat", false, "POST"},
    [TARGET_ROUTE_COMPLETIONS] = {"/v1/chat/completions", "/v1/chat/completions", false, "POST"},
    [TARGET_ROUTE_MODELS] = {"/api/models", "/api/models", false, GET_AND_HEAD},
    [TARGET_ROUTE_STATUS] = {"/api/status", "/api/status", false, GET_AND_HEAD},
    [TARGET_ROUTE_WORK] = {"/work", "/work", false, GET_AND_HEAD},
    [TARGET_ROUTE_SEARCH] = {"/search", "/search", false, GET_AND_HEAD},
    [TARGET_ROUTE_COGNITIVE] = {"/cognitive/NAME", "/cognitive/", true, "GET, HEAD, POST"},
    [TARGET_ROUTE_TASKS] = {"/tasks", "/tasks", false, "POST"},
    [TARGET_ROUTE_TASK] = {"/tasks/ID", "/tasks/", true, GET_AND_HEAD},
    [TARGET_ROUTE_LIVE] = {"/health/live", "/health/live", false, GET_AND_HEAD},
    [TARGET_ROUTE_READY] = {"/health/ready", "/health/ready", false, GET_AND_HEAD},
    [TARGET_ROUTE_DETAILED] = {"/health/detailed", "/health/detailed", false, GET_AND_HEAD},
    [TARGET_ROUTE_HEALTH] = {"/health", "/health", false, GET_AND_HEAD},
    [TARGET_ROUTE_ECHO] = {"/echo", "/echo", false, NULL},
    [TARGET_ROUTE_BYTES] = {"/bytes/N", "/bytes/", true, GET_AND_HEAD},
    [TARGET_ROUTE_ANSWER_STATUS] = {"/status/N", "/status/", true, NULL},
    [TARGET_ROUTE_SESSIONS] = {"/sessions", "/sessions", false, "GET, HEAD, POST, DELETE"},
    [TARGET_ROUTE_WS_ECHO] = {"/ws/echo", "/ws/echo", false, "GET"},
    [TARGET_ROUTE_WS_CHAT] = {"/ws/chat", "/ws/chat", false, "GET"},
    [TARGET_ROUTE_DASHBOARD] = {"/", "/", false, GET_AND_HEAD},
    [TARGET_ROUTE_API_HEALTH] = {"/api/health", "/api/health", false, GET_AND_HEAD},
    [TARGET_ROUTE_SYSTEM_STATS] = {"/api/system/stats", "/api/system/stats", false, GET_AND_HEAD},
    [TARGET_ROUTE_WORKERS_STATS] = {"/api/workers/stats", "/api/workers/stats", false,
                                    GET_AND_HEAD},
    [TARGET_ROUTE_TASKS_QUEUED] = {"/api/tasks/queued", "/api/tasks/queued", false, GET_AND_HEAD},
    [TARGET_ROUTE_TASKS_RUNNING] = {"/api/tasks/running", "/api/tasks/running", false,
                                    GET_AND_HEAD},
    [TARGET_ROUTE_TASKS_STATUS] = {"/api/tasks/status/ID", "/api/tasks/status/", true,
                                   GET_AND_HEAD},
    [TARGET_ROUTE_HISTORY] = {"/api/metrics/history", "/api/metrics/history", false, GET_AND_HEAD},
    [TARGET_ROUTE_FULL_STATUS] = {"/status", "/status", false, GET_AND_HEAD},
    [TARGET_ROUTE_CAPACITY] = {"/capacity", "/capacity", false, GET_AND_HEAD},
    [TARGET_ROUTE_ALERTS] = {"/alerts", "/alerts", false, GET_AND_HEAD},
    [TARGET_ROUTE_EVENTS] = {"/events", "/events", false, "GET, HEAD, POST"},
    [TARGET_ROUTE_TRACE] = {"/trace/ID", "/trace/", true, GET_AND_HEAD},
    [TARGET_ROUTE_QUEUE] = {"/queue", "/queue", false, "GET, HEAD, POST"},
    [TARGET_ROUTE_WS_PUSH] = {"/ws", "/ws", false, "GET"},
    [TARGET_ROUTE_OTHER] = {"other", NULL, false, NULL},
    [TARGET_ROUTE_COUNT] = {"/count", "/count", false, GET_AND_HEAD},
    [TARGET_ROUTE_METRICS] = {"/metrics", "/metrics", false, GET_AND_HEAD},
    [TARGET_ROUTE_KNOBS] = {"/admin/knobs", "/admin/knobs", false, GET_AND_PUT},
    [TARGET_ROUTE_KNOB] = {"/admin/knobs/NAME", "/admin/knobs/", true, GET_AND_PUT},
    [TARGET_ROUTE_CACHE] = {"/admin/cache", "/admin/cache", false, "DELETE"},
    [TARGET_ROUTE_BACKENDS] = {"/admin/backends", "/admin/backends", false,
                               "GET, HEAD, POST, DELETE"},
    [TARGET_ROUTE_WARM] = {"/admin/search", "/admin/search", false, "POST"},
    [TARGET_ROUTE_TRIM] = {"/admin/trim", "/admin/trim", false, "POST"},
};

static bool matches(const struct route *route, const char *path)
{
    if (!route->path) {
        return false;
    }
    return route->is_prefix ? strncmp(path, route->path, strlen(route->path)) == 0
                            : strcmp(path, route->path) == 0;
}

enum target_route target_route_find(const char *path)
{
    for (enum target_route i = 0; i < TARGET_ROUTES; i++) {
        if (matches(&routes[i], path)) {
            return i;
        }
    }
    return TARGET_ROUTE_OTHER;
}

const char *target_route_class(enum target_route route)
{
    return routes[route].class;
}

const char *target_route_rest(enum target_route route, const char *path)
{
    return path + strlen(routes[route].path);
}

const char *target_route_methods(enum target_route route)
{
    return routes[route].methods;
}

bool target_route_allows(enum target_route route, const char *method)
{
    const char *methods = routes[route].methods;
    size_t length = strlen(method);

    if (!methods) {
        return true;
    }
    for (const char *at = methods; (at = strstr(at, method)) != NULL; at += length) {
        if ((at == methods || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

bool target_route_is_observer(enum target_route route)
{
    return route == TARGET_ROUTE_COUNT || route == TARGET_ROUTE_METRICS ||
           target_route_is_admin(route);
}

bool target_route_is_admin(enum target_route route)
{
    return route == TARGET_ROUTE_KNOBS || route == TARGET_ROUTE_KNOB ||
           route == TARGET_ROUTE_CACHE || route == TARGET_ROUTE_BACKENDS ||
           route == TARGET_ROUTE_WARM || route == TARGET_ROUTE_TRIM;
}

bool target_route_tells(enum target_route route)
{
    return route >= TARGET_ROUTE_API_HEALTH && route <= TARGET_ROUTE_TRACE;
}

bool target_route_has_work(enum target_route route)
{
    return route == TARGET_ROUTE_CHAT || route == TARGET_ROUTE_COMPLETIONS ||
           route == TARGET_ROUTE_WORK || route == TARGET_ROUTE_SEARCH ||
           route == TARGET_ROUTE_COGNITIVE;
}

bool target_route_is_probe(enum target_route route)
{
    return route == TARGET_ROUTE_LIVE || route == TARGET_ROUTE_READY ||
           route == TARGET_ROUTE_DETAILED || target_route_tells(route);
}
