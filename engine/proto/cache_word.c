/*
 * cache_word: see the header.
 */
#include "pelt/cache_word.h"

#include "scan.h"

#define CHAIN_MAX 8 /* elements of a list; further ones say nothing */

static const struct {
    const char *word;
    enum pelt_cache_result result;
} WORDS[] = {
    {"HIT", PELT_CACHE_HIT},
    {"MISS", PELT_CACHE_MISS},
    {"EXPIRED", PELT_CACHE_EXPIRED},
    {"STALE", PELT_CACHE_STALE},
    {"UPDATING", PELT_CACHE_UPDATING},
    {"REVALIDATED", PELT_CACHE_REVALIDATED},
    {"BYPASS", PELT_CACHE_BYPASS},
    {"PASS", PELT_CACHE_BYPASS},
    {"PIPE", PELT_CACHE_BYPASS},
    {"SYNTH", PELT_CACHE_BYPASS},
    {"DYNAMIC", PELT_CACHE_DYNAMIC},
    {"UNCACHEABLE", PELT_CACHE_DYNAMIC},
    {"PRIVATE_NOSTORE", PELT_CACHE_DYNAMIC},
    {"CONFIG_NOCACHE", PELT_CACHE_DYNAMIC},
    {"REFRESHHIT", PELT_CACHE_REVALIDATED}, /* CloudFront */
    {"REFRESH_HIT", PELT_CACHE_REVALIDATED},
    {"REFRESH_UNMODIFIED", PELT_CACHE_REVALIDATED},
    {"REFRESH_MISS", PELT_CACHE_EXPIRED},
    {"REFRESH_MODIFIED", PELT_CACHE_EXPIRED},
    {"EXPIRED_HIT", PELT_CACHE_REVALIDATED}, /* Akamai */
    {"EXPIRED_MISS", PELT_CACHE_EXPIRED},
    {"REFRESH_FAIL_HIT", PELT_CACHE_STALE},
    {"STALE_HIT", PELT_CACHE_STALE},
};

static bool ends_with(struct pelt_span word, const char *end)
{
    size_t len = strlen(end);
    return word.len > len && pelt_span_eq_nocase(pelt_span(word.ptr + word.len - len, len), end);
}

static struct pelt_span without_tcp(struct pelt_span word)
{
    static const size_t len = sizeof("TCP_") - 1;
    bool tcp = word.len > len && pelt_span_eq_nocase(pelt_span(word.ptr, len), "TCP_");
    return tcp ? pelt_span(word.ptr + len, word.len - len) : word;
}

static enum pelt_cache_result result_of(struct pelt_span word)
{
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (pelt_span_eq_nocase(word, WORDS[i].word)) {
            return WORDS[i].result;
        }
    }
    /* "TCP_MEM_HIT", "TCP_REMOTE_HIT"; "TCP_CLIENT_REFRESH_MISS", ... */
    return ends_with(word, "_HIT")    ? PELT_CACHE_HIT
           : ends_with(word, "_MISS") ? PELT_CACHE_MISS
                                      : PELT_CACHE_OTHER;
}

static bool is_of_word(char c)
{
    return pelt_scan_is_letter(c) || pelt_scan_is_digit(c) || c == '_' || c == '-';
}

/* The first word of an element, which goes on to the next comma. */
static struct pelt_span take_word(struct pelt_scan *s)
{
    pelt_scan_blanks(s);
    const char *begin = s->at;
    while (!pelt_scan_done(s) && is_of_word(*s->at)) {
        s->at++;
    }
    struct pelt_span word = pelt_span(begin, (size_t)(s->at - begin));
    while (!pelt_scan_done(s) && !pelt_scan_take(s, ',')) {
        s->at++;
    }
    return word;
}

enum pelt_cache_result pelt_cache_word_read(struct pelt_span value)
{
    enum pelt_cache_result chain[CHAIN_MAX];
    struct pelt_scan s = pelt_scan_of(pelt_span_trim(value));
    size_t len = 0;
    while (!pelt_scan_done(&s) && len < CHAIN_MAX) {
        chain[len++] = result_of(without_tcp(take_word(&s)));
    }
    return pelt_cache_result_of_chain(chain, len);
}
