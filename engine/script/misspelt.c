/*
 * misspelt: see the header. Brackets that are open lie on a stack; those deeper than it is are only
 * counted.
 */
#include "misspelt.h"

#include <stdbool.h>
#include <string.h>

#include "lexer.h"
#include "pelt/units.h"
#include "stream.h"

#define DEPTH      64
#define CLIENTS    32 /* names that are remembered */
#define BEFORE     8  /* tokens */
#define KEY_MAX    64 /* bytes of a key that is looked at */
#define NOT_A_CALL 0

struct bracket {
    unsigned options;  /* of a call: which argument the options are; else NOT_A_CALL */
    unsigned argument; /* of a call: where the scan is, from 1 */
    struct pelt_span function;
    const char *const *names; /* of its options */
    bool keys;                /* it is the options' table */
};

struct scan {
    struct pelt_span source;
    pelt_misspelt_fn found;
    void *arg;
    struct pelt_token before[BEFORE]; /* the newest first */
    struct bracket bracket[DEPTH];
    size_t depth;
    struct pelt_span client[CLIENTS];
    size_t clients;
    bool own_http; /* the name `http` may be the script's own */
};

static bool is_symbol(const struct pelt_token *t, int symbol)
{
    return t->kind == PELT_TOKEN_SYMBOL && t->symbol == symbol;
}

static bool is_name(const struct pelt_token *t, const char *name)
{
    return t->kind == PELT_TOKEN_NAME && pelt_token_is(t, name);
}

/* NULL: there is none, or it lies too deep. */
static struct bracket *innermost(struct scan *x)
{
    return x->depth > 0 && x->depth <= DEPTH ? &x->bracket[x->depth - 1] : NULL;
}

static void push(struct scan *x, struct bracket bracket)
{
    if (x->depth++ < DEPTH) {
        x->bracket[x->depth - 1] = bracket;
    }
}

static bool is_client(const struct scan *x, struct pelt_span name)
{
    for (size_t i = 0; i < x->clients; i++) {
        if (x->client[i].len == name.len && memcmp(x->client[i].ptr, name.ptr, name.len) == 0) {
            return true;
        }
    }
    return false;
}

/* Which argument of the function `name` of http, or of a client's method, its options are. */
static unsigned options_of(const struct pelt_token *name)
{
    static const char *const verbs[] = {"get", "post", "put", "patch", "delete", "head", "options"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (is_name(name, verbs[i])) {
            return 2;
        }
    }
    return is_name(name, "stream") ? 2 : is_name(name, "request") ? 3 : NOT_A_CALL;
}

/* A '(' comes: is what stands before it a request's function? `http.get`, `pelt.http.get`, or
 * `NAME:get` of a client. */
static bool calls_request(const struct scan *x)
{
    const struct pelt_token *t = x->before;
    if (is_symbol(&t[1], ':')) {
        return t[2].kind == PELT_TOKEN_NAME && is_client(x, t[2].text) && !is_symbol(&t[3], '.') &&
               !is_name(&t[3], "function");
    }
    if (!is_symbol(&t[1], '.') || !is_name(&t[2], "http")) {
        return false;
    }
    return is_symbol(&t[3], '.') ? is_name(&t[4], "pelt")
                                 : !x->own_http && !is_name(&t[3], "function");
}

static void open_call(struct scan *x)
{
    const struct pelt_token *t = x->before;
    unsigned options = t[0].kind == PELT_TOKEN_NAME ? options_of(&t[0]) : NOT_A_CALL;
    struct bracket bracket = {.argument = 1};
    if (options != NOT_A_CALL && calls_request(x)) {
        bracket.options = options;
        bracket.names = is_name(&t[0], "stream") ? pelt_stream_option_names : pelt_option_names;
        bracket.function =
            pelt_span(t[2].text.ptr, (size_t)(t[0].text.ptr + t[0].text.len - t[2].text.ptr));
    }
    push(x, bracket);
}

