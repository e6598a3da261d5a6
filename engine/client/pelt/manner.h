/*
 * manner: how a client behaves that is not as fast and as patient as it can be: one that servers
 * must endure. A request names one (struct pelt_request); its exchange ends under the outcomes that
 * others have, or as `abandoned` where the manner says so.
 */
#ifndef PELT_MANNER_H
#define PELT_MANNER_H

#include <stdbool.h>
#include <stdint.h>

struct pelt_manner {
    uint64_t read_per_s;    /* bytes of the answer a second; 0: as they come. With a window of that,
                               which stays: the request says `close`, too */
    uint64_t write_per_s;   /* bytes of the request a second; 0: at once */
    uint64_t abandon_after; /* the exchange ends as abandoned, and its connection, once the request
                               was sent and so many bytes of the answer came, if the answer has not
                               ended by then; PELT_NEVER: it is waited for */
    bool half_close;        /* once the request was sent, our side of the connection is closed */
};

#endif
