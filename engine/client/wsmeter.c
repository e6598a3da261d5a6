/*
 * wsmeter: the series of metrics that WebSockets of one name write to, found once a name and
 * client. Ends and failures, which are rare, find theirs each time.
 */
#include <stdlib.h>

#include "internal.h"
#include "pelt/metric.h"
#include "pelt/own_metric.h"

#define BESIDE 32 /* bytes of `direction=received,` and the like */

static uint32_t series_of(struct pelt_registry *registry, enum pelt_own_metric metric,
                          struct pelt_tag *tags, size_t len)
{
    char text[PELT_TAGS_TEXT + 1];
    while (!pelt_tags_write(tags, len, text)) {
        tags[len - 1].value.len /=
            2; /* `name`, the last in order: many commas, which are escaped */
    }
    return pelt_own_metric_series(pelt_registry_metrics(registry), metric, text);
}

static struct pelt_tag tag(const char *key, const char *value)
{
    return (struct pelt_tag){pelt_span_of(key), pelt_span_of(value)};
}

/* Leaves room for so many bytes of tags beside it. */
static struct pelt_tag name_tag(struct pelt_registry *registry, uint32_t request, size_t beside)
{
    const size_t most = PELT_TAGS_TEXT - (sizeof("name=") - 1) - beside;
    struct pelt_tag name = tag("name", pelt_registry_name(registry, PELT_NAME_REQUEST, request));
    size_t len = name.value.len < most ? name.value.len : most;
    while (len < name.value.len && len > 0 && (name.value.ptr[len] & 0xc0) == 0x80) {
        len--; /* a character is not cut */
    }
    name.value.len = len;
    return name;
}

static uint32_t directed(struct pelt_registry *registry, enum pelt_own_metric metric,
                         uint32_t request, enum pelt_ws_direction direction)
{
    struct pelt_tag tags[] = {name_tag(registry, request, BESIDE),
                              tag("direction", direction == PELT_WS_SENT ? "sent" : "received")};
    return series_of(registry, metric, tags, 2);
}

static uint32_t named(struct pelt_registry *registry, enum pelt_own_metric metric, uint32_t request)
{
    struct pelt_tag tags[] = {name_tag(registry, request, 0)};
    return series_of(registry, metric, tags, 1);
}

static struct pelt_ws_meter *make(struct pelt_registry *registry, uint32_t request)
{
    struct pelt_ws_meter *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->request = request;
    m->connect = named(registry, PELT_OWN_WS_CONNECT, request);
    m->rtt = named(registry, PELT_OWN_WS_RTT, request);
    m->gap = named(registry, PELT_OWN_WS_GAP, request);
    m->errors = named(registry, PELT_OWN_WS_ERRORS, request);
    for (int d = 0; d < 2; d++) {
        const enum pelt_ws_direction direction = (enum pelt_ws_direction)d;
        m->messages[d] = directed(registry, PELT_OWN_WS_MESSAGES, request, direction);
        m->bytes[d] = directed(registry, PELT_OWN_WS_BYTES, request, direction);
    }
    return m;
}

struct pelt_ws_meter *pelt_ws_meter_of(struct pelt_client *client, uint32_t request)
{
    struct pelt_ws_meter *m = client->wsconns.meters;
    while (m != NULL && m->request != request) {
        m = m->next;
    }
    if (m == NULL && client->opt.registry != NULL) {
        m = make(client->opt.registry, request);
        if (m != NULL) {
            m->next = client->wsconns.meters;
            client->wsconns.meters = m;
        }
    }
    return m;
}

void pelt_ws_meter_closed(struct pelt_client *client, uint32_t request, unsigned code, bool clean,
                          uint64_t now_ns)
{
    struct pelt_registry *registry = client->opt.registry;
    if (registry == NULL) {
        return;
    }
    char digits[16];
    snprintf(digits, sizeof digits, "%u", code);
    struct pelt_tag tags[] = {name_tag(registry, request, BESIDE), tag("code", digits),
                              tag("clean", clean ? "true" : "false")};
    pelt_recorder_counter(client->opt.recorder, series_of(registry, PELT_OWN_WS_CLOSES, tags, 3), 1,
                          now_ns);
}

void pelt_ws_meter_failed(struct pelt_client *client, uint32_t request, enum pelt_ws_class class,
                          uint64_t now_ns)
{
    struct pelt_registry *registry = client->opt.registry;
    if (registry == NULL) {
        return;
    }
    struct pelt_tag tags[] = {name_tag(registry, request, BESIDE),
                              tag("class", pelt_ws_class_name(class))};
    pelt_recorder_counter(client->opt.recorder, series_of(registry, PELT_OWN_WS_ERRORS, tags, 2), 1,
                          now_ns);
}

void pelt_ws_meters_free(struct pelt_client *client)
{
    while (client->wsconns.meters != NULL) {
        struct pelt_ws_meter *m = client->wsconns.meters;
        client->wsconns.meters = m->next;
        free(m);
    }
}
