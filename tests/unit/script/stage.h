/* Several threads' scripts over one scenario, without network (fake_client.h): users tell what they
 * got by requesting "/USER/VALUE". */
#ifndef STAGE_H
#define STAGE_H

#include "pelt/script.h"

#define STAGE_THREADS_MAX 3

struct stage {
    struct pelt_scenario *scenario;
    struct pelt_registry *registry;
    struct pelt_frame *frame;
    struct pelt_recorder recorder;
    struct pelt_timerq timers;
    struct pelt_script *scripts[STAGE_THREADS_MAX];
    unsigned threads;
    int errors;
    char error[2048]; /* the newest */
};

/* `source` as if it were the file t.lua of `folder`; fails the test if it is no scenario. */
void open_stage(struct stage *st, const char *folder, const char *source, uint64_t population,
                unsigned threads);
void close_stage(struct stage *st);
/* On the thread whose turn it is; lives as long as the stage. */
struct pelt_vu *new_user(struct stage *st, uint64_t id);
void begin(struct pelt_vu *vu);
/* One iteration; what it requested of "/USER/VALUE": the value; -1: nothing. */
long iterate(struct pelt_vu *vu);

#endif
