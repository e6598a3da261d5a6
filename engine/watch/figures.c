/* figures: see the header. */
#include "figures.h"

#include <math.h>

#define LEFT_OUT UINT32_MAX

struct kept {
    struct pelt_agent_figure figure;
    double carry[PELT_SERVER_CELLS_MAX]; /* counted by processes before this one */
    double last[PELT_SERVER_CELLS_MAX];  /* counted in all, as last told */
    uint64_t adopted;                    /* by the adoption of this number */
    char texts[];
};

struct pelt_figures {
    struct kept *kept[PELT_AGENT_FIGURES_MAX]; /* fixed: it is read by another thread, too */
    size_t len;
    uint32_t index_of[PELT_WATCH_CATALOGUE_MAX]; /* by place in the catalogue */
    size_t catalogue_len;
    uint64_t adoptions;
};

struct pelt_figures *pelt_figures_new(void)
{
    return calloc(1, sizeof(struct pelt_figures));
}

void pelt_figures_free(struct pelt_figures *f)
{
    for (size_t i = 0; f != NULL && i < f->len; i++) {
        free(f->kept[i]);
    }
    free(f);
}

size_t pelt_figures_len(const struct pelt_figures *f)
{
    return f->len;
}

const struct pelt_agent_figure *pelt_figures_at(const struct pelt_figures *f, size_t index)
{
    return &f->kept[index]->figure;
}

/* ---- adopting ---- */

static const char *add_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static struct kept *kept_new(const struct pelt_agent_figure *from)
{
    const char *why = from->unreadable != NULL ? from->unreadable : "";
    size_t bytes = strlen(from->name) + strlen(from->target) + strlen(from->unit) +
                   strlen(from->source) + strlen(from->tier) + strlen(why) + 6;
    struct kept *k = calloc(1, sizeof(*k) + bytes);
    if (k == NULL) {
        return NULL;
    }
    char *at = k->texts;
    k->figure.kind = from->kind;
    k->figure.name = add_text(&at, from->name);
    k->figure.target = add_text(&at, from->target);
    k->figure.unit = add_text(&at, from->unit);
    k->figure.source = add_text(&at, from->source);
    k->figure.tier = add_text(&at, from->tier);
    k->figure.unreadable = *why != 0 ? add_text(&at, why) : NULL;
    return k;
}

static bool is_free(const struct pelt_figures *f, size_t index,
                    const struct pelt_agent_figure *figure)
{
    const struct kept *k = f->kept[index];
    return k->adopted != f->adoptions && k->figure.kind == figure->kind &&
           strcmp(k->figure.name, figure->name) == 0 &&
           strcmp(k->figure.target, figure->target) == 0;
}

/* Its index; f->len: it is new. Mostly it stands where it stood. */
static size_t find(const struct pelt_figures *f, const struct pelt_agent_figure *figure,
                   size_t guess)
{
    if (guess < f->len && is_free(f, guess, figure)) {
        return guess;
    }
    size_t i = 0;
    while (i < f->len && !is_free(f, i, figure)) {
        i++;
    }
    return i;
}

static void go_on(struct kept *k)
{
    for (unsigned i = 0; i < PELT_SERVER_CELLS_MAX; i++) {
        k->carry[i] = k->last[i];
    }
}

enum pelt_status pelt_figures_adopt(struct pelt_figures *f, const struct pelt_watch_info *info,
                                    bool again, size_t *left_out)
{
    f->adoptions++;
    f->catalogue_len = 0;
    *left_out = 0;
    for (size_t place = 0; place < info->figures_len; place++) {
        size_t index = find(f, &info->figures[place], place);
        if (index == PELT_AGENT_FIGURES_MAX) {
            f->index_of[f->catalogue_len++] = LEFT_OUT;
            (*left_out)++;
            continue;
        }
        if (index == f->len) {
            f->kept[index] = kept_new(&info->figures[place]);
            if (f->kept[index] == NULL) {
                return PELT_ENOMEM;
            }
            f->len++;
        } else if (again) {
            go_on(f->kept[index]);
        }
        f->kept[index]->adopted = f->adoptions;
        f->index_of[f->catalogue_len++] = (uint32_t)index;
    }
    return PELT_OK;
}

/* ---- values ---- */

bool pelt_figures_map(const struct pelt_figures *f, uint32_t *figure)
{
    if (*figure >= f->catalogue_len || f->index_of[*figure] == LEFT_OUT) {
        return false;
    }
    *figure = f->index_of[*figure];
    return true;
}

bool pelt_figures_map_value(struct pelt_figures *f, struct pelt_agent_value *value)
{
    if (!pelt_figures_map(f, &value->figure)) {
        return false;
    }
    struct kept *k = f->kept[value->figure];
    for (unsigned i = 0; i < pelt_server_cells(k->figure.kind); i++) {
        if (pelt_server_counts(k->figure.kind, i) && !isnan(value->cell[i])) {
            value->cell[i] += k->carry[i];
            k->last[i] = value->cell[i];
        }
    }
    return true;
}
