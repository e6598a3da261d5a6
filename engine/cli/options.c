/*
 * options: see the header. getopt_long is given every option of the table, not only the command's
 * own, so that one that belongs to another command can be told as such.
 */
#include "options.h"

#include <getopt.h>

#include "command.h"
#include "command_line.h"
#include "hints.h"
#include "option_table.h"
#include "pelt/clock.h"
#include "pelt/route.h"
#include "pelt/units.h"
#include "pelt/web.h"

/* getopt's value of row i; above every letter, so that the two cannot meet. */
#define ROW_VALUE 1000

struct getopt_tables {
    struct option longs[CLI_OPTIONS + 1];
    char shorts[2 * CLI_OPTIONS + 3];
};

static bool has_optional_arg(const struct cli_option *row)
{
    return row->arg != NULL && row->arg[0] == '[' && row->arg[strlen(row->arg) - 1] == ']';
}

static void make_tables(struct getopt_tables *t, bool in_order)
{
    memset(t, 0, sizeof *t);
    size_t len = 0;
    if (in_order) {
        t->shorts[len++] = '-'; /* a word that is no option comes as if it were the value of 1 */
    }
    t->shorts[len++] = ':'; /* a missing argument is told apart from an unknown option */
    for (size_t i = 0; i < CLI_OPTIONS; i++) {
        const struct cli_option *row = &cli_option_table[i];
        t->longs[i] = (struct option){row->name,
                                      row->arg == NULL        ? no_argument
                                      : has_optional_arg(row) ? optional_argument
                                                              : required_argument,
                                      NULL, ROW_VALUE + (int)i};
        if (row->letter != 0) {
            t->shorts[len++] = row->letter;
        }
        if (row->letter != 0 && row->arg != NULL) {
            t->shorts[len++] = ':';
        }
    }
}

/* The row of what getopt answered or keeps in optopt; NULL: none. */
static const struct cli_option *row_of(int value)
{
    if (value >= ROW_VALUE && value < ROW_VALUE + CLI_OPTIONS) {
        return &cli_option_table[value - ROW_VALUE];
    }
    for (size_t i = 0; i < CLI_OPTIONS; i++) {
        if (value != 0 && cli_option_table[i].letter == value) {
            return &cli_option_table[i];
        }
    }
    return NULL;
}

/* The nearest long option that the command takes, without dashes; NULL: none is near. */
static const char *nearest_option(const struct cli_command *command, const char *word)
{
    const char *names[CLI_OPTIONS + 1];
    size_t len = 0;
    for (size_t i = 0; i < CLI_OPTIONS; i++) {
        if ((cli_option_table[i].commands & command->bit) != 0) {
            names[len++] = cli_option_table[i].name;
        }
    }
    names[len] = NULL;
    return pelt_nearest(word, names);
}

static enum pelt_status fail_unknown(const struct cli_command *command, const char *typed,
                                     struct pelt_error *err)
{
    const char *hint = cli_hint_for(typed);
    if (hint != NULL) {
        return pelt_fail(err, PELT_EINVAL, "unknown option %s: %s", typed, hint);
    }
    const char *nearest = strncmp(typed, "--", 2) == 0 ? nearest_option(command, typed + 2) : NULL;
    if (nearest != NULL) {
        return pelt_fail(err, PELT_EINVAL, "unknown option %s: did you mean --%s?", typed, nearest);
    }
    return pelt_fail(err, PELT_EINVAL, "unknown option %s: see pelt %s --help", typed,
                     command->name);
}

/* What getopt calls '?': an unknown option, or a flag that was given a value. */
static enum pelt_status fail_odd(const struct cli_command *command, const char *word,
                                 struct pelt_error *err)
{
    const struct cli_option *row = row_of(optopt);
    if (row != NULL) {
        return pelt_fail(err, PELT_EINVAL, "--%s takes no value, but was given one: %s", row->name,
                         word);
    }
    char typed[64];
    if (optopt != 0) {
        snprintf(typed, sizeof typed, "-%c", optopt);
    } else {
        snprintf(typed, sizeof typed, "%.*s", (int)strcspn(word, "="), word);
    }
    return fail_unknown(command, typed, err);
}

/* The word of a long option that getopt just took, of which it takes beginnings, too. */
static const char *typed_long(char *const *argv)
{
    bool apart = optarg != NULL && optarg == argv[optind - 1];
    return argv[optind - (apart ? 2 : 1)];
}

static bool is_whole(const struct cli_option *row, const char *typed)
{
    return strcspn(typed, "=") == strlen(row->name) + 2;
}

