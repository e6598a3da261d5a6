/*
 * agent_net: whatever stands in the kernel's tables of the network, or comes in a datagram of
 * sock_diag, no parser of the agent reads behind it, and each ends.
 *
 * The first byte says what the rest is: one of the texts, a listening row, or a datagram.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "listen_rows.h"
#include "net_text.h"
#include "sock_diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static void on_socket(void *arg, const struct diag_socket *s)
{
    size_t *left = arg;

    require(memchr(s->path, '\0', sizeof s->path) != NULL);
    require((*left)-- > 0); /* no more of them than the bytes can hold */
}

static void read_rows(const char *bytes, size_t len)
{
    struct listen_row row;
    char name[LISTEN_NAME_SIZE];

    if (listen_rows_line(bytes, len, &row) == LISTEN_LINE_ROW) {
        listen_name(row.family, &row.addr, row.port, name);
        require(strchr(name, ':') != NULL);
    }
}

static void read_texts(unsigned kind, struct text text)
{
    static const char *const names[] = {"ListenDrops", "drop", "insert_failed"};
    double values[3];
    struct net_dev dev;
    struct net_softnet sum;

    switch (kind) {
    case 0:
        net_pairs(text, "TcpExt", names, values, 3);
        require(isnan(values[0]) || values[0] >= 0);
        break;
    case 1:
        net_columns(text, names, values, 3);
        require(isnan(values[1]) || values[1] >= 0);
        break;
    case 2:
        while (net_dev_next(&text, &dev)) {
            require(dev.name[0] != '\0' && dev.bytes_sent >= 0);
        }
        break;
    case 3:
        require(!net_softnet(text, &sum) || sum.dropped >= 0);
        break;
    default:
        (void)net_sockstat(text, "TCP", "tw");
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    unsigned kind = data[0] % 7;
    size_t len = size - 1, most = len / 16 + 1;
    char *bytes = malloc(len + (len == 0)); /* aligned as netlink's own buffer, and of this size */
    int error = 0;

    memcpy(bytes, data + 1, len);
    if (kind == 6) {
        if (sock_diag_parse(bytes, len, 1, on_socket, &most, &error) == DIAG_FAILED) {
            require(error > 0);
        }
    } else if (kind == 5) {
        read_rows(bytes, len);
    } else {
        read_texts(kind, text_of(bytes, len));
    }
    free(bytes);
    return 0;
}
