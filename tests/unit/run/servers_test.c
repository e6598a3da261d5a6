/*
 * servers: what agents send, as it comes to the run file and to the seconds' frames. The agents are
 * the test's own: their functions are wrapped.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/log.h"
#include "pelt/server_metric.h"
#include "servers.h"

#define START INT64_C(50000000000)
#define MS    INT64_C(1000000)

static const struct pelt_agent_figure figures[] = {
    {PELT_SERVER_LIMIT, "nofile", "port 8080", "fds", "/proc", "medium", NULL},
    {PELT_SERVER_COUNTER, "pressure_cpu_some", "", "s", "/proc/pressure/cpu", "fast", NULL},
    {PELT_SERVER_CACHE, "response", "", "bytes", "INFO", "medium", NULL},
    {PELT_SERVER_LIMIT, "listen_backlog", "0.0.0.0:8080", "connections", "sock_diag", "fast", NULL},
    {PELT_SERVER_LIMIT, "listen_backlog", "0.0.0.0:9090", "connections", "sock_diag", "fast", NULL},
    {PELT_SERVER_GAUGE, "run_queue_wait", "port 8080", "share", "schedstat", "fast", "EACCES"},
};
#define FIGURES (sizeof figures / sizeof *figures)

static const struct pelt_agent_info info = {.url = "http://10.0.0.5:9646",
                                            .name = "api-1",
                                            .version = "0.1.0",
                                            .hostname = "api-1.example"};
static const struct pelt_agent_clock clock_known = {.bound_ns = 9000, .drift_ppm_bound = 500};

static struct pelt_agent_mail post[64];
static struct pelt_agent_value values[64][FIGURES];
static size_t posted, taken, marked;
static void (*on_mark)(void); /* what agents say then */

/* ---- the agents ---- */

enum pelt_status __wrap_pelt_agents_new(const struct pelt_agent_options *options, size_t len,
                                        struct pelt_agents **out, struct pelt_error *err);
enum pelt_status __wrap_pelt_agents_new(const struct pelt_agent_options *options, size_t len,
                                        struct pelt_agents **out, struct pelt_error *err)
{
    *out = (struct pelt_agents *)&info; /* opaque */
    return PELT_OK;
}

const struct pelt_agent_info *__wrap_pelt_agents_info(const struct pelt_agents *a, unsigned agent);
const struct pelt_agent_info *__wrap_pelt_agents_info(const struct pelt_agents *a, unsigned agent)
{
    return &info;
}

const struct pelt_agent_clock *__wrap_pelt_agents_clock(const struct pelt_agents *a, unsigned i);
const struct pelt_agent_clock *__wrap_pelt_agents_clock(const struct pelt_agents *a, unsigned i)
{
    return &clock_known;
}

size_t __wrap_pelt_agents_figures(const struct pelt_agents *a, unsigned agent);
size_t __wrap_pelt_agents_figures(const struct pelt_agents *a, unsigned agent)
{
    return FIGURES;
}

const struct pelt_agent_figure *__wrap_pelt_agents_figure(const struct pelt_agents *a, unsigned i,
                                                          size_t figure);
const struct pelt_agent_figure *__wrap_pelt_agents_figure(const struct pelt_agents *a, unsigned i,
                                                          size_t figure)
{
    return &figures[figure];
}

void __wrap_pelt_agents_start(struct pelt_agents *a, uint64_t epoch_ns, uint64_t tick_ns);
void __wrap_pelt_agents_start(struct pelt_agents *a, uint64_t epoch_ns, uint64_t tick_ns)
{
    assert_int_equal(epoch_ns, START);
}

void __wrap_pelt_agents_mark(struct pelt_agents *a, enum pelt_agent_mail_kind kind);
void __wrap_pelt_agents_mark(struct pelt_agents *a, enum pelt_agent_mail_kind kind)
{
    marked++;
    if (on_mark != NULL) {
        on_mark();
    }
}

struct pelt_agent_mail *__wrap_pelt_agents_take(struct pelt_agents *a);
struct pelt_agent_mail *__wrap_pelt_agents_take(struct pelt_agents *a)
{
    return taken < posted ? &post[taken++] : NULL;
}

