/*
 * http2: whether a command speaks HTTP/2, and how: the options over the scenario's `http2`.
 * Thread: main.
 */
#ifndef CLI_HTTP2_H
#define CLI_HTTP2_H

#include "options.h"
#include "pelt/client.h"
#include "pelt/scenario.h"

/* `scenario` may be NULL. PELT_EINVAL: err names the option that has no sense without --http2, or
 * with it. */
PELT_MUST_USE enum pelt_status cli_http2_settle(const struct cli_options *o,
                                                const struct pelt_scenario *scenario,
                                                struct pelt_http2 *out, struct pelt_error *err);

#endif
