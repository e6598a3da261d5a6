#include "writes.h"

#include <string.h>

static size_t bit_of(struct pelt_span name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ (unsigned char)name.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return hash % PELT_WRITES_BITS;
}

void pelt_writes_anything(struct pelt_writes *writes)
{
    writes->anything = true;
    writes->version++;
}

bool pelt_writes_name(const struct pelt_writes *writes, struct pelt_span name)
{
    size_t bit = bit_of(name);
    return writes->anything || (writes->names[bit / 64] >> bit % 64 & 1);
}

bool pelt_writes_assigns(const struct pelt_writes *writes, struct pelt_span name)
{
    size_t bit = bit_of(name);
    return writes->assigns_all || (writes->assigned[bit / 64] >> bit % 64 & 1);
}

static bool is_escaped(struct pelt_span name)
{
    return memchr(name.ptr, '\\', name.len) != NULL;
}

static void assign_all(struct pelt_writes *writes)
{
    writes->assigned_version += !writes->assigns_all;
    writes->assigns_all = true;
}

static void assign(struct pelt_writes *writes, struct pelt_span name)
{
    size_t bit = bit_of(name);
    if (is_escaped(name)) {
        assign_all(writes);
    } else if (!pelt_writes_assigns(writes, name)) {
        writes->assigned[bit / 64] |= UINT64_C(1) << bit % 64;
        writes->assigned_version++;
    }
}

static void add(struct pelt_writes *writes, struct pelt_span name)
{
    size_t bit = bit_of(name);
    if (is_escaped(name)) {
        pelt_writes_anything(writes);
    } else if (!pelt_writes_name(writes, name)) {
        writes->names[bit / 64] |= UINT64_C(1) << bit % 64;
        writes->version++;
    }
}

/* What changes tables without writing a field where one sees it, or gives a way to it. */
static bool reaches_everything(const struct pelt_token *t)
{
    static const char *const words[] = {"insert", "remove",       "move",        "sort",
                                        "rawset", "debug",        "package",     "_G",
                                        "_ENV",   "setmetatable", "getmetatable"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (pelt_token_is(t, words[i])) {
            return true;
        }
    }
    return false;
}

static bool is_symbol(const struct pelt_token *t, int symbol)
{
    return t->kind == PELT_TOKEN_SYMBOL && t->symbol == symbol;
}

/* The library as a value, of which anything may be called: `local t = table`. */
static bool takes_library(const struct pelt_writes_scan *scan, const struct pelt_token *t)
{
    const struct pelt_token *before = &scan->before;
    return before->kind == PELT_TOKEN_NAME && pelt_token_is(before, "table") && !is_symbol(t, '.');
}

/* What follows `require` must name the module: "name" or ("name"), and none that is a way to
 * everything. */
static bool requires_unknown(struct pelt_writes_scan *scan, const struct pelt_token *t)
{
    enum { NONE, NAME, OPEN, CLOSE };
    bool plain = t->kind == PELT_TOKEN_STRING && !pelt_token_is(t, "table") &&
                 (t->text.len == 0 || !memchr(t->text.ptr, '\\', t->text.len));
    bool open = is_symbol(t, '(');
    switch (scan->required) {
    case NAME:
        scan->required = open ? OPEN : NONE;
        return !plain && !open;
    case OPEN:
        scan->required = CLOSE;
        return !plain;
    case CLOSE:
        scan->required = NONE;
        return !is_symbol(t, ')');
    }
    scan->required = t->kind == PELT_TOKEN_NAME && pelt_token_is(t, "require") ? NAME : NONE;
    return false;
}

/* A '[' behind something that has a value is an index. */
static bool opens_index(const struct pelt_token *before)
{
    return before->kind == PELT_TOKEN_NAME || before->kind == PELT_TOKEN_STRING ||
           is_symbol(before, ')') || is_symbol(before, ']') || is_symbol(before, '}');
}

static bool opens(const struct pelt_token *t)
{
    return is_symbol(t, '(') || is_symbol(t, '[') || is_symbol(t, '{');
}

static bool closes(const struct pelt_token *t)
{
    return is_symbol(t, ')') || is_symbol(t, ']') || is_symbol(t, '}');
}

/* Whether a list of what is assigned to may go on so, behind its first comma. */
static bool may_be_listed(const struct pelt_writes_scan *scan, const struct pelt_token *t)
{
    const struct pelt_token *before = &scan->before;
    if (t->kind == PELT_TOKEN_NAME) {
        return is_symbol(before, ',') || is_symbol(before, '.') || is_symbol(before, ':');
    }
    return t->kind == PELT_TOKEN_STRING || is_symbol(t, ',') || is_symbol(t, '.') ||
           is_symbol(t, ':') || is_symbol(t, '(') || is_symbol(t, '{') ||
           (is_symbol(t, '[') && opens_index(before));
}