void __wrap_pelt_agent_mail_free(struct pelt_agent_mail *mail);
void __wrap_pelt_agent_mail_free(struct pelt_agent_mail *mail)
{
}

void __wrap_pelt_agents_stop(struct pelt_agents *a, uint64_t until_ns);
void __wrap_pelt_agents_stop(struct pelt_agents *a, uint64_t until_ns)
{
}

void __wrap_pelt_agents_free(struct pelt_agents *a);
void __wrap_pelt_agents_free(struct pelt_agents *a)
{
}

/* ---- the run file, whose figures are counted ---- */

static size_t figures_written; /* how often */

enum pelt_status __real_pelt_runfile_figures(struct pelt_runfile *f,
                                             const struct pelt_server_figure_row *rows, size_t len);
enum pelt_status __wrap_pelt_runfile_figures(struct pelt_runfile *f,
                                             const struct pelt_server_figure_row *rows, size_t len);
enum pelt_status __wrap_pelt_runfile_figures(struct pelt_runfile *f,
                                             const struct pelt_server_figure_row *rows, size_t len)
{
    figures_written++;
    return __real_pelt_runfile_figures(f, rows, len);
}

/* ---- the fixture ---- */

struct fixture {
    struct pelt_registry *names;
    struct pelt_runfile *file;
    struct pelt_servers *s;
    struct pelt_frame *second;
};

static int setup(void **state)
{
    static struct fixture f;
    const struct pelt_agent_options agent = {.url = info.url};
    f = (struct fixture){.names = pelt_registry_new(), .second = pelt_frame_new(NULL)};
    f.second->second = -2; /* none yet */
    posted = taken = marked = 0;
    on_mark = NULL;
    assert_int_equal(pelt_runfile_create(NULL, &f.file, NULL), PELT_OK);
    const struct pelt_servers_options options = {
        .agents = &agent, .agents_len = 1, .registry = f.names, .file = f.file};
    assert_int_equal(pelt_servers_new(&options, &f.s, NULL), PELT_OK);
    assert_int_equal(pelt_servers_begin(f.s), PELT_OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_servers_free(f->s);
    assert_int_equal(pelt_runfile_close(f->file, NULL), PELT_OK);
    pelt_frame_free(f->second);
    pelt_registry_free(f->names);
    return 0;
}

static void carry(struct fixture *f, const char *text)
{
    struct pelt_threshold t;
    struct pelt_error err = {""};
    if (pelt_threshold_parse_with(text, pelt_registry_metrics(f->names), &t, &err) != PELT_OK ||
        pelt_servers_carry(f->s, &t, &err) != PELT_OK) {
        fail_msg("%s: %s", text, err.text);
    }
}

static void assert_refused(struct fixture *f, const char *text, const char *says)
{
    struct pelt_threshold t;
    struct pelt_error err = {""};
    assert_int_equal(pelt_threshold_parse_with(text, pelt_registry_metrics(f->names), &t, &err),
                     PELT_OK);
    assert_int_equal(pelt_servers_carry(f->s, &t, &err), PELT_EINVAL);
    if (strstr(err.text, says) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, says);
    }
}

static struct pelt_agent_mail *mail(enum pelt_agent_mail_kind kind, int64_t k)
{
    struct pelt_agent_mail *m = &post[posted];
    *m = (struct pelt_agent_mail){.kind = kind, .k = k, .figures = FIGURES};
    m->at_ns = m->due_ns = (uint64_t)(START + k * 100 * MS);
    m->value = values[posted++];
    m->clock = clock_known;
    return m;
}

/* Adds a value to the mail made last. */
static void give(uint32_t figure, double a, double b, double c)
{
    struct pelt_agent_mail *m = &post[posted - 1];
    values[posted - 1][m->values++] =
        (struct pelt_agent_value){.figure = figure, .cell = {a, b, c, NAN, NAN}};
}