/* A beginning is no name: it would mean something else as soon as there is another option. */
static enum pelt_status fail_cut(const struct cli_option *row, const char *typed,
                                 struct pelt_error *err)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(typed, "="), typed);
    const char *hint = cli_hint_for(word);
    if (hint != NULL) {
        return pelt_fail(err, PELT_EINVAL, "unknown option %s: %s", word, hint);
    }
    return pelt_fail(err, PELT_EINVAL, "unknown option %s: did you mean --%s?", word, row->name);
}

static enum pelt_status fail_elsewhere(const struct cli_command *command,
                                       const struct cli_option *row, struct pelt_error *err)
{
    char names[128];
    cli_command_names(row->commands, names, sizeof names);
    return pelt_fail(err, PELT_EINVAL, "--%s is an option of %s, not of pelt %s", row->name, names,
                     command->name);
}

/* The only argument that may be left out is an address; the word behind the option may be one, or
 * the operand. */
static const char *optional_arg(char *const *argv)
{
    const char *next = argv[optind];
    return optarg == NULL && next != NULL && pelt_web_is_address(next) ? argv[optind++] : optarg;
}

/* What shapes the load and reaches the target is the same on all hosts of a run. */
static bool is_for_workers(const struct cli_option *row)
{
    return (row->commands & CLI_RUN) != 0 &&
           (row->group == GROUP_LOAD || row->group == GROUP_REQUEST || row->group == GROUP_TARGET ||
            row->group == GROUP_TLS || strcmp(row->name, "set") == 0);
}

/* False: out of memory. */
static bool pass_on(struct cli_options *o, const struct cli_option *row, const char *arg)
{
    char name[64];
    if (!is_for_workers(row)) {
        return true;
    }
    char **list = realloc(o->passed, (o->passed_len + 2) * sizeof *list);
    if (list == NULL) {
        return false;
    }
    o->passed = list;
    snprintf(name, sizeof name, "--%s", row->name);
    list[o->passed_len] = strdup(name);
    o->passed_len += list[o->passed_len] != NULL;
    if (row->arg != NULL) {
        list[o->passed_len] = strdup(arg);
        o->passed_len += list[o->passed_len] != NULL;
    }
    return true;
}

static enum pelt_status apply(struct cli_options *o, const struct cli_option *row,
                              char *const *argv, struct pelt_error *err)
{
    if ((row->commands & o->command->bit) == 0) {
        return fail_elsewhere(o->command, row, err);
    }
    struct pelt_error why = {{0}};
    const char *arg = has_optional_arg(row) ? optional_arg(argv) : optarg;
    enum pelt_status status = row->read(o, (char *)o + row->field, arg, &why);
    if (status != PELT_OK) {
        return pelt_fail(err, status, "--%s: %.900s", row->name, why.text);
    }
    return pass_on(o, row, arg) ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

/* A word that stands where another command's operand would: the user knows what, not yet how. */
static enum pelt_status check_operand(const struct cli_options *o, struct pelt_error *err)
{
    const char *word = o->operand;
    size_t len = strlen(word);
    bool url = strncmp(word, "http://", 7) == 0 || strncmp(word, "https://", 8) == 0;
    bool lua = len > 4 && strcmp(word + len - 4, ".lua") == 0;
    bool run_file = len > 5 && strcmp(word + len - 5, ".pelt") == 0;
    enum cli_command_bit bit = o->command->bit;
    if (url && bit != CLI_BENCH) {
        const char *wanted = o->command->operand + (o->command->operand[0] == '[');
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is a URL, not a %.*s: pelt bench %s", word,
                         (int)strcspn(wanted, "]"), wanted, word);
    }
    if (lua && (bit == CLI_BENCH || bit == CLI_REPORT || bit == CLI_RUNS || bit == CLI_TRACE)) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is a scenario: pelt run %s", word, word);
    }
    if (run_file && bit != CLI_REPORT && bit != CLI_RUNS && bit != CLI_HISTORY &&
        bit != CLI_TRACE) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\" is a run file: pelt report %s", word, word);
    }
    return PELT_OK;
}

/* A word of `compare`: of the side that --base or --new began, else BASE, then NEW. */
static enum pelt_status take_run(struct cli_options *o, const char *word, struct pelt_error *err)
{
    struct cli_texts *side = o->side != NULL ? o->side : o->base.len == 0 ? &o->base : &o->now;
    if (o->side == NULL && o->now.len > 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "pelt compare takes BASE and NEW: \"%s\" is too many; several runs a "
                         "side: --base A.pelt B.pelt --new C.pelt D.pelt, or two folders",
                         word);
    }
    return cli_read_texts(o, side, word, err);
}

