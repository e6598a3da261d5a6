/*
 * secret: what of a text that people will see is not to be in it: the value behind a word as
 * "token", "password", "authorization", up to the text's end.
 *
 * Pure. Thread: any.
 */
#ifndef PELT_SECRET_H
#define PELT_SECRET_H

#include <stddef.h>

#define PELT_SECRET_MASK "***"

/* Bytes of `text` before a secret begins; its whole length where there is none. */
size_t pelt_secret_at(const char *text);

/* Copies the text with the mask in the secret's place; cut at `size`. */
void pelt_secret_mask(const char *text, char *out, size_t size);

#endif
