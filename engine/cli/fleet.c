/*
 * fleet: see the header. Workers run the same command line as far as it is about the load, so they
 * come to the same plan by the same code.
 */
#include "fleet.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "exit_code.h"
#include "pelt/fleet_shared.h"
#include "pelt/log.h"
#include "pelt/runfile.h"
#include "pelt/secret.h"
#include "settings.h"

struct pelt_fleet_options cli_fleet_options(const struct cli_options *o)
{
    return (struct pelt_fleet_options){.bus = {.url = o->bus.url,
                                               .password_file = o->bus.password_file,
                                               .ca = o->bus.ca,
                                               .cert = o->bus.cert,
                                               .key = o->bus.key,
                                               .plaintext = o->bus.plaintext},
                                       .run = o->bus.run,
                                       .secret_file = o->bus.secret_file,
                                       .orphan_ns = o->bus.orphan_ns};
}

bool cli_fleet_is_file(const char *option)
{
    return strcmp(option, "--ca") == 0 || strcmp(option, "--cert") == 0 ||
           strcmp(option, "--key") == 0;
}

enum pelt_status cli_fleet_check(const struct cli_options *o, struct pelt_error *err)
{
    if (o->bus.url != NULL && o->bus.workers == 0) {
        return pelt_fail(err, PELT_EINVAL, "--bus: how many workers? add --workers N");
    }
    if (o->bus.workers > PELT_BUS_SLOTS_MAX) {
        return pelt_fail(err, PELT_EINVAL, "--workers %llu: at most %d",
                         (unsigned long long)o->bus.workers, PELT_BUS_SLOTS_MAX);
    }
    if (o->bus.url == NULL && o->bus.workers > 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "--workers %llu: where do they meet? add --bus redis://HOST",
                         (unsigned long long)o->bus.workers);
    }
    const char *alone = o->bus.on_loss != PELT_ON_LOSS_DEGRADE ? "--on-loss"
                        : o->bus.orphan_ns != 0                ? "--orphan-timeout"
                                                               : NULL;
    if (o->bus.url == NULL && alone != NULL) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s is about workers, and there are none: add --bus redis://HOST and "
                         "--workers N",
                         alone);
    }
    return PELT_OK;
}

/* ---- lists ---- */

/* Takes the text. */
static bool add(char ***list, size_t *len, char *text)
{
    char **longer = text != NULL ? realloc(*list, (*len + 2) * sizeof *longer) : NULL;
    if (longer == NULL) {
        free(text);
        return false;
    }
    *list = longer;
    longer[(*len)++] = text;
    longer[*len] = NULL;
    return true;
}

static bool set(struct cli_fleet *f, const char *key, char *value)
{
    return add(&f->settings, &f->settings_len, strdup(key)) &&
           add(&f->settings, &f->settings_len, value);
}

/* Takes nothing; NULL: out of memory, or no such folder. Without "." and "..", which a path may
 * have where links are; what is left names the same file where there are none. */
static char *absolute(const char *path)
{
    char folder[PATH_MAX], *out = NULL;
    if (path[0] != '/' && getcwd(folder, sizeof folder) == NULL) {
        return NULL;
    }
    char *joined = NULL;
    if (asprintf(&joined, "%s/%s", path[0] == '/' ? "" : folder, path) < 0) {
        return NULL;
    }
    out = malloc(strlen(joined) + 2);
    size_t len = 0;
    for (const char *at = joined; out != NULL && *at != '\0';) {
        const size_t part = strcspn(at, "/");
        if (part == 2 && strncmp(at, "..", 2) == 0) {
            while (len > 0 && out[--len] != '/') {
            }
        } else if (part > 0 && !(part == 1 && *at == '.')) {
            out[len++] = '/';
            memcpy(out + len, at, part);
            len += part;
        }
        at += part + (at[part] == '/');
    }
    if (out != NULL) {
        out[len] = '\0';
    }
    free(joined);
    return out;
}

static bool add_file(struct cli_fleet *f, const char *path)
{
    char *whole = absolute(path);
    for (size_t i = 0; whole != NULL && i < f->files_len; i++) {
        if (strcmp(f->files[i], whole) == 0) {
            free(whole);
            return true;
        }
    }
    return add(&f->files, &f->files_len, whole);
}

