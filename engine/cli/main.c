/*
 * main: `pelt`. Finds the command and hands it the options; the only place that decides the
 * process's exit code.
 *
 * SIGPIPE and SIGHUP are ignored from the start: a reader that closes its end (`pelt report |
 * head`) or a terminal that vanishes must not take a run's results with it. Writing then fails with
 * EPIPE or EIO, and is let go. So is SIGXFSZ: a file beyond `ulimit -f` is a disk that is full
 * (EFBIG), which costs the run file and not the report.
 *
 * A closed stdin, stdout or stderr (`>&-`) is held by /dev/null, or the next file opened, which may
 * be the run file, would take its number and what is printed would land in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "command.h"
#include "exit_code.h"
#include "pelt/log.h"
#include "pelt/run.h"
#include "stderr.h"
#include "stdout.h"

static int fail_usage(const struct pelt_error *err)
{
    return cli_fail(PELT_EINVAL, err);
}

/* Also behind what could not be read. */
static bool is_typed(int argc, char *const *argv, const char *word)
{
    int i = 1;
    while (i < argc && strcmp(argv[i], word) != 0) {
        i++;
    }
    return i < argc;
}

static int run_command(const struct cli_command *command, int argc, char **argv)
{
    struct cli_options o;
    struct pelt_error err = {{0}};
    int code = 0;
    enum pelt_status status = cli_options_parse(&o, command, argc, argv, &err);
    o.log_json = o.log_json || (status != PELT_OK && is_typed(argc, argv, "--log-json"));
    pelt_log_setup(o.quiet ? PELT_LOG_WARNING : PELT_LOG_INFO, o.log_json, NULL, NULL);
    if (status != PELT_OK) {
        code = cli_fail(status, &err);
    } else if (o.help) {
        cli_help_command(command, stdout);
    } else {
        code = command->run(&o);
    }
    if (!pelt_run_gave_up()) {
        cli_options_deinit(&o);
    }
    return code;
}

static int help(int argc, char **argv)
{
    const struct cli_command *command = argc > 0 ? cli_command_find(argv[0]) : NULL;
    if (argc > 0 && command == NULL) {
        struct pelt_error err;
        cli_command_unknown(argv[0], &err);
        return fail_usage(&err);
    }
    if (command != NULL) {
        cli_help_command(command, stdout);
    } else {
        cli_help_overview(stdout);
    }
    return CLI_EXIT_PASSED;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static int dispatch(int argc, char **argv)
{
    struct pelt_error err;
    if (argc < 2) {
        cli_help_overview(stderr);
        return CLI_EXIT_USAGE;
    }
    if (is_one_of(argv[1], "help", "--help", "-h")) {
        return help(argc - 2, argv + 2);
    }
    if (is_one_of(argv[1], "--version", "version", "-V")) {
        puts("pelt " PELT_VERSION);
        return CLI_EXIT_PASSED;
    }
    const struct cli_command *command = cli_command_find(argv[1]);
    if (command != NULL) {
        return run_command(command, argc - 1, argv + 1);
    }
    if (argv[1][0] == '-') {
        pelt_fail(&err, PELT_EINVAL,
                  "options stand behind a command: pelt run SCENARIO.lua %s ... (pelt --help)",
                  argv[1]);
    } else {
        cli_command_unknown(argv[1], &err);
    }
    return fail_usage(&err);
}

/* Opened the wrong way round, so that printing still fails (EBADF) and is told where it matters. */
static void hold_closed_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            _exit(CLI_EXIT_FAILED); /* no /dev/null: nothing can be opened safely, nor said */
        }
    }
}

int main(int argc, char **argv)
{
    hold_closed_streams();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    cli_stderr_start();
    int code = cli_stdout_finish(dispatch(argc, argv));
    cli_stderr_finish(code);
    if (pelt_run_gave_up()) {
        _exit(code); /* a thread runs that exit() would take the ground from under */
    }
    return code;
}
