/* token: see the header. */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAST     22 /* characters of base64: 132 bits */
#define LEAST_HEX 32 /* 128 bits */
#define MAKE_ONE  "make one by: openssl rand -hex 32"

static const char hex[] = "0123456789abcdefABCDEF";

static enum pelt_status check_file(const char *path, int fd, struct pelt_error *err)
{
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        return pelt_fail(err, PELT_EINVAL, "--token-file: cannot read %s: %s", path,
                         strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return pelt_fail(err, PELT_EINVAL, "--token-file: %s is no regular file", path);
    }
    if (st.st_uid != geteuid()) {
        return pelt_fail(err, PELT_EINVAL,
                         "--token-file: %s belongs to user %u, and user %u runs the agent: chown "
                         "%u %s",
                         path, (unsigned)st.st_uid, (unsigned)geteuid(), (unsigned)geteuid(), path);
    }
    if ((st.st_mode & 077) != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--token-file: %s has mode %04o, so others can use it: chmod 600 %s", path,
                         (unsigned)st.st_mode & 07777, path);
    }
    return PELT_OK;
}

static enum pelt_status check_token(const char *path, const struct token *t, struct pelt_error *err)
{
    if (t->len == TOKEN_MAX) {
        return pelt_fail(err, PELT_EINVAL, "--token-file: %s has more than %d characters", path,
                         TOKEN_MAX - 1);
    }
    for (size_t i = 0; i < t->len; i++) {
        if (t->bytes[i] <= ' ' || t->bytes[i] > '~') {
            return pelt_fail(err, PELT_EINVAL,
                             "--token-file: %s has more than one line of letters, digits and "
                             "marks: " MAKE_ONE,
                             path);
        }
    }
    if (t->len < LEAST || (t->len < LEAST_HEX && strspn(t->bytes, hex) == t->len)) {
        return pelt_fail(err, PELT_EINVAL,
                         "--token-file: what %s has can be guessed (%zu characters; 22, or 32 "
                         "hexadecimal ones, are 128 bits): " MAKE_ONE,
                         path, t->len);
    }
    return PELT_OK;
}

enum pelt_status token_read(const char *path, struct token *out, struct pelt_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum pelt_status status = check_file(path, fd, err);
    ssize_t got = 0;

    *out = (struct token){.len = 0};
    while (!status && (got = read(fd, out->bytes + out->len, TOKEN_MAX - out->len)) > 0) {
        out->len += (size_t)got;
    }
    if (!status && got < 0) {
        status = check_file(path, -1, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    for (int i = 0; i < 2 && out->len > 0; i++) { /* "\n", "\r\n" */
        char end = out->bytes[out->len - 1];

        if (end == (i == 0 ? '\n' : '\r')) {
            out->bytes[--out->len] = '\0';
        }
    }
    status = status ? status : check_token(path, out, err);
    if (status) {
        explicit_bzero(out, sizeof *out);
    }
    return status;
}

bool token_is(const struct token *t, const char *shown, size_t len)
{
    char padded[TOKEN_MAX] = {0};
    volatile size_t different = t->len ^ len;

    memcpy(padded, shown, len < TOKEN_MAX ? len : TOKEN_MAX);
    for (size_t i = 0; i < TOKEN_MAX; i++) {
        different = different | (unsigned char)(padded[i] ^ t->bytes[i]);
    }
    explicit_bzero(padded, sizeof padded);
    return different == 0;
}
