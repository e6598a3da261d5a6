/*
 * The results' lifetime and look-ups. How they are read: load.h.
 */
#include "pelt/results.h"

#include <stdlib.h>
#include <string.h>

#include "database.h"

const char *pelt_verdict_name(enum pelt_verdict v)
{
    switch (v) {
    case PELT_VALID:
        return "VALID";
    case PELT_SUSPECT:
        return "SUSPECT";
    case PELT_INVALID:
        return "INVALID";
    }
    return "?";
}

const char *pelt_results_meta(const struct pelt_results *r, const char *key)
{
    for (char **m = r->meta; m != NULL && m[0] != NULL; m += 2) {
        if (strcmp(m[0], key) == 0) {
            return m[1];
        }
    }
    return NULL;
}

static void free_texts(char **texts)
{
    for (char **t = texts; t != NULL && *t != NULL; t++) {
        free(*t);
    }
    free(texts);
}

uint64_t pelt_results_lost(const struct pelt_results *r)
{
    return pelt_frame_lost(r->total) + pelt_frame_lost(r->outside);
}

double pelt_results_cpu_share(const struct pelt_results *r, const struct pelt_thread_row *thread)
{
    return r->duration_s > 0 ? (double)thread->cpu_ns / (1e9 * r->duration_s) : 0;
}

void pelt_results_free(struct pelt_results *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->events_len; i++) {
        free(r->events[i].kind);
        free(r->events[i].text);
    }
    free_texts(r->meta);
    free_texts(r->verdict_reasons);
    free_texts(r->exit_reasons);
    pelt_registry_free(r->names);
    pelt_frame_free(r->total);
    pelt_frame_free(r->outside);
    free(r->seconds);
    free(r->threads);
    free(r->errors);
    free(r->checks);
    free(r->events);
    free(r->stages);
    free(r->thresholds);
    free(r->path);
    pelt_database_release(r->database);
    free(r);
}
