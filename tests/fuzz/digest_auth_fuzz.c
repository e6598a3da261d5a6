/* Challenges of Digest, as a field's value: what is read can be answered, and the answer is no two
 * fields. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pelt/digest_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const struct pelt_digest_challenge *challenge)
{
    const struct pelt_digest_auth_login login = {"user \"x\"", "password"};
    const struct pelt_digest_auth_request request = {.method = pelt_span("GET", 3),
                                                     .target = pelt_span("/\"x\"", 4),
                                                     .body = pelt_span("body", 4),
                                                     .nc = 1,
                                                     .cnonce = "0123456789abcdef"};
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    assert(pelt_digest_auth_write(&out, challenge, &login, &request) == PELT_OK);
    assert(strpbrk(out.data, "\r\n") == NULL && strlen(out.data) == out.len);
    pelt_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_digest_challenge challenge = {.stale = false};
    struct pelt_error err = {""};
    struct pelt_buf head;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' || data[i] == '\r' || data[i] == 0) {
            return 0; /* of no head that the parser accepts */
        }
    }
    pelt_buf_init(&head, 0);
    pelt_buf_add_str(&head, "HTTP/1.1 401 No\r\nWWW-Authenticate: ");
    pelt_buf_add(&head, data, size);
    pelt_buf_add_str(&head, "\r\n\r\n");
    enum pelt_status status =
        pelt_digest_auth_read(pelt_span(head.data, head.len), &challenge, &err);
    if (status == PELT_OK) {
        answer(&challenge);
    } else {
        assert(status == PELT_EOF || err.text[0] != '\0');
    }
    pelt_buf_reset(&head);
    pelt_buf_add_str(&head, "HTTP/1.1 200 OK\r\nAuthentication-Info: ");
    pelt_buf_add(&head, data, size);
    pelt_buf_add_str(&head, "\r\n\r\n");
    if (pelt_digest_auth_next(pelt_span(head.data, head.len), &challenge.nonce)) {
        assert(challenge.nonce.len > 0);
        answer(&challenge);
    }
    pelt_buf_deinit(&head);
    return 0;
}
