/*
 * Compiled code is published by one atomic pointer a library and never freed or changed. Threads
 * that meet at the first time compile it each for themselves; the first to publish wins.
 */
#include "library.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "pelt/buf.h"

#define LIBRARY(symbol, called)                                                                    \
    {                                                                                              \
        .name = (called), .text = (symbol), .len = &symbol##_len                                   \
    }

extern const char pelt_lua_keys[], pelt_lua_guard[], pelt_lua_load[], pelt_lua_load_sustained[],
    pelt_lua_load_burst[], pelt_lua_load_benchmark[], pelt_lua_load_stress[], pelt_lua_load_mix[],
    pelt_lua_load_replay[], pelt_lua_scenario[], pelt_lua_fanout[], pelt_lua_prompts[],
    pelt_lua_llm[], pelt_lua_pelt[], pelt_lua_opened[];
extern const size_t pelt_lua_keys_len, pelt_lua_guard_len, pelt_lua_load_len,
    pelt_lua_load_sustained_len, pelt_lua_load_burst_len, pelt_lua_load_benchmark_len,
    pelt_lua_load_stress_len, pelt_lua_load_mix_len, pelt_lua_load_replay_len,
    pelt_lua_scenario_len, pelt_lua_fanout_len, pelt_lua_prompts_len, pelt_lua_llm_len,
    pelt_lua_pelt_len, pelt_lua_opened_len;

static const struct {
    const char *name, *text; /* of messages; what lua/ has */
    const size_t *len;
} libraries[PELT_LIBRARIES] = {
    [PELT_LIBRARY_KEYS] = LIBRARY(pelt_lua_keys, "=pelt.keys"),
    [PELT_LIBRARY_GUARD] = LIBRARY(pelt_lua_guard, "=pelt.guard"),
    [PELT_LIBRARY_LOAD] = LIBRARY(pelt_lua_load, "=pelt.load"),
    [PELT_LIBRARY_SUSTAINED] = LIBRARY(pelt_lua_load_sustained, "=pelt.load.sustained"),
    [PELT_LIBRARY_BURST] = LIBRARY(pelt_lua_load_burst, "=pelt.load.burst"),
    [PELT_LIBRARY_BENCHMARK] = LIBRARY(pelt_lua_load_benchmark, "=pelt.load.benchmark"),
    [PELT_LIBRARY_STRESS] = LIBRARY(pelt_lua_load_stress, "=pelt.load.stress"),
    [PELT_LIBRARY_MIX] = LIBRARY(pelt_lua_load_mix, "=pelt.load.mix"),
    [PELT_LIBRARY_REPLAY] = LIBRARY(pelt_lua_load_replay, "=pelt.load.replay"),
    [PELT_LIBRARY_SCENARIO] = LIBRARY(pelt_lua_scenario, "=pelt.scenario"),
    [PELT_LIBRARY_FANOUT] = LIBRARY(pelt_lua_fanout, "=pelt.ws.fanout"),
    [PELT_LIBRARY_PROMPTS] = LIBRARY(pelt_lua_prompts, "=pelt.prompts"),
    [PELT_LIBRARY_LLM] = LIBRARY(pelt_lua_llm, "=pelt.llm"),
    [PELT_LIBRARY_PELT] = LIBRARY(pelt_lua_pelt, "=pelt"),
    [PELT_LIBRARY_OPENED] = LIBRARY(pelt_lua_opened, "=pelt.opened"),
};

struct code {
    size_t len;
    char bytes[];
};
static _Atomic(struct code *) compiled[PELT_LIBRARIES];

static int add_piece(lua_State *L, const void *bytes, size_t len, void *buf)
{
    return pelt_buf_add(buf, bytes, len) == PELT_OK ? 0 : 1;
}

/* Keeps the chunk on top, with its names and lines, for states to come; it stays on top. Without
 * memory for that it is compiled again next time. */
static void publish(lua_State *L, enum pelt_library which)
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

void pelt_library_push(lua_State *L, enum pelt_library which)
{
    const struct code *code = atomic_load(&compiled[which]);
    const char *name = libraries[which].name;
    int status = code
                     ? luaL_loadbufferx(L, code->bytes, code->len, name, "b")
                     : luaL_loadbufferx(L, libraries[which].text, *libraries[which].len, name, "t");
    if (status != LUA_OK) {
        lua_error(L);
    }
    if (code == NULL) {
        publish(L, which);
    }
}
