/*
 * cmd_convert: `pelt convert curl|har [SOURCE]`: a scenario out of curl's command lines or a HAR
 * file, on stdout or in the file of --out. What could not be converted is said on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "exit_code.h"
#include "pelt/buf.h"
#include "pelt/convert.h"
#include "pelt/log.h"

static enum pelt_status read_stream(FILE *file, const char *name, struct pelt_buf *text,
                                    struct pelt_error *err)
{
    char bytes[16384];
    size_t len;
    while ((len = fread(bytes, 1, sizeof bytes, file)) > 0) {
        if (pelt_buf_add(text, bytes, len) != PELT_OK) {
            return pelt_fail(err, PELT_EINVAL, "%s: larger than 64 MiB", name);
        }
    }
    if (ferror(file)) {
        return pelt_fail(err, PELT_EINVAL, "%s: cannot be read: %s", name, strerror(errno));
    }
    return PELT_OK;
}

static enum pelt_status read_file(const char *path, struct pelt_buf *text, struct pelt_error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return pelt_fail(err, PELT_EINVAL, "%s: cannot be read: %s", path, strerror(errno));
    }
    enum pelt_status status = read_stream(file, path, text, err);
    fclose(file);
    return status;
}

/* A command line itself: it has words behind the first, and is no file. */
static bool is_line(const char *source)
{
    return strpbrk(source, " \t\n") != NULL && access(source, F_OK) != 0;
}

static enum pelt_status read_source(const struct cli_options *o, bool curl, struct pelt_buf *text,
                                    struct pelt_error *err)
{
    const char *source = o->source;
    if (source == NULL || strcmp(source, "-") == 0) {
        return read_stream(stdin, "stdin", text, err);
    }
    return curl && is_line(source) ? pelt_buf_add_str(text, source) : read_file(source, text, err);
}

static enum pelt_status write_file(const struct cli_options *o, const char *path,
                                   const struct pelt_buf *lua, struct pelt_error *err)
{
    bool there = access(path, F_OK) == 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (o->force ? O_TRUNC : O_EXCL), 0666);
    if (fd < 0 && errno == EEXIST) {
        return pelt_fail(err, PELT_EINVAL,
                         "--out %s: exists already; give another name, or --force to write over it",
                         path);
    }
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        return pelt_fail(err, PELT_EINVAL, "--out %s: cannot be made: %s", path, strerror(errno));
    }
    bool written = fwrite(lua->data, 1, lua->len, file) == lua->len;
    if (fclose(file) != 0 || !written) {
        return pelt_fail(err, PELT_EIO, "--out %s: cannot be written: %s", path, strerror(errno));
    }
    pelt_log(PELT_LOG_INFO, "pelt", "%s %s: pelt check --once %s shows what it sends",
             there ? "wrote over" : "wrote", path, path);
    return PELT_OK;
}

/* Also with --quiet: what is not in the scenario must be known. */
static void say_notes(const struct pelt_buf *notes)
{
    const char *line = notes->len > 0 ? notes->data : "";
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        pelt_log(PELT_LOG_WARNING, "convert", "%.*s", (int)len, line);
        line += len + 1;
    }
}

static enum pelt_status convert(const struct cli_options *o, struct pelt_span text,
                                struct pelt_converted *made, struct pelt_error *err)
{
    const struct pelt_har_options har = {o->hosts.items, o->no_static, o->think};
    if (strcmp(o->operand, "har") == 0) {
        return pelt_convert_har(text, &har, made, err);
    }
    if (o->hosts.len > 0 || o->no_static || o->think) {
        return pelt_fail(err, PELT_EINVAL,
                         "--host, --no-static and --think are for pelt convert har");
    }
    return pelt_convert_curl(text, made, err);
}

int cmd_convert(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_buf text;
    struct pelt_converted made = {0};
    bool curl = strcmp(o->operand, "curl") == 0;
    enum pelt_status status = PELT_OK;
    pelt_buf_init(&text, PELT_CONVERT_BYTES_MAX);
    if (!curl && strcmp(o->operand, "har") != 0) {
        status = pelt_fail(&err, PELT_EINVAL,
                           "pelt convert knows no \"%s\": pelt convert curl 'curl ...', or pelt "
                           "convert har FILE.har",
                           o->operand);
    } else if (o->out.len > 1) {
        status = pelt_fail(&err, PELT_EINVAL, "--out: one file, not %zu", o->out.len);
    }
    status = status == PELT_OK ? read_source(o, curl, &text, &err) : status;
    if (status == PELT_OK) {
        status = convert(o, pelt_span(text.data, text.len), &made, &err);
    }
    if (status == PELT_OK && o->out.len == 1 && strcmp(o->out.items[0], "-") != 0) {
        status = write_file(o, o->out.items[0], &made.lua, &err);
    } else if (status == PELT_OK) {
        fwrite(made.lua.data, 1, made.lua.len, stdout);
    }
    if (status == PELT_OK) {
        say_notes(&made.notes);
    }
    int code =
        status == PELT_OK
            ? CLI_EXIT_PASSED
            : cli_fail(status == PELT_EPARSE || status == PELT_ELIMIT ? PELT_EINVAL : status, &err);
    pelt_converted_deinit(&made);
    pelt_buf_deinit(&text);
    return code;
}
