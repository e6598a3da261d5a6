/*
 * options: what may be typed becomes fields; what may not be is refused by a line that helps on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

#include "agents.h"
#include "command.h"
#include "pelt/clock.h"

#define WORDS_MAX 16

/* Parses a command line given as words separated by '|'; its first word is the command. */
struct parsed {
    char words[512];
    char *argv[WORDS_MAX + 1];
    struct cli_options o;
    struct pelt_error err;
    enum pelt_status status;
};

static void parse(struct parsed *p, const char *line)
{
    *p = (struct parsed){.status = PELT_OK};
    snprintf(p->words, sizeof p->words, "%s", line);
    int argc = 0;
    for (char *word = p->words; word != NULL && argc < WORDS_MAX;) {
        p->argv[argc++] = strsep(&word, "|");
    }
    const struct cli_command *command = cli_command_find(p->argv[0]);
    assert_non_null(command);
    p->status = cli_options_parse(&p->o, command, argc, p->argv, &p->err);
}

static void assert_accepted(struct parsed *p, const char *line)
{
    parse(p, line);
    if (p->status != PELT_OK) {
        fail_msg("%s: %s", line, p->err.text);
    }
}

static void options_fill_their_fields(void **state)
{
    struct parsed p;
    assert_accepted(
        &p, "run|s.lua|-u|20|--duration|1m30s|-t|4|--seed|7|--grace|0s|--ramp|5/s|--strict");
    assert_string_equal(p.o.operand, "s.lua");
    assert_int_equal(p.o.users, 20);
    assert_int_equal(p.o.duration_ns, 90 * PELT_NS_PER_S);
    assert_int_equal(p.o.threads, 4);
    assert_int_equal(p.o.seed, 7);
    assert_int_equal(p.o.grace_ns, 0);
    assert_true(p.o.ramp.per_s == 5);
    assert_true(p.o.strict);
    assert_false(p.o.force);
    cli_options_deinit(&p.o);
}

static void agents_have_a_name_and_a_url(void **state)
{
    struct parsed p;
    assert_accepted(&p, "bench|http://a/|--agent|api-1=http://10.0.0.5:9646|--agent|https://b/?x=1"
                        "|--agent-token-file|token");
    struct cli_agents agents;
    assert_int_equal(cli_agents_make(&p.o, NULL, &agents, &p.err), PELT_OK);
    assert_int_equal(agents.len, 2);
    assert_string_equal(agents.list[0].name, "api-1");
    assert_string_equal(agents.list[0].url, "http://10.0.0.5:9646");
    assert_null(agents.list[1].name);
    assert_string_equal(agents.list[1].url, "https://b/?x=1");
    assert_string_equal(agents.list[1].token_file, "token");
    cli_agents_free(&agents);
    cli_options_deinit(&p.o);
}

