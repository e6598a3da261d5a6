/*
 * agents: see the header.
 */
#include "agents.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/url.h"

/* "api=http://..." has one; "http://host/?a=b" has none. */
static const char *behind_name(const char *text)
{
    const size_t len = strcspn(text, "=:/?#");
    return text[len] == '=' ? text + len + 1 : text;
}

enum pelt_status cli_agent_parse(const char *text, const char **url, struct pelt_error *err)
{
    struct pelt_url parsed;
    struct pelt_error why = {{0}};
    *url = behind_name(text);
    if (*url == text + 1) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\": the name before = is missing: write NAME=URL",
                         text);
    }
    if (pelt_url_parse(pelt_span_of(*url), &parsed, &why) != PELT_OK) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\": %.700s; write [NAME=]http://HOST:9646, where pelt-agent listens",
                         text, why.text);
    }
    return PELT_OK;
}

static enum pelt_status add(struct cli_agents *a, const struct pelt_agent_options *agent,
                            char *name, struct pelt_error *err)
{
    struct pelt_agent_options *list = realloc(a->list, (a->len + 1) * sizeof *list);
    a->list = list != NULL ? list : a->list;
    char **names = realloc(a->names, (a->len + 1) * sizeof *names);
    a->names = names != NULL ? names : a->names;
    if (list == NULL || names == NULL) {
        free(name);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    names[a->len] = name;
    list[a->len] = *agent;
    list[a->len++].name = name != NULL ? name : agent->name;
    return PELT_OK;
}

static enum pelt_status add_option(const struct cli_options *o, const char *text,
                                   struct cli_agents *out, struct pelt_error *err)
{
    struct pelt_agent_options agent = {
        .token_file = o->agent_token_file, .ca = o->tls.ca, .insecure = o->tls.insecure};
    enum pelt_status status = cli_agent_parse(text, &agent.url, err);
    const size_t len = (size_t)(agent.url - text);
    char *name = len > 0 && status == PELT_OK ? strndup(text, len - 1) : NULL;
    return status == PELT_OK ? add(out, &agent, name, err) : status;
}

static enum pelt_status add_own(const struct cli_options *o, const struct pelt_scenario_agent *own,
                                struct cli_agents *out, struct pelt_error *err)
{
    const char *url;
    struct pelt_error why = {{0}};
    const struct pelt_agent_options agent = {
        .url = own->url,
        .name = own->name,
        .token_file = o->agent_token_file != NULL ? o->agent_token_file : own->token_file,
        .ca = o->tls.ca,
        .insecure = o->tls.insecure,
    };
    if (cli_agent_parse(own->url, &url, &why) != PELT_OK) {
        return pelt_fail(err, PELT_EINVAL, "agents: %.900s", why.text);
    }
    return add(out, &agent, NULL, err);
}

enum pelt_status cli_agents_make(const struct cli_options *o, const struct pelt_scenario *scenario,
                                 struct cli_agents *out, struct pelt_error *err)
{
    const size_t own = scenario != NULL && o->agents.len == 0 ? scenario->agents_len : 0;
    enum pelt_status status = PELT_OK;
    *out = (struct cli_agents){.len = 0};
    for (size_t i = 0; i < o->agents.len && status == PELT_OK; i++) {
        status = add_option(o, o->agents.items[i], out, err);
    }
    for (size_t i = 0; i < own && status == PELT_OK; i++) {
        status = add_own(o, &scenario->agents[i], out, err);
    }
    if (status == PELT_OK && out->len == 0 && o->agent_token_file != NULL) {
        status = pelt_fail(err, PELT_EINVAL,
                           "--agent-token-file %s: there is no agent; add --agent NAME=URL",
                           o->agent_token_file);
    }
    if (status != PELT_OK) {
        cli_agents_free(out);
    }
    return status;
}

void cli_agents_free(struct cli_agents *a)
{
    for (size_t i = 0; i < a->len; i++) {
        free(a->names[i]);
    }
    free(a->names);
    free(a->list);
    *a = (struct cli_agents){.len = 0};
}
