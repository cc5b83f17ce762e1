#include "backend/writer.h"

#include <stdarg.h>
#include <string.h>

enum { TAB = 8, COLUMNS = 80 };

static void reserve(Writer *w, size_t more)
{
	if (w->length + more < w->max)
		return;
	size_t max = 2 * (w->max + more) + 256;
	char *bigger = arena_alloc(w->arena, max);
	if (w->length)
		memcpy(bigger, w->line, w->length);
	w->line = bigger;
	w->max = max;
}

static void put(Writer *w, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	reserve(w, (size_t)n + 1);
	vsnprintf(w->line + w->length, (size_t)n + 1, fmt, ap);
	w->length += (size_t)n;
}

void w_put(Writer *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put(w, fmt, ap);
	va_end(ap);
}

static void tabs(Writer *w, int n)
{
	for (int i = 0; i < n; i++)
		fputc('\t', w->out);
}

/* Where to break s of n characters so that it fits `room`: n if it does; at
 * the last space, or the first there is. Code is rather broken after a comma in
 * the second half, and its quoted text stays whole. */
static size_t break_at(const char *s, size_t n, size_t room, bool code)
{
	size_t space = 0, comma = 0;
	bool quoted = false;
	if (n <= room)
		return n;
	for (size_t i = 1; i < n && (i <= room || !space); i++) {
		if (code && s[i] == '"' && s[i - 1] != '\\')
			quoted = !quoted;
		if (s[i] != ' ' || quoted)
			continue;
		space = i;
		if (s[i - 1] == ',')
			comma = i;
	}
	if (code && comma > room / 2)
		return comma;
	return space ? space : n;
}

void w_end(Writer *w)
{
	const char *s = w->line;
	size_t n = w->length;
	int indent = w->indent;
	while (n) {
		int used = TAB * indent;
		size_t room = used < COLUMNS - 40 ? (size_t)(COLUMNS - used) : 40;
		size_t at = break_at(s, n, room, true);
		tabs(w, indent);
		fwrite(s, 1, at, w->out);
		if (at == n)
			break;
		fputc('\n', w->out);
		s += at + 1;
		n -= at + 1;
		indent = w->indent + 1;
	}
	fputc('\n', w->out);
	w->length = 0;
}

void w_line(Writer *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put(w, fmt, ap);
	va_end(ap);
	w_end(w);
}

void w_open(Writer *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put(w, fmt, ap);
	va_end(ap);
	w_end(w);
	w->indent++;
}

void w_close(Writer *w, const char *text)
{
	w->indent--;
	w_line(w, "%s", text);
}

/* A comment of one line if it fits, else a block of lines. */
void w_comment(Writer *w, const char *text)
{
	size_t room = (size_t)(COLUMNS - TAB * w->indent - 3), n = strlen(text);
	if (n + 3 <= room && !strchr(text, '\n')) {
		w_line(w, "/* %s */", text);
		return;
	}
	tabs(w, w->indent);
	fputs("/*\n", w->out);
	while (*text) {
		n = strcspn(text, "\n");
		size_t at = break_at(text, n, room, false);
		tabs(w, w->indent);
		fprintf(w->out, " *%s%.*s\n", at ? " " : "", (int)at, text);
		text += at;
		text += *text != 0;
	}
	tabs(w, w->indent);
	fputs(" */\n", w->out);
}

void w_raw(Writer *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vfprintf(w->out, fmt, ap);
	va_end(ap);
}

void w_strip_parens(Writer *w, size_t at)
{
	char *s = w->line + at;
	size_t n = w->length - at;
	int depth = 0;
	if (n < 2 || s[0] != '(' || s[n - 1] != ')')
		return;
	for (size_t i = 0; i < n; i++) {
		depth += (s[i] == '(') - (s[i] == ')');
		if (depth == 0 && i + 1 < n)
			return;
	}
	memmove(s, s + 1, n - 2);
	w->length -= 2;
}
