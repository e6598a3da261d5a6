/*
 * text_or_file: an option's value that is a text, or @FILE for a file's bytes.
 */
#ifndef CLI_TEXT_OR_FILE_H
#define CLI_TEXT_OR_FILE_H

#include "pelt/buf.h"
#include "pelt/status.h"

#define CLI_TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024) /* the limit of `out` */

/* Adds what `text` stands for; nothing where it is NULL. `option` is for errors: "--body". */
PELT_MUST_USE enum pelt_status cli_text_or_file(const char *option, const char *text,
                                                struct pelt_buf *out, struct pelt_error *err);

#endif
