/*
 * convert: a scenario out of what other tools leave: curl's command lines, and the HAR files of
 * browsers. Pure: text in, text out; files that a command line names are not read, the scenario
 * does so. Thread: any.
 *
 * What cannot be said in a scenario is a note: a comment in the Lua where it belongs, and a line of
 * `notes`. Nothing is left out without one.
 */
#ifndef PELT_CONVERT_H
#define PELT_CONVERT_H

#include "pelt/buf.h"

#define PELT_CONVERT_BYTES_MAX    ((size_t)64 << 20) /* of text read */
#define PELT_CONVERT_REQUESTS_MAX 2000               /* in one scenario */

struct pelt_converted {
    struct pelt_buf lua;   /* the scenario */
    struct pelt_buf notes; /* a line each, ended by '\n' */
    size_t requests;
};

struct pelt_har_options {
    const char *const *hosts; /* only requests to these, ended by NULL; NULL: to all */
    bool no_static;           /* leave out pictures, fonts, styles, scripts, media */
    bool think;               /* the recording's pauses become pelt.sleep() */
};

/*
 * `text`: one or more curl commands as a POSIX shell or Windows' cmd reads them; which of both is
 * told by the text. PELT_EINVAL, PELT_EPARSE: err names line and what is wrong; PELT_ELIMIT: too
 * many requests. `out` is to be deinited in each case.
 */
PELT_MUST_USE enum pelt_status pelt_convert_curl(struct pelt_span text, struct pelt_converted *out,
                                                 struct pelt_error *err);
/* The same of a HAR file (HTTP Archive 1.2). */
PELT_MUST_USE enum pelt_status pelt_convert_har(struct pelt_span text,
                                                const struct pelt_har_options *options,
                                                struct pelt_converted *out, struct pelt_error *err);
void pelt_converted_deinit(struct pelt_converted *c);

#endif
