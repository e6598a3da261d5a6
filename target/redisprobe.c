/* redisprobe: see the header. */
#include "redisprobe.h"

#include "keytable.h"

static void ask(void *cls, struct target_errand *errand)
{
    struct target_redisprobe *probe = TARGET_OWNER(errand, struct target_redisprobe, errand);

    atomic_store_explicit(&probe->is_asked, false, memory_order_relaxed);
    target_redisprobe_note(probe, target_redislink_ping(probe->link));
}

void target_redisprobe_init(struct target_redisprobe *probe, struct target_redislink *link)
{
    probe->errand.run = ask;
    probe->link = link;
    atomic_init(&probe->is_asked, false);
    atomic_init(&probe->is_away, false);
}

void target_redisprobe_note(struct target_redisprobe *probe, bool is_reached)
{
    atomic_store_explicit(&probe->is_away, !is_reached, memory_order_relaxed);
}

bool target_redisprobe_is_away(struct target_redisprobe *probe, struct target_errands *errands)
{
    if (!atomic_exchange_explicit(&probe->is_asked, true, memory_order_relaxed) &&
        !target_errands_give(errands, &probe->errand)) {
        atomic_store_explicit(&probe->is_asked, false, memory_order_relaxed);
    }
    return atomic_load_explicit(&probe->is_away, memory_order_relaxed);
}
