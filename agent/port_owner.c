/* Own: nothing but what a call has open. */
#include "port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listen_rows.h"

#define SOCKETS_MAX   256 /* listening on one port: SO_REUSEPORT gives each worker its own */
#define PROCESSES_MAX 1024
#define PATH_SIZE     512

struct sought {
    uint16_t port;
    uint64_t inodes[SOCKETS_MAX];
    size_t inodes_len;
    uint32_t uid; /* of the newest found */
    pid_t pids[PROCESSES_MAX];
    size_t pids_len;
};

static bool on_row(void *arg, const struct listen_row *row)
{
    struct sought *s = arg;
    if (row->port == s->port) {
        s->inodes[s->inodes_len++] = row->inode;
        s->uid = row->uid;
    }
    return s->inodes_len < SOCKETS_MAX;
}

/* The inode of a link like "socket:[1578]"; 0: it is none. */
static uint64_t socket_inode(int dir, const char *name)
{
    char to[64];
    ssize_t len = readlinkat(dir, name, to, sizeof to - 1);
    if (len <= 0) {
        return 0;
    }
    to[len] = '\0';
    return strncmp(to, "socket:[", 8) == 0 ? strtoull(to + 8, NULL, 10) : 0;
}

static DIR *fds_of(const char *root, pid_t pid)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/proc/%ld/fd", root, (long)pid);
    return opendir(path);
}

ssize_t port_owner_sockets(const char *root, pid_t pid, uint64_t *inodes, size_t size)
{
    DIR *dir = fds_of(root, pid);
    if (dir == NULL) {
        return -1;
    }
    size_t len = 0, seen = 0;
    for (struct dirent *e; len < size && seen < PORT_OWNER_FDS_MAX && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') {
            continue;
        }
        uint64_t inode = socket_inode(dirfd(dir), e->d_name);
        seen++;
        if (inode != 0) {
            inodes[len++] = inode;
        }
    }
    closedir(dir);
    return (ssize_t)len;
}

static bool holds_one(struct sought *s, DIR *dir)
{
    size_t seen = 0;
    for (struct dirent *e; seen < PORT_OWNER_FDS_MAX && (e = readdir(dir)) != NULL; seen++) {
        uint64_t inode = e->d_name[0] == '.' ? 0 : socket_inode(dirfd(dir), e->d_name);
        for (size_t i = 0; inode != 0 && i < s->inodes_len; i++) {
            if (s->inodes[i] == inode) {
                return true;
            }
        }
    }
    return false;
}

static bool look_at_all(struct sought *s, const char *root)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/proc", root);
    DIR *proc = opendir(path);
    if (proc == NULL) {
        return false;
    }
    for (struct dirent *e; s->pids_len < PROCESSES_MAX && (e = readdir(proc)) != NULL;) {
        if (!isdigit((unsigned char)e->d_name[0])) {
            continue;
        }
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        DIR *fds = fds_of(root, pid);
        if (fds == NULL) {
            continue;
        }
        if (holds_one(s, fds)) {
            s->pids[s->pids_len++] = pid;
        }
        closedir(fds);
    }
    closedir(proc);
    return true;
}

/* The fourth field of /proc/PID/stat, behind the name, which may have blanks and brackets; 0: none.
 */
static pid_t parent_of(const char *root, pid_t pid)
{
    char path[PATH_SIZE], text[512];
    snprintf(path, sizeof path, "%s/proc/%ld/stat", root, (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    const char *behind = strrchr(text, ')');
    return behind != NULL && strlen(behind) > 4 ? (pid_t)strtol(behind + 4, NULL, 10) : 0;
}

static bool is_one(const struct sought *s, pid_t pid)
{
    for (size_t i = 0; i < s->pids_len; i++) {
        if (s->pids[i] == pid) {
            return true;
        }
    }
    return false;
}

static pid_t eldest(const struct sought *s, const char *root)
{
    pid_t best = 0;
    for (size_t i = 0; i < s->pids_len; i++) {
        pid_t pid = s->pids[i];
        if ((best == 0 || pid < best) && !is_one(s, parent_of(root, pid))) {
            best = pid;
        }
    }
    return best != 0 ? best : s->pids[0];
}

static enum pelt_status find(struct sought *s, const char *root, pid_t *pid, struct pelt_error *err)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/proc/net/tcp", root);
    bool v4 = listen_rows_read(path, on_row, s);
    snprintf(path, sizeof path, "%s/proc/net/tcp6", root);
    bool v6 = s->inodes_len < SOCKETS_MAX && listen_rows_read(path, on_row, s);
    if (!v4 && !v6) {
        return pelt_fail(err, PELT_EIO, "%s/proc/net/tcp: %s", root, strerror(errno));
    }
    if (s->inodes_len == 0) {
        return pelt_fail(err, PELT_ENOTFOUND,
                         "port %u: nothing listens on it here: see `ss -ltn`; of a server in a "
                         "container give its process by --pid",
                         s->port);
    }
    if (!look_at_all(s, root)) {
        return pelt_fail(err, PELT_EIO, "%s/proc: %s", root, strerror(errno));
    }
    if (s->pids_len == 0) {
        return pelt_fail(err, PELT_EIO,
                         "port %u: a process of user %" PRIu32 " listens on it, which cannot be "
                         "seen from here: run the agent as that user or as root, or give the "
                         "process by --pid",
                         s->port, s->uid);
    }
    *pid = eldest(s, root);
    return PELT_OK;
}

enum pelt_status port_owner_find(const char *root, uint16_t port, pid_t *pid,
                                 struct pelt_error *err)
{
    struct sought *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "port %u: out of memory", port);
    }
    s->port = port;
    enum pelt_status status = find(s, root, pid, err);
    free(s);
    return status;
}
