/*
 * A row: "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000  33  0 1578
 * ...": number, local and remote address, state, sending and receiving queue, timer, retransmits,
 * user, timeout, inode. Addresses are 32-bit words as the host keeps them, in hexadecimal; ports
 * are numbers.
 */
#include "listen_rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net_text.h"

#define STATE_LISTEN 0x0A
#define READ_SIZE    8192

/* "A:B", both to the base 16. */
static bool halves(struct text word, struct text *left, uint64_t *right)
{
    const char *colon = memchr(word.at, ':', (size_t)(word.end - word.at));

    if (colon == NULL) {
        return false;
    }
    *left = (struct text){word.at, colon};
    return net_hex((struct text){colon + 1, word.end}, right);
}

static bool address(struct text word, struct listen_row *row)
{
    struct text host;
    uint64_t port, value;
    uint32_t words[4] = {0};

    if (!halves(word, &host, &port) || port > UINT16_MAX) {
        return false;
    }
    size_t len = (size_t)(host.end - host.at);
    if (len != 8 && len != 32) {
        return false;
    }
    for (size_t i = 0; i < len / 8; i++) {
        if (!net_hex((struct text){host.at + 8 * i, host.at + 8 * i + 8}, &value)) {
            return false;
        }
        words[i] = (uint32_t)value;
    }
    row->family = len == 8 ? AF_INET : AF_INET6;
    row->port = (uint16_t)port;
    memcpy(&row->addr, words, sizeof row->addr);
    return true;
}

enum listen_line listen_rows_line(const char *bytes, size_t len, struct listen_row *row)
{
    struct text line = text_of(bytes, len), word, left;
    uint64_t state, queued, uid;

    if (!text_word(&line, &word)) {
        return LISTEN_LINE_BAD;
    }
    if (text_is(word, "sl")) {
        return LISTEN_LINE_HEAD;
    }
    if (!text_word(&line, &word) || !address(word, row) || !text_pass(&line, 1) ||
        !text_word(&line, &word) || !net_hex(word, &state)) {
        return LISTEN_LINE_BAD;
    }
    if (state != STATE_LISTEN) {
        return LISTEN_LINE_OTHER;
    }
    if (!text_word(&line, &word) || !halves(word, &left, &queued) || !text_pass(&line, 2) ||
        !text_number(&line, &uid) || !text_pass(&line, 1) || !text_number(&line, &row->inode)) {
        return LISTEN_LINE_BAD;
    }
    row->queued = (uint32_t)queued;
    row->uid = (uint32_t)uid;
    return LISTEN_LINE_ROW;
}

void listen_name(int family, const struct in6_addr *addr, uint16_t port,
                 char text[LISTEN_NAME_SIZE])
{
    char ip[INET6_ADDRSTRLEN] = "?";

    inet_ntop(family, addr, ip, sizeof ip);
    snprintf(text, LISTEN_NAME_SIZE, family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, port);
}

/* The whole lines of `buf`; false: no more are wanted. `*used`: the bytes that they took. */
static bool take_lines(const char *buf, size_t len, size_t *used, listen_row_fn on_row, void *arg)
{
    const char *end;

    for (*used = 0; (end = memchr(buf + *used, '\n', len - *used)) != NULL;) {
        struct listen_row row;
        enum listen_line kind = listen_rows_line(buf + *used, (size_t)(end - buf) - *used, &row);
        *used = (size_t)(end - buf) + 1;
        if (kind == LISTEN_LINE_OTHER || (kind == LISTEN_LINE_ROW && !on_row(arg, &row))) {
            return false;
        }
    }
    return true;
}

bool listen_rows_read(const char *path, listen_row_fn on_row, void *arg)
{
    char buf[READ_SIZE];
    size_t len = 0, used;
    ssize_t got = 0;
    bool more = true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    while (more && len < sizeof buf && (got = read(fd, buf + len, sizeof buf - len)) > 0) {
        len += (size_t)got;
        more = take_lines(buf, len, &used, on_row, arg);
        memmove(buf, buf + used, len - used);
        len -= used;
    }
    int why = errno;
    close(fd);
    errno = why;
    return got >= 0;
}
