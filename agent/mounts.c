/* mounts: see the header. */
#include "mounts.h"

#include <string.h>

static bool octal(const char *at, const char *end, char *out)
{
    unsigned value = 0;

    if (end - at < 4 || *at != '\\') {
        return false;
    }
    for (int i = 1; i < 4; i++) {
        if (at[i] < '0' || at[i] > '7') {
            return false;
        }
        value = value * 8 + (unsigned)(at[i] - '0');
    }
    *out = (char)value;
    return value > 0 && value < 256;
}

static bool copy_path(struct text t, char out[MOUNT_PATH])
{
    size_t len = 0;

    while (t.at < t.end && len < MOUNT_PATH - 1) {
        if (octal(t.at, t.end, &out[len])) {
            t.at += 4;
        } else {
            out[len] = *t.at++;
        }
        len++;
    }
    out[len] = '\0';
    return t.at == t.end && strlen(out) == len;
}

static void copy_cut(struct text t, char *out, size_t size)
{
    size_t len = (size_t)(t.end - t.at);

    len = len < size ? len : size - 1;
    memcpy(out, t.at, len);
    out[len] = '\0';
}

static bool parse_device(struct text word, struct mount *out)
{
    const char *colon = memchr(word.at, ':', (size_t)(word.end - word.at));
    struct text major, minor;
    uint64_t a, b;

    if (colon == NULL) {
        return false;
    }
    major = (struct text){word.at, colon};
    minor = (struct text){colon + 1, word.end};
    if (!text_number(&major, &a) || !text_number(&minor, &b) || a > UINT32_MAX || b > UINT32_MAX) {
        return false;
    }
    out->major = (uint32_t)a;
    out->minor = (uint32_t)b;
    return true;
}

bool mount_option(const char *list, const char *word)
{
    const size_t len = strlen(word);

    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* "31 23 0:28 TOP POINT OPTIONS [FIELDS] - TYPE SOURCE SUPER_OPTIONS" */
bool mount_parse(struct text line, struct mount *out)
{
    struct text device, top, point, options, word, type, source, super = {0};
    char flags[256];

    if (!text_pass(&line, 2) || !text_word(&line, &device) || !text_word(&line, &top) ||
        !text_word(&line, &point) || !text_word(&line, &options)) {
        return false;
    }
    do {
        if (!text_word(&line, &word)) {
            return false;
        }
    } while (!text_is(word, "-"));
    if (!text_word(&line, &type) || !text_word(&line, &source)) {
        return false;
    }
    text_word(&line, &super);
    copy_cut(super, out->super_options, sizeof out->super_options);
    copy_cut(options, flags, sizeof flags);
    out->read_only = mount_option(flags, "ro") || mount_option(out->super_options, "ro");
    return parse_device(device, out) && copy_path(top, out->top) && copy_path(point, out->point) &&
           copy_path(source, out->source) && text_copy(type, out->type, sizeof out->type);
}
