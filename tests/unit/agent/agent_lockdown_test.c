/* What a process can do no more behind the filter of calls and in the domain of files: tried in a
 * child each, as there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "landlock.h"
#include "notices.h"
#include "syscalls.h"

enum { WELL, NOT_HERE, WRONG }; /* how a child ends */

static void in_a_child(int (*check)(void))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? check() : WRONG);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_HERE) {
        print_message("this kernel, or a sanitizer's build, has none of it\n");
        return;
    }
    assert_int_equal(WEXITSTATUS(status), WELL);
}

static bool refuses(long result)
{
    return result == -1 && errno == EPERM;
}

static int try_calls(void)
{
    static char program[] = "/bin/true";
    char *words[] = {program, NULL};
    struct notices notices = {.made = 0};
    struct collector *told;
    char why[128];

    if (!syscalls_restrict(why, sizeof why)) {
        return NOT_HERE;
    }
    told = syscalls_collector_new(&notices);
    told->read(told, FIGURE_MEDIUM, 1);
    if (notices.made != 0 || !refuses(execve(program, words, words)) || !refuses(fork()) ||
        !refuses(setns(0, CLONE_NEWNET)) || !refuses(unshare(CLONE_NEWNET)) ||
        !refuses(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)) || !refuses(mkdir("/tmp/x", 0700)) ||
        !refuses(open("/dev/null", O_WRONLY)) || !refuses(open("/dev/null", O_RDWR)) ||
        !refuses(open("/tmp", O_TMPFILE | O_RDWR, 0600)) ||
        !refuses(open("/dev/null", O_RDONLY | O_CREAT, 0600)) ||
        !refuses(open("/dev/null", O_RDONLY | O_TRUNC)) || !refuses(unlink("/none")) ||
        !refuses(chmod("/none", 0)) || !refuses(setuid(0)) || !refuses(kill(getppid(), 0)) ||
        !refuses(tgkill(getppid(), getppid(), 0)) || tgkill(getpid(), gettid(), 0) != 0 ||
        !refuses(socket(AF_PACKET, SOCK_RAW, 0)) || !refuses(listen(0, 1)) ||
        !refuses(prctl(PR_SET_DUMPABLE, 1)) ||
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
        return WRONG;
    }
    if (open("/proc/self/stat", O_RDONLY | O_CLOEXEC) < 0 || socket(AF_INET, SOCK_STREAM, 0) < 0) {
        return WRONG;
    }
    told->read(told, FIGURE_FAST, 2);
    if (notices.made != 0) {
        return WRONG;
    }
    told->read(told, FIGURE_MEDIUM, 3);
    if (notices.made < 5 || strcmp(notices.ring[0].kind, "call_refused") != 0) {
        return WRONG;
    }
    for (size_t i = 0; i < notices.made && i < NOTICES_MAX; i++) {
        if (strstr(notices.ring[i].text, "setns") || strstr(notices.ring[i].text, "clone3")) {
            return WRONG; /* what is expected is not told */
        }
    }
    told->read(told, FIGURE_MEDIUM, 4);
    uint64_t made = notices.made;
    (void)mkdir("/tmp/x", 0700); /* once more is not told once more */
    told->read(told, FIGURE_MEDIUM, 5);
    told->free(told);
    return notices.made == made ? WELL : WRONG;
}

static bool is_denied(long result)
{
    return result == -1 && errno == EACCES;
}

static int try_files(void)
{
    int version = landlock_version();
    int rules = version > 0 ? landlock_new(version) : -1;

    if (rules < 0) {
        return NOT_HERE;
    }
    if (!landlock_allow_folder(rules, "/proc") ||
        !landlock_allow_folder(rules, "/no such folder") ||
        !landlock_allow_port(rules, version, 7) || !landlock_restrict(rules)) {
        return WRONG;
    }
    return open("/proc/self/stat", O_RDONLY | O_CLOEXEC) >= 0 &&
                   is_denied(open("/etc/passwd", O_RDONLY | O_CLOEXEC)) &&
                   is_denied(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) &&
                   is_denied(open("/proc/self/comm", O_WRONLY | O_CLOEXEC)) &&
                   is_denied(mkdir("/tmp/x", 0700))
               ? WELL
               : WRONG;
}

static void behind_the_filter_it_can_only_look(void **state)
{
    in_a_child(try_calls);
}

static void in_the_domain_it_reads_what_is_named(void **state)
{
    in_a_child(try_files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_the_filter_it_can_only_look),
        cmocka_unit_test(in_the_domain_it_reads_what_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
