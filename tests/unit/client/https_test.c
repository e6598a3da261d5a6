/* What https is spoken with: made once, of copied settings, by whoever asks first. */
#include <ev.h>

#include "pelt/client.h"
#include "test.h"

static enum pelt_status origin_of(struct pelt_client *client, const char *text,
                                  struct pelt_origin **out, struct pelt_error *err)
{
    struct pelt_url url;
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    return pelt_client_origin(client, &url, out, err);
}

struct fixture {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_https *https;
    struct pelt_client *client;
};

/* A client whose certificates are read from `ca`; NULL: it has no TLS at all. */
static void open_client(struct fixture *f, const char *ca, uint16_t stand_in_port)
{
    *f = (struct fixture){.loop = ev_loop_new(EVFLAG_AUTO)};
    pelt_timerq_init(&f->timers);
    pelt_recorder_init(&f->recorder, pelt_frame_new(NULL), 0, NULL, NULL);
    if (ca != NULL) {
        char text[64];
        snprintf(text, sizeof text, "%s", ca);
        const struct pelt_tls_settings settings = {.ca = text, .alpn = "http/1.1"};
        assert_int_equal(pelt_https_new(&settings, &f->https, NULL), PELT_OK);
        memset(text, '?', sizeof text); /* they were copied */
    }
    const struct pelt_client_options options = {.loop = f->loop,
                                                .recorder = &f->recorder,
                                                .timers = &f->timers,
                                                .https = f->https,
                                                .stand_in_port = stand_in_port};
    assert_int_equal(pelt_client_new(&options, &f->client, NULL), PELT_OK);
}

static void close_client(struct fixture *f)
{
    pelt_client_free(f->client);
    pelt_https_free(f->https);
    pelt_frame_free(f->recorder.frame);
    pelt_timerq_deinit(&f->timers);
    ev_loop_destroy(f->loop);
}

static void without_settings_https_is_refused_by_name(void **state)
{
    struct fixture f;
    struct pelt_origin *origin;
    struct pelt_error err;
    open_client(&f, NULL, 0);
    assert_int_equal(origin_of(f.client, "https://api.test/", &origin, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "https://api.test"));
    assert_int_equal(origin_of(f.client, "http://api.test/", &origin, &err), PELT_OK);
    assert_false(pelt_origin_https(origin));
    close_client(&f);
}

static void bad_settings_are_told_each_time_https_is_asked_for(void **state)
{
    struct fixture f;
    struct pelt_origin *origin;
    struct pelt_error err;
    open_client(&f, "/nowhere/ca.pem", 0);
    assert_int_equal(origin_of(f.client, "http://api.test/", &origin, &err), PELT_OK);
    assert_false(pelt_https_met(f.https));
    for (int i = 0; i < 2; i++) {
        err.text[0] = '\0';
        assert_int_equal(origin_of(f.client, "https://api.test/", &origin, &err), PELT_EINVAL);
        assert_non_null(strstr(err.text, "/nowhere/ca.pem"));
    }
    assert_true(pelt_https_met(f.https));
    close_client(&f);
}

static void schemes_of_one_host_and_port_are_two_servers(void **state)
{
    struct fixture f;
    struct pelt_origin *plain, *secure, *again;
    open_client(&f, "/nowhere/ca.pem", 1); /* a stand-in needs no certificates */
    assert_int_equal(origin_of(f.client, "http://api.test:8443/", &plain, NULL), PELT_OK);
    assert_int_equal(origin_of(f.client, "https://api.test:8443/", &secure, NULL), PELT_OK);
    assert_int_equal(origin_of(f.client, "HTTPS://API.test:8443/x", &again, NULL), PELT_OK);
    assert_ptr_not_equal(plain, secure);
    assert_ptr_equal(secure, again);
    assert_true(pelt_origin_https(secure) && !pelt_origin_https(plain));
    assert_true(pelt_https_met(f.https));
    close_client(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_settings_https_is_refused_by_name),
        cmocka_unit_test(bad_settings_are_told_each_time_https_is_asked_for),
        cmocka_unit_test(schemes_of_one_host_and_port_are_two_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
