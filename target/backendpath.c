/* backendpath: see the header. */
#include "backendpath.h"

#include <string.h>

#include "jsontext.h"
#include "lb.h"
#include "response.h"

static struct target_draft list(struct target_lb *lb)
{
    json_t *json = json_pack("{s:o}", "backends", target_lb_json(lb));

    return target_draft_own(MHD_HTTP_OK,
                            target_response_text(target_jsontext_take(json), TARGET_JSON_TYPE));
}

static struct target_draft take_in(struct target_lb *lb, const struct target_asked *asked)
{
    struct target_error err = {{0}};
    unsigned status = target_lb_register(lb, asked->body, asked->body_bytes, asked->now_ns, &err);

    return status == MHD_HTTP_OK ? list(lb)
                                 : target_draft_failed(status, "invalid_request", err.text);
}

static struct target_draft let_go(struct target_lb *lb, const struct target_asked *asked)
{
    const char *address =
        MHD_lookup_connection_value(asked->connection, MHD_GET_ARGUMENT_KIND, "address");

    if (!address) {
        return target_draft_bad_request("this path takes ?address=HOST:PORT");
    }
    return target_lb_leave(lb, address, asked->now_ns)
               ? list(lb)
               : target_draft_failed(MHD_HTTP_NOT_FOUND, "not_found",
                                     "there is no back end of that address");
}

struct target_draft target_backendpath(const struct target_sources *from,
                                       const struct target_asked *asked)
{
    struct target_lb *lb = from->running->state[target_systems_index(&target_lb_system)];

    if (strcmp(asked->method, MHD_HTTP_METHOD_POST) == 0) {
        return take_in(lb, asked);
    }
    return strcmp(asked->method, MHD_HTTP_METHOD_DELETE) == 0 ? let_go(lb, asked) : list(lb);
}
