/* Included before everything: libc calls that cannot be bounded do not compile. */
#ifndef PELT_POISON_H
#define PELT_POISON_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atof
#endif
