/*
 * json_out: commands whose only other output is one JSON document (preflight, doctor).
 */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <jansson.h>

#include "options.h"

/* PELT_EINVAL: something but json=PATH is asked for, or it cannot be written there; `command` is
 * for the line. */
PELT_MUST_USE enum pelt_status cli_json_out_check(const struct cli_texts *out, const char *command,
                                                  struct pelt_error *err);
/* Writes `document`, which it takes, to all of them; "-" is stdout. `code`, or what becomes of it
 * where one cannot be written, which is told. */
int cli_json_out_write(const struct cli_texts *out, json_t *document, int code);

#endif
