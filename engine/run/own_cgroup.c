/*
 * own_cgroup: see the header. A group without a quota has no throttling in its cpu.stat (v2: the
 * root, or where the controller is off), which counts as none.
 */
#include "own_cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a hierarchy is mounted, and which of its groups is seen there as the top. */
struct mount {
    char top[PATH_MAX], point[PATH_MAX];
};

/* One of a list separated by commas. */
static bool lists(const char *list, const char *word)
{
    const size_t len = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* A line of mountinfo (proc(5)): "31 23 0:28 TOP POINT OPTIONS [FIELDS] - TYPE SOURCE OPTIONS". */
static bool read_mount(char *line, bool v2, struct mount *out)
{
    char *rest = strstr(line, " - ");
    char type[32], options[512];
    if (rest == NULL || sscanf(rest, " - %31s %*s %511s", type, options) != 2) {
        return false;
    }
    bool ours =
        v2 ? strcmp(type, "cgroup2") == 0 : strcmp(type, "cgroup") == 0 && lists(options, "cpu");
    return ours && sscanf(line, "%*s %*s %*s %4095s %4095s", out->top, out->point) == 2;
}

static bool find_mount(const char *root, bool v2, struct mount *out)
{
    char path[PATH_MAX], *line = NULL;
    size_t size = 0;
    bool found = false;
    snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
    FILE *file = fopen(path, "re");
    while (file != NULL && !found && getline(&line, &size, file) > 0) {
        found = read_mount(line, v2, out);
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* The part of the group's path below the mount's top; what lies outside of it is not seen. */
static const char *below(const char *path, const char *top)
{
    const size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);
    bool inside = strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0') &&
                  strstr(path, "/..") == NULL;
    return inside ? path + len : "";
}

static void open_level(struct pelt_own_cgroup *c, const char *folder)
{
    char path[PATH_MAX + sizeof("/cpu.stat")];
    snprintf(path, sizeof(path), "%s/cpu.stat", folder);
    int fd = c->len < PELT_CGROUP_LEVELS ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        c->fds[c->len++] = fd;
    }
}

/* The group itself, then one ancestor after the other. */
static void open_levels(struct pelt_own_cgroup *c, const char *root, bool v2, const char *path)
{
    static struct mount m; /* 8 KB, and opening is nobody's hot path: but one thread at a time */
    char folder[PATH_MAX];
    if (!find_mount(root, v2, &m)) {
        return;
    }
    size_t top = (size_t)snprintf(folder, sizeof(folder), "%s%s", root, m.point);
    int len = snprintf(folder, sizeof(folder), "%s%s%s", root, m.point, below(path, m.top));
    if (len < 0 || (size_t)len >= sizeof(folder)) {
        return;
    }
    for (char *end = folder + len; end != NULL && (size_t)(end - folder) >= top;
         end = strrchr(folder, '/')) {
        *end = '\0';
        if ((size_t)(end - folder) == top || end[-1] != '/') {
            open_level(c, folder);
        }
    }
}

void pelt_own_cgroup_open(struct pelt_own_cgroup *c, const char *root)
{
    char path[PATH_MAX], *line = NULL;
    size_t size = 0;
    ssize_t len;
    c->len = 0;
    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    while (file != NULL && (len = getline(&line, &size, file)) > 0) { /* "ID:CONTROLLERS:PATH" */
        char *controllers = strchr(line, ':');
        char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (group != NULL) {
            line[len - (line[len - 1] == '\n')] = '\0';
            *group = '\0';
            bool v2 = controllers[1] == '\0';
            if (v2 || lists(controllers + 1, "cpu")) {
                open_levels(c, root, v2, group + 1);
            }
        }
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
}

void pelt_own_cgroup_close(struct pelt_own_cgroup *c)
{
    for (size_t i = 0; i < c->len; i++) {
        close(c->fds[i]);
    }
    c->len = 0;
}

/* The number behind a word at the beginning of a line; 0: there is none. */
static uint64_t value_of(const char *text, const char *word)
{
    const size_t len = strlen(word);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, len) == 0 && line[len] == ' ') {
            return strtoull(line + len, NULL, 10);
        }
    }
    return 0;
}

bool pelt_own_cgroup_read(const struct pelt_own_cgroup *c, struct pelt_throttling *out)
{
    bool any = false;
    *out = (struct pelt_throttling){0};
    for (size_t i = 0; i < c->len; i++) {
        char text[2048];
        ssize_t len = pread(c->fds[i], text, sizeof(text) - 1, 0);
        if (len >= 0) {
            any = true;
            text[len] = '\0';
            out->periods += value_of(text, "nr_throttled");
            out->ns += value_of(text, "throttled_time") /* v1: ns */ +
                       1000 * value_of(text, "throttled_usec") /* v2 */;
        }
    }
    return any;
}
