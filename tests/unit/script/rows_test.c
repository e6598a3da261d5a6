/* Data files: what is read of good ones, and the line that bad ones get. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static char path[64];

static int make_file(void **state)
{
    snprintf(path, sizeof path, "/tmp/pelt-rows-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int remove_file(void **state)
{
    unlink(path);
    return 0;
}

static void write_bytes(const char *text, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static struct pelt_rows *read_text(const char *text, enum pelt_rows_format format)
{
    struct pelt_rows *rows = NULL;
    struct pelt_error err;
    write_bytes(text, strlen(text));
    if (pelt_rows_read(path, format, ',', &rows, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return rows;
}

static void assert_row(const struct pelt_rows *rows, size_t row, const char *begins)
{
    struct pelt_span text = pelt_rows_at(rows, row);
    if (text.len < strlen(begins) || memcmp(text.ptr, begins, strlen(begins)) != 0) {
        fail_msg("row %zu is %.*s, not %s", row, (int)text.len, text.ptr, begins);
    }
}

static void csv_has_columns_and_rows(void **state)
{
    struct pelt_rows *rows = read_text(
        "\xEF\xBB\xBFid, name ,\"no \"\"te\"\r\n1,a,\"x\ny\"\r\n\r\n2,b,\n", PELT_ROWS_CSV);
    assert_int_equal(rows->columns_len, 3);
    assert_memory_equal(rows->columns[0].text.ptr, "id", 2);
    assert_int_equal(rows->columns[1].text.len, 4);
    assert_memory_equal(rows->columns[1].text.ptr, "name", 4);
    assert_true(rows->columns[2].doubled);
    assert_int_equal(rows->count, 2);
    assert_row(rows, 0, "1,a,");
    assert_row(rows, 1, "2,b,");
    pelt_rows_free(rows);
}

static void json_rows_are_found_in_the_list(void **state)
{
    struct pelt_rows *rows =
        read_text(" [ {\"a\": \"]},{\\\"\"}\n, {\"b\":{\"c\":[1,2]}},{} ]\n", PELT_ROWS_JSON);
    assert_int_equal(rows->count, 3);
    assert_row(rows, 0, "{\"a\"");
    assert_row(rows, 1, "{\"b\"");
    assert_row(rows, 2, "{}");
    pelt_rows_free(rows);
}

static void jsonl_rows_are_the_lines(void **state)
{
    struct pelt_rows *rows =
        read_text("\xEF\xBB\xBF{\"a\":1}\r\n\n  {\"a\":2}  \n{\"a\":3}", PELT_ROWS_JSONL);
    assert_int_equal(rows->count, 3);
    assert_row(rows, 0, "{\"a\":1}");
    assert_row(rows, 1, "{\"a\":2}");
    assert_row(rows, 2, "{\"a\":3}");
    assert_int_equal(pelt_rows_at(rows, 2).len, 7);
    pelt_rows_free(rows);
}

/* More rows than one group of offsets holds. */
static void many_rows_cost_four_bytes_each(void **state)
{
    enum { COUNT = 100000 };
    struct pelt_rows *rows = NULL;
    struct pelt_error err;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "id\n");
    for (int i = 0; i < COUNT; i++) {
        fprintf(file, "%d\n", i);
    }
    fclose(file);
    assert_int_equal(pelt_rows_read(path, PELT_ROWS_CSV, ',', &rows, &err), PELT_OK);
    assert_int_equal(rows->count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        struct pelt_span text = pelt_rows_at(rows, (size_t)i);
        assert_int_equal(strtol(text.ptr, NULL, 10), i);
        assert_int_equal(text.ptr[-1], '\n');
    }
    assert_in_range(pelt_rows_bytes(rows), rows->len + 4 * COUNT, rows->len + 4 * COUNT + 8192);
    pelt_rows_free(rows);
}

#define TEXT(s) s, sizeof(s) - 1

