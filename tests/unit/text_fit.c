/* Names in columns: within the width, valid UTF-8, both ends kept. */
#include "frontend/text_fit.h"

#include <criterion/criterion.h>

static void is_fitted(const char *text, int width, const char *expected)
{
	Arena *a = arena_create();
	const char *fitted = text_fit(a, text, width);
	cr_assert_str_eq(fitted, expected);
	cr_assert_leq(text_columns(fitted), width);
	const char *cell = text_cell(a, text, width);
	cr_assert_eq(text_columns(cell), width);
	arena_destroy(a);
}

Test(text_fit, shortens_in_the_middle)
{
	is_fitted("relu", 8, "relu");
	is_fitted("encoder0", 8, "encoder0");
	is_fitted("encoder10", 8, "enc..r10");
	is_fitted("encoder.layer.11.output", 12, "encod..utput");
	is_fitted("encoder.layer.11.output", 5, "en..t");
	is_fitted("", 5, "");
}

Test(text_fit, counts_characters)
{
	is_fitted("gr\u00fc\u00dfe", 5, "gr\u00fc\u00dfe");
	is_fitted("\u00e4\u00f6\u00fc\u00df\u00e9\u00e8", 5, "\u00e4\u00f6..\u00e8");
	/* Wide ones take two columns, and are not halved. */
	is_fitted("\u5c64\u5c64\u5c64", 6, "\u5c64\u5c64\u5c64");
	is_fitted("\u5c64\u5c64\u5c64\u5c64", 7, "\u5c64..\u5c64");
	/* A combining mark takes none. */
	is_fitted("e\u0301e\u0301e\u0301e\u0301e\u0301", 5,
	          "e\u0301e\u0301e\u0301e\u0301e\u0301");
}

Test(text_fit, shows_no_broken_bytes)
{
	is_fitted("a\nb\tc\x7f", 8, "a?b?c?");
	is_fitted("\xc3", 5, "?");
	is_fitted("a\xff" "b\xe2\x82", 8, "a?b??");
	is_fitted("\xed\xa0\x80", 5, "?");          /* a surrogate */
	is_fitted("\xc0\xaf" "x", 5, "?x");         /* overlong */
	is_fitted("a\u202e" "b", 5, "a?b");         /* turns the line around */
}
