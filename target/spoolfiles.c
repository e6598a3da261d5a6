/* spoolfiles: a heap of numbers, the least on top, would do; as they are written in order, a queue
 * that was sorted once does. */
#include "spoolfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "quantity.h"

#define PREFIX     "spool-"
#define NAME_BYTES 48
#define BLOCK      65536

struct target_spoolfiles {
    int folder_fd;
    uint64_t *number; /* from `first` on, ascending */
    size_t first, count, room;
};

static bool add(struct target_spoolfiles *files, uint64_t number)
{
    if (files->first > 0 && files->first + files->count == files->room) {
        memmove(files->number, files->number + files->first, files->count * sizeof(uint64_t));
        files->first = 0;
    }
    if (files->count == files->room) {
        size_t room = files->room ? 2 * files->room : 256;
        uint64_t *grown = realloc(files->number, room * sizeof *grown);

        if (!grown) {
            errno = ENOMEM;
            return false;
        }
        files->number = grown;
        files->room = room;
    }
    files->number[files->first + files->count++] = number;
    return true;
}

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static bool read_folder(struct target_spoolfiles *files)
{
    int fd = dup(files->folder_fd);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    bool is_good = folder != NULL;
    uint64_t number;

    while (is_good && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
            target_quantity_count(entry->d_name + strlen(PREFIX), UINT64_MAX / 2, &number)) {
            is_good = add(files, number);
        }
    }
    if (folder) {
        closedir(folder);
    }
    if (files->count > 0) {
        qsort(files->number, files->count, sizeof(uint64_t), ascending);
    }
    return is_good;
}

struct target_spoolfiles *target_spoolfiles_new(const char *folder)
{
    struct target_spoolfiles *files = calloc(1, sizeof *files);

    if (!files) {
        return NULL;
    }
    files->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->folder_fd < 0 || !read_folder(files)) {
        target_spoolfiles_free(files);
        return NULL;
    }
    return files;
}

void target_spoolfiles_free(struct target_spoolfiles *files)
{
    if (files) {
        if (files->folder_fd >= 0) {
            close(files->folder_fd);
        }
        free(files->number);
        free(files);
    }
}

static const char *name_of(uint64_t number, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, PREFIX "%020" PRIu64, number);
    return name;
}

static bool fill(int fd, uint64_t bytes)
{
    static const char block[BLOCK];

    while (bytes > 0) {
        ssize_t written = write(fd, block, bytes < BLOCK ? bytes : BLOCK);

        if (written <= 0) {
            return false;
        }
        bytes -= (uint64_t)written;
    }
    return true;
}

bool target_spoolfiles_write(struct target_spoolfiles *files, uint64_t bytes)
{
    uint64_t number = files->count > 0 ? files->number[files->first + files->count - 1] + 1 : 1;
    char name[NAME_BYTES];
    int fd = openat(files->folder_fd, name_of(number, name),
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_good;
    int why;

    if (fd < 0) {
        return false;
    }
    is_good = fill(fd, bytes) && add(files, number);
    why = errno;
    if (close(fd) < 0 && is_good) {
        why = errno;
        is_good = false;
        files->count--;
    }
    if (!is_good) {
        unlinkat(files->folder_fd, name, 0);
        errno = why;
    }
    return is_good;
}

bool target_spoolfiles_remove_oldest(struct target_spoolfiles *files)
{
    char name[NAME_BYTES];

    if (files->count == 0) {
        return false;
    }
    unlinkat(files->folder_fd, name_of(files->number[files->first], name), 0);
    files->first++;
    files->count--;
    return true;
}

size_t target_spoolfiles_count(const struct target_spoolfiles *files)
{
    return files->count;
}

struct target_spool_room target_spoolfiles_room(const struct target_spoolfiles *files)
{
    struct statvfs now;

    if (fstatvfs(files->folder_fd, &now) < 0) {
        return (struct target_spool_room){.bytes = 0};
    }
    return (struct target_spool_room){
        .bytes = (uint64_t)now.f_blocks * now.f_frsize,
        .used_bytes = (uint64_t)(now.f_blocks - now.f_bfree) * now.f_frsize,
    };
}
