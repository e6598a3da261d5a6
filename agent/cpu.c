/* cpu: see the header. */
#include "cpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfile.h"

#define STAT_TEXT 40000 /* the lines of CPU_CORES_MAX cores; what follows is not asked for */
#define STAT      "/proc/stat"
#define LOADAVG   "/proc/loadavg"
#define ONLINE    "/sys/devices/system/cpu/online"

struct cpu {
    struct collector base;
    const char *root;
    struct procfile stat, loadavg;
    struct figure *cpu, *busiest, *steal, *run_queue;
    struct cpu_times last, last_each[CPU_CORES_MAX];
    double ticks_per_s;
    uint32_t online; /* 0: not known */
    char text[STAT_TEXT];
};

/* ---- pure ---- */

/* user nice system idle iowait irq softirq steal [guest ...]: guests are in user already. */
static bool parse_times(struct text line, struct cpu_times *out)
{
    uint64_t field[8] = {0};

    for (size_t i = 0; i < 8; i++) {
        if (!text_number(&line, &field[i])) {
            return false;
        }
    }
    out->stolen = field[7];
    out->busy = field[0] + field[1] + field[2] + field[5] + field[6];
    out->total = out->busy + field[3] + field[4] + field[7];
    return true;
}

bool cpu_parse_stat(const char *bytes, size_t len, struct cpu_times *all,
                    struct cpu_times each[CPU_CORES_MAX], size_t *cores)
{
    struct text t = text_of(bytes, len), line;
    struct cpu_times times;
    uint64_t number;

    *cores = 0;
    if (!text_line(&t, &line) || !text_skip(&line, "cpu ") || !parse_times(line, all)) {
        return false;
    }
    memset(each, 0, CPU_CORES_MAX * sizeof *each);
    while (text_line(&t, &line) && text_skip(&line, "cpu")) {
        if (!text_number(&line, &number) || !parse_times(line, &times) || number >= CPU_CORES_MAX) {
            break; /* the text is cut here, or there are more cores than are looked at */
        }
        each[number] = times;
        *cores = number + 1 > *cores ? number + 1 : *cores;
    }
    return true;
}

/* Digits; at least one. */
static bool parse_digits(struct text *t, uint32_t *out)
{
    uint32_t value = 0;
    const char *begin = t->at;

    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
        if (value > 1000000) {
            return false;
        }
        value = value * 10 + (uint32_t)(*t->at - '0');
    }
    *out = value;
    return t->at > begin;
}

bool cpu_parse_list(const char *bytes, size_t len, uint32_t *count)
{
    struct text t = text_of(bytes, len);
    uint32_t first, last;

    *count = 0;
    do {
        if (!parse_digits(&t, &first)) {
            return false;
        }
        last = first;
        if (text_skip(&t, "-") && (!parse_digits(&t, &last) || last < first)) {
            return false;
        }
        *count += last - first + 1;
    } while (text_skip(&t, ","));
    return t.at == t.end || *t.at == '\n';
}

bool cpu_parse_loadavg(const char *bytes, size_t len, uint64_t *runnable, uint64_t *threads)
{
    struct text t = text_of(bytes, len), word, first;
    const char *slash;

    if (!text_pass(&t, 3) || !text_word(&t, &word)) {
        return false;
    }
    slash = memchr(word.at, '/', (size_t)(word.end - word.at));
    if (slash == NULL) {
        return false;
    }
    first = (struct text){word.at, slash};
    word.at = slash + 1;
    return text_number(&first, runnable) && text_number(&word, threads);
}

/* ---- the collector ---- */

static double share_of(const struct cpu_times *now, const struct cpu_times *was)
{
    uint64_t busy = now->busy > was->busy ? now->busy - was->busy : 0;
    uint64_t total = now->total > was->total ? now->total - was->total : 0;

    return total > 0 ? (double)busy / (double)total : -1;
}

