#include "backend/c_runtime.h"

#include "backend/c_runtime_files.h"
#include "ir/conv.h"
#include "ir/memo.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 96 };   /* of runtime/ */

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

typedef struct Needs {
	FILE *out;
	int n, order[MAX_FILES];   /* the sources, each after those it calls */
	bool needed[MAX_FILES], done[MAX_FILES];
} Needs;

static const char *skip_comment(const char *s)
{
	const char *end = strstr(s + 2, "*/");
	return end ? end + 2 : s + strlen(s);
}

static void need(Needs *o, const char *text)
{
	for (const char *s = text; *s;) {
		if (s[0] == '/' && s[1] == '*') {
			s = skip_comment(s);
			continue;
		}
		size_t n = word_length(s);
		int file = n > 3 && !strncmp(s, "rt_", 3) ? find_source(s, n)
		                                          : -1;
		if (file >= 0 && !o->needed[file]) {
			o->needed[file] = true;
			need(o, runtime_files[file].text);
			o->order[o->n++] = file;
		}
		s += n ? n : 1;
	}
}

/* ---- printing ---- */

static const char include[] = "#include \"runtime/";
static const char license[] = "/* SPDX-License-Identifier: 0BSD */";
static const char prototypes[] = "#ifdef RT_PROTOTYPES";

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static const char *next_line(const char *s)
{
	s += strcspn(s, "\n");
	return s + (*s == '\n');
}

static const char *skip_condition(const char *s)
{
	int depth = 0;
	do {
		depth += starts(s, "#if") - starts(s, "#endif");
		s = next_line(s);
	} while (depth && *s);
	return s;
}

static int find_header(const char *line)
{
	const char *name = strchr(line, '"') + 1;
	size_t n = strcspn(name, "\"");
	for (int i = 0; runtime_files[i].name; i++)
		if (strlen(runtime_files[i].name) == n &&
		    !memcmp(runtime_files[i].name, name, n))
			return i;
	return -1;
}

/* A header is printed where it is first included. Prototypes are left out: a
 * static function must not be declared without being defined. */
static void print_file(Needs *o, int file)
{
	if (file < 0 || o->done[file])
		return;
	o->done[file] = true;
	for (const char *s = runtime_files[file].text; *s;) {
		const char *next = next_line(s);
		if (starts(s, prototypes))
			next = skip_condition(s);
		else if (starts(s, include))
			print_file(o, find_header(s));
		else if (!starts(s, license))
			fwrite(s, 1, (size_t)(next - s), o->out);
		s = next;
	}
	fputc('\n', o->out);
}

/* ---- what its convolutions are at most ---- */

static void limit(int64_t *most, int64_t n)
{
	if (n > *most)
		*most = n;
}

void conv_limits_add(ConvLimits *l, const char *fn,
                     const int64_t f[CONV_NUMBERS])
{
	enum { KH = 7, KW, SH, SW, PH, PW, DW = 14 };
	bool depth = starts(fn, "rt_depth_");
	l->bare |= f[SH] == 2 && f[SW] == 2 &&
	           (f[PH] < f[KH] / 2 || f[PW] < f[KW] / 2);
	limit(depth ? &l->depth_stride : &l->stride,
	      f[SH] > f[SW] ? f[SH] : f[SW]);
	l->depth_five |= depth && f[KH] == 5 && f[KW] == 5;
	if (depth)
		return;
	limit(&l->span, 3 * f[SW] + 1 + (f[KW] - 1) * f[DW]);
	l->three |= f[KW] == 3;
	l->five |= f[KW] == 5;
	l->other |= !conv_has_form(f);
}

void conv_limits_go_on(ConvLimits *l, const char *fn)
{
	*(starts(fn, "rt_gemm") ? &l->gemm_goes_on : &l->goes_on) = true;
}

/* Does it begin with a call that goes on from what is there? */
static bool goes_on(const char *call)
{
	const char *on = strstr(call, "RT_GO_ON");
	return on && on < call + strcspn(call, ";");
}

/* One: the numbers of its rt_conv, then the call. */
static void limit_by(ConvLimits *l, const char *s)
{
	int64_t f[CONV_NUMBERS];
	for (int i = 0; i < CONV_NUMBERS; i++, s++) {
		char *end;
		f[i] = strtol(s, &end, 10);
		s = end;
	}
	const char *call = strstr(s, "rt_");
	if (!call)
		return;
	conv_limits_add(l, call, f);
	if (goes_on(call))
		conv_limits_go_on(l, call);
}

static void print_limits(FILE *out, const char *program)
{
	static const char conv[] = "static const rt_conv ", gemm[] = "rt_gemm";
	ConvLimits l = {0};
	for (const char *s = program; (s = strstr(s, conv)); s++)
		limit_by(&l, strchr(s, '{') + 1);
	for (const char *s = program; (s = strstr(s, gemm)); s++)
		if (goes_on(s))
			conv_limits_go_on(&l, s);
	if (l.stride || l.depth_stride)
		fprintf(out, "#define RT_PADS_BARE %d\n", l.bare);
	if (l.depth_stride)
		fprintf(out, "#define RT_DEPTH_STRIDE %lld\n"
		        "#define RT_DEPTH_FIVE %d\n",
		        (long long)l.depth_stride, l.depth_five);
	if (l.stride)
		fprintf(out, "#define RT_CONV_STRIDE %lld\n"
		        "#define RT_CONV_SPAN %lld\n"
		        "#define RT_CONV_THREE %d\n"
		        "#define RT_CONV_FIVE %d\n"
		        "#define RT_CONV_OTHER %d\n", (long long)l.stride,
		        (long long)l.span, l.three, l.five, l.other);
	if (l.goes_on)
		fputs("#define RT_CONV_GOES_ON 1\n", out);
	if (l.gemm_goes_on)
		fputs("#define RT_GEMM_GOES_ON 1\n", out);
}

const char *runtime_text(Arena *a, const char *program)
{
	Needs o = {0};
	Memo m;
	need(&o, program);
	if (!o.n)
		return NULL;
	memo_open(&m);
	o.out = m.f;
	print_limits(o.out, program);
	for (int i = 0; i < o.n; i++)
		print_file(&o, o.order[i]);
	return memo_close(&m, a);
}
