/* Text for headers and bodies. */
#include "test.h"

#include "pelt/encode.h"

static void expect(void (*encode)(struct pelt_buf *, struct pelt_span), const char *in,
                   const char *text)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    pelt_buf_add_str(&out, "");
    encode(&out, pelt_span_of(in));
    assert_string_equal(out.data ? out.data : "", text);
    pelt_buf_deinit(&out);
}

static void base64_is_padded(void **state)
{
    expect(pelt_encode_base64, "", "");
    expect(pelt_encode_base64, "f", "Zg==");
    expect(pelt_encode_base64, "fo", "Zm8=");
    expect(pelt_encode_base64, "foo", "Zm9v");
    expect(pelt_encode_base64, "ada:\xff\xfe?>", "YWRhOv/+Pz4=");
}

static void form_fields_are_percent_encoded(void **state)
{
    expect(pelt_encode_form, "a b&c=d+e\xc3\xa9*-._~/", "a+b%26c%3Dd%2Be%C3%A9*-._%7E%2F");
}

static void part_names_cannot_end_their_quotes(void **state)
{
    expect(pelt_encode_part_name, "a\"b\r\nX: y", "a%22b%0D%0AX: y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_padded),
        cmocka_unit_test(form_fields_are_percent_encoded),
        cmocka_unit_test(part_names_cannot_end_their_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
