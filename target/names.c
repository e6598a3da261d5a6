/* names: see the header. */
#include "names.h"

#include <stddef.h>

#define BLANKS " \t"
#define GOOD                                                                                       \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"                               \
    "-_.:/"

/* What stands before the next comma, without blanks around it; moves `*at` behind the comma. */
static const char *next_piece(const char **at, size_t *length)
{
    const char *piece = *at + strspn(*at, BLANKS);

    *length = strcspn(piece, ",");
    *at = piece + *length;
    *at += **at == ',';
    while (*length > 0 && strchr(BLANKS, piece[*length - 1])) {
        --*length;
    }
    return piece;
}

static bool is_good(const char *piece, size_t length)
{
    return length > 0 && length < TARGET_NAME_BYTES && strspn(piece, GOOD) >= length;
}

bool target_names_next(const char **at, char name[TARGET_NAME_BYTES])
{
    while (**at) {
        size_t length;
        const char *piece = next_piece(at, &length);

        if (is_good(piece, length)) {
            memcpy(name, piece, length);
            name[length] = '\0';
            return true;
        }
    }
    return false;
}

bool target_names_are_good(const char *list)
{
    while (*list) {
        size_t length;
        const char *piece = next_piece(&list, &length);

        if (!is_good(piece, length)) {
            return false;
        }
    }
    return true;
}
