/* room: see the header. */
#include "room.h"

#include <stdlib.h>

bool target_room_make(char **text, size_t *room, size_t bytes, size_t first)
{
    size_t wanted = *room ? *room : first;
    char *grown;

    while (wanted < bytes) {
        wanted *= 2;
    }
    if (wanted == *room) {
        return true;
    }
    grown = realloc(*text, wanted);
    if (!grown) {
        return false;
    }
    *text = grown;
    *room = wanted;
    return true;
}
