/* config: see the header. The text is cut in place into lines, names and values. */
#include "config.h"

#include <ctype.h>
#include <errno.h>

struct reading {
    struct target_change *change;
    const char *path;
    unsigned line;
    unsigned *set_at; /* the line that set each knob; 0: none yet */
    struct target_error *err;
};

/* ---- one line ---- */

static bool fail_line(struct reading *reading, const char *fmt, ...) TARGET_PRINTF(2, 3);

static bool fail_line(struct reading *reading, const char *fmt, ...)
{
    char text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return target_fail(reading->err, "%.100s:%u: %s", reading->path, reading->line, text);
}

static void cut_comment(char *line)
{
    for (char *at = line; (at = strchr(at, '#')) != NULL; at++) {
        if (at == line || isblank((unsigned char)at[-1])) {
            *at = '\0';
            return;
        }
    }
}

static char *trimmed(char *text)
{
    size_t length;

    text += strspn(text, " \t\r");
    length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1])) {
        length--;
    }
    text[length] = '\0';
    return text;
}

static bool fail_unknown(struct reading *reading, const char *name)
{
    const char *nearest = target_knob_nearest(name);

    if (nearest) {
        return fail_line(reading, "no knob \"%.60s\"; did you mean %s?", name, nearest);
    }
    return fail_line(reading, "no knob \"%.60s\"; --help lists all", name);
}

static bool fail_form(struct reading *reading, const char *line)
{
    return fail_line(reading, "\"%.60s\" is not NAME = VALUE; try workers = 4", line);
}

static bool set(struct reading *reading, const char *name, const char *value)
{
    struct target_knob_place place;
    struct target_error why = {{0}};

    if (!target_knob_find(&place, name)) {
        return fail_unknown(reading, name);
    }
    if (reading->set_at[place.number] && target_knob_at(&place)->type != TARGET_KNOB_STALLS) {
        return fail_line(reading, "%s is set twice; line %u set it already", name,
                         reading->set_at[place.number]);
    }
    reading->set_at[place.number] = reading->line;
    return target_change_set(reading->change, &place, value, TARGET_SOURCE_FILE, &why) ||
           fail_line(reading, "%s: %.300s", name, why.text);
}

static bool parse_line(struct reading *reading, char *line)
{
    char *equals;

    cut_comment(line);
    line = trimmed(line);
    if (line[0] == '\0') {
        return true;
    }
    equals = strchr(line, '=');
    if (!equals || equals == line) {
        return fail_form(reading, line);
    }
    *equals = '\0';
    return set(reading, trimmed(line), trimmed(equals + 1));
}

/* ---- the text ---- */

static char *behind_mark(char *text)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf"; /* some editors begin UTF-8 with it */
    const size_t length = sizeof byte_order_mark - 1;

    return strncmp(text, byte_order_mark, length) == 0 ? text + length : text;
}

static bool parse_lines(struct reading *reading, char *text)
{
    char *next = text;

    while ((text = strsep(&next, "\n")) != NULL) {
        reading->line++;
        if (!parse_line(reading, text)) {
            return false;
        }
    }
    return true;
}

bool target_config_parse(struct target_change *change, const char *path, char *text, size_t bytes,
                         struct target_error *err)
{
    struct reading reading = {.change = change, .path = path, .err = err};
    bool good;

    if (strlen(text) != bytes) {
        return target_fail(err, "%.100s: a byte 0 at %zu; a configuration file is text", path,
                           strlen(text));
    }
    reading.set_at = calloc(change->settings->knobs, sizeof *reading.set_at);
    if (!reading.set_at) {
        return target_fail(err, "no memory for %.100s", path);
    }
    good = parse_lines(&reading, behind_mark(text));
    free(reading.set_at);
    return good;
}

static bool read_all(FILE *file, const char *path, char **text, size_t *bytes,
                     struct target_error *err)
{
    *text = malloc(TARGET_CONFIG_BYTES_MAX + 1);
    if (!*text) {
        return target_fail(err, "no memory for %.100s", path);
    }
    *bytes = fread(*text, 1, TARGET_CONFIG_BYTES_MAX + 1, file);
    if (ferror(file)) {
        return target_fail(err, "--config: cannot read \"%.100s\": %s", path, strerror(errno));
    }
    if (*bytes > TARGET_CONFIG_BYTES_MAX) {
        return target_fail(err, "--config: \"%.100s\" has more than 1 MiB", path);
    }
    (*text)[*bytes] = '\0';
    return true;
}

bool target_config_read(struct target_change *change, const char *path, struct target_error *err)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t bytes = 0;
    bool good;

    if (!file) {
        return target_fail(err, "--config: cannot read \"%.100s\": %s", path, strerror(errno));
    }
    good = read_all(file, path, &text, &bytes, err) &&
           target_config_parse(change, path, text, bytes, err);
    fclose(file);
    free(text);
    return good;
}

/* ---- printing ---- */

void target_config_print(const struct target_settings *settings, FILE *out)
{
    struct target_knob_place place;
    char value[TARGET_KNOB_TEXT_BYTES];

    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        const struct target_knob *knob = target_knob_at(&place);

        target_knob_print(knob, target_settings_of(settings, place.system), value, sizeof value);
        fprintf(out, "# %s\n%s%s =%s%s\n\n", knob->text, value[0] ? "" : "# ", knob->name,
                value[0] && value[0] != '#' ? " " : "", value); /* " #" would begin a comment */
    }
}
