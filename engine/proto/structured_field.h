/*
 * structured_field: the parts of a structured field's value (RFC 8941): bare items, keys,
 * parameters. Private to proto. False is always: the value breaks the grammar, and all of it is to
 * be ignored (section 4.2).
 */
#ifndef PELT_STRUCTURED_FIELD_H
#define PELT_STRUCTURED_FIELD_H

#include <stdint.h>

#include "scan.h"

enum pelt_sf_type {
    PELT_SF_INTEGER,
    PELT_SF_DECIMAL,
    PELT_SF_STRING,
    PELT_SF_TOKEN,
    PELT_SF_BYTES,
    PELT_SF_BOOLEAN
};

struct pelt_sf_item {
    enum pelt_sf_type type;
    int64_t integer;       /* INTEGER; of a DECIMAL its whole part */
    bool boolean;          /* BOOLEAN */
    struct pelt_span text; /* STRING without quotes, with backslashes; TOKEN; BYTES in base64 */
};

bool pelt_sf_bare_item(struct pelt_scan *s, struct pelt_sf_item *out);
/* A parameter, if a semicolon comes next (*found); without a value it is the boolean true. */
bool pelt_sf_param(struct pelt_scan *s, bool *found, struct pelt_span *key,
                   struct pelt_sf_item *out);
/* Between two members of a list: *more says whether another one follows. */
bool pelt_sf_list_next(struct pelt_scan *s, bool *more);

#endif
