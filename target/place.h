/*
 * place: where in the code a log line comes from.
 */
#ifndef TARGET_PLACE_H
#define TARGET_PLACE_H

struct target_place { /* static texts */
    const char *file, *function;
    int line;
};

#define TARGET_HERE ((struct target_place){__FILE__, __func__, __LINE__})

#endif
