/* fleet: see the header. */
#include "fleet.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define LOOK_NS   (10 * NS_PER_MS)  /* while one starts or leaves */
#define IDLE_NS   (200 * NS_PER_MS) /* to see that one has died */
#define START_NS  (20000 * NS_PER_MS)
#define AGAIN_NS  (1000 * NS_PER_MS)
#define END_WAITS 500 /* of 10 ms */

static bool is_active(const struct target_fleet_member *member)
{
    return member->state == TARGET_FLEET_STARTING || member->state == TARGET_FLEET_UP;
}

uint64_t target_fleet_count(const struct target_fleet *fleet)
{
    uint64_t count = 0;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        count += is_active(&fleet->member[i]);
    }
    return count;
}

bool target_fleet_start(struct target_fleet *fleet, const char *options, uint64_t now_ns)
{
    struct target_error err = {{0}};
    struct target_fleet_member *member = fleet->member;

    while (member < fleet->member + TARGET_BACKENDS_MAX && member->state != TARGET_FLEET_NONE) {
        member++;
    }
    if (now_ns < fleet->again_ns || member == fleet->member + TARGET_BACKENDS_MAX) {
        return false;
    }
    member->child = target_child_start(options, &err);
    if (!member->child) {
        fleet->again_ns = now_ns + AGAIN_NS;
        target_notices_add(fleet->notices, now_ns, "start_failed", ",\"why\":\"%.60s\"", err.text);
        return false;
    }
    member->state = TARGET_FLEET_STARTING;
    member->begin_ns = now_ns;
    return true;
}

/* It is a back end no more. */
static void part(struct target_fleet *fleet, struct target_fleet_member *member)
{
    struct target_backend *backend;

    pthread_mutex_lock(fleet->lock);
    backend = target_backends_find(fleet->backends, member->address);
    if (backend) {
        target_backends_leave(backend);
    }
    pthread_mutex_unlock(fleet->lock);
}

void target_fleet_stop(struct target_fleet *fleet)
{
    struct target_fleet_member *last = NULL;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        struct target_fleet_member *member = &fleet->member[i];

        if (is_active(member) && (!last || member->begin_ns >= last->begin_ns)) {
            last = member;
        }
    }
    if (last) {
        if (last->state == TARGET_FLEET_UP) {
            part(fleet, last);
        }
        last->state = TARGET_FLEET_LEAVING;
    }
}

/* ---- one of them ---- */

static bool has_left(struct target_fleet *fleet, const struct target_fleet_member *member)
{
    bool is_gone;

    pthread_mutex_lock(fleet->lock);
    is_gone = !target_backends_find(fleet->backends, member->address);
    pthread_mutex_unlock(fleet->lock);
    return is_gone;
}

static void take_in(struct target_fleet *fleet, struct target_fleet_member *member, uint64_t now_ns)
{
    unsigned port = target_child_port(member->child);

    if (port == 0) {
        if (now_ns - member->begin_ns > START_NS) {
            member->state = TARGET_FLEET_LEAVING;
        }
        return;
    }
    snprintf(member->address, sizeof member->address, "127.0.0.1:%u", port);
    pthread_mutex_lock(fleet->lock);
    target_backends_add(fleet->backends, member->address, TARGET_BACKEND_STARTED, 1, now_ns);
    pthread_mutex_unlock(fleet->lock);
    member->state = TARGET_FLEET_UP;
    target_notices_add(fleet->notices, now_ns, "started", ",\"backend\":\"%s\",\"took_ms\":%.1f",
                       member->address, (double)(now_ns - member->begin_ns) / 1e6);
}

static void forget(struct target_fleet *fleet, struct target_fleet_member *member, uint64_t now_ns)
{
    bool is_expected = member->state >= TARGET_FLEET_LEAVING;

    part(fleet, member);
    if (!is_expected) {
        fleet->again_ns = now_ns + AGAIN_NS;
    }
    target_notices_add(fleet->notices, now_ns, is_expected ? "stopped" : "died",
                       ",\"backend\":\"%s\"", member->address);
    target_child_end(member->child, false);
    *member = (struct target_fleet_member){.state = TARGET_FLEET_NONE};
}

static void look_after(struct target_fleet *fleet, struct target_fleet_member *member,
                       uint64_t now_ns)
{
    if (member->state == TARGET_FLEET_STARTING) {
        take_in(fleet, member, now_ns);
    }
    if (member->state == TARGET_FLEET_LEAVING && has_left(fleet, member)) {
        target_child_stop(member->child);
        member->state = TARGET_FLEET_ENDING;
    }
    if (target_child_is_over(member->child)) {
        forget(fleet, member, now_ns);
    }
}

uint64_t target_fleet_turn(struct target_fleet *fleet, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        struct target_fleet_member *member = &fleet->member[i];
        uint64_t look_ns;

        if (member->state != TARGET_FLEET_NONE) {
            look_after(fleet, member, now_ns);
            look_ns = now_ns + (member->state == TARGET_FLEET_UP ? IDLE_NS : LOOK_NS);
            next_ns = look_ns < next_ns ? look_ns : next_ns;
        }
    }
    return next_ns;
}

void target_fleet_end(struct target_fleet *fleet)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    size_t left = TARGET_BACKENDS_MAX;

    for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
        if (fleet->member[i].child) {
            target_child_stop(fleet->member[i].child);
        }
    }
    for (int waits = 0; left > 0; waits++) {
        left = 0;
        for (size_t i = 0; i < TARGET_BACKENDS_MAX; i++) {
            struct target_fleet_member *member = &fleet->member[i];

            if (member->child && target_child_end(member->child, waits >= END_WAITS)) {
                member->child = NULL;
            }
            left += member->child != NULL;
        }
        if (left > 0) {
            nanosleep(&pause, NULL);
        }
    }
}
