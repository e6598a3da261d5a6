/*
 * What lua/llm.lua and lua/prompts.lua stand on: reading the events of an answer and recording
 * their times, which is done for each chunk, and the keys and words of prompts. Scripts do not see
 * these functions, so their arguments are trusted.
 *
 * A *sink* is a userdata with the series of one request's name in each of pelt's own metrics, found
 * when it gets its first value: later ones touch neither the registry's lock nor memory. An
 * *answer* is a userdata with what was seen so far of one streamed answer; its user value is its
 * sink.
 *
 * Times are seconds on the clock of pelt.now(), as the stream's events have them.
 */
#include <math.h>
#include <string.h>

#include "group.h"
#include "json.h"
#include "lib.h"
#include "llm_chunk.h"
#include "pelt/own_metric.h"
#include "pelt/rng.h"
#include "strand.h"

#define STREAM_WORDS UINT64_C(0x776f726473000000) /* of pelt_rng_init() */
#define WORDS_MAX    1000000                      /* of one text */

/* ---- recording ---- */

struct sink {
    uint32_t series[PELT_OWN_METRICS]; /* 0: not met so far; none with tags has this id */
    char tags[PELT_TAGS_TEXT + 1];
};

static uint32_t series_of(const struct pelt_shard *shard, struct sink *sink,
                          enum pelt_own_metric which)
{
    if (sink->series[which] == 0) {
        struct pelt_metrics *metrics = pelt_registry_metrics(shard->opt->registry);
        sink->series[which] = pelt_own_metric_series(metrics, which, sink->tags);
    }
    return sink->series[which];
}

/* `scaled`: as the histogram counts it. */
static void put_trend(const struct pelt_shard *shard, uint32_t series, double scaled)
{
    const double most = (double)PELT_HIST_MAX_US, value = scaled > 0 ? fmin(scaled, most) : 0;
    pelt_recorder_trend(shard->opt->recorder, series, (uint64_t)llround(value), shard->now_ns);
}

static void put_time(const struct pelt_shard *shard, struct sink *sink, enum pelt_own_metric which,
                     double seconds)
{
    put_trend(shard, series_of(shard, sink, which), seconds * 1e6);
}

/* name(text): as requests of this name are counted in the group that runs */
static int llm_name(lua_State *L)
{
    const struct pelt_strand *running = pelt_shard_of(L)->running;
    const struct pelt_group *group = running != NULL ? running->group : NULL;
    lua_settop(L, 1);
    if (group != NULL) {
        lua_pushlstring(L, group->prefix, group->prefix_len);
        lua_insert(L, 1);
        lua_concat(L, 2);
    }
    return 1;
}

