/*
 * relay: see the header. The multi handle and all easy handles are the thread's; others leave calls
 * in `begun`, under the lock, and wake it.
 */
#include "relay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "clock.h"
#include "pipe.h"
#include "room.h"

#define NS_PER_MS    UINT64_C(1000000)
#define SLEEP_MS_MAX 1000
#define CONNECTIONS  512 /* kept idle */
#define TEXT_FIRST   512

struct target_relay {
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock;
    struct target_relay_call *begun; /* newest first; under the lock */
    atomic_bool is_ending;           /* relaxed: only its value matters */
    atomic_bool is_over;             /* likewise: the thread is to end */
    struct target_relay_call *under_way;
    uint64_t (*on_turn)(void *cls, uint64_t now_ns);
    void *cls;
};

/* ---- one call ---- */

struct target_relay_call *target_relay_call_new(struct target_relay *relay)
{
    struct target_relay_call *call = calloc(1, sizeof *call);

    if (call) {
        call->relay = relay;
        call->easy = curl_easy_init();
        if (!call->easy) {
            free(call);
            return NULL;
        }
    }
    return call;
}

static bool add_line(struct target_relay_call *call, const char *name, const char *separator,
                     const char *value)
{
    struct curl_slist *more = NULL;
    char *line;

    if (asprintf(&line, "%s%s%s", name, separator, value) >= 0) {
        more = curl_slist_append(call->fields, line);
        free(line);
    }
    call->fields = more ? more : call->fields;
    return more != NULL;
}

bool target_relay_call_add(struct target_relay_call *call, const char *name, const char *value)
{
    /* What has no value needs a semicolon, or libcurl would leave the field out. */
    return add_line(call, name, value[0] ? ": " : ";", value);
}

bool target_relay_call_omit(struct target_relay_call *call, const char *name)
{
    size_t length = strlen(name);

    for (const struct curl_slist *field = call->fields; field; field = field->next) {
        if (strncasecmp(field->data, name, length) == 0 && strchr(":;", field->data[length])) {
            return true; /* a name has its separator behind it */
        }
    }
    return add_line(call, name, ":", "");
}

void target_relay_call_drop(struct target_relay_call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->fields);
    free(call->url);
    free(call->owned_body);
    free(call->text);
    target_answerhead_deinit(&call->head);
    free(call);
}

/* Among its fields. */
static bool is_event_stream(const struct target_relay_call *call)
{
    static const char type[] = "Content-Type:", stream[] = "text/event-stream";

    for (const char *line = call->head.text; line && *line; line += strlen(line) + 1) {
        if (strncasecmp(line, type, sizeof type - 1) == 0) {
            line += sizeof type - 1;
            line += strspn(line, " \t");
            return strncasecmp(line, stream, sizeof stream - 1) == 0;
        }
    }
    return false;
}

static void offer_stream(struct target_relay_call *call)
{
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && is_event_stream(call)) {
        call->status = 200;
        call->pipe = call->on_stream(call->cls, call);
    }
}

static size_t on_body(char *data, size_t size, size_t count, void *cls)
{
    struct target_relay_call *call = cls;
    size_t bytes = size * count;

    if (!call->pipe && call->on_stream && call->text_bytes == 0) {
        offer_stream(call);
    }
    if (call->pipe) {
        return target_pipe_write(call->pipe, data, bytes) ? bytes : 0;
    }
    if (call->text_bytes + bytes >= TARGET_RELAY_BYTES_MAX ||
        !target_room_make(&call->text, &call->text_room, call->text_bytes + bytes + 1,
                          TEXT_FIRST)) {
        return 0;
    }
    memcpy(call->text + call->text_bytes, data, bytes);
    call->text_bytes += bytes;
    call->text[call->text_bytes] = '\0';
    return bytes;
}

static size_t on_head(char *line, size_t size, size_t count, void *cls)
{
    struct target_relay_call *call = cls;
    size_t bytes = size * count;

    return target_answerhead_line(&call->head, line, bytes) ? bytes : 0;
}

static void set_method(struct target_relay_call *call)
{
    if (strcmp(call->method, "HEAD") == 0) {
        curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (call->body_bytes > 0 || call->has_body) {
        curl_easy_setopt(call->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_bytes);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body_bytes > 0 ? call->body : "");
    }
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static bool prepare(struct target_relay_call *call)
{
    CURL *easy = call->easy;

    target_answerhead_reset(&call->head);
    call->text_bytes = 0;
    call->status = 0;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->fields);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    set_method(call);
    return (!call->target ||
            curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, call->target) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, call->url) == CURLE_OK;
}

static enum target_relay_result result_of(struct target_relay_call *call, CURLcode code)
{
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    switch (code) {
    case CURLE_OK:
        call->status = (unsigned)status;
        return status >= 200 && status < 600 ? TARGET_RELAY_ANSWERED : TARGET_RELAY_NO_STATUS;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return TARGET_RELAY_REFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        return TARGET_RELAY_LATE;
    case CURLE_WRITE_ERROR:
        return call->head.is_large ? TARGET_RELAY_HEAD_LARGE : TARGET_RELAY_TOO_LARGE;
    default:
        return TARGET_RELAY_BROKEN;
    }
}

