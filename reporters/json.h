/*
 * json: values that the JSON report is made of.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "pelt/rows.h" /* report_json_text() */

#endif