static void each_bad_file_gets_its_line(void **state)
{
    static const struct {
        enum pelt_rows_format format;
        const char *text;
        size_t len;
        const char *says; /* after the path */
    } cases[] = {
        {PELT_ROWS_CSV, TEXT(""), ": is empty: the first line names the columns"},
        {PELT_ROWS_CSV, TEXT("\xEF\xBB\xBF\n\n"), ": is empty"},
        {PELT_ROWS_CSV, TEXT("id,name\n"), ": has a header and no rows"},
        {PELT_ROWS_CSV, TEXT("1,ann\n2,bob\n"),
         ":1: '1' is a number, not the name of a column: the "
         "first line names the columns, such as id,name"},
        {PELT_ROWS_CSV, TEXT("id,id\n1,2\n"), ":1: 'id' names two columns"},
        {PELT_ROWS_CSV, TEXT("id,,x\n1,2,3\n"), ":1: a column has no name"},
        {PELT_ROWS_CSV, TEXT("id;name\n1;ann\n"),
         ":1: the header 'id;name' is one column: give the "
         "options { separator = \";\" }"},
        {PELT_ROWS_CSV, TEXT("id\tname\n1\tann\n"), "{ separator = \"\\t\" }"},
        {PELT_ROWS_CSV, TEXT("id,name\n1,ann\n2\n"),
         ":3: 1 field, but the header names 2 (id,name)"},
        {PELT_ROWS_CSV, TEXT("id,name\n1,\"a\nb\"\n2,b,c\n"), ":4: 3 fields, but"},
        {PELT_ROWS_CSV, TEXT("id,name\n1,ann\n2,\"bob\n3,cy\n"), ":3: a field opens with a quote"},
        {PELT_ROWS_CSV, TEXT("id,name\n1,\"a\"b\n"), ":2: text follows a closing quote"},
        {PELT_ROWS_CSV, TEXT("\"id,name\n1,2\n"), ":1: a field opens with a quote"},
        {PELT_ROWS_CSV, TEXT("\xFF\xFEi\0d\0"), ": is UTF-16: save it as UTF-8"},
        {PELT_ROWS_CSV, TEXT("id\n1\n\0\n"), ":3: holds a zero byte"},
        {PELT_ROWS_JSON, TEXT(""), ": has no rows: a list of objects is expected"},
        {PELT_ROWS_JSON, TEXT("[ ]"), ": has no rows"},
        {PELT_ROWS_JSON, TEXT("{\"a\":1}\n{\"a\":2}"), "read by pelt.data.jsonl"},
        {PELT_ROWS_JSON, TEXT("5"), ":1: a list of objects is expected"},
        {PELT_ROWS_JSON, TEXT("[{},\n[1]]"), ":2: a row is an object"},
        {PELT_ROWS_JSON, TEXT("[{},\n5]"), ":2: "},
        {PELT_ROWS_JSON, TEXT("[{}\n{}]"), ":2: ',' or ']' is expected"},
        {PELT_ROWS_JSON, TEXT("[{},]"), ":1: "},
        {PELT_ROWS_JSON, TEXT("[{}"), ":1: ',' or ']' is expected"},
        {PELT_ROWS_JSON, TEXT("[{}]\n[{}]"), ":2: something follows the list"},
        {PELT_ROWS_JSON, TEXT("[{},\n{\"a\":\n1,}]"), ":3: "},
        {PELT_ROWS_JSONL, TEXT("\n"), ": has no rows: an object a line"},
        {PELT_ROWS_JSONL, TEXT("{}\n{\"a\":\n1}\n"), ":2: "},
        {PELT_ROWS_JSONL, TEXT("{}\n\n[1]\n"), ":3: a row is an object"},
        {PELT_ROWS_JSONL, TEXT("{} {}\n"), ":1: end of file expected near '{'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pelt_rows *rows = NULL;
        struct pelt_error err;
        write_bytes(cases[i].text, cases[i].len);
        if (pelt_rows_read(path, cases[i].format, ',', &rows, &err) != PELT_EINVAL) {
            fail_msg("%s is read", cases[i].text);
        }
        if (strncmp(err.text, path, strlen(path)) != 0 || !strstr(err.text, cases[i].says) ||
            strchr(err.text, '\n')) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.text, cases[i].says);
        }
    }
}

static void what_is_no_file_is_named(void **state)
{
    struct pelt_rows *rows = NULL;
    struct pelt_error err;
    assert_int_equal(pelt_rows_read("/tmp", PELT_ROWS_CSV, ',', &rows, &err), PELT_EINVAL);
    assert_string_equal(err.text, "/tmp: is a folder: give a file of rows");
    assert_int_equal(pelt_rows_read("/none/x.csv", PELT_ROWS_CSV, ',', &rows, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "/none/x.csv: No such file or directory"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pelt_rows_read(path, PELT_ROWS_CSV, ',', &rows, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "is no regular file"));
}

static void file_is_read_once(void **state)
{
    struct pelt_files *files = pelt_files_new();
    struct pelt_rows *first = NULL, *again = NULL, *other = NULL;
    struct pelt_error err;
    write_bytes(TEXT("id;x\n1;2\n"));
    assert_int_equal(pelt_files_open(files, path, PELT_ROWS_CSV, ';', &first, &err), PELT_OK);
    unlink(path);
    assert_int_equal(pelt_files_open(files, path, PELT_ROWS_CSV, ';', &again, &err), PELT_OK);
    assert_ptr_equal(first, again);
    assert_int_equal(pelt_files_open(files, path, PELT_ROWS_JSON, '\0', &other, &err), PELT_EINVAL);
    assert_ptr_equal(pelt_files_at(files, 0), first);
    assert_null(pelt_files_at(files, 1));
    pelt_files_free(files);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(csv_has_columns_and_rows),    T(json_rows_are_found_in_the_list),
        T(jsonl_rows_are_the_lines),    T(many_rows_cost_four_bytes_each),
        T(each_bad_file_gets_its_line), T(what_is_no_file_is_named),
        T(file_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
