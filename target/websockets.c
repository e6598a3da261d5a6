/* websockets: see the header. */
#include "websockets.h"

#include "clock.h"
#include "conversation.h"
#include "dashboard.h"
#include "follow.h"
#include "hold.h"
#include "loop_internal.h"

static const struct target_pace *pace_now(void *cls)
{
    struct target_loop *loop = cls;

    target_follow_settings(loop);
    return &loop->pace;
}

static size_t push_now(void *cls, char *text)
{
    struct target_loop *loop = cls;

    return target_dashboard_push(loop->shared->dashboard, text);
}

static uint64_t push_period(void *cls)
{
    struct target_loop *loop = cls;

    return target_dashboard_push_ns(loop->shared->dashboard);
}

bool target_websockets_open(struct target_loop *loop)
{
    struct target_wsenv env = {.clock = target_clock_now_ns,
                               .ws = loop->shared->ws,
                               .sessions = loop->shared->sessions,
                               .journal = &loop->journal,
                               .pace = pace_now,
                               .push = push_now,
                               .push_ns = push_period,
                               .loop = loop,
                               .seed = &loop->service.seed,
                               .arrivals = &loop->shared->arrivals};

    return target_wsset_init(&loop->websockets, &env);
}

void target_websockets_take(void *cls, struct MHD_Connection *connection, void *slot,
                            const char *early, size_t early_bytes, MHD_socket fd,
                            struct MHD_UpgradeResponseHandle *handle)
{
    struct target_request *request = cls;
    struct target_loop *loop = request->loop;
    struct target_upgraded upgraded = {
        .fd = fd,
        .early = early,
        .early_bytes = early_bytes,
        .path = target_route_class(request->route),
        .is_chat = request->route == TARGET_ROUTE_WS_CHAT,
        .push_due_ns = UINT64_MAX,
        .session = target_conversation_session(connection),
    };

    if (request->route == TARGET_ROUTE_WS_PUSH) {
        upgraded.push_due_ns =
            target_dashboard_place(loop->shared->dashboard, target_clock_now_ns());
    }
    request->has_place = false; /* the set gives it back */
    if (!target_wsset_add(&loop->websockets, &upgraded)) {
        uint64_t now = target_clock_now_ns();

        target_journal_event(&loop->journal, now, now, target_ws_system.name, "lost",
                             ",\"path\":\"%s\"", upgraded.path);
    }
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
    loop->has_upgraded = true;
}

uint64_t target_websockets_free_ns(const struct target_loop *loop, uint64_t now)
{
    return loop->websockets.count > 0 ? target_hold_outside_stalls_ns(loop, now) : 0;
}

void target_websockets_run(struct target_loop *loop, uint64_t now)
{
    if (loop->websockets.count == 0 || target_websockets_free_ns(loop, now) > now) {
        return;
    }
    target_follow_settings(loop);
    if (loop->drain_due_ns && !loop->websockets.is_draining) {
        target_wsset_drain(&loop->websockets);
    }
    target_wsset_run(&loop->websockets);
}
