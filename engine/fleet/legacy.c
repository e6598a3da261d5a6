/*
 * legacy: see the header.
 *
 * Frames may be in pieces where a thread was killed in the middle of a change. So they are read by
 * a child first, which may crash of it or hang; where it does, or what it made is no message, only
 * the counts are taken, which are whole at any instruction.
 *
 * A second of several messages may be there by half: the same sum gives the same messages again, of
 * which those that are missing are added.
 */
#include "legacy.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pelt/log.h"
#include "pelt/wire_frame.h"
#include "pelt/wire_hello.h"

#define READ_S 10 /* that reading frames may take */

/* ---- what was said ---- */

/* The last part of a second says all; the worker may not have come to note it. */
static void hear_frame(struct pelt_legacy *l, struct pelt_span message, int32_t *open,
                       uint32_t *parts)
{
    struct pelt_wire_part p = {0};
    struct pelt_error err;
    if (pelt_wire_frame_check(message, &p, &err) != PELT_OK) {
        return;
    }
    *open = p.last ? -1 : p.second;
    *parts = p.last ? 0 : p.part + 1;
    if (p.last && p.second > l->said.second) {
        l->said = (struct pelt_keeper_said){p.second, p.totals, p.in_flight, p.clock_bound_ns};
    }
    pelt_wire_part_deinit(&p);
}

/* The second of which some parts are there, but not the last; -1: none is so. */
static int32_t hear(struct pelt_legacy *l, uint32_t *parts)
{
    struct pelt_spool_id at = pelt_spool_acked(l->spool);
    struct pelt_span message;
    int32_t open = -1;
    *parts = 0;
    while (pelt_spool_next(l->spool, at, &at, &message)) {
        const enum pelt_wire_kind kind = pelt_wire_kind(message);
        if (kind == PELT_WIRE_FRAME) {
            hear_frame(l, message, &open, parts);
        }
        l->bye = l->bye || kind == PELT_WIRE_BYE;
    }
    return open;
}

/* ---- saying ---- */

static enum pelt_status put(struct pelt_spool *spool, int32_t second, struct pelt_span message)
{
    const uint64_t major = pelt_wire_major(second);
    struct pelt_spool_id id = pelt_spool_last(spool);
    id = major > id.major ? (struct pelt_spool_id){major, 1}
                          : (struct pelt_spool_id){id.major, id.minor + 1};
    return pelt_spool_add(spool, id, message);
}

struct writing {
    struct pelt_spool *spool; /* NULL: messages are only looked at */
    int32_t second;
    uint32_t skip; /* parts that are there */
};

static enum pelt_status on_part(void *arg, uint32_t part, struct pelt_span bytes)
{
    const struct writing *w = arg;
    struct pelt_wire_part p = {0};
    struct pelt_error err;
    enum pelt_status status = pelt_wire_frame_check(bytes, &p, &err);
    pelt_wire_part_deinit(&p);
    if (status == PELT_OK && w->spool != NULL && part >= w->skip) {
        status = put(w->spool, w->second, bytes);
    }
    return status;
}

static struct pelt_frame *sum_of(const struct pelt_legacy *l, int32_t second, bool whole,
                                 struct pelt_wire_thread *threads, size_t *threads_len)
{
    struct pelt_frame *sum = pelt_frame_new(NULL);
    const struct pelt_frame *f;
    enum pelt_status status = sum != NULL ? PELT_OK : PELT_ENOMEM;
    *threads_len = 0;
    for (size_t i = 0; status == PELT_OK && *threads_len < PELT_WIRE_THREADS_MAX &&
                       (f = pelt_estate_frame(l->estate, second, i)) != NULL;
         i++) {
        status = whole ? pelt_frame_add(sum, f) : pelt_frame_add_counts(sum, f);
        threads[(*threads_len)++] = (struct pelt_wire_thread){
            .thread = f->thread, .started = pelt_frame_counts(f).started, .cpu_ns = f->cpu_ns};
    }
    if (status != PELT_OK) {
        pelt_frame_free(sum);
        return NULL;
    }
    sum->second = second;
    return sum;
}

