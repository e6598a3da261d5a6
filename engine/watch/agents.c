/*
 * agents: see the header. A thread with a loop, a link an agent, and three mailboxes: `commands` to
 * the thread, `answers` (how meeting an agent went) and `mail` from it.
 *
 * An atomic is how many frames of an agent wait or are being read: the thread adds, who frees
 * mail takes away. It bounds memory and orders nothing, so it is relaxed. The other one is whether
 * connecting was cancelled, which is posted once.
 */
#include "pelt/agents.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "link.h"

#define DNS_TTL_NS (5 * PELT_NS_PER_S)
#define PATIENCE_NS                                                                                \
    (2 * PELT_NS_PER_S) /* for a thread that got no CPU, beyond its own deadlines                  \
                         */

struct command {
    struct pelt_mail mail;
    enum { START, MARK, STOP } what;
    uint64_t epoch_ns, tick_ns, until_ns;
    struct mark *mark;
};

struct mark { /* of one kind */
    struct command command;
    struct pelt_mail done; /* to answers */
    enum pelt_agent_mail_kind kind;
    size_t missing; /* agents; the thread's */
    bool is_done;   /* the control thread's */
};

struct member { /* one agent */
    struct pelt_mail answer;
    struct pelt_agents *agents;
    unsigned index;
    struct pelt_endpoint *endpoint; /* until the link takes it */
    struct pelt_link link;
    bool linked;
    enum pelt_status status; /* of meeting it: the control thread's once `answer` was taken */
    struct pelt_error why;
    bool answered;
    size_t figures; /* the control thread's: known from the mail taken so far */
    atomic_uint waiting;
};

struct pelt_agents {
    struct pelt_mailbox commands, answers, mail;
    unsigned boxes; /* of these three are made */
    struct command start, stop;
    struct mark begin, end;
    struct pelt_mail cancel; /* to answers */
    atomic_bool cancel_posted;
    bool cancelled;          /* it was taken */
    struct pelt_mail *taken; /* out of `mail`, not given to the caller so far */
    struct ev_loop *loop;
    struct pelt_dns *dns;
    ev_io command_io;
    ev_timer flush;
    bool stopping;
    uint64_t until_ns;
    pthread_t thread;
    bool running;
    uint64_t cpu_ns; /* once it has ended */
    size_t len;
    struct member member[];
};

/* ---- the thread ---- */

static void break_if_flushed(struct pelt_agents *a)
{
    for (size_t i = 0; i < a->len; i++) {
        if (!pelt_link_is_flushed(&a->member[i].link, a->until_ns)) {
            return;
        }
    }
    ev_break(a->loop, EVBREAK_ALL);
}

static void on_flush(struct ev_loop *loop, ev_timer *timer, int events)
{
    ev_break(loop, EVBREAK_ALL);
}

static void begin_stop(struct pelt_agents *a, uint64_t until_ns)
{
    uint64_t now_ns = pelt_clock_ns();
    uint64_t wait_ns = (until_ns > now_ns ? until_ns - now_ns : 0) + PELT_AGENTS_FLUSH_NS;
    a->stopping = true;
    a->until_ns = until_ns;
    ev_now_update(a->loop);
    ev_timer_set(&a->flush, (double)wait_ns / 1e9, 0);
    ev_timer_start(a->loop, &a->flush);
    break_if_flushed(a);
}

static void on_command(struct ev_loop *loop, ev_io *io, int events)
{
    struct pelt_agents *a = io->data;
    for (struct pelt_mail *m = pelt_mailbox_take(&a->commands), *next; m != NULL; m = next) {
        struct command *c = (struct command *)m;
        next = m->next;
        if (c->what == STOP) {
            begin_stop(a, c->until_ns);
            continue;
        }
        for (size_t i = 0; i < a->len; i++) {
            if (c->what == MARK) {
                pelt_link_mark(&a->member[i].link, c->mark->kind);
            } else {
                pelt_link_start(&a->member[i].link, c->epoch_ns, c->tick_ns);
            }
        }
    }
}

static void on_marked(void *arg, enum pelt_agent_mail_kind kind)
{
    struct member *m = arg;
    struct mark *mark = kind == PELT_AGENT_BASELINE ? &m->agents->begin : &m->agents->end;
    if (--mark->missing == 0) {
        pelt_mailbox_post(&m->agents->answers, &mark->done);
    }
}

