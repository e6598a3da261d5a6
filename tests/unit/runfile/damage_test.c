/*
 * Damaged run files: whatever bytes of a file are not what was written, and wherever SQLite notices
 * it, reading ends with one line or with results; never with a crash. Every page of a file that has
 * rows in each table is damaged: each of its cell pointers, its header, and bytes drawn from a
 * seed.
 */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pelt/brief.h"
#include "pelt/rng.h"
#include "runfile/synthetic.h"

#define PAGE_HEADER   12
#define FIRST_PAGE    100 /* bytes of the file's own header before that of its first page */
#define DRAWN_A_PAGE  12
#define POINTERS_MOST 40

static const struct synthetic data = {
    .seed = 12, .series = 2, .per_second = 20, .error_share = 0.1};

struct place {
    char folder[256];
    char path[300];
    unsigned refused, read;
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    const char *tmp = getenv("TMPDIR");
    snprintf(p->folder, sizeof p->folder, "%s/pelt-damage-XXXXXX", tmp ? tmp : "/tmp");
    *state = p;
    if (mkdtemp(p->folder) == NULL) {
        return -1;
    }
    snprintf(p->path, sizeof p->path, "%s/run.pelt", p->folder);
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
    int rc = system(command);
    free(p);
    return rc;
}

/* ---- a file with rows in each table ---- */

static struct pelt_registry *make_names(void)
{
    static const struct pelt_metric metric = {"orders", PELT_METRIC_TREND, "ms", 1};
    struct pelt_registry *names = synthetic_names(&data);
    uint32_t id;
    assert_int_equal(pelt_metrics_declare(pelt_registry_metrics(names), &metric, &id, NULL),
                     PELT_OK);
    return names;
}

static void write_metrics(struct pelt_runfile *f, struct pelt_registry *names, int32_t t)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    uint32_t series = pelt_metrics_series(pelt_registry_metrics(names), 0, "route=a", NULL);
    frame->second = t;
    struct pelt_metric_frame *trend = pelt_frame_metric(frame, series);
    trend->values = 1;
    pelt_hist_record_n(&trend->hist, &frame->pool, 1000, 1);
    pelt_frame_error(frame, 1, PELT_OUTCOME_TIMEOUT, 5, "no first byte");
    assert_int_equal(pelt_runfile_second(f, frame, NULL, 0, names), PELT_OK);
    pelt_frame_free(frame);
}

static void put_end(struct pelt_runfile *f, bool finished, size_t thresholds)
{
    static const char *const why[] = {"because", "and also", NULL};
    struct pelt_verdict_line lines[3] = {
        {.level = PELT_LEVEL_MISSED, .has_value = true, .value = 0.02, .why = "2%"},
        {.level = PELT_LEVEL_UNJUDGED, .needs = 368, .why = "too few"},
        {.level = PELT_LEVEL_TARGET}};
    if (finished) {
        assert_int_equal(pelt_runfile_finish(f, lines, thresholds, PELT_SUSPECT, why, 3, why),
                         PELT_OK);
    }
}

static void write_run(const char *path, bool finished)
{
    static const char *const texts[] = {"errors share <= 1%", "http_response p99 <= 1s",
                                        "requests per_second > 30/s over 2s"};
    struct pelt_runfile *f = NULL;
    struct pelt_threshold t[3];
    struct pelt_registry *names = make_names();
    assert_int_equal(pelt_runfile_create(path, &f, NULL), PELT_OK);
    synthetic_meta(f, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pelt_threshold_parse(texts[i], &t[i], NULL), PELT_OK);
    }
    assert_int_equal(pelt_runfile_thresholds(f, t, 3), PELT_OK);
    assert_int_equal(pelt_runfile_event(f, 1.5, "series_cap", "too many names"), PELT_OK);
    assert_int_equal(
        pelt_runfile_stage(f, &(struct pelt_stage_row){.to_s = 3, .to = 20, .part = "ramp"}),
        PELT_OK);
    assert_int_equal(
        pelt_runfile_step(f, &(struct pelt_step_row){.t_s = 1, .number = 1, .to_s = 1}), PELT_OK);
    synthetic_write(&data, f, names, -1, 5);
    write_metrics(f, names, 5);
    put_end(f, finished, 3);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
}

/* ---- reading it, whatever it holds ---- */

static void on_request_second(void *arg, int32_t t, uint32_t series,
                              const struct pelt_request_frame *frame)
{
    *(uint64_t *)arg += (uint64_t)t + series + frame->started;
}

