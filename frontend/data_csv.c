/*
 * Tables of numbers as text. The separator is the first of comma, semicolon
 * and tab that the first line has, else blanks; a first line that has a field
 * which is not a number is a header. Fields may be in double quotes.
 */
#include "frontend/data.h"
#include "frontend/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Csv {
	Unit *unit;
	const char *path;
	const char *at;       /* the text ends with a NUL */
	char separator;       /* ' ': any run of blanks */
	int64_t line;
} Csv;

static bool line_ends(const char *c)
{
	return !*c || *c == '\n' || *c == '\r';
}

static void next_line(Csv *c)
{
	c->at += strcspn(c->at, "\r\n");
	if (*c->at == '\r')
		c->at++;
	if (*c->at == '\n')
		c->at++;
	c->line++;
}

/* Blank lines, wherever they are, count for nothing. */
static void skip_blank(Csv *c)
{
	while (*c->at && line_ends(c->at + strspn(c->at, " \t")))
		next_line(c);
}

static const char *skip_blanks(const Csv *c, const char *at)
{
	return at + strspn(at, c->separator == '\t' ? " " : " \t");
}

/* One field, and whether another follows. False: what c->at points to is not
 * a number. */
static bool read_field(Csv *c, double *x, bool *more)
{
	char *end;
	const char *start = skip_blanks(c, c->at);
	bool quoted = *start == '"';
	c->at = start;
	if (line_ends(start))
		return false;
	*x = strtod(start + quoted, &end);
	if (end == start + quoted || (quoted && *end++ != '"'))
		return false;
	const char *after = skip_blanks(c, end);
	*more = !line_ends(after);
	if (*more && c->separator != ' ' && *after++ != c->separator)
		return false;
	if (*more && c->separator == ' ' && after == end)
		return false;
	c->at = after;
	return true;
}

/* The number of fields of the line at c->at; -1: what *bad points to is not a
 * number. */
static int64_t count_fields(Csv c, const char **bad)
{
	int64_t n = 0;
	bool more = true;
	for (double x; more; n++)
		if (!read_field(&c, &x, &more)) {
			*bad = c.at;
			return -1;
		}
	return n;
}

static void field_error(Csv *c, const char *bad)
{
	int len = (int)strcspn(bad, ",;\t\r\n");
	file_error(c->unit, c->path, "line %lld: '%.*s' is not a number",
	           (long long)c->line, len > 40 ? 40 : len, bad);
}

static int64_t count_lines(Csv c)
{
	int64_t n = 0;
	for (skip_blank(&c); *c.at; skip_blank(&c)) {
		next_line(&c);
		n++;
	}
	return n;
}

static bool read_table(Csv *c, int64_t rows, int64_t columns, double *table)
{
	const char *bad;
	bool more;
	for (int64_t r = 0; r < rows; r++, next_line(c)) {
		skip_blank(c);
		int64_t n = count_fields(*c, &bad);
		if (n != columns) {
			if (n < 0)
				field_error(c, bad);
			else
				file_error(c->unit, c->path, "line %lld has "
				           "%lld columns, expected %lld",
				           (long long)c->line, (long long)n,
				           (long long)columns);
			return false;
		}
		for (int64_t i = 0; i < columns; i++)
			read_field(c, table++, &more);
	}
	return true;
}

/* Separates the label's column from the others. */
static void split_table(Unit *u, const double *table, int64_t rows,
                        int64_t columns, int64_t label, DataSet *d)
{
	int64_t rest = columns - (label >= 0);
	double *x = arena_array(u->arena, double, rows * rest + 1), *y = NULL;
	d->ncolumns = 1;
	d->column[0] = (Array){DT_F64, {2, {rows, rest}}, x};
	if (label >= 0) {
		y = arena_array(u->arena, double, rows);
		d->column[d->ncolumns++] = (Array){DT_F64, {1, {rows}}, y};
	}
	for (int64_t r = 0; r < rows; r++)
		for (int64_t i = 0; i < columns; i++, table++)
			*(i == label ? y++ : x++) = *table;
}

static bool find_label(Csv *c, int64_t columns, int *label)
{
	if (*label == LABEL_LAST)
		*label = (int)columns - 1;
	if (*label < columns && (*label < 0 || columns > 1))
		return true;
	file_error(c->unit, c->path, "has %lld columns; the label cannot be "
	           "in column %d", (long long)columns, *label + 1);
	return false;
}

static char find_separator(const char *line)
{
	size_t len = strcspn(line, "\r\n");
	for (const char *s = ",;\t"; *s; s++)
		if (memchr(line, *s, len))
			return *s;
	return ' ';
}

bool csv_parse(Unit *u, const char *path, const char *text, size_t size,
               int label, DataSet *d)
{
	Csv c = {u, path, text, ' ', 1};
	const char *bad;
	if (memchr(text, '\0', size)) {
		file_error(u, path, "is not text: it holds zero bytes");
		return false;
	}
	if (!strncmp(text, "\xef\xbb\xbf", 3))
		c.at += 3;
	skip_blank(&c);
	c.separator = find_separator(c.at);
	if (*c.at && count_fields(c, &bad) < 0)
		next_line(&c);
	skip_blank(&c);
	int64_t rows = count_lines(c);
	if (!rows) {
		file_error(u, path, "has no line of numbers");
		return false;
	}
	int64_t columns = count_fields(c, &bad);
	if (columns < 0) {
		field_error(&c, bad);
		return false;
	}
	if (!find_label(&c, columns, &label))
		return false;
	double *table = arena_array(u->arena, double, rows * columns);
	if (!read_table(&c, rows, columns, table))
		return false;
	split_table(u, table, rows, columns, label, d);
	return true;
}
