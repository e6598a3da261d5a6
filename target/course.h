/*
 * course: the course of one request through a loop, from its head to its end.
 *
 * Thread: the owning loop's. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_COURSE_H
#define TARGET_COURSE_H

#include <microhttpd.h>

/*
 * An MHD_OPTION_URI_LOG_CALLBACK: the first line is there; `cls`: the loop. Returns what the slot
 * of the next two holds: a request.
 */
void *target_course_on_target(void *cls, const char *target, struct MHD_Connection *connection);

/*
 * An MHD_AccessHandlerCallback, called when the head is there, for each piece of the body, at its
 * end, and after a resume; `cls`: the loop.
 */
enum MHD_Result target_course_on_request(void *cls, struct MHD_Connection *connection,
                                         const char *path, const char *method, const char *version,
                                         const char *data, size_t *data_bytes, void **slot);

/* An MHD_RequestCompletedCallback: answered, or given up; `cls`: the loop. */
void target_course_on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                                enum MHD_RequestTerminationCode why);

#endif
