/* forward: see the header. libmicrohttpd gives path and query decoded: they are encoded again. */
#include "forward.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <microhttpd.h>

#define SCHEME "http://"
#define PLAIN  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

struct fields { /* of the client, on their way into the call */
    struct target_relay_call *call;
    const struct target_admission *admission;
    bool is_good;
};

bool target_forward_takes(const char *method)
{
    size_t length = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");

    return length > 0 && length <= 32 && method[length] == '\0';
}

/* ---- the url ---- */

static void add_encoded(FILE *out, const char *text, size_t bytes, const char *also)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c != '\0' && (strchr(PLAIN, c) || strchr(also, c))) {
            fputc(c, out);
        } else {
            fprintf(out, "%%%02X", c);
        }
    }
}

struct query {
    FILE *out;
    char before; /* '?', then '&' */
};

static enum MHD_Result add_argument(void *cls, enum MHD_ValueKind kind, const char *name,
                                    size_t name_bytes, const char *value, size_t value_bytes)
{
    struct query *query = cls;

    fputc(query->before, query->out);
    query->before = '&';
    add_encoded(query->out, name, name_bytes, "");
    if (value) {
        fputc('=', query->out);
        add_encoded(query->out, value, value_bytes, "");
    }
    return MHD_YES;
}

static char *make_url(const struct target_admission *admission, const char *address)
{
    char *url = NULL;
    size_t bytes;
    FILE *out = open_memstream(&url, &bytes);
    struct query query = {.out = out, .before = '?'};

    if (!out) {
        return NULL;
    }
    fprintf(out, SCHEME "%s", address);
    add_encoded(out, admission->path, strlen(admission->path), "/:@!$'()*+,;=");
    if (admission->connection) {
        MHD_get_connection_values_n(admission->connection, MHD_GET_ARGUMENT_KIND, add_argument,
                                    &query);
    }
    return fclose(out) == 0 ? url : (free(url), NULL);
}

bool target_forward_readdress(struct target_relay_call *call, const char *address)
{
    const char *path = call->url ? strchr(call->url + strlen(SCHEME), '/') : NULL;
    char *url = NULL;

    if (asprintf(&url, SCHEME "%s%s", address, path ? path : "/") < 0) {
        url = NULL;
    }
    free(call->url);
    call->url = url;
    return url != NULL;
}

/* ---- the header fields ---- */

/* Of the connection, of what the call makes itself, or added anew. */
static bool is_passed_on(const char *name)
{
    static const char *const own[] = {
        "Connection", "Keep-Alive", "Proxy-Connection",  "Proxy-Authorization",
        "TE",         "Trailer",    "Transfer-Encoding", "Upgrade",
        "Host",       "Expect",     "Content-Length",    "X-Forwarded-For",
    };

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (strcasecmp(name, own[i]) == 0) {
            return false;
        }
    }
    return name[0] != '\0' && !strpbrk(name, " \t\r\n:;");
}

static enum MHD_Result add_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct fields *fields = cls;
    const char *text = value ? value : "";
    bool is_id = strcasecmp(name, "X-Correlation-ID") == 0 && fields->admission->correlation_id;

    if (fields->is_good && is_passed_on(name) && !is_id && !strpbrk(text, "\r\n")) {
        fields->is_good = target_relay_call_add(fields->call, name, text);
    }
    return MHD_YES;
}

/* The client's own list of whom it came through, and the client. */
static bool add_forwarded_for(struct target_relay_call *call,
                              const struct target_admission *admission)
{
    const char *before = target_admission_header(admission, "X-Forwarded-For");
    const union MHD_ConnectionInfo *info =
        admission->connection
            ? MHD_get_connection_info(admission->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
            : NULL;
    char host[NI_MAXHOST], list[1024 + NI_MAXHOST];

    if (!info || !info->client_addr ||
        getnameinfo(info->client_addr, sizeof(struct sockaddr_storage), host, sizeof host, NULL, 0,
                    NI_NUMERICHOST) != 0) {
        return true;
    }
    if (!before || strlen(before) > 1000 || strpbrk(before, "\r\n")) {
        before = "";
    }
    snprintf(list, sizeof list, "%s%s%s", before, *before ? ", " : "", host);
    return target_relay_call_add(call, "X-Forwarded-For", list);
}

bool target_forward_fill(struct target_relay_call *call, const struct target_admission *admission,
                         const char *address)
{
    struct fields fields = {.call = call, .admission = admission, .is_good = true};

    call->method = admission->method;
    call->url = make_url(admission, address);
    if (admission->body_bytes > 0) { /* a copy: a streamed answer may outlast the request */
        call->owned_body = malloc(admission->body_bytes);
        if (!call->owned_body) {
            return false;
        }
        memcpy(call->owned_body, admission->body, admission->body_bytes);
    }
    call->body = call->owned_body;
    call->body_bytes = admission->body_bytes;
    if (admission->connection) {
        MHD_get_connection_values(admission->connection, MHD_HEADER_KIND, add_field, &fields);
    }
    return call->url && fields.is_good && add_forwarded_for(call, admission) &&
           (!admission->correlation_id ||
            target_relay_call_add(call, "X-Correlation-ID", admission->correlation_id));
}
