/* chatter: see the header. */
#include "chatter.h"

#include <pthread.h>
#include <stdlib.h>

#include "pelt/clock.h"
#include "pelt/log.h"

struct pelt_chatter {
    pthread_mutex_t lock;
    uint64_t until_ns; /* end of the second that `said` counts in; 0: none so far */
    unsigned said;
    uint64_t left_out; /* and nobody was told of */
};

struct pelt_chatter *pelt_chatter_new(void)
{
    struct pelt_chatter *c = calloc(1, sizeof *c);
    if (c) {
        pthread_mutex_init(&c->lock, NULL);
    }
    return c;
}

void pelt_chatter_free(struct pelt_chatter *c)
{
    if (c) {
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

bool pelt_chatter_admits(struct pelt_chatter *c, uint64_t now_ns, uint64_t *left_out)
{
    pthread_mutex_lock(&c->lock);
    if (now_ns >= c->until_ns) {
        c->until_ns = now_ns + PELT_NS_PER_S;
        c->said = 0;
    }
    bool admitted = c->said < PELT_CHATTER_LINES;
    if (admitted) {
        c->said++;
        *left_out = c->left_out;
        c->left_out = 0;
    } else {
        c->left_out++;
    }
    pthread_mutex_unlock(&c->lock);
    return admitted;
}

uint64_t pelt_chatter_rest(struct pelt_chatter *c)
{
    pthread_mutex_lock(&c->lock);
    uint64_t left_out = c->left_out;
    c->left_out = 0;
    pthread_mutex_unlock(&c->lock);
    return left_out;
}

void pelt_chatter_tell(uint64_t left_out)
{
    if (left_out > 0) {
        pelt_log(PELT_LOG_WARNING, "scenario",
                 "%llu more line%s of print left out: %d a second are shown; pelt.log shows all",
                 (unsigned long long)left_out, left_out == 1 ? "" : "s", PELT_CHATTER_LINES);
    }
}
