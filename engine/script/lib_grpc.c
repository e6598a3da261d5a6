/*
 * What lua/grpc.lua stands on: calls whose answer is judged by gRPC's status (client/grpc.c), as
 * responses and streams of messages; bytes of a file of descriptors; names of statuses.
 */
#include "file.h"
#include "lib.h"
#include "opened.h"
#include "pelt/grpc.h"
#include "strand.h"
#include "stream.h"

#define LIMITS_TYPE "pelt.grpc.limits"

/* bytes(file): the content of a pelt.file */
static int grpc_bytes(lua_State *L)
{
    const struct pelt_file *file = pelt_file_test(L, 1);
    luaL_argcheck(L, file != NULL, 1, "a pelt.file is expected");
    pelt_opened_use(L, 1);
    lua_pushlstring(L, file->content.ptr, file->content.len);
    return 1;
}

/* limits(max_message, expected): for call and stream. In the registry to the end, as an exchange
 * may outlive the script's use of it. */
static int grpc_limits(lua_State *L)
{
    const struct pelt_client *client = pelt_shard_of(L)->opt->client; /* NULL: it is only read */
    if (client && pelt_client_streams(client) == 0) {
        lua_pushliteral(L,
                        "gRPC is spoken over HTTP/2: write http2 = true in the scenario, or give "
                        "--http2");
        return lua_error(L);
    }
    struct pelt_grpc *g = lua_newuserdatauv(L, sizeof *g, 0);
    g->message_max = (uint32_t)luaL_checkinteger(L, 1);
    g->expected = (uint32_t)luaL_checkinteger(L, 2);
    luaL_newmetatable(L, LIMITS_TYPE);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    luaL_ref(L, LUA_REGISTRYINDEX);
    return 1;
}

static struct pelt_http_client *client_at(lua_State *L, int index)
{
    struct pelt_http_client *client = pelt_shard_test(L, index, PELT_TYPE_HTTP_CLIENT);
    luaL_argcheck(L, client != NULL, index, "a client is expected");
    return client;
}

/* call(client, path, options, limits): a response, whose headers have the trailer's fields, too */
static int grpc_call(lua_State *L)
{
    struct pelt_http_client *client = client_at(L, 1);
    const struct pelt_grpc *g = luaL_checkudata(L, 4, LIMITS_TYPE);
    struct pelt_call call = {.what = "grpc", .method = "POST", .url = 2, .options = 3};
    struct pelt_strand *strand = pelt_strand_waiter(L, "a call of gRPC");
    (void)pelt_draft_compose(L, client, &call, &strand->draft);
    struct pelt_request *request = &strand->draft->request;
    request->grpc = g;
    request->judged = request->keep = true;
    request->decode = false;
    request->body_max = g->message_max + PELT_GRPC_PREFIX;
    lua_settop(L, 0);
    return pelt_strand_call(L, strand, request);
}

/* stream(client, path, options, limits): a stream, whose events are messages */
static int grpc_stream(lua_State *L)
{
    struct pelt_http_client *client = client_at(L, 1);
    const struct pelt_grpc *g = luaL_checkudata(L, 4, LIMITS_TYPE);
    return pelt_stream_call(L, client, 2, 3, g);
}

/* status(text): its number and name; nil for none */
static int grpc_status(lua_State *L)
{
    struct pelt_span text = {NULL, 0};
    text.ptr = lua_tolstring(L, 1, &text.len);
    const int status = text.ptr ? pelt_grpc_status(text) : -1;
    if (!text.ptr) {
        return 0;
    }
    lua_pushinteger(L, status >= 0 ? status : 2);
    lua_pushstring(L, pelt_grpc_status_name(status));
    return 2;
}

int pelt_lib_grpc(lua_State *L)
{
    static const luaL_Reg functions[] = {{"bytes", grpc_bytes},   {"limits", grpc_limits},
                                         {"call", grpc_call},     {"stream", grpc_stream},
                                         {"status", grpc_status}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_pushinteger(L, PELT_GRPC_MESSAGE);
    lua_setfield(L, -2, "message");
    lua_pushinteger(L, PELT_GRPC_MESSAGE_MAX);
    lua_setfield(L, -2, "message_max");
    return 1;
}