static void on_hist(void *arg, int32_t t, const struct pelt_hist *h)
{
    *(uint64_t *)arg += (uint64_t)t + h->count;
}

static void expect_line(enum pelt_status status, const struct pelt_error *err)
{
    if (status != PELT_OK) {
        assert_true(err->text[0] != '\0');
        assert_null(strchr(err->text, '\n'));
    }
}

static void read_all(struct place *p)
{
    struct pelt_error err = {""};
    struct pelt_results *r = NULL;
    struct pelt_brief brief;
    uint64_t sum = 0;
    enum pelt_status status = pelt_results_load(p->path, &r, &err);
    expect_line(status, &err);
    p->refused += status != PELT_OK;
    p->read += status == PELT_OK;
    if (status == PELT_OK) {
        (void)pelt_results_meta(r, "no such key"); /* walks the list to its end */
        struct pelt_taint taint;
        (void)pelt_results_taint(r, &taint);
        status = pelt_results_each_request_second(r, on_request_second, &sum, &err);
        expect_line(status, &err);
        status = pelt_results_each_second_hist(r, 0, INT32_MAX, on_hist, &sum, &err);
        expect_line(status, &err);
        pelt_results_free(r);
    }
    status = pelt_brief_read(p->path, &brief, &err);
    expect_line(status, &err);
}

/* ---- damage ---- */

struct bytes {
    unsigned char *at;
    size_t len, page;
    int fd;
};

static void open_bytes(struct bytes *b, const char *path)
{
    struct stat st;
    b->fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(b->fd >= 0 && fstat(b->fd, &st) == 0);
    b->len = (size_t)st.st_size;
    b->at = malloc(b->len);
    assert_true(pread(b->fd, b->at, b->len, 0) == (ssize_t)b->len);
    b->page = (size_t)b->at[16] << 8 | b->at[17];
}

static void close_bytes(struct bytes *b)
{
    close(b->fd);
    free(b->at);
}

/* Reads the file with these bytes in the place of its own. */
static void with_damage(struct place *p, const struct bytes *b, size_t offset, const void *bytes,
                        size_t len)
{
    assert_true(pwrite(b->fd, bytes, len, (off_t)offset) == (ssize_t)len);
    read_all(p);
    assert_true(pwrite(b->fd, b->at + offset, len, (off_t)offset) == (ssize_t)len);
}

static void damage_pointers(struct place *p, const struct bytes *b, size_t page)
{
    static const unsigned char nowhere[2] = {0xff, 0xff};
    const size_t header = page == 0 ? FIRST_PAGE : page;
    const bool inner = b->at[header] == 2 || b->at[header] == 5;
    const size_t first = header + (inner ? PAGE_HEADER : PAGE_HEADER - 4);
    size_t cells = (size_t)b->at[header + 3] << 8 | b->at[header + 4];
    for (size_t k = 0; k < cells && k < POINTERS_MOST; k++) {
        with_damage(p, b, first + 2 * k, nowhere, 2);
    }
}

static void damage_drawn(struct place *p, const struct bytes *b, size_t page, struct pelt_rng *rng)
{
    for (int i = 0; i < DRAWN_A_PAGE; i++) {
        const size_t offset = page + pelt_rng_below(rng, b->page);
        const unsigned char flipped =
            (unsigned char)(b->at[offset] ^ (1u << pelt_rng_below(rng, 8)));
        const unsigned char drawn[4] = {(unsigned char)pelt_rng_below(rng, 256), 0xff, 0x7f, 0x80};
        with_damage(p, b, offset, &flipped, 1);
        if (offset + 4 <= b->len) {
            with_damage(p, b, offset, drawn, 4);
        }
    }
}

static void damage_all(struct place *p, bool finished)
{
    struct bytes b;
    struct pelt_rng rng;
    pelt_rng_init(&rng, 20261122, finished);
    write_run(p->path, finished);
    read_all(p);
    assert_int_equal(p->read, 1);
    open_bytes(&b, p->path);
    for (size_t page = 0; page + b.page <= b.len; page += b.page) {
        damage_pointers(p, &b, page);
        damage_drawn(p, &b, page, &rng);
    }
    close_bytes(&b);
    assert_true(p->refused > 100 && p->read > 100); /* it was damage, and not all of it shows */
}

static void a_damaged_finished_run_is_told_in_a_line(void **state)
{
    damage_all(*state, true);
}

static void a_damaged_killed_run_is_told_in_a_line(void **state)
{
    damage_all(*state, false);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        TEST(a_damaged_finished_run_is_told_in_a_line),
        TEST(a_damaged_killed_run_is_told_in_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
