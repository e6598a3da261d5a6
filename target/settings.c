/* settings: see the header. */
#include "settings.h"

#include <assert.h>
#include <stdalign.h>

#include "service.h"

#define SUGGEST_WITHIN 4 /* edits, and as many as half the letters */

/* ---- knobs by place and name ---- */

static bool skip_empty(struct target_knob_place *place)
{
    while (target_systems[place->system] &&
           place->knob >= target_systems[place->system]->knobs_count) {
        place->system++;
        place->knob = 0;
    }
    return target_systems[place->system] != NULL;
}

bool target_knob_first(struct target_knob_place *place)
{
    *place = (struct target_knob_place){0};
    return skip_empty(place);
}

bool target_knob_next(struct target_knob_place *place)
{
    place->knob++;
    place->number++;
    return skip_empty(place);
}

const struct target_knob *target_knob_at(const struct target_knob_place *place)
{
    return &target_systems[place->system]->knobs[place->knob];
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance, one row at a time; texts beyond 31 bytes count as far away. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[32];
    size_t a_length = strlen(a), b_length = strlen(b);

    if (b_length >= 32 || a_length >= 64) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *target_knob_nearest(const char *name)
{
    struct target_knob_place place;
    const char *nearest = NULL;
    size_t least = SUGGEST_WITHIN;

    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        size_t distance = edit_distance(name, target_knob_at(&place)->name);

        if (distance < least && distance * 2 <= strlen(name)) {
            least = distance;
            nearest = target_knob_at(&place)->name;
        }
    }
    return nearest;
}

