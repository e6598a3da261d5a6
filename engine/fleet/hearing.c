/*
 * hearing: see leader.h. What is no message of theirs is refused and counted.
 */
#include "leader.h"

#include <stdio.h>
#include <string.h>

#include "pelt/clock.h"

#define LATEST_S 3 /* a clock may be so much ahead */

/* What is no message, or has no place here: counted, and the first one told. */
static void refuse(struct pelt_fleet_coordinator *c, uint32_t i, const char *why)
{
    char name[200], text[1400];
    if (c->gather != NULL && pelt_gather_slot(c->gather, i)->refused++ == 0) {
        pelt_leader_name(c, i, name, sizeof(name));
        snprintf(text, sizeof(text), "%s: a message was refused: %s", name, why);
        pelt_leader_note(c, "message_refused", text);
    }
}

static void hear_hello(struct pelt_fleet_coordinator *c, uint32_t i, struct pelt_span message)
{
    struct pelt_leader_slot *s = &c->slots[i];
    struct pelt_wire_hello hello;
    struct pelt_error err;
    char name[200];
    if (pelt_wire_hello_decode(message, &hello, &err) != PELT_OK) {
        refuse(c, i, err.text);
        return;
    }
    const bool again = c->opt.past != NULL; /* who resumes reads all that is not acknowledged */
    if (c->start_ns != 0 && !again) {
        refuse(c, i, "a HELLO of one that began long ago");
        return;
    }
    pelt_leader_name(c, i, name, sizeof(name));
    if (hello.protocol != PELT_WIRE_PROTOCOL || strcmp(hello.version, pelt_fleet_version()) != 0) {
        pelt_fail(&c->failure, PELT_EINVAL,
                  "%s is pelt %s (protocol %u), this is pelt %s (protocol %d): install the same "
                  "version on all hosts",
                  name, hello.version, hello.protocol, pelt_fleet_version(), PELT_WIRE_PROTOCOL);
        return;
    }
    s->hello = hello;
    s->has_hello = true;
}

static void hear_ready(struct pelt_fleet_coordinator *c, uint32_t i, struct pelt_span message)
{
    struct pelt_leader_slot *s = &c->slots[i];
    struct pelt_wire_ready ready;
    struct pelt_error err;
    uint8_t own[PELT_WIRE_SHA256];
    if (pelt_wire_ready_decode(message, &ready, &err) != PELT_OK) {
        refuse(c, i, err.text);
        return;
    }
    if (ready.epoch != c->lease.epoch) {
        return;
    }
    pthread_mutex_lock(&c->orders_lock); /* the plan is the first one */
    pelt_parcel_sha256(&c->orders[0].plan.files, own);
    pthread_mutex_unlock(&c->orders_lock);
    const bool same = memcmp(own, ready.parcel, sizeof(own)) == 0;
    s->ready = ready.good && same;
    s->refused = !s->ready;
    s->threads = ready.threads;
    snprintf(s->why, sizeof(s->why), "%s",
             !ready.good ? ready.why
             : same      ? ""
                         : "its files are not those that were sent");
}

/* As worker.c says it. */
static void hear_verdict(struct pelt_leader_slot *s, const char *text)
{
    unsigned long long lag_us = 0;
    int at = 0, same_host = 0;
    if (sscanf(text, "%15s %20llu %1d %n", s->verdict, &lag_us, &same_host, &at) == 3 && at > 0) {
        s->lag_p99_us = lag_us;
        s->same_host = same_host == 1;
        snprintf(s->reason, sizeof(s->reason), "%s", text + at);
    }
}

static void hear_event(struct pelt_fleet_coordinator *c, uint32_t i, struct pelt_span message)
{
    struct pelt_wire_event event;
    struct pelt_error err;
    char text[4400], name[200];
    if (pelt_wire_event_decode(message, &event, &err) != PELT_OK) {
        refuse(c, i, err.text);
        return;
    }
    if (strcmp(event.kind, "verdict") == 0) {
        hear_verdict(&c->slots[i], event.text);
    } else if (strcmp(event.kind, "script_error") == 0) {
        pelt_leader_post(c, pelt_letter_new(PELT_LETTER_SCRIPT_ERROR, 0, event.text, NULL));
    } else {
        pelt_leader_name(c, i, name, sizeof(name));
        snprintf(text, sizeof(text), "%s: %s", name, event.text);
        pelt_leader_post(c, pelt_letter_new(PELT_LETTER_EVENT, 0, event.kind, text));
    }
}