static bool list_files(struct cli_fleet *f, const struct pelt_scenario *s)
{
    const struct pelt_scenario_tls *tls = &s->tls;
    const char *const written[] = {tls->ca, tls->cert, tls->key};
    bool good = add_file(f, s->path);
    const char *path;
    for (size_t i = 0; good && (path = pelt_scenario_opened(s, i)) != NULL; i++) {
        good = add_file(f, path);
    }
    for (size_t i = 0; good && i < 3; i++) {
        good = written[i] == NULL || add_file(f, written[i]);
    }
    return good;
}

static bool list_words(struct cli_fleet *f, const struct cli_options *o)
{
    bool good = true;
    for (size_t i = 0; good && i < o->passed_len; i++) {
        const bool file = i > 0 && cli_fleet_is_file(o->passed[i - 1]);
        good = set(f, CLI_FLEET_ARG, file ? absolute(o->passed[i]) : strdup(o->passed[i])) &&
               (!file || add_file(f, o->passed[i]));
    }
    return good;
}

/* Of the environment what the scenario asked for while it was loaded, and what its code names. */
static bool list_environment(struct cli_fleet *f, const struct pelt_scenario *s)
{
    const char *key, *value;
    bool good = true;
    for (size_t i = 0; good && pelt_scenario_asked(s, i, &key, &value); i++) {
        char *text = NULL;
        good = asprintf(&text, "%s=%s", key, value) >= 0 && set(f, CLI_FLEET_ENV, text);
    }
    for (char **at = environ; good && *at != NULL; at++) {
        const size_t len = strcspn(*at, "=");
        char *name = strndup(*at, len);
        const bool sent = name != NULL && len > 0 && strncmp(name, "PELT_BUS_", 9) != 0 &&
                          cli_settings_named(s->source, name);
        good = name != NULL && (!sent || set(f, CLI_FLEET_ENV, strdup(*at)));
        free(name);
    }
    return good;
}

static bool list_settings(struct cli_fleet *f, const struct cli_options *o,
                          const struct pelt_scenario *s)
{
    return set(f, CLI_FLEET_PATH, absolute(s->path)) && list_environment(f, s) && list_words(f, o);
}

/* ---- secrets ---- */

static bool has_secret(const char *word)
{
    return word[pelt_secret_at(word)] != '\0';
}

/* user@host is none; user:password@host is. */
static bool has_password(const char *url)
{
    const char *at = strchr(url, '@');
    const char *colon = at != NULL ? strchr(url + strcspn(url, ":") + 1, ':') : NULL;
    return colon != NULL && colon < at;
}

/* ---- the coordinator ---- */

static void on_wait(void *arg, uint32_t there, uint32_t wanted, int64_t hole)
{
    const struct cli_options *o = arg;
    char url[300], slot[60] = "";
    if (hole >= 0) {
        snprintf(slot, sizeof slot, ", nobody has slot %lld", (long long)hole);
    }
    pelt_secret_mask(o->bus.url, url, sizeof url);
    pelt_log(PELT_LOG_INFO, "pelt",
             "waiting for workers: %u of %u are there%s (pelt worker --bus %s)", there, wanted,
             slot, has_password(o->bus.url) ? url : o->bus.url);
}

/* ---- what --resume needs to know ---- */

#define META_WORDS    "bus_words"
#define META_WITHHELD "bus_withheld" /* words with the mask in a secret's place */
#define META_FOLDER   "bus_folder"

static bool is_withheld(const struct cli_options *o, const char *word)
{
    const bool bus = o->bus.url >= word && o->bus.url <= word + strlen(word);
    return bus ? has_password(o->bus.url) : has_secret(word);
}

static void append_masked(json_t *list, const char *word)
{
    char *text = NULL;
    if (asprintf(&text, "%.*s" PELT_SECRET_MASK, (int)pelt_secret_at(word), word) >= 0) {
        json_array_append_new(list, json_string(text));
        free(text);
    }
}

/* Words with a secret stay out of the run file, with the option that they belong to: who resumes
 * types them again. NULL: out of memory. */
static bool keep_words(struct cli_fleet *f, const struct cli_options *o)
{
    json_t *kept = json_array(), *withheld = json_array();
    for (size_t i = 1; i < o->words_len; i++) {
        const char *word = o->words[i];
        const size_t before = json_array_size(kept);
        if (!is_withheld(o, word)) {
            json_array_append_new(kept, json_string(word));
            continue;
        }
        if (word != o->operand && word[0] != '-' && before > 0) {
            json_array_append(withheld, json_array_get(kept, before - 1));
            json_array_remove(kept, before - 1);
        }
        append_masked(withheld, word);
    }
    f->words = json_dumps(kept, JSON_COMPACT);
    f->withheld = json_dumps(withheld, JSON_COMPACT);
    json_decref(kept);
    json_decref(withheld);
    return f->words != NULL && f->withheld != NULL;
}

