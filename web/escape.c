/*
 * escape: see the header. A sequence may be cut between two writes, so what of it has come is held
 * back.
 */
#include "escape.h"

#include <stdbool.h>
#include <sys/types.h>

static void release(struct web_escape *e)
{
    fwrite(e->held, 1, e->held_len, e->out);
    e->held_len = 0;
}

/* True: the byte is, or may become, part of U+2028 or U+2029. */
static bool hold(struct web_escape *e, unsigned char byte)
{
    if (e->held_len == 2 && (byte == 0xa8 || byte == 0xa9)) {
        fputs(byte == 0xa8 ? "\\u2028" : "\\u2029", e->out);
        e->held_len = 0;
        return true;
    }
    if (byte == (e->held_len == 0 ? 0xe2 : 0x80) && e->held_len < 2) {
        e->held[e->held_len++] = byte;
        return true;
    }
    return false;
}

static void put(struct web_escape *e, unsigned char byte)
{
    if (hold(e, byte)) {
        return;
    }
    if (e->held_len > 0) {
        release(e);
        if (hold(e, byte)) {
            return;
        }
    }
    if (byte == '<' || byte == '>' || byte == '&') {
        fprintf(e->out, "\\u%04x", byte);
    } else {
        putc(byte, e->out);
    }
}

static ssize_t on_write(void *cookie, const char *bytes, size_t len)
{
    struct web_escape *e = cookie;
    for (size_t i = 0; i < len; i++) {
        put(e, (unsigned char)bytes[i]);
    }
    return ferror(e->out) ? 0 : (ssize_t)len;
}

static int on_close(void *cookie)
{
    struct web_escape *e = cookie;
    release(e);
    return ferror(e->out) ? EOF : 0;
}

FILE *web_escape_open(struct web_escape *e, FILE *out)
{
    const cookie_io_functions_t functions = {.write = on_write, .close = on_close};
    *e = (struct web_escape){.out = out};
    return fopencookie(e, "w", functions);
}
