/* telling: see the header. */
#include "telling.h"

#include "alerts.h"
#include "trace.h"

struct target_draft target_telling_trace(const struct target_sources *from,
                                         const struct target_asked *asked)
{
    struct target_trace *trace = from->running->state[target_systems_index(&target_trace_system)];
    json_t *json;

    if (!target_trace_is_on(trace)) {
        return target_draft_failed(MHD_HTTP_NOT_FOUND, "not_found",
                                   "requests are not traced; turn the knob trace");
    }
    json = target_trace_json(trace, target_route_rest(asked->route, asked->path));
    return json ? target_draft_json(from, MHD_HTTP_OK, json)
                : target_draft_failed(MHD_HTTP_NOT_FOUND, "not_found",
                                      "no request of this id is kept");
}

struct target_draft target_telling_alerts(const struct target_sources *from)
{
    return target_draft_json(
        from, MHD_HTTP_OK,
        target_alerts_json(from->running->state[target_systems_index(&target_alerts_system)]));
}
