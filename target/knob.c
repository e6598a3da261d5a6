/* knob: see the header. One pair of functions, read and print, for each type. */
#include "knob.h"

#include <inttypes.h>

#include "calendar.h"
#include "law.h"
#include "modellist.h"
#include "names.h"
#include "quantity.h"

typedef bool (*read_fn)(const struct target_knob *knob, void *field, const char *text,
                        struct target_error *err);
typedef void (*print_fn)(const struct target_knob *knob, const void *field, char *text,
                         size_t bytes);

struct type {
    const char *value_name;
    read_fn read;
    print_fn print;
};

static uint64_t max_of(const struct target_knob *knob)
{
    return knob->min == 0 && knob->max == 0 ? UINT64_MAX : knob->max;
}

/* ---- whole numbers ---- */

static bool read_count(const struct target_knob *knob, void *field, const char *text,
                       struct target_error *err)
{
    uint64_t n;

    if (knob->word && strcmp(text, knob->word) == 0) {
        *(uint64_t *)field = knob->word_value;
        return true;
    }
    if (!target_quantity_count(text, max_of(knob), &n) || n < knob->min) {
        return target_fail(err,
                           "\"%.100s\" is not a whole number of %" PRIu64 " to %" PRIu64 "%s%s",
                           text, knob->min, max_of(knob), knob->word ? ", nor the word " : "",
                           knob->word ? knob->word : "");
    }
    *(uint64_t *)field = n;
    return true;
}

static void print_count(const struct target_knob *knob, const void *field, char *text, size_t bytes)
{
    uint64_t n = *(const uint64_t *)field;

    if (knob->word && n == knob->word_value) {
        snprintf(text, bytes, "%s", knob->word);
    } else {
        snprintf(text, bytes, "%" PRIu64, n);
    }
}

/* ---- sizes ---- */

static bool read_size(const struct target_knob *knob, void *field, const char *text,
                      struct target_error *err)
{
    uint64_t n, max = max_of(knob) < TARGET_SIZE_MAX ? max_of(knob) : TARGET_SIZE_MAX;
    char least[32], most[32];

    if (target_quantity_size(text, &n) && n >= knob->min && n <= max) {
        *(uint64_t *)field = n;
        return true;
    }
    target_quantity_print_size(knob->min, least, sizeof least);
    target_quantity_print_size(max, most, sizeof most);
    return target_fail(err, "\"%.100s\" is not a size of %s to %s; try 512, 64k or 10m", text,
                       least, most);
}

static void print_size(const struct target_knob *knob, const void *field, char *text, size_t bytes)
{
    target_quantity_print_size(*(const uint64_t *)field, text, bytes);
}

/* ---- durations ---- */

static bool read_duration(const struct target_knob *knob, void *field, const char *text,
                          struct target_error *err)
{
    uint64_t ns, max = max_of(knob) < TARGET_DURATION_MAX ? max_of(knob) : TARGET_DURATION_MAX;
    char least[32], most[32];

    if (target_quantity_duration(text, &ns) && ns >= knob->min && ns <= max) {
        *(uint64_t *)field = ns;
        return true;
    }
    target_quantity_print_duration(knob->min, least, sizeof least);
    target_quantity_print_duration(max, most, sizeof most);
    return target_fail(err, "\"%.100s\" is not a time of %s to %s; try 250us, 5ms or 1.5s", text,
                       least, most);
}

static void print_duration(const struct target_knob *knob, const void *field, char *text,
                           size_t bytes)
{
    target_quantity_print_duration(*(const uint64_t *)field, text, bytes);
}

/* ---- numbers and shares ---- */

/* The shortest text that reads back to the same number. */
static void print_double(double x, char *text, size_t bytes)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, bytes, "%.*g", digits, x);
        if (strtod(text, NULL) == x) {
            return;
        }
    }
}

static bool read_number(const struct target_knob *knob, void *field, const char *text,
                        struct target_error *err)
{
    return target_quantity_number(text, (double)knob->min, (double)max_of(knob), field) ||
           target_fail(err, "\"%.100s\" is not a number of %" PRIu64 " to %" PRIu64, text,
                       knob->min, max_of(knob));
}

static void print_number(const struct target_knob *knob, const void *field, char *text,
                         size_t bytes)
{
    print_double(*(const double *)field, text, bytes);
}

