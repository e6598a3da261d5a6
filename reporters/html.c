/*
 * html: see the header. All that the page shows it makes from the JSON in it, so that what it draws
 * is what the JSON report says.
 */
#include "html.h"

#include "json.h"
#include "pelt/page.h"

static enum pelt_status write_data(void *arg, FILE *out, struct pelt_error *err)
{
    const struct pelt_results *r = arg;
    return report_json_of(r, false, out, err);
}

enum pelt_status report_html(const struct pelt_results *r, FILE *out, struct pelt_error *err)
{
    const char *scenario = pelt_results_meta(r, "scenario");
    const struct pelt_page page = {
        .title = scenario != NULL && scenario[0] != '\0' ? scenario : "run",
        .script = pelt_page_report,
        .connect = "'none'",
        .data = write_data,
        .arg = (void *)r,
    };
    return pelt_page_write(&page, out, err);
}
