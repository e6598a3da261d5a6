/*
 * grpc: what of gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)
 * is bytes and fields: messages with 5 bytes before each, and the status that an answer ends with.
 * What the messages say is lua/protobuf.lua's. None is compressed.
 *
 * Storage: the caller's. Thread: any.
 */
#ifndef PELT_GRPC_H
#define PELT_GRPC_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/status.h"

#define PELT_GRPC_PREFIX      5          /* bytes before a message: compressed or not, its length */
#define PELT_GRPC_MESSAGE     (4u << 20) /* bytes of a message of the server at most, usually */
#define PELT_GRPC_MESSAGE_MAX (256u << 20) /* that may be asked for */
#define PELT_GRPC_STATUSES    17           /* 0 (OK) to 16 */

/* What an answer may be. Immutable while a request with it is in flight. */
struct pelt_grpc {
    uint32_t message_max; /* bytes of a message */
    uint32_t expected;    /* bit 1 << status: this one is ok as well; OK always is */
};

enum pelt_grpc_verdict {
    PELT_GRPC_OK,
    PELT_GRPC_STATUS, /* the status is another one */
    PELT_GRPC_BAD,    /* no answer of gRPC, or not one whole message */
    PELT_GRPC_LARGE,  /* its message is larger than message_max */
};

/* The number of a status as it is sent, 0 to 16; -1: it is none. */
int pelt_grpc_status(struct pelt_span text);
const char *pelt_grpc_status_name(int status); /* "NOT_FOUND"; static; of -1 "UNKNOWN" */

bool pelt_grpc_type(struct pelt_span content_type); /* that of an answer of gRPC */

/*
 * An answer that came whole, of a good HTTP status. `head`: its fields, and those of its trailer.
 * `body`: NULL where messages were told as they came (below); else it is one message. *status: as
 * pelt_grpc_status(). `text`, `size` bytes: not OK, the reason for people.
 */
enum pelt_grpc_verdict pelt_grpc_judge(const struct pelt_grpc *g, struct pelt_span head,
                                       const struct pelt_span *body, int *status, char *text,
                                       size_t size);

/* Messages of a body that comes in pieces, in any split. A zeroed struct with the first three is
 * ready. Holds at most one message that has not come whole. */
struct pelt_grpc_frames {
    enum pelt_status (*on_message)(void *arg, struct pelt_span message); /* borrowed */
    void *arg;
    const struct pelt_grpc *grpc;
    struct pelt_buf part; /* of one that has not come whole, with its prefix */
};
void pelt_grpc_frames_deinit(struct pelt_grpc_frames *f);
/* NULL: they are good so far; else why not, in plain words, static, and no more may be fed. */
const char *pelt_grpc_frames_feed(struct pelt_grpc_frames *f, const char *bytes, size_t len);

#endif
