/* bus: see the header. Event number n lies in the ring at n % room. */
#include "bus.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct target_bus {
    pthread_mutex_t lock;
    struct target_bus_event *ring;
    size_t room;
    uint64_t last;  /* number; 0: none so far */
    uint64_t first; /* kept; last + 1: none */
    uint64_t read;  /* the highest number that anybody read */
    struct target_bus_figures figures;
};

bool target_bus_is_name(const char *text)
{
    size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    return length > 0 && length < TARGET_BUS_TOPIC_BYTES && text[length] == '\0';
}

struct target_bus *target_bus_new(size_t room)
{
    struct target_bus *bus = calloc(1, sizeof *bus);
    struct target_bus_event *ring = calloc(room, sizeof *ring);

    if (!bus || !ring) {
        free(bus);
        free(ring);
        return NULL;
    }
    pthread_mutex_init(&bus->lock, NULL);
    bus->ring = ring;
    bus->room = room;
    bus->first = 1;
    return bus;
}

void target_bus_free(struct target_bus *bus)
{
    if (bus) {
        pthread_mutex_destroy(&bus->lock);
        free(bus->ring);
        free(bus);
    }
}

bool target_bus_resize(struct target_bus *bus, size_t room)
{
    struct target_bus_event *ring = calloc(room, sizeof *ring);

    if (!ring) {
        return false;
    }
    pthread_mutex_lock(&bus->lock);
    if (bus->last + 1 - bus->first > room) {
        bus->figures.dropped += bus->last + 1 - bus->first - room;
        bus->first = bus->last + 1 - room;
    }
    for (uint64_t n = bus->first; n <= bus->last; n++) {
        ring[n % room] = bus->ring[n % bus->room];
    }
    free(bus->ring);
    bus->ring = ring;
    bus->room = room;
    pthread_mutex_unlock(&bus->lock);
    return true;
}

/* NULL: there are as many as may be. */
static struct target_bus_topic *find_topic(struct target_bus *bus, const char *name)
{
    struct target_bus_figures *figures = &bus->figures;

    for (size_t i = 0; i < figures->topics; i++) {
        if (strcmp(figures->topic[i].name, name) == 0) {
            return &figures->topic[i];
        }
    }
    if (figures->topics == TARGET_BUS_TOPICS_MAX) {
        return NULL;
    }
    memcpy(figures->topic[figures->topics].name, name, strlen(name) + 1);
    return &figures->topic[figures->topics++];
}

static void keep(struct target_bus *bus, struct target_bus_topic *topic, const char *event,
                 const char *data, uint64_t at_ns, uint64_t now_ns)
{
    struct target_bus_event *place = &bus->ring[++bus->last % bus->room];

    if (bus->last + 1 - bus->first > bus->room) {
        bus->first++;
        bus->figures.dropped++;
    }
    bus->figures.published++;
    place->number = bus->last;
    place->topic_number = ++topic->count;
    place->at_ns = at_ns;
    place->told_ns = now_ns;
    memcpy(place->topic, topic->name, sizeof place->topic);
    memcpy(place->event, event, strlen(event) + 1);
    memcpy(place->data, data, strlen(data) + 1);
}

uint64_t target_bus_publish(struct target_bus *bus, const char *topic, const char *event,
                            const char *data, uint64_t at_ns, uint64_t now_ns)
{
    bool is_good = target_bus_is_name(topic) && target_bus_is_name(event) &&
                   strlen(data) < TARGET_BUS_DATA_BYTES;
    struct target_bus_topic *found;
    uint64_t number = 0;

    pthread_mutex_lock(&bus->lock);
    found = is_good ? find_topic(bus, topic) : NULL;
    if (found) {
        keep(bus, found, event, data, at_ns, now_ns);
        number = bus->last;
    } else {
        bus->figures.refused++;
    }
    pthread_mutex_unlock(&bus->lock);
    return number;
}

static size_t bucket_of(uint64_t lag_ns)
{
    size_t bucket = 0;

    for (uint64_t most_ns = TARGET_BUS_LAG_NS; bucket < TARGET_BUS_LAGS - 1 && lag_ns > most_ns;
         most_ns *= 4) {
        bucket++;
    }
    return bucket;
}

/* Under the lock. */
static void note_read(struct target_bus *bus, const struct target_bus_event *event, uint64_t now_ns)
{
    uint64_t lag_ns = now_ns > event->told_ns ? now_ns - event->told_ns : 0;

    bus->figures.delivered++;
    if (event->number > bus->read) {
        bus->read = event->number;
        bus->figures.first_reads++;
        bus->figures.lag_ns += lag_ns;
        bus->figures.by_lag[bucket_of(lag_ns)]++;
        bus->figures.lag_max_ns =
            lag_ns > bus->figures.lag_max_ns ? lag_ns : bus->figures.lag_max_ns;
    }
}

size_t target_bus_read(struct target_bus *bus, uint64_t since, const char *topic, size_t most,
                       struct target_bus_event *events, uint64_t *next, uint64_t *lost,
                       uint64_t now_ns)
{
    size_t count = 0;
    uint64_t n;

    pthread_mutex_lock(&bus->lock);
    if (since > bus->last) {
        since = 0;
    }
    *lost = since + 1 < bus->first ? bus->first - since - 1 : 0;
    for (n = since + *lost + 1; n <= bus->last && count < most; n++) {
        const struct target_bus_event *event = &bus->ring[n % bus->room];

        if (!topic || strcmp(event->topic, topic) == 0) {
            events[count++] = *event;
            note_read(bus, event, now_ns);
        }
    }
    *next = n - 1;
    pthread_mutex_unlock(&bus->lock);
    return count;
}

void target_bus_figures(struct target_bus *bus, struct target_bus_figures *figures)
{
    pthread_mutex_lock(&bus->lock);
    *figures = bus->figures;
    figures->kept = bus->last + 1 - bus->first;
    figures->room = bus->room;
    pthread_mutex_unlock(&bus->lock);
}