/* ---- the thread ---- */

void target_relay_wake(struct target_relay *relay)
{
    curl_multi_wakeup(relay->multi);
}

static void leave_for_thread(struct target_relay_call *call)
{
    struct target_relay *relay = call->relay;

    pthread_mutex_lock(&relay->lock);
    call->next = relay->begun;
    relay->begun = call;
    pthread_mutex_unlock(&relay->lock);
    target_relay_wake(relay);
}

static void unlink_call(struct target_relay_call *call)
{
    struct target_relay_call **at = &call->relay->under_way;

    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
}

/* Tells that it is over, and frees it unless it was begun again. */
static void finish(struct target_relay_call *call, enum target_relay_result result)
{
    call->result = result;
    call->is_again = false;
    if (call->pipe) {
        target_pipe_end(call->pipe, result == TARGET_RELAY_ANSWERED);
        call->has_streamed = true;
        call->pipe = NULL;
    }
    call->on_done(call->cls, call);
    if (!call->is_again) {
        target_relay_call_drop(call);
    } else {
        leave_for_thread(call);
    }
}

static void add(struct target_relay *relay, struct target_relay_call *call)
{
    if (atomic_load_explicit(&relay->is_ending, memory_order_relaxed) || !prepare(call) ||
        curl_multi_add_handle(relay->multi, call->easy) != CURLM_OK) {
        finish(call, TARGET_RELAY_ENDED);
        return;
    }
    call->next = relay->under_way;
    relay->under_way = call;
}

static void add_begun(struct target_relay *relay)
{
    struct target_relay_call *all, *next, *in_order = NULL;

    pthread_mutex_lock(&relay->lock);
    all = relay->begun;
    relay->begun = NULL;
    pthread_mutex_unlock(&relay->lock);
    for (; all; all = next) {
        next = all->next;
        all->next = in_order;
        in_order = all;
    }
    for (; in_order; in_order = next) {
        next = in_order->next;
        add(relay, in_order);
    }
}

static void take_over(struct target_relay *relay)
{
    struct CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(relay->multi, &left)) != NULL) {
        struct target_relay_call *call = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        curl_multi_remove_handle(relay->multi, call->easy);
        unlink_call(call);
        finish(call, result_of(call, code));
    }
}

static void break_off(struct target_relay *relay)
{
    while (relay->under_way) {
        struct target_relay_call *call = relay->under_way;

        curl_multi_remove_handle(relay->multi, call->easy);
        unlink_call(call);
        finish(call, TARGET_RELAY_ENDED);
    }
}

static int sleep_ms(uint64_t due_ns)
{
    uint64_t now_ns = target_clock_now_ns(), ms;

    if (due_ns <= now_ns) {
        return 0;
    }
    ms = (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms < SLEEP_MS_MAX ? (int)ms : SLEEP_MS_MAX;
}

static void *run(void *cls)
{
    struct target_relay *relay = cls;
    int running;

    while (!atomic_load_explicit(&relay->is_over, memory_order_relaxed)) {
        uint64_t due_ns = relay->on_turn(relay->cls, target_clock_now_ns());

        add_begun(relay);
        if (atomic_load_explicit(&relay->is_ending, memory_order_relaxed)) {
            break_off(relay);
        }
        curl_multi_perform(relay->multi, &running);
        take_over(relay);
        curl_multi_poll(relay->multi, NULL, 0, sleep_ms(due_ns), NULL);
    }
    add_begun(relay);
    break_off(relay);
    return NULL;
}

/* ---- outside ---- */

void target_relay_call_begin(struct target_relay_call *call)
{
    leave_for_thread(call);
}

void target_relay_call_again(struct target_relay_call *call)
{
    call->is_again = true;
}

void target_relay_end(struct target_relay *relay)
{
    atomic_store_explicit(&relay->is_ending, true, memory_order_relaxed);
    target_relay_wake(relay);
}

struct target_relay *target_relay_new(uint64_t (*on_turn)(void *cls, uint64_t now_ns), void *cls)
{
    struct target_relay *relay = calloc(1, sizeof *relay);

    if (!relay) {
        return NULL;
    }
    relay->on_turn = on_turn;
    relay->cls = cls;
    pthread_mutex_init(&relay->lock, NULL);
    if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK) {
        relay->multi = curl_multi_init();
        if (relay->multi) {
            curl_multi_setopt(relay->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
            if (pthread_create(&relay->thread, NULL, run, relay) == 0) {
                return relay;
            }
            curl_multi_cleanup(relay->multi);
        }
        curl_global_cleanup();
    }
    pthread_mutex_destroy(&relay->lock);
    free(relay);
    return NULL;
}

void target_relay_free(struct target_relay *relay)
{
    if (!relay) {
        return;
    }
    atomic_store_explicit(&relay->is_over, true, memory_order_relaxed);
    target_relay_end(relay);
    pthread_join(relay->thread, NULL);
    curl_multi_cleanup(relay->multi);
    curl_global_cleanup();
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}
