/* mail: see the header. Behind the struct lie values, unreadables, events, then their texts. */
#include "mail.h"

struct layout {
    size_t values, unreadables, events, texts, end; /* where each begins */
};

static struct layout layout_of(const struct pelt_mail_content *c)
{
    struct layout l = {.values = sizeof(struct pelt_agent_mail)};
    l.unreadables = l.values + c->values * sizeof(*c->value);
    l.events = l.unreadables + c->unreadables * sizeof(*c->unreadable);
    l.texts = l.events + c->events * sizeof(*c->event);
    l.end = l.texts;
    for (size_t i = 0; i < c->unreadables; i++) {
        l.end += strlen(c->unreadable[i].why) + 1;
    }
    for (size_t i = 0; i < c->events; i++) {
        l.end += strlen(c->event[i].kind) + strlen(c->event[i].text) + 2;
    }
    return l;
}

_Static_assert(sizeof(struct pelt_agent_mail) % 8 == 0 &&
                   sizeof(struct pelt_agent_value) % 8 == 0 &&
                   sizeof(struct pelt_agent_unreadable) % 8 == 0,
               "what lies behind the struct is aligned");

static const char *put_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static void fill(char *base, const struct layout *l, const struct pelt_mail_content *c)
{
    struct pelt_agent_mail *m = (struct pelt_agent_mail *)base;
    struct pelt_agent_value *value = (struct pelt_agent_value *)(base + l->values);
    struct pelt_agent_unreadable *unreadable =
        (struct pelt_agent_unreadable *)(base + l->unreadables);
    struct pelt_agent_event *event = (struct pelt_agent_event *)(base + l->events);
    char *at = base + l->texts;
    for (size_t i = 0; i < c->values; i++) {
        value[i] = c->value[i];
    }
    for (size_t i = 0; i < c->unreadables; i++) {
        unreadable[i].figure = c->unreadable[i].figure;
        unreadable[i].why = put_text(&at, c->unreadable[i].why);
    }
    for (size_t i = 0; i < c->events; i++) {
        event[i].at_ns = c->event[i].at_ns;
        event[i].kind = put_text(&at, c->event[i].kind);
        event[i].text = put_text(&at, c->event[i].text);
    }
    m->value = value;
    m->values = c->values;
    m->unreadable = unreadable;
    m->unreadables = c->unreadables;
    m->event = event;
    m->events = c->events;
}

struct pelt_agent_mail *pelt_mail_new(enum pelt_agent_mail_kind kind,
                                      const struct pelt_mail_content *content)
{
    static const struct pelt_mail_content nothing;
    const struct pelt_mail_content *c = content != NULL ? content : &nothing;
    struct layout l = layout_of(c);
    char *base = malloc(l.end);
    if (base == NULL) {
        return NULL;
    }
    memset(base, 0, sizeof(struct pelt_agent_mail));
    fill(base, &l, c);
    ((struct pelt_agent_mail *)base)->kind = kind;
    return (struct pelt_agent_mail *)base;
}
