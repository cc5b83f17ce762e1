#include "backend/c_runtime.h"

#include "backend/c_runtime_files.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 64 };   /* of runtime/ */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t word_length(const char *s)
{
	size_t n = 0;
	while (is_word(s[n]))
		n++;
	return n;
}

/* Does the text define a function of that name (n characters)? Definitions
 * begin with RT_API; the name is what stands before the first parenthesis. */
static bool defines(const char *text, const char *name, size_t n)
{
	for (const char *s = text; (s = strstr(s, "RT_API ")); s++) {
		const char *paren = strchr(s, '(');
		if (paren && (size_t)(paren - s) > n &&
		    !memcmp(paren - n, name, n) && !is_word(paren[-(int)n - 1]))
			return true;
	}
	return false;
}

static bool is_source(const RuntimeFile *f)
{
	return f->name[strlen(f->name) - 1] == 'c';
}

/* The number of the source that defines a function; -1: none. */
static int find_source(const char *name, size_t n)
{
	for (int i = 0; runtime_files[i].name && i < MAX_FILES; i++)
		if (is_source(&runtime_files[i]) &&
		    defines(runtime_files[i].text, name, n))
			return i;
	return -1;
}

bool runtime_has(const char *fn)
{
	return find_source(fn, strlen(fn)) >= 0;
}

const char *runtime_name(const char *fn, bool blas)
{
	return blas && !strcmp(fn, "rt_gemm") ? "rt_gemm_blas" : fn;
}

/* ---- what a program needs ---- */

static const char *skip_comment(const char *s)
{
	const char *end = strstr(s + 2, "*/");
	return end ? end + 2 : s + strlen(s);
}

static void need(bool needed[], const char *text)
{
	for (const char *s = text; *s;) {
		if (s[0] == '/' && s[1] == '*') {
			s = skip_comment(s);
			continue;
		}
		size_t n = word_length(s);
		int file = n > 3 && !strncmp(s, "rt_", 3) ? find_source(s, n)
		                                          : -1;
		if (file >= 0 && !needed[file]) {
			needed[file] = true;
			need(needed, runtime_files[file].text);
		}
		s += n ? n : 1;
	}
}

static int find_file(const char *name, size_t n)
{
	for (int i = 0; runtime_files[i].name; i++)
		if (strlen(runtime_files[i].name) == n &&
		    !memcmp(runtime_files[i].name, name, n))
			return i;
	return -1;
}

/* ---- printing ---- */

typedef struct Output {
	FILE *out;
	bool needed[MAX_FILES], done[MAX_FILES];
} Output;

/* An item of a header: a comment, a declaration of a function, or a line. */
static size_t item_length(const char *s)
{
	const char *end = !strncmp(s, "/*", 2) ? strstr(s, "*/")
	                : !strncmp(s, "RT_API ", 7) ? strchr(s, ';') : s;
	end = end ? strchr(end, '\n') : NULL;
	return end ? (size_t)(end + 1 - s) : strlen(s);
}

/* A static function must not be declared without being defined. */
static bool is_needed(const Output *o, const char *declaration)
{
	const char *end = strchr(declaration, '(');
	const char *name = end;
	while (name > declaration && is_word(name[-1]))
		name--;
	int file = find_source(name, (size_t)(end - name));
	return file >= 0 && o->needed[file];
}

static void print_file(Output *, int file);
static const char include[] = "#include \"runtime/";

static void print_item(Output *o, const char *s, size_t n)
{
	if (strncmp(s, include, sizeof include - 1)) {
		fwrite(s, 1, n, o->out);
		return;
	}
	const char *name = strchr(s, '"') + 1;
	int header = find_file(name, strcspn(name, "\""));
	if (header >= 0)
		print_file(o, header);
}

/* A paragraph of a header: the comment goes with the functions it is about. */
static const char *print_paragraph(Output *o, const char *s)
{
	int kept = 0, dropped = 0;
	const char *end = s;
	while (*end && *end != '\n') {
		if (!strncmp(end, "RT_API ", 7))
			++*(is_needed(o, end) ? &kept : &dropped);
		end += item_length(end);
	}
	for (; s < end; s += item_length(s)) {
		bool function = !strncmp(s, "RT_API ", 7);
		bool comment = !strncmp(s, "/*", 2);
		if (function ? is_needed(o, s)
		             : !comment || kept || !dropped)
			print_item(o, s, item_length(s));
	}
	if (*end && (kept || !dropped))
		fputc('\n', o->out);
	return *end ? end + 1 : end;
}

/* A header is printed where it is first included. */
static void print_file(Output *o, int file)
{
	const char *s = runtime_files[file].text;
	if (o->done[file])
		return;
	o->done[file] = true;
	if (is_source(&runtime_files[file]))
		for (size_t n; *s; s += n) {
			n = strcspn(s, "\n");
			n += s[n] == '\n';
			print_item(o, s, n);
		}
	else
		while (*s)
			s = print_paragraph(o, s);
	fputc('\n', o->out);
}

const char *runtime_text(Arena *a, const char *program)
{
	Output o = {0};
	char *text;
	size_t n;
	need(o.needed, program);
	o.out = open_memstream(&text, &n);
	for (int i = 0; runtime_files[i].name; i++)
		if (o.needed[i])
			print_file(&o, i);
	fclose(o.out);
	const char *copy = n ? arena_strndup(a, text, n) : NULL;
	free(text);
	return copy;
}
