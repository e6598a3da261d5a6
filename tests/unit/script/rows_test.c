/* Data files: what is read of good ones, and the line that bad ones get. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static char path[64];
static struct pelt_files *files; /* of the running test */

static int make_file(void **state)
{
    snprintf(path, sizeof path, "/tmp/pelt-rows-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    files = pelt_files_new();
    assert_non_null(files);
    return 0;
}

static int remove_file(void **state)
{
    unlink(path);
    pelt_files_free(files);
    return 0;
}

static void write_bytes(const char *text, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static enum pelt_status open_rows(const char *at, enum pelt_rows_format format,
                                  struct pelt_rows **rows, struct pelt_error *err)
{
    return pelt_files_rows(files, at, format, format == PELT_ROWS_CSV ? ',' : '\0', rows, err);
}

static struct pelt_rows *read_text(const char *text, enum pelt_rows_format format)
{
    struct pelt_rows *rows = NULL;
    struct pelt_error err;
    write_bytes(text, strlen(text));
    if (open_rows(path, format, &rows, &err) != PELT_OK) {
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
}

static void json_rows_are_found_in_the_list(void **state)
{
    struct pelt_rows *rows =
        read_text(" [ {\"a\": \"]},{\\\"\"}\n, {\"b\":{\"c\":[1,2]}},{} ]\n", PELT_ROWS_JSON);
    assert_int_equal(rows->count, 3);
    assert_row(rows, 0, "{\"a\"");
    assert_row(rows, 1, "{\"b\"");
    assert_row(rows, 2, "{}");
}

static void integers_that_are_too_large_hide_no_row(void **state)
{
    struct pelt_rows *rows = read_text("[{\"a\":12345678901234567890,\"b\":-98765432109876543210},"
                                       "{\"b\":\"12345678901234567890\"},\n"
                                       "{\"c\":[12345678901234567890]} ,{\"d\":4}]",
                                       PELT_ROWS_JSON);
    assert_int_equal(rows->count, 4);
    assert_row(rows, 1, "{\"b\":\"1");
    assert_row(rows, 2, "{\"c\"");
    assert_row(rows, 3, "{\"d\"");
}

static void integers_that_are_too_large_hide_no_line(void **state)
{
    struct pelt_rows *rows = read_text("{\"a\":12345678901234567890}\n{\"a\":2}", PELT_ROWS_JSONL);
    assert_int_equal(rows->count, 2);
    assert_row(rows, 1, "{\"a\":2}");
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
    assert_int_equal(open_rows(path, PELT_ROWS_CSV, &rows, &err), PELT_OK);
    assert_int_equal(rows->count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        struct pelt_span text = pelt_rows_at(rows, (size_t)i);
        char want[16];
        int len = snprintf(want, sizeof want, "\n%d", i);
        assert_memory_equal(text.ptr - 1, want, (size_t)len);
    }
    assert_in_range(pelt_rows_bytes(rows), 4 * COUNT, 4 * COUNT + 8192);
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
        pelt_files_free(files);
        files = pelt_files_new();
        write_bytes(cases[i].text, cases[i].len);
        if (open_rows(path, cases[i].format, &rows, &err) != PELT_EINVAL) {
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
    assert_int_equal(open_rows("/tmp", PELT_ROWS_CSV, &rows, &err), PELT_EINVAL);
    assert_string_equal(err.text, "/tmp: is a folder: give a file");
    assert_int_equal(open_rows("/none/x.csv", PELT_ROWS_CSV, &rows, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "/none/x.csv: No such file or directory"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(open_rows(path, PELT_ROWS_CSV, &rows, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "is no regular file"));
}

static void file_is_read_once(void **state)
{
    struct pelt_rows *first = NULL, *again = NULL, *other = NULL;
    const struct pelt_content *body = NULL;
    struct pelt_error err;
    size_t bytes = 0;
    write_bytes(TEXT("id;a,b\n1;2,3\n"));
    assert_int_equal(pelt_files_rows(files, path, PELT_ROWS_CSV, ';', &first, &err), PELT_OK);
    unlink(path);
    assert_int_equal(pelt_files_rows(files, path, PELT_ROWS_CSV, ';', &again, &err), PELT_OK);
    assert_ptr_equal(first, again);
    assert_int_equal(pelt_files_rows(files, path, PELT_ROWS_JSON, '\0', &other, &err), PELT_EINVAL);
    assert_int_equal(pelt_files_rows(files, path, PELT_ROWS_CSV, ',', &other, &err), PELT_OK);
    assert_int_equal(pelt_files_body(files, path, &body, &err), PELT_OK);
    assert_ptr_equal(body, first->content);
    assert_ptr_equal(body, other->content);
    assert_ptr_equal(pelt_files_at(files, 0, &bytes), first);
    assert_int_equal(bytes, pelt_rows_bytes(first) + 13);
    assert_ptr_equal(pelt_files_at(files, 1, &bytes), other);
    assert_int_equal(bytes, pelt_rows_bytes(other)); /* the file's own are counted */
    assert_null(pelt_files_at(files, 2, &bytes));
}

static void body_that_is_no_file_is_named(void **state)
{
    const struct pelt_content *body = NULL;
    struct pelt_error err;
    assert_int_equal(pelt_files_body(files, "/dev/null", &body, &err), PELT_EINVAL);
    assert_string_equal(err.text, "/dev/null: is no regular file: write what the pipe or device "
                                  "gives into one");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* waits for nobody who writes */
    assert_int_equal(pelt_files_body(files, path, &body, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "is no regular file"));
    assert_null(body);
}

static void file_that_is_too_large_is_named(void **state)
{
    const struct pelt_content *body = NULL;
    struct pelt_rows *rows = NULL;
    struct pelt_error err;
    write_bytes(TEXT("id\n1\n"));
    assert_int_equal(truncate(path, (256 << 20) + 1), 0); /* holes: nothing of it is on the disk */
    assert_int_equal(pelt_files_body(files, path, &body, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, ": has 256.0 MiB, and at most 256.0 MiB are read"));
    assert_int_equal(truncate(path, (INT64_C(8) << 30) + 1), 0);
    assert_int_equal(open_rows(path, PELT_ROWS_CSV, &rows, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "and at most 8.0 GiB are read: give a smaller file"));
}

/* The watchdog cannot stop the parser. */
static void json_row_has_a_limit(void **state)
{
    enum { SIZE = (8 << 20) + 100 };
    struct pelt_rows *rows = NULL;
    struct pelt_error err;
    char *text = malloc(SIZE + 1);
    assert_non_null(text);
    memset(text, 'x', SIZE);
    memcpy(text, "{\"a\":1}\n{\"a\":\"", 14);
    memcpy(text + SIZE - 3, "\"}\n", 3);
    write_bytes(text, SIZE);
    free(text);
    assert_int_equal(open_rows(path, PELT_ROWS_JSONL, &rows, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, ":2: a row has more than 8 MiB: make rows smaller"));
}

static void path_counts_from_the_scenarios_folder(void **state)
{
    char out[PELT_FILES_PATH_SIZE], *name = malloc(PELT_FILES_PATH_SIZE);
    assert_true(pelt_files_path("a/b.lua", pelt_span_of("x.csv"), out));
    assert_string_equal(out, "a/x.csv");
    assert_true(pelt_files_path("b.lua", pelt_span_of("x.csv"), out));
    assert_string_equal(out, "x.csv");
    assert_true(pelt_files_path("a/b.lua", pelt_span_of("/x.csv"), out));
    assert_string_equal(out, "/x.csv");
    assert_false(pelt_files_path("a/b.lua", pelt_span_of(""), out));
    assert_false(pelt_files_path("a/b.lua", pelt_span("x\0y", 3), out));
    memset(name, 'x', PELT_FILES_PATH_SIZE);
    assert_true(pelt_files_path("b.lua", pelt_span(name, PELT_FILES_PATH_SIZE - 1), out));
    assert_false(pelt_files_path("b.lua", pelt_span(name, PELT_FILES_PATH_SIZE), out));
    assert_false(pelt_files_path("a/b.lua", pelt_span(name, PELT_FILES_PATH_SIZE - 1), out));
    free(name);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(csv_has_columns_and_rows),
        T(json_rows_are_found_in_the_list),
        T(integers_that_are_too_large_hide_no_row),
        T(integers_that_are_too_large_hide_no_line),
        T(jsonl_rows_are_the_lines),
        T(many_rows_cost_four_bytes_each),
        T(each_bad_file_gets_its_line),
        T(what_is_no_file_is_named),
        T(file_is_read_once),
        T(body_that_is_no_file_is_named),
        T(json_row_has_a_limit),
        T(file_that_is_too_large_is_named),
        T(path_counts_from_the_scenarios_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
