/*
 * box: what a scenario may do that was sent to this host over the bus: it reaches no files but
 * those that were sent with it, by pelt.data, pelt.file and require, and neither io, os nor
 * package.
 *
 * A box is a folder that holds the files under their paths on the host they came from; "": there is
 * none yet, and all files can be opened (the sender, who looks which ones a scenario opens).
 */
#ifndef PELT_BOX_H
#define PELT_BOX_H

#include <lua.h>
#include <stdbool.h>

#include "files.h"

/* What of the environment a scenario asked for while it was loaded: key, value. */
struct pelt_box_env {
    char **texts; /* owned: key, value, key, value ... */
    size_t len;   /* of these texts */
};
void pelt_box_env_note(struct pelt_box_env *env, const char *key, const char *value);
void pelt_box_env_free(struct pelt_box_env *env); /* accepts NULL */

/* Takes away what a boxed scenario has not; after the libraries are there. Raises (memory). */
void pelt_box_close(lua_State *L, const char *scenario_path);
/* Where `path` lies in the box; without "." and "..". False: it is outside, or too long. */
bool pelt_box_path(const char *box, const char *path, char out[PELT_FILES_PATH_SIZE]);
/* The path as it is outside: what people are told. `box` may be NULL. */
const char *pelt_box_shown(const char *box, const char *path);

#endif
