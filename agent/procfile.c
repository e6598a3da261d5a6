/* procfile: see the header. */
#include "procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pelt/utf8.h"

bool procfile_open_at(struct procfile *f, int dir, const char *name)
{
    f->fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    f->error = f->fd < 0 ? errno : 0;
    return f->fd >= 0;
}

bool procfile_open(struct procfile *f, const char *root, const char *path)
{
    char whole[PROCFILE_PATH];
    int len = snprintf(whole, sizeof whole, "%s%s", root, path);

    if (len < 0 || (size_t)len >= sizeof whole) {
        *f = (struct procfile){.fd = -1, .error = ENAMETOOLONG};
        return false;
    }
    return procfile_open_at(f, AT_FDCWD, whole);
}

void procfile_close(struct procfile *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    f->fd = -1;
}

bool procfile_read(struct procfile *f, char *buf, size_t size, size_t *len)
{
    ssize_t got = -1;

    *len = 0;
    buf[0] = '\0';
    if (f->fd < 0) {
        return false;
    }
    do {
        got = pread(f->fd, buf, size - 1, 0);
    } while (got < 0 && errno == EINTR);
    f->error = got < 0 ? errno : 0;
    if (got < 0) {
        return false;
    }
    buf[got] = '\0';
    *len = (size_t)got;
    return true;
}

static int read_and_close(struct procfile *f, char *buf, size_t size, size_t *len)
{
    if (procfile_read(f, buf, size, len)) {
        procfile_close(f);
        return 0;
    }
    procfile_close(f);
    return f->error;
}

int procfile_once(int dir, const char *name, char *buf, size_t size, size_t *len)
{
    struct procfile f;

    procfile_open_at(&f, dir, name);
    return read_and_close(&f, buf, size, len);
}

int procfile_once_in(const char *root, const char *path, char *buf, size_t size, size_t *len)
{
    struct procfile f;

    procfile_open(&f, root, path);
    return read_and_close(&f, buf, size, len);
}

char *procfile_whole(const char *root, const char *path, size_t max, size_t *len)
{
    struct procfile f;
    size_t size = 0;
    char *text = NULL, *larger;
    ssize_t got = 1;

    *len = 0;
    if (!procfile_open(&f, root, path)) {
        errno = f.error;
        return NULL;
    }
    while (got > 0 && *len < max) {
        if (size - *len < 2) {
            size = size == 0 ? 16384 : size * 2;
            larger = realloc(text, size);
            if (larger == NULL) {
                got = -1;
                break;
            }
            text = larger;
        }
        got = read(f.fd, text + *len, size - *len - 1);
        *len += got > 0 ? (size_t)got : 0;
    }
    procfile_close(&f);
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[*len] = '\0';
    return text;
}

/* ---- why not ---- */

const char *procfile_error_text(int error)
{
    const char *text = error != 0 ? strerrordesc_np(error) : NULL;

    return text != NULL ? text : "no data";
}

static const char *what_to_do(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return "run the agent as the owner of what it reads (--user NAME), or as root (--user "
               "root)";
    case ENOENT:
    case ENODEV:
        return "this kernel, or this host's configuration, has no such file";
    case EOPNOTSUPP:
        return "the kernel was built with it, but it is switched off";
    case EMFILE:
        return "raise the agent's limit of open files (LimitNOFILE=)";
    case ESRCH:
        return "the process has ended";
    default:
        return "the kernel refuses it, or says what is not understood here";
    }
}

void procfile_unreadable(struct figure *f, int error, const char *path)
{
    figure_unreadable(f, "%s: %s: %s", procfile_error_text(error), path, what_to_do(error));
}

/* ---- parsing ---- */

bool text_line(struct text *t, struct text *line)
{
    const char *end;

    if (t->at >= t->end) {
        return false;
    }
    end = memchr(t->at, '\n', (size_t)(t->end - t->at));
    *line = (struct text){t->at, end != NULL ? end : t->end};
    t->at = end != NULL ? end + 1 : t->end;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

bool text_word(struct text *t, struct text *word)
{
    while (t->at < t->end && is_space(*t->at)) {
        t->at++;
    }
    word->at = t->at;
    while (t->at < t->end && !is_space(*t->at)) {
        t->at++;
    }
    word->end = t->at;
    return word->at < word->end;
}

bool text_is(struct text t, const char *literal)
{
    size_t len = strlen(literal);

    return (size_t)(t.end - t.at) == len && memcmp(t.at, literal, len) == 0;
}

bool text_skip(struct text *t, const char *literal)
{
    size_t len = strlen(literal);

    if ((size_t)(t->end - t->at) < len || memcmp(t->at, literal, len) != 0) {
        return false;
    }
    t->at += len;
    return true;
}

bool text_number(struct text *t, uint64_t *out)
{
    struct text word;
    uint64_t value = 0;

    if (!text_word(t, &word)) {
        return false;
    }
    for (; word.at < word.end; word.at++) {
        unsigned digit = (unsigned)(*word.at - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool text_pass(struct text *t, size_t n)
{
    struct text word;

    for (; n > 0; n--) {
        if (!text_word(t, &word)) {
            return false;
        }
    }
    return true;
}

bool text_value(struct text t, const char *key, uint64_t *out)
{
    struct text line, word;

    while (text_line(&t, &line)) {
        if (text_word(&line, &word) && text_is(word, key)) {
            return text_number(&line, out);
        }
    }
    return false;
}

bool text_copy(struct text t, char *out, size_t size)
{
    size_t len = (size_t)(t.end - t.at);

    if (len >= size || memchr(t.at, '\0', len) != NULL) {
        return false;
    }
    memcpy(out, t.at, len);
    out[len] = '\0';
    return true;
}

void text_clean(char *text)
{
    struct pelt_utf8 u = {0};
    const bool is_utf8 = pelt_utf8_feed(&u, text, strlen(text)) && pelt_utf8_is_whole(&u);

    for (char *at = text; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8)) {
            *at = '?';
        }
    }
}
