/*
 * cmd_new: `pelt new [FILE]`: a commented scenario to start from: scenarios/starter.lua, embedded.
 * Never writes over a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "command.h"
#include "command_line.h"
#include "exit_code.h"
#include "pelt/buf.h"

#define NAME_DEFAULT "scenario.lua"

extern const char cli_starter_scenario[]; /* scenarios/starter.lua */
extern const size_t cli_starter_scenario_len;

/* "chat" and "chat.lua" both mean chat.lua. */
static void name_file(const char *typed, struct pelt_buf *path)
{
    size_t len = strlen(typed);
    bool ended = len > 4 && strcmp(typed + len - 4, ".lua") == 0;
    pelt_buf_add_str(path, typed);
    pelt_buf_add_str(path, ended ? "" : ".lua");
}

static enum pelt_status fail_open(const char *path, struct pelt_error *err)
{
    if (errno == EEXIST) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: exists already and is never written over; remove it, or give another "
                         "name: pelt new OTHER.lua",
                         path);
    }
    return pelt_fail(err, PELT_EINVAL, "%s: cannot be made: %s", path, strerror(errno));
}

static enum pelt_status write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR) {
            return PELT_EIO;
        }
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return PELT_OK;
}

static enum pelt_status write_starter(const char *path, struct pelt_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return fail_open(path, err);
    }
    enum pelt_status status = write_all(fd, cli_starter_scenario, cli_starter_scenario_len);
    if (status != PELT_OK) {
        pelt_fail(err, status, "%s: cannot be written: %s", path, strerror(errno));
    }
    if (close(fd) != 0 && status == PELT_OK) {
        status = pelt_fail(err, PELT_EIO, "%s: cannot be written: %s", path, strerror(errno));
    }
    if (status != PELT_OK) {
        unlink(path); /* ours, and no use */
    }
    return status;
}

/* "  pelt check FILE --once   one iteration ...": the file's name as a shell takes it. */
static void suggest(const char *command, char *path, const char *option, const char *what)
{
    char *words[] = {(char *)command, path};
    char *line = cli_command_line(2, words);
    if (line != NULL) {
        printf("  %s%s\n      %s\n", line, option, what);
    }
    free(line);
}

static void say_what_next(char *path)
{
    printf("wrote %s: read it, then change target, load and what a user does\n", path);
    suggest("check", path, " --once --target http://YOUR-SERVER",
            "sends one iteration and shows each exchange and each check");
    suggest("run", path, " --target http://YOUR-SERVER", "the load, and the report");
    printf("no server at hand: pelt-target listens on http://127.0.0.1:18800, the file's own "
           "target\n");
}

int cmd_new(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_buf path;
    pelt_buf_init(&path, 0);
    name_file(o->operand != NULL ? o->operand : NAME_DEFAULT, &path);
    enum pelt_status status = PELT_OK;
    if (path.failed) {
        status = pelt_fail(&err, PELT_ENOMEM, "out of memory");
    } else {
        status = write_starter(path.data, &err);
    }
    int code = status == PELT_OK ? CLI_EXIT_PASSED : cli_fail(status, &err);
    if (status == PELT_OK) {
        say_what_next(path.data);
    }
    pelt_buf_deinit(&path);
    return code;
}
