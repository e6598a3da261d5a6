/*
 * files: the files that a scenario opens, for data rows, traces and bodies: each is read once a
 * process, and its bytes are shared by all shards and threads.
 *
 * Made and freed with the scenario; what is opened stays until then. Thread: any. A lock is held
 * while a file is looked up or read, so that who wants the same one waits for it rather than read
 * it again; nothing on the request path asks.
 */
#ifndef PELT_FILES_H
#define PELT_FILES_H

#include "rows.h"
#include "trace.h"

#define PELT_FILES_PATH_SIZE 4096                /* of a path with its NUL */
#define PELT_FILES_BODY_MAX  ((size_t)256 << 20) /* bytes of a file that is sent */
#define PELT_FILES_ROWS_MAX  ((size_t)8 << 30)   /* bytes of a file of rows */

struct pelt_files;

struct pelt_files *pelt_files_new(void);        /* NULL: out of memory */
void pelt_files_free(struct pelt_files *files); /* accepts NULL */

/* Where `given` lies: as seen from the folder of the scenario at `scenario`, unless it is absolute.
 * False: it is empty, too long or holds a NUL. */
bool pelt_files_path(const char *scenario, struct pelt_span given, char path[PELT_FILES_PATH_SIZE]);

/* The file as it is, read now if nobody has asked for it before. */
PELT_MUST_USE enum pelt_status pelt_files_body(struct pelt_files *files, const char *path,
                                               const struct pelt_content **out,
                                               struct pelt_error *err);
/* The file's rows, found now if nobody has asked for them in this format before. */
PELT_MUST_USE enum pelt_status pelt_files_rows(struct pelt_files *files, const char *path,
                                               enum pelt_rows_format format, char separator,
                                               struct pelt_rows **out, struct pelt_error *err);
/* The requests of a recorded trace, found now if nobody has asked for them before, and then said
 * how many lines are none. */
PELT_MUST_USE enum pelt_status pelt_files_trace(struct pelt_files *files, const char *path,
                                                enum pelt_trace_format format,
                                                const struct pelt_trace **out,
                                                struct pelt_error *err);
/* From now on only files in this folder are opened, each under its path from the root (box.h).
 * `box` is borrowed. */
void pelt_files_box(struct pelt_files *files, const char *box);
/* A file of code was read; once each. Without memory it is not noted. */
void pelt_files_note(struct pelt_files *files, const char *path);
/* The i-th file that was opened, of code first; NULL: there are fewer. */
const char *pelt_files_path_at(struct pelt_files *files, size_t i);
/* The i-th trace found; NULL: there are fewer. *bytes: what it takes of memory, its file's
 * included. */
const struct pelt_trace *pelt_files_trace_at(struct pelt_files *files, size_t i, size_t *bytes);
/* The i-th rows found; NULL: there are fewer. *bytes: what they take of memory; a file's own bytes
 * count with its first rows. */
const struct pelt_rows *pelt_files_at(struct pelt_files *files, size_t i, size_t *bytes);

#endif
