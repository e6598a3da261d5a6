/*
 * files: the data files of a scenario, each read once a process and shared by all shards and
 * threads.
 *
 * Made and freed with the scenario; what is opened stays until then. Thread: any. A lock is held
 * while a file is looked up or read, so that who wants the same one waits for it rather than read
 * it again; nothing on the request path asks.
 */
#ifndef PELT_FILES_H
#define PELT_FILES_H

#include "rows.h"

struct pelt_files;

struct pelt_files *pelt_files_new(void);        /* NULL: out of memory */
void pelt_files_free(struct pelt_files *files); /* accepts NULL */
/* The file's rows, read now if nobody has asked for it in this format before. */
PELT_MUST_USE enum pelt_status pelt_files_open(struct pelt_files *files, const char *path,
                                               enum pelt_rows_format format, char separator,
                                               struct pelt_rows **out, struct pelt_error *err);
/* The i-th file opened; NULL: there are fewer. */
const struct pelt_rows *pelt_files_at(struct pelt_files *files, size_t i);

#endif
