/*
 * dns: see the header.
 *
 * A name is known (in `names`) while its query runs or its answer is fresh. Who asks meanwhile
 * waits in the name's list. When the answer comes, the list is moved into a batch before anyone is
 * called, because a callback may ask the same name again, or cancel one who is still waiting.
 *
 *   resolve: literal -> answered; fresh -> answered; asking -> waits; otherwise -> query, waits
 *
 * c-ares tells which sockets it wants watched (an ev_io each) and when it next looks for timeouts
 * (one ev_timer).
 */
#include "pelt/dns.h"

#include <ares.h>
#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "pelt/clock.h"

struct question {
    struct question *next;
    pelt_dns_fn fn;
    void *arg;
    uint16_t port;
};

struct name {
    struct name *next;
    struct pelt_dns *dns;
    struct question *first; /* who waits; empty unless asking */
    struct pelt_addrs addrs;
    uint64_t fresh_until_ns; /* 0: no answer yet */
    bool asking;
    char host[];
};

/* Those of one answered name who were not called yet; on the stack of who calls them. */
struct batch {
    struct batch *outer;
    struct question *first;
};

struct watched { /* a socket of c-ares */
    ev_io io;    /* first member */
    struct watched *next;
    struct pelt_dns *dns;
};

struct pelt_dns {
    ev_timer timer; /* first member */
    struct ev_loop *loop;
    ares_channel channel;
    uint64_t ttl_ns;
    struct name *names;
    struct batch *batches;
    struct watched *watched;
};

/* ---- c-ares on the loop ---- */