static enum pelt_status take_runs(struct cli_options *o, int words, char **word,
                                  struct pelt_error *err)
{
    for (int i = 0; i < words; i++) { /* behind "--" */
        enum pelt_status status = take_run(o, word[i], err);
        if (status != PELT_OK) {
            return status;
        }
    }
    if (o->base.len > 0 && o->now.len > 0) {
        return PELT_OK;
    }
    return pelt_fail(err, PELT_EINVAL, "pelt compare needs runs of two sides%s: pelt compare %s",
                     o->now.len > 0    ? ", and has none of base"
                     : o->base.len > 0 ? ", and has none of new"
                                       : "",
                     o->command->operand);
}

static enum pelt_status take_operand(struct cli_options *o, int words, char **word,
                                     struct pelt_error *err)
{
    const struct cli_command *command = o->command;
    if (command->bit == CLI_COMPARE) {
        return take_runs(o, words, word, err);
    }
    if (command->operand == NULL && words > 0) {
        return pelt_fail(err, PELT_EINVAL, "pelt %s takes no \"%s\": see pelt %s --help",
                         command->name, word[0], command->name);
    }
    if (command->operand == NULL || (words == 0 && command->operand[0] == '[')) {
        return PELT_OK;
    }
    if (words == 0 && o->bus.resume != NULL) {
        return PELT_OK; /* the run file knows */
    }
    if (words == 0) {
        return pelt_fail(err, PELT_EINVAL, "pelt %s needs one thing more: pelt %s %s",
                         command->name, command->name, command->operand);
    }
    if (words == 2 && (command->bit & (CLI_CONVERT | CLI_TRACE | CLI_CTL)) != 0) {
        o->source = word[1];
    } else if (words > 1) {
        return pelt_fail(err, PELT_EINVAL,
                         "pelt %s takes one %s: \"%s\" is too many (an option's value?)",
                         command->name, command->operand, word[1]);
    }
    o->operand = word[0];
    return check_operand(o, err);
}

static enum pelt_status parse_all(struct cli_options *o, int argc, char **argv,
                                  struct pelt_error *err)
{
    struct getopt_tables tables;
    make_tables(&tables, o->command->bit == CLI_COMPARE);
    opterr = 0;
    optind = 0; /* glibc: begin anew, also after an earlier parse */
    for (;;) {
        int value = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
        if (value == -1) {
            return PELT_OK;
        }
        int which = value == ':' ? optopt : value;
        const struct cli_option *row = row_of(which);
        enum pelt_status status = PELT_OK;
        if (value == 1) {
            status = take_run(o, optarg, err);
        } else if (value == '?') {
            status = fail_odd(o->command, argv[optind - 1], err);
        } else if (which >= ROW_VALUE && !is_whole(row, typed_long(argv))) {
            status = fail_cut(row, typed_long(argv), err);
        } else if (value == ':') {
            status = pelt_fail(err, PELT_EINVAL, "--%s needs a value: --%s %s", row->name,
                               row->name, row->arg);
        } else {
            status = apply(o, row, argv, err);
        }
        if (status != PELT_OK || o->help) {
            return status;
        }
    }
}

enum pelt_status cli_options_parse(struct cli_options *o, const struct cli_command *command,
                                   int argc, char **argv, struct pelt_error *err)
{
    *o = (struct cli_options){
        .command = command,
        .seed = 1,
        .grace_ns = PELT_NEVER,
        .from_s = -1,
        .to_s = -1,
        .wait_timeout_ns = 60 * PELT_NS_PER_S,
        .bus = {.slot = -1},
        .effect = {PELT_EFFECT_SHARE, PELT_EFFECT_US},
        .command_line = cli_command_line(argc, argv), /* before getopt moves the words */
    };
    o->words = calloc((size_t)argc + 1, sizeof *o->words);
    if (o->words != NULL) {
        memcpy(o->words, argv, (size_t)argc * sizeof *argv);
        o->words_len = (size_t)argc;
    }
    if (o->command_line == NULL || o->words == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if ((o->route = pelt_route_new()) == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = parse_all(o, argc, argv, err);
    if (status != PELT_OK || o->help) {
        return status;
    }
    return take_operand(o, argc - optind, argv + optind, err);
}

void cli_options_deinit(struct cli_options *o)
{
    for (size_t i = 0; i < o->settings_len; i++) {
        free((char *)o->settings[i].key);
    }
    free(o->settings);
    free(o->thresholds);
    free(o->threshold_texts);
    free(o->headers.items);
    pelt_route_free(o->route);
    free(o->agents.items);
    free(o->out.items);
    free(o->hosts.items);
    free(o->base.items);
    free(o->now.items);
    for (size_t i = 0; i < o->passed_len; i++) {
        free(o->passed[i]);
    }
    free(o->passed);
    free(o->words);
    free(o->command_line);
    *o = (struct cli_options){0};
}
