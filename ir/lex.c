#include "ir/lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

Loc lex_loc(const Lexer *l)
{
	return (Loc){arena_printf(l->unit->arena, "line %d", l->line), NULL};
}

void lex_fail(Lexer *l, const char *fmt, ...)
{
	if (l->failed)
		return;
	char message[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	error_at(l->unit, lex_loc(l), "%s", message);
	l->failed = true;
	l->kind = LEX_END;
	l->text = "";
}

static void skip_space(Lexer *l)
{
	for (;; l->at++) {
		if (*l->at == '#')
			l->at += strcspn(l->at, "\n");
		if (*l->at == '\n')
			l->line++;
		else if (!isspace((unsigned char)*l->at))
			return;
	}
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;
	return found ? (int)(found - digits) : -1;
}

/* One character of a string, at l->at; -1: no such escape. */
static int string_char(Lexer *l)
{
	char c = *l->at++;
	if (c != '\\')
		return (unsigned char)c;
	c = *l->at;
	if (c == '"' || c == '\\') {
		l->at++;
		return c;
	}
	int hi = c == 'x' ? hex_digit(l->at[1]) : -1;
	int lo = hi < 0 ? -1 : hex_digit(l->at[2]);
	if (lo < 0 || hi + lo == 0)
		return -1;
	l->at += 3;
	return hi * 16 + lo;
}

static void lex_string(Lexer *l)
{
	size_t most = strcspn(l->at, "\n"), n = 0;
	char *s = arena_alloc(l->unit->arena, most + 1);
	while (*l->at != '"') {
		int c = *l->at && *l->at != '\n' ? string_char(l) : -1;
		if (c < 0) {
			lex_fail(l, "a string is not closed, or has an unknown "
			         "escape");
			return;
		}
		s[n++] = (char)c;
	}
	l->at++;
	l->text = s;
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_name_char(char c)
{
	return c && (is_word_char(c) || strchr("./:-", c));
}

static void lex_chars(Lexer *l, bool (*belongs)(char))
{
	const char *start = l->at;
	while (belongs(*l->at))
		l->at++;
	l->text = arena_strndup(l->unit->arena, start,
	                        (size_t)(l->at - start));
}

static bool starts_number(const char *s)
{
	if (*s == '+' || *s == '-')
		s++;
	return isdigit((unsigned char)*s) || !strncmp(s, "inf", 3) ||
	       !strncmp(s, "nan", 3);
}

static void lex_number(Lexer *l)
{
	char *end;
	strtod(l->at, &end);
	l->text = arena_strndup(l->unit->arena, l->at,
	                        (size_t)(end - l->at));
	l->at = end;
}

static void lex_mark(Lexer *l)
{
	size_t len = l->at[0] == '-' && l->at[1] == '>' ? 2 : 1;
	l->text = arena_strndup(l->unit->arena, l->at, len);
	l->at += len;
}

void lex_next(Lexer *l)
{
	if (l->failed)
		return;
	skip_space(l);
	if (!*l->at) {
		l->kind = LEX_END;
		l->text = "";
	} else if (*l->at == '"') {
		l->kind = LEX_STRING;
		l->at++;
		lex_string(l);
	} else if (*l->at == '%') {
		l->kind = LEX_NAME;
		if (*++l->at == '"') {
			l->at++;
			lex_string(l);
		} else {
			lex_chars(l, is_name_char);
		}
	} else if (starts_number(l->at)) {
		l->kind = LEX_NUMBER;
		lex_number(l);
	} else if (is_word_char(*l->at)) {
		l->kind = LEX_WORD;
		lex_chars(l, is_word_char);
	} else {
		l->kind = LEX_MARK;
		lex_mark(l);
	}
}

void lex_start(Lexer *l, Unit *u, const char *text)
{
	*l = (Lexer){.unit = u, .at = text, .line = 1, .text = ""};
	lex_next(l);
}

bool lex_is(const Lexer *l, LexKind kind, const char *text)
{
	return l->kind == kind && !strcmp(l->text, text);
}

bool lex_take(Lexer *l, LexKind kind, const char *text)
{
	if (!lex_is(l, kind, text))
		return false;
	lex_next(l);
	return true;
}

static const char *found(const Lexer *l)
{
	return l->kind == LEX_END ? "the end" : l->text;
}

void lex_expect(Lexer *l, LexKind kind, const char *text)
{
	if (!lex_take(l, kind, text))
		lex_fail(l, "expected '%s', found '%.40s'", text, found(l));
}

const char *lex_text(Lexer *l, LexKind kind, const char *what)
{
	const char *text = l->text;
	if (l->kind != kind) {
		lex_fail(l, "expected %s, found '%.40s'", what, found(l));
		return "";
	}
	lex_next(l);
	return l->failed ? "" : text;
}

int64_t lex_int(Lexer *l)
{
	int line = l->line;
	const char *text = lex_text(l, LEX_NUMBER, "an integer");
	char *end;
	errno = 0;
	long long x = strtoll(text, &end, 10);
	if (!l->failed && (*end || errno)) {
		l->line = line;
		lex_fail(l, "'%.40s' is not a 64-bit integer", text);
	}
	return l->failed ? 0 : x;
}

double lex_float(Lexer *l)
{
	const char *text = lex_text(l, LEX_NUMBER, "a number");
	return l->failed ? 0 : strtod(text, NULL);
}