static void open_table(struct scan *x)
{
    const struct bracket *call = innermost(x);
    bool keys = call && call->options != NOT_A_CALL && call->argument == call->options &&
                is_symbol(&x->before[0], ',');
    struct bracket table = {.keys = keys};
    if (keys) {
        table.function = call->function;
        table.names = call->names;
    }
    push(x, table);
}

static uint64_t line_of(const struct scan *x, const char *at)
{
    uint64_t line = 1;
    for (const char *p = x->source.ptr; p < at; p++) {
        line += *p == '\n';
    }
    return line;
}

static void check_key(const struct scan *x, const struct bracket *table, struct pelt_span key)
{
    const char *const *names = table->names;
    char name[KEY_MAX];
    if (key.len >= sizeof name) {
        return;
    }
    memcpy(name, key.ptr, key.len);
    name[key.len] = '\0';
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return;
        }
    }
    x->found(x->arg, line_of(x, key.ptr), table->function, key, pelt_nearest(name, names));
}

/* A '=' comes. */
static void assign(struct scan *x)
{
    const struct pelt_token *t = x->before;
    const struct bracket *table = innermost(x);
    bool begins = is_symbol(&t[1], '{') || is_symbol(&t[1], ',') || is_symbol(&t[1], ';');
    if (table && table->keys && begins && t[0].kind == PELT_TOKEN_NAME) {
        check_key(x, table, t[0].text);
    }
}

static void take_symbol(struct scan *x, int symbol)
{
    struct bracket *in = innermost(x);
    switch (symbol) {
    case '(':
        open_call(x);
        break;
    case '{':
        open_table(x);
        break;
    case '[':
        push(x, (struct bracket){.options = NOT_A_CALL});
        break;
    case ')':
    case '}':
    case ']':
        x->depth -= x->depth > 0;
        break;
    case ',':
        if (in) {
            in->argument++;
        }
        break;
    case '=':
        assign(x);
        break;
    default:
        break;
    }
}

/* `local NAME = http.client`, or pelt.http.client: `client` comes. */
static void take_client(struct scan *x)
{
    const struct pelt_token *t = x->before;
    if (!is_symbol(&t[0], '.') || !is_name(&t[1], "http")) {
        return;
    }
    t += is_symbol(&t[2], '.') && is_name(&t[3], "pelt") ? 4 : 2;
    if (is_symbol(&t[0], '=') && t[1].kind == PELT_TOKEN_NAME && is_name(&t[2], "local") &&
        x->clients < CLIENTS) {
        x->client[x->clients++] = t[1].text;
    }
}

static void take_name(struct scan *x, const struct pelt_token *name)
{
    struct bracket *in = innermost(x);
    if (is_name(name, "function") && in) { /* its code is none of the bracket's */
        in->options = NOT_A_CALL;
        in->keys = false;
    } else if (is_name(name, "client")) {
        take_client(x);
    }
}

void pelt_misspelt_find(struct pelt_span source, pelt_misspelt_fn found, void *arg)
{
    struct pelt_lexer lexer = pelt_lexer_of(source.ptr, source.len);
    struct scan x = {.source = source, .found = found, .arg = arg};
    struct pelt_token t;
    while ((t = pelt_lexer_next(&lexer)).kind != PELT_TOKEN_END) {
        if (is_symbol(&x.before[0], '=') && is_name(&x.before[1], "http")) {
            x.own_http = x.own_http || !(is_name(&t, "pelt") || is_name(&t, "require"));
        }
        if (t.kind == PELT_TOKEN_SYMBOL) {
            take_symbol(&x, t.symbol);
        } else if (t.kind == PELT_TOKEN_NAME) {
            take_name(&x, &t);
        }
        memmove(&x.before[1], &x.before[0], sizeof x.before - sizeof x.before[0]);
        x.before[0] = t;
    }
}