/* What second `t` has of a metric after everything posted was taken; values 0: nothing. */
static struct pelt_metric_frame second_of(struct fixture *f, int32_t t, const char *name,
                                          const char *tags)
{
    uint32_t id;
    struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
    pelt_servers_take(f->s);
    if (f->second->second != t) {
        pelt_frame_reset(f->second);
        f->second->second = t;
        pelt_servers_add(f->s, f->second);
    }
    assert_true(pelt_metrics_find(metrics, name, &id));
    const uint32_t series = pelt_metrics_series(metrics, id, tags, NULL);
    const bool any = series < f->second->metrics_len && f->second->metrics[series] != NULL;
    return any ? *f->second->metrics[series] : (struct pelt_metric_frame){.values = 0};
}

/* ---- tests ---- */

static void values_count_in_the_second_of_their_tick(void **state)
{
    struct fixture *f = *state;
    carry(f, "server.api-1.nofile.ratio max < 90%");
    carry(f, "server.api-1.nofile.free min > 1");
    mail(PELT_AGENT_BASELINE, -5);
    give(0, 10, 100, NAN);
    pelt_servers_start(f->s, START);
    for (int64_t k = 1; k <= 10; k += 3) {
        mail(PELT_AGENT_FRAME, k);
        give(0, (double)(10 * k), 100, NAN);
    }
    struct pelt_metric_frame ratio =
        second_of(f, 0, "server.api-1.nofile.ratio", "target=port 8080");
    assert_int_equal(ratio.values, 4); /* k 10 is of the time up to second 1 */
    assert_true(ratio.min == 0.1 && ratio.max == 1 && ratio.last == 1);
    assert_int_equal(ratio.sum, 100 + 400 + 700 + 1000); /* thousandths, for the mean */
    assert_true(second_of(f, 0, "server.api-1.nofile.free", "target=port 8080").min == 0);
    mail(PELT_AGENT_FRAME, 11);
    give(0, 100, 100, NAN);
    ratio = second_of(f, 1, "server.api-1.nofile.ratio", "target=port 8080");
    assert_true(ratio.values == 1 && ratio.last == 1);
}

static void counts_begin_at_the_baseline_and_add_up(void **state)
{
    struct fixture *f = *state;
    const char *count = "server.api-1.pressure_cpu_some.count";
    carry(f, "server.api-1.pressure_cpu_some.count count < 5");
    carry(f, "cache.response.hit_share share > 1%");
    mail(PELT_AGENT_BASELINE, -5);
    give(1, 100.25, NAN, NAN);
    give(2, 1000, 500, 3);
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 0); /* what came before the load, setup for one */
    give(1, 100.5, NAN, NAN);
    give(2, 1010, 510, 3);
    for (int64_t k = 1; k <= 20; k++) {
        mail(PELT_AGENT_FRAME, k);
        give(1, 100.5 + 0.0004 * (double)k, NAN, NAN); /* less than a thousandth each */
        give(2, 1010 + 3 * (double)k, 510 + (double)k, NAN);
    }
    const uint64_t first = second_of(f, 0, count, "").sum;
    struct pelt_metric_frame hits = second_of(f, 0, "cache.response.hit_share", "");
    assert_int_equal(hits.sum, 30);
    assert_int_equal(hits.values, 40);
    assert_int_equal(first + second_of(f, 1, count, "").sum, 8); /* 0.0080 s */
}

/* ---- read just before the load, and just behind it ---- */

/* Reads all afresh, when the cache has so many hits and misses. */
static void read_afresh(enum pelt_agent_mail_kind kind, double at_s, double each)
{
    struct pelt_agent_mail *m = mail(kind, 0);
    m->fresh = true;
    m->at_ns = (uint64_t)(START + (int64_t)(at_s * 1e9));
    give(2, each, each, NAN);
    give(0, each, 10000, NAN);
}

static void begin_at_600(void)
{
    read_afresh(PELT_AGENT_BASELINE, -0.05, 600);
}

static void end_at_1500(void)
{
    read_afresh(PELT_AGENT_CLOSING, 2.1, 1500);
}

static struct pelt_frame *rest_of(struct fixture *f, int32_t t)
{
    pelt_frame_reset(f->second);
    f->second->second = t;
    pelt_servers_rest(f->s, f->second);
    return f->second;
}

static const struct pelt_metric_frame *hits_in(struct fixture *f, const struct pelt_frame *second)
{
    uint32_t id;
    assert_true(
        pelt_metrics_find(pelt_registry_metrics(f->names), "cache.response.hit_share", &id));
    return second->metrics[PELT_METRIC_PLAIN(id)];
}

