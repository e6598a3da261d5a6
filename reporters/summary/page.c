/*
 * page: see the header.
 */
#include "page.h"

#include <stdarg.h>

#include "text.h"

static const char *const color_codes[] = {"",         "\033[1m",  "\033[2m",
                                          "\033[32m", "\033[33m", "\033[31m"};

void report_page_begin_color(struct report_page *p, enum report_color color)
{
    fputs(p->color ? color_codes[color] : "", p->out);
}

void report_page_end_color(struct report_page *p, enum report_color color)
{
    fputs(p->color && color != REPORT_PLAIN ? "\033[0m" : "", p->out);
}

void report_page_say(struct report_page *p, enum report_color color, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    report_page_begin_color(p, color);
    vfprintf(p->out, fmt, args);
    report_page_end_color(p, color);
    va_end(args);
}

void report_page_heading(struct report_page *p, const char *words)
{
    fputc('\n', p->out);
    report_page_say(p, REPORT_BOLD, "%s", words);
}

void report_page_labelled(struct report_page *p, const char *label, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        fprintf(p->out, "  %-10s", label);
        report_text_print(p->out, text, p->width - 12, 0);
        fputc('\n', p->out);
    }
}

void report_page_labelled_whole(struct report_page *p, const char *label, const char *text)
{
    if (text[0] != '\0') {
        fprintf(p->out, "  %-10s", label);
        report_text_hanging(p->out, text, p->width, 12);
    }
}

void report_page_sentence(struct report_page *p, int indent, const char *text)
{
    report_text_sentence(p->out, text, p->width, indent);
}

const char *report_page_request_name(struct report_page *p, uint32_t id)
{
    return pelt_registry_name(p->r->names, PELT_NAME_REQUEST, id);
}

void report_page_more_in(struct report_page *p, size_t all, size_t shown, const char *what,
                         const char *where)
{
    if (all > shown) {
        fprintf(p->out, "  ... and %zu more %s; %s has all\n", all - shown, what, where);
    }
}

void report_page_more(struct report_page *p, size_t all, size_t shown, const char *what)
{
    report_page_more_in(p, all, shown, what, "--out json=PATH or csv=FOLDER");
}
