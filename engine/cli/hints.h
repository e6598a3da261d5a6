/*
 * hints: what hands trained on other tools (curl, ab, wrk, hey, k6, Locust) type, and what it is
 * called here. Pure; static storage.
 */
#ifndef CLI_HINTS_H
#define CLI_HINTS_H

/* `typed` is an unknown option with its dashes ("--vus", "-n"); NULL: no tool known to us calls one
 * so. */
const char *cli_hint_for(const char *typed);

#endif
