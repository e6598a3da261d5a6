/* spool: see the header. */
#include "spool.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <unistd.h>

#include "clock.h"
#include "errands.h"
#include "keytable.h"
#include "notices.h"
#include "spoolfiles.h"

#define WAITING_MAX 10000

struct spool {
    struct target_errands *errands;  /* NULL: off */
    struct target_spoolfiles *files; /* that thread's */
    struct target_notices notices;
    pthread_mutex_t lock; /* of what follows */
    struct target_spool_settings settings;
    struct target_spool_room room; /* when it was last looked at */
    uint64_t count;                /* files, then */
    uint64_t written, failed, cleaned, removed, freed_bytes;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_spool_settings, name)

static const struct target_knob knobs[] = {
    {.name = "spool",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(folder),
     .max = TARGET_SPOOL_PATH_BYTES,
     .initial = "",
     .text =
         "a folder in which each request with work leaves a file; the oldest are removed before "
         "its disk is full; empty: none"},
    {.name = "spool-bytes",
     .needs = "spool",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(bytes),
     .max = UINT64_C(1) << 30,
     .initial = "64k",
     .is_live = true,
     .text = "with --spool: how large a file is"},
    {.name = "spool-high",
     .needs = "spool",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(high),
     .initial = "80%",
     .is_live = true,
     .text = "with --spool: when more of the file system than this is used, the oldest files are "
             "removed"},
    {.name = "spool-low",
     .needs = "spool",
     .type = TARGET_KNOB_SHARE,
     .offset = FIELD(low),
     .initial = "60%",
     .is_live = true,
     .text = "with --spool: until no more than this is used"},
};

static bool check(const void *cls, struct target_error *err)
{
    const struct target_spool_settings *settings = cls;

    if (settings->folder[0] && access(settings->folder, R_OK | W_OK | X_OK) < 0) {
        return target_fail(err, "spool: cannot write to the folder \"%.300s\": %s; make it first",
                           settings->folder, strerror(errno));
    }
    return settings->low <= settings->high ||
           target_fail(err, "spool-low: \"%g\" is more than spool-high, %g; try spool-low %g",
                       settings->low, settings->high, settings->high * 3 / 4);
}

/* ---- on the spool's thread ---- */

static struct target_spool_settings settings_now(struct spool *spool)
{
    struct target_spool_settings settings;

    pthread_mutex_lock(&spool->lock);
    settings = spool->settings;
    pthread_mutex_unlock(&spool->lock);
    return settings;
}

static bool is_above(const struct target_spool_room *room, double share)
{
    return room->bytes > 0 && (double)room->used_bytes > share * (double)room->bytes;
}

static void clean(struct spool *spool, double low)
{
    struct target_spool_room before = target_spoolfiles_room(spool->files), after = before;
    uint64_t removed = 0, freed;

    while (is_above(&after, low) && target_spoolfiles_remove_oldest(spool->files)) {
        removed++;
        after = target_spoolfiles_room(spool->files);
    }
    freed = before.used_bytes > after.used_bytes ? before.used_bytes - after.used_bytes : 0;
    pthread_mutex_lock(&spool->lock);
    spool->cleaned++;
    spool->removed += removed;
    spool->freed_bytes += freed;
    pthread_mutex_unlock(&spool->lock);
    target_notices_add(&spool->notices, target_clock_now_ns(), "cleaned",
                       ",\"files\":%" PRIu64 ",\"freed_bytes\":%" PRIu64, removed, freed);
}

/* True: it is there. */
static bool write_file(struct spool *spool, const struct target_spool_settings *settings)
{
    bool is_written = target_spoolfiles_write(spool->files, settings->bytes);
    struct target_spool_room room;

    if (!is_written) {
        clean(spool, settings->low);
        is_written = target_spoolfiles_write(spool->files, settings->bytes);
    }
    room = target_spoolfiles_room(spool->files);
    if (is_above(&room, settings->high)) {
        clean(spool, settings->low);
    }
    return is_written;
}

static void refuse(struct target_admission *admission)
{
    admission->status = 503;
    admission->refused_by = target_spool_system.name;
    admission->message = "the spool's disk is full";
    admission->retry_after_s = 1;
}

