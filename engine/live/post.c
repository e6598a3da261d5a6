/*
 * post: see the header.
 */
#include "post.h"

#include <string.h>

#include "pelt/clock.h"
#include "pelt/single.h"

struct sending {
    const struct live_post *post;
    struct pelt_single *single;
    uint64_t deadline_ns;
    bool over;
    uint16_t status; /* of the answer; 0: none */
    char why[200];   /* there is none */
};

static void on_answer(void *arg, const struct pelt_exchange *x)
{
    struct sending *s = arg;
    s->over = true;
    s->status = x->status;
    snprintf(s->why, sizeof s->why, "%s",
             x->error != NULL ? x->error : pelt_outcome_name(x->outcome));
    pelt_single_stop(s->single);
}

static void on_tick(void *arg, uint64_t now_ns)
{
    struct sending *s = arg;
    const uint64_t until_ns = s->post->until_ns != NULL ? atomic_load(s->post->until_ns) : 0;
    if (now_ns >= s->deadline_ns || (until_ns != 0 && now_ns >= until_ns)) {
        pelt_single_stop(s->single);
    }
}

enum pelt_status live_post_check(const char *url, struct pelt_error *err)
{
    struct pelt_url parsed;
    enum pelt_status status = pelt_url_parse(pelt_span_of(url), &parsed, err);
    return status == PELT_OK ? pelt_client_speaks(&parsed, err) : status;
}

static enum pelt_status send_and_wait(struct sending *s, struct pelt_error *err)
{
    s->deadline_ns = pelt_clock_ns() + s->post->patience_ns;
    pelt_single_call(s->single, on_answer, s);
    pelt_single_run(s->single, on_tick, s);
    if (!s->over) {
        pelt_single_cancel(s->single);
        return pelt_fail(err, PELT_EIO, "no answer within %g s",
                         (double)s->post->patience_ns / (double)PELT_NS_PER_S);
    }
    if (s->status >= 200 && s->status < 300) {
        return PELT_OK;
    }
    return s->status != 0 ? pelt_fail(err, PELT_EIO, "it answers %u", s->status)
                          : pelt_fail(err, PELT_EIO, "%s", s->why);
}

enum pelt_status live_post_send(const struct live_post *post, const char *json,
                                struct pelt_error *err)
{
    struct sending s = {.post = post};
    const struct pelt_single_options options = {.method = "POST",
                                                .url = post->url,
                                                .json = json,
                                                .patience_ns = post->patience_ns,
                                                .https = post->https};
    enum pelt_status status = pelt_single_new(&s.single, &options, err);
    if (status == PELT_OK) {
        status = send_and_wait(&s, err);
    }
    pelt_single_free(s.single);
    return status;
}
