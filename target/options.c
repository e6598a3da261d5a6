/* options: see the header. getopt_long is not used because it cannot suggest the nearest name. */
#include "options.h"

#include "config.h"
#include "service.h"
#include "size.h"

#define HELP_COLUMN 34
#define HELP_WIDTH  100

struct line { /* what the command line says, apart from knobs */
    const char *config;
    bool is_print_config;
};

static const char *const switches[] = {"--help", "-h", "--version", "--print-config"};

static bool is_switch(const char *arg)
{
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        if (strcmp(arg, switches[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool fail_unknown(const char *arg, const char *name, struct target_error *err)
{
    const char *nearest = target_knob_nearest(name);

    if (nearest) {
        return target_fail(err, "no option \"%.100s\"; did you mean --%s?", arg, nearest);
    }
    return target_fail(err, "no option \"%.100s\"; see --help", arg);
}

/* Splits "--name=value"; false if the name is too long to be one. */
static bool take_name(const char *arg, char *name, size_t size, const char **value)
{
    const char *begin = arg + strspn(arg, "-");
    size_t length = strcspn(begin, "=");

    if (length >= size) {
        snprintf(name, size, "%.*s", (int)(size - 1), begin);
        return false;
    }
    memcpy(name, begin, length);
    name[length] = '\0';
    *value = begin[length] == '=' ? begin + length + 1 : NULL;
    return strncmp(arg, "--", 2) == 0;
}

/* The value behind the name: in the same argument or the next one; NULL: there is none. */
static const char *take_value(int argc, char **argv, int *i, const char *value)
{
    if (value) {
        return value;
    }
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool set_knob(struct target_change *change, const struct target_knob_place *place,
                     const char *value, struct target_error *err)
{
    const struct target_knob *knob = target_knob_at(place);
    struct target_error why = {{0}};
    char name[64];

    if (!value) {
        return target_fail(err, "--%s needs a value: %s", knob->name,
                           target_knob_value_name(knob, name));
    }
    return target_change_set(change, place, value, TARGET_SOURCE_COMMAND_LINE, &why) ||
           target_fail(err, "--%s: %.400s", knob->name, why.text);
}

/* One option at argv[*i], into `change`; without it, only what `line` wants to know. */
static bool parse_one(struct target_change *change, struct line *line, int argc, char **argv,
                      int *i, struct target_error *err)
{
    const char *arg = argv[*i], *value = NULL;
    struct target_knob_place place;
    char name[64];
    bool is_option = take_name(arg, name, sizeof name, &value);

    if (is_option && strcmp(name, "config") == 0) {
        line->config = take_value(argc, argv, i, value);
        return line->config || target_fail(err, "--config needs a value: FILE");
    }
    if (is_option && target_knob_find(&place, name)) {
        value = take_value(argc, argv, i, value);
        return !change || set_knob(change, &place, value, err);
    }
    if (is_switch(arg)) {
        line->is_print_config |= strcmp(arg, "--print-config") == 0;
        return true;
    }
    return fail_unknown(arg, name, err);
}

static bool parse_all(struct target_change *change, struct line *line, int argc, char **argv,
                      struct target_error *err)
{
    for (int i = 1; i < argc; i++) {
        if (!parse_one(change, line, argc, argv, &i, err)) {
            return false;
        }
    }
    return true;
}

/* First the whole command line for the file's name, then the file, then the line's knobs. */
static bool set_all(struct target_change *change, struct line *line, int argc, char **argv,
                    struct target_error *err)
{
    return parse_all(NULL, line, argc, argv, err) &&
           (!line->config || target_config_read(change, line->config, err)) &&
           parse_all(change, line, argc, argv, err);
}

/* --help and --version win over all that is wrong behind them, as they always did. */
static enum target_options_result find_switch(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return TARGET_OPTIONS_HELP;
        }
        if (strcmp(argv[i], "--version") == 0) {
            return TARGET_OPTIONS_VERSION;
        }
    }
    return TARGET_OPTIONS_RUN;
}

enum target_options_result target_options_parse(struct target_settings *settings, int argc,
                                                char **argv, struct target_error *err)
{
    enum target_options_result asked = find_switch(argc, argv);
    struct target_change change;
    struct line line = {0};

    if (asked != TARGET_OPTIONS_RUN) {
        return asked;
    }
    if (!target_change_begin(&change, settings, NULL, err)) {
        return TARGET_OPTIONS_BAD;
    }
    if (!set_all(&change, &line, argc, argv, err) || !target_size_apply(&change, err)) {
        target_change_abort(&change);
        return TARGET_OPTIONS_BAD;
    }
    if (!target_change_commit(&change, NULL, err)) {
        return TARGET_OPTIONS_BAD;
    }
    return line.is_print_config ? TARGET_OPTIONS_PRINT_CONFIG : TARGET_OPTIONS_RUN;
}

/* ---- --help ---- */

/* Prints `text` from HELP_COLUMN on, broken at blanks. The cursor is at column `at`. */
static void print_wrapped(int at, const char *text)
{
    bool is_first = true;

    if (at >= HELP_COLUMN) {
        printf("\n");
        at = 0;
    }
    printf("%*s", HELP_COLUMN - at, "");
    at = HELP_COLUMN;
    while (*text) {
        int length = (int)strcspn(text, " ");

        if (!is_first && at + 1 + length > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            at = HELP_COLUMN;
            is_first = true;
        }
        at += printf("%s%.*s", is_first ? "" : " ", length, text);
        is_first = false;
        text += length + (int)strspn(text + length, " ");
    }
    putchar('\n');
}

static void print_knob(const struct target_knob *knob)
{
    char name[64], text[512];
    int at = printf("  --%s %s", knob->name, target_knob_value_name(knob, name));

    snprintf(text, sizeof text, "%s%s%s", knob->text,
             knob->initial && knob->initial[0] ? "; default " : "",
             knob->initial ? knob->initial : "");
    print_wrapped(at, text);
}

void target_options_help(void)
{
    struct target_knob_place place;
    size_t system = SIZE_MAX;

    puts("pelt-target: a reference service with known, settable behaviour\n"
         "\n"
         "usage: pelt-target [OPTION...]\n");
    print_wrapped(printf("  --config FILE"),
                  "reads knobs from a file, one `name = value` a line, names as below; options "
                  "given here win");
    print_wrapped(printf("  --print-config"), "prints all knobs as such a file, and ends");
    print_wrapped(printf("  --version"), "prints the version, and ends");
    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        if (place.system != system) {
            system = place.system;
            printf("\n%s:\n", target_systems[system]->name);
        }
        print_knob(target_knob_at(&place));
    }
    puts("\n"
         "Paths: POST /api/chat, GET /work /search /api/models /api/status /health, /bytes/N, "
         "/status/N,\n"
         "/echo; GET /count and /metrics look on: they are neither counted nor delayed;\n"
         "/, /status, /alerts, /events, /trace/ID, /api/metrics/history and so on tell of the "
         "service;\n"
         "GET and PUT /admin/knobs, for clients on this machine (docs/TARGET.md).\n"
         "SIGTERM or SIGINT: answers what is in flight, then exit 0.\n"
         "Exit 1: it cannot listen or write its log; 2: a bad option or configuration file.");
}
