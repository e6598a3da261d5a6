/*
 * template: what of a request stays the same from call to call: all but its path and its body.
 *
 * Templates are kept by what the options table of a call says, not by which table it is: the table
 * is read at each call, and only if every key and value is what it was, the kept bytes are used. So
 * a table that was changed in between, anywhere in it, is never mistaken for its old self, and a
 * new table with the old content is as good as the old one. Reading is left out for a table that
 * was met before with the same content where nothing can have changed it since: the scenario's
 * source has nothing that could write one of the fields it has (writes.h), and new fields are told
 * by a metatable that such a table gets.
 *
 * Owner: a shard; bounded by PELT_TEMPLATES_MAX.
 */
#ifndef PELT_TEMPLATE_H
#define PELT_TEMPLATE_H

#include <lua.h>

#include "pelt/buf.h"
#include "pelt/clock.h"
#include "pelt/manner.h"
#include "pelt/request.h"
#include "writes.h"

#define PELT_TEMPLATES_MAX  512 /* kept by a shard; when full all are dropped */
#define PELT_CONSTANTS_MAX  64  /* options tables that need not be read; a power of two */
#define PELT_TEMPLATE_WORDS 256 /* of a key; options that say more are composed at each call */
#define PELT_EXPECT_MAX     16  /* further statuses that are ok */

enum pelt_option {
    PELT_OPTION_HEADERS,
    PELT_OPTION_BODY,
    PELT_OPTION_JSON,
    PELT_OPTION_NAME,
    PELT_OPTION_TIMEOUT,
    PELT_OPTION_EXPECT,
    PELT_OPTION_KEEP_BODY,
    PELT_OPTION_COOKIES,
    PELT_OPTION_REDIRECTS,
    PELT_OPTION_AUTH,
    PELT_OPTION_COMPRESSED,
    PELT_OPTION_FORM,
    PELT_OPTION_MULTIPART,
    PELT_OPTION_TRACE,
    PELT_OPTION_BEHAVE,
    PELT_OPTION_EXPECT_CONTINUE,
    PELT_OPTION_RETRY_STALE,
    PELT_OPTIONS_LEN
};
extern const char *const pelt_option_names[PELT_OPTIONS_LEN + 1]; /* ends with NULL */

enum pelt_keep_body { PELT_KEEP_BODY_IF_READ, PELT_KEEP_BODY_YES, PELT_KEEP_BODY_NO };

struct pelt_template {
    struct pelt_request request; /* without what differs: bytes, len, expect, keep, body_max; series
                                    only if named */
    uint16_t expect[PELT_EXPECT_MAX];
    struct pelt_manner manner; /* of use with `mannered` of the request */
    uint64_t continue_min;     /* bodies of so many bytes wait for 100; PELT_NEVER: none does */
    enum pelt_keep_body keep_body;
    bool named;
    const char *head; /* "METHOD " and, behind the path, " HTTP/1.1" to the last field's line end */
    size_t start_len; /* of "METHOD " */
    size_t head_len;
};

/* What a call says, as words: each string by its address, which is its content as long as it lives,
 * and a kept template keeps its strings. */
struct pelt_template_key {
    uint64_t hash;
    size_t len; /* may exceed PELT_TEMPLATE_WORDS: then it is not kept */
    uint64_t word[PELT_TEMPLATE_WORDS];
};

/* What options give that is no part of a template. */
struct pelt_given {
    struct pelt_span body; /* ptr NULL: none; held by the options table */
    bool json, form, multipart;
};

struct pelt_templates;

/* Into *out, also when it raises (memory): free it then, too. */
void pelt_templates_new(lua_State *L, struct pelt_templates **out);
void pelt_templates_free(struct pelt_templates *templates); /* accepts NULL; before or after the
                                                               state is closed */

/* Whether a call should ask for a template at all. After a table that filled up and was of next to
 * no use, as what the calls say is new each time, some tens of thousands do without. */
bool pelt_templates_help(struct pelt_templates *templates);

static inline void pelt_template_key_add(struct pelt_template_key *key, uint64_t word)
{
    if (key->len < PELT_TEMPLATE_WORDS) {
        key->word[key->len] = word;
    }
    key->len++;
    key->hash = (key->hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Adds the table of options at `index`. False: it is none that a template could be kept for. Raises
 * nothing, checks nothing: what is wrong has no template. */
bool pelt_template_key_read(lua_State *L, int index, const struct pelt_templates *templates,
                            struct pelt_template_key *key, struct pelt_given *given);

/*
 * The template that the table `options` (its address) had at earlier calls, if nothing that the
 * code does can have changed it since: then it need not be read again. `call` is the key without
 * the options. NULL: read it.
 */
const struct pelt_template *pelt_templates_constant(struct pelt_templates *templates,
                                                    const struct pelt_template_key *call,
                                                    const void *options,
                                                    const struct pelt_writes *writes,
                                                    struct pelt_given *given);

/* Notes what the options table at `index` was found to say. Met a second time with the same, and
 * with no field that the code can write, it is constant from now on: held, and with the metatable
 * that tells of new fields. May raise (memory). */
void pelt_templates_note(lua_State *L, struct pelt_templates *templates,
                         const struct pelt_template_key *call, int index,
                         const struct pelt_template *found, const struct pelt_writes *writes,
                         const struct pelt_given *given);

/* NULL: none is kept. Valid until the next template is kept. */
const struct pelt_template *pelt_templates_find(struct pelt_templates *templates,
                                                const struct pelt_template_key *key);
/*
 * Keeps a copy for a key that has none, if it was here before: a content that is new at each call
 * would only fill the table. `method` and `options` are stack
 * indexes: the strings that the key refers to (0: none). May raise (memory).
 */
void pelt_templates_keep(lua_State *L, struct pelt_templates *templates,
                         const struct pelt_template_key *key, const struct pelt_template *made,
                         int method, int options);

/* `index` counts from below. Index of the table that holds the entries of the one at `index`:
 * itself, or what stands behind it where it is a view of setup's data (lua/guard.lua); that one is
 * pushed. */
int pelt_template_entries(lua_State *L, int index);

#endif
