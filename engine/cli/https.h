/*
 * https: what https is spoken with in a command: the options' settings of TLS over the scenario's,
 * checked before anything is sent. Thread: main.
 */
#ifndef CLI_HTTPS_H
#define CLI_HTTPS_H

#include "options.h"
#include "pelt/https.h"
#include "pelt/scenario.h"

/*
 * `scenario` may be NULL. *out is the caller's: pelt_https_free(), unless a thread was given up.
 * What the settings name is read now where settings were made or an https URL is known; else when
 * the first one comes. PELT_EINVAL: err has the option or key, its value and what to try.
 */
PELT_MUST_USE enum pelt_status cli_https_new(const struct cli_options *o,
                                             const struct pelt_scenario *scenario,
                                             struct pelt_https **out, struct pelt_error *err);

/* Settings were made, or an https URL is known. */
bool cli_https_is_asked_for(const struct cli_options *o, const struct pelt_scenario *scenario,
                            const struct pelt_https *https);
/* "OpenSSL 3.0.19, TLS 1.2 at most, certificates are not verified"; cut at `size`. */
void cli_https_describe(const struct pelt_https *https, char *out, size_t size);

#endif
