/*
 * Random numbers of scripts. A generator is a userdata that is a struct pelt_rng: each user has one
 * (user.rng), and pelt.random(seed) makes further ones.
 *
 * What would tie results to the number of shards raises: using in an iteration a generator that was
 * made while the file was loaded, as all users of the shard would draw from it.
 */
#include <string.h>

#include "args.h"
#include "lib.h"
#include "strand.h"

/* A generator made by a script; the pelt_rng comes first, as in the users' own. */
struct generator {
    struct pelt_rng rng;
    bool of_load; /* made while the file was loaded; only valid with the size of this struct */
};

#define STREAM_SCRIPT                                                                              \
    UINT64_C(0x7363726970740000) /* streams of pelt.random(seed): not those of users */

static struct pelt_rng *check_rng(lua_State *L)
{
    const struct pelt_strand *running = pelt_shard_of(L)->running;
    if (running && lua_touserdata(L, 1) == running->rng) { /* user.rng, nearly always */
        return running->rng;
    }
    struct pelt_rng *rng = pelt_shard_test(L, 1, PELT_TYPE_RNG);
    rng = rng ? rng : luaL_checkudata(L, 1, PELT_RNG_TYPE); /* raises */
    if (lua_rawlen(L, 1) == sizeof(struct generator) && ((struct generator *)rng)->of_load &&
        pelt_shard_of(L)->running) {
        luaL_error(L, "this generator was made while the file was loaded, and results would depend "
                      "on which users share "
                      "it: use user.rng, or make one with pelt.random(seed) in the iteration");
    }
    return rng;
}

static double check_positive(lua_State *L, int index, const char *what)
{
    double value = luaL_checknumber(L, index);
    if (!(value > 0)) {
        luaL_argerror(L, index, lua_pushfstring(L, "%s must be above 0", what));
    }
    return value;
}

/* A number, or a duration as text, which counts as its seconds. */
static double number_or_seconds(lua_State *L, int index, const char *what)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        return (double)pelt_args_duration(L, index, what) / (double)PELT_NS_PER_S;
    }
    return luaL_checknumber(L, index);
}

/* uniform(): [0, 1); uniform(low, high): [low, high) */
static int random_uniform(lua_State *L)
{
    struct pelt_rng *rng = check_rng(L);
    double u = pelt_rng_uniform(rng);
    if (lua_gettop(L) > 1) {
        double low = number_or_seconds(L, 2, "uniform: low"),
               high = number_or_seconds(L, 3, "uniform: high");
        u = low + u * (high - low);
    }
    lua_pushnumber(L, u);
    return 1;
}

/* exponential(mean) */
static int random_exponential(lua_State *L)
{
    struct pelt_rng *rng = check_rng(L);
    double mean = number_or_seconds(L, 2, "exponential: mean");
    luaL_argcheck(L, mean > 0, 2, "the mean must be above 0");
    lua_pushnumber(L, pelt_rng_exponential(rng, mean));
    return 1;
}

/* normal(mean, standard deviation) */
static int random_normal(lua_State *L)
{
    struct pelt_rng *rng = check_rng(L);
    double mean = number_or_seconds(L, 2, "normal: mean"),
           sd = number_or_seconds(L, 3, "normal: deviation");
    luaL_argcheck(L, sd >= 0, 3, "the deviation must be at least 0");
    lua_pushnumber(L, pelt_rng_normal(rng, mean, sd));
    return 1;
}

/* zipf(n, s): 1..n, rank k with weight k^-s */
static int random_zipf(lua_State *L)
{
    struct pelt_rng *rng = check_rng(L);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_argcheck(L, n >= 1, 2, "n must be at least 1");
    lua_pushinteger(L, (lua_Integer)pelt_rng_zipf(rng, (uint64_t)n, check_positive(L, 3, "s")));
    return 1;
}

static lua_Integer draw_integer(lua_State *L, struct pelt_rng *rng, lua_Integer low,
                                lua_Integer high)
{
    if (low > high) {
        luaL_error(L, "random: the interval %I..%I is empty", (LUAI_UACINT)low, (LUAI_UACINT)high);
    }
    uint64_t span = (uint64_t)high - (uint64_t)low + 1; /* 0: all 2^64 */
    uint64_t offset = span ? pelt_rng_below(rng, span) : pelt_rng_u64(rng);
    return (lua_Integer)((uint64_t)low + offset);
}

/* int(high): 1..high; int(low, high) */
static int random_int(lua_State *L)
{
    struct pelt_rng *rng = check_rng(L);
    bool two = lua_gettop(L) > 2;
    lua_Integer low = two ? luaL_checkinteger(L, 2) : 1, high = luaL_checkinteger(L, two ? 3 : 2);
    lua_pushinteger(L, draw_integer(L, rng, low, high));
    return 1;
}

/* choice(list): one entry, each equally likely */
static int random_choice(lua_State *L)
{
    struct pelt_rng *rng = check_rng(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer len = luaL_len(L, 2);
    luaL_argcheck(L, len > 0, 2, "the list is empty");
    lua_geti(L, 2, draw_integer(L, rng, 1, len));
    return 1;
}

/* pelt.random(seed): a generator of its own; without a seed, one seeded from the running user's
 * numbers. */
static int random_new(lua_State *L)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    uint64_t seed = lua_isnoneornil(L, 1) ? pelt_rng_u64(pelt_shard_rng(shard))
                                          : (uint64_t)luaL_checkinteger(L, 1);
    struct generator *made = lua_newuserdatauv(L, sizeof *made, 0);
    pelt_rng_init(&made->rng, seed, STREAM_SCRIPT);
    made->of_load = !shard->running;
    luaL_setmetatable(L, PELT_RNG_TYPE);
    return 1;
}

/* math.random with Lua's own arguments, from the running user's numbers. */
static int math_random(lua_State *L)
{
    struct pelt_rng *rng = pelt_shard_rng(pelt_shard_of(L));
    if (lua_gettop(L) == 0) {
        lua_pushnumber(L, pelt_rng_uniform(rng));
        return 1;
    }
    lua_Integer first = luaL_checkinteger(L, 1);
    if (lua_gettop(L) == 1 && first == 0) {
        lua_pushinteger(L, (lua_Integer)pelt_rng_u64(rng));
        return 1;
    }
    bool two = lua_gettop(L) > 1;
    lua_pushinteger(L,
                    draw_integer(L, rng, two ? first : 1, two ? luaL_checkinteger(L, 2) : first));
    return 1;
}

static int math_randomseed(lua_State *L)
{
    return luaL_error(L, "math.randomseed: pelt seeds the numbers of each user by --seed, so that "
                         "a run can be repeated: "
                         "leave this call out, or use pelt.random(seed)");
}

int pelt_lib_random(lua_State *L)
{
    static const luaL_Reg methods[] = {{"uniform", random_uniform},
                                       {"exponential", random_exponential},
                                       {"normal", random_normal},
                                       {"zipf", random_zipf},
                                       {"int", random_int},
                                       {"choice", random_choice},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"new", random_new},
                                         {"math_random", math_random},
                                         {"math_randomseed", math_randomseed},
                                         {NULL, NULL}};
    luaL_newmetatable(L, PELT_RNG_TYPE);
    pelt_shard_of(L)->type[PELT_TYPE_RNG] = lua_topointer(L, -1);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, PELT_RNG_TYPE);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