static void a_price_is_told_by_the_hour(void **state)
{
    static const struct {
        const char *line;
        double per_h;
    } cases[] = {{"run|s.lua|--price|0.40/h", 0.4},
                 {"bench|http://h/|--price|9.60/d", 0.4},
                 {"report|r.pelt|--price=292/month", 0.4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parsed p;
        assert_accepted(&p, cases[i].line);
        assert_true(fabs(p.o.price_per_h - cases[i].per_h) < 1e-12);
        cli_options_deinit(&p.o);
    }
}

static void what_is_not_typed_has_its_default(void **state)
{
    struct parsed p;
    assert_accepted(&p, "run|s.lua");
    assert_int_equal(p.o.seed, 1);
    assert_int_equal(p.o.users, 0);
    assert_true(p.o.grace_ns == PELT_NEVER);
    assert_int_equal(p.o.wait_timeout_ns, 60 * PELT_NS_PER_S);
    assert_null(p.o.out.items);
    cli_options_deinit(&p.o);
}

static void operand_and_options_come_in_any_order(void **state)
{
    struct parsed p;
    assert_accepted(&p, "bench|-c|64|http://h/|--rate=60/m|-d10s");
    assert_string_equal(p.o.operand, "http://h/");
    assert_int_equal(p.o.connections, 64);
    assert_true(p.o.rate_per_s == 1);
    assert_int_equal(p.o.duration_ns, 10 * PELT_NS_PER_S);
    cli_options_deinit(&p.o);
}

static void an_operand_in_brackets_may_be_left_out(void **state)
{
    struct parsed p;
    assert_accepted(&p, "runs");
    assert_null(p.o.operand);
    cli_options_deinit(&p.o);
    assert_accepted(&p, "runs|old.pelt");
    assert_string_equal(p.o.operand, "old.pelt");
    cli_options_deinit(&p.o);
    parse(&p, "new|http://h/");
    assert_int_equal(p.status, PELT_EINVAL);
    assert_string_equal(p.err.text, "\"http://h/\" is a URL, not a FILE: pelt bench http://h/");
    cli_options_deinit(&p.o);
}

static void repeatable_options_keep_all_in_order(void **state)
{
    struct parsed p;
    assert_accepted(
        &p,
        "run|s.lua|-H|A: 1|-o|json=a|--set|K=V=W|-H|B: 2|--set|L=|--threshold|errors share <= 1%");
    assert_int_equal(p.o.headers.len, 2);
    assert_string_equal(p.o.headers.items[1], "B: 2");
    assert_null(p.o.headers.items[2]);
    assert_int_equal(p.o.out.len, 1);
    assert_int_equal(p.o.settings_len, 2);
    assert_string_equal(p.o.settings[0].key, "K");
    assert_string_equal(p.o.settings[0].value, "V=W");
    assert_string_equal(p.o.settings[1].value, "");
    assert_int_equal(p.o.thresholds_len, 1);
    assert_string_equal(p.o.thresholds[0].metric, "errors");
    cli_options_deinit(&p.o);
}

static void arrivals_name_a_process_and_perhaps_its_shape(void **state)
{
    struct parsed p;
    assert_accepted(&p, "bench|http://h/|--arrivals|gamma:0.5");
    assert_int_equal(p.o.arrivals, PELT_ARRIVALS_GAMMA);
    assert_true(p.o.gamma_shape == 0.5);
    cli_options_deinit(&p.o);
    assert_accepted(&p, "bench|http://h/|--arrivals|poisson");
    assert_int_equal(p.o.arrivals, PELT_ARRIVALS_POISSON);
    cli_options_deinit(&p.o);
}

static void help_wins_over_what_is_missing(void **state)
{
    struct parsed p;
    assert_accepted(&p, "run|--help");
    assert_true(p.o.help);
    cli_options_deinit(&p.o);
}

/* Each line is refused as a user's mistake, by a text that holds `says`. */
static void refusals_name_the_thing_and_what_to_try(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"run|s.lua|--treshold|x", "did you mean --threshold?"},
        {"run|s.lua|--users|5|--usrs|5", "--usrs: did you mean --users?"},
        {"run|s.lua|--user|5", "--user: did you mean --users?"},
        {"run|s.lua|--zzzzzz", "see pelt run --help"},
        {"run|s.lua|-Z", "unknown option -Z"},
        {"run|s.lua|--rat|5/s", "unknown option --rat: did you mean --rate?"},
        {"run|s.lua|--strict|-qk|--thres=x", "unknown option --thres: did you mean --threshold?"},
        {"run|s.lua|--no-run", "unknown option --no-run: did you mean --no-run-file?"},
        {"run|s.lua|--run-fil", "unknown option --run-fil: did you mean --run-file?"},
        {"run|s.lua|--c", "unknown option --c"},
        {"run|s.lua|--once", "--once is an option of pelt check, not of pelt run"},
        {"report|r.pelt|--rate|5/s", "--rate is an option of pelt run, pelt bench"},
        {"check|s.lua|-c|5", "--connections is an option of pelt run, pelt bench"},
        {"run|s.lua|-r|5", "5/s, or --ramp 5/s with --users?"},
        {"run|s.lua|-t|5m", "duration is -d"},
        {"run|s.lua|-u|5/s", "--rate 5/s"},
        {"run|s.lua|-u|10s", "-d 10s"},
        {"run|s.lua|-u|0", "--users"},
        {"run|s.lua|-d|10", "10s"},
        {"run|s.lua|-d|0s", "no time at all"},
        {"run|s.lua|-r|0/s", "above 0"},
        {"run|s.lua|--ramp|5", "5/s more each second"},
        {"run|s.lua|-H|http://h", "the server is --target"},
        {"run|s.lua|-H|nocolon", "\"Name: value\""},
        {"run|s.lua|--resolve|h:80", "HOST:PORT:ADDRESS"},
        {"run|s.lua|--set|novalue", "KEY=VALUE"},
        {"run|s.lua|--target|h:80/x", "h:80/x"},
        {"run|s.lua|--threshold|http_respons p99 < 1s", "http_response"},
        {"run|s.lua|--vus|5", "--users"},
        {"run|s.lua|--spawn-rate|5", "--ramp"},
        {"bench|http://h/|-n|10s", "-d 10s"},
        {"run|s.lua|--iterations|0", "--iterations"},
        {"bench|http://h/|--requests|1000", "--iterations"},
        {"bench|http://h/|--arrivals|poison", "did you mean poisson?"},
        {"bench|http://h/|--arrivals|poisson:2", "gamma"},
        {"bench|http://h/|-X|GE T", "no HTTP method"},
        {"run|s.lua|--price|0.40", "has no unit: an hour is 0.40/h"},
        {"run|s.lua|--price|$0.40/h", "leave the currency out: 0.40/h"},
        {"run|s.lua|--price|0.40/w", "9.60/d or 292/month"},
        {"run|s.lua|--price|0/h", "is no price"},
        {"run|s.lua|--demand|500", "500/s"},
        {"run|s.lua|--penalty|free", "no number above 0"},
        {"run|s.lua|--headroom|much", "--headroom"},
        {"check|s.lua|--price|1/h", "--price is an option of pelt run, pelt bench, pelt report"},
        {"run|s.lua|--strict=1", "takes no value"},
        {"run|s.lua|--duration", "needs a value"},
        {"run", "pelt run SCENARIO.lua"},
        {"run|a.lua|b.lua", "\"b.lua\" is too many"},
        {"run|http://h/", "pelt bench http://h/"},
        {"bench|s.lua", "pelt run s.lua"},
        {"run|r.pelt", "pelt report r.pelt"},
        {"demo|x", "takes no \"x\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parsed p;
        parse(&p, cases[i].line);
        assert_int_equal(p.status, PELT_EINVAL);
        if (strstr(p.err.text, cases[i].says) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].line, p.err.text, cases[i].says);
        }
        assert_null(strchr(p.err.text, '\n'));
        cli_options_deinit(&p.o);
    }
}

