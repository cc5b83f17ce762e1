#include "frontend/pack_csv.h"

#include "frontend/files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	MOST_ERRORS = 20,
	MOST_ROWS = 1 << 24,
	MOST_COLUMNS = 256,
};

/* Times, and the sum of all sizes and alignments, stay below: nothing that
 * the packer adds up can overflow. */
static const int64_t most = INT64_C(1) << 61;

/* Part of a line, not of its own memory. */
typedef struct Text {
	const char *at;
	size_t len;
} Text;

typedef enum Column {
	COLUMN_ID, COLUMN_LOWER, COLUMN_UPPER, COLUMN_SIZE, COLUMN_ALIGN,
	COLUMN_OFFSET, NCOLUMNS
} Column;

static const char *const names[NCOLUMNS] = {
	"id", "lower", "upper", "size", "alignment", "offset"
};

typedef struct Reader {
	Unit *unit;
	const char *path, *at;
	int64_t line;
	int nerrors, ncolumns;
	int column[NCOLUMNS];    /* where it is; -1: nowhere */
	int64_t sum;
	Text field[MOST_COLUMNS];
} Reader;

/* ---- lines and fields ---- */

static Text trim(Text t)
{
	while (t.len && strchr(" \t", t.at[0]))
		t = (Text){t.at + 1, t.len - 1};
	while (t.len && strchr(" \t", t.at[t.len - 1]))
		t.len--;
	return t;
}

/* Moves to behind the line's end. */
static Text next_line(Reader *r)
{
	Text t = {r->at, strcspn(r->at, "\r\n")};
	r->at += t.len;
	r->at += *r->at == '\r';
	r->at += *r->at == '\n';
	r->line++;
	return t;
}

/* The length of the first field: commas in double quotes are part of it. */
static size_t field_length(Text t)
{
	bool quoted = false;
	size_t i = 0;
	for (; i < t.len && (quoted || t.at[i] != ','); i++)
		if (t.at[i] == '"')
			quoted = !quoted;
	return i;
}

/* The number of fields; -1: too many. */
static int split(Text line, Text field[])
{
	for (int n = 0; n < MOST_COLUMNS; n++) {
		field[n].at = line.at;
		field[n].len = field_length(line);
		if (field[n].len == line.len)
			return n + 1;
		line.at += field[n].len + 1;
		line.len -= field[n].len + 1;
	}
	return -1;
}

/* The line without the column `offset`. */
static const char *keep_line(Reader *r, Text line)
{
	Arena *a = r->unit->arena;
	int gone = r->column[COLUMN_OFFSET];
	if (gone < 0)
		return arena_strndup(a, line.at, line.len);
	char *kept = arena_alloc(a, line.len + 1), *at = kept;
	for (int i = 0; i < r->ncolumns; i++) {
		if (i == gone)
			continue;
		if (at > kept)
			*at++ = ',';
		memcpy(at, r->field[i].at, r->field[i].len);
		at += r->field[i].len;
	}
	return kept;
}

static void line_error(Reader *r, const char *what, Text found)
{
	int len = found.len > 40 ? 40 : (int)found.len;
	r->nerrors++;
	file_error(r->unit, r->path, "line %" PRId64 ": %s '%.*s'", r->line,
	           what, len, found.at);
}

/* ---- the header ---- */

static bool same(Text t, const char *name)
{
	return t.len == strlen(name) && !memcmp(t.at, name, t.len);
}

static Column column_called(Text t)
{
	if (same(t, "align"))
		return COLUMN_ALIGN;
	for (int c = 0; c < NCOLUMNS; c++)
		if (same(t, names[c]))
			return (Column)c;
	return NCOLUMNS;
}

static bool find_columns(Reader *r)
{
	for (int i = 0; i < r->ncolumns; i++) {
		Text name = trim(r->field[i]);
		Column c = column_called(name);
		if (c == NCOLUMNS)
			continue;
		if (r->column[c] >= 0) {
			line_error(r, "a second column", name);
			return false;
		}
		r->column[c] = i;
	}
	for (int c = COLUMN_ID; c <= COLUMN_SIZE; c++)
		if (r->column[c] < 0)
			line_error(r, "no column", (Text){names[c],
			                                  strlen(names[c])});
	return !r->nerrors;
}

static bool read_header(Reader *r, PackTable *t)
{
	Text line = next_line(r);
	for (int c = 0; c < NCOLUMNS; c++)
		r->column[c] = -1;
	r->ncolumns = split(line, r->field);
	if (r->ncolumns < 0) {
		line_error(r, "too many columns:", line);
		return false;
	}
	if (!find_columns(r))
		return false;
	t->header = keep_line(r, line);
	return true;
}

