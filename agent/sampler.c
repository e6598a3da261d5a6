/* sampler: see the header. */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "pelt/clock.h"

#define EVENTS_A_TURN 16
/* Ticks jitter: a tier may be read so much before it is due. */
#define EARLY_NS UINT64_C(25000000)

/* ---- memory ---- */

#define ESCAPED       6  /* bytes that one of a text may become in JSON */
#define NUMBER        24 /* bytes of a number, with what is around it */
#define NOTICES_BYTES ((size_t)NOTICES_MAX * (ESCAPED * (NOTICE_KIND + NOTICE_TEXT) + 3 * NUMBER))
#define FRAME_HEAD    1024
#define PAGE_HEAD     65536 /* of a page about all: who this is, its targets, its collectors */
#define PAGE_A_FIGURE 1024  /* keys, names of families and numbers of one */

/* What the largest frame of these figures may have. */
static size_t frame_bytes(const struct catalogue *figures)
{
    size_t values = NUMBER * (1 + PELT_SERVER_CELLS_MAX), why = NUMBER + ESCAPED * FIGURE_WHY_SIZE;

    return FRAME_HEAD + NOTICES_BYTES + catalogue_len(figures) * (values > why ? values : why);
}

/* What the largest page about these figures may have: in the exposition each has its texts in a
 * line for each cell and one more. */
static size_t page_bytes(const struct catalogue *figures)
{
    size_t bytes = PAGE_HEAD + NOTICES_BYTES;

    for (size_t i = 0; i < catalogue_len(figures); i++) {
        const struct figure *f = catalogue_at(figures, i);
        size_t line = strlen(f->name) + strlen(f->target) + strlen(f->unit);

        bytes += PAGE_A_FIGURE + ESCAPED * (FIGURE_WHY_SIZE + strlen(f->source) +
                                            (PELT_SERVER_CELLS_MAX + 1) * line);
    }
    return bytes;
}

/* ---- what the agent uses itself ---- */

static uint64_t own_cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * PELT_NS_PER_S + (uint64_t)used.tv_nsec;
}

