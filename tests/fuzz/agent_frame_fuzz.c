/*
 * agent_frame: any bytes as what an agent sends. The first byte says what they are: its catalogue,
 * its clock, an error, or a frame of a catalogue with each kind of figure. What is accepted fits
 * what the header promises.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    size_t len = strlen(text);
    assert(len <= PELT_WATCH_TEXT_MAX);
    for (size_t i = 0; i < len; i++) {
        assert((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
    }
}

static void try_info(struct pelt_span body)
{
    struct pelt_watch_info info;
    struct pelt_error err = {""};
    if (pelt_watch_info_read(&info, body, &err) != PELT_OK) {
        assert(*err.text != 0 && strchr(err.text, '\n') == NULL);
        return;
    }
    assert(*info.name != 0 && *info.boot != 0);
    check_text(info.name);
    check_text(info.hostname);
    for (size_t i = 0; i < info.figures_len; i++) {
        assert(info.figures[i].kind < PELT_SERVER_KINDS && *info.figures[i].name != 0);
        check_text(info.figures[i].target);
        check_text(info.figures[i].source);
    }
    for (size_t i = 0; i < info.targets_len; i++) {
        check_text(info.targets[i].name);
        assert(info.targets[i].pid >= 0);
    }
    pelt_watch_info_deinit(&info);
}

static void try_frame(struct pelt_span line)
{
    static const struct pelt_agent_figure figures[] = {
        {.kind = PELT_SERVER_LIMIT, .name = "l"},
        {.kind = PELT_SERVER_GAUGE, .name = "g"},
        {.kind = PELT_SERVER_COUNTER, .name = "c"},
        {.kind = PELT_SERVER_CACHE, .name = "h"},
    };
    struct pelt_watch_frame f = {0};
    struct pelt_error err = {""};
    if (pelt_watch_frame_read(&f, figures, 4, line, &err) == PELT_OK) {
        assert(f.at_ns >= 0 && f.k >= 0 && f.due_ns >= 0);
        for (size_t i = 0; i < f.values; i++) {
            assert(f.value[i].figure < 4);
        }
        for (size_t i = 0; i < f.unreadables; i++) {
            assert(f.unreadable[i].figure < 4);
            check_text(f.unreadable[i].why);
        }
        for (size_t i = 0; i < f.events; i++) {
            check_text(f.event[i].kind);
            check_text(f.event[i].text);
        }
    } else {
        assert(*err.text != 0 && strchr(err.text, '\n') == NULL);
    }
    pelt_watch_frame_deinit(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    char *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    struct pelt_span body = pelt_span(copy, size - 1);
    char said[PELT_WATCH_TEXT_MAX + 1];
    int64_t t2_ns, t3_ns;
    switch (data[0] % 4) {
    case 0:
        try_info(body);
        break;
    case 1:
        try_frame(body);
        break;
    case 2:
        if (pelt_watch_clock_read(body, &t2_ns, &t3_ns, NULL) == PELT_OK) {
            assert(t2_ns >= 0 && t3_ns >= 0);
        }
        break;
    default:
        pelt_watch_error_read(body, said);
        check_text(said);
    }
    free(copy);
    return 0;
}
