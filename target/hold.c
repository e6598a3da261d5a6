/* hold: see the header. */
#include "hold.h"

#include "keytable.h"
#include "loop_internal.h"

/* Held answers are released 16 at a time, but in no more than about 128 batches. */
#define RELEASE_BATCH 16
#define RELEASE_WALKS 128

#define CALLED_WITHIN_S 3600U /* once resumed: the next run calls it */
#define NO_TIMEOUT      0U    /* as the daemon's */

uint64_t target_hold_outside_stalls_ns(const struct target_loop *loop, uint64_t ns)
{
    uint64_t start_ns = loop->shared->start_ns;

    return start_ns + target_calendar_free_ns(&loop->service.stalls, ns - start_ns);
}

uint64_t target_hold_answer_ns(const struct target_loop *loop, const struct target_request *request,
                               uint64_t now)
{
    uint64_t from_ns = target_request_due_ns(request) > now ? target_request_due_ns(request) : now;

    if (target_route_is_observer(request->route)) {
        return now;
    }
    return target_hold_outside_stalls_ns(loop, from_ns);
}

/*
 * The library reads from what it resumes before it calls, and would drop a request whose client
 * left; but those that have a timeout of their own it calls before it reads from any. So a whole
 * request is answered whoever left: others may follow it.
 */
static void suspend(struct target_request *request)
{
    if (request->status == 0 && !request->has_timeout) {
        request->has_timeout = true;
        MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                  CALLED_WITHIN_S);
    }
    MHD_suspend_connection(request->connection);
}

void target_hold_over(struct target_request *request)
{
    if (request->has_timeout) {
        request->has_timeout = false;
        MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, NO_TIMEOUT);
    }
}

enum MHD_Result target_hold_until(struct target_loop *loop, struct target_request *request,
                                  uint64_t due_ns)
{
    struct target_held held = {.due_ns = due_ns, .order = request->index, .what = request};

    if (!target_dueheap_push(&loop->held, held)) {
        return MHD_NO;
    }
    suspend(request);
    return MHD_YES;
}

enum MHD_Result target_hold_for_mail(struct target_loop *loop, struct target_request *request)
{
    request->pause.owner = request;
    target_waiters_push(&loop->waiting, &request->pause);
    suspend(request);
    return MHD_YES;
}

/* It is held as one that is due, so that many that were resumed at once leave in batches. */
static void end_wait(struct target_loop *loop, struct target_request *request)
{
    struct target_held held = {.due_ns = 0, .order = request->index, .what = request};

    target_waiters_remove(&request->pause);
    if (!target_dueheap_push(&loop->held, held)) {
        MHD_resume_connection(request->connection);
    }
}

void target_hold_take_mail(struct target_loop *loop)
{
    struct target_mail *mail = target_mailbox_take(&loop->mailbox), *next;

    for (; mail; mail = next) {
        next = mail->next;
        end_wait(loop, TARGET_OWNER(mail, struct target_request, admission.resumed));
    }
}

/*
 * The library makes one step (answer, send, complete) with every ready connection before it makes
 * the next step with any, so releasing thousands at once would send the first only after all were
 * answered. A batch costs a walk over all suspended connections, hence larger batches where many
 * are held.
 */
void target_hold_release(struct target_loop *loop, uint64_t now)
{
    size_t batch = RELEASE_BATCH + loop->held.count / RELEASE_WALKS;
    const struct target_held *first = target_dueheap_peek(&loop->held);

    for (; first && first->due_ns <= now && batch > 0; batch--) {
        struct target_request *request = target_dueheap_pop(&loop->held).what;

        MHD_resume_connection(request->connection);
        first = target_dueheap_peek(&loop->held);
    }
}

void target_hold_leave(struct target_loop *loop)
{
    struct target_waiter *waiter = loop->waiting.first, *next;

    for (; waiter; waiter = next) {
        struct target_request *request = waiter->owner;

        next = waiter->next;
        if (target_running_leave(&loop->shared->running, &request->admission)) {
            end_wait(loop, request);
        }
    }
}
