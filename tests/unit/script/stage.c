#include "stage.h"

#include <stdio.h>
#include <string.h>

#include "fake_client.h"
#include "pelt/clock.h"
#include "test.h"

static void on_error(void *arg, const struct pelt_script_whose *whose, const char *line,
                     const char *traceback)
{
    struct stage *st = arg;
    st->errors++;
    snprintf(st->error, sizeof st->error, "%s", line);
}

void open_stage(struct stage *st, const char *folder, const char *source, uint64_t population,
                unsigned threads)
{
    char path[128];
    struct pelt_error err;
    fake_reset();
    memset(st, 0, sizeof *st);
    snprintf(path, sizeof path, "%s/t.lua", folder);
    if (pelt_scenario_load_text(path, source, strlen(source), NULL, 0, &st->scenario, &err) !=
        PELT_OK) {
        fail_msg("%s", err.text);
    }
    st->registry = pelt_registry_new();
    st->frame = pelt_frame_new(NULL);
    pelt_recorder_init(&st->recorder, st->frame, 0, NULL, NULL);
    st->recorder.edge_ns = PELT_NEVER;
    pelt_timerq_init(&st->timers);
    struct pelt_script_options options = {
        .scenario = st->scenario,
        .client = (struct pelt_client *)st, /* opaque to the script; not NULL */
        .recorder = &st->recorder,
        .registry = st->registry,
        .timers = &st->timers,
        .target = "http://target:80",
        .seed = 42,
        .population = population,
        .on_error = on_error,
        .on_error_arg = st,
    };
    for (; st->threads < threads; st->threads++) {
        assert_int_equal(pelt_script_new(&options, &st->scripts[st->threads], &err), PELT_OK);
    }
}

void close_stage(struct stage *st)
{
    for (unsigned i = 0; i < st->threads; i++) {
        pelt_script_free(st->scripts[i]);
    }
    pelt_timerq_deinit(&st->timers);
    pelt_frame_free(st->frame);
    pelt_registry_free(st->registry);
    pelt_scenario_free(st->scenario);
}

struct pelt_vu *new_user(struct stage *st, uint64_t id)
{
    struct pelt_vu *vu = pelt_script_vu_ops.create(st->scripts[id % st->threads], id);
    assert_non_null(vu);
    vu->id = id;
    return vu;
}

void begin(struct pelt_vu *vu)
{
    vu->running = true;
    pelt_script_vu_ops.begin(vu, 1, 1);
}

long iterate(struct pelt_vu *vu)
{
    long value = -1;
    begin(vu);
    if (fake_calls_len > 0) {
        unsigned long user;
        assert_int_equal(sscanf(fake_calls[0].request->bytes, "GET /%lu/%ld ", &user, &value), 2);
        assert_int_equal(user, vu->id);
        fake_answer();
    }
    assert_false(vu->running);
    vu->iteration++;
    return value;
}
