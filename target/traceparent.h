/*
 * traceparent: what a client says of the trace that its request is a part of: the header field of
 * W3C Trace Context, 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.
 *
 * Pure functions. Thread: any.
 */
#ifndef TARGET_TRACEPARENT_H
#define TARGET_TRACEPARENT_H

#define TARGET_TRACE_ID_BYTES  33 /* with their ends */
#define TARGET_PARENT_ID_BYTES 17

struct target_traceparent { /* both empty: there is none */
    char trace_id[TARGET_TRACE_ID_BYTES];
    char parent_id[TARGET_PARENT_ID_BYTES];
};

/*
 * `text` may be NULL. A later version is read as far as this one goes; what is no such field, or
 * has ids of zeros only, is none.
 */
void target_traceparent_read(struct target_traceparent *parent, const char *text);

#endif
