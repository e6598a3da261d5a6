/*
 * letter: see the header.
 */
#include "pelt/letter.h"

#include <stdlib.h>
#include <string.h>

struct pelt_letter *pelt_letter_new(enum pelt_letter_kind kind, uint32_t thread, const char *line,
                                    const char *traceback)
{
    struct pelt_letter *letter = calloc(1, sizeof(*letter));
    if (letter != NULL) {
        letter->kind = kind;
        letter->thread = thread;
        letter->line = line != NULL ? strdup(line) : NULL;
        letter->traceback = traceback != NULL ? strdup(traceback) : NULL;
    }
    return letter;
}

void pelt_letter_free(struct pelt_letter *letter)
{
    if (letter != NULL) {
        free(letter->line);
        free(letter->traceback);
        free(letter);
    }
}
