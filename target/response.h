/*
 * response: what libmicrohttpd sends, made of texts and bodies. NULL stands for no memory and is
 * passed on.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_RESPONSE_H
#define TARGET_RESPONSE_H

#include <microhttpd.h>

#include "body.h"

#define TARGET_JSON_TYPE "application/json"

/* A header field; nothing if there is no response. */
void target_response_add(struct MHD_Response *response, const char *name, const char *value);

/* Takes `text`, on the heap. `type`: of its content. */
struct MHD_Response *target_response_text(char *text, const char *type);

/* The header fields of `body`; the rest comes by `reader`. */
struct MHD_Response *target_response_piped(const struct target_body *body,
                                           MHD_ContentReaderCallback reader, void *cls);

/* JSON, or with the header fields that it has; the response holds the body as long as it is sent.
 */
struct MHD_Response *target_response_body(struct target_body *body);

#endif
