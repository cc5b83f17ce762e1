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

static const char include[] = "#include \"runtime/";

/* Lines of the file, with headers in place of the lines that include them. */
static void print_file(FILE *out, bool done[], int file)
{
	if (done[file])
		return;
	done[file] = true;
	for (const char *s = runtime_files[file].text; *s;) {
		size_t n = strcspn(s, "\n");
		n += s[n] == '\n';
		if (strncmp(s, include, sizeof include - 1)) {
			fwrite(s, 1, n, out);
		} else {
			const char *name = strchr(s, '"') + 1;
			int header = find_file(name, strcspn(name, "\""));
			if (header >= 0)
				print_file(out, done, header);
		}
		s += n;
	}
}

const char *runtime_text(Arena *a, const char *program)
{
	bool needed[MAX_FILES] = {0}, done[MAX_FILES] = {0}, any = false;
	char *text;
	size_t n;
	need(needed, program);
	FILE *out = open_memstream(&text, &n);
	for (int i = 0; runtime_files[i].name; i++)
		if (needed[i]) {
			print_file(out, done, i);
			any = true;
		}
	fclose(out);
	const char *copy = any ? arena_strndup(a, text, n) : NULL;
	free(text);
	return copy;
}