static bool add_facts(struct cli_fleet *f, const struct cli_options *o,
                      struct pelt_run_options *run)
{
    size_t len = 0;
    while (run->facts != NULL && run->facts[len] != NULL) {
        len++;
    }
    f->folder = getcwd(NULL, 0);
    f->facts = calloc(len + 7, sizeof *f->facts);
    if (!keep_words(f, o) || f->folder == NULL || f->facts == NULL) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        f->facts[i] = run->facts[i];
    }
    f->facts[len++] = META_WORDS;
    f->facts[len++] = f->words;
    f->facts[len++] = META_WITHHELD;
    f->facts[len++] = f->withheld;
    f->facts[len++] = META_FOLDER;
    f->facts[len++] = f->folder;
    run->facts = f->facts;
    return true;
}

/* Bytes before the mask; 0: it has none. */
static size_t masked_at(const char *word)
{
    const size_t len = strlen(word), mask = strlen(PELT_SECRET_MASK);
    return len > mask && strcmp(word + len - mask, PELT_SECRET_MASK) == 0 ? len - mask : 0;
}

/* Whether the environment has the variable of "--set", "NAME=***". */
static bool is_in_environment(const char *option, const char *word)
{
    const char *text = strncmp(word, "--set=", 6) == 0 ? word + 6 : word;
    char *name = strndup(text, strcspn(text, "="));
    const bool set = text != word || strcmp(option, "--set") == 0;
    const bool there = set && name != NULL && getenv(name) != NULL;
    free(name);
    return there;
}

static bool is_typed(const struct cli_options *o, const char *word)
{
    const size_t shown = masked_at(word);
    bool typed = false;
    for (size_t i = 1; i < o->words_len; i++) {
        typed = typed || (strncmp(o->words[i], word, shown) == 0 && o->words[i][shown] != '\0');
    }
    return typed;
}

/* PELT_EINVAL: some of them are still missing. */
static enum pelt_status check_withheld(const struct cli_options *o, const char *text,
                                       struct pelt_error *err)
{
    json_error_t ignored;
    json_t *list = text != NULL ? json_loads(text, 0, &ignored) : NULL;
    const size_t len = json_array_size(list);
    char **missing = calloc(len + 1, sizeof *missing);
    const char *before = "";
    int missing_len = 0;
    for (size_t i = 0; missing != NULL && i < len; i++) {
        const char *word = json_string_value(json_array_get(list, i));
        word = word != NULL ? word : "";
        if (masked_at(word) > 0 && !is_typed(o, word) && !is_in_environment(before, word)) {
            if (before[0] == '-') {
                missing[missing_len++] = (char *)before;
            }
            missing[missing_len++] = (char *)word;
        }
        before = masked_at(word) == 0 ? word : "";
    }
    char *line = missing_len > 0 ? cli_command_line(missing_len, missing) : NULL;
    enum pelt_status status =
        line != NULL
            ? pelt_fail(err, PELT_EINVAL,
                        "--resume %s: the run file keeps no secrets: type again, as it was "
                        "then,%s",
                        o->bus.resume, line + strlen("pelt"))
            : PELT_OK;
    free(line);
    free(missing);
    json_decref(list);
    return status;
}

static enum pelt_status resumed_words(const struct cli_options *o, json_t **words, char **folder,
                                      struct pelt_error *err)
{
    struct pelt_results *past = NULL;
    json_error_t ignored;
    enum pelt_status status = pelt_results_load(o->bus.resume, &past, err);
    if (status != PELT_OK) {
        return status;
    }
    const char *text = pelt_results_meta(past, META_WORDS);
    const char *where = pelt_results_meta(past, META_FOLDER);
    *words = text != NULL ? json_loads(text, 0, &ignored) : NULL;
    *folder = where != NULL ? strdup(where) : NULL;
    if (!json_is_array(*words) || *folder == NULL) {
        status = pelt_fail(err, PELT_EINVAL,
                           "--resume %s: it does not say how it was begun: it is no run over a bus",
                           o->bus.resume);
    } else {
        status = check_withheld(o, pelt_results_meta(past, META_WITHHELD), err);
    }
    pelt_results_free(past);
    return status;
}