bool target_knob_find(struct target_knob_place *place, const char *name)
{
    for (bool is_there = target_knob_first(place); is_there; is_there = target_knob_next(place)) {
        if (strcmp(target_knob_at(place)->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

static void *block(const struct target_settings *settings, const struct target_values *values,
                   size_t system)
{
    return values->bytes + settings->offset[system];
}

static bool allocate(const struct target_settings *settings, struct target_values *values)
{
    values->bytes = calloc(1, settings->bytes);
    values->source = calloc(settings->knobs, 1);
    return values->bytes && values->source;
}

static void release(struct target_values *values)
{
    free(values->bytes);
    free(values->source);
    *values = (struct target_values){0};
}

static void copy(const struct target_settings *settings, struct target_values *to,
                 const struct target_values *from)
{
    memcpy(to->bytes, from->bytes, settings->bytes);
    memcpy(to->source, from->source, settings->knobs);
}

/* A table with a default that its own knob refuses is a bug. */
static void set_default(const struct target_knob *knob, void *system_settings)
{
    struct target_error err = {{0}};
    bool is_good;

    if (knob->type == TARGET_KNOB_STALLS) {
        struct target_calendar none = {.rules = 0};

        memcpy((char *)system_settings + knob->offset, &none, sizeof none);
        return;
    }
    is_good = target_knob_read(knob, system_settings, knob->initial, &err);
    assert(is_good);
    (void)is_good;
}

/* No memory: as if it were. */
static bool is_default(const struct target_settings *settings,
                       const struct target_knob_place *place)
{
    const struct target_knob *knob = target_knob_at(place);
    void *fresh = calloc(1, target_systems[place->system]->settings_bytes);
    char now[TARGET_KNOB_TEXT_BYTES], initial[TARGET_KNOB_TEXT_BYTES];

    if (!fresh) {
        return true;
    }
    set_default(knob, fresh);
    target_knob_print(knob, fresh, initial, sizeof initial);
    target_knob_print(knob, target_settings_of(settings, place->system), now, sizeof now);
    free(fresh);
    return strcmp(now, initial) == 0;
}

void target_settings_tell_idle(const struct target_settings *settings, FILE *out)
{
    struct target_knob_place place, needed;

    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        const struct target_knob *knob = target_knob_at(&place);

        if (knob->needs && settings->values.source[place.number] != TARGET_SOURCE_SIZE &&
            target_knob_find(&needed, knob->needs) && !is_default(settings, &place) &&
            is_default(settings, &needed)) {
            fprintf(out, "pelt-target: %s does nothing without %s\n", knob->name, knob->needs);
        }
    }
}

bool target_settings_init(struct target_settings *settings, struct target_error *err)
{
    const size_t align = alignof(max_align_t);
    struct target_knob_place place;

    *settings = (struct target_settings){0};
    pthread_mutex_init(&settings->lock, NULL);
    for (size_t i = 0; target_systems[i]; i++) {
        settings->offset[i] = settings->bytes;
        settings->bytes += (target_systems[i]->settings_bytes + align - 1) / align * align;
        settings->knobs += target_systems[i]->knobs_count;
    }
    if (!allocate(settings, &settings->values)) {
        return target_fail(err, "no memory for the settings");
    }
    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        set_default(target_knob_at(&place), block(settings, &settings->values, place.system));
    }
    return true;
}

void target_settings_deinit(struct target_settings *settings)
{
    release(&settings->values);
    pthread_mutex_destroy(&settings->lock);
}

const void *target_settings_of(const struct target_settings *settings, size_t system)
{
    return block(settings, &settings->values, system);
}

bool target_settings_refresh(struct target_settings *settings, const struct target_system *system,
                             void *copied, uint64_t *version)
{
    /* Acquire: what was set before an answer left is seen by the request that follows it. */
    if (atomic_load_explicit(&settings->version, memory_order_acquire) == *version) {
        return false;
    }
    pthread_mutex_lock(&settings->lock);
    *version = atomic_load_explicit(&settings->version, memory_order_relaxed);
    memcpy(copied, target_settings_of(settings, target_systems_index(system)),
           system->settings_bytes);
    pthread_mutex_unlock(&settings->lock);
    return true;
}

/* ---- changes ---- */

static void end(struct target_change *change)
{
    release(&change->values);
    free(change->is_set);
    pthread_mutex_unlock(&change->settings->lock);
}

bool target_change_begin(struct target_change *change, struct target_settings *settings,
                         struct target_running *running, struct target_error *err)
{
    *change = (struct target_change){.settings = settings, .running = running};
    pthread_mutex_lock(&settings->lock);
    change->is_set = calloc(settings->knobs, sizeof *change->is_set);
    if (!allocate(settings, &change->values) || !change->is_set) {
        end(change);
        return target_fail(err, "no memory for a change of settings");
    }
    copy(settings, &change->values, &settings->values);
    return true;
}

bool target_change_set(struct target_change *change, const struct target_knob_place *place,
                       const char *text, enum target_source source, struct target_error *err)
{
    const struct target_knob *knob = target_knob_at(place);
    void *values = block(change->settings, &change->values, place->system);

    if (change->running && !knob->is_live) {
        return target_fail(err, "is read at the start only; restart with --%s", knob->name);
    }
    if (change->values.source[place->number] != source) {
        set_default(knob, values);
    }
    if (!target_knob_read(knob, values, text, err)) {
        return false;
    }
    change->values.source[place->number] = (unsigned char)source;
    change->is_set[place->number] = true;
    return true;
}

void *target_change_values(struct target_change *change, const struct target_system *system)
{
    return block(change->settings, &change->values, target_systems_index(system));
}

static bool check(const struct target_change *change, struct target_error *err)
{
    for (size_t i = 0; target_systems[i]; i++) {
        if (target_systems[i]->check &&
            !target_systems[i]->check(block(change->settings, &change->values, i), err)) {
            return false;
        }
    }
    return true;
}

static bool is_same(const struct target_change *change, size_t system)
{
    const struct target_settings *settings = change->settings;

    return memcmp(block(settings, &change->values, system),
                  block(settings, &settings->values, system),
                  target_systems[system]->settings_bytes) == 0;
}

/* Applies `values` to the systems before `end` that the change touches; the first that fails. */
static size_t apply(const struct target_change *change, const struct target_values *values,
                    size_t end_system, const struct target_scene *scene)
{
    for (size_t i = 0; i < end_system; i++) {
        const struct target_system *system = target_systems[i];

        if (system->apply && !is_same(change, i) &&
            !system->apply(change->running->state[i], block(change->settings, values, i), scene)) {
            return i;
        }
    }
    return end_system;
}

static bool apply_all(const struct target_change *change, const struct target_scene *scene,
                      struct target_error *err)
{
    size_t count = target_systems_count();
    size_t applied = change->running ? apply(change, &change->values, count, scene) : count;

    if (applied < count) {
        apply(change, &change->settings->values, applied, scene); /* as it was: needs no memory */
        return target_fail(err, "no memory for these settings of %s",
                           target_systems[applied]->name);
    }
    return true;
}

static void tell(const struct target_change *change, const struct target_scene *scene)
{
    struct target_knob_place place;
    char before[128], after[128];

    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        const struct target_knob *knob = target_knob_at(&place);

        if (!change->is_set[place.number]) {
            continue;
        }
        target_knob_print(knob, block(change->settings, &change->settings->values, place.system),
                          before, sizeof before);
        target_knob_print(knob, block(change->settings, &change->values, place.system), after,
                          sizeof after);
        target_journal_event(scene->journal, scene->now_ns, scene->now_ns,
                             target_systems[place.system]->name, "knob",
                             ",\"knob\":\"%s\",\"before\":\"%s\",\"after\":\"%s\"", knob->name,
                             before, after);
    }
}

bool target_change_commit(struct target_change *change, const struct target_scene *scene,
                          struct target_error *err)
{
    struct target_settings *settings = change->settings;
    bool is_made = check(change, err) && apply_all(change, scene, err);

    if (is_made) {
        if (scene) {
            tell(change, scene);
        }
        copy(settings, &settings->values, &change->values);
        atomic_fetch_add_explicit(&settings->version, 1, memory_order_release);
    }
    end(change);
    return is_made;
}

void target_change_abort(struct target_change *change)
{
    end(change);
}
