/*
 * page: see the header. page.html has markers, {{name}}, each of which is written by a function.
 */
#include "pelt/page.h"

#include <assert.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

/* ---- what is embedded ---- */

#define EMBEDDED(symbol)                                                                           \
    extern const char symbol[];                                                                    \
    extern const size_t symbol##_len;
EMBEDDED(web_page_html)
EMBEDDED(web_style_css)
EMBEDDED(web_dom_js)
EMBEDDED(web_format_js)
EMBEDDED(web_charts_js)
EMBEDDED(web_timeline_js)
EMBEDDED(web_stress_js)
EMBEDDED(web_requests_js)
EMBEDDED(web_report_js)
EMBEDDED(web_live_js)
#ifdef PELT_HAS_UPLOT
EMBEDDED(web_uplot_js)
EMBEDDED(web_uplot_css)
EMBEDDED(web_uplot_licence)
#else
static const char web_uplot_js[] = "", web_uplot_css[] = "", web_uplot_licence[] = "";
#endif

const char *const pelt_page_report = web_report_js;
const char *const pelt_page_live = web_live_js;

bool pelt_page_available(void)
{
    return web_uplot_js[0] != '\0';
}

/* In their order; behind them the page's own. */
static const char *const scripts[] = {web_uplot_js,    web_dom_js,    web_format_js,  web_charts_js,
                                      web_timeline_js, web_stress_js, web_requests_js};
#define SCRIPTS (sizeof scripts / sizeof *scripts)
static const char *const styles[] = {web_uplot_css, web_style_css};
#define STYLES (sizeof styles / sizeof *styles)

/* ---- pieces ---- */

static void write_hash(const char *text, FILE *out)
{
    struct sha256_ctx sha;
    uint8_t digest[SHA256_DIGEST_SIZE];
    char base64[BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE) + 1] = "";
    sha256_init(&sha);
    sha256_update(&sha, strlen(text), (const uint8_t *)text);
    sha256_digest(&sha, sizeof digest, digest);
    base64_encode_raw(base64, sizeof digest, digest);
    fprintf(out, " 'sha256-%s'", base64);
}

static void write_policy(const struct pelt_page *page, FILE *out)
{
    fputs("default-src 'none'; script-src", out);
    for (size_t i = 0; i < SCRIPTS; i++) {
        write_hash(scripts[i], out);
    }
    write_hash(page->script, out);
    fputs("; style-src", out);
    for (size_t i = 0; i < STYLES; i++) {
        write_hash(styles[i], out);
    }
    fprintf(out, "; img-src data:; connect-src %s; base-uri 'none'; form-action 'none'",
            page->connect);
}

static void write_elements(const char *tag, const char *const *texts, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        fprintf(out, "<%s>%s</%s>\n", tag, texts[i], tag);
    }
}

/* Also within an attribute. */
static void write_text(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (strchr("<>&\"'", *text) != NULL) {
            fprintf(out, "&#%d;", *text);
        } else {
            putc(*text, out);
        }
    }
}

static enum pelt_status write_data(const struct pelt_page *page, FILE *out, struct pelt_error *err)
{
    struct web_escape escape;
    if (page->data == NULL) {
        fputs("null", out);
        return PELT_OK;
    }
    FILE *escaped = web_escape_open(&escape, out);
    if (escaped == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = page->data(page->arg, escaped, err);
    if (fclose(escaped) != 0 && status == PELT_OK) {
        status = PELT_EIO;
    }
    return status;
}

/* ---- the skeleton ---- */

static bool is(const char *marker, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(marker, name, len) == 0;
}

static enum pelt_status write_marker(const struct pelt_page *page, const char *marker, size_t len,
                                     FILE *out, struct pelt_error *err)
{
    if (is(marker, len, "data")) {
        return write_data(page, out, err);
    }
    if (is(marker, len, "title")) {
        write_text(page->title, out);
    } else if (is(marker, len, "policy")) {
        write_policy(page, out);
    } else if (is(marker, len, "styles")) {
        write_elements("style", styles, STYLES, out);
    } else if (is(marker, len, "licence")) {
        fputs(web_uplot_licence, out);
    } else {
        assert(is(marker, len, "scripts"));
        write_elements("script", scripts, SCRIPTS, out);
        write_elements("script", &page->script, 1, out);
    }
    return PELT_OK;
}

enum pelt_status pelt_page_write(const struct pelt_page *page, FILE *out, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    const char *at = web_page_html, *marker;
    if (!pelt_page_available()) {
        return pelt_fail(err, PELT_EINVAL, PELT_PAGE_MISSING);
    }
    while (status == PELT_OK && (marker = strstr(at, "{{")) != NULL) {
        const char *end = strstr(marker, "}}");
        assert(end != NULL);
        fwrite(at, 1, (size_t)(marker - at), out);
        status = write_marker(page, marker + 2, (size_t)(end - marker - 2), out, err);
        at = end + 2;
    }
    fputs(at, out);
    return status != PELT_OK ? status : ferror(out) ? PELT_EIO : PELT_OK;
}
