/* csv: the folder of tables that --out csv=FOLDER makes. */
#ifndef REPORT_CSV_H
#define REPORT_CSV_H

#include <stdio.h>

#include "pelt/results.h"

/* One file of the folder. `write` prints header and rows; what it says in `err` counts as failure.
 */
struct report_csv_file {
    const char *name;
    enum pelt_status (*write)(const struct pelt_results *r, FILE *out, struct pelt_error *err);
};
#define REPORT_CSV_FILES 8
extern const struct report_csv_file report_csv_files[REPORT_CSV_FILES];

#endif
