/*
 * markup: foreign names in XML and Markdown. What a server, a URL or a script says may hold any
 * bytes: here it becomes text, whatever it holds.
 */
#ifndef REPORT_MARKUP_H
#define REPORT_MARKUP_H

#include <stdio.h>

/* Text or the value of an attribute in double quotes, of XML 1.0: what that cannot hold, and bytes
 * that are no UTF-8, become U+FFFD. */
void report_xml(FILE *out, const char *text);

/* A code span: shown as it is, and nothing in it is a link, a mention or HTML. */
void report_markdown_code(FILE *out, const char *text);
/* The same in a cell of a table, where a bar would end it. */
void report_markdown_cell(FILE *out, const char *text);
/* A sentence: nothing in it is Markdown or HTML. */
void report_markdown_text(FILE *out, const char *text);

#endif
