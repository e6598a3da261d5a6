/* spool: what was added stays until it is acknowledged, whoever dies meanwhile. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pelt/rng.h"
#include "pelt/spool.h"

static struct pelt_error err;
static char folder[] = "/tmp/pelt-spool-XXXXXX";
static char path[64];
static const struct pelt_spool_owner OWNER = {"r1", 3, "0123456789abcdef"};

static int make_folder(void **state)
{
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/spool", folder);
    return 0;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

static struct pelt_spool *create(void)
{
    struct pelt_spool *s = NULL;
    if (pelt_spool_create(path, &OWNER, &s, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return s;
}

static struct pelt_spool *recover(void)
{
    struct pelt_spool *s = NULL;
    if (pelt_spool_recover(path, &s, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return s;
}

/* The message of an ID, of 1 to `most` bytes that tell it from all others. */
static struct pelt_span message_of(uint64_t i, size_t most, char *out)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, 7, i);
    const size_t len = 1 + pelt_rng_below(&rng, most);
    memset(out, (int)(i % 251), len);
    memcpy(out, &i, len < sizeof i ? len : sizeof i);
    return pelt_span(out, len);
}

static struct pelt_spool_id id_of(uint64_t i)
{
    return (struct pelt_spool_id){i / 3, i % 3 + 1};
}

static void add_range(struct pelt_spool *s, uint64_t from, uint64_t to, size_t most)
{
    static char bytes[PELT_SPOOL_MESSAGE_MAX];
    for (uint64_t i = from; i < to; i++) {
        assert_int_equal(pelt_spool_add(s, id_of(i), message_of(i, most, bytes)), PELT_OK);
    }
}

static void assert_range(struct pelt_spool *s, uint64_t from, uint64_t to, size_t most)
{
    static char bytes[PELT_SPOOL_MESSAGE_MAX];
    struct pelt_spool_id id = pelt_spool_acked(s);
    struct pelt_span got;
    uint64_t waiting = 0;
    for (uint64_t i = from; i < to; i++) {
        struct pelt_span wanted = message_of(i, most, bytes);
        assert_true(pelt_spool_next(s, id, &id, &got));
        assert_int_equal(pelt_spool_id_compare(id, id_of(i)), 0);
        assert_int_equal(got.len, wanted.len);
        assert_memory_equal(got.ptr, wanted.ptr, got.len);
        waiting += got.len;
    }
    assert_false(pelt_spool_next(s, id, &id, &got));
    assert_int_equal(pelt_spool_bytes(s), waiting);
}

static void messages_stay_until_acknowledged(void **state)
{
    struct pelt_spool *s = create();
    struct pelt_spool_id id;
    struct pelt_span got;
    assert_range(s, 0, 0, 1);
    add_range(s, 0, 100, 5000);
    assert_range(s, 0, 100, 5000);
    assert_range(s, 0, 100, 5000); /* from the beginning again */
    pelt_spool_ack(s, id_of(41));
    assert_range(s, 42, 100, 5000);
    pelt_spool_ack(s, id_of(7)); /* a lower one */
    assert_range(s, 42, 100, 5000);
    /* Behind one that was given, while others are acknowledged and added. */
    assert_true(pelt_spool_next(s, id_of(60), &id, &got));
    assert_int_equal(pelt_spool_id_compare(id, id_of(61)), 0);
    pelt_spool_ack(s, id_of(80));
    add_range(s, 100, 101, 5000);
    assert_true(pelt_spool_next(s, id, &id, &got));
    assert_int_equal(pelt_spool_id_compare(id, id_of(81)), 0);
    pelt_spool_ack(s, (struct pelt_spool_id){1000000, 0}); /* of more than there is */
    assert_range(s, 0, 0, 1);
    assert_int_equal(pelt_spool_bytes(s), 0);
    assert_int_equal(pelt_spool_id_compare(pelt_spool_last(s), id_of(100)), 0);
    pelt_spool_remove(s);
}

/* A worker that is acknowledged as it goes needs no more than a segment or two. */
static void acknowledged_room_is_used_again(void **state)
{
    struct pelt_spool *s = create();
    for (uint64_t i = 0; i < 1000; i++) {
        add_range(s, i, i + 1, 50000);
        if (i >= 5) {
            pelt_spool_ack(s, id_of(i - 5));
            if (i % 50 == 0) {
                assert_range(s, i - 4, i + 1, 50000);
            }
        }
    }
    assert_int_equal(pelt_spool_lost(s), 0);
    int fd = open(path, O_RDONLY);
    assert_true(lseek(fd, 0, SEEK_END) < (off_t)(4 * PELT_SPOOL_SEGMENT_BYTES));
    close(fd);
    pelt_spool_remove(s);
}

