/* curl_option: see the header. Of curl 8. */
#include "curl_option.h"

#include <string.h>

#include "pelt/units.h"

#define PRINTS "it says what curl prints or keeps"
#define PROXY  "pelt run has --proxy"
#define TRUST  "pelt run has --ca, --cert and --key"
#define TIMES  "pelt has its own limit: connect 10 s"
#define ASKS   "pelt run speaks HTTP/1.1 unless told otherwise"
#define HTTP2  "run it with --http2, or give the scenario http2 = true"
#define NAMES  "pelt run has --resolve"
#define AUTH   "only Basic, Bearer and Digest can be written here"
#define TLS    "pelt run has --tls-min, --tls-max and --tls-ciphers"
#define ELSE   "it has no equal in a scenario"

/* clang-format off */
static const struct convert_curl_option table[] = {
    {"request", 'X', true, CURL_METHOD, NULL}, {"url", 0, true, CURL_URL, NULL},
    {"header", 'H', true, CURL_HEADER, NULL}, {"data", 'd', true, CURL_DATA, NULL},
    {"data-ascii", 0, true, CURL_DATA, NULL}, {"data-raw", 0, true, CURL_DATA_RAW, NULL},
    {"data-binary", 0, true, CURL_DATA_BINARY, NULL}, {"data-urlencode", 0, true, CURL_DATA_URLENCODE, NULL},
    {"json", 0, true, CURL_JSON, NULL}, {"form", 'F', true, CURL_FORM, NULL},
    {"form-string", 0, true, CURL_FORM_STRING, NULL}, {"user", 'u', true, CURL_USER, NULL},
    {"oauth2-bearer", 0, true, CURL_BEARER, NULL}, {"user-agent", 'A', true, CURL_AGENT, NULL},
    {"referer", 'e', true, CURL_REFERER, NULL}, {"cookie", 'b', true, CURL_COOKIE, NULL},
    {"insecure", 'k', false, CURL_INSECURE, NULL}, {"location", 'L', false, CURL_LOCATION, NULL},
    {"max-redirs", 0, true, CURL_MAX_REDIRS, NULL}, {"compressed", 0, false, CURL_COMPRESSED, NULL},
    {"get", 'G', false, CURL_GET, NULL}, {"head", 'I', false, CURL_HEAD, NULL},
    {"max-time", 'm', true, CURL_MAX_TIME, NULL}, {"upload-file", 'T', true, CURL_UPLOAD, NULL},
    {"range", 'r', true, CURL_RANGE, NULL}, {"url-query", 0, true, CURL_URL_QUERY, NULL},
    {"next", ':', false, CURL_NEXT, NULL}, {"basic", 0, false, CURL_BASIC, NULL},
    {"globoff", 'g', false, CURL_GLOBOFF, NULL},

    {"silent", 's', false, CURL_SILENT, PRINTS}, {"show-error", 'S', false, CURL_SILENT, PRINTS},
    {"verbose", 'v', false, CURL_SILENT, PRINTS}, {"include", 'i', false, CURL_SILENT, PRINTS},
    {"show-headers", 0, false, CURL_SILENT, PRINTS}, {"output", 'o', true, CURL_SILENT, PRINTS},
    {"output-dir", 0, true, CURL_SILENT, PRINTS}, {"create-dirs", 0, false, CURL_SILENT, PRINTS},
    {"remote-name", 'O', false, CURL_SILENT, PRINTS}, {"remote-name-all", 0, false, CURL_SILENT, PRINTS},
    {"remote-header-name", 'J', false, CURL_SILENT, PRINTS}, {"remote-time", 'R', false, CURL_SILENT, PRINTS},
    {"write-out", 'w', true, CURL_SILENT, PRINTS}, {"progress-bar", '#', false, CURL_SILENT, PRINTS},
    {"no-progress-meter", 0, false, CURL_SILENT, PRINTS}, {"progress-meter", 0, false, CURL_SILENT, PRINTS},
    {"fail", 'f', false, CURL_SILENT, "statuses from 400 on count as failed anyway"},
    {"fail-with-body", 0, false, CURL_SILENT, "statuses from 400 on count as failed anyway"},
    {"fail-early", 0, false, CURL_SILENT, PRINTS}, {"no-buffer", 'N', false, CURL_SILENT, PRINTS},
    {"dump-header", 'D', true, CURL_SILENT, PRINTS}, {"trace", 0, true, CURL_SILENT, PRINTS},
    {"trace-ascii", 0, true, CURL_SILENT, PRINTS}, {"trace-time", 0, false, CURL_SILENT, PRINTS},
    {"stderr", 0, true, CURL_SILENT, PRINTS}, {"styled-output", 0, false, CURL_SILENT, PRINTS},
    {"cookie-jar", 'c', true, CURL_SILENT, "each user keeps its cookies by itself"},
    {"junk-session-cookies", 'j', false, CURL_SILENT, "each user begins without cookies"},
    {"http1.1", 0, false, CURL_SILENT, "pelt speaks HTTP/1.1"}, {"keepalive-time", 0, true, CURL_SILENT, "connections are kept"},
    {"tcp-nodelay", 0, false, CURL_SILENT, "pelt always does so"}, {"disable", 'q', false, CURL_SILENT, "no file of options is read"},
    {"max-filesize", 0, true, CURL_LEFT, ELSE}, {"ssl", 0, false, CURL_LEFT, ELSE},

    {"http2", 0, false, CURL_LEFT, HTTP2}, {"http2-prior-knowledge", 0, false, CURL_LEFT, HTTP2},
    {"http3", 0, false, CURL_LEFT, ASKS}, {"http3-only", 0, false, CURL_LEFT, ASKS},
    {"http1.0", '0', false, CURL_LEFT, ASKS}, {"http0.9", 0, false, CURL_LEFT, ASKS},
    {"alpn", 0, false, CURL_LEFT, ASKS}, {"tr-encoding", 0, false, CURL_LEFT, ELSE},
    {"proxy", 'x', true, CURL_LEFT, PROXY}, {"preproxy", 0, true, CURL_LEFT, PROXY},
    {"proxy-user", 'U', true, CURL_LEFT, PROXY}, {"proxy-header", 0, true, CURL_LEFT, PROXY},
    {"proxy-insecure", 0, false, CURL_LEFT, PROXY}, {"proxytunnel", 'p', false, CURL_LEFT, PROXY},
    {"noproxy", 0, true, CURL_LEFT, PROXY}, {"socks4", 0, true, CURL_LEFT, PROXY},
    {"socks4a", 0, true, CURL_LEFT, PROXY}, {"socks5", 0, true, CURL_LEFT, PROXY},
    {"socks5-hostname", 0, true, CURL_LEFT, PROXY},
    {"cacert", 0, true, CURL_LEFT, TRUST}, {"capath", 0, true, CURL_LEFT, TRUST},
    {"cert", 'E', true, CURL_LEFT, TRUST}, {"cert-type", 0, true, CURL_LEFT, TRUST},
    {"key", 0, true, CURL_LEFT, TRUST}, {"key-type", 0, true, CURL_LEFT, TRUST}, {"pass", 0, true, CURL_LEFT, TRUST},
    {"pinnedpubkey", 0, true, CURL_LEFT, TRUST}, {"cert-status", 0, false, CURL_LEFT, TRUST},
    {"tlsv1", '1', false, CURL_LEFT, TLS}, {"tlsv1.0", 0, false, CURL_LEFT, TLS}, {"tlsv1.1", 0, false, CURL_LEFT, TLS},
    {"tlsv1.2", 0, false, CURL_LEFT, TLS}, {"tlsv1.3", 0, false, CURL_LEFT, TLS}, {"tls-max", 0, true, CURL_LEFT, TLS},
    {"ciphers", 0, true, CURL_LEFT, TLS}, {"tls13-ciphers", 0, true, CURL_LEFT, TLS},
    {"curves", 0, true, CURL_LEFT, TLS}, {"ssl-no-revoke", 0, false, CURL_LEFT, TLS},
    {"resolve", 0, true, CURL_LEFT, NAMES}, {"connect-to", 0, true, CURL_LEFT, NAMES},
    {"unix-socket", 0, true, CURL_LEFT, "pelt run has --unix-socket"}, {"abstract-unix-socket", 0, true, CURL_LEFT, ELSE},
    {"interface", 0, true, CURL_LEFT, "pelt run has --source-ip"}, {"local-port", 0, true, CURL_LEFT, ELSE},
    {"dns-servers", 0, true, CURL_LEFT, "pelt run has --dns-server"}, {"doh-url", 0, true, CURL_LEFT, NAMES},
    {"ipv4", '4', false, CURL_LEFT, NAMES}, {"ipv6", '6', false, CURL_LEFT, NAMES},
    {"connect-timeout", 0, true, CURL_LEFT, TIMES}, {"expect100-timeout", 0, true, CURL_LEFT, TIMES},
    {"speed-limit", 'Y', true, CURL_LEFT, TIMES}, {"speed-time", 'y', true, CURL_LEFT, TIMES},
    {"limit-rate", 0, true, CURL_LEFT, "a call has behave = { read_rate = ... }"}, {"rate", 0, true, CURL_LEFT, "the scenario's load says how often"},
    {"parallel", 'Z', false, CURL_LEFT, "the requests follow one another; http.batch sends several at once"},
    {"parallel-max", 0, true, CURL_LEFT, "the requests follow one another"},
    {"retry", 0, true, CURL_LEFT, "each failure counts"}, {"retry-delay", 0, true, CURL_LEFT, "each failure counts"},
    {"retry-max-time", 0, true, CURL_LEFT, "each failure counts"}, {"retry-connrefused", 0, false, CURL_LEFT, "each failure counts"},
    {"retry-all-errors", 0, false, CURL_LEFT, "each failure counts"},
    {"digest", 0, false, CURL_DIGEST, NULL}, {"ntlm", 0, false, CURL_LEFT, AUTH}, {"negotiate", 0, false, CURL_LEFT, AUTH},
    {"anyauth", 0, false, CURL_LEFT, AUTH}, {"aws-sigv4", 0, true, CURL_LEFT, AUTH}, {"delegation", 0, true, CURL_LEFT, AUTH},
    {"netrc", 'n', false, CURL_LEFT, AUTH}, {"netrc-file", 0, true, CURL_LEFT, AUTH}, {"netrc-optional", 0, false, CURL_LEFT, AUTH},
    {"location-trusted", 0, false, CURL_LOCATION, NULL}, {"post301", 0, false, CURL_LEFT, ELSE},
    {"post302", 0, false, CURL_LEFT, ELSE}, {"post303", 0, false, CURL_LEFT, ELSE},
    {"request-target", 0, true, CURL_LEFT, ELSE}, {"path-as-is", 0, false, CURL_LEFT, "the path is sent as it is anyway"},
    {"continue-at", 'C', true, CURL_LEFT, ELSE}, {"time-cond", 'z', true, CURL_LEFT, ELSE}, {"etag-save", 0, true, CURL_LEFT, ELSE},
    {"etag-compare", 0, true, CURL_LEFT, ELSE}, {"config", 'K', true, CURL_LEFT, "its options are not read"},
    {"no-keepalive", 0, false, CURL_LEFT, "connections are kept"}, {"raw", 0, false, CURL_LEFT, ELSE},
    {"proto", 0, true, CURL_LEFT, ELSE}, {"proto-default", 0, true, CURL_LEFT, ELSE}, {"proto-redir", 0, true, CURL_LEFT, ELSE},
    {"haproxy-protocol", 0, false, CURL_LEFT, ELSE}, {"tcp-fastopen", 0, false, CURL_LEFT, ELSE},
    {"form-escape", 0, false, CURL_LEFT, ELSE}, {"variable", 0, true, CURL_LEFT, ELSE},
};
/* clang-format on */

#define ROWS (sizeof table / sizeof table[0])

const struct convert_curl_option *convert_curl_by_name(const char *name, size_t len)
{
    const struct convert_curl_option *begins = NULL;
    size_t found = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (strncmp(table[i].name, name, len) != 0) {
            continue;
        }
        if (table[i].name[len] == '\0') {
            return &table[i];
        }
        begins = &table[i];
        found++;
    }
    return found == 1 ? begins : NULL;
}

const struct convert_curl_option *convert_curl_by_letter(char letter)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (letter != '\0' && table[i].letter == letter) {
            return &table[i];
        }
    }
    return NULL;
}

const char *convert_curl_nearest(const char *name)
{
    const char *names[ROWS + 1];
    for (size_t i = 0; i < ROWS; i++) {
        names[i] = table[i].name;
    }
    names[ROWS] = NULL;
    return pelt_nearest(name, names);
}
