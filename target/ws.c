/* ws: see the header. */
#include "ws.h"

#define CONNECTIONS_MAX 1000000
#define MESSAGE_DEFAULT "1m"
#define FIELD(name)     offsetof(struct target_ws_settings, name)

static const struct target_knob knobs[] = {
    {.name = "ws-connections",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(connections),
     .min = 0,
     .max = CONNECTIONS_MAX,
     .word = "unlimited",
     .word_value = TARGET_UNLIMITED,
     .initial = "unlimited",
     .is_live = true,
     .text = "most WebSockets at once, over all threads; the next gets 503"},
    {.name = "ws-message",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(message_bytes),
     .min = 1,
     .max = 64 * 1024 * 1024,
     .initial = MESSAGE_DEFAULT,
     .is_live = true,
     .text = "a longer message closes its WebSocket with code 1009; holds for those opened later"},
    {.name = "ws-queue",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(queue_bytes),
     .min = 1,
     .max = 1024 * 1024 * 1024,
     .initial = "1m",
     .is_live = true,
     .text = "when more waits for a client that does not read, its WebSocket is closed with code "
             "1013; holds for those opened later"},
};

static void set(_Atomic uint64_t *value, uint64_t to)
{
    atomic_store_explicit(value, to, memory_order_relaxed);
}

static uint64_t read(_Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

bool target_ws_enter(struct target_ws *ws)
{
    uint64_t used = read(&ws->used);

    do {
        if (used >= read(&ws->connections)) {
            atomic_fetch_add_explicit(&ws->refused, 1, memory_order_relaxed);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&ws->used, &used, used + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void target_ws_leave(struct target_ws *ws)
{
    atomic_fetch_sub_explicit(&ws->used, 1, memory_order_relaxed);
}

/* ---- the system ---- */

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    const struct target_ws_settings *now = settings;
    struct target_ws *ws = state;

    set(&ws->connections, now->connections);
    set(&ws->message_bytes, now->message_bytes);
    set(&ws->queue_bytes, now->queue_bytes);
    return true;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_ws *ws = calloc(1, sizeof *ws);

    if (ws) {
        apply(ws, settings, NULL);
    }
    return ws;
}

static void stop(void *state, const struct target_scene *scene)
{
    free(state);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_ws *ws = state;

    if (read(&ws->used) + read(&ws->opened) + read(&ws->refused) == 0) {
        return;
    }
    target_figures_add_limit(figures, &(struct target_limit_figure){.name = "websockets",
                                                                    .used = read(&ws->used),
                                                                    .limit = read(&ws->connections),
                                                                    .events = read(&ws->refused)});
    target_figures_add_event(figures, "websocket", "opened", read(&ws->opened));
    target_figures_add_event(figures, "websocket", "slow", read(&ws->slow));
    target_figures_add_event(figures, "websocket", "message_in", read(&ws->messages_in));
    target_figures_add_event(figures, "websocket", "message_out", read(&ws->messages_out));
    target_figures_add_event(figures, "websocket", "byte_in", read(&ws->bytes_in));
    target_figures_add_event(figures, "websocket", "byte_out", read(&ws->bytes_out));
}

const struct target_system target_ws_system = {
    .name = "websocket",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_ws_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .figures = figures,
};
