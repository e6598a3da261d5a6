/*
 * https: see the header.
 */
#include "https.h"

#include <string.h>

#include "pelt/units.h"

/* What was said of one setting, and where. */
struct said {
    const char *text;   /* NULL: nothing */
    const char *option; /* "--tls", or the scenario's key "tls.backend" */
};

static struct said pick(const char *typed, const char *option, const char *written, const char *key)
{
    return typed != NULL ? (struct said){typed, option} : (struct said){written, key};
}

static enum pelt_status read_library(struct said said, enum pelt_tls_library *out,
                                     struct pelt_error *err)
{
    static const char *const names[] = {"mbedtls", "openssl", NULL};
    if (said.text == NULL || pelt_tls_library_parse(said.text, out)) {
        return PELT_OK;
    }
    const char *nearest = pelt_nearest(said.text, names);
    return pelt_fail(err, PELT_EINVAL, "%s: \"%s\" is none of mbedtls and openssl%s%s%s",
                     said.option, said.text, nearest != NULL ? "; did you mean " : "",
                     nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

static enum pelt_status read_version(struct said said, uint16_t *out, struct pelt_error *err)
{
    if (said.text == NULL || pelt_tls_version_parse(said.text, out)) {
        return PELT_OK;
    }
    return pelt_fail(err, PELT_EINVAL, "%s: \"%s\" is no version of TLS: write 1.2 or 1.3",
                     said.option, said.text);
}

/* Whoever gives a certificate says with it where its key is. */
static void pick_certificate(const struct cli_tls *typed, const struct pelt_scenario_tls *written,
                             struct pelt_tls_settings *out)
{
    out->cert = typed->cert != NULL ? typed->cert : written->cert;
    out->key = typed->key != NULL ? typed->key : typed->cert == NULL ? written->key : NULL;
}

static enum pelt_status settle(const struct cli_tls *typed, const struct pelt_scenario_tls *written,
                               struct pelt_tls_settings *out, struct pelt_error *err)
{
    *out = (struct pelt_tls_settings){
        .ca = typed->ca != NULL ? typed->ca : written->ca,
        .ciphers = typed->ciphers != NULL ? typed->ciphers : written->ciphers,
        .insecure = typed->insecure || written->insecure,
        .no_resume = typed->no_resume || written->no_resume,
        .alpn = "http/1.1",
    };
    pick_certificate(typed, written, out);
    const struct said min = pick(typed->min, "--tls-min", written->min, "tls.min");
    const struct said max = pick(typed->max, "--tls-max", written->max, "tls.max");
    enum pelt_status status = read_library(
        pick(typed->backend, "--tls", written->backend, "tls.backend"), &out->backend, err);
    if (status == PELT_OK) {
        status = read_version(min, &out->version_min, err);
    }
    if (status == PELT_OK) {
        status = read_version(max, &out->version_max, err);
    }
    if (status == PELT_OK && out->version_min > out->version_max && out->version_max != 0) {
        return pelt_fail(err, PELT_EINVAL, "%s %s is above %s %s: there is no version between",
                         min.option, min.text, max.option, max.text);
    }
    return status;
}

static bool says_anything(const struct pelt_tls_settings *s)
{
    return s->ca != NULL || s->cert != NULL || s->key != NULL || s->ciphers != NULL ||
           s->version_min != 0 || s->version_max != 0 || s->backend != PELT_TLS_MBEDTLS ||
           s->insecure || s->no_resume;
}

static bool is_https(const char *url)
{
    return url != NULL && strncasecmp(url, "https:", 6) == 0;
}

static bool is_needed(const struct cli_options *o, const struct pelt_scenario *scenario)
{
    const char *target = o->target != NULL ? o->target : scenario != NULL ? scenario->target : NULL;
    return is_https(target) || is_https(o->wait_for) ||
           (o->command->bit == CLI_BENCH && is_https(o->operand));
}

bool cli_https_is_asked_for(const struct cli_options *o, const struct pelt_scenario *scenario,
                            const struct pelt_https *https)
{
    return says_anything(pelt_https_settings(https)) || is_needed(o, scenario);
}

/* So that it is not made while requests wait for it. */
static bool may_be_needed(const struct pelt_scenario *scenario)
{
    return scenario != NULL && strstr(scenario->source, "https:") != NULL;
}

enum pelt_status cli_https_new(const struct cli_options *o, const struct pelt_scenario *scenario,
                               struct pelt_https **out, struct pelt_error *err)
{
    static const struct pelt_scenario_tls nothing;
    struct pelt_tls_settings settings;
    const struct pelt_tls *tls;
    enum pelt_status status =
        settle(&o->tls, scenario != NULL ? &scenario->tls : &nothing, &settings, err);
    if (status == PELT_OK) {
        status = pelt_https_new(&settings, out, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    if (cli_https_is_asked_for(o, scenario, *out)) {
        status = pelt_https_make(*out, &tls, err);
    } else if (may_be_needed(scenario)) {
        (void)!pelt_https_make(*out, &tls, &(struct pelt_error){{0}}); /* told when it is needed */
    }
    if (status != PELT_OK) {
        pelt_https_free(*out);
        *out = NULL;
    }
    return status;
}

void cli_https_describe(const struct pelt_https *https, char *out, size_t size)
{
    const struct pelt_tls_settings *s = pelt_https_settings(https);
    char versions[64] = "";
    if (s->version_min != 0 && s->version_min == s->version_max) {
        snprintf(versions, sizeof versions, ", %s alone", pelt_tls_version_name(s->version_min));
    } else if (s->version_max != 0) {
        snprintf(versions, sizeof versions, ", %s at most", pelt_tls_version_name(s->version_max));
    } else if (s->version_min != 0) {
        snprintf(versions, sizeof versions, ", at least %s", pelt_tls_version_name(s->version_min));
    }
    snprintf(out, size, "%s%s%s%s%s", pelt_tls_library_name(s->backend), versions,
             s->cert != NULL ? ", with a client certificate" : "",
             s->no_resume ? ", each handshake a full one" : "",
             s->insecure ? ", certificates are not verified (insecure)" : "");
}