/* Forgets the lists at this depth of brackets and within. */
static void drop_lists(struct pelt_writes_scan *scan, unsigned depth)
{
    while (scan->listed > 0 && scan->list[scan->listed - 1].depth >= depth) {
        scan->listed--;
    }
    if (scan->left_out > depth) {
        scan->left_out = 0;
    }
}

static void list_field(struct pelt_writes_scan *scan)
{
    if (scan->listed < PELT_WRITES_LIST) {
        scan->list[scan->listed++] =
            (struct pelt_writes_listed){.depth = scan->depth, .field = scan->field};
    } else if (scan->left_out == 0) {
        scan->left_out = scan->depth + 1;
    }
}

static void assign_list(struct pelt_writes_scan *scan, struct pelt_writes *writes)
{
    for (unsigned i = scan->listed; i > 0 && scan->list[i - 1].depth == scan->depth; i--) {
        assign(writes, scan->list[i - 1].field);
    }
    if (scan->left_out > 0) {
        assign_all(writes);
    }
    drop_lists(scan, scan->depth);
}

static void settle_list(struct pelt_writes_scan *scan, const struct pelt_token *t,
                        struct pelt_writes *writes)
{
    if (is_symbol(t, '=')) {
        if (scan->field.ptr) {
            assign(writes, scan->field);
        }
        assign_list(scan, writes);
    } else if (closes(t) || !may_be_listed(scan, t)) {
        drop_lists(scan, scan->depth);
    } else if (is_symbol(t, ',') && scan->field.ptr) {
        list_field(scan);
    }
}

/* What `=` or `,` right behind a field means for it. */
static void settle_field(struct pelt_writes_scan *scan, const struct pelt_token *t,
                         struct pelt_writes *writes)
{
    if (is_symbol(t, '=') || is_symbol(t, ',')) {
        if (scan->field.ptr) {
            add(writes, scan->field);
        } else if (scan->unknown_field) {
            pelt_writes_anything(writes);
        }
    }
    scan->field = pelt_span(NULL, 0);
    scan->unknown_field = false;
}

static void take_name(struct pelt_writes_scan *scan, const struct pelt_token *t,
                      struct pelt_writes *writes)
{
    bool field = is_symbol(&scan->before, '.') || is_symbol(&scan->before, ':');
    if (reaches_everything(t)) {
        pelt_writes_anything(writes);
    } else if (field && scan->declares) {
        add(writes, t->text);
        assign(writes, t->text);
    } else if (field) {
        scan->field = t->text;
    }
    scan->declares = scan->declares || (!field && pelt_token_is(t, "function"));
}

/* `index`: it is a '['. */
static void open_bracket(struct pelt_writes_scan *scan, bool index)
{
    if (scan->depth < PELT_WRITES_DEPTH) {
        scan->bracket[scan->depth] = (struct pelt_writes_bracket){
            .index = index && opens_index(&scan->before), .constant = true};
    }
    scan->depth++;
}

static void close_bracket(struct pelt_writes_scan *scan, bool index)
{
    if (scan->depth == 0) {
        return;
    }
    scan->depth--;
    if (!index) {
        return;
    }
    const struct pelt_writes_bracket *b =
        scan->depth < PELT_WRITES_DEPTH ? &scan->bracket[scan->depth] : NULL;
    if (b && b->index && b->constant && b->text.ptr) {
        scan->field = b->text;
    } else {
        scan->unknown_field = !b || b->index;
    }
}

/* What stands between brackets. */
static void take_inner(struct pelt_writes_scan *scan, const struct pelt_token *t)
{
    if (scan->depth == 0 || scan->depth > PELT_WRITES_DEPTH) {
        return;
    }
    struct pelt_writes_bracket *b = &scan->bracket[scan->depth - 1];
    b->constant = b->constant && !b->text.ptr && t->kind == PELT_TOKEN_STRING;
    b->text = t->text;
}

static void take_symbol(struct pelt_writes_scan *scan, const struct pelt_token *t)
{
    if (opens(t)) {
        take_inner(scan, t);
        open_bracket(scan, t->symbol == '[');
    } else if (closes(t)) {
        close_bracket(scan, t->symbol == ']');
    } else {
        take_inner(scan, t);
    }
    scan->declares = scan->declares && (t->symbol == '.' || t->symbol == ':');
}

void pelt_writes_take(struct pelt_writes_scan *scan, const struct pelt_token *t,
                      struct pelt_writes *writes)
{
    settle_list(scan, t, writes);
    settle_field(scan, t, writes);
    if (takes_library(scan, t) || requires_unknown(scan, t)) {
        pelt_writes_anything(writes);
    }
    switch (t->kind) {
    case PELT_TOKEN_NAME:
        take_inner(scan, t);
        take_name(scan, t, writes);
        break;
    case PELT_TOKEN_STRING:
        take_inner(scan, t);
        if (reaches_everything(t)) {
            pelt_writes_anything(writes);
        }
        break;
    case PELT_TOKEN_SYMBOL:
        take_symbol(scan, t);
        break;
    case PELT_TOKEN_END:
        break;
    }
    scan->before = *t;
}
