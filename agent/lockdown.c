/* lockdown: see the header. */
#include "lockdown.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cache_wish.h"
#include "landlock.h"
#include "procfile.h"
#include "syscalls.h"

#define OWN_USER   "pelt-agent"
#define OTHER_USER "nobody"
#define FILES_MOST 8192 /* 32 targets of some hundred each, connections, caches */
#define WORDS      2    /* of capabilities, 32 in each */
#define PRIVILEGED 0

/* What reads and changes nothing: who keeps its user keeps these, if it has them. */
static const int kept[] = {CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE};

void lockdown_open_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_max = files.rlim_max < FILES_MOST ? files.rlim_max : FILES_MOST;
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* ---- the user ---- */

static const struct passwd *find_user(const char *name, struct pelt_error *err)
{
    const struct passwd *user;

    if (name) {
        user = getpwnam(name);
    } else if (geteuid() != PRIVILEGED) {
        user = getpwuid(geteuid());
    } else {
        user = getpwnam(OWN_USER);
        user = user ? user : getpwnam(OTHER_USER);
    }
    if (!user && (name || geteuid() == PRIVILEGED)) {
        pelt_fail(
            err, PELT_EINVAL,
            "--user: there is no user \"%.50s\" here: one of /etc/passwd, or root to stay root",
            name ? name : OTHER_USER);
    }
    return user;
}

static enum pelt_status become(const struct passwd *user, struct pelt_error *err)
{
    if (geteuid() != PRIVILEGED) {
        return pelt_fail(err, PELT_EINVAL,
                         "--user: only root can become \"%.50s\": start the agent as root, or as "
                         "that user",
                         user->pw_name);
    }
    if (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0) {
        return pelt_fail(err, PELT_EIO,
                         "--user: cannot become \"%.50s\": %s; --user root to stay root",
                         user->pw_name, strerror(errno));
    }
    return PELT_OK;
}

static enum pelt_status change_user(struct lockdown *l, const char *name, struct pelt_error *err)
{
    const struct passwd *user = find_user(name, err);
    enum pelt_status status = PELT_OK;

    if (!user && err->text[0]) {
        return PELT_EINVAL;
    }
    if (user && user->pw_uid != geteuid()) {
        status = become(user, err);
    } else if (geteuid() == PRIVILEGED) {
        (void)setgroups(0, NULL); /* refused in a user namespace: then there are none */
    }
    if (user) {
        snprintf(l->guards.user, sizeof l->guards.user, "%s", user->pw_name);
    } else { /* one that is in no list, as in a container */
        snprintf(l->guards.user, sizeof l->guards.user, "%u", (unsigned)geteuid());
    }
    return status;
}

/* ---- rights ---- */

static bool is_kept(int capability)
{
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (kept[i] == capability) {
            return true;
        }
    }
    return false;
}

/* What no program begun by this one could get back; so none could be begun. Root alone may. */
static void bound_capabilities(void)
{
    for (int i = 0; i < WORDS * 32 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
        if (!is_kept(i)) {
            (void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
        }
    }
}

static enum pelt_status drop_capabilities(struct pelt_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[WORDS] = {{0}};

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capget, &header, sets) != 0) {
        return pelt_fail(err, PELT_EIO, "cannot ask for capabilities: %s", strerror(errno));
    }
    for (int word = 0; word < WORDS; word++) {
        uint32_t keep = 0;

        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
            keep |= kept[i] / 32 == word ? UINT32_C(1) << kept[i] % 32 : 0;
        }
        sets[word].permitted &= keep;
        sets[word].effective = sets[word].permitted;
        sets[word].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, sets) != 0) {
        return pelt_fail(err, PELT_EIO, "cannot give up capabilities: %s", strerror(errno));
    }
    return PELT_OK;
}

/* No core that has the token in it, nobody of the same user who looks for it in memory, and no
 * program with more rights than this one. */
static void set_process(struct lockdown *l)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    l->guards.no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* ---- files ---- */

static bool allow_root(int rules, const char *root)
{
    static const char *const folders[] = {"/proc", "/sys"};
    char path[PROCFILE_PATH];
    bool done = true;

    for (size_t i = 0; done && i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s%s", root, folders[i]);
        done = landlock_allow_folder(rules, path);
    }
    return done;
}

/* Control groups are mounted below /sys nearly always, and can be anywhere. */
static bool allow_cgroups(int rules, const char *root, const struct cgroup_mounts *m)
{
    char path[PROCFILE_PATH];
    bool done = true;

    for (size_t i = 0; done && i < CGROUP_HIERARCHIES; i++) {
        if (m->at[i].point[0]) {
            snprintf(path, sizeof path, "%s%s", root, m->at[i].point);
            done = landlock_allow_folder(rules, path);
        }
    }
    return done;
}