/* The cache's hits in the report's second `t`. */
static double hits_reported(struct fixture *f, int32_t t)
{
    struct pelt_results *r = NULL;
    struct pelt_server_walk *w;
    const struct pelt_server_row *rows;
    size_t len;
    int32_t at;
    double hits = 0;
    assert_int_equal(pelt_runfile_results(f->file, &r, NULL), PELT_OK);
    assert_int_equal(pelt_server_walk_new(r, &w, NULL), PELT_OK);
    while (pelt_server_walk_next(w, &at, &rows, &len, NULL) == PELT_OK) {
        for (size_t i = 0; i < len && at == t; i++) {
            hits += rows[i].figure == 2 ? rows[i].more[PELT_CELL_HITS] : 0;
        }
    }
    pelt_server_walk_free(w);
    pelt_results_free(r);
    return hits;
}

/* What is read once a second, or was read a second ago when the load began. */
static void what_the_load_counts_is_whole_though_it_is_seldom_read(void **state)
{
    struct fixture *f = *state;
    carry(f, "cache.response.hit_share share > 1%");
    mail(PELT_AGENT_BASELINE, 0);
    give(2, 100, 100, NAN); /* before setup, which looked up 500 */
    on_mark = begin_at_600;
    pelt_servers_mark(f->s);
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 0)->late = true; /* 50 of the load were there before it */
    give(2, 650, 650, NAN);
    mail(PELT_AGENT_FRAME, 10);
    give(2, 1000, 1000, NAN);
    assert_int_equal(second_of(f, 0, "cache.response.hit_share", "").sum, 400);
    assert_int_equal(second_of(f, 1, "cache.response.hit_share", "").sum, 0);
    on_mark = end_at_1500;
    pelt_servers_stop(f->s, 1);
    assert_int_equal(marked, 2);
    const struct pelt_metric_frame *rest = hits_in(f, rest_of(f, 1));
    assert_int_equal(rest->sum, 500);
    assert_int_equal(rest->values, 1000);
    assert_true(hits_reported(f, 0) == 400 && hits_reported(f, 1) == 500);
}

static void what_came_when_the_last_second_was_summed_counts_in_it(void **state)
{
    struct fixture *f = *state;
    const char *used = "server.api-1.nofile.used";
    uint32_t id;
    carry(f, "cache.response.hit_share share > 1%");
    carry(f, "server.api-1.nofile.used max < 5");
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 1);
    give(2, 10, 10, NAN);
    assert_int_equal(second_of(f, 0, "cache.response.hit_share", "").values, 0);
    mail(PELT_AGENT_FRAME, 10);
    give(2, 17, 15, NAN);
    mail(PELT_AGENT_FRAME, 15); /* while the last answers came */
    give(2, 19, 15, NAN);
    give(0, 42, 100, NAN);
    pelt_servers_stop(f->s, -1); /* who asks twice to stop does not wait */
    assert_int_equal(marked, 0);
    const struct pelt_frame *rest = rest_of(f, 0);
    assert_int_equal(hits_in(f, rest)->sum, 9);
    assert_int_equal(hits_in(f, rest)->values, 14);
    assert_true(pelt_metrics_find(pelt_registry_metrics(f->names), used, &id));
    id = pelt_metrics_series(pelt_registry_metrics(f->names), id, "target=port 8080", NULL);
    assert_true(id >= rest->metrics_len || rest->metrics[id] == NULL); /* a level of later on */
}

static void without_a_fresh_baseline_the_first_tick_is_one(void **state)
{
    struct fixture *f = *state;
    carry(f, "cache.response.hit_share share > 1%");
    mail(PELT_AGENT_BASELINE, 0);
    give(2, 100, 100, NAN);
    pelt_servers_mark(f->s); /* an agent that has none */
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 0);
    give(2, 600, 600, NAN);
    mail(PELT_AGENT_FRAME, 1);
    give(2, 650, 650, NAN);
    assert_int_equal(second_of(f, 0, "cache.response.hit_share", "").sum, 50);
}

