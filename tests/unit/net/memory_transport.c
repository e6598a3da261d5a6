/*
 * memory_transport: see the header.
 */
#include "memory_transport.h"

#include <assert.h>
#include <string.h>

static struct memory_step *next_step(struct memory_steps *steps)
{
    return steps->next < steps->len ? &steps->at[steps->next] : NULL;
}

static void add_step(struct memory_steps *steps, ssize_t answer, int error, const char *bytes)
{
    assert(steps->len < MEMORY_STEPS_MAX);
    steps->at[steps->len++] = (struct memory_step){answer, error, bytes};
}

/* `bytes` NULL: into nothing. */
static ssize_t take_step(struct pelt_transport *t, void *bytes, size_t len)
{
    struct memory_transport *m = t->ctx;
    assert(len > 0 && !m->closed);
    struct memory_step *step = next_step(&m->recv);
    if (step == NULL) {
        return PELT_AGAIN;
    }
    if (step->answer <= 0) {
        m->recv.next++;
        t->err = step->error;
        return step->answer;
    }
    size_t n = len < (size_t)step->answer ? len : (size_t)step->answer;
    if (bytes != NULL) {
        memcpy(bytes, step->bytes, n);
    }
    step->bytes += n;
    step->answer -= (ssize_t)n;
    if (step->answer == 0) {
        m->recv.next++;
    }
    return (ssize_t)n;
}

static ssize_t memory_recv(struct pelt_transport *t, void *bytes, size_t len)
{
    return take_step(t, bytes, len);
}

static ssize_t memory_discard(struct pelt_transport *t, size_t len)
{
    struct memory_transport *m = t->ctx;
    ssize_t n = take_step(t, NULL, len);
    m->skipped += n > 0 ? (size_t)n : 0;
    return n;
}

static ssize_t memory_send(struct pelt_transport *t, const void *bytes, size_t len)
{
    struct memory_transport *m = t->ctx;
    assert(len > 0 && !m->closed);
    struct memory_step *step = next_step(&m->send);
    m->sends++;
    if (step != NULL) {
        m->send.next++;
        if (step->answer <= 0) {
            t->err = step->error;
            return step->answer;
        }
        len = len < (size_t)step->answer ? len : (size_t)step->answer;
    }
    return pelt_buf_add(&m->sent, bytes, len) == PELT_OK ? (ssize_t)len : PELT_EIO;
}

static void memory_close(struct pelt_transport *t)
{
    struct memory_transport *m = t->ctx;
    m->closed = true;
    t->fd = -1;
}

static const struct pelt_transport_ops memory = {memory_send, memory_recv, memory_discard,
                                                 memory_close};

void memory_transport_attach(struct memory_transport *m, struct pelt_transport *t)
{
    *t = (struct pelt_transport){.ops = &memory, .fd = -1, .ctx = m};
    m->closed = false;
}

void memory_transport_init(struct memory_transport *m)
{
    memset(m, 0, sizeof(*m));
    memory_transport_attach(m, &m->transport);
}

void memory_transport_deinit(struct memory_transport *m)
{
    pelt_buf_deinit(&m->sent);
}

void memory_transport_bytes_n(struct memory_transport *m, const char *bytes, size_t len)
{
    assert(len > 0);
    add_step(&m->recv, (ssize_t)len, 0, bytes);
}

void memory_transport_bytes(struct memory_transport *m, const char *bytes)
{
    memory_transport_bytes_n(m, bytes, strlen(bytes));
}

void memory_transport_again(struct memory_transport *m)
{
    add_step(&m->recv, PELT_AGAIN, 0, NULL);
}

void memory_transport_eof(struct memory_transport *m)
{
    add_step(&m->recv, PELT_EOF, 0, NULL);
}

void memory_transport_error(struct memory_transport *m, int error)
{
    add_step(&m->recv, PELT_EIO, error, NULL);
}

void memory_transport_take(struct memory_transport *m, size_t len)
{
    assert(len > 0);
    add_step(&m->send, (ssize_t)len, 0, NULL);
}

void memory_transport_send_again(struct memory_transport *m)
{
    add_step(&m->send, PELT_AGAIN, 0, NULL);
}

void memory_transport_send_error(struct memory_transport *m, int error)
{
    add_step(&m->send, PELT_EIO, error, NULL);
}
