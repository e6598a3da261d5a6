/* run_key: see the header. SHA-256 and HMAC are nettle's. */
#include "pelt/run_key.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#define PURPOSE "pelt run key 1" /* so that the secret may serve for other things as well */

_Static_assert(SHA256_DIGEST_SIZE == PELT_RUN_KEY_BYTES, "a key is a MAC");

static void mac(struct pelt_span key, struct pelt_span a, struct pelt_span b,
                uint8_t out[PELT_RUN_KEY_BYTES])
{
    struct hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, key.len, (const uint8_t *)key.ptr);
    hmac_sha256_update(&context, a.len, (const uint8_t *)a.ptr);
    hmac_sha256_update(&context, b.len, (const uint8_t *)b.ptr);
    hmac_sha256_digest(&context, PELT_RUN_KEY_BYTES, out);
    explicit_bzero(&context, sizeof context);
}

void pelt_run_key_derive(struct pelt_run_key *out, struct pelt_span secret, const char *run)
{
    mac(secret, pelt_span(PURPOSE, sizeof PURPOSE), pelt_span_of(run), out->bytes);
}

enum pelt_status pelt_run_key_read(struct pelt_run_key *out, const char *path, const char *run,
                                   struct pelt_error *err)
{
    char text[PELT_RUN_SECRET_MAX + 2];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return pelt_fail(err, PELT_EINVAL, "key file %s: %s", path, strerror(errno));
    }
    size_t len = fread(text, 1, sizeof text, file);
    const bool failed = ferror(file) != 0;
    fclose(file);
    const char *end = memchr(text, '\n', len);
    struct pelt_span secret =
        pelt_span_trim(pelt_span(text, end != NULL ? (size_t)(end - text) : len));
    const bool good =
        !failed && secret.len >= PELT_RUN_SECRET_MIN && secret.len <= PELT_RUN_SECRET_MAX;
    if (good) {
        pelt_run_key_derive(out, secret, run);
    }
    const size_t had = secret.len;
    explicit_bzero(text, sizeof text);
    if (!good) {
        return pelt_fail(
            err, PELT_EINVAL,
            "key file %s: its first line has %zu bytes: a secret has %d to %d (openssl "
            "rand -hex 32 > %s makes one)",
            path, had, PELT_RUN_SECRET_MIN, PELT_RUN_SECRET_MAX, path);
    }
    return PELT_OK;
}

void pelt_run_key_mac(const struct pelt_run_key *key, struct pelt_span bytes,
                      uint8_t out[PELT_RUN_KEY_BYTES])
{
    mac(pelt_span((const char *)key->bytes, sizeof key->bytes), bytes, pelt_span("", 0), out);
}

bool pelt_run_key_mac_equal(const uint8_t a[PELT_RUN_KEY_BYTES],
                            const uint8_t b[PELT_RUN_KEY_BYTES])
{
    return memeql_sec(a, b, PELT_RUN_KEY_BYTES) != 0;
}

void pelt_run_key_wipe(struct pelt_run_key *key)
{
    explicit_bzero(key, sizeof *key);
}

void pelt_sha256(struct pelt_span bytes, uint8_t out[32])
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, bytes.len, (const uint8_t *)bytes.ptr);
    sha256_digest(&context, PELT_RUN_KEY_BYTES, out);
}

void pelt_sha256_hex(const uint8_t sha256[32], char out[65])
{
    for (unsigned i = 0; i < 32; i++) {
        snprintf(out + 2 * i, 3, "%02x", sha256[i]);
    }
}

bool pelt_sha256_parse(struct pelt_span hex, uint8_t out[32])
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < 64; i++) {
        const char *digit = hex.len == 64 && hex.ptr[i] != '\0' ? strchr(DIGITS, hex.ptr[i]) : NULL;
        if (digit == NULL) {
            return false;
        }
        const unsigned value = (unsigned)(digit - DIGITS);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out[i / 2] | value);
    }
    return true;
}
