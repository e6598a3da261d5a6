/* calendar: see the header. */
#include "calendar.h"

#include "quantity.h"

/* Copies text up to one of `stops` into `part` and moves behind it; false if it does not fit. */
static bool take_part(const char **text, const char *stops, char *part, size_t size)
{
    size_t length = strcspn(*text, stops);

    if (length >= size) {
        return false;
    }
    memcpy(part, *text, length);
    part[length] = '\0';
    *text += length;
    return true;
}

static bool parse_lengths(struct target_stall_rule *rule, const char **text)
{
    char part[32];

    for (;; (*text)++) {
        if (rule->lengths == TARGET_STALL_LENGTHS || !take_part(text, ",/", part, sizeof part) ||
            !target_quantity_duration(part, &rule->length_ns[rule->lengths])) {
            return false;
        }
        rule->lengths++;
        if (**text != ',') {
            return **text == '/';
        }
    }
}

static bool parse_rule(struct target_stall_rule *rule, const char *text)
{
    return parse_lengths(rule, &text) && target_quantity_duration(text + 1, &rule->period_ns);
}

static bool add_rule(struct target_calendar *calendar, const char *text, struct target_error *err)
{
    struct target_stall_rule rule = {0};

    if (!parse_rule(&rule, text)) {
        return target_fail(
            err,
            "\"%.100s\" is not LENGTH[,LENGTH...]/PERIOD with at most %d lengths; try "
            "1s/5s or 1s,300ms/5s",
            text, TARGET_STALL_LENGTHS);
    }
    for (size_t i = 0; i < rule.lengths; i++) {
        if (rule.length_ns[i] == 0 || rule.length_ns[i] >= rule.period_ns) {
            return target_fail(err,
                               "in \"%.100s\" a length is 0 or not shorter than the period; try "
                               "1s/5s",
                               text);
        }
    }
    if (calendar->rules == TARGET_STALL_RULES) {
        return target_fail(err, "\"%.100s\" is one too many; at most %d are taken", text,
                           TARGET_STALL_RULES);
    }
    calendar->rule[calendar->rules++] = rule;
    return true;
}

bool target_calendar_add(struct target_calendar *calendar, const char *text,
                         struct target_error *err)
{
    struct target_calendar added = *calendar;
    char part[512];

    do {
        size_t length = strcspn(text, " ");

        if (length >= sizeof part) {
            return target_fail(err, "\"%.100s...\" is too long for a stall; try 1s/5s", text);
        }
        memcpy(part, text, length);
        part[length] = '\0';
        if (!add_rule(&added, part, err)) {
            return false;
        }
        text += length;
        text += strspn(text, " ");
    } while (*text);
    *calendar = added;
    return true;
}

void target_calendar_print(const struct target_calendar *calendar, char *text, size_t bytes)
{
    char duration[32];
    FILE *out = fmemopen(text, bytes, "w");

    text[0] = '\0';
    if (!out) {
        return;
    }
    for (size_t i = 0; i < calendar->rules; i++) {
        const struct target_stall_rule *rule = &calendar->rule[i];

        for (size_t k = 0; k < rule->lengths; k++) {
            target_quantity_print_duration(rule->length_ns[k], duration, sizeof duration);
            fprintf(out, "%s%s", k ? "," : i ? " " : "", duration);
        }
        target_quantity_print_duration(rule->period_ns, duration, sizeof duration);
        fprintf(out, "/%s", duration);
    }
    fputc('\0', out);
    fclose(out);
}

void target_stall_window(const struct target_stall_rule *rule, uint64_t k, uint64_t *begin_ns,
                         uint64_t *end_ns)
{
    *begin_ns = k * rule->period_ns;
    *end_ns = *begin_ns + rule->length_ns[(k - 1) % rule->lengths];
}

/* As lengths are shorter than the period, only the last stall begun can still hold. */
static uint64_t rule_free_ns(const struct target_stall_rule *rule, uint64_t at_ns)
{
    uint64_t k = at_ns / rule->period_ns;
    uint64_t begin_ns, end_ns;

    if (k == 0) {
        return at_ns;
    }
    target_stall_window(rule, k, &begin_ns, &end_ns);
    return at_ns < end_ns ? end_ns : at_ns;
}

uint64_t target_calendar_free_ns(const struct target_calendar *calendar, uint64_t at_ns)
{
    uint64_t before;

    do {
        before = at_ns;
        for (size_t i = 0; i < calendar->rules; i++) {
            at_ns = rule_free_ns(&calendar->rule[i], at_ns);
        }
    } while (at_ns != before);
    return at_ns;
}

uint64_t target_calendar_begun(const struct target_calendar *calendar, uint64_t at_ns)
{
    uint64_t begun = 0;

    for (size_t i = 0; i < calendar->rules; i++) {
        begun += at_ns / calendar->rule[i].period_ns;
    }
    return begun;
}