static bool read_share(const struct target_knob *knob, void *field, const char *text,
                       struct target_error *err)
{
    uint64_t max = knob->max > 0 ? knob->max : 1;

    return target_quantity_share(text, (double)max, field) ||
           target_fail(err, "\"%.100s\" is not a share of 0%% to %" PRIu64 "%%; try 1%% or 0.01",
                       text, max * 100);
}

/* ---- rates ---- */

static bool read_rate(const struct target_knob *knob, void *field, const char *text,
                      struct target_error *err)
{
    return target_quantity_rate(text, max_of(knob), field) ||
           target_fail(err,
                       "\"%.100s\" is not a rate of at most %" PRIu64 "; try 200/s, 60/m or 5/h",
                       text, max_of(knob));
}

static void print_rate(const struct target_knob *knob, const void *field, char *text, size_t bytes)
{
    target_quantity_print_rate(field, text, bytes);
}

/* ---- choices ---- */

static bool read_flag(const struct target_knob *knob, void *field, const char *text,
                      struct target_error *err)
{
    bool is_on = strcmp(text, "on") == 0;

    if (!is_on && strcmp(text, "off") != 0) {
        return target_fail(err, "\"%.100s\" is neither on nor off", text);
    }
    *(bool *)field = is_on;
    return true;
}

static void print_flag(const struct target_knob *knob, const void *field, char *text, size_t bytes)
{
    snprintf(text, bytes, "%s", *(const bool *)field ? "on" : "off");
}

static const char *join_choices(const struct target_knob *knob, const char *between, char *text,
                                size_t bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (const char *const *choice = knob->choices; *choice && used < bytes; choice++) {
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? between : "", *choice);
    }
    return text;
}

static bool read_choice(const struct target_knob *knob, void *field, const char *text,
                        struct target_error *err)
{
    char all[64];

    for (unsigned i = 0; knob->choices[i]; i++) {
        if (strcmp(text, knob->choices[i]) == 0) {
            *(unsigned *)field = i;
            return true;
        }
    }
    return target_fail(err, "\"%.100s\" is not one of: %s", text,
                       join_choices(knob, ", ", all, sizeof all));
}

static void print_choice(const struct target_knob *knob, const void *field, char *text,
                         size_t bytes)
{
    snprintf(text, bytes, "%s", knob->choices[*(const unsigned *)field]);
}

/* ---- laws, stalls, addresses, texts ---- */

static bool read_law(const struct target_knob *knob, void *field, const char *text,
                     struct target_error *err)
{
    struct target_law law;

    if (!target_law_parse(&law, text, err)) {
        return false;
    }
    *(struct target_law *)field = law;
    return true;
}

static void print_law(const struct target_knob *knob, const void *field, char *text, size_t bytes)
{
    target_law_print(field, text, bytes);
}

static bool read_models(const struct target_knob *knob, void *field, const char *text,
                        struct target_error *err)
{
    struct target_modellist list;
    char printed[TARGET_KNOB_TEXT_BYTES];

    if (!target_modellist_parse(&list, text, err)) {
        return false;
    }
    if (target_modellist_print(&list, printed, sizeof printed) >= sizeof printed) {
        return target_fail(err, "is longer than %zu bytes; try shorter names", sizeof printed - 1);
    }
    memcpy(field, &list, sizeof list);
    return true;
}

static void print_models(const struct target_knob *knob, const void *field, char *text,
                         size_t bytes)
{
    target_modellist_print(field, text, bytes);
}

static bool read_counts(const struct target_knob *knob, void *field, const char *text,
                        struct target_error *err)
{
    struct target_law law = {.mean_ns = 0};

    if (!(knob->word && strcmp(text, knob->word) == 0) &&
        !target_law_parse_count(&law, text, err)) {
        return false;
    }
    *(struct target_law *)field = law;
    return true;
}

static void print_counts(const struct target_knob *knob, const void *field, char *text,
                         size_t bytes)
{
    const struct target_law *law = field;

    if (knob->word && law->mean_ns == 0) {
        snprintf(text, bytes, "%s", knob->word);
    } else {
        target_law_print_count(law, text, bytes);
    }
}

static bool read_stalls(const struct target_knob *knob, void *field, const char *text,
                        struct target_error *err)
{
    return target_calendar_add(field, text, err);
}

static void print_stalls(const struct target_knob *knob, const void *field, char *text,
                         size_t bytes)
{
    target_calendar_print(field, text, bytes);
}

