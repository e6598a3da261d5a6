/*
 * pelt-target: the reference service. It behaves in a known, settable way, counts exactly and can
 * log its own truth, so that what pelt reports can be held against what happened.
 */
#include <signal.h>
#include <stdio.h>

#include "config.h"
#include "options.h"
#include "server.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int complain(const struct target_error *err, int code)
{
    fprintf(stderr, "pelt-target: %s\n", err->text);
    return code;
}

static int serve(struct target_settings *settings)
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
    server = target_server_start(settings, &err);
    if (!server) {
        return complain(&err, EXIT_FAILED);
    }
    sigwait(&endings, &number);
    return target_server_stop(server, &err) ? EXIT_DONE : complain(&err, EXIT_FAILED);
}

static int obey(struct target_settings *settings, int argc, char **argv)
{
    struct target_error err = {{0}};

    switch (target_options_parse(settings, argc, argv, &err)) {
    case TARGET_OPTIONS_HELP:
        target_options_help();
        return EXIT_DONE;
    case TARGET_OPTIONS_VERSION:
        puts("pelt-target " PELT_VERSION);
        return EXIT_DONE;
    case TARGET_OPTIONS_PRINT_CONFIG:
        target_config_print(settings, stdout);
        return EXIT_DONE;
    case TARGET_OPTIONS_BAD:
        return complain(&err, EXIT_USAGE);
    case TARGET_OPTIONS_RUN:
        break;
    }
    return serve(settings);
}

int main(int argc, char **argv)
{
    struct target_error err = {{0}};
    struct target_settings settings;
    int code = target_settings_init(&settings, &err) ? obey(&settings, argc, argv)
                                                     : complain(&err, EXIT_FAILED);

    target_settings_deinit(&settings);
    return code;
}