static void a_gauge_stands_until_it_is_read_again_or_its_agent_is_lost(void **state)
{
    struct fixture *f = *state;
    const char *used = "server.api-1.nofile.used";
    carry(f, "server.api-1.nofile.used max < 5");
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 3);
    give(0, 42, 100, NAN);
    assert_true(second_of(f, 0, used, "target=port 8080").last == 42);
    assert_true(second_of(f, 1, used, "target=port 8080").last == 42);
    struct pelt_agent_mail *lost = mail(PELT_AGENT_LOST, 25);
    lost->from_ns = (uint64_t)(START + 2500 * MS);
    snprintf(lost->text, sizeof lost->text, "agent api-1 is gone");
    assert_int_equal(second_of(f, 3, used, "target=port 8080").values, 0);
    struct pelt_agent_mail *joined = mail(PELT_AGENT_JOINED, 45);
    joined->from_ns = lost->from_ns;
    joined->to_ns = (uint64_t)(START + 4500 * MS);
    mail(PELT_AGENT_FRAME, 46);
    give(0, 50, 100, NAN);
    assert_true(second_of(f, 4, used, "target=port 8080").last == 50);
}

static void a_level_that_is_not_known_any_more_does_not_stand(void **state)
{
    struct fixture *f = *state;
    const char *ratio = "server.api-1.nofile.ratio";
    carry(f, "server.api-1.nofile.ratio max < 90%");
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 3);
    give(0, 50, 100, NAN);
    assert_true(second_of(f, 1, ratio, "target=port 8080").last == 0.5);
    mail(PELT_AGENT_FRAME, 23);
    give(0, 50, NAN, NAN); /* its limit was taken away */
    assert_int_equal(second_of(f, 2, ratio, "target=port 8080").values, 0);
    assert_int_equal(second_of(f, 3, ratio, "target=port 8080").values, 0);
}

static void a_hit_rate_needs_both_counts(void **state)
{
    struct fixture *f = *state;
    const char *share = "cache.response.hit_share";
    carry(f, "cache.response.hit_share share > 1%");
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 0);
    give(2, 10, 10, 0);
    mail(PELT_AGENT_FRAME, 1);
    give(2, 500, NAN, 0);
    assert_int_equal(second_of(f, 0, share, "").values, 0);
    mail(PELT_AGENT_FRAME, 11);
    give(2, 520, 500, 0);
    const struct pelt_metric_frame both = second_of(f, 1, share, "");
    assert_int_equal(both.sum, 510);
    assert_int_equal(both.values, 1000);
}

static void what_comes_late_counts_with_the_next_second(void **state)
{
    struct fixture *f = *state;
    const char *events = "server.api-1.nofile.events";
    carry(f, "server.api-1.nofile.events count < 5");
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 1);
    give(0, 42, 100, 5);
    assert_int_equal(second_of(f, 0, events, "target=port 8080").sum, 0);
    mail(PELT_AGENT_FRAME, 9);
    give(0, 42, 100, 12);
    assert_int_equal(second_of(f, 1, events, "target=port 8080").sum, 7);
}

static void targets_are_told_apart_by_tags(void **state)
{
    struct fixture *f = *state;
    const char *used = "server.api-1.listen_backlog.used";
    carry(f, "server.api-1.listen_backlog.used{target=0.0.0.0:9090} max < 5");
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 1);
    give(3, 7, 128, 0);
    give(4, 9, 128, 0);
    assert_int_equal(second_of(f, 0, used, "target=0.0.0.0:8080").values, 0); /* nobody asked */
    assert_true(second_of(f, 0, used, "target=0.0.0.0:9090").last == 9);
}

static void what_no_agent_has_is_named_with_the_nearest(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, "server.api-2.nofile.used max < 5",
                   "no agent \"api-2\"; did you mean \"api-1\"?");
    assert_refused(f, "server.api-1.nofil.used max < 5", "did you mean \"nofile\"?");
    assert_refused(f, "server.api-1.response.used max < 5", "has no limit \"response\"");
    assert_refused(f, "server.api-1.nofile.value max < 5", "nofile is a limit");
    assert_refused(f, "server.api-1.run_queue_wait.used max < 5",
                   "run_queue_wait is a gauge: .value");
    assert_refused(f, "cache.respons.hit_share share > 5%", "did you mean \"response\"?");
    assert_refused(f, "server.api-1.listen_backlog.used{target=0.0.0.0:9091} max < 5",
                   "did you mean \"0.0.0.0:9090\"?");
}

