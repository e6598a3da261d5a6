/*
 * cookie_date: see the header. Servers write dates in many ways, so the RFC takes the tokens in any
 * order: the first that looks like a time is the time, the first that looks like a day the day.
 */
#include "cookie_date.h"

#include <string.h>
#include <strings.h>
#include <time.h>

struct date {
    struct tm tm;
    bool has_time, has_day, has_month, has_year;
};

/* delimiter of the RFC's grammar */
static bool delimits(unsigned char c)
{
    return c == 0x09 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
           (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* `least` to `most` digits at *at, followed by none. False: not so. */
static bool take_number(const char **at, const char *end, int least, int most, int *value)
{
    const char *p = *at;
    *value = 0;
    while (p < end && is_digit(*p) && p - *at <= most) {
        *value = *value * 10 + (*p++ - '0');
    }
    int digits = (int)(p - *at);
    *at = p;
    return digits >= least && digits <= most;
}

static bool read_time(struct tm *tm, const char *at, const char *end)
{
    int hour, minute, second;
    if (!take_number(&at, end, 1, 2, &hour) || at == end || *at++ != ':' ||
        !take_number(&at, end, 1, 2, &minute) || at == end || *at++ != ':' ||
        !take_number(&at, end, 1, 2, &second)) {
        return false;
    }
    tm->tm_hour = hour;
    tm->tm_min = minute;
    tm->tm_sec = second;
    return true;
}

static bool read_day(struct tm *tm, const char *at, const char *end)
{
    return take_number(&at, end, 1, 2, &tm->tm_mday);
}

static bool read_month(struct tm *tm, const char *at, const char *end)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; end - at >= 3 && i < 12; i++) {
        if (strncasecmp(at, names + (size_t)i * 3, 3) == 0) {
            tm->tm_mon = i;
            return true;
        }
    }
    return false;
}

static bool read_year(struct tm *tm, const char *at, const char *end)
{
    int year;
    if (!take_number(&at, end, 2, 4, &year)) {
        return false;
    }
    if (year < 100) {
        year += year >= 70 ? 1900 : 2000;
    }
    tm->tm_year = year - 1900;
    return true;
}

static void read_token(struct date *d, const char *at, const char *end)
{
    if (!d->has_time && read_time(&d->tm, at, end)) {
        d->has_time = true;
    } else if (!d->has_day && read_day(&d->tm, at, end)) {
        d->has_day = true;
    } else if (!d->has_month && read_month(&d->tm, at, end)) {
        d->has_month = true;
    } else if (!d->has_year && read_year(&d->tm, at, end)) {
        d->has_year = true;
    }
}

bool pelt_cookie_date(struct pelt_span text, int64_t *seconds)
{
    struct date d = {.has_time = false};
    const char *at = text.ptr, *end = text.ptr + text.len;
    while (at < end) {
        const char *token = at;
        while (at < end && !delimits((unsigned char)*at)) {
            at++;
        }
        read_token(&d, token, at);
        at += at < end;
    }
    if (!d.has_time || !d.has_day || !d.has_month || !d.has_year || d.tm.tm_mday < 1 ||
        d.tm.tm_mday > 31 || d.tm.tm_year < 1601 - 1900 || d.tm.tm_hour > 23 || d.tm.tm_min > 59 ||
        d.tm.tm_sec > 59) {
        return false;
    }
    *seconds = timegm(&d.tm);
    return true;
}
