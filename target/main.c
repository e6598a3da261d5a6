/*
 * pelt-target: the reference service. It behaves in a known, settable way, counts exactly and can
 * log its own truth, so that what pelt reports can be held against what happened.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "options.h"
#include "server.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int complain(const struct target_error *err, int code)
{
    fprintf(stderr, "pelt-target: %s\n", err->text);
    return code;
}

/* The next one that asks for the end. */
static void take_signal(int fd)
{
    struct signalfd_siginfo taken;

    while (read(fd, &taken, sizeof taken) < 0 && errno == EINTR) {
    }
}

/* Until a signal; a second one ends the drain. */
static int serve(struct target_settings *settings)
{
    struct target_error err = {{0}};
    struct target_server *server;
    sigset_t endings;
    int signals, code;

    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGINT);
    pthread_sigmask(SIG_BLOCK, &endings, NULL);
    signals = signalfd(-1, &endings, SFD_CLOEXEC);
    if (signals < 0) {
        target_fail(&err, "cannot make a signalfd: %s", strerror(errno));
        return complain(&err, EXIT_FAILED);
    }
    signal(SIGPIPE, SIG_IGN);
    server = target_server_start(settings, &err);
    if (!server) {
        close(signals);
        return complain(&err, EXIT_FAILED);
    }
    take_signal(signals);
    code = target_server_stop(server, signals, &err) ? EXIT_DONE : complain(&err, EXIT_FAILED);
    close(signals);
    return code;
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