/* sink(name) */
static int llm_sink(lua_State *L)
{
    char name[PELT_NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", luaL_checkstring(L, 1));
    pelt_name_clean(name, strlen(name));
    struct sink *sink = lua_newuserdatauv(L, sizeof *sink, 0);
    *sink = (struct sink){0};
    pelt_own_metric_tags(name, sink->tags);
    return 1;
}

/* add(sink, metric, value): seconds, a number, a count, or true or false, by the metric's type */
static int llm_add(lua_State *L)
{
    const struct pelt_shard *shard = pelt_shard_of(L);
    struct pelt_recorder *recorder = shard->opt->recorder;
    struct sink *sink = lua_touserdata(L, 1);
    enum pelt_own_metric which;
    if (!pelt_own_metric_find(luaL_checkstring(L, 2), &which)) {
        return luaL_error(L, "no metric %s", lua_tostring(L, 2));
    }
    const struct pelt_metric *metric = pelt_own_metric_at(which);
    const uint32_t series = series_of(shard, sink, which);
    switch (metric->type) {
    case PELT_METRIC_SHARE:
        pelt_recorder_share(recorder, series, lua_toboolean(L, 3), shard->now_ns);
        break;
    case PELT_METRIC_COUNTER:
        pelt_recorder_counter(recorder, series, (uint64_t)lua_tointeger(L, 3), shard->now_ns);
        break;
    case PELT_METRIC_TREND:
        put_trend(shard, series,
                  lua_tonumber(L, 3) *
                      (pelt_metric_is_time(metric) ? 1e6 : pelt_metric_scale(metric)));
        break;
    case PELT_METRIC_GAUGE:
    case PELT_METRIC_TYPES:
        break;
    }
    return 0;
}

/* ---- answers ---- */

struct answer {
    struct sink *sink; /* the user value */
    double due, sent;
    double first, first_output, last; /* chunks with content; 0: none */
    uint64_t chunks;                  /* with content */
    bool done;                        /* [DONE] came */
};

/* answer(sink, due, sent) */
static int llm_answer(lua_State *L)
{
    struct answer *a = lua_newuserdatauv(L, sizeof *a, 1);
    *a = (struct answer){
        .sink = lua_touserdata(L, 1), .due = lua_tonumber(L, 2), .sent = lua_tonumber(L, 3)};
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static void take_content(const struct pelt_shard *shard, struct answer *a, bool output, double at)
{
    if (a->chunks++ == 0) {
        a->first = at;
        put_time(shard, a->sink, PELT_OWN_LLM_TTFT, at - a->sent);
        put_time(shard, a->sink, PELT_OWN_LLM_TTFT_DUE, at - a->due);
    } else {
        put_time(shard, a->sink, PELT_OWN_LLM_ICL, at - a->last);
    }
    if (output && a->first_output <= 0) {
        a->first_output = at;
        put_time(shard, a->sink, PELT_OWN_LLM_TTFO, at - a->sent);
    }
    a->last = at;
}

static void push_span(lua_State *L, struct pelt_span text)
{
    if (text.len > 0) {
        lua_pushlstring(L, text.ptr, text.len);
    } else {
        lua_pushnil(L);
    }
}

static void push_count(lua_State *L, bool there, uint64_t n)
{
    if (there) {
        lua_pushinteger(L, (lua_Integer)n);
    } else {
        lua_pushnil(L);
    }
}

/* What rarely comes: { reasoning, finish_reason, error, usage, output_tokens, prompt_tokens,
 * cached_tokens }, what the chunk does not have left out; nil if nothing of it. */
static void push_rest(lua_State *L, const struct pelt_llm_chunk *c)
{
    if (c->reasoning.len == 0 && c->finish_reason.ptr == NULL && c->error.ptr == NULL &&
        c->usage == NULL) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, 0, 7);
    push_span(L, c->reasoning);
    lua_setfield(L, -2, "reasoning");
    push_span(L, c->finish_reason);
    lua_setfield(L, -2, "finish_reason");
    push_span(L, c->error);
    lua_setfield(L, -2, "error");
    if (c->usage != NULL) {
        pelt_json_push(L, c->usage);
        lua_setfield(L, -2, "usage");
    }
    push_count(L, c->counts_output, c->output_tokens);
    lua_setfield(L, -2, "output_tokens");
    push_count(L, c->counts_prompt, c->prompt_tokens);
    lua_setfield(L, -2, "prompt_tokens");
    push_count(L, c->counts_cached, c->cached_tokens);
    lua_setfield(L, -2, "cached_tokens");
}

/* False: it is no chunk. The document becomes the shard's, as what follows may raise. */
static bool read_chunk(lua_State *L, int index, struct pelt_llm_chunk *c)
{
    size_t len;
    const char *data = luaL_checklstring(L, index, &len);
    if (!pelt_llm_chunk_read(c, pelt_span(data, len))) {
        return false;
    }
    if (c->document != NULL) {
        pelt_shard_keep_json(pelt_shard_of(L), c->document, 0);
    }
    return true;
}

/* nil and a rest that says what came. */
static int refuse_chunk(lua_State *L)
{
    char said[100];
    lua_pushnil(L);
    lua_createtable(L, 0, 1);
    snprintf(said, sizeof said, "an event is no JSON object: %.60s", lua_tostring(L, 1));
    pelt_name_clean(said, strlen(said));
    lua_pushstring(L, said);
    lua_setfield(L, -2, "unread");
    return 2;
}

/* event(data, at, answer): text or nil, rest or nil (see push_rest) */
static int llm_event(lua_State *L)
{
    static const char DONE[] = "[DONE]";
    struct answer *a = lua_touserdata(L, 3);
    struct pelt_llm_chunk c;
    size_t len;
    const char *data = luaL_checklstring(L, 1, &len);
    if (len == sizeof DONE - 1 && memcmp(data, DONE, len) == 0) {
        a->done = true;
        return 0;
    }
    if (!read_chunk(L, 1, &c)) {
        return refuse_chunk(L);
    }
    if (c.output || c.thought) {
        take_content(pelt_shard_of(L), a, c.output, lua_tonumber(L, 2));
    }
    push_span(L, c.text);
    push_rest(L, &c);
    return 2;
}

/* whole(body): as event, of an answer in one piece; nil where it is none */
static int llm_whole(lua_State *L)
{
    struct pelt_llm_chunk c;
    if (!read_chunk(L, 1, &c)) {
        return refuse_chunk(L);
    }
    push_span(L, c.text);
    push_rest(L, &c);
    return 2;
}

static void push_moment(lua_State *L, double at, double from)
{
    if (at > 0) {
        lua_pushnumber(L, at - from);
    } else {
        lua_pushnil(L);
    }
}

/* seen(answer): chunks, done, ttft, ttft_due, ttfo, e2e, e2e_due; nil what did not come */
static int llm_seen(lua_State *L)
{
    const struct answer *a = lua_touserdata(L, 1);
    lua_pushinteger(L, (lua_Integer)a->chunks);
    lua_pushboolean(L, a->done);
    push_moment(L, a->first, a->sent);
    push_moment(L, a->first, a->due);
    push_moment(L, a->first_output, a->sent);
    push_moment(L, a->last, a->sent);
    push_moment(L, a->last, a->due);
    return 7;
}

/* ---- prompts ---- */

/* number(): what tells these prompts from others and from feeds; where the file is loaded */
static int llm_number(lua_State *L)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    if (shard->running != NULL) {
        return luaL_error(L, "call it where the file is loaded, and keep what it returns");
    }
    lua_pushinteger(L, (lua_Integer)shard->feeds++);
    return 1;
}

