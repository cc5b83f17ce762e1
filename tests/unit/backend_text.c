/* Pieces of C text: names, literals, comments, lines. */
#include "backend/c_runtime.h"
#include "backend/c_text.h"
#include "backend/writer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static Arena *arena;

static void open_arena(void) { arena = arena_create(); }
static void close_arena(void) { arena_destroy(arena); }
TestSuite(backend_text, .init = open_arena, .fini = close_arena);

Test(backend_text, names)
{
	Names n = {.arena = arena, .prefix = "kws"};
	static const char *const pairs[][2] = {
		{"x", "x"}, {"x", "x_2"}, {"/conv1/Conv_output_0",
		"conv1_Conv_output_0"}, {"conv1.Conv_output_0",
		"conv1_Conv_output_0_2"}, {"_12", "x12"}, {"", "x_3"},
		{"while", "x_while"}, {"class", "x_class"}, {"i0", "x_i0"},
		{"t12", "x_t12"}, {"k", "x_k"}, {"rt_gemm", "x_rt_gemm"},
		{"kws_init", "x_kws_init"}, {"INFINITY", "infinity"},
		{"expf", "x_expf"}, {"\xc3\xa9t\xc3\xa9", "t"}, {"t", "t_2"},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		cr_expect_str_eq(names_unique(&n, pairs[i][0]), pairs[i][1]);
}

Test(backend_text, names_with_a_prefix_are_free)
{
	Names n = {.arena = arena, .prefixed = true};
	cr_expect_str_eq(names_unique(&n, "while"), "while");
	cr_expect_str_eq(names_unique(&n, "12"), "12");
	cr_expect_str_eq(names_unique(&n, "while"), "while_2");
}

static uint32_t bits_of(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

Test(backend_text, floats_read_back)
{
	uint32_t bits = 1;
	for (int i = 0; i < 200000; i++) {
		char text[32];
		float x;
		bits = bits * 1664525u + 1013904223u;
		memcpy(&x, &bits, sizeof x);
		if (!isfinite(x))
			continue;
		c_decimal(x, text);
		cr_assert_eq(bits_of(strtof(text, NULL)), bits, "%s", text);
		cr_assert_not_null(strpbrk(text, ".e"));
	}
}

Test(backend_text, numbers)
{
	Scalar lowest = {.i = INT64_MIN}, low = {.i = INT32_MIN};
	cr_expect_str_eq(c_number(arena, DT_F32, (Scalar){.f = 1}), "1.0f");
	cr_expect_str_eq(c_number(arena, DT_F32, (Scalar){.f = -0.1}),
	                 "(-0.1f)");
	cr_expect_str_eq(c_number(arena, DT_F32, (Scalar){.f = -0.0}),
	                 "(-0.0f)");
	cr_expect_str_eq(c_number(arena, DT_F32, (Scalar){.f = 1e39}),
	                 "INFINITY");
	cr_expect_str_eq(c_number(arena, DT_F32, (Scalar){.f = -HUGE_VAL}),
	                 "(-INFINITY)");
	cr_expect_str_eq(c_number(arena, DT_F64, (Scalar){.f = 0.1}), "0.1");
	cr_expect_str_eq(c_number(arena, DT_F64, (Scalar){.f = 1.0 / 3}),
	                 "0.3333333333333333");
	cr_expect_str_eq(c_number(arena, DT_I32, (Scalar){.i = -7}), "(-7)");
	cr_expect_str_eq(c_number(arena, DT_I32, low), "(-2147483647 - 1)");
	cr_expect_str_eq(c_number(arena, DT_I64, lowest),
	                 "(-INT64_C(9223372036854775807) - 1)");
}

/* A hostile name must not end the comment or the string it is in. */
Test(backend_text, hostile_names)
{
	const char *s = c_comment(arena, "a */ system(); /* \n\x80 b");
	cr_expect_null(strstr(s, "*/"));
	cr_expect_null(strstr(s, "/*"));
	cr_expect_null(strchr(s, '\n'));
	cr_expect_str_eq(c_string(arena, "a\"b\\c\n?\?/\xff"),
	                 "\"a\\\"b\\\\c\\012\\?\\?/\\377\"");
}

static const char *written(void (*put)(Writer *))
{
	char *text;
	size_t n;
	Writer w = {.out = open_memstream(&text, &n), .arena = arena};
	put(&w);
	fclose(w.out);
	const char *copy = arena_strndup(arena, text, n);
	free(text);
	return copy;
}

static void put_long(Writer *w)
{
	w_open(w, "void f(%s) {", "int32_t first_parameter, int32_t second, "
	       "const float *restrict the_third_one, float *restrict last");
	w_line(w, "g(\"a string of several words that is longer than a line "
	       "of eighty columns, and stays whole\");");
	w_close(w, "}");
}

Test(backend_text, long_lines)
{
	cr_expect_str_eq(written(put_long),
		"void f(int32_t first_parameter, int32_t second,\n"
		"\tconst float *restrict the_third_one, float *restrict last) "
		"{\n"
		"\tg(\"a string of several words that is longer than a line of "
		"eighty columns, and stays whole\");\n}\n");
}

Test(backend_text, runtime_is_found_in_its_text)
{
	cr_expect(runtime_has("rt_gemm"));
	cr_expect_not(runtime_has("rt_gem"));
	cr_expect_not(runtime_has("gemm"));
	cr_expect_not(runtime_has("rt_gemm_workspace"));
	cr_expect_null(runtime_text(arena, "int main(void) { return 0; }"));
	cr_expect_null(runtime_text(arena, "/* rt_gemm */"));
	const char *s = runtime_text(arena, "x = rt_mix(1, 2);");
	cr_expect_not_null(strstr(s, "uint32_t rt_mix("));
	cr_expect_null(strstr(s, "rt_gemm"));
	cr_expect_null(strstr(s, "#include \"runtime/"));
}

/* Without one of a kind, nothing is said: all of it remains. */
Test(backend_text, runtime_knows_the_largest_stride_and_span)
{
	const char *s = runtime_text(arena,
		"\tstatic const rt_conv d0 = {1, 8, 9, 9, 8, 5, 5, 3, 3, 2, 1, "
		"1, 1, 1, 1, 8, 8};\n\trt_depth_forward(&d0, x, w, b, y);\n"
		"\tstatic const rt_conv d0 = {1, 1, 9, 9, 8, 9, 9, 3, 5, 1, 1, "
		"1, 2, 1, 3, 1, 8};\n\trt_conv_forward(&d0, x, w, b, y, 0);\n"
		"\tstatic const rt_conv d0 = {1, 8, 9, 9, 8, 9, 9, 3, 3, 1, 1, "
		"1, 1, 1, 1, 8, 8};\n\trt_depth_forward(&d0, x, w, b, y);\n");
	cr_expect_not_null(strstr(s, "#define RT_PADS_BARE 0\n"));
	cr_expect_not_null(strstr(s, "#define RT_DEPTH_STRIDE 2\n"));
	cr_expect_not_null(strstr(s, "#define RT_DEPTH_FIVE 0\n"));
	cr_expect_not_null(strstr(s, "#define RT_CONV_STRIDE 1\n"));
	cr_expect_not_null(strstr(s, "#define RT_CONV_SPAN 16\n"));
	cr_expect_not_null(strstr(s, "#define RT_CONV_THREE 0\n"));
	cr_expect_not_null(strstr(s, "#define RT_CONV_FIVE 1\n"));
	cr_expect_not_null(strstr(s, "#define RT_CONV_OTHER 1\n"));
	s = runtime_text(arena,
		"\tstatic const rt_conv d0 = {1, 6, 14, 14, 16, 10, 10, 5, 5, 1, "
		"1, 0, 0, 1, 1, 1, 16};\n\trt_conv_forward(&d0, x, w, b, y, "
		"0);\n");
	cr_expect_not_null(strstr(s, "#define RT_CONV_FIVE 1\n"));
	cr_expect_not_null(strstr(s, "#define RT_CONV_OTHER 0\n"));
	s = runtime_text(arena,
		"\tstatic const rt_conv d0 = {1, 8, 16, 16, 8, 8, 8, 3, 3, 2, "
		"2, 0, 0, 1, 1, 8, 8};\n\trt_depth_grad_input(&d0, y, w, x);\n"
		"\tstatic const rt_conv d0 = {1, 8, 9, 9, 8, 9, 9, 5, 5, 1, 1, "
		"2, 2, 1, 1, 8, 8};\n\trt_depth_forward(&d0, x, w, b, y);\n");
	cr_expect_not_null(strstr(s, "#define RT_DEPTH_FIVE 1\n"));
	cr_expect_not_null(strstr(s, "#define RT_PADS_BARE 1\n"));
	cr_expect_null(strstr(s, "#define RT_CONV_GOES_ON 1"));
	s = runtime_text(arena, "rt_conv_forward(d, x, w, b, y, 0);");
	cr_expect_null(strstr(s, "#define RT_CONV_STRIDE 1"));
}

/* Without one there is nothing of it: neither does the text change. */
Test(backend_text, runtime_knows_gradients_that_go_on)
{
	static const char conv[] =
		"\tstatic const rt_conv d0 = {1, 6, 14, 14, 16, 10, 10, 5, 5, 1, "
		"1, 0, 0, 1, 1, 1, 16};\n\trt_conv_grad_weight(&d0, 1.0f, x, y,"
		" %s, w, 0);\n";
	const char *last = arena_printf(arena, conv, "0.0f");
	const char *goes_on = arena_printf(arena, conv, "RT_GO_ON");
	const char *s = runtime_text(arena, arena_printf(arena, "%s%s", goes_on,
	                                                 last));
	cr_expect_not_null(strstr(s, "#define RT_CONV_GOES_ON 1\n"));
	cr_expect_null(strstr(s, "#define RT_GEMM_GOES_ON 1\n"));
	s = runtime_text(arena, arena_printf(arena, "%s/* RT_GO_ON */", last));
	cr_expect_null(strstr(s, "#define RT_CONV_GOES_ON 1\n"));
	s = runtime_text(arena, "rt_gemm(1, 0, 4, 4, 2, 1.0f, a, 4, b, 4, 0.0f, "
	                 "y, 4, 0);\n\trt_gemm(1, 0, 4, 4, 2, 1.0f, a, 4, b, 4,"
	                 "\n\t\tRT_GO_ON, y, 4, 0);");
	cr_expect_not_null(strstr(s, "#define RT_GEMM_GOES_ON 1\n"));
	cr_expect_null(strstr(s, "#define RT_CONV_GOES_ON 1\n"));
}
