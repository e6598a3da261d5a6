/*
 * sqlfile: whether a path is good for an SQLite database that is made when it is missing.
 *
 * Thread: any.
 */
#ifndef TARGET_SQLFILE_H
#define TARGET_SQLFILE_H

#include "error.h"

#define TARGET_SQLFILE_PATH_BYTES 1000

/* Empty: none, which is good. The error begins with the knob. */
TARGET_MUST_USE bool target_sqlfile_check(const char *path, const char *knob,
                                          struct target_error *err);

#endif
