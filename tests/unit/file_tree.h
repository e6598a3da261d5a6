/* file_tree: files below a root of their own, for code that takes a `root` before its paths. */
#ifndef TESTS_FILE_TREE_H
#define TESTS_FILE_TREE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tree {
    char root[64];
};

static inline void tree_new(struct tree *t)
{
    snprintf(t->root, sizeof t->root, "/tmp/pelt-test-XXXXXX");
    assert_non_null(mkdtemp(t->root));
}

static inline int tree_remove(struct tree *t)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", t->root);
    return system(command);
}

/* Written in place, so that who holds the file open reads it. */
static inline void tree_put(const struct tree *t, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", t->root, name);
    for (char *slash = strchr(path + strlen(t->root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#endif
