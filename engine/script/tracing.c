/* tracing: see the header. */
#include "tracing.h"

#include <string.h>

#include "args.h"
#include "pelt/http1_request.h"
#include "pelt/trace_context.h"
#include "strand.h"
#include "template.h"

static const char *const KEYS[] = {"traceparent", "correlation", NULL};

struct pelt_tracing pelt_tracing_of(const struct pelt_scenario *scenario)
{
    return (struct pelt_tracing){scenario->traceparent,
                                 pelt_span_of(scenario->correlation ? scenario->correlation : "")};
}

/* The fields that pelt writes itself have their own words when a request is made. */
static void check_name(lua_State *L, const char *what, struct pelt_span name)
{
    if (!pelt_http1_is_token(name) || pelt_span_eq_nocase(name, "traceparent")) {
        luaL_error(L,
                   "%s: trace.correlation: '%s' is no name for a field with an id: write "
                   "\"X-Correlation-ID\"",
                   what, name.ptr);
    }
}

/* The entries of the table at `index`. */
static void read_table(lua_State *L, int index, const char *what, struct pelt_tracing *out)
{
    char where[64];
    snprintf(where, sizeof where, "%s: trace", what);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[1]";
        if (strcmp(key, KEYS[0]) == 0) {
            out->traceparent = pelt_args_boolean(L, lua_gettop(L), where, key);
        } else if (strcmp(key, KEYS[1]) == 0) {
            out->correlation = pelt_args_text(L, lua_gettop(L), "trace.correlation");
            check_name(L, what, out->correlation);
        } else {
            pelt_args_unknown(L, where, key, KEYS);
        }
        lua_pop(L, 1);
    }
}

void pelt_tracing_read(lua_State *L, int index, const char *what, struct pelt_tracing *out)
{
    *out = (struct pelt_tracing){.traceparent = true};
    if (lua_isboolean(L, index)) {
        out->traceparent = lua_toboolean(L, index);
        return;
    }
    if (!lua_istable(L, index)) {
        luaL_error(L,
                   "%s: trace: true, false or a table is expected ({ correlation = "
                   "\"X-Correlation-ID\" }), not a %s",
                   what, luaL_typename(L, index));
    }
    read_table(L, pelt_template_entries(L, index), what, out);
    if (!out->traceparent && out->correlation.len == 0) {
        luaL_error(L,
                   "%s: trace: traceparent = false leaves nothing to send: give correlation = "
                   "\"X-Correlation-ID\", too, or write trace = false",
                   what);
    }
}

void pelt_tracing_whose(const struct pelt_strand *strand, struct pelt_script_whose *out)
{
    struct pelt_trace_context ids;
    *out = (struct pelt_script_whose){.has_user = strand != NULL && strand->vu != NULL};
    if (out->has_user) {
        out->user = strand->vu->id;
        out->iteration = strand->vu->iteration;
    }
    if (strand != NULL && strand->traced > 0) {
        pelt_trace_context_draw(&ids, strand->shard->opt->seed, strand->trace_stream,
                                strand->traced - 1);
        memcpy(out->correlation_id, ids.trace_id, sizeof ids.trace_id);
    }
}

void pelt_tracing_fill(const struct pelt_request *request, struct pelt_buf *buf,
                       struct pelt_strand *strand)
{
    struct pelt_trace_context ids;
    pelt_trace_context_draw(&ids, strand->shard->opt->seed, strand->trace_stream, strand->traced++);
    if (request->trace_at != 0) {
        char *at = buf->data + request->trace_at;
        memcpy(at, ids.trace_id, sizeof ids.trace_id);
        memcpy(at + PELT_TRACEPARENT_SPAN - PELT_TRACEPARENT_ID, ids.span_id, sizeof ids.span_id);
    }
    if (request->correlation_at != 0) {
        memcpy(buf->data + request->correlation_at, ids.trace_id, sizeof ids.trace_id);
    }
}

const struct pelt_request *pelt_tracing_copy(lua_State *L, const struct pelt_request *request,
                                             struct pelt_strand *strand)
{
    struct pelt_draft *draft = pelt_draft_at(L, &strand->draft);
    pelt_buf_reset(&draft->buf);
    if (pelt_buf_add(&draft->buf, request->bytes, request->len) != PELT_OK) {
        luaL_error(L, "http: out of memory");
    }
    draft->request = *request;
    draft->request.bytes = draft->buf.data;
    pelt_tracing_fill(request, &draft->buf, strand);
    return &draft->request;
}

/* Where the digits behind the same beginning of a line stand in the request; 0: nowhere. */
static uint32_t moved(const struct pelt_request *request, const char *old, uint32_t at)
{
    if (at == 0) {
        return 0;
    }
    size_t begin = at;
    while (begin > 0 && old[begin - 1] != '\n') {
        begin--;
    }
    const size_t len = at - begin + 1; /* with the line end before it */
    const char *found = memmem(request->bytes, request->len, old + begin - 1, len);
    return found ? (uint32_t)(found - request->bytes + len) : 0;
}

void pelt_tracing_move(struct pelt_request *request, const char *old)
{
    request->trace_at = moved(request, old, request->trace_at);
    request->correlation_at = moved(request, old, request->correlation_at);
}
