/* net_text: see the header. */
#include "net_text.h"

#include <math.h>

bool net_hex(struct text word, uint64_t *out)
{
    uint64_t value = 0;

    if (word.at >= word.end || word.end - word.at > 16) {
        return false;
    }
    for (; word.at < word.end; word.at++) {
        unsigned char c = (unsigned char)*word.at;
        unsigned digit = c - '0';
        if (digit > 9) {
            digit = (c | 0x20U) - 'a' + 10;
            if (digit < 10 || digit > 15) {
                return false;
            }
        }
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

static void all_missing(double *values, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        values[i] = NAN;
    }
}

/* Which of `names` the word is; `len`: none. */
static size_t place(struct text word, const char *const *names, size_t len)
{
    size_t i = 0;

    while (i < len && !text_is(word, names[i])) {
        i++;
    }
    return i;
}

static bool begins(struct text *line, const char *group)
{
    return text_skip(line, group) && text_skip(line, ":");
}

void net_pairs(struct text t, const char *group, const char *const *names, double *values,
               size_t len)
{
    struct text heads, cells, name;
    uint64_t value;

    all_missing(values, len);
    while (text_line(&t, &heads)) {
        if (!begins(&heads, group)) {
            continue;
        }
        if (!text_line(&t, &cells) || !begins(&cells, group)) {
            return;
        }
        while (text_word(&heads, &name)) {
            size_t at = place(name, names, len);
            if (at == len ? !text_pass(&cells, 1) : !text_number(&cells, &value)) {
                return;
            }
            if (at < len) {
                values[at] = (double)value;
            }
        }
        return;
    }
}

double net_sockstat(struct text t, const char *group, const char *name)
{
    struct text line, word;
    uint64_t value;

    while (text_line(&t, &line)) {
        if (!begins(&line, group)) {
            continue;
        }
        while (text_word(&line, &word)) {
            if (text_is(word, name)) {
                return text_number(&line, &value) ? (double)value : NAN;
            }
        }
    }
    return NAN;
}

/* ---- interfaces ---- */

enum { DEV_BYTES, DEV_PACKETS, DEV_ERRORS, DEV_DROPS, DEV_CELLS = 16, DEV_SENT = 8 };

/* Names are made by whoever runs the namespace: only what any text can hold is taken as it is. */
static void make_plain(char *name)
{
    for (; *name != '\0'; name++) {
        if ((unsigned char)*name <= ' ' || (unsigned char)*name >= 127) {
            *name = '?';
        }
    }
}

/* "  eth0: 595852476   17335 ...": a name may have a ':' itself, so it ends at the last. */
static bool dev_line(struct text line, struct net_dev *dev)
{
    uint64_t cells[DEV_CELLS];
    const char *colon = line.end;

    while (line.at < line.end && *line.at == ' ') {
        line.at++;
    }
    while (colon > line.at && colon[-1] != ':') {
        colon--;
    }
    if (colon <= line.at + 1 ||
        !text_copy((struct text){line.at, colon - 1}, dev->name, sizeof dev->name) ||
        dev->name[0] == '\0') {
        return false;
    }
    make_plain(dev->name);
    line.at = colon;
    for (size_t i = 0; i < DEV_CELLS; i++) {
        if (!text_number(&line, &cells[i])) {
            return false;
        }
    }
    dev->bytes_received = (double)cells[DEV_BYTES];
    dev->errors_received = (double)cells[DEV_ERRORS];
    dev->drops_received = (double)cells[DEV_DROPS];
    dev->bytes_sent = (double)cells[DEV_SENT + DEV_BYTES];
    dev->errors_sent = (double)cells[DEV_SENT + DEV_ERRORS];
    dev->drops_sent = (double)cells[DEV_SENT + DEV_DROPS];
    return true;
}

bool net_dev_next(struct text *t, struct net_dev *dev)
{
    struct text line;

    while (text_line(t, &line)) {
        if (dev_line(line, dev)) {
            return true;
        }
    }
    return false;
}

/* ---- a line for each CPU ---- */

bool net_softnet(struct text t, struct net_softnet *sum)
{
    struct text line, word;
    uint64_t dropped, squeezed;
    bool any = false;

    *sum = (struct net_softnet){0, 0};
    while (text_line(&t, &line)) {
        if (text_pass(&line, 1) && text_word(&line, &word) && net_hex(word, &dropped) &&
            text_word(&line, &word) && net_hex(word, &squeezed)) {
            sum->dropped += (double)dropped;
            sum->squeezed += (double)squeezed;
            any = true;
        }
    }
    return any;
}

static void add_line(struct text heads, struct text cells, const char *const *names, double *values,
                     size_t len)
{
    struct text name, cell;
    uint64_t value;

    while (text_word(&heads, &name) && text_word(&cells, &cell)) {
        size_t at = place(name, names, len);
        if (at < len && net_hex(cell, &value)) {
            values[at] = (isnan(values[at]) ? 0 : values[at]) + (double)value;
        }
    }
}

void net_columns(struct text t, const char *const *names, double *values, size_t len)
{
    struct text heads, cells;

    all_missing(values, len);
    if (!text_line(&t, &heads)) {
        return;
    }
    while (text_line(&t, &cells)) {
        add_line(heads, cells, names, values, len);
    }
}
