/* bus_url: any text as the bus' URL. What is taken fits what the header promises; what is refused
 * is one line. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/bus_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct pelt_bus_url url;
    struct pelt_error err = {""};
    memcpy(text, data, size);
    text[size] = '\0';
    if (pelt_bus_url_parse(text, &url, &err) == PELT_OK) {
        struct pelt_bus_url again;
        assert(*url.host != '\0' && url.port > 0 && url.db <= PELT_BUS_DB_MAX);
        assert(strlen(url.user) <= PELT_BUS_SECRET_MAX);
        assert(strlen(url.password) <= PELT_BUS_SECRET_MAX);
        if (*url.user == '\0') { /* nothing in it needs to be escaped */
            assert(pelt_bus_url_parse(url.text, &again, NULL) == PELT_OK);
            assert(strcmp(again.host, url.host) == 0 && again.port == url.port);
            assert(again.db == url.db && again.tls == url.tls && again.loopback == url.loopback);
            pelt_bus_url_deinit(&again);
        }
    } else {
        assert(*err.text != '\0' && strchr(err.text, '\n') == NULL);
        assert(url.text == NULL && url.host == NULL && url.password == NULL);
    }
    pelt_bus_url_deinit(&url);
    free(text);
    return 0;
}