static enum pelt_status write_second(const struct pelt_legacy *l, struct writing *w, bool whole,
                                     struct pelt_registry *names, struct pelt_keeper_said *said)
{
    static struct pelt_wire_thread threads[PELT_WIRE_THREADS_MAX];
    size_t len;
    struct pelt_frame *sum = sum_of(l, w->second, whole, threads, &len);
    if (sum == NULL) {
        return PELT_ENOMEM;
    }
    const struct pelt_counts n = pelt_frame_counts(sum);
    said->second = w->second;
    said->in_flight += (int64_t)(n.started - n.ended);
    pelt_wire_totals_add(&said->totals, sum);
    const struct pelt_wire_second second = {.frame = sum,
                                            .names = names,
                                            .threads = threads,
                                            .threads_len = len,
                                            .totals = &said->totals,
                                            .in_flight = said->in_flight,
                                            .clock_bound_ns = said->clock_bound_ns};
    const enum pelt_status status = pelt_wire_frame_encode(&second, on_part, w);
    pelt_frame_free(sum);
    return status;
}

/* Of the second `open` so many parts are there. */
static enum pelt_status write_all(const struct pelt_legacy *l, struct pelt_spool *spool, bool whole,
                                  int32_t open, uint32_t parts, struct pelt_keeper_said *said)
{
    struct pelt_registry *names = pelt_estate_names(l->estate);
    struct writing w = {.spool = spool};
    enum pelt_status status = PELT_OK;
    while (status == PELT_OK && names != NULL &&
           pelt_estate_next(l->estate, said->second, &w.second)) {
        w.skip = w.second == open ? parts : 0;
        status = write_second(l, &w, whole, names, said);
    }
    return status;
}

/* Quietly, and within READ_S. */
static void end_by_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    prctl(PR_SET_DUMPABLE, 0); /* no core of it */
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        signal(faults[i], SIG_DFL);
    }
    alarm(READ_S);
}

/* By a child: whatever lies in the frames, this process goes on. */
static bool can_be_read(const struct pelt_legacy *l, bool whole)
{
    const pid_t child = fork();
    if (child == 0) {
        struct pelt_keeper_said said = l->said;
        end_by_faults();
        _exit(write_all(l, NULL, whole, -1, 0, &said) == PELT_OK ? 0 : 1);
    }
    int how = -1;
    return child > 0 && waitpid(child, &how, 0) == child && how == 0;
}

static void say_bye(struct pelt_legacy *l)
{
    struct pelt_buf message;
    struct pelt_wire_bye bye = {.totals = l->said.totals,
                                .last_second = l->said.second >= 0 ? l->said.second : -2,
                                .spool_lost = pelt_spool_lost(l->spool),
                                .recovered = true,
                                .unknown = l->unknown};
    snprintf(bye.reason, sizeof(bye.reason), "%s",
             l->unread ? "its last second could not be read"
             : l->bare ? "of its last second there are counts only, no times"
                       : "");
    pelt_buf_init(&message, PELT_WIRE_MESSAGE_MAX);
    if (pelt_wire_bye_encode(&bye, &message) != PELT_OK ||
        put(l->spool, l->said.second >= 0 ? l->said.second : -2,
            pelt_span(message.data, message.len)) != PELT_OK) {
        pelt_log(PELT_LOG_ERROR, "keeper", "no room to say that the worker was killed");
    }
    pelt_buf_deinit(&message);
}

void pelt_legacy_put(struct pelt_legacy *l)
{
    uint32_t parts;
    const int32_t open = hear(l, &parts);
    if (l->bye) {
        return;
    }
    const uint64_t before = l->said.totals.started;
    l->bare = !can_be_read(l, true);
    l->unread = l->bare && !can_be_read(l, false);
    if (!l->unread && write_all(l, l->spool, !l->bare, open, parts, &l->said) != PELT_OK) {
        l->unread = true; /* the spool is full: it counts what was refused */
    }
    l->begun = l->said.totals.started - before;
    l->unknown = l->said.in_flight > 0 ? (uint64_t)l->said.in_flight : 0;
    say_bye(l);
}
