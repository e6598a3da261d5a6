/* follow: see the header. */
#include "follow.h"

#include "clock.h"
#include "hold.h"
#include "loop_internal.h"

void target_follow_settings(struct target_loop *loop)
{
    if (target_settings_refresh(loop->shared->settings, &target_service_system, &loop->service,
                                &loop->settings_version)) {
        loop->has_new_settings = true;
    }
    target_settings_refresh(loop->shared->settings, &target_chat_system, &loop->pace,
                            &loop->pace_version);
}

/* Each is due when its work is done; those without a worker are due as before. */
static void move_held(struct target_loop *loop)
{
    uint64_t now = target_clock_now_ns();

    for (size_t i = 0; i < loop->held.count; i++) {
        struct target_held *held = &loop->held.item[i];
        struct target_request *request = held->what;

        if (request->admission.ticket) {
            request->admission.start_ns =
                target_workers_start(loop->shared->workers, request->admission.ticket);
            held->due_ns = target_hold_answer_ns(loop, request, now);
        }
    }
    target_dueheap_sort_again(&loop->held);
}

bool target_follow_plan(struct target_loop *loop)
{
    uint64_t plan = target_workers_plan(loop->shared->workers);

    if (plan == loop->plan) {
        return false;
    }
    loop->plan = plan;
    move_held(loop);
    return true;
}

void target_follow_wake_others(struct target_loop *loop)
{
    for (size_t i = 0; i < loop->shared->tally.sets; i++) {
        struct target_loop *other =
            atomic_load_explicit(&loop->shared->loop[i], memory_order_acquire);

        if (other && other != loop) {
            target_mailbox_wake(&other->mailbox);
        }
    }
}

void target_follow_own_change(struct target_loop *loop)
{
    uint64_t version = loop->settings_version;
    bool is_changed;

    target_follow_settings(loop);
    is_changed = target_follow_plan(loop);
    if (is_changed || version != loop->settings_version) {
        target_follow_wake_others(loop);
    }
}
