/*
 * progress: see the header.
 *
 * The cursor rests below the block. A redraw goes up over as many rows as were drawn, clears to the
 * end of the screen and draws anew, in one write. A window that got narrower may have wrapped the
 * block's lines or cut them; nobody tells which, so what is above the rows drawn is never touched:
 * it may be somebody else's, and at worst wrapped beginnings of one old block stay. The cursor is
 * never hidden and no mode is set, so there is nothing to restore, however pelt ends.
 *
 * `lock` guards everything: clear() is called from whatever thread logs. The log's lock is taken
 * before it, so nothing is logged while it is held.
 */
#include "pelt/progress.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "block.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/units.h"

#define REDRAW_NS       (500 * PELT_NS_PER_MS)
#define LINE_NS         (10 * PELT_NS_PER_S)
#define COLUMNS_DEFAULT 80
#define COLUMNS_MAX     1000

struct pelt_progress {
    struct pelt_progress_options opt;
    bool terminal;
    bool gone; /* the terminal took no more */
    uint64_t (*clock_ns)(void);
    uint64_t due_ns; /* next redraw or line; 0 before the first update */
    struct pelt_hist_pool pool;
    pthread_mutex_t lock;
    int drawn; /* lines of the block on the screen */
};

struct pelt_progress *pelt_progress_new(const struct pelt_progress_options *options)
{
    struct pelt_progress *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    const char *term = getenv("TERM");
    int fd = fileno(options->out);
    p->opt = *options;
    p->clock_ns = options->clock_ns != NULL ? options->clock_ns : pelt_clock_ns;
    p->terminal =
        !options->json && fd >= 0 && isatty(fd) && (term == NULL || strcmp(term, "dumb") != 0);
    pelt_hist_pool_init(&p->pool, NULL);
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

/* The window may have changed since the last redraw, so it is asked each time. */
static void window(FILE *out, int *columns, int *rows)
{
    struct winsize size = {0};
    const char *text = getenv("COLUMNS");
    uint64_t said = 0;
    bool asked = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    if (!asked && (text == NULL ||
                   pelt_parse_count("COLUMNS", text, 1, COLUMNS_MAX, &said, NULL) != PELT_OK)) {
        said = COLUMNS_DEFAULT;
    }
    *columns = asked ? size.ws_col : (int)said;
    *rows = asked && size.ws_row > 0 ? size.ws_row : LIVE_LINES_MAX + 1;
}

/* Codes that take the cursor back to where the block begins and clear from there. */
static void add_clear(const struct pelt_progress *p, struct pelt_buf *out)
{
    if (p->drawn > 0) {
        pelt_buf_addf(out, "\033[%dA\r\033[J", p->drawn);
    }
}

static void write_out(struct pelt_progress *p, const struct pelt_buf *bytes)
{
    if (!p->gone) {
        errno = 0;
        fwrite(bytes->data, 1, bytes->len, p->opt.out);
        p->gone = fflush(p->opt.out) != 0 && errno != EINTR && errno != EAGAIN;
        clearerr(p->opt.out);
    }
}

typedef bool (*put_fn)(struct pelt_outlet *outlet, const char *bytes, size_t len);

/* False: the screen is what it was. */
static bool put(struct pelt_progress *p, struct pelt_buf *bytes, put_fn through)
{
    bool done = !bytes->failed;
    if (done && bytes->len > 0 && p->opt.outlet != NULL) {
        done = through(p->opt.outlet, bytes->data, bytes->len);
    } else if (done && bytes->len > 0) {
        write_out(p, bytes);
    }
    pelt_buf_deinit(bytes);
    return done;
}

static void draw(struct pelt_progress *p, const struct live_figures *f, const char *name)
{
    struct live_block block;
    struct pelt_buf out;
    int columns, rows;
    pelt_buf_init(&out, 0);
    window(p->opt.out, &columns, &rows);
    /* One column stays free: some terminals wrap when the last one is written. */
    live_block_make(f, name, columns - 1, p->opt.color, &block);
    int lines = block.lines < rows ? block.lines : rows - 1;
    add_clear(p, &out);
    for (int i = 0; i < lines; i++) {
        pelt_buf_addf(&out, "%s\n", block.line[i]);
    }
    if (put(p, &out, pelt_outlet_put_at_once)) {
        p->drawn = lines;
    }
}

/* What is not known is left out. */
static void add_number(struct pelt_buf *out, const char *name, double value)
{
    if (isfinite(value)) {
        pelt_buf_addf(out, ",\"%s\":%.15g", name, round(value * 1000) / 1000);
    }
}

static void log_line(const struct live_figures *f, const char *phase, const char *line)
{
    struct pelt_buf members;
    pelt_buf_init(&members, 0);
    pelt_buf_addf(&members, "\"phase\":\"%s\"", phase);
    add_number(&members, "elapsed_s", f->elapsed_s);
    add_number(&members, "left_s", f->left_s);
    add_number(&members, "users", f->has_second ? f->users : (double)NAN);
    add_number(&members, "started", (double)f->started);
    add_number(&members, "errors", (double)f->errors);
    add_number(&members, "dropped", (double)f->dropped);
    add_number(&members, "started_per_s", f->has_second ? f->started_per_s : (double)NAN);
    add_number(&members, "p50_ms",
               f->all.known[LIVE_P50] ? f->all.us[LIVE_P50] / 1e3 : (double)NAN);
    add_number(&members, "p95_ms",
               f->all.known[LIVE_P95] ? f->all.us[LIVE_P95] / 1e3 : (double)NAN);
    add_number(&members, "p99_ms",
               f->all.known[LIVE_P99] ? f->all.us[LIVE_P99] / 1e3 : (double)NAN);
    const struct pelt_log_about about = {.members = members.failed ? NULL : members.data};
    pelt_log_about(&about, PELT_LOG_INFO, "progress", "%s", line);
    pelt_buf_deinit(&members);
}

static void print_line(struct pelt_progress *p, const struct live_figures *f, const char *name)
{
    char line[LIVE_LINE_MAX];
    live_line_make(f, name, line, sizeof line);
    if (p->opt.json) {
        log_line(f, live_phase_name(f->phase), line);
        return;
    }
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    pelt_buf_addf(&out, "%s\n", line);
    put(p, &out, pelt_outlet_put_at_once);
}

/* True once an interval; the times stay on the interval's grid as long as the caller keeps up. The
 * block is drawn at once, a line tells of the ten seconds before it. */
static bool is_due(struct pelt_progress *p, uint64_t now_ns)
{
    uint64_t every_ns = p->terminal ? REDRAW_NS : LINE_NS;
    if (p->due_ns == 0) {
        p->due_ns = p->terminal ? now_ns : now_ns + every_ns;
    }
    if (now_ns < p->due_ns) {
        return false;
    }
    bool late = now_ns - p->due_ns > every_ns;
    p->due_ns = (late ? now_ns : p->due_ns) + every_ns;
    return true;
}

void pelt_progress_update(void *progress, const struct pelt_live *live)
{
    struct pelt_progress *p = progress;
    struct live_figures figures;
    if (!is_due(p, p->clock_ns())) {
        return;
    }
    live_figures_make(live, &p->pool, &figures);
    if (!p->terminal) {
        print_line(p, &figures, live->name);
        return;
    }
    pthread_mutex_lock(&p->lock);
    draw(p, &figures, live->name);
    pthread_mutex_unlock(&p->lock);
}

void pelt_progress_clear(void *progress)
{
    struct pelt_progress *p = progress;
    struct pelt_buf out;
    pthread_mutex_lock(&p->lock);
    if (p->drawn > 0) {
        pelt_buf_init(&out, 0);
        add_clear(p, &out);
        if (put(p, &out, pelt_outlet_put)) {
            p->drawn = 0;
        }
    }
    pthread_mutex_unlock(&p->lock);
}

void pelt_progress_free(struct pelt_progress *p)
{
    if (p == NULL) {
        return;
    }
    pelt_hist_pool_deinit(&p->pool);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
