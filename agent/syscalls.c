/*
 * syscalls: see the header.
 *
 * What is not in the tables is trapped: the kernel sends the thread SIGSYS, whose handler notes the
 * call's number and lets it fail with EPERM. Where we do not know how a handler sets the result
 * (another processor) the kernel lets it fail by itself, and nobody is told.
 */
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include "notices.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* they begin a process that looks into this one, and more */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#endif

#ifdef RESULT
#define REFUSE SCMP_ACT_TRAP
#else
#define REFUSE SCMP_ACT_ERRNO(EPERM)
#endif

#define CALLS_MAX 1024 /* numbers of calls; larger ones are told as the last */
#define WORD_BITS 32

/* With any arguments. */
static const char *const allowed[] = {
    /* reading */
    "read", "readv", "pread64", "preadv", "lseek", "fstat", "newfstatat", "stat", "lstat", "statx",
    "statfs", "fstatfs", "getdents64", "readlink", "readlinkat", "access", "faccessat",
    "faccessat2", "close", "close_range", "dup", "fcntl", "pidfd_open",
    /* what was opened before: sockets, stdout, a wake-up */
    "write", "writev", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt",
    "setsockopt", "shutdown", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg",
    /* waiting */
    "poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "eventfd2", "pipe2", "timerfd_create", "timerfd_settime",
    "timerfd_gettime", "signalfd4", "nanosleep", "clock_nanosleep", "restart_syscall",
    /* time, and who we are */
    "clock_gettime", "clock_getres", "gettimeofday", "time", "getrandom", "getpid", "gettid",
    "getppid", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrusage", "times",
    "getcpu", "sched_getaffinity", "sched_yield",
    /* memory and threads */
    "brk", "munmap", "mremap", "madvise", "futex", "futex_waitv", "set_robust_list", "rseq",
    "membarrier", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait",
    "sigaltstack", "exit", "exit_group",
    /* a further restriction of a thread */
    "landlock_restrict_self"};

/* With one argument that is so: (argument & mask) == value. */
static const struct {
    const char *name;
    unsigned argument;
    uint64_t mask, value;
} allowed_if[] = {
    {"openat", 2, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY), O_RDONLY},
    {"open", 1, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY), O_RDONLY},
    {"socket", 0, UINT32_MAX, AF_INET},
    {"socket", 0, UINT32_MAX, AF_INET6},
    {"socket", 0, UINT32_MAX, AF_NETLINK},
    {"clone", 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM},
    {"mmap", 2, PROT_EXEC, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    {"ioctl", 1, UINT32_MAX, TCGETS}, /* is stdout a terminal? */
    {"ioctl", 1, UINT32_MAX, FIONBIO},
    {"prctl", 0, UINT32_MAX, PR_SET_NAME},
};

/* What the agent tries where it might be allowed, and does without: not worth an event. */
static const struct {
    const char *name;
    int error;
} expected[] = {
    {"setns", EPERM},   /* the network of a container that was started again */
    {"unshare", EPERM}, /* */
    {"clone3", ENOSYS}, /* its flags lie in memory, which a filter does not see: then by clone */
};

/* Numbers of calls that were refused. Set by handlers, relaxed: each bit stands for itself. */
static _Atomic uint32_t refused[CALLS_MAX / WORD_BITS];

/* ---- the filter ---- */

#ifdef RESULT
static void on_refused(int signal_number, siginfo_t *info, void *context)
{
    unsigned call = (unsigned)info->si_syscall;

    call = call < CALLS_MAX ? call : CALLS_MAX - 1;
    atomic_fetch_or_explicit(&refused[call / WORD_BITS], UINT32_C(1) << call % WORD_BITS,
                             memory_order_relaxed);
    RESULT((ucontext_t *)context) = -EPERM;
}
#endif

static int hear_of_refused(void)
{
#ifdef RESULT
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL);
#else
    return 0;
#endif
}

/* -1: this processor, or this libseccomp, has no call of that name. */
static int number_of(const char *name)
{
    int call = seccomp_syscall_resolve_name(name);

    return call >= 0 ? call : -1;
}

static int fill(scmp_filter_ctx filter)
{
    int error = 0;

    for (size_t i = 0; !error && i < sizeof allowed / sizeof allowed[0]; i++) {
        int call = number_of(allowed[i]);

        error = call < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
    }
    for (size_t i = 0; !error && i < sizeof allowed_if / sizeof allowed_if[0]; i++) {
        int call = number_of(allowed_if[i].name);
        struct scmp_arg_cmp is = {.arg = allowed_if[i].argument,
                                  .op = SCMP_CMP_MASKED_EQ,
                                  .datum_a = allowed_if[i].mask,
                                  .datum_b = allowed_if[i].value};

        error = call < 0 ? 0 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &is);
    }
    if (!error) { /* to a thread of its own: no other process of its user is to be signalled */
        struct scmp_arg_cmp is = {.arg = 0,
                                  .op = SCMP_CMP_MASKED_EQ,
                                  .datum_a = UINT32_MAX,
                                  .datum_b = (uint32_t)getpid()};

        error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &is);
    }
    for (size_t i = 0; !error && i < sizeof expected / sizeof expected[0]; i++) {
        int call = number_of(expected[i].name);
        uint32_t action = SCMP_ACT_ERRNO((uint32_t)expected[i].error);

        error = call < 0 ? 0 : seccomp_rule_add(filter, action, call, 0);
    }
    return error;
}

bool syscalls_restrict(char *why, size_t size)
{
    scmp_filter_ctx filter;
    int error;

    if (SANITIZED) {
        snprintf(why, size, "this is a sanitizer's build");
        return false;
    }
    filter = seccomp_init(REFUSE);
    error = filter ? fill(filter) : -ENOMEM;
    if (!error && hear_of_refused() != 0) {
        error = -errno;
    }
    if (!error) {
        error = seccomp_load(filter);
    }
    seccomp_release(filter);
    if (error) {
        snprintf(why, size, "the kernel has no seccomp filters here (%s)", strerror(-error));
    }
    return error == 0;
}

/* ---- what was refused ---- */

struct refusals {
    struct collector base;
    struct notices *notices;
    uint32_t told[CALLS_MAX / WORD_BITS];
};

static void tell(struct notices *notices, uint64_t now_ns, unsigned call)
{
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)call);

    notices_add(notices, now_ns, "call_refused",
                "the agent was refused the system call %s (%u): what needs it cannot be read",
                name ? name : "of number", call);
    free(name);
}

static void read_refusals(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct refusals *r = (struct refusals *)self;

    for (unsigned i = 0; tier == FIGURE_MEDIUM && i < CALLS_MAX / WORD_BITS; i++) {
        uint32_t news = atomic_load_explicit(&refused[i], memory_order_relaxed) & ~r->told[i];

        r->told[i] |= news;
        for (; news != 0; news &= news - 1) {
            tell(r->notices, now_ns, i * WORD_BITS + (unsigned)__builtin_ctz(news));
        }
    }
}

static void free_refusals(struct collector *self)
{
    free(self);
}

struct collector *syscalls_collector_new(struct notices *notices)
{
    struct refusals *r = calloc(1, sizeof *r);

    if (!r) {
        return NULL;
    }
    r->base =
        (struct collector){.name = "refused calls", .read = read_refusals, .free = free_refusals};
    r->notices = notices;
    return &r->base;
}
