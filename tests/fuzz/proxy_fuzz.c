/* Places of proxies, as the environment or a user gives them; the text again as a list of
 * exceptions. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_proxy proxy;
    struct pelt_error err = {""};
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (pelt_proxy_parse(&proxy, text, &err) == PELT_OK) {
        assert(proxy.host[0] != '\0' && proxy.port > 0 && strpbrk(proxy.host, "\r\n /@") == NULL);
        assert(pelt_proxy_excepts(proxy.host, proxy.host) || strpbrk(proxy.host, ",") != NULL ||
               proxy.host[0] == '.');
    } else {
        assert(err.text[0] != '\0');
    }
    pelt_proxy_deinit(&proxy);
    (void)pelt_proxy_excepts(text, "a.shop.test");
    free(text);
    return 0;
}
