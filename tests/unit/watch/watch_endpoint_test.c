/* endpoint: options that are right, and lines that say what is wrong with the others. */
#include "../test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"
#include "failing_malloc.h"

static void a_url_has_its_parts(void **state)
{
    static const struct {
        const char *url, *shown, *host, *header, *path;
        uint16_t port;
    } good[] = {
        {"http://10.0.0.5:9646", "http://10.0.0.5:9646", "10.0.0.5", "10.0.0.5:9646", "", 9646},
        {"http://api-1:9646/", "http://api-1:9646", "api-1", "api-1:9646", "", 9646},
        {"http://[::1]:9646", "http://[::1]:9646", "::1", "[::1]:9646", "", 9646},
        {"http://proxy/agents/a//", "http://proxy/agents/a", "proxy", "proxy", "/agents/a", 80},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct pelt_agent_options options = {.url = good[i].url};
        struct pelt_endpoint *e;
        struct pelt_error err;
        assert_int_equal(pelt_endpoint_new(&options, &e, &err), PELT_OK);
        assert_string_equal(e->url, good[i].shown);
        assert_string_equal(e->host, good[i].host);
        assert_string_equal(e->host_header, good[i].header);
        assert_string_equal(e->path, good[i].path);
        assert_int_equal(e->port, good[i].port);
        pelt_endpoint_free(e);
    }
}

static void refuse(struct pelt_agent_options options, const char *says)
{
    struct pelt_endpoint *e;
    struct pelt_error err;
    assert_int_equal(pelt_endpoint_new(&options, &e, &err), PELT_EINVAL);
    assert_null(e);
    if (strstr(err.text, says) == NULL) {
        fail_msg("%s lacks %s", err.text, says);
    }
}

static void bad_urls_and_names_are_told(void **state)
{
    refuse((struct pelt_agent_options){.url = "api-1:9646"}, "did you mean http://api-1:9646");
    refuse((struct pelt_agent_options){.url = "http://u:p@a:1"}, "--agent-token-file");
    refuse((struct pelt_agent_options){.url = "http://a:1/x?y=1"}, "query");
    refuse((struct pelt_agent_options){.url = "http://a:1", .name = "a.b"}, "\"a.b\"");
    refuse((struct pelt_agent_options){.url = "http://a:1", .name = ""}, "letters");
}

/* The path of a new file with these bytes; the caller unlinks it. */
static char *file_of(const char *bytes, size_t len)
{
    static char path[64];
    strncpy(path, "/tmp/pelt-token-XXXXXX", sizeof(path) - 1);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    return path;
}

static void a_token_is_a_files_first_line(void **state)
{
    static const char *const texts[] = {"s3cret", "s3cret\n", "  s3cret \r\nand more\n"};
    for (size_t i = 0; i < 3; i++) {
        char *path = file_of(texts[i], strlen(texts[i]));
        struct pelt_agent_options options = {.url = "http://a:1", .token_file = path};
        struct pelt_endpoint *e;
        struct pelt_error err;
        assert_int_equal(pelt_endpoint_new(&options, &e, &err), PELT_OK);
        assert_string_equal(e->token, "s3cret");
        pelt_endpoint_free(e);
        unlink(path);
    }
}

static void bad_token_files_are_told(void **state)
{
    static char long_text[5000];
    memset(long_text, 'x', sizeof(long_text));
    refuse((struct pelt_agent_options){.url = "http://a:1", .token_file = "/nowhere/token"},
           "/nowhere/token No such file");
    refuse((struct pelt_agent_options){.url = "http://a:1", .token_file = "/tmp"}, "/tmp");
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } bad[] = {{"", 0, "is empty"},       {"\nsecret", 7, "is empty"},
               {"two words", 9, "blank"}, {"nul\0byte", 8, "blank"},
               {"\xff\xfe", 2, "ASCII"},  {long_text, sizeof(long_text), "longer than 4096"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *path = file_of(bad[i].bytes, bad[i].len);
        refuse((struct pelt_agent_options){.url = "http://a:1", .token_file = path}, bad[i].says);
        unlink(path);
    }
}

static void a_missing_ca_is_told(void **state)
{
    refuse((struct pelt_agent_options){.url = "https://a:1", .ca = "/nowhere/ca.pem"},
           "/nowhere/ca.pem");
}

static void want_of_memory_is_told(void **state)
{
    char *path = file_of("s3cret\n", 7);
    struct pelt_agent_options options[] = {{.url = "http://a:1", .name = "a", .token_file = path},
                                           {.url = "http://[::1]:2/x"}};
    enum pelt_status status = PELT_ENOMEM;
    for (long n = 0; status == PELT_ENOMEM; n++) {
        struct pelt_agents *agents;
        struct pelt_error err = {""};
        failing_malloc_at = n;
        status = pelt_agents_new(options, 2, &agents, &err);
        failing_malloc_at = -1;
        assert_true((status == PELT_OK) == (agents != NULL));
        if (status != PELT_OK && status != PELT_ENOMEM) { /* of the file, which needs memory, too */
            assert_non_null(strstr(err.text, "Cannot allocate memory"));
            status = PELT_ENOMEM;
        }
        pelt_agents_free(agents);
        assert_true(n < 1000);
    }
    assert_int_equal(status, PELT_OK);
    unlink(path);
}

static void more_agents_than_may_be_are_refused(void **state)
{
    static struct pelt_agent_options options[PELT_AGENTS_MAX + 1];
    struct pelt_agents *agents;
    struct pelt_error err;
    assert_int_equal(pelt_agents_new(options, PELT_AGENTS_MAX + 1, &agents, &err), PELT_EINVAL);
    assert_string_equal(err.text, "65 agents: 64 are the most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_has_its_parts),
        cmocka_unit_test(bad_urls_and_names_are_told),
        cmocka_unit_test(a_token_is_a_files_first_line),
        cmocka_unit_test(bad_token_files_are_told),
        cmocka_unit_test(a_missing_ca_is_told),
        cmocka_unit_test(want_of_memory_is_told),
        cmocka_unit_test(more_agents_than_may_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
