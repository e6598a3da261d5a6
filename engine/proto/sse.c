/*
 * sse: see the header.
 *
 * Invariant: `only` points into the bytes of the running feed, never into a buffer that may move;
 * when the feed ends before the event does, it is copied.
 */
#include "pelt/sse.h"

#include <string.h>

static const char MARK[] = "\xEF\xBB\xBF";
#define MARK_BYTES 3
#define MARK_PAST  (MARK_BYTES + 1)

/* ---- data ---- */

static enum pelt_status add_data_line(struct pelt_sse *s, struct pelt_span line)
{
    if (line.len > s->max - s->data.len || s->data.len + line.len == s->max) {
        return PELT_ELIMIT;
    }
    enum pelt_status status = pelt_buf_reserve(&s->data, line.len + 1);
    if (status == PELT_OK) {
        char *at = s->data.data + s->data.len;
        memcpy(at, line.ptr, line.len);
        at[line.len] = '\n';
        at[line.len + 1] = '\0';
        s->data.len += line.len + 1;
    }
    return status;
}

/* What was borrowed moves to the buffer. */
static enum pelt_status keep_only(struct pelt_sse *s)
{
    struct pelt_span only = s->only;
    s->only = pelt_span(NULL, 0);
    return only.ptr != NULL ? add_data_line(s, only) : PELT_OK;
}

static enum pelt_status add_data(struct pelt_sse *s, struct pelt_span value, bool borrowed)
{
    enum pelt_status status = PELT_OK;
    if (!s->has_data && borrowed && value.len < s->max) {
        s->only = value;
    } else {
        status = keep_only(s);
        status = status == PELT_OK ? add_data_line(s, value) : status;
    }
    s->has_data = true;
    return status;
}

/* ---- the other fields ---- */

static enum pelt_status set(struct pelt_buf *buf, struct pelt_span value)
{
    pelt_buf_reset(buf);
    return pelt_buf_add(buf, value.ptr, value.len);
}

static enum pelt_status set_id(struct pelt_sse *s, struct pelt_span value)
{
    if (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL) {
        return PELT_OK;
    }
    s->has_new_id = true;
    return set(&s->new_id, value);
}

/* Digits alone; what is too large to be waited for anyway stops growing. */
static void set_retry(struct pelt_sse *s, struct pelt_span value)
{
    int64_t ms = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return;
        }
        ms = ms < INT64_MAX / 100 ? ms * 10 + (value.ptr[i] - '0') : ms;
    }
    s->retry_ms = value.len > 0 ? ms : s->retry_ms;
}

static bool is(struct pelt_span name, const char *field, size_t len)
{
    return name.len == len && memcmp(name.ptr, field, len) == 0;
}

static enum pelt_status read_field(struct pelt_sse *s, struct pelt_span name,
                                   struct pelt_span value, bool borrowed)
{
    if (is(name, "data", 4)) {
        return add_data(s, value, borrowed);
    }
    if (is(name, "event", 5)) {
        return set(&s->type, value);
    }
    if (is(name, "id", 2)) {
        return set_id(s, value);
    }
    if (is(name, "retry", 5)) {
        set_retry(s, value);
    }
    return PELT_OK;
}

/* ---- events ---- */

static struct pelt_span whole_data(const struct pelt_sse *s)
{
    return s->only.ptr != NULL ? s->only : pelt_span(s->data.data, s->data.len - 1);
}

static struct pelt_span text_of(const struct pelt_buf *buf, const char *otherwise)
{
    return buf->len > 0 ? pelt_span(buf->data, buf->len) : pelt_span_of(otherwise);
}

/* What belongs to one event is forgotten. */
static void begin_event(struct pelt_sse *s)
{
    s->only = pelt_span(NULL, 0);
    pelt_buf_reset(&s->data);
    pelt_buf_reset(&s->type);
    s->has_data = s->has_new_id = false;
}

/* A blank line came. */
static enum pelt_status end_event(struct pelt_sse *s)
{
    enum pelt_status status = PELT_OK;
    if (s->has_new_id) {
        status = set(&s->id, text_of(&s->new_id, ""));
    }
    if (status == PELT_OK && s->has_data) {
        struct pelt_sse_event event = {
            .type = text_of(&s->type, "message"), .data = whole_data(s), .id = text_of(&s->id, "")};
        status = s->on_event(s->arg, &event);
    }
    begin_event(s);
    return status;
}

static enum pelt_status on_line(void *arg, struct pelt_span line)
{
    struct pelt_sse *s = arg;
    if (line.len == 0) {
        return end_event(s);
    }
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == line.ptr) {
        if (s->on_comment != NULL) {
            s->on_comment(s->arg, pelt_span(line.ptr + 1, line.len - 1));
        }
        return PELT_OK;
    }
    struct pelt_span name = line, value = {"", 0};
    if (colon != NULL) {
        name.len = (size_t)(colon - line.ptr);
        value = pelt_span(colon + 1, line.len - name.len - 1);
        if (value.len > 0 && *value.ptr == ' ') {
            value.ptr++;
            value.len--;
        }
    }
    return read_field(s, name, value, line.ptr != s->lines.part.data);
}

/* ---- public ---- */

void pelt_sse_init(struct pelt_sse *s, size_t max, pelt_sse_fn on_event, void *arg)
{
    *s = (struct pelt_sse){.on_event = on_event, .arg = arg, .max = max, .retry_ms = -1};
    s->lines = (struct pelt_lines){.on_line = on_line, .arg = s, .max = max, .bare_cr = true};
}

void pelt_sse_deinit(struct pelt_sse *s)
{
    pelt_lines_deinit(&s->lines);
    pelt_buf_deinit(&s->data);
    pelt_buf_deinit(&s->type);
    pelt_buf_deinit(&s->id);
    pelt_buf_deinit(&s->new_id);
}

void pelt_sse_reset(struct pelt_sse *s)
{
    pelt_lines_reset(&s->lines);
    begin_event(s);
    s->bom = 0;
}

/* Takes a byte-order mark off the stream's beginning; what only looked like one is fed. */
static enum pelt_status skip_mark(struct pelt_sse *s, const char **bytes, size_t *len)
{
    while (s->bom<MARK_BYTES && * len> 0 && **bytes == MARK[s->bom]) {
        s->bom++;
        (*bytes)++;
        (*len)--;
    }
    if (s->bom < MARK_BYTES && *len == 0) {
        return PELT_OK;
    }
    const unsigned seen = s->bom < MARK_BYTES ? s->bom : 0;
    s->bom = MARK_PAST;
    return seen > 0 ? pelt_lines_feed(&s->lines, MARK, seen) : PELT_OK;
}

enum pelt_status pelt_sse_feed(struct pelt_sse *s, const char *bytes, size_t len)
{
    enum pelt_status status = PELT_OK;
    if (s->bom <= MARK_BYTES) {
        status = skip_mark(s, &bytes, &len);
    }
    if (status == PELT_OK && len > 0) {
        status = pelt_lines_feed(&s->lines, bytes, len);
    }
    return status == PELT_OK ? keep_only(s) : status;
}
