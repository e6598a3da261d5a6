/*
 * cmd_doctor: `pelt doctor`: what of this host can spoil a measurement, and what to do about it, as
 * text and as JSON (pelt-doctor/1).
 */
#include <string.h>

#include "command.h"
#include "exit_code.h"
#include "json_out.h"
#include "outputs.h"
#include "pelt/checkup.h"
#include "pelt/tls.h"
#include "stdout.h"

#define WHAT_COLUMNS  16
#define LEVEL_COLUMNS 8

static void read_certificates(struct pelt_checkup *c)
{
    struct pelt_error err;
    struct pelt_tls *tls = NULL;
    if (pelt_tls_new(&tls, &(struct pelt_tls_settings){0}, &err) != PELT_OK) {
        snprintf(c->ca_fault, sizeof c->ca_fault, "%.255s", err.text);
    }
    pelt_tls_free(tls);
}

/* Words of `text`, broken at blanks, behind `indent` columns. */
static void print_wrapped(const char *text, int indent, int columns)
{
    int at = columns;
    while (*text != '\0') {
        const int len = (int)strcspn(text, " ");
        if (at + 1 + len > columns) {
            printf("\n%*s", indent, "");
            at = indent;
        } else {
            putchar(' ');
            at++;
        }
        printf("%.*s", len, text);
        at += len;
        text += len;
        text += strspn(text, " ");
    }
}

static void print_sign(const struct pelt_sign *s, bool color, int columns)
{
    static const char *const paint[] = {"\033[32m", "\033[33m", "\033[31m", "\033[2m"};
    printf("%-*s %s%-*s%s %s", WHAT_COLUMNS, s->what, color ? paint[s->level] : "",
           LEVEL_COLUMNS - 1, pelt_sign_level_name(s->level), color ? "\033[0m" : "", s->found);
    if (s->advice[0] != '\0') {
        print_wrapped(s->advice, WHAT_COLUMNS + LEVEL_COLUMNS + 1, columns);
    }
    putchar('\n');
}

static void tell(const struct pelt_sign *signs, const struct cli_options *o)
{
    const bool color = cli_stdout_color(o->no_color);
    unsigned bad = 0, notes = 0;
    for (size_t i = 0; i < PELT_SIGNS; i++) {
        print_sign(&signs[i], color, cli_stdout_columns());
        bad += signs[i].level == PELT_SIGN_BAD;
        notes += signs[i].level == PELT_SIGN_NOTE;
    }
    printf("\n%u bad, %u to note. What a scenario needs of this host: pelt preflight "
           "SCENARIO.lua\n",
           bad, notes);
}

static json_t *as_json(const struct pelt_sign *signs)
{
    json_t *document = json_object(), *list = json_array();
    json_object_set_new(document, "schema", json_string("pelt-doctor/1"));
    json_object_set_new(document, "signs", list);
    for (size_t i = 0; i < PELT_SIGNS; i++) {
        json_t *sign = json_object();
        json_object_set_new(sign, "what", json_string(signs[i].what));
        json_object_set_new(sign, "level", json_string(pelt_sign_level_name(signs[i].level)));
        json_object_set_new(sign, "found", json_string(signs[i].found));
        json_object_set_new(sign, "advice",
                            signs[i].advice[0] != '\0' ? json_string(signs[i].advice)
                                                       : json_null());
        json_array_append_new(list, sign);
    }
    return document;
}

int cmd_doctor(const struct cli_options *o)
{
    struct pelt_error err;
    struct pelt_checkup checkup;
    struct pelt_sign signs[PELT_SIGNS];
    enum pelt_status status = cli_json_out_check(&o->out, "doctor", &err);
    if (status != PELT_OK) {
        return cli_fail(status, &err);
    }
    pelt_checkup_read("", ".", &checkup);
    read_certificates(&checkup);
    pelt_checkup_judge(&checkup, signs);
    if (!cli_outputs_take_stdout(&o->out)) {
        tell(signs, o);
    }
    return cli_json_out_write(&o->out, as_json(signs), CLI_EXIT_PASSED);
}
