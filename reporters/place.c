/*
 * place: see the header. What is no regular file (/dev/null, a pipe, a link) is written straight.
 */
#include "place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pelt/runfile.h"

#define TEMPORARIES 1000 /* names that are tried */

/* ---- before ---- */

/* The folder that `path` lies in, into `out`; PELT_ELIMIT: too long. */
static enum pelt_status folder_of(const char *path, char out[4096], struct pelt_error *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') { /* csv=folder/ */
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    if (len >= 4096) {
        return pelt_fail(err, PELT_ELIMIT, "--out: the path is longer than 4095 bytes");
    }
    memcpy(out, len ? path : ".", len ? len : 1);
    out[len ? len : 1] = '\0';
    return PELT_OK;
}

static enum pelt_status check_folder(const char *spec, const char *folder, struct pelt_error *err)
{
    struct stat st;
    if (stat(folder, &st) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: the folder %s: %s; make it first, or choose another", spec,
                         folder, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return pelt_fail(err, PELT_EINVAL, "--out %s: %s is not a folder; choose another path",
                         spec, folder);
    }
    if (access(folder, W_OK | X_OK) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: the folder %s cannot be written: %s; choose another", spec,
                         folder, strerror(errno));
    }
    return PELT_OK;
}

enum pelt_status report_place_check(const char *spec, const char *path, bool folder,
                                    struct pelt_error *err)
{
    struct stat st;
    char parent[4096];
    if (strcmp(path, "-") == 0) {
        return PELT_OK;
    }
    bool exists = stat(path, &st) == 0;
    if (exists && folder) {
        return check_folder(spec, path, err);
    }
    if (exists && S_ISDIR(st.st_mode)) {
        return pelt_fail(err, PELT_EINVAL, "--out %s: %s is a folder; name a file in it", spec,
                         path);
    }
    if (exists && access(path, W_OK) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: the file cannot be written: %s; choose another path", spec,
                         strerror(errno));
    }
    if (exists && !S_ISREG(st.st_mode)) {
        return PELT_OK;
    }
    if (exists && pelt_runfile_is(path)) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: %s is a run file, which would be lost; choose another path",
                         spec, path);
    }
    enum pelt_status status = folder_of(path, parent, err);
    return status ? status : check_folder(spec, parent, err);
}

/* ---- after it ---- */

static enum pelt_status fill(report_write_fn write, const void *what, FILE *out, const char *path,
                             struct pelt_error *err)
{
    struct pelt_error why = {""};
    errno = 0;
    enum pelt_status status = write(what, out, &why);
    if (fflush(out) != 0 || ferror(out)) {
        return pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path,
                         strerror(errno ? errno : EIO));
    }
    if (status != PELT_OK) {
        return pelt_fail(err, status, "report %s: %s", path,
                         why.text[0] ? why.text : pelt_status_name(status));
    }
    return PELT_OK;
}

static enum pelt_status write_straight(report_write_fn write, const void *what, const char *path,
                                       struct pelt_error *err)
{
    FILE *out = fopen(path, "we");
    if (out == NULL) {
        return pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path, strerror(errno));
    }
    enum pelt_status status = fill(write, what, out, path, err);
    fclose(out);
    return status;
}

/* A new file beside `path`, its name written into `temporary`, with the mode of the one that it will
 * replace; NULL: errno. In a container each run may have the same process id, so one that was
 * killed may have left a file of any name. */
static FILE *open_beside(const char *path, char *temporary, size_t size)
{
    struct stat old;
    FILE *out = NULL;
    for (unsigned n = 0; out == NULL && n < TEMPORARIES; n++) {
        snprintf(temporary, size, "%s.tmp-%ld-%u", path, (long)getpid(), n);
        out = fopen(temporary, "wxe");
        if (out == NULL && errno != EEXIST) {
            return NULL;
        }
    }
    if (out != NULL && stat(path, &old) == 0) {
        fchmod(fileno(out), old.st_mode & 0777);
    }
    return out;
}

static enum pelt_status write_renamed(report_write_fn write, const void *what, const char *path,
                                      struct pelt_error *err)
{
    size_t size = strlen(path) + 48;
    char *temporary = malloc(size);
    if (temporary == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = PELT_OK;
    FILE *out = open_beside(path, temporary, size);
    if (out == NULL) {
        status =
            pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path, strerror(errno));
        goto out;
    }
    status = fill(write, what, out, path, err);
    if (status == PELT_OK && fsync(fileno(out)) != 0) {
        status =
            pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path, strerror(errno));
    }
    if ((fclose(out) != 0 || (status == PELT_OK && rename(temporary, path) != 0)) &&
        status == PELT_OK) {
        status =
            pelt_fail(err, PELT_EIO, "report %s: cannot be written: %s", path, strerror(errno));
    }
    if (status != PELT_OK) {
        unlink(temporary);
    }
out:
    free(temporary);
    return status;
}

enum pelt_status report_place_write(report_write_fn write, const void *what, const char *path,
                                    struct pelt_error *err)
{
    struct stat st;
    if (strcmp(path, "-") == 0) {
        return fill(write, what, stdout, "to stdout", err);
    }
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* a link's target keeps its name, too */
        return write_straight(write, what, path, err);
    }
    return write_renamed(write, what, path, err);
}
