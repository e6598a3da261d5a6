/*
 * pelt-target: the reference service. It behaves in a known, settable way, counts exactly and can
 * log its own truth, so that what pelt reports can be held against what happened.
 */
#include <signal.h>
#include <stdio.h>

#include "options.h"
#include "server.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int complain(const struct target_error *err, int code)
{
    fprintf(stderr, "pelt-target: %s\n", err->text);
    return code;
}

static int serve(const struct target_options *options)
{
    struct target_error err = {{0}};
    struct target_server *server;
    sigset_t endings;
    int number;

    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGINT);
    pthread_sigmask(SIG_BLOCK, &endings, NULL);
    signal(SIGPIPE, SIG_IGN);
    server = target_server_start(options, &err);
    if (!server) {
        return complain(&err, EXIT_FAILED);
    }
    sigwait(&endings, &number);
    return target_server_stop(server, &err) ? EXIT_DONE : complain(&err, EXIT_FAILED);
}

int main(int argc, char **argv)
{
    struct target_error err = {{0}};
    struct target_options options;

    switch (target_options_parse(&options, argc, argv, &err)) {
    case TARGET_OPTIONS_HELP:
        target_options_help();
        return EXIT_DONE;
    case TARGET_OPTIONS_VERSION:
        puts("pelt-target " PELT_VERSION);
        return EXIT_DONE;
    case TARGET_OPTIONS_BAD:
        return complain(&err, EXIT_USAGE);
    case TARGET_OPTIONS_RUN:
        break;
    }
    return serve(&options);
}
