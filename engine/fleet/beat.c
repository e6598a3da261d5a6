/* beat: see the header. */
#include "beat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const PHASES[] = {"waiting", "running", "over"};

void pelt_beat_write(const struct pelt_beat *beat, char out[PELT_BEAT_SIZE])
{
    char hole[24] = "-";
    if (beat->hole >= 0) {
        snprintf(hole, sizeof(hole), "%" PRId64, beat->hole);
    }
    int at = snprintf(out, PELT_BEAT_SIZE, "%" PRIu64 " %" PRIu64 " %s %s %" PRIu32, beat->epoch,
                      beat->count, PHASES[beat->phase], hole, beat->workers);
    for (size_t i = 0; i < PELT_BEAT_ANSWERS && beat->answers[i].seq != 0; i++) {
        const struct pelt_beat_answer *a = &beat->answers[i];
        at += snprintf(out + at, PELT_BEAT_SIZE - (size_t)at, " %c%016" PRIx64, a->done ? '+' : '-',
                       a->seq);
    }
}

static bool read_phase(const char *word, enum pelt_beat_phase *out)
{
    for (int i = PELT_BEAT_WAITING; i <= PELT_BEAT_OVER; i++) {
        if (strcmp(word, PHASES[i]) == 0) {
            *out = (enum pelt_beat_phase)i;
            return true;
        }
    }
    return false;
}

static void read_answers(const char *text, struct pelt_beat *out)
{
    char sign;
    int len = 0;
    uint64_t seq;
    for (size_t i = 0;
         i < PELT_BEAT_ANSWERS && sscanf(text, " %c%16" SCNx64 "%n", &sign, &seq, &len) == 2;
         i++, text += len) {
        out->answers[i] = (struct pelt_beat_answer){seq, sign == '+'};
    }
}

bool pelt_beat_read(struct pelt_span text, struct pelt_beat *out)
{
    char copy[PELT_BEAT_SIZE], phase[12], hole[12];
    int at = 0;
    *out = (struct pelt_beat){.hole = -1};
    if (text.len >= sizeof(copy)) {
        return false;
    }
    snprintf(copy, sizeof(copy), "%.*s", (int)text.len, text.ptr);
    struct pelt_beat b = {.hole = -1};
    if (sscanf(copy, "%20" SCNu64 " %20" SCNu64 " %11s %11s %10" SCNu32 "%n", &b.epoch, &b.count,
               phase, hole, &b.workers, &at) != 5 ||
        !read_phase(phase, &b.phase) ||
        (strcmp(hole, "-") != 0 && sscanf(hole, "%10" SCNd64, &b.hole) != 1)) {
        return false;
    }
    read_answers(copy + at, &b);
    *out = b;
    return true;
}

void pelt_beat_answer(struct pelt_beat *beat, uint64_t seq, bool done)
{
    memmove(beat->answers + 1, beat->answers, (PELT_BEAT_ANSWERS - 1) * sizeof(beat->answers[0]));
    beat->answers[0] = (struct pelt_beat_answer){seq, done};
}

const struct pelt_beat_answer *pelt_beat_answered(const struct pelt_beat *beat, uint64_t seq)
{
    for (size_t i = 0; i < PELT_BEAT_ANSWERS; i++) {
        if (seq != 0 && beat->answers[i].seq == seq) {
            return &beat->answers[i];
        }
    }
    return NULL;
}
