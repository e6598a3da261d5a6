/* sampler_list: see sampler.h. Apart from the sampler, so that collectors can be tested without it.
 */
#include "sampler.h"

enum pelt_status sampler_list_add(struct sampler_list *list, struct collector *c,
                                  struct pelt_error *err)
{
    if (!c) {
        if (err && err->text[0] == '\0') {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
        return PELT_EINVAL;
    }
    if (list->len == SAMPLER_COLLECTORS_MAX) {
        c->free(c);
        return pelt_fail(err, PELT_ELIMIT,
                         "more than %d things to watch: leave out some of --pid, --port, --unit, "
                         "--cgroup, --cache, --pools",
                         SAMPLER_COLLECTORS_MAX);
    }
    list->collectors[list->len++] = c;
    return PELT_OK;
}

enum pelt_status sampler_list_watch(struct sampler_list *list, int fd,
                                    void (*on_ready)(struct collector *, uint64_t),
                                    struct collector *self, struct pelt_error *err)
{
    if (list->watches_len == SAMPLER_WATCHES_MAX) {
        return pelt_fail(err, PELT_ELIMIT,
                         "more than %d descriptors to wait for: leave out some "
                         "of --cache, --pools",
                         SAMPLER_WATCHES_MAX);
    }
    list->watches[list->watches_len++] =
        (struct sampler_watch){.fd = fd, .on_ready = on_ready, .self = self};
    return PELT_OK;
}

void sampler_list_deinit(struct sampler_list *list)
{
    while (list->len > 0) {
        struct collector *c = list->collectors[--list->len];

        c->free(c);
    }
}
