/* llm_chunk: what the servers' dialects of one shape say, and what is none. */
#include "test.h"

#include <string.h>

#include "llm_chunk.h"
#include "llm_scan.h"

static struct pelt_llm_chunk chunk;

static int end(void **state)
{
    pelt_llm_chunk_deinit(&chunk);
    return 0;
}

static void read(const char *data)
{
    pelt_llm_chunk_deinit(&chunk);
    assert_true(pelt_llm_chunk_read(&chunk, pelt_span_of(data)));
}

static void assert_span(struct pelt_span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.ptr, text, span.len);
}

static void a_chunk_with_content(void **state)
{
    read("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\" said:\"},\"finish_reason\":null}],"
         "\"usage\":null}");
    assert_span(chunk.text, " said:");
    assert_true(chunk.output);
    assert_false(chunk.thought);
    assert_null(chunk.finish_reason.ptr);
    assert_null(chunk.error.ptr);
    assert_null(chunk.usage);
}

static void who_speaks_and_how_it_ends_are_no_content(void **state)
{
    read("{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}");
    assert_false(chunk.output || chunk.thought);
    read("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}");
    assert_false(chunk.output || chunk.thought);
    assert_span(chunk.finish_reason, "length");
    read("{\"choices\":[{\"delta\":{\"content\":null}}]}");
    assert_false(chunk.output || chunk.thought);
}

static void reasoning_is_content_that_is_no_output(void **state)
{
    static const char *const KEYS[] = {"reasoning_content", "reasoning"};
    for (int i = 0; i < 2; i++) {
        char data[200];
        snprintf(data, sizeof data, "{\"choices\":[{\"delta\":{\"%s\":\"hm\",\"content\":null}}]}",
                 KEYS[i]);
        read(data);
        assert_true(chunk.thought);
        assert_false(chunk.output);
        assert_span(chunk.reasoning, "hm");
        assert_int_equal(chunk.text.len, 0);
    }
}

static void tool_calls_and_refusals_are_output(void **state)
{
    read("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}");
    assert_true(chunk.output);
    assert_int_equal(chunk.text.len, 0);
    read("{\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}");
    assert_true(chunk.output);
    assert_span(chunk.text, "no");
}

static void answers_in_one_piece_and_completions_are_read(void **state)
{
    read(
        "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"yes\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1,"
        "\"prompt_tokens_details\":{\"cached_tokens\":4}}}");
    assert_span(chunk.text, "yes");
    assert_true(chunk.counts_output && chunk.counts_prompt && chunk.counts_cached);
    assert_int_equal(chunk.output_tokens, 1);
    assert_int_equal(chunk.prompt_tokens, 5);
    assert_int_equal(chunk.cached_tokens, 4);
    read("{\"choices\":[{\"index\":0,\"text\":\"once\"}]}");
    assert_span(chunk.text, "once");
}

static void the_text_is_the_first_choices(void **state)
{
    read("{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}}]}");
    assert_true(chunk.output);
    assert_int_equal(chunk.text.len, 0);
    read("{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}},"
         "{\"index\":0,\"delta\":{\"content\":\"a\"}}]}");
    assert_span(chunk.text, "a");
}

static void errors_are_found_in_their_dialects(void **state)
{
    read("{\"error\":{\"message\":\"too long\",\"code\":400}}");
    assert_span(chunk.error, "too long");
    read("{\"error\":\"busy\"}");
    assert_span(chunk.error, "busy");
    read("{\"object\":\"error\",\"message\":\"gone\"}");
    assert_span(chunk.error, "gone");
    read("{\"error\":{\"code\":5}}");
    assert_non_null(chunk.error.ptr);
    read("{\"error\":null,\"choices\":[]}");
    assert_null(chunk.error.ptr);
}

