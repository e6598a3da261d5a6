/* requestkey: see the header. Bytes that mean something in a key, or are not printable, stand as
 * %XX; a % alone is a header that was not sent. */
#include "requestkey.h"

#include <microhttpd.h>

#include "names.h"

static bool is_plain(unsigned char c)
{
    return c > ' ' && c < 127 && !strchr("%=&|?\"\\", c);
}

/* Room for the longest form of a byte and the end is kept; what is beyond it makes it too long. */
static bool has_room(const struct target_request_key *key)
{
    return key->length + 4 < sizeof key->text;
}

static void add_char(struct target_request_key *key, char c)
{
    if (has_room(key)) {
        key->text[key->length++] = c;
    }
}

static void add_escaped(struct target_request_key *key, const char *text, size_t bytes)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < bytes && has_room(key); i++) {
        unsigned char c = (unsigned char)text[i];

        if (is_plain(c)) {
            add_char(key, (char)c);
        } else {
            key->text[key->length++] = '%';
            key->text[key->length++] = digits[c >> 4];
            key->text[key->length++] = digits[c & 15];
        }
    }
}

static void add_header(struct target_request_key *key, const struct target_admission *admission,
                       const char *name)
{
    const char *value = target_admission_header(admission, name);

    if (value) {
        add_escaped(key, value, strlen(value));
    } else {
        add_char(key, '%');
    }
}

static void add_headers(struct target_request_key *key, const struct target_admission *admission)
{
    const char *at = admission->vary ? admission->vary : "";
    char name[TARGET_NAME_BYTES];
    bool is_first = true;

    while (target_names_next(&at, name)) {
        if (!is_first) {
            add_char(key, '|');
        }
        add_header(key, admission, name);
        is_first = false;
    }
}

static enum MHD_Result add_argument(void *cls, enum MHD_ValueKind kind, const char *name,
                                    size_t name_bytes, const char *value, size_t value_bytes)
{
    struct target_request_key *key = cls;

    add_char(key, '&');
    add_escaped(key, name, name_bytes);
    if (value) {
        add_char(key, '=');
        add_escaped(key, value, value_bytes);
    }
    return MHD_YES;
}

static void add_query(struct target_request_key *key, const struct target_admission *admission)
{
    size_t begin = key->length;

    if (admission->connection) {
        MHD_get_connection_values_n(admission->connection, MHD_GET_ARGUMENT_KIND, add_argument,
                                    key);
    }
    if (key->length > begin) {
        key->text[begin] = '?';
    }
}

bool target_request_key_make(struct target_request_key *key,
                             const struct target_admission *admission)
{
    key->length = 0;
    add_headers(key, admission);
    add_char(key, '=');
    add_escaped(key, admission->path, strlen(admission->path));
    add_query(key, admission);
    if (admission->body) {
        add_char(key, ' ');
        add_escaped(key, admission->body, admission->body_bytes);
    }
    key->text[key->length] = '\0';
    return has_room(key);
}

const char *target_request_key_base(const char *text)
{
    return strchr(text, '=');
}
