/* fixed: see the header. */
#include "fixed.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "headers.h"
#include "jsontext.h"
#include "response.h"

struct MHD_Response *target_fixed_response(const struct target_fixed *fixed)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(fixed->text), fixed->text, MHD_RESPMEM_PERSISTENT);

    target_response_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, TARGET_JSON_TYPE);
    if (fixed->allow) {
        target_response_add(response, MHD_HTTP_HEADER_ALLOW, fixed->allow);
    }
    return response;
}

/* Takes `text`, which may be NULL: then false. */
static bool fix(struct target_fixed *fixed, const struct target_service *service, char *text,
                const char *allow)
{
    *fixed = (struct target_fixed){.text = text, .allow = allow};
    fixed->ready = text ? target_fixed_response(fixed) : NULL;
    target_headers_add_shared(fixed->ready, service->has_server_timing);
    return fixed->ready != NULL;
}

static bool fix_json(struct target_fixed *fixed, const struct target_service *service, json_t *json)
{
    return fix(fixed, service,
               target_jsontext_padded(target_jsontext_take(json), service->body_bytes), NULL);
}

static bool fix_error(struct target_fixed *fixed, const struct target_service *service,
                      const char *type, const char *message)
{
    return fix(fixed, service, target_jsontext_error(type, message), NULL);
}

static bool fix_wrong_methods(struct target_fixed_answers *answers,
                              const struct target_service *service)
{
    char message[64];

    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        const char *methods = target_route_methods(route);

        snprintf(message, sizeof message, "this path allows %s", methods ? methods : "any method");
        if (methods && !fix(&answers->wrong_method[route], service,
                            target_jsontext_error("method_not_allowed", message), methods)) {
            return false;
        }
    }
    return true;
}

bool target_fixed_build(struct target_fixed_answers *answers, const struct target_service *service)
{
    struct target_fixed *one = answers->one;

    return fix_json(&one[TARGET_FIXED_HEALTH], service, json_pack("{s:s}", "status", "ok")) &&
           fix_json(&one[TARGET_FIXED_LIVE], service, json_pack("{s:s}", "status", "alive")) &&
           fix_json(&one[TARGET_FIXED_READY], service, json_pack("{s:s}", "status", "ready")) &&
           fix_json(&one[TARGET_FIXED_DRAINING], service,
                    json_pack("{s:s}", "status", "draining")) &&
           fix_json(&one[TARGET_FIXED_DEGRADED], service,
                    json_pack("{s:s}", "status", "degraded")) &&
           fix_json(&one[TARGET_FIXED_WORK], service, json_pack("{s:s}", "status", "done")) &&
           fix_json(&one[TARGET_FIXED_MODELS], service,
                    json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "object", "list", "data", "id",
                              TARGET_MODEL, "object", "model", "owned_by", "pelt")) &&
           fix_error(&one[TARGET_FIXED_FAILED], service, "server_error",
                     "this request was drawn to fail") &&
           fix_error(&one[TARGET_FIXED_NOT_FOUND], service, "not_found", "there is no such path") &&
           fix_error(&one[TARGET_FIXED_TOO_LARGE], service, "invalid_request",
                     "a body has at most 1 MiB here") &&
           fix_wrong_methods(answers, service);
}

static void unfix(struct target_fixed *fixed)
{
    if (fixed->ready) {
        MHD_destroy_response(fixed->ready);
    }
    free(fixed->text);
}

void target_fixed_deinit(struct target_fixed_answers *answers)
{
    for (size_t i = 0; i < TARGET_FIXED; i++) {
        unfix(&answers->one[i]);
    }
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        unfix(&answers->wrong_method[route]);
    }
}

void target_fixed_close(struct target_fixed_answers *answers)
{
    for (size_t i = 0; i < TARGET_FIXED; i++) {
        target_response_add(answers->one[i].ready, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        target_response_add(answers->wrong_method[route].ready, MHD_HTTP_HEADER_CONNECTION,
                            "close");
    }
}