static void a_run_that_is_killed_knows_its_agents(void **state)
{
    struct fixture *f = *state;
    struct pelt_results *r = NULL;
    pelt_servers_start(f->s, START);
    for (int64_t k = 1; k <= 11; k++) {
        mail(PELT_AGENT_FRAME, k)->self =
            (struct pelt_agent_self){.cpu_ns = (uint64_t)(k * MS), .rss_bytes = 4096};
        give(0, 50, 100, NAN);
    }
    pelt_servers_take(f->s);
    assert_int_equal(pelt_runfile_results(f->file, &r, NULL), PELT_OK); /* nobody stopped it */
    assert_int_equal(r->agents[0].frames, 11);
    assert_true(r->agents[0].rss_bytes == 4096 && r->agents[0].cpu_ns == 9 * MS);
    pelt_results_free(r);
}

static void figures_that_turn_at_each_tick_are_written_once_a_second(void **state)
{
    struct fixture *f = *state;
    static struct pelt_agent_unreadable blind[40];
    pelt_servers_start(f->s, START);
    const size_t before = figures_written;
    for (int64_t k = 1; k < 41; k++) {
        struct pelt_agent_mail *m = mail(PELT_AGENT_FRAME, k);
        blind[k - 1] = (struct pelt_agent_unreadable){0, k % 2 == 0 ? "odd" : "even"};
        give(1, 5, NAN, NAN);
        m->unreadable = &blind[k - 1];
        m->unreadables = 1;
    }
    pelt_servers_take(f->s);
    assert_in_range(figures_written - before, 1, 5);
}

static void an_agent_that_is_lost_in_setup_is_told_as_that(void **state)
{
    struct fixture *f = *state;
    struct pelt_error why = {""};
    carry(f, "server.api-1.nofile.used max < 5");
    struct pelt_agent_mail *lost = mail(PELT_AGENT_LOST, -20);
    lost->from_ns = (uint64_t)(START - 2000 * MS);
    snprintf(lost->text, sizeof lost->text, "agent api-1 is gone");
    pelt_servers_start(f->s, START);
    pelt_servers_stop(f->s, 1);
    assert_true(pelt_servers_lost(f->s, &why));
    assert_non_null(strstr(why.text, "was lost before the load and did not come back"));
}

static void all_of_it_is_in_the_run_file(void **state)
{
    struct fixture *f = *state;
    struct pelt_results *r = NULL;
    struct pelt_server_walk *w = NULL;
    const struct pelt_server_row *rows;
    struct pelt_error why = {""};
    size_t len;
    int32_t t;
    carry(f, "server.api-1.nofile.used max < 5");
    mail(PELT_AGENT_BASELINE, -5);
    give(0, 10, 100, 2);
    pelt_servers_start(f->s, START);
    mail(PELT_AGENT_FRAME, 1)->late = true;
    give(0, 90, 100, 4);
    give(5, 0.25, NAN, NAN); /* which could not be read before */
    const struct pelt_agent_unreadable blind = {2, "refused"};
    struct pelt_agent_mail *frame = mail(PELT_AGENT_FRAME, 12);
    frame->missed = 3;
    frame->unreadable = &blind;
    frame->unreadables = 1;
    give(0, 50, 100, 7);
    struct pelt_agent_mail *lost = mail(PELT_AGENT_LOST, 20);
    lost->from_ns = (uint64_t)(START + 2000 * MS);
    snprintf(lost->text, sizeof lost->text, "agent api-1 is gone");
    pelt_servers_take(f->s);
    pelt_servers_stop(f->s, 1);
    assert_false(pelt_servers_failed(f->s));
    assert_true(pelt_servers_lost(f->s, &why));
    assert_non_null(strstr(why.text, "agent api-1, which a threshold needs, was lost at 2.0 s"));
    assert_int_equal(pelt_runfile_results(f->file, &r, NULL), PELT_OK);
    assert_int_equal(r->figures_len, FIGURES);
    assert_null(r->figures[5].why);
    assert_string_equal(r->figures[2].why, "refused");
    assert_true(r->agents[0].frames == 2 && r->agents[0].late == 1 && r->agents[0].missed == 3);
    assert_true(isnan(r->agents[0].drift_ppm));
    assert_true(r->gaps_len == 1 && r->gaps[0].from_s == 2 && isnan(r->gaps[0].to_s));
    assert_int_equal(pelt_server_walk_new(r, &w, NULL), PELT_OK);
    const double used[] = {10, 90, 50}, events[] = {0, 2, 3};
    for (int32_t want = -1; want < 2; want++) {
        assert_int_equal(pelt_server_walk_next(w, &t, &rows, &len, NULL), PELT_OK);
        assert_int_equal(t, want);
        assert_true(rows[0].last[0] == used[want + 1] && rows[0].more[2] == events[want + 1]);
    }
    assert_int_equal(pelt_server_walk_next(w, &t, &rows, &len, NULL), PELT_EOF);
    pelt_server_walk_free(w);
    pelt_results_free(r);
}

