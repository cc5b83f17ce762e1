/* Not argp_help(): glibc's argp-fmtstream.c, where a line's margin does not fit
 * into its buffer any more, writes the margin before what the buffer holds, so
 * that an option here and there is indented wrongly. */
#include "frontend/help.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_USAGE = 768 };

enum { LONG_COLUMN = 6, DOC_COLUMN = 29, LAST_COLUMN = 79 };

static const char *after_spaces(const char *s)
{
	return s + strspn(s, " ");
}

/* Words to LAST_COLUMN, then to `margin` in the next line; a newline stays one,
 * and so do spaces at the beginning of a line. */
static void print_wrapped(FILE *f, const char *text, size_t len, int column,
                          int margin)
{
	const char *end = text + len;
	bool begins = true;
	for (const char *s = text; s < end;) {
		if (*s == '\n') {
			fprintf(f, "\n%*s", margin, "");
			column = margin;
			begins = true;
			s++;
			continue;
		}
		const char *word = after_spaces(s);
		int spaces = begins ? (int)(word - s) : 1;
		int n = (int)strcspn(word, " \n\v");
		if (n > end - word)
			n = (int)(end - word);
		if (!begins && column + spaces + n > LAST_COLUMN) {
			fprintf(f, "\n%*s", margin, "");
			column = margin;
			spaces = 0;
		}
		fprintf(f, "%*s%.*s", spaces, "", n, word);
		column += spaces + n;
		begins = false;
		s = word + n;
		if (*after_spaces(s) == '\n')
			s = after_spaces(s);
	}
	fputc('\n', f);
}

static void print_option(FILE *f, const struct argp_option *o)
{
	char letter[8] = "";
	if (o->key > ' ' && o->key < 0x7f)
		snprintf(letter, sizeof letter, "-%c, ", o->key);
	int column = fprintf(f, "%*s--%s%s%s", LONG_COLUMN, letter, o->name,
	                     o->arg ? "=" : "", o->arg ? o->arg : "");
	if (column > DOC_COLUMN - 2) {
		fputc('\n', f);
		column = 0;
	}
	fprintf(f, "%*s", DOC_COLUMN - column, "");
	print_wrapped(f, o->doc, strlen(o->doc), DOC_COLUMN, DOC_COLUMN);
}

static void print_header(FILE *f, const char *header)
{
	if (header)
		fprintf(f, "\n%s\n", header);
}

static void print_list(FILE *f, const struct argp_option *o)
{
	for (; o->name || o->doc || o->key; o++)
		if (o->flags & OPTION_HIDDEN)
			continue;
		else if (o->name)
			print_option(f, o);
		else
			print_header(f, o->doc);
}

static void print_options(FILE *f, const struct argp *argp)
{
	if (argp->options)
		print_list(f, argp->options);
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		print_header(f, c->header);
		print_options(f, c->argp);
	}
}

static void print_usage(FILE *f, const char *arguments, const char *name)
{
	const char *start = "Usage:";
	do {
		int n = (int)strcspn(arguments, "\n");
		fprintf(f, "%s %s [OPTION...]%s%.*s\n", start, name,
		        n ? " " : "", n, arguments);
		arguments += n + (arguments[n] == '\n');
		start = "  or: ";
	} while (*arguments);
}

static const struct argp_option options[] = {
	{"help", 'h', 0, 0, "Show this", 0},
	{0, '?', 0, OPTION_ALIAS | OPTION_HIDDEN, 0, 0},
	{"usage", KEY_USAGE, 0, 0, "Show all options in short", 0},
	{0}
};

void help_print(FILE *f, const struct argp *argp, const char *name)
{
	size_t before = strcspn(argp->doc, "\v");
	print_usage(f, argp->args_doc ? argp->args_doc : "", name);
	print_wrapped(f, argp->doc, before, 0, 0);
	print_options(f, argp);
	fputc('\n', f);
	print_list(f, options);
	if (argp->doc[before]) {
		const char *after = argp->doc + before + 1;
		size_t len = strlen(after);
		fputc('\n', f);
		print_wrapped(f, after, len - (after[len - 1] == '\n'), 0, 0);
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	switch (key) {
	case 'h':
	case '?':
		help_print(state->out_stream, state->root_argp->children->argp,
		           state->name);
		break;
	case KEY_USAGE:
		argp_state_help(state, state->out_stream, ARGP_HELP_USAGE);
		fputc('\n', state->out_stream);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	exit(fflush(state->out_stream) ? EXIT_FAILURE : EXIT_SUCCESS);
}

const struct argp args_help = {
	.options = options,
	.parser = parse,
};
