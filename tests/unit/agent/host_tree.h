/* A collector's tree of files, and its figures by name. */
#ifndef TESTS_AGENT_HOST_TREE_H
#define TESTS_AGENT_HOST_TREE_H

#include <math.h>

#include "collector.h"
#include "figure.h"
#include "file_tree.h"

#define SECOND UINT64_C(1000000000)

/* `fixture`: copied, NULL: empty. */
static inline int tree_make(struct tree *t, const char *fixture)
{
    char command[256];

    tree_new(t);
    if (fixture != NULL) {
        snprintf(command, sizeof command, "cp -r %s/%s/. %s", PELT_AGENT_FIXTURES, fixture,
                 t->root);
        assert_int_equal(system(command), 0);
    }
    return 0;
}

static inline struct figure *figure_named(const struct catalogue *c, const char *name,
                                          const char *target)
{
    for (size_t i = 0; i < catalogue_len(c); i++) {
        struct figure *f = catalogue_at(c, i);
        if (strcmp(f->name, name) == 0 && strcmp(f->target, target) == 0) {
            return f;
        }
    }
    fail_msg("no figure %s of '%s'", name, target);
    return NULL;
}

static inline void read_all(struct collector *c, uint64_t now_ns)
{
    c->read(c, FIGURE_FAST, now_ns);
    c->read(c, FIGURE_MEDIUM, now_ns);
    c->read(c, FIGURE_SLOW, now_ns);
}

/* These show which figure it is, and what it has. */
static inline void assert_cell(const struct figure *f, size_t cell, double wanted)
{
    if (f->why[0] != '\0') {
        fail_msg("%s: unreadable: %s", f->name, f->why);
    }
    if (!(fabs(f->cells[cell] - wanted) <= 1e-9 * (1 + fabs(wanted)))) {
        fail_msg("%s[%zu]: %.9g instead of %.9g", f->name, cell, f->cells[cell], wanted);
    }
}

static inline void assert_no_cell(const struct figure *f, size_t cell)
{
    assert_string_equal(f->why, "");
    if (!isnan(f->cells[cell])) {
        fail_msg("%s[%zu]: %.9g instead of none", f->name, cell, f->cells[cell]);
    }
}

static inline void assert_why(const struct figure *f, const char *words)
{
    if (strstr(f->why, words) == NULL) {
        fail_msg("%s: '%s' does not say '%s'", f->name, f->why, words);
    }
}

#endif