static void on_met(void *arg, enum pelt_status status, const char *why)
{
    struct member *m = arg;
    m->status = status;
    pelt_fail(&m->why, status, "%s%s%s%s", status == PELT_OK ? "" : "agent ",
              status == PELT_OK ? "" : m->link.endpoint->url, status == PELT_OK ? "" : ": ", why);
    pelt_mailbox_post(&m->agents->answers, &m->answer);
}

static bool on_mail(void *arg, struct pelt_agent_mail *mail)
{
    struct member *m = arg;
    struct pelt_agents *a = m->agents;
    if (mail->kind == PELT_AGENT_FRAME &&
        atomic_load_explicit(&m->waiting, memory_order_relaxed) >= PELT_AGENT_MAIL_MAX) {
        free(mail);
        return false;
    }
    atomic_fetch_add_explicit(&m->waiting, 1, memory_order_relaxed);
    mail->agents = a;
    mail->agent = m->index;
    pelt_mailbox_post(&a->mail, &mail->mail);
    if (a->stopping) {
        break_if_flushed(a);
    }
    return true;
}

static void *thread_main(void *arg)
{
    struct pelt_agents *a = arg;
    prctl(PR_SET_NAME, "pelt-watch");
    for (size_t i = 0; i < a->len; i++) {
        pelt_link_join(&a->member[i].link);
    }
    ev_run(a->loop, 0);
    for (size_t i = 0; i < a->len; i++) {
        pelt_link_stop(&a->member[i].link);
    }
    a->cpu_ns = pelt_clock_thread_cpu_ns();
    return NULL;
}

/* ---- making ---- */

static enum pelt_status no_memory(struct pelt_error *err)
{
    return pelt_fail(err, PELT_ENOMEM, "out of memory");
}

static enum pelt_status make_boxes(struct pelt_agents *a, struct pelt_error *err)
{
    struct pelt_mailbox *box[] = {&a->commands, &a->answers, &a->mail};
    while (a->boxes < 3) {
        enum pelt_status status = pelt_mailbox_init(box[a->boxes]);
        if (status != PELT_OK) {
            return pelt_fail(err, status, "agents: no descriptor is left: raise ulimit -n");
        }
        a->boxes++;
    }
    return PELT_OK;
}

enum pelt_status pelt_agents_new(const struct pelt_agent_options *options, size_t len,
                                 struct pelt_agents **out, struct pelt_error *err)
{
    *out = NULL;
    if (len > PELT_AGENTS_MAX) {
        return pelt_fail(err, PELT_EINVAL, "%zu agents: %d are the most", len, PELT_AGENTS_MAX);
    }
    struct pelt_agents *a = calloc(1, sizeof(*a) + len * sizeof(a->member[0]));
    if (a == NULL) {
        return no_memory(err);
    }
    a->len = len;
    enum pelt_status status = make_boxes(a, err);
    for (size_t i = 0; status == PELT_OK && i < len; i++) {
        a->member[i].agents = a;
        a->member[i].index = (unsigned)i;
        status = pelt_endpoint_new(&options[i], &a->member[i].endpoint, err);
    }
    if (status != PELT_OK) {
        pelt_agents_free(a);
        return status;
    }
    *out = a;
    return PELT_OK;
}

void pelt_agents_free(struct pelt_agents *a)
{
    if (a == NULL) {
        return;
    }
    pelt_agents_stop(a, 0);
    for (struct pelt_agent_mail *m; a->boxes == 3 && (m = pelt_agents_take(a)) != NULL;) {
        pelt_agent_mail_free(m);
    }
    for (size_t i = 0; i < a->len; i++) {
        if (a->member[i].linked) {
            pelt_link_deinit(&a->member[i].link);
        }
        pelt_endpoint_free(a->member[i].endpoint);
    }
    pelt_dns_free(a->dns);
    if (a->loop != NULL) {
        ev_loop_destroy(a->loop);
    }
    struct pelt_mailbox *box[] = {&a->commands, &a->answers, &a->mail};
    while (a->boxes > 0) {
        pelt_mailbox_deinit(box[--a->boxes]);
    }
    free(a);
}

/* ---- connecting ---- */

static const struct pelt_link_ops link_ops = {
    .on_met = on_met, .on_mail = on_mail, .on_marked = on_marked};

