#include "frontend/text_fit.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A character: its bytes, and the columns that it takes. size 0: there is none;
 * bad: the byte is to be shown as a question mark. */
typedef struct Glyph {
	int size, columns;
	bool bad;
} Glyph;

static bool within(uint32_t c, const uint32_t (*range)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= range[i][0] && c <= range[i][1])
			return true;
	return false;
}

#define WITHIN(c, table) within(c, table, sizeof table / sizeof table[0])

/* The blocks of Unicode Standard Annex 11 whose characters are wide, and the
 * common ones that take no column. */
static int columns_of(uint32_t c)
{
	static const uint32_t none[][2] = {
		{0x300, 0x36f}, {0x200b, 0x200f}, {0x202a, 0x202e},
		{0x2060, 0x2069}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
	};
	static const uint32_t wide[][2] = {
		{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3},
		{0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60},
		{0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
	};
	return WITHIN(c, none) ? 0 : WITHIN(c, wide) ? 2 : 1;
}

/* Neither overlong, nor a surrogate, nor a control character. */
static bool is_shown(uint32_t c, int size)
{
	static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};
	return c >= least[size] && c != 0x7f && c <= 0x10ffff &&
	       (c < 0xd800 || c > 0xdfff) && (c < 0x202a || c > 0x202e);
}

static Glyph glyph_at(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	int size = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2
	         : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
	if (!s[0])
		return (Glyph){0};
	uint32_t c = size == 1 ? s[0] : s[0] & (0x7fu >> size);
	for (int i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return (Glyph){1, 1, true};
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (!size || !is_shown(c, size))
		return (Glyph){size ? size : 1, 1, true};
	return (Glyph){size, columns_of(c), false};
}

int text_columns(const char *text)
{
	int n = 0;
	for (Glyph g; (g = glyph_at(text)).size; text += g.size)
		n += g.columns;
	return n;
}

/* Those characters of the text that begin in the columns [from, to) and end
 * there too. */
static char *copy_columns(char *to, const char *text, int from, int end)
{
	int at = 0;
	for (Glyph g; (g = glyph_at(text)).size; text += g.size) {
		if (at >= from && at + g.columns <= end) {
			memcpy(to, g.bad ? "?" : text,
			       g.bad ? 1 : (size_t)g.size);
			to += g.bad ? 1 : g.size;
		}
		at += g.columns;
	}
	return to;
}

char *text_fit(Arena *a, const char *text, int width)
{
	static const char gap[] = "..";
	int all = text_columns(text), left = width - (int)sizeof gap + 1;
	char *fitted = arena_array(a, char, strlen(text) + sizeof gap);
	char *end = copy_columns(fitted, text, 0,
	                         all <= width ? all : (left + 1) / 2);
	if (all <= width)
		return fitted;
	memcpy(end, gap, sizeof gap - 1);
	copy_columns(end + sizeof gap - 1, text, all - left / 2, all);
	return fitted;
}

char *text_cell(Arena *a, const char *text, int width)
{
	char *fitted = text_fit(a, text, width);
	return arena_printf(a, "%s%*s", fitted, width - text_columns(fitted),
	                    "");
}