static bool read_address(const struct target_knob *knob, void *field, const char *text,
                         struct target_error *err)
{
    struct target_address *address = field;
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t length = colon ? (size_t)(colon - text) : 0;
    uint64_t port;

    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof address->host ||
        !target_quantity_count(colon + 1, 65535, &port)) {
        return target_fail(err,
                           "\"%.100s\" is not ADDRESS:PORT; try 127.0.0.1:18800, or port 0 for any "
                           "free one",
                           text);
    }
    memcpy(address->host, host, length);
    address->host[length] = '\0';
    snprintf(address->port, sizeof address->port, "%u", (unsigned)port);
    return true;
}

static void print_address(const struct target_knob *knob, const void *field, char *text,
                          size_t bytes)
{
    const struct target_address *address = field;
    bool is_v6 = strchr(address->host, ':') != NULL;

    snprintf(text, bytes, "%s%s%s:%s", is_v6 ? "[" : "", address->host, is_v6 ? "]" : "",
             address->port);
}

static bool read_text(const struct target_knob *knob, void *field, const char *text,
                      struct target_error *err)
{
    if (strlen(text) >= knob->max) {
        return target_fail(err, "\"%.100s...\" is longer than %" PRIu64 " bytes", text,
                           knob->max - 1);
    }
    snprintf(field, knob->max, "%s", text);
    return true;
}

static void print_text(const struct target_knob *knob, const void *field, char *text, size_t bytes)
{
    snprintf(text, bytes, "%s", (const char *)field);
}

static bool read_names(const struct target_knob *knob, void *field, const char *text,
                       struct target_error *err)
{
    if (!target_names_are_good(text)) {
        return target_fail(err, "\"%.100s\" is no list of names; try Accept-Language, X-Tenant",
                           text);
    }
    return read_text(knob, field, text, err);
}

/* ---- the types ---- */

static const struct type types[] = {
    [TARGET_KNOB_COUNT] = {"N", read_count, print_count},
    [TARGET_KNOB_NUMBER] = {"NUMBER", read_number, print_number},
    [TARGET_KNOB_SHARE] = {"SHARE", read_share, print_number},
    [TARGET_KNOB_SIZE] = {"BYTES", read_size, print_size},
    [TARGET_KNOB_DURATION] = {"TIME", read_duration, print_duration},
    [TARGET_KNOB_FLAG] = {"on|off", read_flag, print_flag},
    [TARGET_KNOB_CHOICE] = {NULL, read_choice, print_choice},
    [TARGET_KNOB_LAW] = {"LAW", read_law, print_law},
    [TARGET_KNOB_RATE] = {"RATE", read_rate, print_rate},
    [TARGET_KNOB_MODELS] = {"NAME:BYTES:TIME", read_models, print_models},
    [TARGET_KNOB_COUNTS] = {"N|LAW", read_counts, print_counts},
    [TARGET_KNOB_STALLS] = {"LENGTH/PERIOD", read_stalls, print_stalls},
    [TARGET_KNOB_ADDRESS] = {"ADDR:PORT", read_address, print_address},
    [TARGET_KNOB_PATH] = {"PATH", read_text, print_text},
    [TARGET_KNOB_NAMES] = {"NAMES", read_names, print_text},
};

const char *target_knob_value_name(const struct target_knob *knob, char *text)
{
    if (knob->type == TARGET_KNOB_CHOICE) {
        return join_choices(knob, "|", text, 64);
    }
    return types[knob->type].value_name;
}

bool target_knob_read(const struct target_knob *knob, void *settings, const char *text,
                      struct target_error *err)
{
    return types[knob->type].read(knob, (char *)settings + knob->offset, text, err);
}

void target_knob_print(const struct target_knob *knob, const void *settings, char *text,
                       size_t bytes)
{
    types[knob->type].print(knob, (const char *)settings + knob->offset, text, bytes);
}

bool target_knob_is_number(const struct target_knob *knob, const void *settings)
{
    uint64_t n;

    switch (knob->type) {
    case TARGET_KNOB_COUNT:
        memcpy(&n, (const char *)settings + knob->offset, sizeof n);
        return n <= INT64_MAX && !(knob->word && n == knob->word_value);
    case TARGET_KNOB_NUMBER:
    case TARGET_KNOB_SHARE:
        return true;
    default:
        return false;
    }
}
