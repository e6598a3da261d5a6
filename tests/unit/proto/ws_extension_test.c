/* What may be agreed on permessage-deflate. */
#include "test.h"

#include <string.h>

#include "pelt/ws_extension.h"

static const struct pelt_ws_deflate_offer nothing = {.deflate = false};
static const struct pelt_ws_deflate_offer plain = {.deflate = true};
static const struct pelt_ws_deflate_offer browser = {.deflate = true, .client_max_window_bits = 15};
static const struct pelt_ws_deflate_offer strict = {.deflate = true,
                                                    .server_no_context_takeover = true,
                                                    .client_no_context_takeover = true,
                                                    .server_max_window_bits = 10,
                                                    .client_max_window_bits = 12};

static void an_offer_says_what_is_asked(void **state)
{
    static const struct {
        const struct pelt_ws_deflate_offer *offer;
        const char *line;
    } offers[] = {
        {&plain, "permessage-deflate"},
        {&browser, "permessage-deflate; client_max_window_bits"},
        {&strict, "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                  "server_max_window_bits=10; client_max_window_bits=12"},
    };
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        struct pelt_buf out = {0};
        pelt_ws_extension_offer(&out, offers[i].offer);
        assert_string_equal(out.data, offers[i].line);
        pelt_buf_deinit(&out);
    }
    struct pelt_buf out = {0};
    pelt_ws_extension_offer(&out, &nothing);
    assert_int_equal(out.len, 0);
}

#define NAME  "permessage-deflate"
#define ASKED NAME "; server_no_context_takeover; server_max_window_bits=10"

/* Terms as "deflate server 15 client 15", "-" behind a side without context takeover; or why not.
 */
static const struct answer {
    const struct pelt_ws_deflate_offer *offer;
    const char *line, *outcome;
} answers[] = {
    {&plain, NAME, "server 15 client 15"},
    {&plain, " ,, " NAME " , ", "server 15 client 15"},
    {&plain, NAME ";server_no_context_takeover ; client_no_context_takeover",
     "server 15- client 15-"},
    {&plain, NAME "; server_max_window_bits=8", "server 8 client 15"},
    {&plain, NAME "; server_max_window_bits = \"1\\0\"", "server 10 client 15"},
    {&browser, NAME, "server 15 client 15"},
    {&browser, NAME "; client_max_window_bits=\"9\"", "server 15 client 9"},
    {&browser, NAME "; client_max_window_bits=15", "server 15 client 15"},
    {&strict, ASKED, "server 10- client 12-"},
    {&strict,
     NAME "; server_max_window_bits=8; server_no_context_takeover; client_max_window_bits=11",
     "server 8- client 11-"},
    /* not as offered */
    {&nothing, NAME, "an extension that was not offered"},
    {&plain, "x-webkit-deflate-frame", "an extension that was not offered"},
    {&plain, "Permessage-Deflate", "an extension that was not offered"},
    {&plain, NAME ", " NAME, "permessage-deflate twice"},
    {&plain, NAME ", foo", "an extension that was not offered"},
    {&plain, NAME "; client_max_window_bits=10", "client_max_window_bits was not offered"},
    {&strict, ASKED "; client_max_window_bits=13",
     "client_max_window_bits is above what was offered"},
    {&strict, NAME "; server_no_context_takeover; server_max_window_bits=11",
     "server_max_window_bits is above what was offered"},
    {&strict, NAME "; server_no_context_takeover",
     "server_max_window_bits was asked for and is missing"},
    {&strict, NAME "; server_max_window_bits=10",
     "server_no_context_takeover was asked for and is missing"},
    /* parameters */
    {&plain, NAME "; foo", "an unknown parameter"},
    {&plain, NAME "; foo=1", "an unknown parameter"},
    {&plain, NAME "; server_no_context_takeover; server_no_context_takeover",
     "the same parameter twice"},
    {&plain, NAME "; server_max_window_bits=10; server_max_window_bits=10",
     "the same parameter twice"},
    {&plain, NAME "; server_no_context_takeover=1", "a value where none belongs"},
    {&plain, NAME "; server_max_window_bits", "window bits are not 8 to 15"},
    {&browser, NAME "; client_max_window_bits", "window bits are not 8 to 15"},
    {&plain, NAME "; server_max_window_bits=7", "window bits are not 8 to 15"},
    {&plain, NAME "; server_max_window_bits=16", "window bits are not 8 to 15"},
    {&plain, NAME "; server_max_window_bits=08", "window bits are not 8 to 15"},
    {&plain, NAME "; server_max_window_bits=100", "window bits are not 8 to 15"},
    {&plain, NAME "; server_max_window_bits=1000000000000", "window bits are not 8 to 15"},
    {&plain, NAME "; server_max_window_bits=1x", "window bits are not 8 to 15"},
    /* grammar */
    {&plain, "", "not a list of extensions with parameters"},
    {&plain, " , ", "not a list of extensions with parameters"},
    {&plain, NAME ";", "not a list of extensions with parameters"},
    {&plain, NAME "; server_max_window_bits=", "not a list of extensions with parameters"},
    {&plain, NAME "; server_max_window_bits=\"10", "not a list of extensions with parameters"},
    {&plain, NAME "; server_max_window_bits=\"1 0\"", "not a list of extensions with parameters"},
    {&plain, NAME "; server_max_window_bits=\"\"", "not a list of extensions with parameters"},
    {&plain, NAME "; server_max_window_bits=\"1\\", "not a list of extensions with parameters"},
    {&plain, NAME " foo", "not a list of extensions with parameters"},
    {&plain, "=", "not a list of extensions with parameters"},
};

static void answers_are_taken_as_offered_or_refused(void **state)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct answer *a = &answers[i];
        struct pelt_ws_deflate_terms terms = {.deflate = false};
        const char *why = pelt_ws_extension_accept(pelt_span_of(a->line), a->offer, &terms);
        char got[128];
        snprintf(got, sizeof got, "server %u%s client %u%s", terms.server_window_bits,
                 terms.server_no_context_takeover ? "-" : "", terms.client_window_bits,
                 terms.client_no_context_takeover ? "-" : "");
        if (strcmp(why != NULL ? why : got, a->outcome) != 0) {
            fail_msg("%s: %s, not %s", a->line, why != NULL ? why : got, a->outcome);
        }
        assert_true(why != NULL || terms.deflate);
    }
}

static void a_second_line_goes_on_with_the_first(void **state)
{
    struct pelt_ws_deflate_terms terms = {.deflate = false};
    assert_null(pelt_ws_extension_accept(pelt_span_of(NAME), &plain, &terms));
    assert_non_null(pelt_ws_extension_accept(pelt_span_of(NAME), &plain, &terms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_says_what_is_asked),
        cmocka_unit_test(answers_are_taken_as_offered_or_refused),
        cmocka_unit_test(a_second_line_goes_on_with_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
