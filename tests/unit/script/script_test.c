/*
 * Scenarios at work, without network or waiting (fake_client.h). tests/lua/good: each file runs
 * some iterations and asserts for itself; any script error fails the test.
 */
#include "test.h"

#include <dirent.h>
#include <stdatomic.h>
#include <string.h>

#include "fake_client.h"
#include "pelt/clock.h"
#include "pelt/script.h"

struct stage {
    struct pelt_scenario *scenario;
    struct pelt_registry *registry;
    struct pelt_frame *frame;
    struct pelt_recorder recorder;
    struct pelt_timerq timers;
    struct pelt_script *script;
    _Atomic bool stopping;
    int errors;
    char error[2048]; /* the newest, with its traceback */
};

static void on_error(void *arg, const struct pelt_script_whose *whose, const char *line,
                     const char *traceback)
{
    struct stage *st = arg;
    st->errors++;
    snprintf(st->error, sizeof st->error, "%s\n%s", line, traceback);
}

static const char *const HEADERS[] = {"X-Line: from the command line", NULL};

static void open_stage(struct stage *st, struct pelt_scenario *scenario, const char *data_json)
{
    fake_reset();
    memset(st, 0, sizeof *st);
    st->scenario = scenario;
    st->registry = pelt_registry_new();
    st->frame = pelt_frame_new(NULL);
    pelt_recorder_init(&st->recorder, st->frame, 0, NULL, NULL);
    st->recorder.edge_ns = PELT_NEVER;
    pelt_timerq_init(&st->timers);
    struct pelt_script_options options = {
        .scenario = scenario,
        .client = (struct pelt_client *)st, /* opaque to the script; not NULL */
        .recorder = &st->recorder,
        .registry = st->registry,
        .timers = &st->timers,
        .target = "http://target:80/base/",
        .headers = HEADERS,
        .data_json = data_json,
        .seed = 42,
        .stopping = &st->stopping,
        .on_error = on_error,
        .on_error_arg = st,
    };
    struct pelt_error err;
    if (pelt_script_new(&options, &st->script, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
}

static void open_text(struct stage *st, const char *source, const char *data_json)
{
    struct pelt_error err;
    struct pelt_scenario *scenario = NULL;
    if (pelt_scenario_load_text("t.lua", source, strlen(source), NULL, 0, &scenario, &err) !=
        PELT_OK) {
        fail_msg("%s", err.text);
    }
    open_stage(st, scenario, data_json);
}

static void close_stage(struct stage *st)
{
    pelt_script_free(st->script);
    assert_int_equal(fake_sessions, 0);
    pelt_timerq_deinit(&st->timers);
    pelt_frame_free(st->frame);
    pelt_registry_free(st->registry);
    pelt_scenario_free(st->scenario);
}

/* Answers and wakes until nothing waits. */
static void settle(struct stage *st)
{
    uint64_t due_ns;
    while (fake_answer() || (due_ns = pelt_timerq_next(&st->timers)) != PELT_NEVER) {
        if (fake_calls_len == 0 && pelt_timerq_next(&st->timers) != PELT_NEVER) {
            pelt_timerq_run(&st->timers, pelt_timerq_next(&st->timers), 1);
        }
    }
}

static struct pelt_vu *new_user(struct stage *st, uint64_t id)
{
    struct pelt_vu *vu = pelt_script_vu_ops.create(st->script, id);
    assert_non_null(vu);
    vu->id = id;
    return vu;
}

/* As the crew does. */
static void begin(struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    vu->running = true;
    vu->due_ns = due_ns;
    pelt_script_vu_ops.begin(vu, due_ns, now_ns);
}

static void iterate(struct stage *st, struct pelt_vu *vu, int times)
{
    for (int i = 0; i < times && !vu->stopped; i++) {
        begin(vu, 1000, 1000);
        settle(st);
        assert_false(vu->running);
        vu->iteration++;
    }
}

static void run_good_file(const char *path)
{
    struct pelt_error err;
    struct pelt_scenario *scenario = NULL;
    struct stage st;
    if (pelt_scenario_load(path, NULL, 0, &scenario, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    open_stage(
        &st, scenario,
        "{\"token\":\"t\",\"list\":[1,2,{\"x\":null}],\"headers\":{\"X-Data\":\"from setup\"},"
        "\"expect\":[418],\"options\":{\"body\":\"given\"}}");
    struct pelt_vu *users[2] = {new_user(&st, 0), new_user(&st, 1)};
    iterate(&st, users[0], 3);
    iterate(&st, users[1], 3);
    if (st.errors > 0) {
        fail_msg("%s: %s", path, st.error);
    }
    for (uint32_t i = 1; i < pelt_registry_count(st.registry, PELT_NAME_CHECK); i++) {
        struct pelt_check_frame *check = pelt_frame_check(st.frame, i);
        if (check->failed > 0) {
            fail_msg("%s: check '%s' failed", path,
                     pelt_registry_name(st.registry, PELT_NAME_CHECK, i));
        }
    }
    pelt_script_vu_ops.destroy(users[0]);
    pelt_script_vu_ops.destroy(users[1]);
    close_stage(&st);
}

static void each_good_scenario_runs_without_error(void **state)
{
    DIR *dir = opendir(PELT_LUA_TESTS "/good");
    assert_non_null(dir);
    struct dirent *entry;
    int files = 0;
    while ((entry = readdir(dir))) {
        if (strstr(entry->d_name, ".lua")) {
            char path[1024];
            snprintf(path, sizeof path, PELT_LUA_TESTS "/good/%s", entry->d_name);
            run_good_file(path);
            files++;
        }
    }
    closedir(dir);
    assert_true(files > 5);
}

static void user_reuses_its_coroutine_for_many_iterations(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\nreturn { iteration = function() "
              "http.get('/constant') end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 2000);
    assert_int_equal(fake_ended, 2000);
    assert_int_equal(fake_ended_error, 0);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void constant_request_is_built_once(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\nreturn { iteration = function() "
              "http.get('/constant') end }",
              NULL);
    struct pelt_vu *a = new_user(&st, 0), *b = new_user(&st, 1);
    begin(a, 1, 1);
    begin(b, 1, 1);
    assert_int_equal(fake_calls_len, 2);
    assert_ptr_equal(fake_calls[0].request, fake_calls[1].request);
    settle(&st);
    pelt_script_vu_ops.destroy(a);
    pelt_script_vu_ops.destroy(b);
    close_stage(&st);
}

/* The request that the first iteration of `source` sends. It stays waiting. */
static const struct pelt_request *first_request(struct stage *st, struct pelt_vu **vu,
                                                const char *source)
{
    open_text(st, source, NULL);
    *vu = new_user(st, 0);
    begin(*vu, 1, 1);
    assert_int_equal(fake_calls_len, 1);
    return fake_calls[0].request;
}

static void end_first_request(struct stage *st, struct pelt_vu *vu)
{
    settle(st);
    pelt_script_vu_ops.destroy(vu);
    close_stage(st);
}

static void what_no_code_reads_is_not_kept(void **state)
{
    static const struct {
        const char *read;
        bool keep, body;
    } cases[] = {
        {"check('ok', r.status == 200 and r.ok and not r.error)", false, false},
        {"check('ok', r.headers['X-Two'] == 'a')", true, false},
        {"check('ok', r.body ~= nil)", true, true},
        {"check('ok', r:json('/method') == 'GET')", true, true},
        {"check('ok', pelt.json.encode {} == '{}' and tostring(r):find('bytes'))", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char source[512];
        struct stage st;
        struct pelt_vu *vu;
        snprintf(source, sizeof source,
                 "local pelt = require 'pelt'\nlocal check = pelt.check\n"
                 "return { iteration = function()\nlocal r = pelt.http.get('/x')\n%s end }",
                 cases[i].read);
        const struct pelt_request *request = first_request(&st, &vu, source);
        assert_int_equal(request->keep, cases[i].keep);
        assert_int_equal(request->body_max > 0, cases[i].body);
        settle(&st);
        assert_int_equal(st.errors, 0);
        assert_int_equal(pelt_frame_check(st.frame, 1)->passed, 1);
        end_first_request(&st, vu);
    }
}

static void reading_what_was_not_kept_is_an_error_not_nil(void **state)
{
    static const struct {
        const char *read, *error;
    } cases[] = {
        {"local k = 'bo' .. 'dy' local b = r[k]",
         "t.lua:3: a response's body is read, but its body was not kept: nothing in the scenario's "
         "source reads one by name, or the request says keep_body = false; write r.body, or give "
         "the request keep_body = true"},
        {"local k = 'js' .. 'on' local b = r[k](r)", "t.lua:3: a response's json is read"},
        {"local k = 'bo' .. 'dy_cut' local b = r[k]", "t.lua:3: a response's body_cut is read"},
        {"local k = 'head' .. 'ers' local b = r[k]", "write r.headers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char source[512];
        struct stage st;
        struct pelt_vu *vu;
        snprintf(source, sizeof source,
                 "local http = require('pelt').http\nreturn { iteration = function() local r = "
                 "http.get('/x')\n%s end }",
                 cases[i].read);
        first_request(&st, &vu, source);
        settle(&st);
        assert_int_equal(st.errors, 1);
        if (!strstr(st.error, cases[i].error)) {
            fail_msg("%s", st.error);
        }
        end_first_request(&st, vu);
    }
}

static void a_request_can_say_whether_its_body_is_kept(void **state)
{
    struct stage st;
    struct pelt_vu *vu;
    const struct pelt_request *request =
        first_request(&st, &vu,
                      "local http = require('pelt').http\nreturn { iteration = function()\n"
                      "local r, k = http.get('/x', { keep_body = true }), 'bo'\n"
                      "assert(#r[k .. 'dy'] > 0) end }");
    assert_true(request->keep && request->body_max > 0);
    settle(&st);
    assert_int_equal(st.errors, 0);
    end_first_request(&st, vu);

    request = first_request(&st, &vu,
                            "local http = require('pelt').http\nreturn { iteration = function()\n"
                            "local r = http.get('/x', { keep_body = false })\n"
                            "return r.body end }");
    assert_true(request->body_max == 0);
    settle(&st);
    assert_non_null(strstr(st.error, "t.lua:4: a response's body is read"));
    end_first_request(&st, vu);
}

static void code_loaded_later_is_scanned_too(void **state)
{
    static const char *const loaders[] = {
        "assert(load('return (...).body'))",
        "assert(load(coroutine.wrap(function() coroutine.yield('return (...).bo') "
        "coroutine.yield('dy') end)))",
        "require('helper.reader')",
        "dofile('" PELT_LUA_TESTS "/good/helper/reader.lua')",
        "assert(loadfile('" PELT_LUA_TESTS "/good/helper/reader.lua'))()",
    };
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++) {
        char source[512];
        struct stage st;
        struct pelt_error err;
        struct pelt_scenario *scenario = NULL;
        snprintf(source, sizeof source,
                 "local http = require('pelt').http\n"
                 "return { iteration = function(user)\nlocal read = %s\n"
                 "assert(#read(http.get('/x')) > 0) end }",
                 loaders[i]);
        assert_int_equal(pelt_scenario_load_text(PELT_LUA_TESTS "/good/t.lua", source,
                                                 strlen(source), NULL, 0, &scenario, &err),
                         PELT_OK);
        open_stage(&st, scenario, NULL);
        struct pelt_vu *vu = new_user(&st, 0);
        iterate(&st, vu, 2);
        if (st.errors > 0) {
            fail_msg("%s", st.error);
        }
        end_first_request(&st, vu);
    }
}

/* Also for a request that was prepared before. */
static void code_loaded_between_two_calls_is_seen_by_the_second(void **state)
{
    struct stage st;
    struct pelt_vu *vu;
    const struct pelt_request *request =
        first_request(&st, &vu,
                      "local http = require('pelt').http\nlocal read\n"
                      "return { iteration = function(user)\nlocal r = http.get('/x')\n"
                      "if user.iteration > 0 then assert(#user.read(r) > 0) end\n"
                      "user.read = user.read or load('return (...).body')\n"
                      "r = http.get('/x')\nassert(#user.read(r) > 0) end }");
    assert_false(request->keep);
    settle(&st);
    vu->iteration++;
    iterate(&st, vu, 2);
    if (st.errors > 0) {
        fail_msg("%s", st.error);
    }
    end_first_request(&st, vu);
}

static void first_request_of_an_arrival_keeps_its_due_time(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\n"
              "return { iteration = function() http.get('/1') http.get('/2') end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    vu->open = true;
    begin(vu, 5, 1000);
    assert_int_equal(fake_calls[0].due_ns, 5);
    fake_answer();
    assert_int_equal(fake_calls[0].due_ns, fake_calls[0].now_ns);
    settle(&st);
    vu->open = false;
    begin(vu, 1000, 1000); /* closed loop: due when called */
    assert_int_equal(fake_calls[0].due_ns, fake_calls[0].now_ns);
    settle(&st);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void draws_of_an_arrival_do_not_depend_on_the_user_that_serves_it(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\n"
              "return { iteration = function(user) http.get('/' .. user.rng:int(1, 1000000)) end }",
              NULL);
    char first[64];
    for (uint64_t id = 0; id < 2; id++) {
        struct pelt_vu *vu = new_user(&st, id);
        vu->open = true;
        vu->arrival = 7;
        begin(vu, 1, 1);
        if (id == 0) {
            snprintf(first, sizeof first, "%.40s", fake_calls[0].request->bytes);
        } else {
            assert_memory_equal(first, fake_calls[0].request->bytes, 12);
        }
        settle(&st);
        pelt_script_vu_ops.destroy(vu);
    }
    close_stage(&st);
}

static void script_error_ends_the_iteration_and_is_reported_once(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\nlocal function deep() error('boom') end\n"
              "return { iteration = function() http.get('/x') deep() end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 3);
    assert_int_equal(fake_ended_error, 3);
    assert_int_equal(st.errors, 1);
    assert_non_null(strstr(st.error, "t.lua:2: boom"));
    assert_non_null(strstr(st.error, "t.lua:3: in function <t.lua:3>"));
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void error_object_without_text_is_reported_once(void **state)
{
    struct stage st;
    open_text(&st, "return { iteration = function() error({ 1 }) end }", NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 3);
    assert_int_equal(fake_ended_error, 3);
    assert_int_equal(st.errors, 1);
    assert_non_null(strstr(st.error, "t.lua:1: error object is a table value\n"));
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void error_object_whose_text_fails_names_its_line(void **state)
{
    static const char *const texts[][2] = {
        {"error('x')", "t.lua:3: x\n"},
        {"require('pelt').sleep(1)", "t.lua:3: pelt.sleep waits, and nothing may wait any more"},
        {"error({})", "failed: a table value\n"},
        {"return {}", "'__tostring' must return a string\n"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char source[512];
        struct stage st;
        snprintf(source, sizeof source,
                 "local T = {\n  __tostring = function()\n  %s\n  end }\n"
                 "return { iteration = function() error(setmetatable({}, T)) end }",
                 texts[i][0]);
        open_text(&st, source, NULL);
        struct pelt_vu *vu = new_user(&st, 0);
        iterate(&st, vu, 2);
        assert_int_equal(fake_ended_error, 2);
        assert_int_equal(st.errors, 1);
        const char *begun = "t.lua:5: error object is a table value, whose __tostring failed: ";
        assert_memory_equal(st.error, begun, strlen(begun));
        assert_non_null(strstr(st.error, texts[i][1]));
        assert_non_null(strstr(st.error, "\nstack traceback:\n"));
        pelt_script_vu_ops.destroy(vu);
        close_stage(&st);
    }
}

/* What a variable raises while it is closed behind an error comes after that. */
static void error_while_variables_are_closed_is_told_too(void **state)
{
    static const char *const closing[][2] = {
        {"error('second')", "; and then in __close: t.lua:2: second\n"},
        {"http.get('/y')", "; and then in __close: t.lua:2: http.get waits, and nothing may wait"},
        {"return 1", "t.lua:4: first\n"}};
    for (size_t i = 0; i < sizeof closing / sizeof closing[0]; i++) {
        char source[512];
        struct stage st;
        snprintf(source, sizeof source,
                 "local http = require('pelt').http\n"
                 "local C = { __close = function() %s end }\n"
                 "return { iteration = function() local c <close> = setmetatable({}, C)\n"
                 "  http.get('/x') error('first') end }",
                 closing[i][0]);
        open_text(&st, source, NULL);
        struct pelt_vu *vu = new_user(&st, 0);
        iterate(&st, vu, 3);
        assert_int_equal(fake_ended_error, 3);
        assert_int_equal(st.errors, 1);
        assert_memory_equal(st.error, "t.lua:4: first", strlen("t.lua:4: first"));
        assert_non_null(strstr(st.error, closing[i][1]));
        pelt_script_vu_ops.destroy(vu);
        close_stage(&st);
    }
}

#ifndef __SANITIZE_THREAD__ /* there a state fills so slowly that the watchdog comes first */
/* By the limit of its state; the others go on, and have what it kept. False: filling it took so
 * long on this host that the watchdog came first. */
static bool hog_is_stopped(const char *hog)
{
    char source[512];
    struct stage st;
    snprintf(source, sizeof source,
             "local pelt, mib = require 'pelt', ('x'):rep(1 << 20)\n"
             "return { iteration = function(user)\n"
             "if user.id == 7 then %s end\n"
             "local mine = mib:rep(200)\n"
             "pelt.check('served', pelt.http.get('/x').status == 200) end,\n"
             "user_exit = function(user) assert(user.id == 7) pelt.http.get('/y') end }",
             hog);
    open_text(&st, source, NULL);
    struct pelt_vu *vu = new_user(&st, 7), *other = new_user(&st, 8);
    iterate(&st, vu, 3);
    bool in_time = strstr(st.error, "held its loop") == NULL;
    if (in_time) {
        assert_true(vu->stopped);
        assert_int_equal(vu->iteration, 1);
        assert_int_equal(fake_ended_error, 1);
        assert_non_null(strstr(st.error, "t.lua:3: "));
        assert_non_null(strstr(st.error, "is 512 MiB, and user 7 is stopped; build smaller"));
        vu->phase = PELT_VU_LEAVING;
        assert_true(pelt_script_vu_ops.leave(vu, 1));
        settle(&st);
        iterate(&st, other, 3);
        assert_int_equal(fake_ended_error, 1);
        assert_int_equal(pelt_frame_check(st.frame, 1)->passed, 3);
    }
    pelt_script_vu_ops.destroy(vu);
    pelt_script_vu_ops.destroy(other);
    close_stage(&st);
    return in_time;
}

static void user_without_memory_is_stopped(void **state)
{
    static const char *const hogs[] = {
        "local s = 'x' while true do s = s .. s end",
        "coroutine.wrap(function() local s = 'x' while true do s = s .. s end end)()",
        "user.kept = mib:rep(200) user.more = mib:rep(201)",
        "error(setmetatable({}, { __tostring = function() return mib:rep(600) end }))",
        "local c <close> = setmetatable({}, { __close = function() return mib:rep(600) end "
        "}) error('first')"};
    for (size_t i = 0; i < sizeof hogs / sizeof hogs[0]; i++) {
        bool seen = false;
        for (int attempt = 0; attempt < 5 && !seen; attempt++) {
            seen = hog_is_stopped(hogs[i]);
        }
        assert_true(seen);
    }
}
#endif

/* User 0 keeps its coroutine and waits; user 1 tries to run or end it meanwhile. */
static void waiting_user_cannot_be_resumed_or_closed_by_another(void **state)
{
    static const char *const tries[] = {"resume", "close"};
    for (size_t i = 0; i < 2; i++) {
        char source[512];
        struct stage st;
        snprintf(source, sizeof source,
                 "local pelt, kept = require 'pelt', nil\n"
                 "return { iteration = function(user)\n"
                 "  if user.id == 1 then coroutine.%s(kept) end\n"
                 "  kept = coroutine.running()\n"
                 "  pelt.check('answered', pelt.http.get('/x').status == 200) end }",
                 tries[i]);
        open_text(&st, source, NULL);
        struct pelt_vu *a = new_user(&st, 0), *b = new_user(&st, 1);
        begin(a, 1, 1);
        begin(b, 1, 1);
        assert_int_equal(fake_ended_error, 1);
        assert_non_null(strstr(st.error, "this coroutine is not the script's own"));
        settle(&st);
        assert_false(a->running);
        assert_int_equal(fake_ended_error, 1);
        assert_int_equal(pelt_frame_check(st.frame, 1)->passed, 1);
        pelt_script_vu_ops.destroy(a);
        pelt_script_vu_ops.destroy(b);
        close_stage(&st);
    }
}

static void misuse_in_an_iteration_names_line_and_option(void **state)
{
    static const struct {
        const char *code, *message;
    } cases[] = {
        {"http.get('/x', { jsn = 1 })",
         "t.lua:2: http.get: unknown option 'jsn': did you mean 'json'?"},
        {"http.get('x')", "t.lua:2: http.get: "},
        {"http.post('/x', 'text')", "t.lua:2: http.post: options: a table is expected"},
        {"http.get('/x y')", "t.lua:2: http.get: "},
        {"http.post('/x', { json = { a = { print } } })",
         "json.a[1] is a function, which JSON does not have"},
        {"http.post('/x', { json = 1, body = 'x' })", "give one of body, json, form and multipart"},
        {"http.get('/x', { headers = { ['A\\nB'] = '1' } })", "t.lua:2: http.get: "},
        {"http.get('/x', { headers = { A = '1\\r\\nB: 2' } })", "t.lua:2: http.get: "},
        {"http.get('/x', { headers = { ['Content-Length'] = 5 } })", "pelt sets it from the body"},
        {"http.get('/x', { timeout = 'soon' })", "t.lua:2: http.get: timeout: "},
        {"http.get('/x', { expect = { 20 } })", "'20' is no status"},
        {"http.get('/x', { expect = 65940 })", "'65940' is no status (100 to 999)"},
        {"http.get('/x', { expect = -5 })", "'-5' is no status"},
        {"coroutine.resume(coroutine.running())", "coroutine.resume: this coroutine is not the"},
        {"coroutine.close(main)", "coroutine.close: this coroutine is not the script's own"},
        {"http.post('/x', { json = { 1, 2, foo = 'x' } })", "json.foo is in a list"},
        {"count = 1", "t.lua:2: global 'count' is written after the file was loaded"},
        {"print = nil", "t.lua:2: global 'print' is written after the file was loaded"},
        {"local x = prnt", "t.lua:2: global 'prnt' is not defined: did you mean 'print'?"},
        {"data.token = 1", "t.lua:2: data.token: what setup returned is shared by all users"},
        {"data.list[3].x = 1", "t.lua:2: data.list.3.x: what setup returned is shared"},
        {"rawset(data, 'token', 1)", "t.lua:2: data.token: what setup returned is shared"},
        {"rawset(_G, 'x', 1)", "t.lua:2: global 'x' is written after the file was loaded"},
        {"math.x = 1", "t.lua:2: math.x is written after the file was loaded"},
        {"rawset(math, 'floor', 1)", "t.lua:2: math.floor is written after the file was loaded"},
        {"rawset(getmetatable(''), '__index', {})",
         "t.lua:2: getmetatable(\"\").__index is written"},
        {"math.floor = print", "t.lua:2: math.floor is written after the file was loaded"},
        {"function math.floor() end", "t.lua:2: math.floor is written after the file was loaded"},
        {"local m = math m['floor'], m.x = 1, 2", "t.lua:2: math."},
        {"local t, i = {}, 1 math.floor, t[i + 1] = print, 1", "t.lua:2: math.floor is written"},
        {"math.floor, ({}).x = print, 1", "t.lua:2: math.floor is written after the file"},
        {"math[\"fl\\x6for\"] = print", "t.lua:2: math.floor is written after the file"},
        {"user.id, ({}).x = 5, 1", "t.lua:2: user.id comes from pelt and cannot be written"},
        {"string.format = print", "t.lua:2: string.format is written after the file was loaded"},
        {"pelt.http.get = print", "t.lua:2: pelt.http.get is written after the file was loaded"},
        {"pelt.http = nil", "t.lua:2: pelt.http is written after the file was loaded"},
        {"load('math.floor = 1', '=later')()", "later:1: math.floor is written after the file"},
        {"user.id = 5", "t.lua:2: user.id comes from pelt and cannot be written: give a field of"},
        {"user.id, user.x = 5, 6", "t.lua:2: user.id comes from pelt and cannot be written"},
        {"for k in pairs { id = 1 } do user[k] = 5 end", "t.lua:2: user.id comes from pelt"},
        {"rawset(user, 'id', 5)", "t.lua:2: user.id comes from pelt and cannot be written"},
        {"user.rng = 5", "t.lua:2: user.rng comes from pelt and cannot be written"},
        {"user.iteration = 5", "t.lua:2: user.iteration comes from pelt and cannot be written"},
        {"function user:stop() end", "t.lua:2: user.stop comes from pelt and cannot be written"},
        {"user.cookies = {}", "t.lua:2: user.cookies comes from pelt and cannot be written"},
        {"string.x = 1", "t.lua:2: string.x is written after the file was loaded"},
        {"os.x = 1", "t.lua:2: os.x is written after the file was loaded"},
        {"getmetatable('').__index.x = 1", "t.lua:2: string.x is written after"},
        {"getmetatable('').__index = {}", "t.lua:2: getmetatable(\"\").__index is written after"},
        {"getmetatable(io.stdout).__index.x = 1", "t.lua:2: attempt to index"},
        {"setmetatable(math, nil)", "t.lua:2: cannot change a protected metatable"},
        {"pelt.x = 1", "t.lua:2: pelt.x is written after the file was loaded"},
        {"http.x = 1", "t.lua:2: pelt.http.x is written after the file was loaded"},
        {"package.path = ''", "t.lua:2: package.path is written after the file was loaded"},
        {"package.loaded.foo = {}", "t.lua:2: package.loaded.foo is written after"},
        {"table.insert(package.searchers, print)", "package.searchers.5 is written after"},
        {"local _, t = pairs(data) t.token = 1",
         "t.lua:2: attempt to index a nil value (local 't')"},
        {"for _, t in pairs { pairs(data.list) } do t.x = 1 end", "t.lua:2: attempt to index"},
        {"local f, t = pairs(_G) assert(f(t)) t.x = 1", "t.lua:2: attempt to index"},
        {"local _, t = pairs(package.loaded) t.x = 1", "t.lua:2: attempt to index a nil value"},
        {"coroutine.yield()",
         "t.lua:2: coroutine.yield() outside a coroutine of the script's own: to wait, call "},
        {"coroutine.wrap(function() http.get('/x') end)()",
         "inside a coroutine of the script's own"},
        {"table.sort({ 1, 2 }, function() http.get('/x') end)", "inside a callback of table.sort"},
        {"pelt.sleep(-1)", "t.lua:2: pelt.sleep: "},
        {"made:uniform()", "this generator was made while the file was loaded"},
        {"pelt.metric.counter('x')", "t.lua:2: pelt.metric.counter belongs to the top of the file"},
        {"c.add(1)", "t.lua:2: call it with a colon: metric:add(value)"},
        {"c:add(1.5)", "t.lua:2: add: a counter takes whole numbers from 0 on, not 1.5"},
        {"c:add(-1)", "a counter takes whole numbers from 0 on, not -1"},
        {"c:add('1')", "a counter takes whole numbers from 0 on, not 1"},
        {"g:add(0/0)", "t.lua:2: add: a gauge takes a number, not "},
        {"s:add(1)", "t.lua:2: add: a share takes true or false, not 1"},
        {"s:add()", "value expected"},
        {"t:add('soon')", "t.lua:2: add: "},
        {"t:add(-1)", "t.lua:2: add: "},
        {"u:add(4e6)", "t.lua:2: add: this trend takes numbers from 0 to 3600000"},
        {"u:add('5')", "this trend takes numbers"},
        {"c:add(1, 'route')", "t.lua:2: add: tags: a table is expected"},
        {"c:add(1, { 'a' })", "t.lua:2: add: tag '1': a key is up to 32 letters"},
        {"c:add(1, { ['a b'] = 'c' })", "tag 'a b': a key is up to 32 letters"},
        {"c:add(1, { a = {} })", "tag 'a': a string is expected, not a table"},
        {"c:add(1, { a = ('x'):rep(300) })", "the tags are longer than 200 bytes"},
        {"c:add(1, {a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1})", "add: more than 8 tags"},
        {"error()", "t.lua:2: error object is a nil value"},
        {"error('x', 0)", "t.lua:2: x"},
        {"for _ in ipairs(nil) do end", "t.lua:2: "},
        {"table.sort({ 1, 'a' })", "t.lua:2: attempt to compare"},
        {"http.get('/', { timeout = 0 })", "t.lua:2: http.get: timeout: 0 is no time to wait"},
        {"http.post('/', { form = { a = { b = 1 } } })", "form: field 'a' is a table with names"},
        {"http.post('/', { multipart = { a = { 1, b = 1 } } })",
         "multipart: field 'a' is a table with"},
        {"error({})", "t.lua:2: error object is a table value"},
        {"error(setmetatable({}, { __tostring = function() return 'said' end }))", "said"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char source[1024];
        struct stage st;
        snprintf(source, sizeof source,
                 "local pelt = require('pelt') local http, made = pelt.http, pelt.random(1) "
                 "local main = coroutine.running() local m = pelt.metric "
                 "local c, g, s, t, u = m.counter('c'), m.gauge('g'), m.share('s'), m.trend('t'), "
                 "m.trend('u', { unit = 'x' })\n"
                 "return { iteration = function(user, data) %s end }",
                 cases[i].code);
        open_text(&st, source, "{\"token\":1,\"list\":[1,2,{\"x\":1}]}");
        struct pelt_vu *vu = new_user(&st, 0);
        iterate(&st, vu, 1);
        st.error[strcspn(st.error, "\n")] = '\0'; /* without the traceback */
        const char *place = strstr(st.error, "t.lua:2: ");
        bool wrapped =
            strncmp(cases[i].code, "coroutine.wrap", 14) == 0; /* says where it is called */
        if (!wrapped && place && strstr(place + 1, "t.lua:2: ")) {
            fail_msg("%s: \"%s\" tells the place twice", cases[i].code, st.error);
        }
        if (fake_ended_error != 1 || !strstr(st.error, cases[i].message)) {
            fail_msg("%s: \"%s\" does not contain \"%s\"", cases[i].code, st.error,
                     cases[i].message);
        }
        iterate(&st, vu, 1); /* the user goes on */
        assert_int_equal(fake_ended, 2);
        pelt_script_vu_ops.destroy(vu);
        close_stage(&st);
    }
}

static void cancel_ends_waiting_users_and_closes_their_variables(void **state)
{
    struct stage st;
    open_text(&st,
              "local pelt = require 'pelt'\n"
              "return { iteration = function(user)\n"
              "  local c <close> = setmetatable({}, { __close = function()\n"
              "    user.closed = pcall(pelt.http.get, '/never') == false end })\n"
              "  if user.closed ~= nil then pelt.check('closed', user.closed) return end\n"
              "  if user.id == 0 then pelt.http.get('/x') else pelt.sleep(9) end\n"
              "  error('not reached') end }",
              NULL);
    struct pelt_vu *users[2] = {new_user(&st, 0), new_user(&st, 1)};
    for (int i = 0; i < 2; i++) {
        begin(users[i], 1, 1);
        pelt_script_vu_ops.cancel(users[i], 2);
    }
    assert_int_equal(fake_ended, 2);
    assert_int_equal(fake_ended_error, 0);
    assert_int_equal(fake_calls_len, 0);
    assert_int_equal(pelt_timerq_next(&st.timers), PELT_NEVER);
    for (int i = 0; i < 2; i++) {
        iterate(&st, users[i], 1);
        pelt_script_vu_ops.destroy(users[i]);
    }
    assert_int_equal(fake_ended_error, 0);
    assert_int_equal(pelt_frame_check(st.frame, 1)->passed, 2);
    close_stage(&st);
}

static void cancel_ends_a_batch_and_its_user_goes_on(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\n"
              "local list = {} for i = 1, 9 do list[i] = '/' .. i end\n"
              "return { iteration = function(user) local r = http.batch(list)\n"
              "  assert(#r == 9 and r[9].ok) end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    for (int answers = 0; answers < 9; answers++) {
        begin(vu, 1, 1);
        assert_int_equal(fake_calls_len, 6);
        for (int i = 0; i < answers; i++) {
            assert_true(fake_answer());
        }
        pelt_script_vu_ops.cancel(vu, 2);
        assert_int_equal(fake_calls_len, 0);
    }
    iterate(&st, vu, 2);
    assert_int_equal(fake_ended_error, 0);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void a_batch_without_memory_for_more_sends_the_rest_later(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\n"
              "return { iteration = function(user)\n"
              "  local r = http.batch { '/a', '/b', '/c', '/d' }\n"
              "  assert(#r == 4 and r[1].ok and r[2].ok and r[3].ok and r[4].ok) end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    fake_calls_max = 2;
    begin(vu, 1, 1);
    assert_int_equal(fake_calls_len, 2);
    assert_true(fake_answer());
    assert_int_equal(fake_calls_len, 2);
    settle(&st);
    assert_int_equal(fake_ended, 1);
    assert_int_equal(fake_ended_error, 0);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void lines_of_a_flood_are_left_out(void **state)
{
    struct stage st;
    open_text(&st,
              "local pelt, said = require 'pelt', 0\n"
              "local line = setmetatable({}, { __tostring = function() said = said + 1 return 'x' "
              "end })\n"
              "return { iteration = function(user)\n"
              "  for i = 1, 150 do print(line) end\n"
              "  pelt.check('few', said == 100) end }",
              NULL);
    struct pelt_vu *a = new_user(&st, 0), *b = new_user(&st, PELT_SHARD_USERS);
    iterate(&st, a, 1);
    iterate(&st, b, 1);
    assert_int_equal(pelt_frame_check(st.frame, 1)->passed, 2);
    pelt_script_vu_ops.destroy(a);
    pelt_script_vu_ops.destroy(b);
    close_stage(&st);
}

static void slow_pattern_of_pcre_is_stopped_by_its_steps(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\n"
              "return { iteration = function(user)\n"
              "http.post('/', { body = ('a'):rep(9999) }):regex('(a|a)+\"t') end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 1);
    assert_int_equal(fake_ended_error, 1);
    assert_non_null(strstr(st.error, "t.lua:3: r:regex: pattern '(a|a)+\"t' needs more than"));
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

/* What user `id` draws in its first iterations, as a number folded from task choices, rng and
 * math.random. */
static uint64_t draws_of(struct stage *st, uint64_t id)
{
    struct pelt_vu *vu = new_user(st, id);
    uint64_t folded = 17;
    for (int i = 0; i < 5; i++) {
        begin(vu, 1, 1);
        const struct pelt_request *r = fake_calls[0].request;
        for (size_t b = 0; b < r->len; b++) {
            folded = folded * 31 + (unsigned char)r->bytes[b];
        }
        settle(st);
    }
    pelt_script_vu_ops.destroy(vu);
    return folded;
}

static void draws_depend_on_seed_and_user_only(void **state)
{
    const char *source =
        "local http = require('pelt').http\n"
        "local function run(u) http.get('/' .. math.random(1000) .. '/' .. u.rng:int(1000)) end\n"
        "return { tasks = { { name = 'a', run = run },\n"
        "{ name = 'b', weight = 2, run = function() http.get('/b' .. math.random()) end } } }";
    struct stage st;
    open_text(&st, source, NULL);
    uint64_t alone = draws_of(&st, 777);
    close_stage(&st);

    open_text(&st, source, NULL);
    static struct pelt_vu
        *others[PELT_SHARD_USERS + 10]; /* the user under test lands in the second shard */
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        others[i] = new_user(&st, i);
    }
    assert_int_not_equal(draws_of(&st, 776), alone);
    assert_int_equal(draws_of(&st, 777), alone);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        pelt_script_vu_ops.destroy(others[i]);
    }
    assert_int_equal(st.errors, 0);
    close_stage(&st);
}

static void tasks_are_drawn_by_weight(void **state)
{
    struct stage st;
    open_text(
        &st,
        "local check = require('pelt').check\n"
        "return { tasks = { { name = 'a', weight = 9, run = function() check('a', true) end },\n"
        "{ name = 'b', weight = 1, run = function() check('b', true) end } } }",
        NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 10000);
    uint32_t a = pelt_registry_intern(st.registry, PELT_NAME_CHECK, pelt_span_of("a"));
    assert_in_range(pelt_frame_check(st.frame, a)->passed, 8850, 9150); /* 9000 +- 5 sigma */
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

struct called {
    int times;
    char json[256], error[1024];
};

static void on_called(void *arg, const char *json, const char *error)
{
    struct called *c = arg;
    c->times++;
    snprintf(c->json, sizeof c->json, "%s", json ? json : "(none)");
    snprintf(c->error, sizeof c->error, "%s", error ? error : "");
}

static void setup_hands_its_value_to_teardown(void **state)
{
    struct stage st;
    struct called c = {0};
    open_text(&st,
              "local pelt = require 'pelt'\n"
              "return { iteration = print,\n"
              "setup = function() pelt.sleep(1) return { t = pelt.http.get('/text').body, e = "
              "pelt.json.array {} } end,\n"
              "teardown = function(data) assert(data.t == 'plain text' and #data.e == 0) "
              "pelt.http.get('/gone') end }",
              NULL);
    pelt_script_setup(st.script, on_called, &c);
    assert_int_equal(c.times, 0);
    settle(&st);
    assert_int_equal(c.times, 1);
    assert_string_equal(c.error, "");
    assert_non_null(strstr(c.json, "\"t\":\"plain text\""));
    assert_non_null(strstr(c.json, "\"e\":[]"));
    pelt_script_teardown(st.script, on_called, &c);
    settle(&st);
    assert_int_equal(c.times, 2);
    assert_string_equal(c.error, "");
    close_stage(&st);
}

static void setup_that_fails_says_why(void **state)
{
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"error('no token')", "t.lua:1: no token"},
        {"return { users = { 1, 2, { fn = print } } }",
         "data.users[3].fn is a function, which JSON does not have"},
        {"return { x = 0 / 0 }", "data.x is not a finite number"},
        {"return { 1, a = 2 }", "data.a is in a list"},
        {"return { s = '\\xff' }", "data.s is not UTF-8 text"},
        {"local t = {} t.t = t return t", "nested too deep, or contains itself"},
        {"return string.rep('x', 2 ^ 20)", "larger than 1 MiB"},
        {"return { a = 'x', big = { string.rep('x', 2 ^ 20) } }",
         "larger than 1 MiB of JSON, its largest part is data.big: return"},
        {"local l = {} for i = 1, 9 do l[i] = string.rep('x', i * 30000) end return l",
         "larger than 1 MiB of JSON, its largest part is data[9]: return"},
        {"return nil", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char source[512];
        struct stage st;
        struct called c = {0};
        snprintf(source, sizeof source, "return { iteration = print, setup = function() %s end }",
                 cases[i].body);
        open_text(&st, source, NULL);
        pelt_script_setup(st.script, on_called, &c);
        assert_int_equal(c.times, 1);
        if (!strstr(c.error, cases[i].message)) {
            fail_msg("%s: \"%s\" does not contain \"%s\"", cases[i].body, c.error,
                     cases[i].message);
        }
        close_stage(&st);
    }
}

static void setup_that_raises_gives_one_line_and_the_traceback_apart(void **state)
{
    struct stage st;
    struct called c = {0};
    open_text(&st, "return { iteration = print, setup = function() error('bad setup') end }", NULL);
    pelt_script_setup(st.script, on_called, &c);
    assert_string_equal(c.error, "t.lua:1: bad setup");
    assert_int_equal(st.errors, 1);
    assert_non_null(strstr(st.error, "t.lua:1: bad setup\nstack traceback:\n"));
    close_stage(&st);
}

static void setup_can_be_given_up(void **state)
{
    struct stage st;
    struct called c = {0};
    open_text(&st,
              "return { iteration = print, setup = function() require('pelt').sleep('1h') end }",
              NULL);
    pelt_script_setup(st.script, on_called, &c);
    pelt_script_cancel_call(st.script);
    pelt_script_cancel_call(st.script);
    assert_int_equal(c.times, 1);
    assert_string_equal(c.error, "given up before it ended");
    close_stage(&st);
}

static void user_stops_and_sees_the_end_of_the_run(void **state)
{
    struct stage st;
    open_text(&st,
              "local pelt = require 'pelt'\n"
              "return { iteration = function(user) pelt.check('stopping', pelt.stopping()) "
              "user:stop() end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 5);
    assert_int_equal(fake_ended, 1);
    assert_int_equal(pelt_frame_check(st.frame, 1)->failed, 1);
    atomic_store(&st.stopping, true);
    vu->stopped = false;
    iterate(&st, vu, 1);
    assert_int_equal(pelt_frame_check(st.frame, 1)->passed, 1);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void user_init_comes_first_and_user_exit_sees_all(void **state)
{
    struct stage st;
    open_text(
        &st,
        "local pelt = require 'pelt'\n"
        "return { user_init = function(user, data) pelt.sleep('1s') user.n = data.first end,\n"
        "iteration = function(user) user.n = user.n + 1 end,\n"
        "user_exit = function(user, data)\n"
        "  pelt.check('all', user.n == 12 and user.iteration == 2 and data.first == 10) "
        "end }",
        "{\"first\":10}");
    struct pelt_vu *vu = new_user(&st, 0);
    vu->running = true;
    vu->phase = PELT_VU_ENTERING;
    assert_true(pelt_script_vu_ops.enter(vu, 1000));
    assert_true(vu->running); /* it sleeps */
    settle(&st);
    assert_false(vu->running);
    vu->phase = PELT_VU_IN;
    iterate(&st, vu, 2);
    vu->phase = PELT_VU_LEAVING;
    vu->running = true;
    assert_true(pelt_script_vu_ops.leave(vu, 1000));
    assert_false(vu->running);
    assert_int_equal(fake_ended, 4);
    assert_int_equal(fake_ended_error, 0);
    assert_int_equal(pelt_frame_check(st.frame, 1)->passed, 1);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void users_without_init_and_exit_have_nothing_to_do(void **state)
{
    struct stage st;
    open_text(&st, "return { iteration = print }", NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    assert_false(pelt_script_vu_ops.enter(vu, 1000));
    assert_false(pelt_script_vu_ops.leave(vu, 1000));
    assert_int_equal(fake_ended, 0);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void think_is_drawn_after_each_iteration(void **state)
{
    struct stage st;
    open_text(
        &st,
        "return { iteration = function(user) if user.iteration == 1 then error('x') end end,\n"
        "think = function(user) return ({ '250ms', 2, user, '1s' })[user.iteration + 1] end }",
        NULL);
    const uint64_t expected[] = {250 * PELT_NS_PER_MS, 2 * PELT_NS_PER_S, 0, PELT_NS_PER_S};
    const int errors[] = {0, 1, 2, 2};
    struct pelt_vu *vu = new_user(&st, 0);
    vu->phase = PELT_VU_IN;
    for (size_t i = 0; i < 4; i++) {
        iterate(&st, vu, 1);
        assert_int_equal(vu->think_ns, expected[i]);
        assert_int_equal(fake_ended, i + 1);
        assert_int_equal(fake_ended_error, errors[i]);
    }
    assert_non_null(strstr(st.error, "t.lua:2: think: a duration is expected"));
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

/* The name under which the waiting call is counted. */
static const char *waiting_name(struct stage *st)
{
    assert_int_equal(fake_calls_len, 1);
    return pelt_registry_name(st->registry, PELT_NAME_REQUEST, fake_calls[0].request->series);
}

static void groups_put_their_name_before_requests(void **state)
{
    static const char *const expected[] = {
        "GET /base/a", "g / GET /base/a", "g / GET /base/a", "g / inner / n",
        "g / after",   "GET /base/a",     "GET /base/a",
    };
    struct stage st;
    open_text(&st,
              "local pelt = require 'pelt'\n"
              "local http, group, get = pelt.http, pelt.group, pelt.http.get\n"
              "return { iteration = function(user)\n"
              "  get('/a')\n"
              "  local x, y, z = group('g', function(...)\n"
              "    get('/a') get('/a')\n"
              "    group('inner', get, '/b', { name = 'n' })\n"
              "    pcall(group, 'fails', function() error('x') end)\n"
              "    get('/b', { name = 'after' })\n"
              "    return ...\n"
              "  end, 1, nil, 3)\n"
              "  assert(x == 1 and y == nil and z == 3)\n"
              "  assert(select('#', group('g', print)) == 0)\n"
              "  get('/a')\n"
              "  get('/a')\n"
              "  group('g', error, 'out')\n"
              "end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    for (int round = 0; round < 3; round++) {
        begin(vu, 1000, 1000);
        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
            assert_string_equal(waiting_name(&st), expected[i]);
            fake_answer();
        }
        assert_false(vu->running);
        assert_int_equal(fake_ended_error, round + 1);
    }
    assert_non_null(strstr(st.error, "out"));
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void groups_beyond_those_kept_count_right(void **state)
{
    struct stage st;
    open_text(&st,
              "local pelt = require 'pelt'\n"
              "return { iteration = function(user)\n"
              "  pelt.group('g' .. user.iteration, function()\n"
              "    pelt.group('in', pelt.http.get, '/a', { name = 'n' }) end)\n"
              "  if user.iteration % 50 == 0 then collectgarbage() end\n"
              "end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    for (int i = 0; i < 400; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "g%d / in / n", i);
        begin(vu, 1000, 1000);
        assert_string_equal(waiting_name(&st), expected);
        settle(&st);
        vu->iteration++;
    }
    assert_int_equal(fake_ended_error, 0);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void a_cancelled_group_is_forgotten(void **state)
{
    struct stage st;
    open_text(&st,
              "local pelt = require 'pelt'\n"
              "return { iteration = function(user)\n"
              "  if user.iteration == 0 then pelt.group('g', pelt.sleep, '1h') end\n"
              "  pelt.http.get('/a')\n"
              "end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    begin(vu, 1000, 1000);
    pelt_script_vu_ops.cancel(vu, 2000);
    vu->iteration++;
    begin(vu, 3000, 3000);
    assert_string_equal(waiting_name(&st), "GET /base/a");
    settle(&st);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void misuse_of_a_group_is_told(void **state)
{
    static const char *const bodies[][2] = {
        {"pelt.group()", "pelt.group: name"},
        {"pelt.group('')", "the name is empty"},
        {"pelt.group('x')", "function expected"},
        {"pelt.group('x', {})", "function expected"},
        {"coroutine.wrap(function() pelt.group('x', print) end)()",
         "coroutine of the script's own"},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct stage st;
        char source[512];
        snprintf(source, sizeof source,
                 "local pelt = require 'pelt'\nreturn { iteration = function() %s end }",
                 bodies[i][0]);
        open_text(&st, source, NULL);
        struct pelt_vu *vu = new_user(&st, 0);
        iterate(&st, vu, 1);
        if (!strstr(st.error, bodies[i][1]) || !strstr(st.error, "t.lua:2:")) {
            fail_msg("\"%s\" does not say \"%s\"", st.error, bodies[i][1]);
        }
        pelt_script_vu_ops.destroy(vu);
        close_stage(&st);
    }
}

static void prebuilt_requests_are_bounded(void **state)
{
    struct stage st;
    open_text(&st,
              "local http = require('pelt').http\n"
              "return { iteration = function(user) http.get('/item/' .. user.iteration) end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 1500);
    const struct pelt_request *requests[2];
    for (int i = 0; i < 2; i++) { /* beyond the bound: built in the same place again */
        begin(vu, 1, 1);
        requests[i] = fake_calls[0].request;
        settle(&st);
        vu->iteration++;
    }
    assert_ptr_equal(requests[0], requests[1]);
    assert_int_equal(fake_ended_error, 0);
    assert_int_equal(pelt_registry_count(st.registry, PELT_NAME_REQUEST),
                     2); /* `_other`, GET /item/{} */
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

/* The series of a metric in the stage's frame; fails if it has no value. */
static struct pelt_metric_frame *values_of(struct stage *st, const char *metric, const char *tags)
{
    uint32_t id = 0;
    struct pelt_metrics *m = pelt_registry_metrics(st->registry);
    assert_true(pelt_metrics_find(m, metric, &id));
    uint32_t series = pelt_metrics_series(m, id, tags, NULL);
    if (series >= st->frame->metrics_len || st->frame->metrics[series] == NULL) {
        fail_msg("%s{%s} has no value", metric, tags);
    }
    return st->frame->metrics[series];
}

static void metrics_record_what_was_added(void **state)
{
    struct stage st;
    open_text(&st,
              "local m = require('pelt').metric\n"
              "local c, g, s, t = m.counter('c'), m.gauge('g', { unit = 'm' }), m.share('s'), "
              "m.trend('t')\n"
              "local u, w = m.trend('u', { unit = 'tokens' }), m.trend('w', { unit = 'bytes', "
              "decimals = 0 })\n"
              "return { iteration = function(user)\n"
              "c:add() c:add(4) c:add(2, { b = true, a = 7 }) c:add(3, { a = '7', b = 'true' })\n"
              "c:add(0, {}) g:add(3) g:add(-1.5) g:add(2)\n"
              "s:add(true) s:add(nil) s:add('yes') t:add(0.25) t:add('20ms') u:add(2.5) "
              "w:add(3e9) end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 2);
    if (st.errors > 0) {
        fail_msg("%s", st.error);
    }
    assert_int_equal(values_of(&st, "c", "")->values, 6);
    assert_int_equal(values_of(&st, "c", "")->sum, 10);
    assert_int_equal(values_of(&st, "c", "a=7,b=true")->sum, 10);
    const struct pelt_metric_frame *g = values_of(&st, "g", "");
    assert_true(g->last == 2 && g->min == -1.5 && g->max == 3);
    assert_int_equal(values_of(&st, "s", "")->values, 6);
    assert_int_equal(values_of(&st, "s", "")->sum, 4);
    const struct pelt_hist *t = &values_of(&st, "t", "")->hist;
    assert_int_equal(t->count, 4);
    assert_int_equal(t->min_us, 20000);
    assert_int_equal(t->max_us, 250000);
    assert_int_equal(values_of(&st, "u", "")->hist.max_us, 2500);
    assert_int_equal(values_of(&st, "w", "")->hist.max_us, 3000000000);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void a_million_series_are_other_and_harm_nobody(void **state)
{
    struct stage st;
    open_text(&st,
              "local m = require('pelt').metric\n"
              "local wild, tame = m.counter('wild'), m.counter('tame')\n"
              "return { iteration = function(user)\n"
              "tame:add(1, { user = user.id })\n"
              "for i = 1, 10000 do wild:add(1, { i = user.iteration * 10000 + i }) end end }",
              NULL);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(&st, vu, 100);
    assert_int_equal(st.errors, 0);
    assert_int_equal(values_of(&st, "tame", "user=0")->sum, 100);
    assert_int_equal(values_of(&st, "wild", "i=1")->sum, 1);
    assert_int_equal(values_of(&st, "wild", "_other")->sum, 1000000 - 999);
    assert_int_equal(pelt_metrics_series_end(pelt_registry_metrics(st.registry)),
                     PELT_METRIC_TAGGED + PELT_METRIC_TAGGED_MAX);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_good_scenario_runs_without_error),
        cmocka_unit_test(user_reuses_its_coroutine_for_many_iterations),
        cmocka_unit_test(constant_request_is_built_once),
        cmocka_unit_test(what_no_code_reads_is_not_kept),
        cmocka_unit_test(reading_what_was_not_kept_is_an_error_not_nil),
        cmocka_unit_test(a_request_can_say_whether_its_body_is_kept),
        cmocka_unit_test(code_loaded_later_is_scanned_too),
        cmocka_unit_test(code_loaded_between_two_calls_is_seen_by_the_second),
        cmocka_unit_test(first_request_of_an_arrival_keeps_its_due_time),
        cmocka_unit_test(draws_of_an_arrival_do_not_depend_on_the_user_that_serves_it),
        cmocka_unit_test(script_error_ends_the_iteration_and_is_reported_once),
        cmocka_unit_test(error_object_without_text_is_reported_once),
        cmocka_unit_test(error_object_whose_text_fails_names_its_line),
        cmocka_unit_test(error_while_variables_are_closed_is_told_too),
#ifndef __SANITIZE_THREAD__
        cmocka_unit_test(user_without_memory_is_stopped),
#endif
        cmocka_unit_test(waiting_user_cannot_be_resumed_or_closed_by_another),
        cmocka_unit_test(misuse_in_an_iteration_names_line_and_option),
        cmocka_unit_test(cancel_ends_waiting_users_and_closes_their_variables),
        cmocka_unit_test(cancel_ends_a_batch_and_its_user_goes_on),
        cmocka_unit_test(a_batch_without_memory_for_more_sends_the_rest_later),
        cmocka_unit_test(lines_of_a_flood_are_left_out),
        cmocka_unit_test(slow_pattern_of_pcre_is_stopped_by_its_steps),
        cmocka_unit_test(draws_depend_on_seed_and_user_only),
        cmocka_unit_test(tasks_are_drawn_by_weight),
        cmocka_unit_test(setup_hands_its_value_to_teardown),
        cmocka_unit_test(setup_that_fails_says_why),
        cmocka_unit_test(setup_that_raises_gives_one_line_and_the_traceback_apart),
        cmocka_unit_test(setup_can_be_given_up),
        cmocka_unit_test(user_stops_and_sees_the_end_of_the_run),
        cmocka_unit_test(user_init_comes_first_and_user_exit_sees_all),
        cmocka_unit_test(users_without_init_and_exit_have_nothing_to_do),
        cmocka_unit_test(think_is_drawn_after_each_iteration),
        cmocka_unit_test(groups_put_their_name_before_requests),
        cmocka_unit_test(groups_beyond_those_kept_count_right),
        cmocka_unit_test(a_cancelled_group_is_forgotten),
        cmocka_unit_test(misuse_of_a_group_is_told),
        cmocka_unit_test(prebuilt_requests_are_bounded),
        cmocka_unit_test(metrics_record_what_was_added),
        cmocka_unit_test(a_million_series_are_other_and_harm_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
