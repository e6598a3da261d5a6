/*
 * series: see internal.h. What frames take is counted by the registry's quota (pelt/quota.h).
 */
#include "internal.h"

#include "pelt/log.h"
#include "pelt/units.h"

/* Where the caller does not say: sums of 1,000 series, and a thread's frames. */
#define BYTES          ((size_t)64 << 20)
#define BYTES_A_THREAD ((size_t)16 << 20)

void pelt_series_limit(struct pelt_running *run)
{
    size_t said = run->opt.series_bytes_most;
    pelt_quota_limit(pelt_registry_quota(run->registry),
                     said != 0 ? said : BYTES + run->threads * BYTES_A_THREAD);
}

static void tell(struct pelt_running *run, bool *told, const char *text)
{
    *told = true;
    pelt_log(PELT_LOG_WARNING, "run", "%s", text);
    pelt_notes_event(run, "series_memory", text);
}

static void tell_fold(struct pelt_running *run)
{
    struct pelt_quota *quota = pelt_registry_quota(run->registry);
    if (run->fold_told || run->collector.fold.len == 0) {
        return;
    }
    char most[32], text[240];
    pelt_format_bytes(quota->most_bytes, most, sizeof(most));
    snprintf(text, sizeof(text),
             "the %s for series are nearly spent: request names that need more are counted as "
             "_other from here on, except those with 5%% of all requests; use fewer names",
             most);
    tell(run, &run->fold_told, text);
}

static void tell_refused(struct pelt_running *run)
{
    struct pelt_quota *quota = pelt_registry_quota(run->registry);
    if (run->series_told || pelt_quota_refused(quota) == 0) {
        return;
    }
    char most[32], text[200];
    pelt_format_bytes(quota->most_bytes, most, sizeof(most));
    snprintf(text, sizeof(text),
             "the %s for series are spent: new names and tags are counted as _other; use fewer of "
             "them, with narrower times",
             most);
    tell(run, &run->series_told, text);
}

void pelt_series_tell(struct pelt_running *run)
{
    tell_refused(run);
    tell_fold(run);
}

void pelt_series_tell_end(struct pelt_running *run)
{
    struct pelt_quota *quota = pelt_registry_quota(run->registry);
    pelt_series_tell(run);
    if (run->collector.fold.len > 0) {
        char ended[120];
        snprintf(ended, sizeof(ended),
                 "%u request names ended early: what they had later is in _other",
                 (unsigned)run->collector.fold.len);
        tell(run, &run->fold_told, ended);
    }
    if (run->series_told || !pelt_quota_spent(quota)) {
        return;
    }
    char used[32], most[32], text[200];
    pelt_format_bytes(pelt_quota_used(quota), used, sizeof(used));
    pelt_format_bytes(quota->most_bytes, most, sizeof(most));
    snprintf(text, sizeof(text), "series took %s of %s: no sample is lost", used, most);
    tell(run, &run->series_told, text);
}