static bool allow_caches(int rules, int version, const struct agent_texts *texts, bool are_pools)
{
    char folder[PROCFILE_PATH];
    bool done = true;

    for (size_t i = 0; done && i < texts->len; i++) {
        struct cache_wish w;

        if (cache_wish_read(texts->all[i], are_pools, &w, NULL) == PELT_OK && w.port != 0) {
            done = landlock_allow_port(rules, version, w.port);
        }
        cache_wish_deinit(&w);
        if (done && !are_pools && cache_wish_log_folder(texts->all[i], folder, sizeof folder)) {
            done = landlock_allow_folder(rules, folder);
        }
    }
    return done;
}

static int open_rules(int version, const struct agent_options *o, const struct targets *targets)
{
    int rules = landlock_new(version);

    if (rules >= 0 &&
        !(allow_root(rules, o->root) && allow_cgroups(rules, o->root, targets_mounts(targets)) &&
          allow_caches(rules, version, &o->caches, false) &&
          allow_caches(rules, version, &o->pools, true))) {
        close(rules);
        rules = -1;
    }
    return rules;
}

/* Whether a domain would hide something from this user. */
static bool may_look(const char *root, const struct targets *targets)
{
    char path[64], text[512];
    size_t len;

    for (size_t i = 0; i < targets_len(targets); i++) {
        const struct target *t = targets_at(targets, i);

        snprintf(path, sizeof path, "/proc/%d/io", (int)t->pid);
        if (t->pid > 0 && procfile_once_in(root, path, text, sizeof text, &len) == 0) {
            return true;
        }
    }
    return false;
}

static void restrict_files(struct lockdown *l, const struct agent_options *o,
                           const struct targets *targets)
{
    int version = landlock_version();

    l->rules = version > 0 ? open_rules(version, o, targets) : -1;
    l->guards.landlock_all = l->rules >= 0 && !may_look(o->root, targets);
    if (l->guards.landlock_all && !landlock_restrict(l->rules)) {
        close(l->rules);
        l->rules = -1;
        l->guards.landlock_all = false;
    }
    l->guards.landlock = l->rules >= 0 ? version : 0;
    if (l->rules < 0) {
        fprintf(stderr,
                "pelt-agent: without Landlock, which this kernel %s: files are guarded by "
                "the user alone\n",
                version > 0 ? "refuses to use" : "does not have");
    }
}

static void restrict_calls(struct lockdown *l)
{
    char why[128];

    l->guards.seccomp = syscalls_restrict(why, sizeof why);
    if (!l->guards.seccomp) {
        fprintf(stderr, "pelt-agent: without a filter of system calls: %s\n", why);
    }
}

/* ---- all of it ---- */

enum pelt_status lockdown_enter(struct lockdown *l, const struct agent_options *options,
                                const struct targets *targets, struct pelt_error *err)
{
    enum pelt_status status;

    *l = (struct lockdown){.rules = -1};
    bound_capabilities();
    status = change_user(l, options->user, err);
    if (!status) {
        status = drop_capabilities(err);
    }
    if (!status) {
        set_process(l);
        restrict_files(l, options, targets);
        restrict_calls(l);
    }
    return status;
}

struct beginning {
    int rules;
    enum pelt_status (*begin)(void *of, struct pelt_error *err);
    void *of;
    struct pelt_error *err;
    enum pelt_status status;
};

static void *begin_restricted(void *arg)
{
    struct beginning *b = arg;

    b->status = landlock_restrict(b->rules)
                    ? b->begin(b->of, b->err)
                    : pelt_fail(b->err, PELT_EIO, "Landlock refuses: %s", strerror(errno));
    return NULL;
}

enum pelt_status lockdown_begin(const struct lockdown *l,
                                enum pelt_status (*begin)(void *of, struct pelt_error *), void *of,
                                struct pelt_error *err)
{
    struct beginning b = {.rules = l->rules, .begin = begin, .of = of, .err = err};
    pthread_t thread;
    int error;

    if (l->guards.landlock == 0 || l->guards.landlock_all) {
        return begin(of, err);
    }
    error = pthread_create(&thread, NULL, begin_restricted, &b);
    if (error) {
        return pelt_fail(err, PELT_EIO, "no thread: %s", strerror(error));
    }
    pthread_join(thread, NULL);
    return b.status;
}

void lockdown_deinit(struct lockdown *l)
{
    if (l->guards.landlock > 0 && l->rules >= 0) {
        close(l->rules);
    }
}
