/*
 * shard: one Lua state with the scenario loaded into it, for at most PELT_SHARD_USERS users.
 *
 * Each coroutine finds its shard in Lua's extra space, and the strand that is running in `running`.
 * All Lua work goes through pelt_shard_protect() or lua_resume(), so nothing raises outside of
 * them.
 *
 * Thread: the owner of the script (control thread while a scenario is only read).
 */
#ifndef PELT_SHARD_H
#define PELT_SHARD_H

#include <jansson.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>

#include "pelt/buf.h"
#include "pelt/rng.h"
#include "pelt/script.h"
#include "source.h"
#include "slab.h"

#define PELT_SHARD_REQUESTS_MAX                                                                    \
    1000 /* prebuilt requests kept; further URLs are built at each call */

struct pelt_strand;
struct pelt_templates;
struct pelt_series_cache;
struct pelt_observer;
struct pelt_stream_series;

/* Metatables of userdata, for functions that are called with one at each request: comparing an
 * address is a third of luaL_checkudata(). */
enum pelt_type {
    PELT_TYPE_RESPONSE,
    PELT_TYPE_RNG,
    PELT_TYPE_HTTP_CLIENT,
    PELT_TYPE_FEED,
    PELT_TYPE_METRIC,
    PELT_TYPE_STREAM,
    PELT_TYPE_EVENT,
    PELT_TYPE_WEBSOCKET,
    PELT_TYPES
};

struct pelt_shard_task {
    int run_ref; /* the function, in the registry */
    double weight;
};

/* What the users of a load draw from. */
struct pelt_shard_choice {
    int run_ref;  /* the task's */
    double up_to; /* sum of the weights up to and including this one */
};
struct pelt_shard_group {
    struct pelt_shard_choice *tasks;
    size_t len;
};

struct pelt_shard {
    lua_State *L;
    struct pelt_slab slab;
    const struct pelt_script_options
        *opt;                    /* borrowed; client, recorder, ... are NULL while only reading */
    struct pelt_setting *marks;  /* settings whose `read` is set by pelt.env(); NULL: nobody asks */
    struct pelt_strand *running; /* NULL: the file is being loaded, or: */
    bool deciding;               /* the load's function is asked (shape.c) */
    uint64_t now_ns;             /* when the running strand was resumed */
    struct pelt_rng load_rng;    /* math.random while the file is loaded: the same in all shards */
    uint32_t users;              /* strands of users alive here */
    int scenario_ref;            /* the checked scenario: lua/scenario.lua says its fields */
    int data_ref;                /* what setup returned, read-only; LUA_REFNIL: nothing */
    int series_ref, checks_ref;  /* name -> id */
    struct pelt_shard_task *tasks;
    struct pelt_shard_group
        *groups_of_tasks; /* of each load of the plan: one, or the mix's parts */
    size_t groups_of_tasks_len;
    int setup_ref, teardown_ref; /* LUA_NOREF: not defined */
    int init_ref, exit_ref;      /* user_init, user_exit; likewise */
    int think_ref;               /* `think` where it is a function; likewise */
    uint32_t groups;             /* kept ones */
    int groups_ref;              /* name -> group, of those in no other */
    uint32_t requests;           /* prebuilt ones kept */
    struct pelt_templates *templates;
    struct pelt_buf head;         /* of the newest template made */
    struct pelt_buf made;         /* the newest form, multipart or redirected request */
    struct pelt_buf json;         /* the newest JSON text made */
    struct pelt_source source;    /* what the code loaded so far may do */
    bool frozen;                  /* the file was loaded: globals and libraries are guarded */
    uint64_t guarded_version;     /* of source.writes.assigned that the guard has seen */
    uint64_t clients;             /* serial number of the newest http.client */
    size_t feeds;                 /* of data rows, made while the file was loaded */
    int response_ref;             /* the metatable of responses */
    const void *type[PELT_TYPES]; /* addresses of the metatables */
    uint64_t responses;           /* serial number of the newest response */
    uint64_t parsed_serial;       /* response that `parsed` belongs to; 0: none */
    json_t *parsed;               /* newest JSON document read; freed with the next one */
    int event_ref;                /* the metatable of a stream's events */
    struct pelt_stream_series *stream_series; /* of streams by name; NULL: none so far (events.h) */
    struct pelt_series_cache *series;         /* of metrics met so far; NULL: none (lib_metric.c) */
    struct pelt_observer *observer;           /* of what answers say; NULL: nobody asked for it */
};

