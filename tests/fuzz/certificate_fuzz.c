/*
 * certificate: any bytes as a server's certificate are refused, or become lines without control
 * characters.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "tls_backend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_a_line(const char *text)
{
    for (; *text != '\0'; text++) {
        assert((unsigned char)*text >= ' ' && *text != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *der = data;
    struct pelt_tls_certificate c;
    X509 *x = d2i_X509(NULL, &der, (long)size);
    if (x != NULL) {
        pelt_tls_certificate_read(&c, x);
        is_a_line(c.subject);
        is_a_line(c.issuer);
        is_a_line(c.names);
        is_a_line(c.key);
        is_a_line(c.signature);
        X509_free(x);
    }
    (void)pelt_tls_covers_literal(data, size, "127.0.0.1");
    return 0;
}
