/* stamp: see the header. Invariant: room for what `end` writes is there once `make` was called. */
#include "stamp.h"

#include <inttypes.h>

#define END_BYTES 96 /* two members of 20 digits, the bracket, `after` */

static bool reserve(struct target_stamped *stamped, size_t bytes)
{
    char *text = bytes > stamped->room ? realloc(stamped->text, bytes) : stamped->text;

    if (!text) {
        return false;
    }
    stamped->text = text;
    stamped->room = bytes > stamped->room ? bytes : stamped->room;
    return true;
}

static int append(const char *piece, size_t bytes, void *cls)
{
    struct target_stamped *stamped = cls;
    size_t needed = stamped->bytes + bytes + END_BYTES;

    if (needed > stamped->room && !reserve(stamped, needed + needed / 2)) {
        return -1;
    }
    memcpy(stamped->text + stamped->bytes, piece, bytes);
    stamped->bytes += bytes;
    return 0;
}

bool target_stamp_make(struct target_stamped *stamped, const char *before, json_t *json)
{
    bool good;

    stamped->bytes = 0;
    good = json && append(before, strlen(before), stamped) == 0 &&
           json_dump_callback(json, append, stamped, JSON_COMPACT) == 0;
    json_decref(json);
    return good;
}

void target_stamp_end(struct target_stamped *stamped, uint64_t planned_ns, uint64_t sent_ns,
                      const char *after)
{
    size_t brace = stamped->bytes - 1;

    stamped->bytes =
        brace + (size_t)snprintf(stamped->text + brace, stamped->room - brace,
                                 ",\"planned_ns\":%" PRIu64 ",\"sent_ns\":%" PRIu64 "}%s",
                                 planned_ns, sent_ns, after);
}

void target_stamp_deinit(struct target_stamped *stamped)
{
    free(stamped->text);
    *stamped = (struct target_stamped){.text = NULL};
}
