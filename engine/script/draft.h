/*
 * draft: composes the request of one call from method, URL, client and options (a Lua table), in a
 * buffer that a strand reuses from call to call; a prebuilt request is a copy of one. All but path
 * and body comes from a template (template.h), made where none is kept.
 *
 * Later headers win over earlier ones of the same name: pelt's own, --header, the client's, the
 * call's.
 */
#ifndef PELT_DRAFT_H
#define PELT_DRAFT_H

#include <lua.h>

#include "fields.h"
#include "pelt/request.h"
#include "pelt/url.h"
#include "shard.h"
#include "template.h"

#define PELT_BODY_KEPT_MAX (1u << 20) /* bytes of a response body that a script can read */
#define PELT_REDIRECTS_MAX 50

/* What http.client{} fixed. Lives in a userdata; its user values anchor the strings that spans
 * borrow. */
struct pelt_http_client {
    uint64_t serial;     /* in its shard, from 1; unlike its address never another's */
    uint64_t timeout_ns; /* whole exchange; 0: the default */
    bool cookies;        /* the user's are sent, and kept */
    uint8_t redirects;   /* hops that are followed */
    bool has_base;
    struct pelt_url base;       /* only with has_base */
    struct pelt_span prefix;    /* of base: its path without the last '/' */
    struct pelt_origin *origin; /* of base; NULL while the file is only read */
    struct pelt_login login;    /* for Digest; user.ptr NULL: none */
    bool stale_again;           /* what ends as stale_reuse is called again */
    size_t fields_len;
    struct pelt_field fields[]; /* --header and the client's */
};

struct pelt_draft {
    struct pelt_request request; /* `bytes` borrows from buf */
    struct pelt_buf buf;
    uint16_t expect[PELT_EXPECT_MAX];
    struct pelt_manner manner;
};

void pelt_draft_free(struct pelt_draft *draft); /* accepts NULL */
void pelt_draft_trim(
    struct pelt_draft *draft); /* after a call: large buffers are freed; accepts NULL */

/* Takes a URL as the base of relative paths; the text must outlive the client. PELT_EINVAL: no such
 * URL. */
PELT_MUST_USE enum pelt_status pelt_http_client_set_base(struct pelt_http_client *client,
                                                         struct pelt_span text,
                                                         struct pelt_error *err);

/* Reads `redirects` at `index`. Raises. */
uint8_t pelt_draft_redirects(lua_State *L, int index, const char *what);

/* What is called, for messages: "http.get". */
struct pelt_call {
    const char *what;
    const char *method;
    int url, options;   /* stack indexes; options: nil or a table */
    const char *accept; /* for a field Accept, unless given; NULL: none */
    int method_index;   /* of the string that `method` is; 0: it is a constant */
};

/* *at, made at first use. Raises (memory). */
struct pelt_draft *pelt_draft_at(lua_State *L, struct pelt_draft **at);
/* The series that a request without a name belongs to. May raise (memory). */
uint32_t pelt_draft_series(lua_State *L, const char *method, struct pelt_span target);
/* Of one with this name. May raise (memory). */
uint32_t pelt_draft_series_named(lua_State *L, struct pelt_span name);

/* Composes into *draft, made at first use. Raises what is wrong at the script's line. */
const struct pelt_request *pelt_draft_compose(lua_State *L, struct pelt_http_client *client,
                                              const struct pelt_call *call,
                                              struct pelt_draft **draft);

#endif
