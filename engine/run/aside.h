/*
 * aside: work that a script may hold (it loads a file, runs setup or teardown), on a thread of its
 * own, while the control thread hears signals: so pelt answers them whatever the script does.
 *
 * A thread that does not end cannot be ended from outside: it is given up, and goes on using what
 * it was given until the process ends. So nothing of that may be freed, and the process must end by
 * _exit(): see pelt_run_gave_up(). Thread: control.
 */
#ifndef PELT_ASIDE_H
#define PELT_ASIDE_H

#include <stdbool.h>

#include "pelt/status.h"

#define PELT_GIVE_UP_S 0.05 /* from the moment when patience ended to giving a thread up */

struct pelt_aside {
    void (*work)(void *arg); /* on the new thread, which gets no signals */
    /* A SIGINT or SIGTERM came (control thread). True: patience has ended, the work is given up
     * unless it ends within PELT_GIVE_UP_S. */
    bool (*on_signal)(void *arg, int signal);
    void *arg;
};

/*
 * Returns when the work has ended. PELT_ESTOPPED: it was given up; whatever it writes to must not
 * be read. PELT_ENOMEM, PELT_EIO: there is no thread, nothing ran.
 */
PELT_MUST_USE enum pelt_status pelt_aside_run(const struct pelt_aside *aside,
                                              struct pelt_error *err);

/* Notes that a thread was given up, which pelt_run_gave_up() tells; pelt_aside_run() does it
 * itself.
 */
void pelt_aside_give_up(void);

#endif
