/*
 * log: see the header. The settings are written before threads start and only read later; the lock
 * keeps `before_line` and the write that follows it together.
 */
#include "pelt/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pelt/buf.h"
#include "pelt/clock.h"

#define MESSAGE_BYTES_MAX ((size_t)64 * 1024) /* a longer message is cut */

static struct {
    enum pelt_log_level least;
    bool json;
    void (*before_line)(void *);
    void *arg;
    struct pelt_outlet *outlet; /* NULL: none */
    uint64_t refused;           /* lines that it refused and nobody was told of yet */
    pthread_mutex_t lock;
} settings = {.least = PELT_LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void pelt_log_setup(enum pelt_log_level least, bool json, void (*before_line)(void *), void *arg)
{
    pthread_mutex_lock(&settings.lock);
    settings.least = least;
    settings.json = json;
    settings.before_line = before_line;
    settings.arg = arg;
    pthread_mutex_unlock(&settings.lock);
}

void pelt_log_through(struct pelt_outlet *outlet)
{
    pthread_mutex_lock(&settings.lock);
    settings.outlet = outlet;
    settings.refused = 0;
    pthread_mutex_unlock(&settings.lock);
}

/* Bytes of the well-formed UTF-8 sequence at `p` (RFC 3629, table in section 4); 0: malformed. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || len > left) {
        return 0;
    }
    /* The second byte's range shuts out overlong forms, surrogates and what lies above U+10FFFF. */
    unsigned least = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned most = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < least || p[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

static void add_json_char(struct pelt_buf *line, unsigned char c)
{
    switch (c) {
    case '"':
        pelt_buf_add_str(line, "\\\"");
        break;
    case '\\':
        pelt_buf_add_str(line, "\\\\");
        break;
    case '\n':
        pelt_buf_add_str(line, "\\n");
        break;
    case '\r':
        pelt_buf_add_str(line, "\\r");
        break;
    case '\t':
        pelt_buf_add_str(line, "\\t");
        break;
    default:
        pelt_buf_addf(line, "\\u%04x", c);
        break;
    }
}

/* Adds `text` as the inside of a JSON string (RFC 8259, section 7); malformed UTF-8 becomes U+FFFD.
 */
static void add_json_text(struct pelt_buf *line, struct pelt_span text)
{
    for (size_t i = 0; i < text.len;) {
        const unsigned char *p = (const unsigned char *)text.ptr + i;
        size_t len = utf8_length(p, text.len - i);
        if (len == 0) {
            pelt_buf_add_str(line, "\xEF\xBF\xBD");
            len = 1;
        } else if (p[0] < 0x20 || p[0] == '"' || p[0] == '\\' || p[0] == 0x7F) {
            add_json_char(line, p[0]);
        } else {
            pelt_buf_add(line, p, len);
        }
        i += len;
    }
}

/* A server's or script's text must not steer the terminal: control characters but line feed and tab
 * show as '?'. */
static void add_plain_text(struct pelt_buf *line, struct pelt_span text)
{
    size_t from = line->len;
    pelt_buf_add(line, text.ptr, text.len);
    for (size_t i = from; i < line->len; i++) {
        unsigned char c = (unsigned char)line->data[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
            line->data[i] = '?';
        }
    }
}

struct line { /* what one says */
    const struct pelt_log_place *place;
    const struct pelt_log_about *about; /* NULL: nothing more */
    enum pelt_log_level level;
    const char *logger;
    struct pelt_span message;
};

static void add_member(struct pelt_buf *out, const char *name, struct pelt_span text)
{
    pelt_buf_addf(out, ",\"%s\":\"", name);
    add_json_text(out, text);
    pelt_buf_add_str(out, "\"");
}

/* "/src/engine/run/control.c" is of the module control, "chat.lua" of chat.lua. */
static struct pelt_span module_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    struct pelt_span name = pelt_span_of(slash != NULL ? slash + 1 : file);
    if (name.len > 2 && memcmp(name.ptr + name.len - 2, ".c", 2) == 0) {
        name.len -= 2;
    }
    return name;
}

static void add_place(struct pelt_buf *out, const struct pelt_log_place *place)
{
    add_member(out, "module", module_of(place->file));
    if (place->function != NULL) {
        add_member(out, "function", pelt_span_of(place->function));
    }
    if (place->line > 0) {
        pelt_buf_addf(out, ",\"line\":%d", place->line);
    }
}

static void add_about(struct pelt_buf *out, const struct pelt_log_about *about)
{
    if (about->has_user) {
        pelt_buf_addf(out, ",\"user\":%llu,\"iteration\":%llu", (unsigned long long)about->user,
                      (unsigned long long)about->iteration);
    }
    if (about->correlation_id != NULL && about->correlation_id[0] != '\0') {
        add_member(out, "correlation_id", pelt_span_of(about->correlation_id));
    }
    if (about->members != NULL) {
        pelt_buf_addf(out, ",%s", about->members);
    }
}

static void add_json_line(struct pelt_buf *out, const struct line *l)
{
    const bool other = l->about != NULL && l->about->logger != NULL;
    char when[32];
    pelt_clock_rfc3339(pelt_clock_wall_ns(), when);
    pelt_buf_addf(out, "{\"timestamp\":\"%s\",\"level\":\"%s\"", when, level_names[l->level]);
    add_member(out, "logger", pelt_span_of(other ? l->about->logger : l->logger));
    add_member(out, "message", l->message);
    add_place(out, l->place);
    if (l->about != NULL) {
        add_about(out, l->about);
    }
    pelt_buf_add_str(out, "}\n");
}

static void add_line(struct pelt_buf *out, const struct line *l)
{
    if (settings.json) {
        add_json_line(out, l);
        return;
    }
    pelt_buf_addf(out, "%s: ", l->logger);
    if (l->level != PELT_LOG_INFO) {
        pelt_buf_addf(out, "%s: ", level_names[l->level]);
    }
    add_plain_text(out, l->message);
    pelt_buf_add_str(out, "\n");
}

static void tell_refused(void)
{
    char message[96];
    struct pelt_buf line;
    pelt_buf_init(&line, 0);
    snprintf(message, sizeof message, "%llu lines are missing here: nobody read them",
             (unsigned long long)settings.refused);
    add_line(&line, &(struct line){.place = &(struct pelt_log_place){__FILE__, __func__, __LINE__},
                                   .level = PELT_LOG_WARNING,
                                   .logger = "log",
                                   .message = pelt_span_of(message)});
    if (!line.failed && pelt_outlet_put(settings.outlet, line.data, line.len)) {
        settings.refused = 0;
    }
    pelt_buf_deinit(&line);
}

static void put_line(const struct pelt_buf *line)
{
    if (settings.refused > 0) {
        tell_refused();
    }
    if (settings.refused > 0 || !pelt_outlet_put(settings.outlet, line->data, line->len)) {
        settings.refused++;
    }
}

/* A closed or full stderr is nothing to report anywhere: the line is lost. */
static void write_line(const struct pelt_buf *line)
{
    ssize_t written;
    do {
        written = write(STDERR_FILENO, line->data, line->len);
    } while (written < 0 && errno == EINTR);
}

static void send_line(const struct pelt_buf *line)
{
    pthread_mutex_lock(&settings.lock);
    if (settings.before_line != NULL) {
        settings.before_line(settings.arg);
    }
    if (settings.outlet != NULL) {
        put_line(line);
    } else {
        write_line(line);
    }
    pthread_mutex_unlock(&settings.lock);
}

bool pelt_log_shows(enum pelt_log_level level)
{
    return level >= settings.least;
}

bool pelt_log_is_json(void)
{
    return settings.json;
}

void pelt_log_at(const struct pelt_log_place *place, const struct pelt_log_about *about,
                 enum pelt_log_level level, const char *logger, const char *fmt, ...)
{
    if (!pelt_log_shows(level)) {
        return;
    }
    char *message = malloc(MESSAGE_BYTES_MAX);
    if (message == NULL) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, MESSAGE_BYTES_MAX, fmt, args);
    va_end(args);
    struct pelt_buf line;
    pelt_buf_init(&line, 0);
    add_line(&line, &(struct line){.place = place,
                                   .about = about,
                                   .level = level,
                                   .logger = logger,
                                   .message = pelt_span_of(message)});
    if (!line.failed) {
        send_line(&line);
    }
    pelt_buf_deinit(&line);
    free(message);
}
