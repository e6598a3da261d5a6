/* body: see the header. */
#include "body.h"

struct target_body *target_body_new(unsigned status, char *text)
{
    struct target_body *body = text ? malloc(sizeof *body) : NULL;

    if (!body) {
        free(text);
        return NULL;
    }
    *body = (struct target_body){.status = status, .bytes = strlen(text), .text = text};
    atomic_init(&body->holders, 1);
    return body;
}

struct target_body *target_body_new_of(unsigned status, char *text, size_t bytes, char *head)
{
    struct target_body *body = target_body_new(status, text ? text : strdup(""));

    head = head ? head : strdup("");
    if (!body || !head) {
        free(head);
        target_body_release(body);
        return NULL;
    }
    body->bytes = text ? bytes : 0;
    body->head = head;
    return body;
}

struct target_body *target_body_new_bare(unsigned status, char *head, uint64_t length)
{
    struct target_body *body = target_body_new_of(status, NULL, 0, head);

    if (body) {
        body->is_bare = true;
        body->length = length;
    }
    return body;
}

struct target_body *target_body_hold(struct target_body *body)
{
    /* Relaxed: whoever holds it already gives it to whoever will. */
    atomic_fetch_add_explicit(&body->holders, 1, memory_order_relaxed);
    return body;
}

void target_body_release(struct target_body *body)
{
    /* Acquire and release: all that others did with it happens before it is freed. */
    if (body && atomic_fetch_sub_explicit(&body->holders, 1, memory_order_acq_rel) == 1) {
        free(body->text);
        free(body->head);
        free(body);
    }
}
