/*
 * option_values: reads the value of one option into its field of struct cli_options; one function a
 * kind of value.
 *
 * `text` is argv's (kept, not copied); NULL for a flag. PELT_EINVAL: err has what was typed and
 * what to try.
 */
#ifndef CLI_OPTION_VALUES_H
#define CLI_OPTION_VALUES_H

#include "options.h"

typedef enum pelt_status (*cli_read_fn)(struct cli_options *o, void *field, const char *text,
                                        struct pelt_error *err);

enum pelt_status cli_read_flag(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_text(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_texts(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err);
enum pelt_status cli_read_users(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err);
enum pelt_status cli_read_pipeline(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err);
enum pelt_status cli_read_streams(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_window(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_threads(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_iterations(struct cli_options *o, void *field, const char *text,
                                     struct pelt_error *err);
enum pelt_status cli_read_warmup(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_repeat(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_seed(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_rate(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_duration(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err);
/* A whole number of seconds, into an int32_t. */
enum pelt_status cli_read_second(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_grace(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err);
enum pelt_status cli_read_ramp(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_arrivals(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err);
enum pelt_status cli_read_on_loss(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_slot(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_url(struct cli_options *o, void *field, const char *text,
                              struct pelt_error *err);
enum pelt_status cli_read_method(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_header(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_proxy(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err);
enum pelt_status cli_read_dns_server(struct cli_options *o, void *field, const char *text,
                                     struct pelt_error *err);
enum pelt_status cli_read_dns_ttl(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_resolve(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_connect_to(struct cli_options *o, void *field, const char *text,
                                     struct pelt_error *err);
enum pelt_status cli_read_source_ip(struct cli_options *o, void *field, const char *text,
                                    struct pelt_error *err);
enum pelt_status cli_read_unix_socket(struct cli_options *o, void *field, const char *text,
                                      struct pelt_error *err);
enum pelt_status cli_read_pacing(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_agent(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err);
enum pelt_status cli_read_threshold(struct cli_options *o, void *field, const char *text,
                                    struct pelt_error *err);
enum pelt_status cli_read_price(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err);
enum pelt_status cli_read_demand(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_headroom(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err);
enum pelt_status cli_read_penalty(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_setting(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
/* --base and --new: words behind it are of the same side. */
enum pelt_status cli_read_side(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_effect(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_web(struct cli_options *o, void *field, const char *text,
                              struct pelt_error *err);
enum pelt_status cli_read_help(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);

#endif
