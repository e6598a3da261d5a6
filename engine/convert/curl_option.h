/*
 * curl_option: curl's options by name, and what becomes of each. Constant.
 */
#ifndef CONVERT_CURL_OPTION_H
#define CONVERT_CURL_OPTION_H

#include <stdbool.h>
#include <stddef.h>

enum convert_curl_act {
    CURL_METHOD,
    CURL_URL,
    CURL_HEADER,
    CURL_DATA,
    CURL_DATA_RAW,
    CURL_DATA_BINARY,
    CURL_DATA_URLENCODE,
    CURL_JSON,
    CURL_FORM,
    CURL_FORM_STRING,
    CURL_USER,
    CURL_BEARER,
    CURL_AGENT,
    CURL_REFERER,
    CURL_COOKIE,
    CURL_INSECURE,
    CURL_LOCATION,
    CURL_MAX_REDIRS,
    CURL_COMPRESSED,
    CURL_DIGEST,
    CURL_GET,
    CURL_HEAD,
    CURL_MAX_TIME,
    CURL_UPLOAD,
    CURL_RANGE,
    CURL_URL_QUERY,
    CURL_NEXT,
    CURL_BASIC,
    CURL_GLOBOFF,
    CURL_SILENT, /* changes nothing that a server sees */
    CURL_LEFT    /* pelt does not do it, or otherwise: `why` says so */
};

struct convert_curl_option {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    bool takes;       /* an argument */
    enum convert_curl_act act;
    const char *why;
};

/* NULL: unknown. By name also its beginning, where it is the only one, as curl takes it. */
const struct convert_curl_option *convert_curl_by_name(const char *name, size_t len);
const struct convert_curl_option *convert_curl_by_letter(char letter);
/* The nearest name; NULL: none is near. */
const char *convert_curl_nearest(const char *name);

#endif
