#include "backend/c_text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keywords of C and of C++ (which may include the header), and the library's
 * names that emitted code uses. Macros are in capitals and never collide. */
static const char *const reserved[] = {
	"alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor",
	"bool", "break", "case", "catch", "char", "class", "compl", "concept",
	"const", "const_cast", "consteval", "constexpr", "constinit",
	"continue", "co_await", "co_return", "co_yield", "decltype", "default",
	"delete", "do", "double", "dynamic_cast", "else", "enum", "explicit",
	"export", "extern", "false", "float", "for", "friend", "goto", "if",
	"inline", "int", "long", "mutable", "namespace", "new", "noexcept",
	"not", "not_eq", "nullptr", "operator", "or", "or_eq", "private",
	"protected", "public", "register", "reinterpret_cast", "requires",
	"restrict", "return", "short", "signed", "sizeof", "static",
	"static_assert", "static_cast", "struct", "switch", "template", "this",
	"thread_local", "throw", "true", "try", "typedef", "typeid", "typename",
	"typeof", "union", "unsigned", "using", "virtual", "void", "volatile",
	"wchar_t", "while", "xor", "xor_eq",
	"int8_t", "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t",
	"uint32_t", "uint64_t", "size_t", "ptrdiff_t",
	"memcpy", "memset", "memcmp", "fmod", "pow", "fabs", "sqrt", "exp",
	"log", "log1p", "expm1", "tanh", "erf", "sin", "cos", "floor", "ceil",
	"rint", "fmodf", "powf", "fabsf", "sqrtf", "expf", "logf", "log1pf",
	"expm1f", "tanhf", "erff", "sinf", "cosf", "floorf", "ceilf", "rintf",
	"tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
	"tanf", "asinf", "acosf", "atanf", "sinhf", "coshf", "asinhf", "acoshf",
	"atanhf",
	"main", "linux", "unix", "i386", "arm",
};

/* What emitted functions call their own variables: i0, t1, d2, k. */
static bool is_local(const char *s)
{
	if (!strcmp(s, "k"))
		return true;
	return strchr("itd", s[0]) && s[1] &&
	       strspn(s + 1, "0123456789") == strlen(s + 1);
}

static bool is_reserved(const Names *names, const char *s)
{
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (!strcmp(reserved[i], s))
			return true;
	size_t n = names->prefix ? strlen(names->prefix) : 0;
	return is_local(s) || !strncmp(s, "rt_", 3) ||
	       (n && !strncmp(s, names->prefix, n) && s[n] == '_');
}

static bool taken(const Names *names, const char *s)
{
	for (int i = 0; i < names->n; i++)
		if (!strcmp(names->name[i], s))
			return true;
	return false;
}

static void remember(Names *names, const char *s)
{
	if (names->n == names->max) {
		int max = 2 * names->max + 16;
		const char **bigger = arena_array(names->arena, const char *,
		                                  max);
		if (names->n)
			memcpy(bigger, names->name,
			       sizeof *bigger * (size_t)names->n);
		names->name = bigger;
		names->max = max;
	}
	names->name[names->n++] = s;
}

enum { MAX_IDENTIFIER = 40 };

const char *c_identifier(Arena *a, const char *text)
{
	char s[MAX_IDENTIFIER + 1];
	int n = 0;
	bool lower = false;
	for (; *text && n < MAX_IDENTIFIER; text++) {
		unsigned char c = (unsigned char)*text;
		bool word = c < 128 && isalnum(c);
		if (!word && (n == 0 || s[n - 1] == '_'))
			continue;
		s[n++] = word ? (char)c : '_';
		lower |= islower(c) != 0;
	}
	while (n && s[n - 1] == '_')
		n--;
	for (int i = 0; i < n && !lower && n > 1; i++)
		s[i] = (char)tolower((unsigned char)s[i]);
	return arena_strndup(a, s, (size_t)n);
}

const char *names_unique(Names *names, const char *text)
{
	const char *base = c_identifier(names->arena, text);
	if (!*base || (!names->prefixed && isdigit((unsigned char)base[0])))
		base = arena_printf(names->arena, "x%s", base);
	if (!names->prefixed && is_reserved(names, base))
		base = arena_printf(names->arena, "x_%s", base);
	const char *s = base;
	for (int i = 2; taken(names, s); i++)
		s = arena_printf(names->arena, "%s_%d", base, i);
	remember(names, s);
	return s;
}

const char *c_upper(Arena *a, const char *text)
{
	char *s = arena_strndup(a, text, strlen(text));
	for (char *c = s; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return s;
}

void c_decimal(float x, char text[static 32])
{
	if (isnan(x)) {
		snprintf(text, 32, "NAN");
		return;
	}
	if (isinf(x)) {
		snprintf(text, 32, x < 0 ? "-INFINITY" : "INFINITY");
		return;
	}
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, 32, "%.*g", digits, (double)x);
		if (strtof(text, NULL) == x)
			break;
	}
	if (!strpbrk(text, ".e"))
		strcat(text, ".0");
}

static const char *float_text(Arena *a, float x)
{
	char s[32];
	c_decimal(x, s);
	const char *suffix = isfinite(x) ? "f" : "";
	return arena_printf(a, signbit(x) ? "(%s%s)" : "%s%s", s, suffix);
}

static const char *double_text(Arena *a, double x)
{
	char s[40];
	if (isnan(x))
		return "(double)NAN";
	if (isinf(x))
		return x < 0 ? "(-(double)INFINITY)" : "(double)INFINITY";
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(s, sizeof s, "%.*g", digits, x);
		if (strtod(s, NULL) == x)
			break;
	}
	if (!strpbrk(s, ".e"))
		strcat(s, ".0");
	return arena_printf(a, signbit(x) ? "(%s)" : "%s", s);
}

static const char *int64_text(Arena *a, int64_t x)
{
	if (x == INT64_MIN)
		return "(-INT64_C(9223372036854775807) - 1)";
	return arena_printf(a, x < 0 ? "(-INT64_C(%lld))" : "INT64_C(%lld)",
	                    x < 0 ? -(long long)x : (long long)x);
}

static const char *int32_text(Arena *a, int32_t x)
{
	if (x == INT32_MIN)
		return "(-2147483647 - 1)";
	return arena_printf(a, x < 0 ? "(%ld)" : "%ld", (long)x);
}

const char *c_number(Arena *a, DType type, Scalar x)
{
	switch (type) {
	case DT_F32:
		return float_text(a, (float)x.f);
	case DT_F64:
		return double_text(a, x.f);
	case DT_I64:
		return int64_text(a, x.i);
	default:
		return int32_text(a, (int32_t)(uint32_t)(uint64_t)x.i);
	}
}

const char *c_comment(Arena *a, const char *text)
{
	if (!text)
		return "";
	char *s = arena_strndup(a, text, strlen(text));
	for (char *c = s; *c; c++)
		if (*c < 32 || *c > 126)
			*c = '.';
		else if ((c[0] == '*' && c[1] == '/') ||
		         (c[0] == '/' && c[1] == '*'))
			c[1] = '.';
	return s;
}

const char *c_string(Arena *a, const char *text)
{
	char *s = arena_alloc(a, 4 * strlen(text) + 3), *to = s;
	*to++ = '"';
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 32 || c > 126)
			to += snprintf(to, 5, "\\%03o", c);
		else if (strchr("\"\\?", c))
			to += snprintf(to, 3, "\\%c", c);
		else
			*to++ = (char)c;
	}
	*to++ = '"';
	return s;
}