static void full_spool_refuses_and_counts(void **state)
{
    static char bytes[PELT_SPOOL_MESSAGE_MAX];
    struct pelt_spool *s = create();
    uint64_t i = 0;
    memset(bytes, 1, sizeof bytes);
    while (pelt_spool_add(s, id_of(i), pelt_span(bytes, sizeof bytes)) == PELT_OK) {
        i++;
    }
    assert_int_equal(i, PELT_SPOOL_SEGMENTS_MAX * 3);
    assert_int_equal(pelt_spool_lost(s), 1);
    assert_int_equal(pelt_spool_add(s, id_of(i), pelt_span(bytes, sizeof bytes)), PELT_ELIMIT);
    assert_int_equal(pelt_spool_lost(s), 2);
    struct pelt_spool_id id;
    struct pelt_span got;
    assert_true(pelt_spool_next(s, (struct pelt_spool_id){0, 0}, &id, &got)); /* the oldest stays */
    assert_int_equal(pelt_spool_id_compare(id, id_of(0)), 0);
    pelt_spool_ack(s, id_of(2)); /* a segment is free again */
    assert_int_equal(pelt_spool_add(s, id_of(i), pelt_span(bytes, sizeof bytes)), PELT_OK);
    assert_int_equal(pelt_spool_lost(s), 2);
    pelt_spool_remove(s);
}

/* As on a full disk. */
static void disk_without_room_is_told(void **state)
{
    static char bytes[PELT_SPOOL_MESSAGE_MAX];
    struct rlimit before;
    uint64_t i = 0;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {2500000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    struct pelt_spool *s = create();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    while (pelt_spool_add(s, id_of(i), pelt_span(bytes, sizeof bytes)) == PELT_OK) {
        i++;
    }
    assert_int_equal(i, 6); /* two segments */
    assert_int_equal(pelt_spool_lost(s), 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(pelt_spool_add(s, id_of(i), pelt_span(bytes, sizeof bytes)), PELT_OK);
    pelt_spool_remove(s);
}

static void what_a_killed_process_added_is_there(void **state)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
        struct pelt_spool *s = create();
        add_range(s, 0, 300, 40000);
        pelt_spool_ack(s, id_of(99));
        (void)!write(ready[1], "x", 1);
        for (uint64_t i = 300;; i++) { /* until it is killed */
            static char bytes[40000];
            if (pelt_spool_add(s, id_of(i), message_of(i, 40000, bytes)) != PELT_OK) {
                pause();
            }
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct pelt_spool *s = NULL;
    assert_int_equal(pelt_spool_recover(path, &s, &err), PELT_AGAIN); /* it lives */
    assert_int_equal(pelt_spool_create(path, &OWNER, &s, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, path));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    s = recover();
    assert_string_equal(pelt_spool_owner(s)->run, "r1");
    assert_int_equal(pelt_spool_owner(s)->slot, 3);
    assert_string_equal(pelt_spool_owner(s)->incarnation, "0123456789abcdef");
    assert_int_equal(pelt_spool_id_compare(pelt_spool_acked(s), id_of(99)), 0);
    const uint64_t last = pelt_spool_last(s).major * 3 + pelt_spool_last(s).minor - 1;
    assert_true(last >= 299);
    assert_range(s, 100, last + 1, 40000);
    pelt_spool_ack(s, id_of(last));
    add_range(s, last + 1, last + 2, 40000); /* a BYE of who recovers it */
    pelt_spool_free(s);
    s = recover();
    assert_range(s, last + 1, last + 2, 40000);
    pelt_spool_remove(s);
    close(ready[0]);
    close(ready[1]);
}

static void overwrite(off_t at, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
}

static void broken_files_are_refused_or_cut(void **state)
{
    struct pelt_spool *s = NULL;
    assert_int_equal(pelt_spool_recover(path, &s, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, path));
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    close(fd);
    assert_int_equal(pelt_spool_recover(path, &s, &err), PELT_EPARSE);
    assert_int_equal(truncate(path, 2 << 20), 0);
    assert_int_equal(pelt_spool_recover(path, &s, &err), PELT_EPARSE);
    unlink(path);
    s = create();
    add_range(s, 0, 200, 20000);
    pelt_spool_free(s);
    fd = open(path, O_RDWR);
    char *all = malloc(2 << 20);
    ssize_t len = read(fd, all, 2 << 20);
    /* A bit of the 100th message. */
    static char bytes[20000];
    struct pelt_span wanted = message_of(100, 20000, bytes);
    char *at = memmem(all, (size_t)len, wanted.ptr, wanted.len);
    assert_non_null(at);
    at[wanted.len / 2] ^= 4;
    overwrite(at - all, at, wanted.len);
    free(all);
    close(fd);
    s = recover();
    assert_true(pelt_spool_lost(s) > 0);
    /* The rest of its segment is gone, the next one begins a little later. */
    struct pelt_spool_id id = {0, 0};
    struct pelt_span got;
    uint64_t seen = 0, i = 0;
    for (; pelt_spool_next(s, id, &id, &got); seen++) {
        i = id.major * 3 + id.minor - 1;
        assert_true(seen < 100 ? i == seen : i > 100);
        wanted = message_of(i, 20000, bytes);
        assert_int_equal(got.len, wanted.len);
        assert_memory_equal(got.ptr, wanted.ptr, got.len);
    }
    assert_int_equal(i, 199);
    assert_in_range(seen, 101, 199);
    pelt_spool_remove(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_stay_until_acknowledged),
        cmocka_unit_test(acknowledged_room_is_used_again),
        cmocka_unit_test(full_spool_refuses_and_counts),
        cmocka_unit_test(disk_without_room_is_told),
        cmocka_unit_test(what_a_killed_process_added_is_there),
        cmocka_unit_test(broken_files_are_refused_or_cut),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
