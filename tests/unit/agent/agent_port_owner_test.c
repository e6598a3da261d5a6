/* port_owner: in a /proc made for the test, whose links are what the kernel shows. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port_owner.h"
#include "tree.h"

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define ROW(port, state, inode)                                                                    \
    "   0: 00000000:" port " 00000000:0000 " state " 00000000:00000000 00:00000000 00000000    33" \
    "        0 " inode " 1 0000000000000000 100 0 0 10 0\n"

static int set_up(void **state)
{
    *state = tree_new();
    /* 8080: the second row is a connection, and no listening row comes behind it. */
    tree_write(*state, "proc/net/tcp",
               HEAD ROW("0050", "0A", "11") ROW("1F90", "0A", "12") ROW("1F90", "0A", "13")
                   ROW("1F90", "01", "14") ROW("01BB", "0A", "15"));
    tree_write(*state, "proc/net/tcp6", HEAD);
    return 0;
}

static int tear_down(void **state)
{
    tree_free(*state);
    return 0;
}

static void process(const char *root, int pid, int parent, const char *first, const char *second)
{
    char path[64], text[64];

    snprintf(path, sizeof path, "proc/%d/stat", pid);
    snprintf(text, sizeof text, "%d (a b) c) S %d 1 1", pid, parent);
    tree_write(root, path, text);
    snprintf(path, sizeof path, "proc/%d/fd/3", pid);
    tree_link(root, path, first);
    snprintf(path, sizeof path, "proc/%d/fd/4", pid);
    tree_link(root, path, second);
}

static void the_process_that_holds_the_socket_is_found(void **state)
{
    struct pelt_error err = {""};
    pid_t pid = 0;

    process(*state, 300, 1, "socket:[12]", "/dev/null");
    process(*state, 200, 1, "socket:[120]", "pipe:[12]");
    assert_int_equal(port_owner_find(*state, 8080, &pid, &err), PELT_OK);
    assert_int_equal(pid, 300);
    assert_string_equal(err.text, "");
}

static void of_a_server_with_workers_it_is_the_parent(void **state)
{
    pid_t pid = 0;

    process(*state, 12, 300, "socket:[12]", "socket:[13]");
    process(*state, 300, 1, "/dev/null", "socket:[13]");
    process(*state, 301, 300, "socket:[12]", "/dev/null");
    assert_int_equal(port_owner_find(*state, 8080, &pid, NULL), PELT_OK);
    assert_int_equal(pid, 300);
}

static void nobody_there_and_nobody_seen_are_two_things(void **state)
{
    struct pelt_error err = {""};
    pid_t pid = 0;

    process(*state, 300, 1, "socket:[14]", "socket:[15]");
    assert_int_equal(port_owner_find(*state, 443, &pid, &err),
                     PELT_ENOTFOUND); /* behind a connection */
    assert_non_null(strstr(err.text, "port 443: nothing listens on it here"));
    assert_int_equal(port_owner_find(*state, 8080, &pid, &err), PELT_EIO);
    assert_non_null(strstr(err.text, "port 8080: a process of user 33 listens on it"));
    assert_int_equal(port_owner_find("/nonexistent", 80, &pid, &err), PELT_EIO);
    assert_non_null(strstr(err.text, "/nonexistent/proc/net/tcp"));
}

static void sockets_of_a_process_are_told_from_other_descriptors(void **state)
{
    uint64_t inodes[4];

    process(*state, 300, 1, "socket:[18446744073709551615]", "/dev/null");
    assert_int_equal(port_owner_sockets(*state, 300, inodes, 4), 1);
    assert_true(inodes[0] == UINT64_MAX);
    assert_int_equal(port_owner_sockets(*state, 300, inodes, 0), 0);
    assert_int_equal(port_owner_sockets(*state, 301, inodes, 4), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_process_that_holds_the_socket_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(of_a_server_with_workers_it_is_the_parent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nobody_there_and_nobody_seen_are_two_things, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sockets_of_a_process_are_told_from_other_descriptors,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
