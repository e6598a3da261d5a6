/*
 * structured_field: see the header.
 */
#include "structured_field.h"

#define INTEGER_DIGITS  15
#define DECIMAL_DIGITS  12 /* before the point */
#define FRACTION_DIGITS 3

static int64_t whole(struct pelt_span digits)
{
    int64_t n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        n = 10 * n + (digits.ptr[i] - '0');
    }
    return n;
}

static bool take_number(struct pelt_scan *s, struct pelt_sf_item *out)
{
    const bool negative = pelt_scan_take(s, '-');
    const struct pelt_span digits = pelt_scan_digits(s);
    out->type = PELT_SF_INTEGER;
    if (digits.len == 0 || digits.len > INTEGER_DIGITS) {
        return false;
    }
    out->integer = negative ? -whole(digits) : whole(digits);
    if (pelt_scan_take(s, '.')) {
        const size_t fraction = pelt_scan_digits(s).len;
        out->type = PELT_SF_DECIMAL;
        return digits.len <= DECIMAL_DIGITS && fraction > 0 && fraction <= FRACTION_DIGITS;
    }
    return true;
}

static bool take_string(struct pelt_scan *s, struct pelt_sf_item *out)
{
    const char *begin = ++s->at;
    out->type = PELT_SF_STRING;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at == '\\') {
            s->at++;
            if (pelt_scan_peek(s) != '"' && pelt_scan_peek(s) != '\\') {
                return false;
            }
        } else if (*s->at < ' ' || *s->at > '~') {
            return false;
        }
        s->at++;
    }
    out->text = pelt_span(begin, (size_t)(s->at - begin));
    return pelt_scan_take(s, '"');
}

static bool take_token(struct pelt_scan *s, struct pelt_sf_item *out)
{
    const char *begin = s->at++;
    while (s->at < s->end && (pelt_scan_is_tchar(*s->at) || *s->at == ':' || *s->at == '/')) {
        s->at++;
    }
    out->type = PELT_SF_TOKEN;
    out->text = pelt_span(begin, (size_t)(s->at - begin));
    return true;
}

static bool is_base64(char c)
{
    return pelt_scan_is_letter(c) || pelt_scan_is_digit(c) || c == '+' || c == '/' || c == '=';
}

static bool take_bytes(struct pelt_scan *s, struct pelt_sf_item *out)
{
    const char *begin = ++s->at;
    while (s->at < s->end && is_base64(*s->at)) {
        s->at++;
    }
    out->type = PELT_SF_BYTES;
    out->text = pelt_span(begin, (size_t)(s->at - begin));
    return pelt_scan_take(s, ':');
}

static bool take_boolean(struct pelt_scan *s, struct pelt_sf_item *out)
{
    s->at++;
    out->type = PELT_SF_BOOLEAN;
    out->boolean = pelt_scan_peek(s) == '1';
    return pelt_scan_take(s, '1') || pelt_scan_take(s, '0');
}

bool pelt_sf_bare_item(struct pelt_scan *s, struct pelt_sf_item *out)
{
    const char c = pelt_scan_peek(s);
    *out = (struct pelt_sf_item){.integer = 0};
    if (c == '-' || pelt_scan_is_digit(c)) {
        return take_number(s, out);
    }
    if (c == '*' || pelt_scan_is_letter(c)) {
        return take_token(s, out);
    }
    return c == '"'   ? take_string(s, out)
           : c == ':' ? take_bytes(s, out)
           : c == '?' ? take_boolean(s, out)
                      : false;
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool take_key(struct pelt_scan *s, struct pelt_span *key)
{
    const char *begin = s->at;
    if (!is_small(pelt_scan_peek(s)) && pelt_scan_peek(s) != '*') {
        return false;
    }
    while (s->at < s->end && (is_small(*s->at) || pelt_scan_is_digit(*s->at) || *s->at == '_' ||
                              *s->at == '-' || *s->at == '.' || *s->at == '*')) {
        s->at++;
    }
    *key = pelt_span(begin, (size_t)(s->at - begin));
    return true;
}

bool pelt_sf_param(struct pelt_scan *s, bool *found, struct pelt_span *key,
                   struct pelt_sf_item *out)
{
    *found = pelt_scan_take(s, ';');
    if (!*found) {
        return true;
    }
    while (pelt_scan_take(s, ' ')) {
    }
    if (!take_key(s, key)) {
        return false;
    }
    if (pelt_scan_take(s, '=')) {
        return pelt_sf_bare_item(s, out);
    }
    *out = (struct pelt_sf_item){.type = PELT_SF_BOOLEAN, .boolean = true};
    return true;
}

bool pelt_sf_list_next(struct pelt_scan *s, bool *more)
{
    pelt_scan_blanks(s);
    *more = false;
    if (pelt_scan_done(s)) {
        return true;
    }
    if (!pelt_scan_take(s, ',')) {
        return false;
    }
    pelt_scan_blanks(s);
    *more = true;
    return !pelt_scan_done(s); /* a comma at the end */
}
