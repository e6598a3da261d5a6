/* fixture_agent: see the header. */
#include "fixture_agent.h"

#include "clock.h"
#include "test.h"

/* Takes the place of agent/clock.c. */
uint64_t fixture_now_ns;

uint64_t agent_clock_ns(void)
{
    return fixture_now_ns;
}

/* Takes the place of agent/target.c. */
struct targets {
    struct fixture *fixture;
};

size_t targets_len(const struct targets *t)
{
    return 0;
}

const struct target *targets_at(const struct targets *t, size_t index)
{
    return NULL;
}

void targets_refresh(struct targets *t, uint64_t now_ns)
{
    t->fixture->refreshed++;
}

static struct targets targets;

void fixture_init(struct fixture *x)
{
    *x = (struct fixture){.catalogue = catalogue_new()};
    assert_non_null(x->catalogue);
    targets.fixture = x;
    x->list = (struct sampler_list){
        .catalogue = x->catalogue, .notices = &x->notices, .targets = &targets, .root = ""};
}

static void read_it(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct fixture_collector *c = (struct fixture_collector *)self;

    if (tier != c->figure->tier) {
        return;
    }
    c->reads++;
    if (c->why) {
        figure_unreadable(c->figure, "%s", c->why);
    } else if (c->figure->kind == PELT_SERVER_COUNTER) {
        figure_counter(c->figure, c->reads);
    } else if (c->figure->kind == PELT_SERVER_LIMIT) {
        figure_limit(c->figure, c->reads, 100, 0);
    } else {
        figure_gauge(c->figure, c->reads);
    }
}

static enum pelt_status start_it(struct collector *self, struct pelt_error *err)
{
    ((struct fixture_collector *)self)->started++;
    return PELT_OK;
}

static void free_it(struct collector *self)
{
    ((struct fixture_collector *)self)->freed++;
}

void fixture_add(struct fixture *x, struct fixture_collector *c, enum pelt_server_kind kind,
                 enum figure_tier tier, const char *name)
{
    const struct figure_about about = {kind, tier, name, "", "bytes", "a test"};

    *c = (struct fixture_collector){
        .base = {.name = name, .read = read_it, .free = free_it, .start = start_it},
        .figure = catalogue_add(x->catalogue, &about)};
    assert_non_null(c->figure);
    assert_int_equal(sampler_list_add(&x->list, &c->base, NULL), PELT_OK);
}

void fixture_start(struct fixture *x)
{
    assert_int_equal(sampler_init(&x->sampler, &x->list, 1, NULL), PELT_OK);
    assert_int_equal(sampler_start(&x->sampler, NULL), PELT_OK);
    sampler_begin(&x->sampler);
}

void fixture_deinit(struct fixture *x)
{
    sampler_list_deinit(&x->list);
    sampler_deinit(&x->sampler);
    catalogue_free(x->catalogue);
}
