/*
 * fold: see the header. A series ends for good, not for a second: what needs memory is what is rare
 * in it, and without that its figures would look better than they are.
 */
#include "fold.h"

#define STAYS_SHARE 0.05

/* What is left is for the names that stay, and for the frames of threads. */
static size_t most_of(const struct pelt_quota *quota)
{
    return quota->most_bytes - quota->most_bytes / 8;
}

/* In a second, what is listed may become pages, and the memory grow fivefold: until then nobody
 * needs to look. */
static bool is_near(struct pelt_quota *quota)
{
    return quota->most_bytes != 0 && pelt_quota_used(quota) >= most_of(quota) / 8;
}

static bool stays(const struct pelt_frame *total, uint32_t series, uint64_t all)
{
    const struct pelt_request_frame *r =
        series < total->requests_len ? total->requests[series] : NULL;
    return r != NULL && (double)r->started >= STAYS_SHARE * (double)all;
}

/* Ends the names that find no memory for this second. */
static void end_names(struct pelt_fold *fold, const struct pelt_frame *second,
                      const struct pelt_frame *total, struct pelt_quota *quota)
{
    const uint64_t all = pelt_frame_counts(total).started;
    const size_t most = most_of(quota);
    size_t used = pelt_quota_used(quota);
    for (uint32_t i = PELT_SERIES_OTHER + 1; i < second->requests_len; i++) {
        if (second->requests[i] == NULL || fold->ended[i]) {
            continue;
        }
        size_t growth = pelt_frame_growth(total, second, i);
        if (growth > 0 && used + growth > most && !stays(total, i, all)) {
            fold->ended[i] = true;
            fold->len++;
        } else {
            used += growth;
        }
    }
}

void pelt_fold_second(struct pelt_fold *fold, struct pelt_frame *second,
                      const struct pelt_frame *total, struct pelt_quota *quota)
{
    if (is_near(quota)) {
        end_names(fold, second, total, quota);
    }
    for (uint32_t i = PELT_SERIES_OTHER + 1; fold->len > 0 && i < second->requests_len; i++) {
        if (second->requests[i] != NULL && fold->ended[i]) {
            pelt_frame_fold(second, i);
        }
    }
}
