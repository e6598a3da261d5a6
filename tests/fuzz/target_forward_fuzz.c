/*
 * target_forward: whatever bytes a client sends, what goes on to a back end is one request, to that
 * back end: its address stays, the target is that of the client and a path, fields are the client's
 * own, each one line, and none of them is of its connection.
 *
 * The bytes are read by libmicrohttpd, as those of the service are. Read as lines of an answer's
 * head, nothing of them is passed on but fields, and none of its connection.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>
#include <microhttpd.h>

#include "forward.h"
#include "hop.h"

#define ADDRESS   "127.0.0.1:18801"
#define TURNS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *sent; /* by the client */
static size_t sent_bytes;

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static int is_among(const char *text, size_t bytes)
{
    return memmem(sent, sent_bytes, text, bytes) != NULL;
}

/* But for folded lines (RFC 9112, 5.2), whose second half libmicrohttpd adds to the name. */
static int was_sent(const char *text, size_t bytes)
{
    return is_among(text, bytes) || is_among("\n ", 2) || is_among("\n\t", 2) ||
           is_among("\r ", 2) || is_among("\r\t", 2);
}

/* ---- what goes on ---- */

struct named { /* whether a Connection field of the client names it */
    const char *name;
    size_t bytes;
    int is_named;
};

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct named *named = cls;

    if (strcasecmp(name, "Connection") == 0 && value) {
        named->is_named |= target_hop_names(value, named->name, named->bytes);
    }
    return MHD_YES;
}

static int is_made(const char *line, size_t bytes, const char *name)
{
    return bytes == strlen(name) && strncasecmp(line, name, bytes) == 0;
}

static void check_field(struct MHD_Connection *connection, const char *line)
{
    size_t name_bytes = strcspn(line, ":;");
    const char *value = line + name_bytes + 1;
    struct named named = {.name = line, .bytes = name_bytes};

    require(name_bytes > 0 && line[name_bytes] && !strpbrk(line, "\r\n"));
    if (line[name_bytes] == ':' && *value == '\0') { /* left out: libcurl's own */
        require(is_made(line, name_bytes, "Accept") || is_made(line, name_bytes, "Content-Type") ||
                is_made(line, name_bytes, "Expect"));
        return;
    }
    require(line[name_bytes] == ':' ? *value == ' ' : *value == '\0');
    require(!target_hop_is_field(line, name_bytes));
    require(!is_made(line, name_bytes, "Content-Length") && !is_made(line, name_bytes, "Expect"));
    if (is_made(line, name_bytes, "X-Forwarded-For")) {
        return; /* added, whatever the client says of it */
    }
    MHD_get_connection_values(connection, MHD_HEADER_KIND, look, &named);
    require(!named.is_named);
    require(was_sent(line, name_bytes));
}

static void check(struct MHD_Connection *connection, const struct target_relay_call *call,
                  const struct target_admission *admission)
{
    require(strcmp(call->url, "http://" ADDRESS "/") == 0);
    require(call->target[0] == '/' || strcmp(call->target, "*") == 0);
    require(is_among(call->target, strlen(call->target)));
    for (const char *at = call->target; *at; at++) {
        require((unsigned char)*at > ' ' && *at != 127);
    }
    require(strcmp(call->method, admission->method) == 0);
    for (const struct curl_slist *field = call->fields; field; field = field->next) {
        check_field(connection, field->data);
    }
}

static void forward(struct MHD_Connection *connection, const char *path, const char *method,
                    const char *target)
{
    const struct target_admission admission = {
        .connection = connection, .path = path, .method = method, .target = target};
    struct target_relay_call *call;

    if (!target_forward_takes_target(method, target) || !target_forward_takes_method(method)) {
        return;
    }
    call = target_relay_call_new(NULL);
    if (call && target_forward_fill(call, &admission, ADDRESS)) {
        check(connection, call, &admission);
        require(target_forward_readdress(call, "b:1") && strcmp(call->url, "http://b:1/") == 0);
    }
    if (call) {
        target_relay_call_drop(call);
    }
}

/* ---- what comes back ---- */

static void check_passed(const struct target_answerhead *head)
{
    for (const char *line = head->text; line && *line; line += strlen(line) + 1) {
        size_t bytes = strcspn(line, ":");

        require(line[bytes] == ':' && bytes > 0 && is_among(line, strlen(line)));
        require(!target_hop_is_field(line, bytes) && !is_made(line, bytes, "Content-Length"));
        require(!head->is_over || head->hop_bytes == 0 ||
                !target_hop_names(head->hop, line, bytes));
        require((size_t)(line + strlen(line) + 1 - head->text) <= head->bytes);
    }
}

static void read_answer(void)
{
    struct target_answerhead head = {.text = NULL};
    const char *at = (const char *)sent, *end = at + sent_bytes;

    target_answerhead_reset(&head);
    while (at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));

        next = next ? next + 1 : end;
        if (!target_answerhead_line(&head, at, (size_t)(next - at))) {
            break;
        }
        check_passed(&head);
        at = next;
    }
    target_answerhead_deinit(&head);
}

/* ---- the library ---- */

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    return strdup(target ? target : "");
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_bytes, void **slot)
{
    if (*slot) {
        forward(connection, path, method, *slot);
    }
    return MHD_NO; /* it has seen what it wants: the connection ends */
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode why)
{
    free(*slot);
    *slot = NULL;
}

static void ignore(void *cls, const char *format, va_list args)
{
}

static struct MHD_Daemon *start(void)
{
    return MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL, 0, NULL, NULL, on_request,
                            NULL, MHD_OPTION_EXTERNAL_LOGGER, ignore, NULL,
                            MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)8192, MHD_OPTION_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct MHD_Daemon *daemon;
    const struct sockaddr_in client = {.sin_family = AF_INET};
    const union MHD_DaemonInfo *info;
    int ends[2];

    daemon = daemon ? daemon : start();
    require(daemon != NULL);
    if (size == 0 || size > 8192 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0) {
        return 0;
    }
    sent = data;
    sent_bytes = size;
    read_answer();
    require(write(ends[0], data, size) == (ssize_t)size);
    shutdown(ends[0], SHUT_WR);
    require(MHD_add_connection(daemon, ends[1], (const struct sockaddr *)&client, sizeof client) ==
            MHD_YES);
    info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    for (int i = 0; i < TURNS_MAX && info->num_connections > 0; i++) {
        MHD_run(daemon);
        info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    }
    close(ends[0]);
    MHD_run(daemon);
    return 0;
}