static uint64_t own_rss_bytes(int statm)
{
    char text[128] = "";
    unsigned long long pages = 0;

    if (pread(statm, text, sizeof text - 1, 0) <= 0 || sscanf(text, "%*u %llu", &pages) != 1) {
        return 0;
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct self sampler_self(const struct sampler *s)
{
    return (struct self){.cpu_ns = s->cpu_ns,
                         .rss_bytes = s->rss_bytes,
                         .overruns = s->overruns,
                         .worst_ns = s->worst_ns,
                         .tick_ns = s->cost.factor * SAMPLER_IDLE_NS,
                         .degraded = s->cost.factor > 1,
                         .lost = s->streams.lost_total};
}

static void note_cost(struct sampler *s, uint64_t now_ns)
{
    s->cpu_ns = own_cpu_ns();
    switch (cost_note(&s->cost, now_ns, s->cpu_ns)) {
    case COST_SAME:
        break;
    case COST_SLOWER:
        notices_add(s->list->notices, now_ns, "degraded",
                    "the agent used %.2f%% of a core, more than %.2f%%: every %u. tick is served "
                    "from here on",
                    s->cost.share * 100, s->cost.limit * 100, s->cost.factor);
        break;
    case COST_FASTER:
        notices_add(s->list->notices, now_ns, "recovered",
                    "the agent used %.2f%% of a core: %s from here on", s->cost.share * 100,
                    s->cost.factor > 1 ? "twice as many ticks are served" : "all ticks are served");
        break;
    }
}

/* ---- a sample ---- */

static void read_tier(struct sampler *s, enum figure_tier tier, uint64_t now_ns)
{
    for (size_t i = 0; i < s->list->len; i++) {
        struct collector *c = s->list->collectors[i];
        uint64_t begin_ns = pelt_clock_ns();

        c->read(c, tier, now_ns);
        s->took_ns[i] += pelt_clock_ns() - begin_ns;
    }
}

/* Which sample it was in that a figure was read. */
static void number_figures(struct sampler *s)
{
    for (size_t i = 0; i < catalogue_len(s->list->catalogue); i++) {
        struct figure *f = catalogue_at(s->list->catalogue, i);

        f->read_in = f->fresh ? s->sample + 1 : f->read_in;
        f->turned_in = f->turned ? s->sample + 1 : f->turned_in;
        f->fresh = f->turned = false;
    }
}

/* Without the lock. Returns the agent's memory, or 0 where it was not looked at. */
static uint64_t read_tiers(struct sampler *s, uint64_t now_ns, bool is_medium, bool is_slow)
{
    memset(s->took_ns, 0, s->list->len * sizeof s->took_ns[0]);
    if (is_medium) {
        targets_refresh(s->list->targets, now_ns);
    }
    read_tier(s, FIGURE_FAST, now_ns);
    if (is_medium) {
        read_tier(s, FIGURE_MEDIUM, now_ns);
    }
    if (is_slow) {
        read_tier(s, FIGURE_SLOW, now_ns);
    }
    number_figures(s);
    return is_medium ? own_rss_bytes(s->statm) : 0;
}

static void note_times(struct sampler *s, uint64_t took_ns)
{
    for (size_t i = 0; i < s->list->len; i++) {
        struct sampler_cost *cost = &s->costs[i];

        cost->last_ns = s->took_ns[i];
        cost->worst_ns = cost->last_ns > cost->worst_ns ? cost->last_ns : cost->worst_ns;
    }
    s->worst_ns = took_ns > s->worst_ns ? took_ns : s->worst_ns;
}

/* Takes the lock once all is read. */
static void take_sample(struct sampler *s, uint64_t now_ns, bool is_wanted)
{
    bool is_medium = is_wanted || now_ns + EARLY_NS >= s->medium_ns;
    bool is_slow = is_wanted || now_ns + EARLY_NS >= s->slow_ns;
    uint64_t begin_ns = pelt_clock_ns();
    uint64_t rss_bytes = read_tiers(s, now_ns, is_medium, is_slow);

    pthread_mutex_lock(&s->lock);
    s->sample++;
    s->at_ns = now_ns;
    s->medium_ns = is_medium ? now_ns + s->cost.factor * SAMPLER_MEDIUM_NS : s->medium_ns;
    s->slow_ns = is_slow ? now_ns + s->cost.factor * SAMPLER_SLOW_NS : s->slow_ns;
    s->rss_bytes = is_medium ? rss_bytes : s->rss_bytes;
    note_times(s, pelt_clock_ns() - begin_ns);
    note_cost(s, now_ns);
    shown_take(&s->shown, s->list->catalogue, s->list->notices, s->list->targets);
    pthread_mutex_unlock(&s->lock);
}

/* ---- a sample that is wanted ---- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Its collectors are asked as soon as it may be taken. */
static void begin_wanted(struct sampler_wanted *w, uint64_t now_ns)
{
    w->due_ns = now_ns + SAMPLER_WANTED_AFTER_NS;
    if (w->last_ns != 0) {
        w->due_ns = later(w->due_ns, w->last_ns + SAMPLER_WANTED_APART_NS);
    }
    w->most_ns = 0;
}

void sampler_want(struct sampler *s, struct sampler_waiter *waiter)
{
    struct sampler_wanted *w = &s->wanted;
    struct sampler_waiter **list = &w->served;

    if (w->served == NULL) {
        begin_wanted(w, agent_clock_ns());
    } else if (w->most_ns != 0) {
        list = &w->behind;
    }
    waiter->next = *list;
    *list = waiter;
}

static void hasten(struct sampler *s)
{
    for (size_t i = 0; i < s->list->len; i++) {
        struct collector *c = s->list->collectors[i];

        if (c->hasten != NULL) {
            c->hasten(c);
        }
    }
}

static bool are_ready(struct sampler *s)
{
    bool is_ready = true;

    for (size_t i = 0; is_ready && i < s->list->len; i++) {
        struct collector *c = s->list->collectors[i];

        is_ready = c->is_ready == NULL || c->is_ready(c);
    }
    return is_ready;
}

/* True: it is to be taken now. Under the lock. */
static bool is_wanted_now(struct sampler *s, uint64_t now_ns)
{
    struct sampler_wanted *w = &s->wanted;

    if (w->served == NULL || now_ns < w->due_ns) {
        return false;
    }
    if (w->most_ns == 0) {
        w->most_ns = now_ns + SAMPLER_WANTED_MOST_NS;
        hasten(s);
    }
    if (now_ns < s->at_ns + SAMPLER_APART_NS || (!are_ready(s) && now_ns < w->most_ns)) {
        w->due_ns = later(now_ns + SAMPLER_WANTED_LOOK_NS, s->at_ns + SAMPLER_APART_NS);
        return false;
    }
    return true;
}

static void tell(struct sampler_waiter *waiter)
{
    while (waiter != NULL) {
        struct sampler_waiter *next = waiter->next; /* it is its owner's from on_ready on */

        waiter->on_ready(waiter->of);
        waiter = next;
    }
}

/* It was taken. Under the lock. */
static void serve_wanted(struct sampler *s, uint64_t now_ns)
{
    struct sampler_wanted *w = &s->wanted;
    struct sampler_waiter *served = w->served;

    w->last_ns = now_ns;
    w->served = w->behind;
    w->behind = NULL;
    if (w->served != NULL) {
        begin_wanted(w, now_ns);
    }
    tell(served);
}

void sampler_let_go(struct sampler *s)
{
    pthread_mutex_lock(&s->lock);
    tell(s->wanted.served);
    tell(s->wanted.behind);
    s->wanted = (struct sampler_wanted){0};
    pthread_mutex_unlock(&s->lock);
}

/* ---- frames ---- */

static void write_frame(struct sampler *s, const struct stream *stream,
                        const struct grid_tick *tick)
{
    struct frame frame = {.is_tick = true,
                          .k = tick->k,
                          .due_ns = tick->due_ns,
                          .is_late = s->at_ns > tick->due_ns + stream->grid.tick_ns / 2,
                          .at_ns = s->at_ns,
                          .seen_sample = stream->seen_sample,
                          .seen_notice = stream->seen_notice,
                          .self = sampler_self(s)};

    frame.self.tick_ns = s->cost.factor * stream->grid.tick_ns;
    frame.self.lost = stream->lost;
    s->page.len = 0;
    s->page.full = false;
    frame_write(&s->page, &frame, s->shown.figures, &s->shown.notices);
}

static void serve(struct sampler *s, struct stream *stream, const struct grid_tick *tick)
{
    write_frame(s, stream, tick);
    if (streams_put(&s->streams, stream, &s->page)) {
        stream->seen_sample = s->sample;
        stream->seen_notice = s->shown.notices.made;
    }
}

void sampler_write_newest(struct sampler *s)
{
    struct frame frame = {.at_ns = s->at_ns, .self = sampler_self(s)};

    frame.self.lost = 0;
    s->page.len = 0;
    s->page.full = false;
    frame_write(&s->page, &frame, s->shown.figures, &s->shown.notices);
}

/* ---- ticks ---- */

/* The second sample follows soon: what is reckoned between two has a value from then on. */
static uint64_t idle_due_ns(const struct sampler *s)
{
    return s->at_ns + (s->sample == 1 ? SAMPLER_SECOND_NS : s->cost.factor * SAMPLER_IDLE_NS);
}

uint64_t sampler_due_ns(const struct sampler *s)
{
    uint64_t streams_ns = streams_due_ns(&s->streams, s->cost.factor);
    uint64_t due_ns = streams_ns < idle_due_ns(s) ? streams_ns : idle_due_ns(s);

    return s->wanted.served != NULL && s->wanted.due_ns < due_ns ? s->wanted.due_ns : due_ns;
}

/* What of the streams is due, under the lock; `factor` is of this turn: a cost noted within must
 * not change which ticks are its. */
static void serve_streams(struct sampler *s, uint64_t now_ns, unsigned factor)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct stream *stream = &s->streams.all[i];
        struct grid_tick tick;

        if (stream->is_open && grid_take(&stream->grid, now_ns, factor, &tick)) {
            s->overruns += tick.missed;
            serve(s, stream, &tick);
        }
    }
}

