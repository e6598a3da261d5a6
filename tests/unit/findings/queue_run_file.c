/*
 * queue_run_file KIND PATH: writes the run file of one of the four kinds of load, as the golden
 * reports have it, for tests of whole programs.
 */
#include <stdio.h>

#include "findings/queue_run.h"

int main(int argc, char **argv)
{
    static struct queue_run q;
    if (argc != 3 || !queue_run_kind(&q, argv[1])) {
        fprintf(stderr, "usage: queue_run_file sustained|burst|stress|benchmark PATH\n");
        return 2;
    }
    pelt_results_free(queue_run_results_in(&q, argv[2]));
    return 0;
}