/*
 * Makes the state, loads options->scenario->source and checks what it returns. PELT_ESCRIPT or
 * PELT_EINVAL: err has "file:line: ..." and, for a run-time error, the traceback in further lines.
 */
PELT_MUST_USE enum pelt_status pelt_shard_new(const struct pelt_script_options *options,
                                              struct pelt_setting *marks, struct pelt_shard **out,
                                              struct pelt_error *err);
void pelt_shard_free(struct pelt_shard *shard); /* accepts NULL */

/* Runs fn(L) with `arg` as a light userdata on its stack. False: err has the message. */
PELT_MUST_USE bool pelt_shard_protect(struct pelt_shard *shard, lua_CFunction fn, void *arg,
                                      struct pelt_error *err);

/* Code was loaded: lets the guard of libraries (lua/guard.lua) know what it assigns to. Raises. */
void pelt_shard_guard(lua_State *L);

/* The data that setup returned, as JSON, for `data_ref`. Raises; call it protected. */
void pelt_shard_set_data(struct pelt_shard *shard, const char *json);

void pelt_series_cache_free(struct pelt_series_cache *cache); /* accepts NULL */

/* Replaces the document in `parsed`. */
void pelt_shard_keep_json(struct pelt_shard *shard, json_t *document, uint64_t serial);

static inline struct pelt_shard *pelt_shard_of(lua_State *L)
{
    return *(struct pelt_shard **)lua_getextraspace(L);
}

/* How long to wait where the script asked for so many ns: nothing, where waiting is skipped. */
static inline uint64_t pelt_shard_pause_ns(const struct pelt_shard *shard, uint64_t asked_ns)
{
    if (!shard->opt->skipped_ns) {
        return asked_ns;
    }
    atomic_fetch_add_explicit(shard->opt->skipped_ns, asked_ns, memory_order_relaxed);
    return 0;
}

/* After use of a buffer that is kept for the next call: frees one that has grown large. */
#define PELT_SHARD_KEPT_BYTES 65536
static inline void pelt_shard_trim(struct pelt_buf *buf)
{
    if (buf->cap > PELT_SHARD_KEPT_BYTES) {
        pelt_buf_deinit(buf);
    }
}

/* The userdata at `index` if it is of this type, else NULL. */
static inline void *pelt_shard_test(lua_State *L, int index, enum pelt_type type)
{
    if (!lua_getmetatable(L, index)) {
        return NULL;
    }
    const void *found = lua_topointer(L, -1);
    lua_pop(L, 1);
    return found == pelt_shard_of(L)->type[type] ? lua_touserdata(L, index) : NULL;
}

/* Pushes the error object at `index` as text: for one that says nothing its type, not its address,
 * which would differ each time. */
void pelt_shard_push_error(lua_State *L, int index);

/* "file:line: " of the innermost frame of L that lies in a file, empty without one. Allocates
 * nothing. */
#define PELT_SHARD_WHERE_SIZE (LUA_IDSIZE + 16)
void pelt_shard_where(lua_State *L, char where[PELT_SHARD_WHERE_SIZE]);
/* The same of the function in the registry, where it is defined. Allocates nothing. */
void pelt_shard_where_defined(struct pelt_shard *shard, int function_ref,
                              char where[PELT_SHARD_WHERE_SIZE]);

/* What a coroutine that did not end well leaves: returns the error object on top of its stack as
 * text, or nil, and its traceback. To be called protected, with a struct pelt_failed as its light
 * userdata. */
struct pelt_failed {
    lua_State *co;
    bool silent; /* nothing on its stack says why */
};
int pelt_shard_describe(lua_State *L);

/* What to say, with the position, when `co` ended without memory. `vu`: the user that is stopped
 * for it where the limit was met; NULL: none. */
void pelt_shard_say_memory(const struct pelt_shard *shard, lua_State *co, const struct pelt_vu *vu,
                           struct pelt_error *err);

/* The same of `co`, which ended by itself with `status` in the slice that was left last, and its
 * traceback in further lines. */
void pelt_shard_say_failure(struct pelt_shard *shard, lua_State *co, int status,
                            struct pelt_error *err);

/* The random numbers of whoever runs: the user's, or the file's while it is loaded. */
struct pelt_rng *pelt_shard_rng(struct pelt_shard *shard);

#endif