static void read_times(struct cpu *c)
{
    static struct cpu_times each[CPU_CORES_MAX]; /* 12 KB: not on the stack; one thread reads */
    struct cpu_times all;
    size_t len, cores, online = 0;
    double share, busiest = 0;

    if (!procfile_read(&c->stat, c->text, sizeof c->text, &len) ||
        !cpu_parse_stat(c->text, len, &all, each, &cores)) {
        procfile_unreadable(c->cpu, c->stat.error, STAT);
        procfile_unreadable(c->busiest, c->stat.error, STAT);
        procfile_unreadable(c->steal, c->stat.error, STAT);
        return;
    }
    figure_counter(c->steal, (double)all.stolen / c->ticks_per_s);
    if (all.total - c->last.total < 4 && c->last.total != 0) {
        return; /* too near to the sample before: nothing can be said of so few ticks */
    }
    for (size_t i = 0; i < cores; i++) {
        online += each[i].total > 0;
        share = share_of(&each[i], &c->last_each[i]);
        busiest = share > busiest ? share : busiest;
    }
    share = share_of(&all, &c->last);
    if (c->last.total != 0 && share >= 0) {
        const double most = c->online > 0 ? c->online : (double)online;
        figure_limit(c->cpu, share * most, most, NAN);
        figure_gauge(c->busiest, busiest);
    }
    c->last = all;
    memcpy(c->last_each, each, sizeof c->last_each);
}

static void read_run_queue(struct cpu *c)
{
    char text[128];
    size_t len;
    uint64_t runnable, threads;

    if (procfile_read(&c->loadavg, text, sizeof text, &len) &&
        cpu_parse_loadavg(text, len, &runnable, &threads)) {
        figure_gauge(c->run_queue, (double)runnable);
    } else {
        procfile_unreadable(c->run_queue, c->loadavg.error, LOADAVG);
    }
}

static void read_online(struct cpu *c)
{
    char text[512];
    size_t len;

    if (procfile_once_in(c->root, ONLINE, text, sizeof text, &len) != 0 ||
        !cpu_parse_list(text, len, &c->online)) {
        c->online = 0;
    }
}

static void cpu_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct cpu *c = (struct cpu *)self;

    if (tier == FIGURE_SLOW) {
        read_online(c);
    } else if (tier == FIGURE_FAST) {
        read_times(c);
        read_run_queue(c);
    }
}

static void cpu_free(struct collector *self)
{
    struct cpu *c = (struct cpu *)self;

    procfile_close(&c->stat);
    procfile_close(&c->loadavg);
    free(c);
}

struct collector *cpu_collector_new(struct catalogue *all, const char *root)
{
    struct cpu *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return NULL;
    }
    c->base = (struct collector){.name = "cpu", .read = cpu_read, .free = cpu_free};
    c->root = root;
    c->ticks_per_s = (double)sysconf(_SC_CLK_TCK);
    procfile_open(&c->stat, root, STAT);
    procfile_open(&c->loadavg, root, LOADAVG);
    read_online(c);
    c->cpu = catalogue_add(
        all, &(struct figure_about){PELT_SERVER_LIMIT, FIGURE_FAST, "cpu", "", "cores", STAT});
    c->busiest = catalogue_add(all, &(struct figure_about){PELT_SERVER_GAUGE, FIGURE_FAST,
                                                           "cpu_busiest", "", "share", STAT});
    c->steal = catalogue_add(
        all, &(struct figure_about){PELT_SERVER_COUNTER, FIGURE_FAST, "cpu_steal", "", "s", STAT});
    c->run_queue = catalogue_add(all, &(struct figure_about){PELT_SERVER_GAUGE, FIGURE_FAST,
                                                             "run_queue", "", "threads", LOADAVG});
    if (!c->cpu || !c->busiest || !c->steal || !c->run_queue) {
        cpu_free(&c->base);
        return NULL;
    }
    return &c->base;
}