static int events_in(struct pelt_runfile *file, const char *kind)
{
    struct pelt_results *r = NULL;
    int len = 0;
    assert_int_equal(pelt_runfile_results(file, &r, NULL), PELT_OK);
    for (size_t i = 0; i < r->events_len; i++) {
        len += strcmp(r->events[i].kind, kind) == 0;
    }
    pelt_results_free(r);
    return len;
}

static void an_agent_has_so_many_events_and_no_more(void **state)
{
    struct fixture *f = *state;
    static struct pelt_agent_event flood[64];
    for (size_t i = 0; i < 64; i++) {
        flood[i] = (struct pelt_agent_event){
            .at_ns = (uint64_t)START, .kind = "noise", .text = "it is I again"};
    }
    pelt_log_setup(PELT_LOG_ERROR, false, NULL, NULL);
    pelt_servers_start(f->s, START);
    for (int64_t k = 1; k <= 40; k++) {
        struct pelt_agent_mail *m = mail(PELT_AGENT_FRAME, k);
        m->event = flood;
        m->events = 64;
    }
    pelt_servers_take(f->s);
    pelt_log_setup(PELT_LOG_INFO, false, NULL, NULL);
    assert_in_range(events_in(f->file, "agent_event"), 900, 1000);
}

static void a_baseline_is_before_the_load_whatever_its_time(void **state)
{
    struct fixture *f = *state;
    carry(f, "server.api-1.nofile.used max < 5");
    mail(PELT_AGENT_BASELINE, 0)->at_ns = UINT64_MAX / 2;
    give(0, 42, 100, NAN);
    pelt_servers_start(f->s, START);
    assert_true(second_of(f, 0, "server.api-1.nofile.used", "target=port 8080").last == 42);
}

int main(void)
{
#define IN_A_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_A_RUN(values_count_in_the_second_of_their_tick),
        IN_A_RUN(counts_begin_at_the_baseline_and_add_up),
        IN_A_RUN(a_gauge_stands_until_it_is_read_again_or_its_agent_is_lost),
        IN_A_RUN(a_level_that_is_not_known_any_more_does_not_stand),
        IN_A_RUN(what_the_load_counts_is_whole_though_it_is_seldom_read),
        IN_A_RUN(what_came_when_the_last_second_was_summed_counts_in_it),
        IN_A_RUN(without_a_fresh_baseline_the_first_tick_is_one),
        IN_A_RUN(a_hit_rate_needs_both_counts),
        IN_A_RUN(an_agent_has_so_many_events_and_no_more),
        IN_A_RUN(a_baseline_is_before_the_load_whatever_its_time),
        IN_A_RUN(what_comes_late_counts_with_the_next_second),
        IN_A_RUN(targets_are_told_apart_by_tags),
        IN_A_RUN(what_no_agent_has_is_named_with_the_nearest),
        IN_A_RUN(figures_that_turn_at_each_tick_are_written_once_a_second),
        IN_A_RUN(a_run_that_is_killed_knows_its_agents),
        IN_A_RUN(an_agent_that_is_lost_in_setup_is_told_as_that),
        IN_A_RUN(all_of_it_is_in_the_run_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
