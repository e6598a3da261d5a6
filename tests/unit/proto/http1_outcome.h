/*
 * http1_outcome: reads all responses in some bytes and puts down in words what came of them, so
 * that two ways of feeding, or a reader and a list of expectations, can be compared as text:
 *
 *   200 [Name=value][Name=value] body "..." complete
 *   404 [...] body "..." open
 *   refused bad_response HPE_INVALID_VERSION
 *   cut off: bad_body
 *
 * One line a message; "open" is a message that is not complete at the end of the bytes. A refusal
 * tells the class of the outcome and llhttp's name of the error, or our own reason. The last line
 * says, if the connection ends behind the bytes, what becomes of an open message.
 */
#ifndef TEST_HTTP1_OUTCOME_H
#define TEST_HTTP1_OUTCOME_H

#include "pelt/http1_response.h"

#define OUTCOME_WHOLE  0        /* all bytes in one feed */
#define OUTCOME_SINGLY SIZE_MAX /* a byte a feed */

/* Feeds all bytes; `split`: OUTCOME_WHOLE, OUTCOME_SINGLY, or the length of the first of two feeds.
 * Stops when a response says that the connection is not to be used again. Appends to `text`.
 * Returns the last answer. */
enum pelt_http1_answer outcome_of(struct pelt_span bytes, size_t split, bool head_request,
                                  struct pelt_buf *text);
/* Asserts that every way of feeding has the outcome of the whole, and gives that. */
enum pelt_http1_answer outcome_of_every_split(struct pelt_span bytes, bool head_request,
                                              struct pelt_buf *text);
/* The same if the connection ends behind the bytes: what becomes of an open message, too. */
enum pelt_http1_answer outcome_of_every_split_and_end(struct pelt_span bytes, bool head_request,
                                                      struct pelt_buf *text);
/* The class of a refusal: "bad_response", ... */
const char *outcome_class(enum pelt_http1_answer answer);
/* The words of one message, for who makes an expectation: begins with the status. */
void outcome_add_field(struct pelt_buf *text, struct pelt_span name, struct pelt_span value);
void outcome_add_body(struct pelt_buf *text, struct pelt_span body, bool complete);

#endif
