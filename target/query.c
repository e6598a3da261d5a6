/* query: see the header. */
#include "query.h"

#include <stdio.h>
#include <string.h>

static bool is_blank(unsigned char c)
{
    return c <= ' ' || c == 127;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool target_query_normalise(const char *text, char query[TARGET_QUERY_BYTES])
{
    size_t length = 0;
    bool is_apart = false; /* blanks stand before what comes next */

    for (; *text; text++) {
        if (is_blank((unsigned char)*text)) {
            is_apart = length > 0;
            continue;
        }
        if (length + is_apart + 1 >= TARGET_QUERY_BYTES) {
            return false;
        }
        if (is_apart) {
            query[length++] = ' ';
        }
        query[length++] = lower(*text);
        is_apart = false;
    }
    query[length] = '\0';
    return length > 0;
}

static bool read_name(char name[TARGET_NAME_BYTES], const char *text, const char *otherwise)
{
    const char *at = text ? text : otherwise;

    return target_names_are_good(at) && target_names_next(&at, name) && *at == '\0';
}

bool target_query_read(struct target_query *query, const char *provider, const char *type,
                       const char *text, struct target_error *err)
{
    if (!read_name(query->provider, provider, "web") || !read_name(query->type, type, "text")) {
        return target_fail(err, "provider and type are names of up to 64 letters, digits and "
                                "-_.:/; try provider=web&type=text");
    }
    return (text && target_query_normalise(text, query->text)) ||
           target_fail(err, "q is what to search for, of 1 to %d bytes; try /search?q=load+test",
                       TARGET_QUERY_BYTES - 1);
}

void target_query_group(const struct target_query *query, char group[TARGET_QUERY_GROUP_BYTES])
{
    snprintf(group, TARGET_QUERY_GROUP_BYTES, "%s|%s", query->provider, query->type);
}

void target_query_key(const struct target_query *query, char key[TARGET_QUERY_KEY_BYTES])
{
    snprintf(key, TARGET_QUERY_KEY_BYTES, "%s|%s|%s", query->provider, query->type, query->text);
}
