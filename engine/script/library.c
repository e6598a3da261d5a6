/*
 * Compiled code is published by one atomic pointer a library and never freed or changed. Threads
 * that meet at the first time compile it each for themselves; the first to publish wins.
 */
#include "library.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "pelt/buf.h"

#define LIBRARY(symbol, called)                                                                    \
    {                                                                                              \
        .name = "=" called, .text = (symbol), .len = &symbol##_len                                 \
    }

extern const char pelt_lua_keys[], pelt_lua_guard[], pelt_lua_load[], pelt_lua_load_sustained[],
    pelt_lua_load_burst[], pelt_lua_load_benchmark[], pelt_lua_load_stress[], pelt_lua_load_mix[],
    pelt_lua_load_replay[], pelt_lua_scenario[], pelt_lua_fanout[], pelt_lua_prompts[],
    pelt_lua_llm[], pelt_lua_protobuf[], pelt_lua_grpc[], pelt_lua_pelt[], pelt_lua_opened[];
extern const size_t pelt_lua_keys_len, pelt_lua_guard_len, pelt_lua_load_len,
    pelt_lua_load_sustained_len, pelt_lua_load_burst_len, pelt_lua_load_benchmark_len,
    pelt_lua_load_stress_len, pelt_lua_load_mix_len, pelt_lua_load_replay_len,
    pelt_lua_scenario_len, pelt_lua_fanout_len, pelt_lua_prompts_len, pelt_lua_llm_len,
    pelt_lua_protobuf_len, pelt_lua_grpc_len, pelt_lua_pelt_len, pelt_lua_opened_len;

static const struct {
    const char *name, *text; /* a chunk's name, what lua/ has */
    const size_t *len;
} libraries[] = {
    LIBRARY(pelt_lua_keys, "pelt.keys"),
    LIBRARY(pelt_lua_guard, "pelt.guard"),
    LIBRARY(pelt_lua_load, "pelt.load"),
    LIBRARY(pelt_lua_load_sustained, "pelt.load.sustained"),
    LIBRARY(pelt_lua_load_burst, "pelt.load.burst"),
    LIBRARY(pelt_lua_load_benchmark, "pelt.load.benchmark"),
    LIBRARY(pelt_lua_load_stress, "pelt.load.stress"),
    LIBRARY(pelt_lua_load_mix, "pelt.load.mix"),
    LIBRARY(pelt_lua_load_replay, "pelt.load.replay"),
    LIBRARY(pelt_lua_scenario, "pelt.scenario"),
    LIBRARY(pelt_lua_fanout, "pelt.ws.fanout"),
    LIBRARY(pelt_lua_prompts, "pelt.prompts"),
    LIBRARY(pelt_lua_llm, "pelt.llm"),
    LIBRARY(pelt_lua_protobuf, "pelt.protobuf"),
    LIBRARY(pelt_lua_grpc, "pelt.grpc"),
    LIBRARY(pelt_lua_pelt, "pelt"),
    LIBRARY(pelt_lua_opened, "pelt.opened"),
};
#define LIBRARIES (sizeof libraries / sizeof *libraries)

struct code {
    size_t len;
    char bytes[];
};
static _Atomic(struct code *) compiled[LIBRARIES];

static int add_piece(lua_State *L, const void *bytes, size_t len, void *buf)
{
    return pelt_buf_add(buf, bytes, len) == PELT_OK ? 0 : 1;
}

/* Keeps the chunk on top, with its names and lines, for states to come; it stays on top. Without
 * memory for that it is compiled again next time. */
static void publish(lua_State *L, size_t which)
{
    struct pelt_buf buf;
    pelt_buf_init(&buf, 0);
    struct code head = {0}, *code = NULL, *none = NULL;
    pelt_buf_add(&buf, &head, sizeof(head));
    if (lua_dump(L, add_piece, &buf, 0) == 0 && !buf.failed) {
        size_t len = buf.len - sizeof(head);
        code = (struct code *)pelt_buf_take(&buf);
        code->len = len;
        if (atomic_compare_exchange_strong(&compiled[which], &none, code)) {
            code = NULL;
        }
    }
    free(code);
    pelt_buf_deinit(&buf);
}

const char *pelt_library_name(size_t i)
{
    return i < LIBRARIES ? libraries[i].name + 1 : NULL;
}

void pelt_library_push(lua_State *L, const char *name)
{
    size_t which = 0;
    while (which < LIBRARIES && strcmp(pelt_library_name(which), name) != 0) {
        which++;
    }
    if (which == LIBRARIES) {
        luaL_error(L, "pelt has no library '%s'", name);
    }
    const struct code *code = atomic_load(&compiled[which]);
    const char *called = libraries[which].name;
    int status =
        code ? luaL_loadbufferx(L, code->bytes, code->len, called, "b")
             : luaL_loadbufferx(L, libraries[which].text, *libraries[which].len, called, "t");
    if (status != LUA_OK) {
        lua_error(L);
    }
    if (code == NULL) {
        publish(L, which);
    }
}
