/*
 * slices: how long the threads of pelt stay in Lua at a time: pelt itself, with this linked before
 * Lua's own (--wrap).
 *
 *   SLICES=FILE build/release/bin/pelt_slices run ...
 *
 * A slice is one lua_resume() from outside of Lua, with what the collector does in it: until it
 * returns, its loop serves nobody else. It is told in CPU time of its thread, so that the turns of
 * other threads do not count; that clock is a system call, and so no part of pelt itself.
 * Interrupts and a hypervisor's pauses do count, as the kernel books them on whoever runs. What
 * they amount to is told by the same clock around nothing, read once more after each slice.
 *
 * Each thread that ends appends a line of JSON to FILE: of "lua" and of "nothing" how many there
 * were, the longest, and how many of each length and more.
 */
#include <inttypes.h>
#include <lua.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const uint64_t lengths_us[] = {100, 200, 500, 1000, 2000};
#define LENGTHS (sizeof lengths_us / sizeof *lengths_us)

struct sorted {
    uint64_t count, longest_ns;
    uint64_t from[LENGTHS]; /* of that length and more */
};

struct slices { /* of one thread, freed at its end */
    struct sorted lua, nothing;
};

int __real_lua_resume(lua_State *L, lua_State *from, int args, int *results);
int __wrap_lua_resume(lua_State *L, lua_State *from, int args, int *results);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static uint64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void add(struct sorted *s, uint64_t ns)
{
    s->count++;
    if (ns > s->longest_ns) {
        s->longest_ns = ns;
    }
    for (size_t i = 0; i < LENGTHS && ns >= lengths_us[i] * 1000; i++) {
        s->from[i]++;
    }
}

static void print(FILE *file, const char *name, const struct sorted *s)
{
    fprintf(file, "\"%s\": {\"count\": %" PRIu64 ", \"longest_us\": %.1f, \"from_us\": {", name,
            s->count, (double)s->longest_ns / 1e3);
    for (size_t i = 0; i < LENGTHS; i++) {
        fprintf(file, "%s\"%" PRIu64 "\": %" PRIu64, i > 0 ? ", " : "", lengths_us[i], s->from[i]);
    }
    fputs("}}", file);
}

static void on_thread_end(void *arg)
{
    struct slices *s = arg;
    const char *path = getenv("SLICES");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fputs("{", file);
        print(file, "lua", &s->lua);
        fputs(", ", file);
        print(file, "nothing", &s->nothing);
        fputs("}\n", file);
        fclose(file);
    }
    free(s);
}

static void make_key(void)
{
    if (pthread_key_create(&key, on_thread_end) != 0) {
        abort();
    }
}

static struct slices *mine(void)
{
    struct slices *s = pthread_getspecific(key);
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s || pthread_setspecific(key, s) != 0) {
            abort();
        }
    }
    return s;
}

int __wrap_lua_resume(lua_State *L, lua_State *from, int args, int *results)
{
    pthread_once(&once, make_key);
    if (from) { /* a script's own coroutine, inside a slice */
        return __real_lua_resume(L, from, args, results);
    }
    struct slices *s = mine();
    uint64_t begin_ns = thread_cpu_ns();
    int status = __real_lua_resume(L, from, args, results);
    uint64_t end_ns = thread_cpu_ns();
    add(&s->nothing, thread_cpu_ns() - end_ns);
    add(&s->lua, end_ns - begin_ns);
    return status;
}
