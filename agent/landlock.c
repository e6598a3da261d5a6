/* landlock: see the header. The structures and numbers are the kernel's own, written out because
 * the headers of older distributions have only those of their kernel. */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VERSION_ASKED  1u /* LANDLOCK_CREATE_RULESET_VERSION */
#define RULE_PATH      1  /* LANDLOCK_RULE_PATH_BENEATH */
#define RULE_PORT      2  /* LANDLOCK_RULE_NET_PORT */
#define READ_FILE      (UINT64_C(1) << 2)
#define READ_DIR       (UINT64_C(1) << 3)
#define FILES_FIRST    13 /* rights to files that version 1 knows */
#define FILES_REFER    2  /* from this version on one more, and so on */
#define FILES_TRUNCATE 3
#define FILES_IOCTL    5
#define PORTS          4 /* the first version with rules of ports */
#define PORT_BIND      UINT64_C(1)
#define PORT_CONNECT   UINT64_C(2)
#define SCOPES         6 /* the first version with those */
#define SCOPE_ABSTRACT UINT64_C(1)
#define SCOPE_SIGNAL   UINT64_C(2)

struct ruleset {
    uint64_t files, ports, scopes; /* what is forbidden but for the rules */
};

struct path_rule {
    uint64_t allowed;
    int32_t folder;
} __attribute__((packed));

struct port_rule {
    uint64_t allowed, port;
};

int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_ASKED);

    return version > 0 ? (int)version : 0;
}

int landlock_new(int version)
{
    int files = FILES_FIRST + (version >= FILES_REFER) + (version >= FILES_TRUNCATE) +
                (version >= FILES_IOCTL);
    struct ruleset set = {
        .files = (UINT64_C(1) << files) - 1,
        .ports = version >= PORTS ? PORT_BIND | PORT_CONNECT : 0,
        .scopes = version >= SCOPES ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0,
    };
    size_t known = version >= SCOPES ? 3 : version >= PORTS ? 2 : 1;

    return (int)syscall(SYS_landlock_create_ruleset, &set, known * sizeof(uint64_t), 0);
}

bool landlock_allow_folder(int rules, const char *path)
{
    struct path_rule rule = {READ_FILE | READ_DIR, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    bool done;

    if (rule.folder < 0) {
        return true;
    }
    done = syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0) == 0;
    close(rule.folder);
    return done;
}

bool landlock_allow_port(int rules, int version, uint16_t port)
{
    struct port_rule rule = {PORT_CONNECT, port};

    return version < PORTS || syscall(SYS_landlock_add_rule, rules, RULE_PORT, &rule, 0) == 0;
}

bool landlock_restrict(int rules)
{
    return syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}
