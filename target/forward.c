/* forward: see the header. libmicrohttpd has already decoded path and query: what goes on is the
 * target as it was before. */
#include "forward.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "hop.h"

#define FORWARDED_BYTES 2048 /* of X-Forwarded-For, with its end */

struct fields { /* of the client, on their way into the call */
    struct target_relay_call *call;
    const struct target_admission *admission;
    bool is_good;
};

struct hop_search {
    const char *name;
    bool is_named;
};

bool target_forward_takes_method(const char *method)
{
    size_t length = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");

    return length > 0 && length <= 32 && method[length] == '\0' && strcmp(method, "CONNECT") != 0;
}

bool target_forward_takes_target(const char *method, const char *target)
{
    bool is_path = target[0] == '/';
    bool is_server = strcmp(target, "*") == 0 && strcmp(method, "OPTIONS") == 0;

    for (const char *at = target; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 127) {
            return false;
        }
    }
    return is_path || is_server;
}

/* ---- where it goes ---- */

bool target_forward_readdress(struct target_relay_call *call, const char *address)
{
    free(call->url);
    if (asprintf(&call->url, "http://%s/", address) < 0) {
        call->url = NULL;
    }
    return call->url != NULL;
}

/* An answer that others get, too, must have its body: they may have sent GET. */
static const char *method_for(const struct target_admission *admission)
{
    bool is_head = strcmp(admission->method, "HEAD") == 0;

    return is_head && admission->is_body_wanted ? "GET" : admission->method;
}

/* ---- the header fields ---- */

static enum MHD_Result look_for_name(void *cls, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct hop_search *search = cls;

    if (value && strcasecmp(name, "Connection") == 0) {
        search->is_named |= target_hop_names(value, search->name, strlen(search->name));
    }
    return MHD_YES;
}

static bool is_of_connection(struct MHD_Connection *connection, const char *name)
{
    struct hop_search search = {.name = name};

    if (target_hop_is_field(name, strlen(name))) {
        return true;
    }
    MHD_get_connection_values(connection, MHD_HEADER_KIND, look_for_name, &search);
    return search.is_named;
}

/* What the call makes itself, or is added anew. */
static bool is_made_anew(const struct target_admission *admission, const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Expect") == 0 ||
           strcasecmp(name, "X-Forwarded-For") == 0 ||
           (admission->correlation_id && strcasecmp(name, "X-Correlation-ID") == 0);
}

static bool is_passed_on(const struct target_admission *admission, const char *name,
                         const char *value)
{
    return name[0] != '\0' && !strpbrk(name, " \t\r\n:;") && !strpbrk(value, "\r\n") &&
           !is_made_anew(admission, name) && !is_of_connection(admission->connection, name);
}

static enum MHD_Result add_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct fields *fields = cls;
    const char *text = value ? value : "";

    if (fields->is_good && is_passed_on(fields->admission, name, text)) {
        fields->is_good = target_relay_call_add(fields->call, name, text);
    }
    return MHD_YES;
}

/* The client's, and none of libcurl's. */
static bool add_fields(struct target_relay_call *call, const struct target_admission *admission)
{
    struct fields fields = {.call = call, .admission = admission, .is_good = true};

    if (admission->connection) {
        MHD_get_connection_values(admission->connection, MHD_HEADER_KIND, add_field, &fields);
    }
    return fields.is_good && target_relay_call_omit(call, "Accept") &&
           target_relay_call_omit(call, "Content-Type") && target_relay_call_omit(call, "Expect");
}

struct senders { /* "10.0.0.1, 10.0.0.2" */
    char list[FORWARDED_BYTES];
    size_t bytes;
    bool is_good; /* all fit */
};

static void add_sender(struct senders *senders, const char *name)
{
    size_t room = sizeof senders->list - senders->bytes;
    int bytes = snprintf(senders->list + senders->bytes, room, "%s%s",
                         senders->bytes > 0 ? ", " : "", name);

    senders->is_good &= bytes >= 0 && (size_t)bytes < room;
    senders->bytes += senders->is_good ? (size_t)bytes : 0;
}

static enum MHD_Result add_senders(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    if (value && strcasecmp(name, "X-Forwarded-For") == 0 && !strpbrk(value, "\r\n")) {
        add_sender(cls, value);
    }
    return MHD_YES;
}

/* The client's own list of whom it came through, unless it is too long, and the client. */
static bool add_forwarded_for(struct target_relay_call *call,
                              const struct target_admission *admission)
{
    struct MHD_Connection *connection = admission->connection;
    struct senders senders = {.is_good = true};
    const union MHD_ConnectionInfo *info =
        connection ? MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS) : NULL;
    char host[NI_MAXHOST];

    if (!info || !info->client_addr ||
        getnameinfo(info->client_addr, sizeof(struct sockaddr_storage), host, sizeof host, NULL, 0,
                    NI_NUMERICHOST) != 0) {
        return true;
    }
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_senders, &senders);
    add_sender(&senders, host);
    return target_relay_call_add(call, "X-Forwarded-For", senders.is_good ? senders.list : host);
}

/* ---- the body ---- */

/* A copy: a streamed answer may outlast the request. */
static bool fill_body(struct target_relay_call *call, const struct target_admission *admission)
{
    if (admission->body_bytes > 0) {
        call->owned_body = malloc(admission->body_bytes);
        if (!call->owned_body) {
            return false;
        }
        memcpy(call->owned_body, admission->body, admission->body_bytes);
    }
    call->body = call->owned_body;
    call->body_bytes = admission->body_bytes;
    call->has_body = admission->body_bytes > 0 ||
                     target_admission_header(admission, "Content-Length") ||
                     target_admission_header(admission, "Transfer-Encoding");
    return true;
}

bool target_forward_fill(struct target_relay_call *call, const struct target_admission *admission,
                         const char *address)
{
    call->method = method_for(admission);
    call->target = admission->target;
    return target_forward_readdress(call, address) && fill_body(call, admission) &&
           add_fields(call, admission) && add_forwarded_for(call, admission) &&
           (!admission->correlation_id ||
            target_relay_call_add(call, "X-Correlation-ID", admission->correlation_id));
}
