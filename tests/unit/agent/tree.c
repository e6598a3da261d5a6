/* tree: see the header. */
#define _XOPEN_SOURCE 700
#include "tree.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 512

char *tree_new(void)
{
    char *root = strdup("/tmp/pelt-agent-test-XXXXXX");
    char *made = mkdtemp(root);

    assert(made != NULL);
    return made;
}

/* The whole path, with its folders made. */
static void prepare(const char *root, const char *path, char whole[PATH_SIZE])
{
    int len = snprintf(whole, PATH_SIZE, "%s/%s", root, path);

    assert(len > 0 && len < PATH_SIZE);
    for (char *slash = strchr(whole + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
}

void tree_write(const char *root, const char *path, const char *text)
{
    char whole[PATH_SIZE];

    prepare(root, path, whole);
    FILE *f = fopen(whole, "w");
    assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

void tree_link(const char *root, const char *path, const char *to)
{
    char whole[PATH_SIZE];

    prepare(root, path, whole);
    int failed = symlink(to, whole);
    assert(failed == 0);
    (void)failed;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    return remove(path);
}

void tree_free(char *root)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(root);
}
