/*
 * collect: see the header.
 */
#include "collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/log.h"

enum pelt_status pelt_collector_init(struct pelt_collector *c, uint32_t workers_len,
                                     struct pelt_registry *registry, struct pelt_runfile *file,
                                     const uint64_t *length_ns, struct pelt_error *err)
{
    *c = (struct pelt_collector){
        .registry = registry, .file = file, .workers_len = workers_len, .length_ns = length_ns};
    c->newest_s = -1;
    enum pelt_status status = pelt_mailbox_init(&c->mail);
    if (status != PELT_OK) {
        c->workers_len = 0;
        return pelt_fail(err, status, "eventfd: %s", strerror(errno));
    }
    c->inbox = calloc(workers_len, sizeof(*c->inbox));
    c->group = calloc(workers_len, sizeof(struct pelt_frame *));
    c->threads = calloc(workers_len, sizeof(struct pelt_thread_row));
    struct pelt_quota *quota = pelt_registry_quota(registry);
    c->second = pelt_frame_new(quota);
    c->total = pelt_frame_new(quota);
    c->after = pelt_frame_new(quota);
    c->outside = pelt_frame_new(quota);
    if (c->inbox == NULL || c->group == NULL || c->threads == NULL || c->second == NULL ||
        c->total == NULL || c->after == NULL || c->outside == NULL) {
        pelt_collector_deinit(c);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pelt_runfile_share_total(file, c->total);
    return PELT_OK;
}

static void drop_letters(struct pelt_mail *mail)
{
    while (mail != NULL) {
        struct pelt_letter *letter = (struct pelt_letter *)mail;
        mail = mail->next;
        pelt_frame_free(letter->frame);
        pelt_letter_free(letter);
    }
}

void pelt_collector_deinit(struct pelt_collector *c)
{
    if (c->workers_len == 0) {
        return;
    }
    drop_letters(pelt_mailbox_take(&c->mail));
    for (uint32_t i = 0; c->inbox != NULL && i < c->workers_len; i++) {
        drop_letters((struct pelt_mail *)c->inbox[i].head);
    }
    for (size_t i = 0; i < c->told_len; i++) {
        pelt_letter_free(c->told[i]);
    }
    pelt_mailbox_deinit(&c->mail);
    free(c->inbox);
    free(c->group);
    free(c->threads);
    pelt_frame_free(c->second);
    pelt_frame_free(c->total);
    pelt_frame_free(c->after);
    pelt_frame_free(c->outside);
    *c = (struct pelt_collector){.workers_len = 0};
}

/* False: a part of it is missing, and that is said. */
static bool add(struct pelt_frame *into, const struct pelt_frame *from)
{
    if (pelt_frame_add(into, from) == PELT_OK) {
        return true;
    }
    into->lost++; /* how many it were nobody knows: that some are missing is what counts */
    pelt_log(PELT_LOG_ERROR, "collect", "out of memory: second %d is not whole", (int)from->second);
    return false;
}

/* A run file that cannot be written does not stop the load; it tells its first error at the end. */
static void write_second(struct pelt_collector *c, const struct pelt_frame *sum, size_t group_len)
{
    if (c->hand_on != NULL) {
        const struct pelt_slot_second second = {
            .sum = sum, .threads = c->group, .threads_len = group_len, .names = c->registry};
        c->hand_on(c->hand_on_arg, &second);
        return;
    }
    if (pelt_runfile_second(c->file, sum, c->group, group_len, c->registry) != PELT_OK &&
        !c->write_failed) {
        c->write_failed = true;
        pelt_log(PELT_LOG_ERROR, "collect",
                 "the run file cannot be written: second %d and perhaps more are missing in it",
                 (int)sum->second);
    }
}

void pelt_collector_add_outside(struct pelt_collector *c, struct pelt_frame *frame)
{
    const int32_t second = frame->second;
    write_second(c, frame, 0);
    add(c->outside, frame);
    pelt_frame_reset(frame);
    frame->second = second;
}

void pelt_collector_add_late(struct pelt_collector *c, const struct pelt_frame *late)
{
    if (pelt_runfile_values(c->file, late, c->registry) != PELT_OK) {
        c->write_failed = true;
    }
    if (pelt_frame_add_metrics(c->total, late) != PELT_OK ||
        (c->newest_is_after && pelt_frame_add_metrics(c->after, late) != PELT_OK)) {
        c->total->lost++;
        pelt_log(PELT_LOG_ERROR, "collect", "out of memory: what servers counted last is missing");
    }
}

/* The earliest second that waits, if no worker can send an earlier one any more. */
static bool next_whole(const struct pelt_collector *c, int32_t *second)
{
    bool any = false;
    for (uint32_t i = 0; i < c->workers_len; i++) {
        const struct pelt_letter *head = c->inbox[i].head;
        if (head == NULL) {
            if (!c->inbox[i].ended) {
                return false;
            }
        } else if (!any || head->frame->second < *second) {
            *second = head->frame->second;
            any = true;
        }
    }
    return any;
}

/* A worker's last frame often begins at the very end of the load and stays empty: no second of the
 * run. */
static bool is_blank(const struct pelt_frame *f)
{
    struct pelt_counts n = pelt_frame_counts(f);
    for (uint32_t i = 0; i < f->metrics_len; i++) {
        if (f->metrics[i] != NULL) {
            return false;
        }
    }
    for (uint32_t i = 0; i < f->checks_len; i++) { /* of user_exit */
        if (f->checks[i].passed + f->checks[i].failed > 0) {
            return false;
        }
    }
    return f->last && n.started == 0 && n.ended == 0 && f->iterations == 0 && f->planned == 0 &&
           f->dropped == 0 && f->lost == 0 && f->script_errors == 0;
}

static struct pelt_letter *pop(struct pelt_collector *c, uint32_t worker)
{
    struct pelt_letter *letter = c->inbox[worker].head;
    c->inbox[worker].head = (struct pelt_letter *)letter->mail.next;
    return letter;
}

/* A load that is cut short is so before the second in which that happened is whole. */
static bool is_of_load(const struct pelt_collector *c, int32_t second)
{
    return second < pelt_load_whole_s((double)*c->length_ns / 1e9);
}

static void add_thread(struct pelt_thread_row *row, const struct pelt_frame *from, bool of_load)
{
    row->thread = from->thread;
    row->started += pelt_frame_counts(from).started;
    row->spin_ns += from->spin_ns;
    row->lua_looks += from->lua_looks;
    row->lua_seen += from->lua_seen;
    if (of_load) {
        row->cpu_ns += from->cpu_ns;
        row->run_wait_ns += from->run_wait_ns;
        row->run_wait_unread += from->run_wait_unread;
    } else if (row->measured_s == 0) {
        row->measured_s = from->second;
    }
}

static void give_back(struct pelt_collector *c, uint32_t worker)
{
    struct pelt_letter *letter = pop(c, worker);
    if (c->workers != NULL) {
        pelt_worker_give(c->workers[worker], letter);
    } else {
        c->give(c->give_arg, letter);
    }
}

static void write_whole(struct pelt_collector *c, int32_t second)
{
    size_t len = 0;
    pelt_frame_reset(c->second);
    c->second->second = second;
    bool blank = true;
    for (uint32_t i = 0; i < c->workers_len; i++) {
        const struct pelt_letter *head = c->inbox[i].head;
        if (head != NULL && head->frame->second == second) {
            c->group[len++] = head->frame;
            add(c->second, head->frame);
            blank = blank && is_blank(head->frame);
        }
    }
    if (!blank && c->on_sum != NULL) {
        c->on_sum(c->on_sum_arg, c->second);
    }
    if (!blank) {
        pelt_fold_second(&c->fold, c->second, c->total, pelt_registry_quota(c->registry));
        if (!add(c->total, c->second)) {
            pelt_runfile_share_total(c->file, NULL); /* not what its seconds add up to */
        }
        const bool of_load = is_of_load(c, second);
        c->newest_is_after = !of_load;
        if (!of_load) {
            add(c->after, c->second);
        }
        for (size_t i = 0; i < len; i++) {
            add_thread(&c->threads[c->group[i]->thread], c->group[i], of_load);
        }
        c->has_second = true;
        c->newest_s = second;
        const struct pelt_letter *first = c->inbox[0].head;
        if (first != NULL && first->taken_len > 0) {
            pelt_runfile_taken(c->file, first->taken, first->taken_len);
        }
        write_second(c, c->second, len);
    }
    for (uint32_t i = 0; i < c->workers_len; i++) {
        if (c->inbox[i].head != NULL && c->inbox[i].head->frame->second == second) {
            give_back(c, i);
        }
    }
    if (!blank && c->on_second != NULL) {
        c->on_second(c->on_second_arg, c->second);
    }
}

static void keep_frame(struct pelt_collector *c, struct pelt_letter *letter)
{
    uint32_t i = letter->thread;
    letter->mail.next = NULL;
    if (c->inbox[i].head == NULL) {
        c->inbox[i].head = letter;
    } else {
        c->inbox[i].tail->mail.next = &letter->mail;
    }
    c->inbox[i].tail = letter;
    c->inbox[i].ended = letter->frame->last;
    c->same_host = c->same_host || letter->same_host;
    c->starved += letter->starved;
    c->paced += letter->paced;
    c->late += letter->late;
    c->unseen += letter->unseen;
    c->stayed += letter->stayed;
}

static const char *error_line(const struct pelt_letter *letter)
{
    return letter->line != NULL ? letter->line : "out of memory";
}

static bool was_told(const struct pelt_collector *c, const char *line)
{
    for (size_t i = 0; i < c->told_len; i++) {
        if (strcmp(error_line(c->told[i]), line) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_script_error(struct pelt_collector *c, struct pelt_letter *letter, double t_s)
{
    const char *line = error_line(letter);
    if (c->told_len == PELT_ERRORS_TOLD_MAX || was_told(c, line)) {
        pelt_letter_free(letter);
        return;
    }
    c->told[c->told_len++] = letter;
    if (c->told_len == 1) {
        pelt_fail(&c->first_script_error, PELT_ESCRIPT, "%s", line);
    }
    bool traced = letter->traceback != NULL && letter->traceback[0] != '\0';
    const struct pelt_log_about about = {.has_user = letter->whose.has_user,
                                         .user = letter->whose.user,
                                         .iteration = letter->whose.iteration,
                                         .correlation_id = letter->whose.correlation_id};
    pelt_log_about(&about, PELT_LOG_ERROR, "script", "%s%s%s", line, traced ? "\n" : "",
                   traced ? letter->traceback : "");
    if (pelt_runfile_event(c->file, t_s, "script_error", line) != PELT_OK) {
        c->write_failed = true;
    }
    if (c->on_event != NULL) {
        c->on_event(c->on_event_arg, t_s, "script_error", line);
    }
}

void pelt_collector_take(struct pelt_collector *c, uint64_t start_ns)
{
    struct pelt_mail *mail = pelt_mailbox_take(&c->mail);
    while (mail != NULL) {
        struct pelt_letter *letter = (struct pelt_letter *)mail;
        mail = mail->next;
        if (letter->kind == PELT_LETTER_FRAME) {
            keep_frame(c, letter);
        } else if (letter->kind == PELT_LETTER_SCRIPT_ERROR) {
            tell_script_error(c, letter, (double)(int64_t)(pelt_clock_ns() - start_ns) / 1e9);
        } else {
            c->on_letter(c->on_letter_arg, letter);
        }
    }
    int32_t second = 0;
    while (next_whole(c, &second)) {
        write_whole(c, second);
    }
}

void pelt_collector_close(struct pelt_collector *c, uint64_t start_ns)
{
    pelt_collector_take(c, start_ns);
    for (uint32_t i = 0; i < c->workers_len; i++) {
        c->given_up += !c->inbox[i].ended;
        c->inbox[i].ended = true;
    }
    pelt_collector_take(c, start_ns);
}

bool pelt_collector_done(const struct pelt_collector *c)
{
    for (uint32_t i = 0; i < c->workers_len; i++) {
        if (!c->inbox[i].ended || c->inbox[i].head != NULL) {
            return false;
        }
    }
    return true;
}
