/*
 * folder: a worker's private folder. Thread: any.
 */
#ifndef PELT_FOLDER_H
#define PELT_FOLDER_H

#include "pelt/status.h"

PELT_MUST_USE enum pelt_status pelt_folder_make(const char *path,
                                                struct pelt_error *err); /* 0700 */
/* With all that is in it; no symbolic link is followed. */
void pelt_folder_remove(const char *path);
/* The file's text, owned; NULL where it is not there or empty. PELT_ENOMEM, PELT_EIO. */
PELT_MUST_USE enum pelt_status pelt_folder_read(const char *path, char **out,
                                                struct pelt_error *err);

#endif