/* ---- the rows ---- */

/* A whole number of at most `most`, and its sign. */
static bool whole(Text t, int64_t *x)
{
	bool negative = t.len && t.at[0] == '-';
	size_t i = negative || (t.len && t.at[0] == '+');
	if (i == t.len)
		return false;
	for (*x = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9' || *x > most / 10)
			return false;
		*x = *x * 10 + (t.at[i] - '0');
		if (*x > most)
			return false;
	}
	if (negative)
		*x = -*x;
	return true;
}

static bool number(Reader *r, Column c, int64_t least, int64_t *x)
{
	static const char *const wrong[NCOLUMNS] = {
		[COLUMN_LOWER] = "lower is not a whole number up to 2^61:",
		[COLUMN_UPPER] = "upper is not a whole number up to 2^61:",
		[COLUMN_SIZE] = "size is not a whole number from 0 to 2^61:",
		[COLUMN_ALIGN] = "alignment is not a whole number from 1 to "
		                 "2^61:",
	};
	Text t = trim(r->field[r->column[c]]);
	if (whole(t, x) && *x >= least)
		return true;
	line_error(r, wrong[c], t);
	return false;
}

static bool has_column(const Reader *r, Column c)
{
	return r->column[c] >= 0 && trim(r->field[r->column[c]]).len > 0;
}

static bool read_fields(Reader *r, Text line, PackTable *t, int i)
{
	int n = split(line, r->field);
	if (n != r->ncolumns) {
		line_error(r, "not as many columns as the header has:", line);
		return false;
	}
	t->align[i] = 1;
	return number(r, COLUMN_LOWER, -most, &t->lower[i]) &&
	       number(r, COLUMN_UPPER, -most, &t->upper[i]) &&
	       number(r, COLUMN_SIZE, 0, &t->size[i]) &&
	       (!has_column(r, COLUMN_ALIGN) ||
	        number(r, COLUMN_ALIGN, 1, &t->align[i]));
}

static void read_row(Reader *r, Text line, PackTable *t)
{
	int i = t->n;
	if (!read_fields(r, line, t, i))
		return;
	if (t->lower[i] >= t->upper[i]) {
		line_error(r, "the item ends before it begins:", line);
		return;
	}
	r->sum += t->size[i];
	if (r->sum > most || t->align[i] > most - r->sum) {
		line_error(r, "sizes and alignments add up to more than 2^61 "
		           "with", line);
		return;
	}
	r->sum += t->align[i];
	t->row[t->n++] = keep_line(r, line);
}

static int64_t count_lines(const char *text)
{
	int64_t n = 1;
	for (; *text; text++)
		n += *text == '\n' || *text == '\r';
	return n;
}

static bool read_rows(Reader *r, PackTable *t)
{
	Arena *a = r->unit->arena;
	int64_t rows = count_lines(r->at);
	if (rows > MOST_ROWS) {
		file_error(r->unit, r->path, "has more than %d lines",
		           MOST_ROWS);
		return false;
	}
	t->lower = arena_array(a, int64_t, rows);
	t->upper = arena_array(a, int64_t, rows);
	t->size = arena_array(a, int64_t, rows);
	t->align = arena_array(a, int64_t, rows);
	t->row = arena_array(a, const char *, rows);
	while (*r->at && r->nerrors < MOST_ERRORS && r->sum <= most) {
		Text line = next_line(r);
		if (trim(line).len)
			read_row(r, line, t);
	}
	return !r->nerrors;
}

bool pack_csv_parse(Unit *u, const char *path, const char *text, size_t size,
                    PackTable *t)
{
	Reader *r = arena_new(u->arena, Reader);
	*r = (Reader){.unit = u, .path = path, .at = text};
	*t = (PackTable){0};
	if (memchr(text, '\0', size)) {
		file_error(u, path, "is not text: it holds zero bytes");
		return false;
	}
	if (!strncmp(text, "\xef\xbb\xbf", 3))
		r->at += 3;
	return read_header(r, t) && read_rows(r, t);
}

bool pack_csv_read(Unit *u, const char *path, PackTable *t)
{
	size_t size;
	const char *text = (const char *)file_read(u, path, &size);
	return text && pack_csv_parse(u, path, text, size, t);
}

void pack_csv_print(FILE *f, const PackTable *t, const int64_t offset[])
{
	fprintf(f, "%s,offset\n", t->header);
	for (int i = 0; i < t->n; i++)
		fprintf(f, "%s,%" PRId64 "\n", t->row[i], offset[i]);
}