static void help_lists_each_option_in_80_columns(void **state)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        cli_help_command(c, out);
        fclose(out);
        assert_non_null(strstr(text, "--help"));
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
            if (strlen(line) > 80) {
                fail_msg("pelt %s --help: %zu columns: %s", c->name, strlen(line), line);
            }
        }
        free(text);
    }
}

static void runs_of_a_comparison_go_to_their_side(void **state)
{
    struct parsed p;
    assert_accepted(&p, "compare|a.pelt|--force|b.pelt");
    assert_int_equal(p.o.base.len, 1);
    assert_int_equal(p.o.now.len, 1);
    assert_string_equal(p.o.now.items[0], "b.pelt");
    assert_true(p.o.force);
    assert_true(p.o.effect.share == PELT_EFFECT_SHARE && p.o.effect.time_us == PELT_EFFECT_US);
    cli_options_deinit(&p.o);
    assert_accepted(&p, "compare|--base|a.pelt|b.pelt|--new|c.pelt|-o|json=-|d.pelt|e.pelt");
    assert_int_equal(p.o.base.len, 2);
    assert_int_equal(p.o.now.len, 3);
    assert_string_equal(p.o.base.items[1], "b.pelt");
    assert_string_equal(p.o.now.items[2], "e.pelt");
    cli_options_deinit(&p.o);
    assert_accepted(&p, "compare|--|-a.pelt|b.pelt");
    assert_string_equal(p.o.base.items[0], "-a.pelt");
    cli_options_deinit(&p.o);
    parse(&p, "compare|a|b|c");
    assert_int_equal(p.status, PELT_EINVAL);
    assert_non_null(strstr(p.err.text, "\"c\" is too many"));
    cli_options_deinit(&p.o);
}

static void the_smallest_effect_is_a_share_a_time_or_both(void **state)
{
    struct parsed p;
    assert_accepted(&p, "compare|a|b|--effect|10%,2ms");
    assert_true(p.o.effect.share == 0.1 && p.o.effect.time_us == 2000);
    cli_options_deinit(&p.o);
    assert_accepted(&p, "history|--effect|3%");
    assert_true(p.o.effect.share == 0.03 && p.o.effect.time_us == 0);
    cli_options_deinit(&p.o);
    assert_accepted(&p, "compare|a|b|--effect|500us");
    assert_true(p.o.effect.share == 0 && p.o.effect.time_us == 500);
    cli_options_deinit(&p.o);
    static const char *const bad[] = {"5", "0%", "x", "5%,", ",", "5%,1ms,"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[64];
        snprintf(line, sizeof line, "compare|a|b|--effect|%s", bad[i]);
        parse(&p, line);
        if (p.status != PELT_EINVAL || strstr(p.err.text, "5%,1ms") == NULL) {
            fail_msg("%s: %s", bad[i], p.err.text);
        }
        cli_options_deinit(&p.o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_fill_their_fields),
        cmocka_unit_test(agents_have_a_name_and_a_url),
        cmocka_unit_test(a_price_is_told_by_the_hour),
        cmocka_unit_test(what_is_not_typed_has_its_default),
        cmocka_unit_test(operand_and_options_come_in_any_order),
        cmocka_unit_test(an_operand_in_brackets_may_be_left_out),
        cmocka_unit_test(repeatable_options_keep_all_in_order),
        cmocka_unit_test(arrivals_name_a_process_and_perhaps_its_shape),
        cmocka_unit_test(help_wins_over_what_is_missing),
        cmocka_unit_test(refusals_name_the_thing_and_what_to_try),
        cmocka_unit_test(help_lists_each_option_in_80_columns),
        cmocka_unit_test(runs_of_a_comparison_go_to_their_side),
        cmocka_unit_test(the_smallest_effect_is_a_share_a_time_or_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
