/*
 * pelt-agent: the small read-only service on the host under test: it tells limits, saturation and
 * hit rates on the clock of the run that asks for them.
 */
#include <signal.h>
#include <stdio.h>

#include "agent.h"
#include "options.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int complain(enum pelt_status status, const struct pelt_error *err)
{
    fprintf(stderr, "pelt-agent: %s\n", err->text);
    return status == PELT_EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

/* Signals that end it are read by its loop; a client that has gone ends nothing. */
static void set_signals(void)
{
    sigset_t endings;

    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGINT);
    pthread_sigmask(SIG_BLOCK, &endings, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int serve(const struct agent_options *options)
{
    struct pelt_error err = {{0}};
    struct agent *agent = NULL;
    enum pelt_status status;

    set_signals();
    status = agent_new(options, &agent, &err);
    if (!status) {
        status = options->probe ? agent_probe(agent, &err) : agent_run(agent, &err);
    }
    agent_free(agent);
    return status ? complain(status, &err) : EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct agent_options options;
    struct pelt_error err = {{0}};

    switch (agent_options_parse(&options, argc, argv, &err)) {
    case AGENT_OPTIONS_HELP:
        agent_options_help();
        return EXIT_DONE;
    case AGENT_OPTIONS_VERSION:
        puts("pelt-agent " PELT_VERSION);
        return EXIT_DONE;
    case AGENT_OPTIONS_BAD:
        return complain(PELT_EINVAL, &err);
    case AGENT_OPTIONS_RUN:
        break;
    }
    return serve(&options);
}
