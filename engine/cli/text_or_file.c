/*
 * text_or_file: see the header.
 */
#include "text_or_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum pelt_status read_file(const char *option, const char *path, struct pelt_buf *out,
                                  struct pelt_error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return pelt_fail(err, PELT_EINVAL, "%s @%s: %s", option, path, strerror(errno));
    }
    char bytes[16384];
    size_t len;
    enum pelt_status status = PELT_OK;
    while (status == PELT_OK && (len = fread(bytes, 1, sizeof bytes, file)) > 0) {
        status = pelt_buf_add(out, bytes, len);
    }
    if (status != PELT_OK) {
        pelt_fail(err, status, "%s @%s: larger than 64 MiB", option, path);
    } else if (ferror(file)) {
        status = pelt_fail(err, PELT_EINVAL, "%s @%s: %s", option, path, strerror(errno));
    }
    fclose(file);
    return status;
}

enum pelt_status cli_text_or_file(const char *option, const char *text, struct pelt_buf *out,
                                  struct pelt_error *err)
{
    if (text == NULL) {
        return PELT_OK;
    }
    return text[0] == '@' ? read_file(option, text + 1, out, err) : pelt_buf_add_str(out, text);
}
