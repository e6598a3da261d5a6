/*
 * cmd_bench: `pelt bench URL`.
 */
#include "command.h"
#include "drive.h"
#include "exit_code.h"
#include "load.h"
#include "pelt/buf.h"
#include "pelt/url.h"
#include "repeat.h"
#include "text_or_file.h"

static int bench_once(const struct cli_options *o)
{
    struct pelt_error err = {{0}};
    struct pelt_url url;
    struct pelt_plan plan = {0};
    struct pelt_buf body;
    pelt_buf_init(&body, CLI_TEXT_BYTES_MAX);
    int code;
    enum pelt_status status = pelt_url_parse(pelt_span_of(o->operand), &url, &err);
    if (status == PELT_OK) {
        status = cli_load_bench(o, &plan, &err);
    }
    if (status == PELT_OK) {
        status = cli_text_or_file("--body", o->body, &body, &err);
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
            .on_connection = (uint32_t)(o->pipeline > 0 ? o->pipeline : o->streams),
            .retry_stale = o->retry_stale,
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

int cmd_bench(const struct cli_options *o)
{
    return cli_repeat(o, bench_once);
}