static void run(void *cls, struct target_errand *errand)
{
    struct spool *spool = cls;
    struct target_admission *admission =
        TARGET_OWNER(errand, struct target_admission, spool.errand);
    struct target_spool_settings settings = settings_now(spool);
    uint64_t begin_ns = target_clock_now_ns();
    bool is_written = write_file(spool, &settings);

    pthread_mutex_lock(&spool->lock);
    *(is_written ? &spool->written : &spool->failed) += 1;
    spool->room = target_spoolfiles_room(spool->files);
    spool->count = target_spoolfiles_count(spool->files);
    pthread_mutex_unlock(&spool->lock);
    target_admission_span(admission, "spool", begin_ns - admission->spool.since_ns,
                          target_clock_now_ns() - begin_ns);
    if (!is_written) {
        refuse(admission);
    }
    target_resume(admission);
}

/* ---- one request ---- */

static enum target_verdict work(void *state, struct target_admission *admission,
                                const struct target_scene *scene)
{
    struct spool *spool = state;

    if (!spool->errands) {
        return TARGET_GO;
    }
    target_notices_tell(&spool->notices, target_spool_system.name, scene);
    admission->spool.errand.run = run;
    admission->spool.since_ns = scene->now_ns;
    if (!target_errands_give(spool->errands, &admission->spool.errand)) {
        refuse(admission);
        admission->message = "too many requests wait for the spool";
        return TARGET_REFUSED;
    }
    return TARGET_WAITS;
}

/* ---- the system ---- */

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct spool *spool = state;

    pthread_mutex_lock(&spool->lock);
    memcpy(&spool->settings, settings, sizeof spool->settings);
    pthread_mutex_unlock(&spool->lock);
    return true;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct spool *spool = state;

    target_errands_free(spool->errands);
    if (scene) {
        target_notices_tell(&spool->notices, target_spool_system.name, scene);
    }
    target_spoolfiles_free(spool->files);
    target_notices_deinit(&spool->notices);
    pthread_mutex_destroy(&spool->lock);
    free(spool);
}

static bool open_up(struct spool *spool)
{
    spool->files = target_spoolfiles_new(spool->settings.folder);
    if (!spool->files) {
        fprintf(stderr, "pelt-target: spool: cannot read \"%.300s\"\n", spool->settings.folder);
        return false;
    }
    spool->room = target_spoolfiles_room(spool->files);
    spool->count = target_spoolfiles_count(spool->files);
    spool->errands = target_errands_new(WAITING_MAX, spool);
    return spool->errands != NULL;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct spool *spool = calloc(1, sizeof *spool);

    if (!spool) {
        return NULL;
    }
    pthread_mutex_init(&spool->lock, NULL);
    memcpy(&spool->settings, settings, sizeof spool->settings);
    if (!target_notices_init(&spool->notices) || (spool->settings.folder[0] && !open_up(spool))) {
        stop(spool, NULL);
        return NULL;
    }
    return spool;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct spool *spool = state;
    const char *name = target_spool_system.name;

    if (!spool->errands) {
        return;
    }
    pthread_mutex_lock(&spool->lock);
    target_figures_add_limit(
        figures, &(struct target_limit_figure){.name = "spool_disk",
                                               .used = spool->room.used_bytes,
                                               .limit = spool->room.bytes,
                                               .waiters = target_errands_waiting(spool->errands),
                                               .events = spool->failed});
    target_figures_add_limit(figures, &(struct target_limit_figure){.name = "spool_files",
                                                                    .used = spool->count,
                                                                    .limit = TARGET_UNLIMITED});
    target_figures_add_event(figures, name, "written", spool->written);
    target_figures_add_event(figures, name, "cleaned", spool->cleaned);
    target_figures_add_event(figures, name, "removed", spool->removed);
    target_figures_add_event(figures, name, "freed_byte", spool->freed_bytes);
    pthread_mutex_unlock(&spool->lock);
    target_notices_tell(&spool->notices, name, scene);
}

const struct target_system target_spool_system = {
    .name = "spool",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_spool_settings),
    .check = check,
    .start = start,
    .stop = stop,
    .apply = apply,
    .work = work,
    .figures = figures,
};
