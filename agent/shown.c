/* shown: see the header. */
#include "shown.h"

#include <stdlib.h>

enum pelt_status shown_init(struct shown *s, const struct catalogue *figures,
                            const struct targets *targets)
{
    *s = (struct shown){.figures = catalogue_mirror(figures),
                        .targets = calloc(targets_len(targets) + 1, sizeof *s->targets)};
    if (s->figures == NULL || s->targets == NULL) {
        shown_deinit(s);
        return PELT_ENOMEM;
    }
    return PELT_OK;
}

void shown_deinit(struct shown *s)
{
    catalogue_free(s->figures);
    free(s->targets);
    s->figures = NULL;
    s->targets = NULL;
}

void shown_take(struct shown *s, const struct catalogue *figures, const struct notices *notices,
                const struct targets *targets)
{
    catalogue_follow(s->figures, figures);
    if (s->notices.made != notices->made) {
        s->notices = *notices;
    }
    for (size_t i = 0; i < targets_len(targets); i++) {
        const struct target *t = targets_at(targets, i);

        s->targets[i].pid = t->pid;
        s->targets[i].restarts = t->epoch > 0 ? t->epoch - 1 : 0;
    }
}
