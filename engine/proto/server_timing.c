/*
 * server_timing: see the header.
 */
#include "pelt/server_timing.h"

#include <math.h>
#include <stdlib.h>

#include "scan.h"

#define NUMBER_BYTES 40

struct param {
    struct pelt_span name, value;
};

/* Behind the opening quote: up to the closing one, which is taken. False: it never comes. */
static bool take_quoted(struct pelt_scan *s, struct pelt_span *out)
{
    const char *begin = s->at;
    while (s->at < s->end && *s->at != '"') {
        s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
    }
    *out = pelt_span(begin, (size_t)(s->at - begin));
    return pelt_scan_take(s, '"');
}

/* Behind its semicolon. */
static bool take_param(struct pelt_scan *s, struct param *out)
{
    pelt_scan_blanks(s);
    out->name = pelt_scan_token(s);
    pelt_scan_blanks(s);
    if (out->name.len == 0 || !pelt_scan_take(s, '=')) {
        return false;
    }
    pelt_scan_blanks(s);
    if (pelt_scan_take(s, '"')) {
        return take_quoted(s, &out->value);
    }
    out->value = pelt_scan_token(s);
    return out->value.len > 0;
}

/* "12", "1.5", ".5", "1.2e-05": digits with at most one point, and perhaps an exponent. */
static bool is_number(struct pelt_span text)
{
    struct pelt_scan s = pelt_scan_of(text);
    size_t digits = pelt_scan_digits(&s).len;
    if (pelt_scan_take(&s, '.')) {
        digits += pelt_scan_digits(&s).len;
    }
    if (digits > 0 && (pelt_scan_take(&s, 'e') || pelt_scan_take(&s, 'E'))) {
        if (!pelt_scan_take(&s, '-')) {
            (void)pelt_scan_take(&s, '+');
        }
        digits = pelt_scan_digits(&s).len;
    }
    return digits > 0 && pelt_scan_done(&s);
}

static void read_dur(struct pelt_span text, struct pelt_server_timing *out)
{
    char number[NUMBER_BYTES + 1];
    if (text.len > NUMBER_BYTES || !is_number(text)) {
        return;
    }
    memcpy(number, text.ptr, text.len);
    number[text.len] = '\0';
    const double ms = strtod(number, NULL);
    if (ms <= PELT_SERVER_TIMING_MS_MAX) {
        out->has_dur = true;
        out->dur_us = (uint64_t)llround(ms * 1000);
    }
}

static bool take_entry(struct pelt_scan *s, struct pelt_server_timing *out)
{
    bool dur_seen = false;
    *out = (struct pelt_server_timing){.name = pelt_scan_token(s)};
    if (out->name.len == 0) {
        return false;
    }
    pelt_scan_blanks(s);
    while (pelt_scan_take(s, ';')) {
        struct param p;
        if (!take_param(s, &p)) {
            return false;
        }
        if (!dur_seen && pelt_span_eq_nocase(p.name, "dur")) {
            dur_seen = true;
            read_dur(p.value, out);
        } else if (out->desc.ptr == NULL && pelt_span_eq_nocase(p.name, "desc")) {
            out->desc = p.value;
        }
        pelt_scan_blanks(s);
    }
    return pelt_scan_done(s) || *s->at == ',';
}

/* From the entry's first byte to behind the comma that ends it. */
static void skip_entry(struct pelt_scan *s)
{
    struct pelt_span quoted;
    while (!pelt_scan_done(s) && !pelt_scan_take(s, ',')) {
        if (pelt_scan_take(s, '"')) {
            (void)take_quoted(s, &quoted);
        } else {
            s->at++;
        }
    }
}

bool pelt_server_timing_next(struct pelt_span value, size_t *pos, struct pelt_server_timing *out)
{
    struct pelt_scan s = pelt_scan_of(value);
    const char *begin = s.at;
    bool found = false;
    s.at += *pos;
    while (!found && !pelt_scan_done(&s)) {
        pelt_scan_blanks(&s);
        struct pelt_scan entry = s;
        found = take_entry(&entry, out);
        skip_entry(found ? &entry : &s);
        s = found ? entry : s;
    }
    *pos = (size_t)(s.at - begin);
    return found;
}

struct pelt_span pelt_server_timing_of_comment(struct pelt_span comment)
{
    struct pelt_scan s = pelt_scan_of(comment);
    pelt_scan_blanks(&s);
    const struct pelt_span word = pelt_scan_token(&s);
    const bool field = pelt_span_eq_nocase(word, "Server-Timing") && pelt_scan_take(&s, ':');
    if (!field && !(pelt_span_eq(word, "st") && pelt_scan_take(&s, ' '))) {
        return pelt_span(NULL, 0);
    }
    return pelt_span(s.at, (size_t)(s.end - s.at));
}