static int go_on_with(const struct cli_options *o, json_t *words, const char *folder,
                      int (*go_on)(const struct cli_options *o))
{
    struct pelt_error err = {{0}};
    struct cli_options again;
    const size_t old = json_array_size(words);
    char *file = absolute(o->bus.resume);
    char **argv = calloc(old + o->words_len + 4, sizeof *argv);
    int argc = 0, code;
    if (argv == NULL || file == NULL || chdir(folder) != 0) {
        free(argv);
        free(file);
        pelt_fail(&err, PELT_EINVAL, "--resume: the folder %s cannot be entered", folder);
        return cli_fail(PELT_EINVAL, &err);
    }
    argv[argc++] = o->words[0];
    for (size_t i = 0; i < old; i++) {
        argv[argc++] = (char *)json_string_value(json_array_get(words, i));
    }
    for (size_t i = 1; i < o->words_len; i++) {
        argv[argc++] = o->words[i];
    }
    argv[argc++] = (char *)"--resume";
    argv[argc++] = file;
    enum pelt_status status = cli_options_parse(&again, o->command, argc, argv, &err);
    code = status == PELT_OK ? go_on(&again) : cli_fail(status, &err);
    if (!pelt_run_gave_up()) {
        cli_options_deinit(&again);
        free(argv);
        free(file);
    }
    return code;
}

int cli_fleet_resume(const struct cli_options *o, int (*go_on)(const struct cli_options *o))
{
    struct pelt_error err = {{0}};
    json_t *words = NULL;
    char *folder = NULL;
    enum pelt_status status = resumed_words(o, &words, &folder, &err);
    const int code =
        status == PELT_OK ? go_on_with(o, words, folder, go_on) : cli_fail(status, &err);
    json_decref(words);
    free(folder);
    return code;
}

enum pelt_status cli_fleet_open(const struct cli_options *o, struct pelt_run_options *run,
                                struct cli_fleet *fleet, int *signal, struct pelt_error *err)
{
    if (!list_files(fleet, run->scenario) || !list_settings(fleet, o, run->scenario) ||
        !add_facts(fleet, o, run)) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status =
        run->resume ? pelt_results_load(run->run_file, &fleet->past, err) : PELT_OK;
    if (status == PELT_OK && fleet->past != NULL) {
        status = pelt_runfile_unfinished(fleet->past, run->run_file, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    const struct pelt_fleet_coordinator_options options = {
        .fleet = cli_fleet_options(o),
        .workers = (uint32_t)o->bus.workers,
        .on_loss = o->bus.on_loss,
        .files = (const char *const *)fleet->files,
        .settings = (const char *const *)fleet->settings,
        .past = fleet->past,
        .run_file = run->run_file,
        .on_wait = on_wait,
        .arg = (void *)o,
    };
    status = pelt_fleet_coordinator_new(&options, &fleet->coordinator, err);
    if (status == PELT_OK) {
        status = pelt_fleet_coordinator_join(fleet->coordinator, signal, err);
    }
    if (status == PELT_OK) {
        status = pelt_fleet_shared_new(
            &options.fleet, pelt_fleet_coordinator_epoch(fleet->coordinator), &fleet->shared, err);
    }
    if (status == PELT_OK) {
        pelt_scenario_reach(run->scenario, pelt_fleet_shared_far(fleet->shared));
        pelt_log(PELT_LOG_INFO, "pelt",
                 options.workers == 1 ? "the worker is there" : "all %u workers are there",
                 options.workers);
        run->hosts = pelt_fleet_coordinator_hosts(fleet->coordinator);
    }
    return status;
}

enum pelt_status cli_fleet_leads(const struct cli_fleet *fleet, const char *run_file,
                                 struct pelt_error *err)
{
    struct pelt_error why;
    if (fleet->coordinator == NULL ||
        pelt_fleet_coordinator_leads(fleet->coordinator, &why) == PELT_OK) {
        return PELT_OK;
    }
    return pelt_fail(err, PELT_ELOST, "%s: the report is that one's; what came until then is in %s",
                     why.text, run_file != NULL ? run_file : "no run file");
}

void cli_fleet_close(struct cli_fleet *fleet)
{
    pelt_fleet_coordinator_free(fleet->coordinator);
    for (size_t i = 0; i < fleet->files_len; i++) {
        free(fleet->files[i]);
    }
    for (size_t i = 0; i < fleet->settings_len; i++) {
        free(fleet->settings[i]);
    }
    free(fleet->files);
    free(fleet->settings);
    free(fleet->facts);
    free(fleet->words);
    free(fleet->withheld);
    free(fleet->folder);
    pelt_results_free(fleet->past);
    if (!pelt_run_gave_up()) {
        pelt_fleet_shared_free(fleet->shared);
    }
    *fleet = (struct cli_fleet){.coordinator = NULL};
}