void sampler_tick(struct sampler *s, uint64_t now_ns)
{
    pthread_mutex_lock(&s->lock);
    const unsigned factor = s->cost.factor;
    const bool is_wanted = is_wanted_now(s, now_ns);
    const bool is_due =
        is_wanted || now_ns >= idle_due_ns(s) || now_ns >= streams_due_ns(&s->streams, factor);
    const bool is_old = s->sample == 0 || now_ns >= s->at_ns + SAMPLER_APART_NS;
    pthread_mutex_unlock(&s->lock);
    if (is_due && is_old) {
        take_sample(s, now_ns, is_wanted);
    }
    pthread_mutex_lock(&s->lock);
    if (is_due) {
        serve_streams(s, now_ns, factor);
    }
    if (is_wanted) {
        serve_wanted(s, now_ns);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- the loop ---- */

static enum pelt_status wait_for(const struct sampler *s, int fd, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};

    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? PELT_OK : PELT_EIO;
}

static enum pelt_status open_loop(struct sampler *s)
{
    s->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll < 0 || s->timer < 0 || s->wake < 0 || wait_for(s, s->timer, &s->timer) ||
        wait_for(s, s->wake, &s->wake)) {
        return PELT_EIO;
    }
    for (size_t i = 0; i < s->list->watches_len; i++) {
        if (wait_for(s, s->list->watches[i].fd, &s->list->watches[i])) {
            return PELT_EIO;
        }
    }
    return PELT_OK;
}

