/*
 * jsontext: JSON as text on the heap, one line, in UTF-8. NULL stands for no memory and is passed
 * on.
 *
 * Thread: any.
 */
#ifndef TARGET_JSONTEXT_H
#define TARGET_JSONTEXT_H

#include <stdint.h>

#include <jansson.h>

/* The text of `json`, which it takes. */
char *target_jsontext_take(json_t *json);

/*
 * Takes `text` and makes it at least `bytes` long by blanks behind it, which JSON allows (RFC 8259,
 * section 2): a padded text reads like an unpadded one.
 */
char *target_jsontext_padded(char *text, uint64_t bytes);

/* The form in which OpenAI's API reports errors. Not padded: it is no answer of the service. */
char *target_jsontext_error(const char *type, const char *message);

#endif
