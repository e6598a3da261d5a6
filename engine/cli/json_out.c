/* json_out: see the header. */
#include "json_out.h"

#include <errno.h>
#include <string.h>

#include "exit_code.h"
#include "outputs.h"

#define DUMP_FLAGS (JSON_INDENT(2) | JSON_REAL_PRECISION(6))
#define FORMAT     "json="

enum pelt_status cli_json_out_check(const struct cli_texts *out, const char *command,
                                    struct pelt_error *err)
{
    for (size_t i = 0; i < out->len; i++) {
        if (strncmp(out->items[i], FORMAT, strlen(FORMAT)) != 0) {
            return pelt_fail(err, PELT_EINVAL, "--out %s: %s writes json=PATH only", out->items[i],
                             command);
        }
    }
    return cli_outputs_check(out, NULL, err);
}

/* A failure of stdout is told when that is finished. */
static enum pelt_status write_one(const json_t *document, const char *path, struct pelt_error *err)
{
    const bool to_stdout = strcmp(path, "-") == 0;
    FILE *file = to_stdout ? stdout : fopen(path, "we");
    bool written = file != NULL && document != NULL &&
                   json_dumpf(document, file, DUMP_FLAGS) == 0 && fputc('\n', file) != EOF &&
                   fflush(file) == 0;
    const int error = errno;
    if (file != NULL && !to_stdout) {
        written = fclose(file) == 0 && written;
    }
    return written || to_stdout ? PELT_OK
                                : pelt_fail(err, PELT_EIO, "--out json=%s: cannot be written: %s",
                                            path, strerror(error));
}

int cli_json_out_write(const struct cli_texts *out, json_t *document, int code)
{
    for (size_t i = 0; i < out->len; i++) {
        struct pelt_error err = {{0}};
        if (write_one(document, out->items[i] + strlen(FORMAT), &err) != PELT_OK) {
            code = cli_exit_merge(code, cli_fail(PELT_EIO, &err));
        }
    }
    json_decref(document);
    return code;
}
