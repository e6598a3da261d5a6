/*
 * httplink: libcurl is given one connected socket a link and refused any other. So whoever counts
 * connections knows of each, and what libcurl would mend in silence is seen.
 */
#include "httplink.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "clock.h"
#include "dependency.h"

#define NS_PER_MS UINT64_C(1000000)
#define SLICE_MS  100                  /* how soon a connecting thread sees that all ends */
#define AGE_MAX_S (100L * 365 * 86400) /* others say when a connection is too old */

struct target_httplink {
    CURL *easy;
    int fd;         /* -1: closed */
    bool is_handed; /* libcurl has the socket, and closes it by `on_close` */
};

static bool is_time_left(const struct target_httplink_to *to, uint64_t deadline_ns)
{
    return !target_dependency_is_ending(to->dependency) && target_clock_now_ns() < deadline_ns;
}

static bool await_connected(const struct target_httplink_to *to, int fd, uint64_t deadline_ns)
{
    struct pollfd connecting = {.fd = fd, .events = POLLOUT};
    int why = 0;
    socklen_t length = sizeof why;

    while (poll(&connecting, 1, SLICE_MS) <= 0) {
        if (!is_time_left(to, deadline_ns)) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &length);
    errno = why;
    return why == 0;
}

/* A connected socket; -1: none. */
static int connect_to(const struct target_httplink_to *to, const struct addrinfo *address,
                      uint64_t deadline_ns)
{
    int one = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int why;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
        (errno == EINPROGRESS && await_connected(to, fd, deadline_ns))) {
        return fd;
    }
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* libcurl's hosts have brackets around an IPv6 address. NULL: none, and `*why`. */
static struct addrinfo *resolve(const struct target_httplink_to *to, const char **why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    bool is_v6 = to->host[0] == '[';
    char *host = strndup(to->host + is_v6, strlen(to->host) - (is_v6 ? 2 : 0));
    int code = host ? getaddrinfo(host, to->port, &hints, &addresses) : EAI_MEMORY;

    free(host);
    *why = gai_strerror(code);
    return code == 0 ? addresses : NULL;
}

static int connect_to_any(const struct target_httplink_to *to, uint64_t deadline_ns,
                          const char **why)
{
    struct addrinfo *addresses = resolve(to, why);
    int fd = -1;

    for (struct addrinfo *at = addresses; at && fd < 0; at = at->ai_next) {
        errno = ETIMEDOUT;
        fd = is_time_left(to, deadline_ns) ? connect_to(to, at, deadline_ns) : -1;
        *why = strerrordesc_np(errno);
    }
    if (addresses) {
        freeaddrinfo(addresses);
    }
    return fd;
}

static curl_socket_t on_open(void *cls, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct target_httplink *link = cls;

    if (link->is_handed || link->fd < 0) {
        return CURL_SOCKET_BAD;
    }
    link->is_handed = true;
    return link->fd;
}

static int on_socket(void *cls, curl_socket_t fd, curlsocktype purpose)
{
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static int on_close(void *cls, curl_socket_t fd)
{
    struct target_httplink *link = cls;

    link->fd = -1;
    return close(fd);
}

static size_t on_body(char *data, size_t size, size_t count, void *cls)
{
    return size * count; /* read, so that the connection can be used again */
}

static int on_progress(void *cls, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct target_httplink_to *to = cls;

    return target_dependency_is_ending(to->dependency);
}

/* Instead of an address that libcurl would look up, though the socket is connected already. */
static char address[] = "::127.0.0.1:";
static struct curl_slist any_address = {.data = address};

static bool prepare(const struct target_httplink_to *to, struct target_httplink *link)
{
    CURL *easy = link->easy;

    return curl_easy_setopt(easy, CURLOPT_URL, to->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECT_TO, &any_address) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "pelt-target/" PELT_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, AGE_MAX_S) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, link) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, link) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, (void *)to) == CURLE_OK;
}

void target_httplink_close(struct target_httplink *link)
{
    curl_easy_cleanup(link->easy);
    if (link->fd >= 0) {
        close(link->fd);
    }
    free(link);
}

struct target_httplink *target_httplink_open(const struct target_httplink_to *to,
                                             uint64_t deadline_ns, const char **why)
{
    struct target_httplink *link = calloc(1, sizeof *link);

    if (!link) {
        *why = "no memory";
        return NULL;
    }
    link->fd = connect_to_any(to, deadline_ns, why);
    link->easy = link->fd >= 0 ? curl_easy_init() : NULL;
    if (!link->easy || !prepare(to, link)) {
        target_httplink_close(link);
        return NULL;
    }
    return link;
}

/* An upstream has nothing to say unasked. */
bool target_httplink_is_open(const struct target_httplink *link)
{
    char byte;

    return link->fd >= 0 && recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* By libcurl's clock, which has milliseconds. */
static long timeout_ms(uint64_t deadline_ns)
{
    uint64_t now_ns = target_clock_now_ns();

    return deadline_ns > now_ns ? (long)((deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS) : 1;
}

int target_httplink_get(struct target_httplink *link, uint64_t deadline_ns, bool *is_good)
{
    long status = 0;
    CURLcode code;

    curl_easy_setopt(link->easy, CURLOPT_TIMEOUT_MS, timeout_ms(deadline_ns));
    code = curl_easy_perform(link->easy);
    *is_good = code == CURLE_OK && link->fd >= 0;
    if (code != CURLE_OK) {
        return code == CURLE_OPERATION_TIMEDOUT ? TARGET_HTTPLINK_LATE : TARGET_HTTPLINK_BROKEN;
    }
    curl_easy_getinfo(link->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static bool split_url(const char *url, char **host, char **port)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    bool is_good = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   strcmp(scheme, "http") == 0 &&
                   curl_url_get(parts, CURLUPART_HOST, host, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_PORT, port, CURLU_DEFAULT_PORT) == CURLUE_OK;

    curl_free(scheme);
    curl_url_cleanup(parts);
    return is_good;
}

bool target_httplink_to_init(struct target_httplink_to *to, const char *url)
{
    *to = (struct target_httplink_to){.url = strdup(url)};
    return to->url && split_url(url, &to->host, &to->port);
}

void target_httplink_to_deinit(struct target_httplink_to *to)
{
    free(to->url);
    curl_free(to->host);
    curl_free(to->port);
}
