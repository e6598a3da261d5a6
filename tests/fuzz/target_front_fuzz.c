/*
 * target_front: no list of back ends, no registration and no event of a client
 * crashes the service; what was taken keeps its form.
 *
 * The first byte says what the rest is: a list of back ends, a registration, events of a client, or
 * what a scaler is asked (moments and utilisations).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends.h"
#include "bus.h"
#include "events.h"
#include "lb.h"
#include "scaler.h"

#define S UINT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held) {
        abort();
    }
}

static void read_list(const char *text)
{
    struct target_backends all = {.last = 0};
    struct target_error err = {{0}};
    const char *at = text;
    char address[TARGET_BACKEND_BYTES];
    uint64_t weight;

    while (target_backends_read(&at, address, &weight, &err)) {
        struct target_backend *backend =
            target_backends_add(&all, address, TARGET_BACKEND_GIVEN, weight, S);

        require(target_backends_is_address(address) && weight >= 1);
        if (backend) {
            backend->is_up = true;
        }
    }
    for (int i = 0; i < 20; i++) {
        struct target_backend *backend =
            target_backends_choose(&all, TARGET_BALANCE_WEIGHTED, 0);

        require((backend != NULL) == (target_backends_up(&all) > 0));
        if (backend) {
            target_backends_done(backend, i % 2, S);
        }
    }
    require(target_backends_in_flight(&all) == 0);
}

static void register_one(const char *text, size_t bytes)
{
    static void *lb; /* off: what is good is answered 409 */
    struct target_lb_settings settings = {.balance = TARGET_BALANCE_OFF};
    struct target_error err = {{0}};
    unsigned status;

    lb = lb ? lb : target_lb_system.start(&settings, S);
    status = target_lb_register(lb, text, bytes, S, &err);
    require((status == 400 || status == 409) && err.text[0]);
}

static void publish(const char *text, size_t bytes)
{
    static struct target_bus *bus;
    static struct target_bus_event events[4];
    struct target_error err = {{0}};
    uint64_t last = 0, next, lost;
    size_t count;

    bus = bus ? bus : target_bus_new(4);
    if (!target_events_publish(bus, text, bytes, S, &count, &last, &err)) {
        require(err.text[0] != '\0');
    }
    count = target_bus_read(bus, 0, NULL, 4, events, &next, &lost, S);
    for (size_t i = 0; i < count; i++) {
        require(target_bus_is_name(events[i].topic) && target_bus_is_name(events[i].event));
        require(i == 0 || events[i].number == events[i - 1].number + 1);
    }
}

/* No two decisions within the cool-down, whatever the utilisation and the moments are. */
static void scale(const uint8_t *data, size_t size)
{
    const struct target_scaler_options options = {
        .min = 1, .max = 10, .up = 0.8, .down = 0.3, .cooldown_ns = 10 * S};
    struct target_scaler scaler = {.last = 0};
    uint64_t now_ns = S, last_ns = 0, count = 1;

    for (size_t i = 0; i + 1 < size; i += 2) {
        int step;

        now_ns += data[i] * (S / 10);
        step = target_scaler_decide(&scaler, &options, data[i + 1] / 100.0, count, now_ns);
        if (step != 0) {
            require(last_ns == 0 || now_ns - last_ns >= options.cooldown_ns);
            last_ns = now_ns;
            count += (uint64_t)(int64_t)step;
            require(count >= options.min && count <= options.max);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size < 1 || !(text = calloc(1, size))) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        read_list(text);
        break;
    case 1:
        register_one(text, size - 1);
        break;
    case 2:
        publish(text, size - 1);
        break;
    default:
        scale(data + 1, size - 1);
        break;
    }
    free(text);
    return 0;
}
