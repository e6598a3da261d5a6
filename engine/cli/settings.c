/*
 * settings: see the header.
 */
#include "settings.h"

#include "pelt/log.h"

bool cli_settings_named(const char *source, const char *key)
{
    size_t len = strlen(key);
    for (const char *at = strstr(source, key); at != NULL; at = strstr(at + 1, key)) {
        bool quoted = at > source && (at[-1] == '"' || at[-1] == '\'') && at[len] == at[-1];
        if (quoted) {
            return true;
        }
    }
    return false;
}

void cli_settings_warn_unread(const struct cli_options *o, const struct pelt_scenario *scenario)
{
    for (size_t i = 0; i < o->settings_len; i++) {
        const struct pelt_setting *s = &o->settings[i];
        if (!s->read && !cli_settings_named(scenario->source, s->key)) {
            pelt_log(PELT_LOG_WARNING, "pelt", "--set %s=...: %s never reads it (pelt.env(\"%s\"))",
                     s->key, scenario->path, s->key);
        }
    }
}
