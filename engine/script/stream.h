/*
 * stream: http.stream and what it returns: an object that is called, or iterated, for the next
 * event. Its strand waits while none is there; what came in one receive is handed out without the
 * loop in between.
 *
 *   open --head--> events --end--> ended
 *                    ^               | lost, and `resume` allows
 *                    +--- retry -----+
 *
 * A stream belongs to the function that opened it: what is open when that ends, is abandoned.
 *
 * Storage: a userdata, anchored in the registry while its exchange is in flight. Thread: the
 * shard's.
 */
#ifndef PELT_SCRIPT_STREAM_H
#define PELT_SCRIPT_STREAM_H

#include "draft.h"

#define PELT_STREAMS_MAX        100  /* open at once, of a user */
#define PELT_STREAM_RESUMES_MAX 1000 /* most that `resume` may ask for */

struct pelt_strand;

/* All options of http.stream, for messages; ends with NULL. */
extern const char *const pelt_stream_option_names[];

void pelt_streams_open(lua_State *L); /* registers the types; once a state */
/* http.stream(url, options): `url` and `options` are stack indexes. `grpc`: its events are messages
 * of gRPC; else NULL. */
int pelt_stream_call(lua_State *L, struct pelt_http_client *client, int url, int options,
                     const struct pelt_grpc *grpc);
/* Whose exchange it is, by what its call was given; NULL: it is no stream's. */
struct pelt_strand *pelt_stream_strand(pelt_done_fn done, void *arg);
/* What ran on the strand has ended: abandons what it left open. */
void pelt_streams_leave(struct pelt_strand *strand);

#endif
