/*
 * option_table: every option there is, one row each: the parser and `--help` both come from it.
 * Constant.
 */
#ifndef CLI_OPTION_TABLE_H
#define CLI_OPTION_TABLE_H

#include "option_values.h"

enum cli_option_group {
    GROUP_LOAD,
    GROUP_REQUEST,
    GROUP_TARGET,
    GROUP_TLS,
    GROUP_AGENT,
    GROUP_JUDGE,
    GROUP_COST,
    GROUP_COMPARE,
    GROUP_OUTPUT,
    GROUP_SCENARIO,
    GROUP_START,
    GROUP_HOSTS,
    GROUP_OTHER
};

struct cli_option {
    const char *name;
    char letter;     /* 0: none */
    const char *arg; /* NULL: a flag; "[...]": it may be left out */
    enum cli_option_group group;
    unsigned commands;
    cli_read_fn read;
    size_t field;
    const char *help;
};

#define CLI_OPTIONS 87 /* rows of the table */
extern const struct cli_option cli_option_table[CLI_OPTIONS];

#endif