/* turn(number): the key of the running user's next prompt */
static int llm_turn(lua_State *L)
{
    const uint64_t number = (uint64_t)lua_tointeger(L, 1);
    struct pelt_strand *s = pelt_shard_of(L)->running;
    if (s == NULL || s->vu == NULL) {
        return luaL_error(L,
                          "prompts are handed to users, in an iteration; elsewhere prompts:at(k) "
                          "gives those of a pool (reuse)");
    }
    const struct pelt_turn turn = pelt_data_turn(L, s, number);
    lua_pushinteger(L, (lua_Integer)pelt_feed_key(s->shard->opt->seed, number, &turn));
    return 1;
}

/* common(number): the key of what all users have */
static int llm_common(lua_State *L)
{
    const struct pelt_shard *shard = pelt_shard_of(L);
    lua_pushinteger(L,
                    (lua_Integer)pelt_feed_common(shard->opt->seed, (uint64_t)lua_tointeger(L, 1)));
    return 1;
}

/* mix(key, number): another key */
static int llm_mix(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)pelt_feed_mix((uint64_t)lua_tointeger(L, 1),
                                                  (uint64_t)lua_tointeger(L, 2)));
    return 1;
}

/* Short and frequent, so that most tokenizers have each with its blank as one token. */
static const char *const WORDS[128] = {
    "time",    "year",     "people",  "way",       "day",     "man",         "thing",    "woman",
    "life",    "child",    "world",   "school",    "state",   "family",      "group",    "country",
    "problem", "hand",     "part",    "place",     "case",    "week",        "company",  "system",
    "program", "question", "work",    "number",    "night",   "point",       "home",     "water",
    "room",    "mother",   "area",    "money",     "story",   "fact",        "month",    "lot",
    "right",   "study",    "book",    "eye",       "job",     "word",        "business", "issue",
    "side",    "kind",     "head",    "house",     "service", "friend",      "father",   "power",
    "hour",    "game",     "line",    "end",       "member",  "law",         "car",      "city",
    "name",    "team",     "minute",  "idea",      "body",    "information", "back",     "parent",
    "face",    "level",    "office",  "door",      "health",  "person",      "art",      "war",
    "history", "party",    "result",  "change",    "morning", "reason",      "research", "girl",
    "moment",  "air",      "teacher", "force",     "order",   "green",       "small",    "large",
    "next",    "early",    "young",   "important", "few",     "public",      "bad",      "same",
    "able",    "think",    "make",    "know",      "take",    "see",         "come",     "look",
    "want",    "give",     "use",     "find",      "tell",    "ask",         "seem",     "feel",
    "try",     "leave",    "call",    "keep",      "let",     "begin",       "show",     "hear"};

/* text(key, words): that many words, drawn from the key */
static int llm_text(lua_State *L)
{
    const lua_Integer words = luaL_checkinteger(L, 2);
    struct pelt_rng rng;
    luaL_Buffer text;
    luaL_argcheck(L, words >= 0 && words <= WORDS_MAX, 2, "too many words");
    pelt_rng_init(&rng, (uint64_t)lua_tointeger(L, 1), STREAM_WORDS);
    luaL_buffinit(L, &text);
    uint64_t bits = 0;
    for (lua_Integer i = 0; i < words; i++) {
        bits = i % 9 == 0 ? pelt_rng_u64(&rng) : bits >> 7;
        if (i > 0) {
            luaL_addchar(&text, ' ');
        }
        luaL_addstring(&text, WORDS[bits % 128]);
    }
    luaL_pushresult(&text);
    return 1;
}

int pelt_lib_llm(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"name", llm_name},   {"sink", llm_sink},     {"add", llm_add},   {"answer", llm_answer},
        {"event", llm_event}, {"whole", llm_whole},   {"seen", llm_seen}, {"number", llm_number},
        {"turn", llm_turn},   {"common", llm_common}, {"mix", llm_mix},   {"text", llm_text},
        {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