enum pelt_status sampler_init(struct sampler *s, struct sampler_list *list, double cpu_limit,
                              struct pelt_error *err)
{
    size_t size = page_bytes(list->catalogue);

    *s = (struct sampler){
        .list = list, .statm = -1, .epoll = -1, .timer = -1, .wake = -1, .cost.limit = cpu_limit};
    pthread_mutex_init(&s->lock, NULL);
    s->page = (struct page){.bytes = malloc(size), .size = size};
    if (!s->page.bytes || shown_init(&s->shown, list->catalogue, list->targets) ||
        streams_init(&s->streams, frame_bytes(list->catalogue), err)) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (open_loop(s)) {
        return pelt_fail(err, PELT_EIO, "cannot make the loop's descriptors: %s", strerror(errno));
    }
    return PELT_OK;
}

static void close_one(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void sampler_deinit(struct sampler *s)
{
    streams_deinit(&s->streams);
    shown_deinit(&s->shown);
    free(s->page.bytes);
    close_one(s->statm);
    close_one(s->epoll);
    close_one(s->timer);
    close_one(s->wake);
    pthread_mutex_destroy(&s->lock);
}

enum pelt_status sampler_start(struct sampler *s, struct pelt_error *err)
{
    for (size_t i = 0; i < s->list->len; i++) {
        struct collector *c = s->list->collectors[i];
        enum pelt_status status = c->start ? c->start(c, err) : PELT_OK;

        if (status) {
            return status;
        }
    }
    return PELT_OK;
}

void sampler_begin(struct sampler *s)
{
    uint64_t now_ns = agent_clock_ns();

    cost_init(&s->cost, s->cost.limit, now_ns, own_cpu_ns());
    take_sample(s, now_ns, false);
    s->medium_ns = s->slow_ns = now_ns + SAMPLER_SECOND_NS;
}

void sampler_wake(struct sampler *s)
{
    ssize_t written = write(s->wake, &(uint64_t){1}, sizeof(uint64_t));

    (void)written; /* full: it will be read anyway */
}

/* Lets the timer end when something is due. The timer is told how long from now, because the
 * agent's clock need not be the kernel's. */
static void set_timer(const struct sampler *s, uint64_t due_ns)
{
    uint64_t now_ns = agent_clock_ns(), in_ns = due_ns > now_ns ? due_ns - now_ns : 1;
    struct itimerspec until = {.it_value = {.tv_sec = (time_t)(in_ns / PELT_NS_PER_S),
                                            .tv_nsec = (long)(in_ns % PELT_NS_PER_S)}};

    timerfd_settime(s->timer, 0, &until, NULL);
}

static void drain(int fd)
{
    uint64_t count;
    ssize_t taken = read(fd, &count, sizeof count);

    (void)taken; /* nothing there is as well */
}

/* One turn; false: the end has come. */
static bool handle(struct sampler *s, const struct epoll_event *events, int len)
{
    bool goes_on = true;

    for (int i = 0; i < len; i++) {
        void *mark = events[i].data.ptr;

        if (mark == &s->timer || mark == &s->wake) {
            drain(*(int *)mark);
        } else if (mark == s) {
            goes_on = false;
        } else {
            struct sampler_watch *watch = mark;

            watch->on_ready(watch->self, agent_clock_ns());
        }
    }
    return goes_on;
}

enum pelt_status sampler_run(struct sampler *s, int ending, struct pelt_error *err)
{
    struct epoll_event events[EVENTS_A_TURN];
    bool goes_on = true;

    if (wait_for(s, ending, s)) {
        return pelt_fail(err, PELT_EIO, "cannot wait for signals: %s", strerror(errno));
    }
    while (goes_on) {
        int len;

        pthread_mutex_lock(&s->lock);
        set_timer(s, sampler_due_ns(s));
        pthread_mutex_unlock(&s->lock);
        len = epoll_wait(s->epoll, events, EVENTS_A_TURN, -1);
        if (len < 0 && errno != EINTR) {
            return pelt_fail(err, PELT_EIO, "cannot wait: %s", strerror(errno));
        }
        goes_on = handle(s, events, len < 0 ? 0 : len);
        if (goes_on) {
            sampler_tick(s, agent_clock_ns());
        }
    }
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, ending, NULL);
    return PELT_OK;
}