static void hear_frame(struct pelt_fleet_coordinator *c, uint32_t i,
                       const struct pelt_bus_entry *entry)
{
    struct pelt_error err = {{0}};
    if (c->gather == NULL || c->start_ns == 0) {
        return;
    }
    const int32_t latest = (int32_t)pelt_leader_now_s(c) + LATEST_S;
    struct pelt_gather_slot *g = pelt_gather_slot(c->gather, i);
    const bool lost = g->state == PELT_SLOT_LOST;
    enum pelt_status status =
        pelt_gather_part(c->gather, i, entry->id, entry->message, latest, &err);
    char name[200], text[1400];
    pelt_leader_name(c, i, name, sizeof(name));
    if (status != PELT_OK && g->refused <= 1) {
        snprintf(text, sizeof(text), "%s: a frame was refused: %s", name, err.text);
        pelt_leader_note(c, "frame_refused", text);
    } else if (lost && g->state == PELT_SLOT_THERE) {
        snprintf(text, sizeof(text), "%s is heard again, with second %d", name, (int)g->newest);
        pelt_leader_note(c, "worker_back", text);
    }
}

static void hear_bye(struct pelt_fleet_coordinator *c, uint32_t i,
                     const struct pelt_bus_entry *entry)
{
    struct pelt_wire_bye bye;
    struct pelt_error err;
    char name[200], text[900];
    if (c->gather == NULL) {
        return;
    }
    if (pelt_wire_bye_decode(entry->message, &bye, &err) != PELT_OK) {
        refuse(c, i, err.text);
        return;
    }
    pelt_gather_bye(c->gather, i, entry->id, &bye);
    if (bye.recovered) {
        snprintf(c->slots[i].reason, sizeof(c->slots[i].reason), "%.399s", bye.reason);
        snprintf(text, sizeof(text), "was killed, with %llu requests under way%s%s",
                 (unsigned long long)bye.unknown, bye.reason[0] != '\0' ? "; " : "", bye.reason);
        pelt_leader_lost(c, i, text);
    } else if (bye.reason[0] != '\0') {
        pelt_leader_name(c, i, name, sizeof(name));
        snprintf(text, sizeof(text), "%s ended before its time: %s", name, bye.reason);
        pelt_leader_note(c, "worker_ended", text);
    }
}

/* No worker's: whoever wrote it would have all be ignored that the worker says. It does not count,
 * and the worker makes its stream anew (outbox.c). */
static bool is_beyond(const struct pelt_fleet_coordinator *c, struct pelt_bus_id id)
{
    return id.major >
           (c->start_ns != 0 ? pelt_wire_major((int32_t)pelt_leader_now_s(c) + LATEST_S) : 0);
}

static void pass_over(struct pelt_fleet_coordinator *c, const struct pelt_bus_entry *entry)
{
    const uint32_t i = (uint32_t)entry->stream;
    c->streams[i].last = entry->before;
    c->streams[i].refused = c->slots[i].beyond = true;
    refuse(c, i, "its ID is of a second that cannot be yet; somebody else wrote it");
}

/* Under the lock: the bus' callbacks come within read_streams(). */
void pelt_leader_on_entry(void *arg, const struct pelt_bus_entry *entry)
{
    struct pelt_fleet_coordinator *c = arg;
    const uint32_t i = (uint32_t)entry->stream;
    if (is_beyond(c, entry->id)) {
        pass_over(c, entry);
        return;
    }
    c->slots[i].alive_ns = pelt_clock_ns();
    switch (entry->message.ptr != NULL ? pelt_wire_kind(entry->message) : PELT_WIRE_NONE) {
    case PELT_WIRE_HELLO:
        hear_hello(c, i, entry->message);
        break;
    case PELT_WIRE_READY:
        hear_ready(c, i, entry->message);
        break;
    case PELT_WIRE_FRAME:
        hear_frame(c, i, entry);
        break;
    case PELT_WIRE_EVENT:
        hear_event(c, i, entry->message);
        break;
    case PELT_WIRE_BYE:
        hear_bye(c, i, entry);
        break;
    default:
        refuse(c, i, "it is of no kind");
        break;
    }
}
