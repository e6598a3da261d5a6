/*
 * folder: see the header.
 */
#include "folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pelt/buf.h"

#define READ_MAX ((size_t)16 << 20)

enum pelt_status pelt_folder_make(const char *path, struct pelt_error *err)
{
    return mkdir(path, 0700) == 0 ? PELT_OK
                                  : pelt_fail(err, PELT_EIO, "%s: %s", path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    return remove(path);
}

void pelt_folder_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum pelt_status pelt_folder_read(const char *path, char **out, struct pelt_error *err)
{
    struct pelt_buf text;
    FILE *file = fopen(path, "rb");
    *out = NULL;
    if (file == NULL) {
        return errno == ENOENT ? PELT_OK
                               : pelt_fail(err, PELT_EIO, "%s: %s", path, strerror(errno));
    }
    pelt_buf_init(&text, READ_MAX);
    enum pelt_status status = PELT_OK;
    size_t got = 1;
    while (status == PELT_OK && got > 0) {
        status = pelt_buf_reserve(&text, 65536);
        got = status == PELT_OK ? fread(text.data + text.len, 1, 65536, file) : 0;
        text.len += got;
    }
    fclose(file);
    if (status == PELT_OK && text.len > 0) {
        text.data[text.len] = '\0';
        *out = pelt_buf_take(&text);
    }
    pelt_buf_deinit(&text);
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "%s: cannot be read", path);
}