static void what_is_no_chunk_is_told_or_passed_over(void **state)
{
    static const char *const NONE[] = {"", "[DONE]", "[]", "5", "{\"choices\":", "nul"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        pelt_llm_chunk_deinit(&chunk);
        assert_false(pelt_llm_chunk_read(&chunk, pelt_span_of(NONE[i])));
    }
    read("{\"choices\":{\"a\":1},\"usage\":[1],\"error\":false}");
    assert_null(chunk.usage);
    assert_null(chunk.error.ptr);
    read("{\"choices\":[5,null,{\"delta\":7},{\"index\":\"0\",\"delta\":{\"content\":9}}],"
         "\"usage\":{\"completion_tokens\":-1,\"prompt_tokens\":\"5\"}}");
    assert_false(chunk.output || chunk.counts_output || chunk.counts_prompt);
    read("{\"usage\":{\"completion_tokens\":1000000000,\"prompt_tokens\":9223372036854775807}}");
    assert_true(chunk.counts_output && !chunk.counts_prompt);
}

/* As OpenAI, vLLM, llama.cpp, pelt-target and a server of completions write them. */
static void the_chunks_of_known_servers_need_no_library(void **state)
{
    static const char *const CHUNKS[] = {
        "{\"id\":\"chatcmpl-Ab\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,"
        "\"model\":"
        "\"gpt-4o-mini\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_44709d6fcb\","
        "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"logprobs\":null,"
        "\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"p\"}",
        "{\"id\":\"chatcmpl-7\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","
        "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\",\"reasoning_content\":null},"
        "\"logprobs\":null,\"finish_reason\":null,\"token_ids\":null}]}",
        "{\"choices\": [{\"finish_reason\": null, \"index\": 0, \"delta\": {\"content\": "
        "\"Hi\"}}], "
        "\"created\": 1, \"id\": \"x\", \"timings\": {\"n\": [0.5, -1]}}",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\u0048i\"},\"finish_reason\":null}],"
        "\"planned_ns\":123456789012345,\"sent_ns\":123456789012345}",
        "{\"choices\":[{\"index\":0,\"text\":\"Hi\",\"logprobs\":null,\"finish_reason\":null}]}",
    };
    for (size_t i = 0; i < sizeof CHUNKS / sizeof *CHUNKS; i++) {
        pelt_llm_chunk_deinit(&chunk);
        assert_true(pelt_llm_scan(&chunk, pelt_span_of(CHUNKS[i])));
        assert_span(chunk.text, "Hi");
        assert_true(chunk.output && !chunk.thought);
        pelt_llm_chunk_deinit(&chunk);
        assert_true(pelt_llm_chunk_parse(&chunk, pelt_span_of(CHUNKS[i])));
        assert_span(chunk.text, "Hi");
    }
}

static void whatever_else_there_is_to_say_is_the_librarys(void **state)
{
    static const char *const OTHERS[] = {
        "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\",\"content\":\"b\"}}]}",
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}",
        "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"a\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"completion_tokens\":1}}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"error\":\"b\"}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"\\u0065rror\":\"b\"}",
        "{\"choices\":[{\"delta\":{\"content\":\"\\ud83d\\ude00\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"x\":1e999}",
        "{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]} x",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]",
    };
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        pelt_llm_chunk_deinit(&chunk);
        assert_false(pelt_llm_scan(&chunk, pelt_span_of(OTHERS[i])));
    }
    read(OTHERS[6]);
    assert_span(chunk.error, "b");
    read(OTHERS[7]);
    assert_span(chunk.text, "\xf0\x9f\x98\x80");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, end)
    const struct CMUnitTest tests[] = {
        TEST(a_chunk_with_content),
        TEST(who_speaks_and_how_it_ends_are_no_content),
        TEST(reasoning_is_content_that_is_no_output),
        TEST(tool_calls_and_refusals_are_output),
        TEST(answers_in_one_piece_and_completions_are_read),
        TEST(the_text_is_the_first_choices),
        TEST(errors_are_found_in_their_dialects),
        TEST(the_chunks_of_known_servers_need_no_library),
        TEST(whatever_else_there_is_to_say_is_the_librarys),
        TEST(what_is_no_chunk_is_told_or_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