/* Asks c-ares when it wants to look for timeouts, and waits until then. After each of its calls. */
static void arm(struct pelt_dns *dns)
{
    struct timeval tv;
    if (ares_timeout(dns->channel, NULL, &tv) == NULL) {
        ev_timer_stop(dns->loop, &dns->timer);
        return;
    }
    double wait_s = (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
    dns->timer.repeat = wait_s > 0.001 ? wait_s : 0.001;
    ev_timer_again(dns->loop, &dns->timer);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
    struct pelt_dns *dns = ((struct watched *)io)->dns;
    int fd = io->fd;
    /* `io` may be gone behind this: c-ares closes sockets when it has its answer. */
    ares_process_fd(dns->channel, events & EV_READ ? fd : ARES_SOCKET_BAD,
                    events & EV_WRITE ? fd : ARES_SOCKET_BAD);
    arm(dns);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pelt_dns *dns = (struct pelt_dns *)timer;
    ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(dns);
}

static struct watched **find_watched(struct pelt_dns *dns, int fd)
{
    struct watched **at = &dns->watched;
    while (*at != NULL && (*at)->io.fd != fd) {
        at = &(*at)->next;
    }
    return at;
}

static void unwatch(struct watched **at)
{
    struct watched *w = *at;
    *at = w->next;
    ev_io_stop(w->dns->loop, &w->io);
    free(w);
}

/* c-ares: watch `fd` so; neither: it is about to be closed. Out of memory: not watched, the
 * question times out. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct pelt_dns *dns = arg;
    struct watched **at = find_watched(dns, fd);
    if (!readable && !writable) {
        if (*at != NULL) {
            unwatch(at);
        }
        return;
    }
    if (*at == NULL) {
        struct watched *w = calloc(1, sizeof(struct watched));
        if (w == NULL) {
            return;
        }
        w->dns = dns;
        ev_init(&w->io, on_socket);
        *at = w;
    }
    ev_io_stop(dns->loop, &(*at)->io);
    ev_io_set(&(*at)->io, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    ev_io_start(dns->loop, &(*at)->io);
}

/* ---- names ---- */

static void free_questions(struct question *q)
{
    while (q != NULL) {
        struct question *next = q->next;
        free(q);
        q = next;
    }
}

static void forget(struct pelt_dns *dns, struct name *name)
{
    struct name **at = &dns->names;
    while (*at != name) {
        at = &(*at)->next;
    }
    *at = name->next;
    free_questions(name->first);
    free(name);
}

/* The name if it is asked for or fresh. Names past their time are forgotten on the way, so the list
 * does not grow with the length of a run. */
static struct name *find_name(struct pelt_dns *dns, const char *host, uint64_t now_ns)
{
    struct name *found = NULL;
    for (struct name *n = dns->names, *next; n != NULL; n = next) {
        next = n->next;
        if (!n->asking && n->fresh_until_ns <= now_ns) {
            forget(dns, n);
        } else if (strcasecmp(n->host, host) == 0) {
            found = n;
        }
    }
    return found;
}

static struct name *add_name(struct pelt_dns *dns, const char *host)
{
    size_t len = strlen(host);
    struct name *n = calloc(1, sizeof(struct name) + len + 1);
    if (n != NULL) {
        memcpy(n->host, host, len);
        n->dns = dns;
        n->next = dns->names;
        dns->names = n;
    }
    return n;
}

static bool add_question(struct name *name, uint16_t port, pelt_dns_fn fn, void *arg)
{
    struct question *q = malloc(sizeof(struct question));
    if (q == NULL) {
        return false;
    }
    *q = (struct question){.fn = fn, .arg = arg, .port = port};
    struct question **at = &name->first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = q;
    return true;
}

static void drop_questions(struct question **at, void *arg)
{
    while (*at != NULL) {
        struct question *q = *at;
        if (q->arg == arg) {
            *at = q->next;
            free(q);
        } else {
            at = &q->next;
        }
    }
}

/* ---- answers ---- */

static void answer(pelt_dns_fn fn, void *arg, uint16_t port, const struct pelt_addrs *addrs)
{
    struct pelt_addrs own = *addrs;
    for (size_t i = 0; i < own.len; i++) {
        pelt_addr_set_port(&own.addr[i], port);
    }
    fn(arg, &own, NULL);
}

/* Calls all of `first`, and frees them. addrs NULL: `why`. */
static void answer_all(struct pelt_dns *dns, struct question *first, const struct pelt_addrs *addrs,
                       const char *why)
{
    struct batch batch = {.outer = dns->batches, .first = first};
    dns->batches = &batch;
    while (batch.first != NULL) {
        struct question *q = batch.first;
        batch.first = q->next;
        if (addrs != NULL) {
            answer(q->fn, q->arg, q->port, addrs);
        } else {
            q->fn(q->arg, NULL, why);
        }
        free(q);
    }
    dns->batches = batch.outer;
}

static void add_addr(struct pelt_addrs *addrs, const struct ares_addrinfo_node *node)
{
    bool known = node->ai_family == AF_INET || node->ai_family == AF_INET6;
    if (!known || (size_t)node->ai_addrlen > sizeof(addrs->addr[0].u)) {
        return;
    }
    if (addrs->len == PELT_ADDRS_MAX) {
        addrs->left_out++;
    } else {
        struct pelt_addr *a = &addrs->addr[addrs->len++];
        memcpy(&a->u, node->ai_addr, node->ai_addrlen);
        a->len = node->ai_addrlen;
    }
}

static const char *why_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
    case ARES_ENODATA:
        return "the name has no address (neither A nor AAAA)";
    case ARES_ENOTFOUND:
        return "no such name (NXDOMAIN)";
    case ARES_ETIMEOUT:
        return "no name server answered in time";
    case ARES_ECONNREFUSED: /* also when each server answered so that the next one was tried */
        return "no name server helped (unreachable, SERVFAIL or REFUSED)";
    case ARES_ESERVFAIL:
        return "the name server failed (SERVFAIL)";
    case ARES_EREFUSED:
        return "the name server refused the question (REFUSED)";
    case ARES_EBADNAME:
        return "not a name that DNS can carry";
    default:
        return ares_strerror(status);
    }
}

/* c-ares: the end of a name's query. */
static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct name *name = arg;
    struct pelt_dns *dns = name->dns;
    struct pelt_addrs addrs = {.len = 0};
    for (struct ares_addrinfo_node *n = info != NULL ? info->nodes : NULL; n != NULL;
         n = n->ai_next) {
        add_addr(&addrs, n);
    }
    ares_freeaddrinfo(info);
    if (status == ARES_EDESTRUCTION) {
        return; /* pelt_dns_free; it frees the names itself */
    }
    struct question *waiting = name->first;
    name->first = NULL;
    name->asking = false;
    if (addrs.len > 0) {
        uint64_t now_ns = pelt_clock_ns();
        name->addrs = addrs;
        name->fresh_until_ns =
            dns->ttl_ns < PELT_NEVER - now_ns ? now_ns + dns->ttl_ns : PELT_NEVER;
    } else {
        forget(dns, name);
    }
    answer_all(dns, waiting, addrs.len > 0 ? &addrs : NULL, why_of(status));
}

