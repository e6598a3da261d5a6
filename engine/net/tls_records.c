/*
 * tls_records: see the header. RFC 8446 section 5.1: a record is a type, a version (3, x), the
 * length of its body, the body. Handshake messages have headers of their own and need not end with
 * a record. Runs of bytes are skipped, not looked at one by one.
 */
#include <string.h>

#include "tls_backend.h"

enum {
    TYPE_CHANGE_CIPHER_SPEC = 20,
    TYPE_ALERT = 21,
    TYPE_HANDSHAKE = 22,
    TYPE_APPLICATION = 23,
    TYPE_HEARTBEAT = 24,
    MESSAGE_CERTIFICATE_REQUEST = 13,
    ALERT_BYTES = 2,
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void begin_body(struct pelt_tls_records *r)
{
    uint8_t type = r->header[0];
    r->body_left = (uint32_t)r->header[3] << 8 | r->header[4];
    if (type < TYPE_CHANGE_CIPHER_SPEC || type > TYPE_HEARTBEAT || r->header[1] != 3) {
        r->foreign = true;
    }
    if (type == TYPE_CHANGE_CIPHER_SPEC || type == TYPE_APPLICATION) {
        r->sealed = true;
    }
    /* An encrypted one is longer. */
    r->is_alert = type == TYPE_ALERT && !r->sealed && r->body_left == ALERT_BYTES;
    r->alert_len = 0;
}

/* Its level, then what it is. */
static void pass_alert(struct pelt_tls_records *r, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (++r->alert_len == ALERT_BYTES) {
            r->alert = bytes[i];
        }
    }
}

static void pass_handshake(struct pelt_tls_records *r, const unsigned char *bytes, size_t len)
{
    while (len > 0) {
        size_t n;
        if (r->message_left > 0) {
            n = least(len, r->message_left);
            r->message_left -= (uint32_t)n;
        } else {
            n = least(len, sizeof(r->message) - r->message_len);
            memcpy(r->message + r->message_len, bytes, n);
            r->message_len = (uint8_t)(r->message_len + n);
            if (r->message_len == sizeof(r->message)) {
                r->message_len = 0;
                r->message_left =
                    (uint32_t)r->message[1] << 16 | (uint32_t)r->message[2] << 8 | r->message[3];
                r->cert_asked |= r->message[0] == MESSAGE_CERTIFICATE_REQUEST;
            }
        }
        bytes += n;
        len -= n;
    }
}

static size_t pass_body(struct pelt_tls_records *r, const unsigned char *bytes, size_t len)
{
    size_t n = least(len, r->body_left);
    if (r->is_alert) {
        pass_alert(r, bytes, n);
    } else if (!r->sealed && r->header[0] == TYPE_HANDSHAKE) {
        pass_handshake(r, bytes, n);
    }
    r->body_left -= (uint32_t)n;
    return n;
}

static size_t pass_header(struct pelt_tls_records *r, const unsigned char *bytes, size_t len)
{
    size_t n = least(len, sizeof(r->header) - r->header_len);
    memcpy(r->header + r->header_len, bytes, n);
    r->header_len = (uint8_t)(r->header_len + n);
    if (r->header_len == sizeof(r->header)) {
        begin_body(r);
    }
    return n;
}

void pelt_tls_records_init(struct pelt_tls_records *r)
{
    *r = (struct pelt_tls_records){.alert = -1};
}

void pelt_tls_records_pass(struct pelt_tls_records *r, const unsigned char *bytes, size_t len)
{
    while (len > 0 && !r->foreign) {
        size_t n = r->header_len < sizeof(r->header) ? pass_header(r, bytes, len)
                                                     : pass_body(r, bytes, len);
        r->partial += (uint32_t)n;
        bytes += n;
        len -= n;
        if (r->header_len == sizeof(r->header) && r->body_left == 0) {
            r->header_len = 0;
            r->partial = 0;
        }
    }
}
