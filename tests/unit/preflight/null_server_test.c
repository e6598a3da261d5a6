/* null_server: answers on loopback, counts, and ends when it is told to. */
#include "test.h"

#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pelt/null_server.h"

static struct pelt_null_server start(const char *body)
{
    struct pelt_null_server s;
    struct pelt_error err;
    assert_int_equal(pelt_null_server_start(&s, pelt_span_of(body), &err), PELT_OK);
    assert_true(s.pid > 0 && s.port > 0);
    return s;
}

static int dial(const struct pelt_null_server *s)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                               .sin_port = htons(s->port)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until what came ends with `tail`. */
static void hear(int fd, char *out, size_t size, const char *tail)
{
    size_t len = 0;
    const size_t tail_len = strlen(tail);
    while (len < tail_len || memcmp(out + len - tail_len, tail, tail_len) != 0) {
        const ssize_t n = recv(fd, out + len, size - 1 - len, 0);
        assert_true(n > 0);
        len += (size_t)n;
    }
    out[len] = '\0';
}

static void it_answers_200_with_its_body_and_counts(void **state)
{
    struct pelt_null_server s = start("{\"id\": 7}");
    struct pelt_null_counts counts;
    char answer[2000];
    const int fd = dial(&s);
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(fd, answer, sizeof answer, "{\"id\": 7}");
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(answer, "\r\nContent-Length: 9\r\n"));
    say(fd, "HEAD / HTTP/1.1\r\n\r\n");
    hear(fd, answer, sizeof answer, "\r\n\r\n");
    say(fd, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"); /* not whole: no answer yet */
    say(fd, "cdGET / HTTP/1.1\r\n\r\n");
    hear(fd, answer, sizeof answer,
         "{\"id\": 7}HTTP/1.1 200 OK\r\nServer: pelt-null\r\nDate: Thu, 01 Jan "
         "1970 00:00:00 GMT\r\nContent-Type: application/json\r\n"
         "Content-Length: 9\r\nConnection: keep-alive\r\n\r\n{\"id\": 7}");
    const int other = dial(&s);
    say(other, "GET / HTTP/1.1\r\n\r\n");
    hear(other, answer, sizeof answer, "{\"id\": 7}");
    close(other);
    close(fd);
    pelt_null_server_stop(&s, &counts);
    assert_int_equal(counts.requests, 5);
    assert_int_equal(counts.connections, 2);
    assert_true(counts.cpu_ns > 0);
    assert_int_equal(s.pid, 0);
}

static void a_body_larger_than_a_socket_holds_comes_whole(void **state)
{
    enum { BYTES = 20 << 20 };
    char *body = test_malloc(BYTES + 1), *answer = test_malloc(BYTES + 1000);
    memset(body, 'b', BYTES - 1);
    body[BYTES - 1] = '.';
    body[BYTES] = '\0';
    struct pelt_null_server s = start(body);
    struct pelt_null_counts counts;
    const int fd = dial(&s);
    say(fd, "GET / HTTP/1.1\r\n\r\n");
    usleep(50000); /* it has filled the socket by now, most likely */
    hear(fd, answer, BYTES + 1000, "b.");
    close(fd);
    pelt_null_server_stop(&s, &counts);
    assert_int_equal(counts.requests, 1);
    test_free(body);
    test_free(answer);
}

static void one_that_died_has_counted_nothing(void **state)
{
    struct pelt_null_server s = start("{}");
    struct pelt_null_counts counts;
    kill(s.pid, SIGKILL);
    pelt_null_server_stop(&s, &counts);
    assert_int_equal(counts.requests, 0);
    pelt_null_server_stop(&s, &counts); /* once more is no harm */
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_answers_200_with_its_body_and_counts),
        cmocka_unit_test(a_body_larger_than_a_socket_holds_comes_whole),
        cmocka_unit_test(one_that_died_has_counted_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