static enum pelt_status make_links(struct pelt_agents *a, struct pelt_error *err)
{
    a->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (a->loop == NULL) {
        return no_memory(err);
    }
    enum pelt_status status = pelt_dns_new(a->loop, DNS_TTL_NS, &a->dns, err);
    for (size_t i = 0; status == PELT_OK && i < a->len; i++) {
        struct member *m = &a->member[i];
        struct pelt_endpoint *endpoint = m->endpoint;
        m->endpoint = NULL;
        m->linked = true;
        status = pelt_link_init(&m->link, a->loop, a->dns, endpoint, &link_ops, m);
        if (status != PELT_OK) {
            return no_memory(err);
        }
    }
    return status;
}

static enum pelt_status start_thread(struct pelt_agents *a, struct pelt_error *err)
{
    ev_io_init(&a->command_io, on_command, a->commands.wake_fd, EV_READ);
    a->command_io.data = a;
    ev_io_start(a->loop, &a->command_io);
    ev_timer_init(&a->flush, on_flush, 0, 0);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&a->thread, NULL, thread_main, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        return pelt_fail(err, PELT_EIO, "agents: cannot start a thread: %s", strerror(error));
    }
    a->running = true;
    return PELT_OK;
}

/* How many have answered now. */
static size_t take_answers(struct pelt_agents *a)
{
    size_t answered = 0;
    for (struct pelt_mail *m = pelt_mailbox_take(&a->answers); m != NULL; m = m->next) {
        if (m == &a->cancel) {
            a->cancelled = true;
            continue;
        }
        if (m == &a->begin.done || m == &a->end.done) {
            (m == &a->begin.done ? &a->begin : &a->end)->is_done = true;
            continue;
        }
        struct member *member = (struct member *)m; /* its first field */
        member->answered = true;
        answered++;
    }
    return answered;
}

/* Until some come. False: the time is over. */
static bool hear_answers(struct pelt_agents *a, uint64_t until_ns, size_t *answered)
{
    uint64_t now_ns = pelt_clock_ns();
    if (now_ns >= until_ns) {
        return false;
    }
    struct pollfd fd = {.fd = a->answers.wake_fd, .events = POLLIN};
    (void)poll(&fd, 1, (int)((until_ns - now_ns) / PELT_NS_PER_MS) + 1);
    *answered += take_answers(a);
    return true;
}

static void wait_for_answers(struct pelt_agents *a)
{
    const uint64_t until_ns = pelt_clock_ns() + PELT_AGENTS_CONNECT_NS + PATIENCE_NS;
    size_t answered = 0;
    while (answered < a->len && !a->cancelled && hear_answers(a, until_ns, &answered)) {
    }
}

/* Another name would not part one agent from itself. */
static enum pelt_status same_agent(const struct pelt_agent_info *one,
                                   const struct pelt_agent_info *other, struct pelt_error *err)
{
    if (strcmp(one->url, other->url) == 0) {
        return pelt_fail(err, PELT_EINVAL, "agent %s is given twice: leave one of them out",
                         one->url);
    }
    return pelt_fail(err, PELT_EINVAL, "agents %s and %s are one and the same: leave one out",
                     one->url, other->url);
}

static enum pelt_status same_name(struct pelt_agents *a, unsigned index)
{
    const struct pelt_agent_info *other = &a->member[index].link.met;

    for (unsigned i = 0; i < index; i++) {
        const struct pelt_agent_info *one = &a->member[i].link.met;
        if (strcmp(one->boot, other->boot) == 0) {
            return same_agent(one, other, &a->member[index].why);
        }
        if (strcmp(one->name, other->name) == 0) {
            return pelt_fail(&a->member[index].why, PELT_EINVAL,
                             "agents %s and %s are both named \"%s\": start one of them with "
                             "pelt-agent --name ANOTHER",
                             one->url, other->url, one->name);
        }
    }
    return PELT_OK;
}

/* The first failure, by place. */
static enum pelt_status judge(struct pelt_agents *a, struct pelt_error *err)
{
    struct member *first = NULL;
    for (unsigned i = 0; i < a->len; i++) {
        struct member *m = &a->member[i];
        if (!m->answered) {
            m->status = pelt_fail(&m->why, PELT_EIO, "agent %u: no answer in time", i + 1);
        } else if (m->status == PELT_OK && first == NULL) {
            m->status = same_name(a, i);
            m->figures = m->link.met_info.figures_len;
        }
        first = first == NULL && m->status != PELT_OK ? m : first;
    }
    return first == NULL ? PELT_OK : pelt_fail(err, first->status, "%s", first->why.text);
}

