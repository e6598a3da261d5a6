/* answerhead: see the header. */
#include "answerhead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hop.h"
#include "quantity.h"
#include "room.h"

#define ROOM_FIRST 512
#define HOP_MAX    4096 /* bytes of names in Connection fields: each field is held against each */

void target_answerhead_reset(struct target_answerhead *head)
{
    *head = (struct target_answerhead){.text = head->text,
                                       .room = head->room,
                                       .hop = head->hop,
                                       .hop_room = head->hop_room,
                                       .length = TARGET_ANSWERHEAD_NO_LENGTH};
    if (head->text) {
        head->text[0] = '\0';
    }
}

void target_answerhead_deinit(struct target_answerhead *head)
{
    free(head->text);
    free(head->hop);
    *head = (struct target_answerhead){.text = NULL};
}

char *target_answerhead_take(struct target_answerhead *head)
{
    char *text = head->text;

    head->text = NULL;
    head->bytes = head->room = 0;
    return text;
}

/* Adds `bytes` of `from`, then `end`, and the end of the text behind it. */
static bool append(char **text, size_t *room, size_t *used, const char *from, size_t bytes,
                   char end, size_t most)
{
    if (*used + bytes + 2 > most || !target_room_make(text, room, *used + bytes + 2, ROOM_FIRST)) {
        return false;
    }
    memcpy(*text + *used, from, bytes);
    *used += bytes + 1;
    (*text)[*used - 1] = end;
    (*text)[*used] = '\0';
    return true;
}

static bool is_named(const char *line, size_t length, const char *name)
{
    return length == strlen(name) && strncasecmp(line, name, length) == 0;
}

static uint64_t read_length(const char *text, size_t bytes)
{
    char digits[24]; /* a longer one is none */
    uint64_t length;

    while (bytes > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        bytes--;
    }
    snprintf(digits, sizeof digits, "%.*s", (int)(bytes < sizeof digits ? bytes : 0), text);
    return target_quantity_count(digits, INT64_MAX, &length) ? length : TARGET_ANSWERHEAD_NO_LENGTH;
}

/* "Name: value" of `bytes`, the name `length` of them. False: too much. */
static bool take_field(struct target_answerhead *head, const char *line, size_t length,
                       size_t bytes)
{
    const char *value = line + length + 1;
    size_t value_bytes = bytes - length - 1;

    if (is_named(line, length, "Connection")) {
        return append(&head->hop, &head->hop_room, &head->hop_bytes, value, value_bytes, ',',
                      HOP_MAX);
    }
    if (is_named(line, length, "Content-Length")) {
        head->length = read_length(value, value_bytes);
        return true;
    }
    if (is_named(line, length, "Date") || target_hop_is_field(line, length)) {
        return true;
    }
    return append(&head->text, &head->room, &head->bytes, line, bytes, '\0', TARGET_ANSWERHEAD_MAX);
}

/* Leaves out those that its Connection fields name, which may stand behind them. */
static void end_head(struct target_answerhead *head)
{
    char *to = head->text;

    head->is_over = true;
    if (!head->text || head->hop_bytes == 0) {
        return;
    }
    for (const char *line = head->text; *line;) {
        size_t bytes = strlen(line) + 1;

        if (!target_hop_names(head->hop, line, strcspn(line, ":"))) {
            memmove(to, line, bytes);
            to += bytes;
        }
        line += bytes;
    }
    *to = '\0';
    head->bytes = (size_t)(to - head->text);
}

static bool is_status(const struct target_answerhead *head, const char *line, size_t bytes)
{
    return bytes >= 5 && memcmp(line, "HTTP/", 5) == 0 && (!head->is_over || head->is_interim);
}

bool target_answerhead_line(struct target_answerhead *head, const char *line, size_t bytes)
{
    const char *colon;

    while (bytes > 0 && (line[bytes - 1] == '\r' || line[bytes - 1] == '\n')) {
        bytes--;
    }
    if (is_status(head, line, bytes)) {
        target_answerhead_reset(head);
        head->is_interim = bytes > 9 && line[9] == '1';
    } else if (bytes == 0) {
        end_head(head);
    } else if (!head->is_over && (colon = memchr(line, ':', bytes)) != NULL && colon > line &&
               !memchr(line, '\0', bytes)) {
        head->is_large |= !take_field(head, line, (size_t)(colon - line), bytes);
    }
    return !head->is_large;
}