static void query(struct name *name)
{
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct pelt_dns *dns = name->dns;
    name->asking = true;
    ares_getaddrinfo(dns->channel, name->host, NULL, &hints, on_answer,
                     name); /* may answer at once */
    arm(dns);
}

/* ---- public ---- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

static void library_init(void)
{
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

enum pelt_status pelt_dns_new(struct ev_loop *loop, uint64_t ttl_ns, struct pelt_dns **out,
                              struct pelt_error *err)
{
    *out = NULL;
    struct pelt_dns *dns = calloc(1, sizeof(struct pelt_dns));
    if (dns == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    dns->loop = loop;
    dns->ttl_ns = ttl_ns;
    ev_init(&dns->timer, on_timer);
    pthread_once(&library_once, library_init);
    struct ares_options options = {.sock_state_cb = on_socket_state, .sock_state_cb_data = dns};
    int given = ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE /* since 1.31: what is remembered, and how long, is said by ttl_ns */
    options.qcache_max_ttl = 0;
    given |= ARES_OPT_QUERY_CACHE;
#endif
    int status = library_status;
    if (status == ARES_SUCCESS) {
        status = ares_init_options(&dns->channel, &options, given);
    }
    if (status != ARES_SUCCESS) {
        pelt_dns_free(dns);
        return pelt_fail(err, PELT_EIO, "name resolution (c-ares) cannot start: %s",
                         ares_strerror(status));
    }
    *out = dns;
    return PELT_OK;
}

void pelt_dns_free(struct pelt_dns *dns)
{
    if (dns == NULL) {
        return;
    }
    if (dns->channel != NULL) {
        ares_destroy(dns->channel); /* ends open queries and unwatches their sockets */
    }
    while (dns->watched != NULL) {
        unwatch(&dns->watched);
    }
    ev_timer_stop(dns->loop, &dns->timer);
    while (dns->names != NULL) {
        forget(dns, dns->names);
    }
    free(dns);
}

enum pelt_status pelt_dns_set_servers(struct pelt_dns *dns, const char *servers,
                                      struct pelt_error *err)
{
    int status = ares_set_servers_ports_csv(dns->channel, servers);
    if (status != ARES_SUCCESS || *servers == '\0') {
        return pelt_fail(err, PELT_EINVAL, "name servers \"%s\": expected ADDRESS[:PORT],...",
                         servers);
    }
    return PELT_OK;
}

/* What needs no question: a literal address, and localhost, which RFC 6761 (6.3) keeps from servers
 * and which must not depend on a hosts file. A host without IPv6 has no ::1: it comes second. */
static bool known(const char *host, uint16_t port, struct pelt_addrs *out)
{
    out->in_order = true;
    if (pelt_addr_literal(host, port, &out->addr[0])) {
        out->len = 1;
        return true;
    }
    if (strcasecmp(host, "localhost") != 0) {
        return false;
    }
    out->len = 2;
    return pelt_addr_literal("127.0.0.1", port, &out->addr[0]) &&
           pelt_addr_literal("::1", port, &out->addr[1]);
}

void pelt_dns_resolve(struct pelt_dns *dns, const char *host, uint16_t port, pelt_dns_fn fn,
                      void *arg)
{
    struct pelt_addrs addrs = {.len = 0};
    if (known(host, port, &addrs)) {
        fn(arg, &addrs, NULL);
        return;
    }
    struct name *name = find_name(dns, host, pelt_clock_ns());
    if (name != NULL && !name->asking) {
        answer(fn, arg, port, &name->addrs);
        return;
    }
    bool is_new = name == NULL;
    if (is_new) {
        name = add_name(dns, host);
    }
    if (name == NULL || !add_question(name, port, fn, arg)) {
        fn(arg, NULL,
           "out of memory"); /* a new name without a question is forgotten by the next search */
        return;
    }
    if (is_new) {
        query(name);
    }
}

void pelt_dns_cancel(struct pelt_dns *dns, void *arg)
{
    for (struct name *n = dns->names; n != NULL; n = n->next) {
        drop_questions(&n->first, arg);
    }
    for (struct batch *b = dns->batches; b != NULL; b = b->outer) {
        drop_questions(&b->first, arg);
    }
}
