/*
 * cmd_bench: `pelt bench URL`.
 */
#include <errno.h>

#include "command.h"
#include "drive.h"
#include "exit_code.h"
#include "load.h"
#include "pelt/buf.h"
#include "pelt/url.h"

#define BODY_BYTES_MAX ((size_t)64 * 1024 * 1024)

static enum pelt_status read_file(const char *path, struct pelt_buf *out, struct pelt_error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return pelt_fail(err, PELT_EINVAL, "--body @%s: %s", path, strerror(errno));
    }
    char bytes[16384];
    size_t len;
    enum pelt_status status = PELT_OK;
    while (status == PELT_OK && (len = fread(bytes, 1, sizeof bytes, file)) > 0) {
        status = pelt_buf_add(out, bytes, len);
    }
    if (status != PELT_OK) {
        pelt_fail(err, status, "--body @%s: larger than 64 MiB", path);
    } else if (ferror(file)) {
        status = pelt_fail(err, PELT_EINVAL, "--body @%s: %s", path, strerror(errno));
    }
    fclose(file);
    return status;
}

/* The text, or the bytes of @FILE. */
static enum pelt_status read_body(const char *text, struct pelt_buf *out, struct pelt_error *err)
{
    if (text == NULL) {
        return PELT_OK;
    }
    return text[0] == '@' ? read_file(text + 1, out, err) : pelt_buf_add_str(out, text);
}

int cmd_bench(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_url url;
    struct pelt_plan plan = {0};
    struct pelt_buf body;
    pelt_buf_init(&body, BODY_BYTES_MAX);
    int code;
    enum pelt_status status = pelt_url_parse(pelt_span_of(o->operand), &url, &err);
    if (status == PELT_OK) {
        status = cli_load_bench(o, &plan, &err);
    }
    if (status == PELT_OK) {
        status = read_body(o->body, &body, &err);
    }
    if (status == PELT_OK) {
        struct pelt_bench bench = {
            .method = o->method != NULL ? o->method
                      : o->body != NULL ? "POST"
                                        : "GET",
            .url = o->operand,
            .body = o->body == NULL     ? NULL
                    : body.data != NULL ? body.data
                                        : "",
            .body_len = body.len,
        };
        struct pelt_run_options run = {
            .kind = "bench", .name = "bench", .plan = &plan, .bench = &bench};
        code = cli_drive(o, &run);
    } else {
        code = cli_fail(status, &err);
    }
    pelt_buf_deinit(&body);
    pelt_plan_deinit(&plan);
    return code;
}
