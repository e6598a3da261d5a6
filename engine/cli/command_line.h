/*
 * command_line: the command as it could be typed again, kept in the run file under "how to repeat".
 * Pure.
 */
#ifndef CLI_COMMAND_LINE_H
#define CLI_COMMAND_LINE_H

/*
 * Joins `argc` words of argv behind "pelt", quoted for a POSIX shell. What looks like a secret (the
 * value of a header, setting or query field whose name holds authorization, cookie, token, secret,
 * password or api-key) becomes "***", because run files are passed around. The caller frees; NULL:
 * out of memory.
 */
char *cli_command_line(int argc, char *const *argv);

#endif
