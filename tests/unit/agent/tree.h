/*
 * tree: a folder with files made for one test, as a host's /proc and /sys would have them.
 *
 * Paths are below it and have no '/' in front; folders on the way are made.
 */
#ifndef TEST_TREE_H
#define TEST_TREE_H

char *tree_new(void);                                                  /* its path */
void tree_write(const char *root, const char *path, const char *text); /* or writes it again */
void tree_link(const char *root, const char *path, const char *to);
void tree_free(char *root); /* removes all of it */

#endif
