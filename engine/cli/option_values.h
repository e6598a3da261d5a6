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
enum pelt_status cli_read_threads(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_iterations(struct cli_options *o, void *field, const char *text,
                                     struct pelt_error *err);
enum pelt_status cli_read_repeat(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_seed(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_rate(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_duration(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err);
enum pelt_status cli_read_grace(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err);
enum pelt_status cli_read_ramp(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);
enum pelt_status cli_read_arrivals(struct cli_options *o, void *field, const char *text,
                                   struct pelt_error *err);
enum pelt_status cli_read_url(struct cli_options *o, void *field, const char *text,
                              struct pelt_error *err);
enum pelt_status cli_read_method(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_header(struct cli_options *o, void *field, const char *text,
                                 struct pelt_error *err);
enum pelt_status cli_read_resolve(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_agent(struct cli_options *o, void *field, const char *text,
                                struct pelt_error *err);
enum pelt_status cli_read_threshold(struct cli_options *o, void *field, const char *text,
                                    struct pelt_error *err);
enum pelt_status cli_read_setting(struct cli_options *o, void *field, const char *text,
                                  struct pelt_error *err);
enum pelt_status cli_read_help(struct cli_options *o, void *field, const char *text,
                               struct pelt_error *err);

#endif