enum pelt_status pelt_agents_connect(struct pelt_agents *a, struct pelt_error *err)
{
    enum pelt_status status = make_links(a, err);
    if (status == PELT_OK) {
        status = start_thread(a, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    wait_for_answers(a);
    return a->cancelled ? pelt_fail(err, PELT_ESTOPPED, "stopped while agents were being connected")
                        : judge(a, err);
}

void pelt_agents_cancel(struct pelt_agents *a)
{
    if (!atomic_exchange_explicit(&a->cancel_posted, true, memory_order_relaxed)) {
        pelt_mailbox_post(&a->answers, &a->cancel);
    }
}

const char *pelt_agents_failure(const struct pelt_agents *a, unsigned agent)
{
    return a->member[agent].why.text;
}

/* ---- what is known ---- */

size_t pelt_agents_len(const struct pelt_agents *a)
{
    return a != NULL ? a->len : 0;
}

const struct pelt_agent_info *pelt_agents_info(const struct pelt_agents *a, unsigned agent)
{
    return &a->member[agent].link.met;
}

const struct pelt_agent_clock *pelt_agents_clock(const struct pelt_agents *a, unsigned agent)
{
    return &a->member[agent].link.met_clock;
}

size_t pelt_agents_figures(const struct pelt_agents *a, unsigned agent)
{
    return a->member[agent].figures;
}

const struct pelt_agent_figure *pelt_agents_figure(const struct pelt_agents *a, unsigned agent,
                                                   size_t figure)
{
    return pelt_figures_at(a->member[agent].link.figures, figure);
}

/* ---- the run ---- */

void pelt_agents_start(struct pelt_agents *a, uint64_t epoch_ns, uint64_t tick_ns)
{
    a->start = (struct command){.what = START, .epoch_ns = epoch_ns, .tick_ns = tick_ns};
    pelt_mailbox_post(&a->commands, &a->start.mail);
}

void pelt_agents_mark(struct pelt_agents *a, enum pelt_agent_mail_kind kind)
{
    struct mark *mark = kind == PELT_AGENT_BASELINE ? &a->begin : &a->end;
    const uint64_t until_ns = pelt_clock_ns() + PELT_AGENTS_MARK_NS;
    size_t answered = 0;
    if (!a->running) {
        return;
    }
    *mark = (struct mark){.kind = kind, .missing = a->len};
    mark->command = (struct command){.what = MARK, .mark = mark};
    pelt_mailbox_post(&a->commands, &mark->command.mail);
    while (!mark->is_done && hear_answers(a, until_ns, &answered)) {
    }
}

int pelt_agents_wake_fd(const struct pelt_agents *a)
{
    return a->mail.wake_fd;
}

struct pelt_agent_mail *pelt_agents_take(struct pelt_agents *a)
{
    if (a->taken == NULL) {
        a->taken = pelt_mailbox_take(&a->mail);
    }
    struct pelt_agent_mail *mail = (struct pelt_agent_mail *)a->taken; /* its first field */
    if (mail != NULL) {
        a->taken = mail->mail.next;
        a->member[mail->agent].figures = mail->figures;
    }
    return mail;
}

void pelt_agent_mail_free(struct pelt_agent_mail *mail)
{
    if (mail != NULL) {
        atomic_fetch_sub_explicit(&mail->agents->member[mail->agent].waiting, 1,
                                  memory_order_relaxed);
        free(mail);
    }
}

void pelt_agents_stop(struct pelt_agents *a, uint64_t until_ns)
{
    if (!a->running) {
        return;
    }
    a->stop = (struct command){.what = STOP, .until_ns = until_ns};
    pelt_mailbox_post(&a->commands, &a->stop.mail);
    pthread_join(a->thread, NULL);
    a->running = false;
}

uint64_t pelt_agents_cpu_ns(const struct pelt_agents *a)
{
    clockid_t clock;
    struct timespec ts;
    if (!a->running) {
        return a->cpu_ns;
    }
    if (pthread_getcpuclockid(a->thread, &clock) != 0 || clock_gettime(clock, &ts) != 0) {
        return 0;
    }
    return (uint64_t)ts.tv_sec * PELT_NS_PER_S + (uint64_t)ts.tv_nsec;
}
