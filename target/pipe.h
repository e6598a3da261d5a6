/*
 * pipe: an answer on its way from a back end to a client, while it is still being said: one thread
 * writes, a loop reads and waits for more.
 *
 *   write, write, ..., end          by the relay
 *   read, read, ..., leave          by the loop that owns the request
 *
 * Who reads all that there is waits: the next write or the end resumes its request, once.
 *
 * Storage: heap memory, counted references: two at first, one for each side; freed with the last.
 * Thread: any; one lock inside.
 */
#ifndef TARGET_PIPE_H
#define TARGET_PIPE_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define TARGET_PIPE_BYTES_MAX (1024u * 1024) /* that wait for the client; more breaks it */

struct target_admission;
struct target_pipe;

enum { TARGET_PIPE_WAITS = 0, TARGET_PIPE_OVER = -1, TARGET_PIPE_BROKEN = -2 };

/* NULL: no memory. */
struct target_pipe *target_pipe_new(void);

/* False: nobody reads any more, too much waits, or no memory: there is no use in going on. */
TARGET_MUST_USE bool target_pipe_write(struct target_pipe *pipe, const void *data, size_t bytes);

/* Nothing more comes. `is_whole` false: as something went wrong. Gives the writer's reference up.
 */
void target_pipe_end(struct target_pipe *pipe, bool is_whole);

/*
 * Copies up to `room` bytes: how many, or one of the above. TARGET_PIPE_WAITS: `reader` is resumed
 * when there is more.
 */
ssize_t target_pipe_read(struct target_pipe *pipe, char *bytes, size_t room,
                         struct target_admission *reader);

/* The reader is gone, and waits not. Gives its reference up. NULL: nothing happens. */
void target_pipe_leave(struct target_pipe *pipe);

#endif
