/* What all statements of the text form consist of: words, types, values. */
#include "ir/parse.h"

#include <stdlib.h>
#include <string.h>

/* Largest N + 1 of a name _N. Passes make such names too, from the number of
 * values, which must not clash: so the number grows with N. */
enum { MAX_OWN_NAME = 1 << 20 };

static int find_word(const char *word, const char *(*name)(int), int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(word, name(i)))
			return i;
	return -1;
}

int parse_word(Parser *p, const char *what, const char *(*name)(int), int n)
{
	const char *word = lex_text(&p->l, LEX_WORD, what);
	int i = find_word(word, name, n);
	if (i < 0)
		lex_fail(&p->l, "expected %s, found '%.40s'", what, word);
	return i < 0 ? 0 : i;
}

void parse_type(Parser *p, DType *dtype, Shape *shape)
{
	const char *word = lex_text(&p->l, LEX_WORD, "a type");
	*shape = (Shape){0};
	*dtype = DT_F32;
	if (!dtype_from_name(word, dtype))
		lex_fail(&p->l, "unknown type '%.40s'", word);
	lex_expect(&p->l, LEX_MARK, "[");
	while (p->l.kind == LEX_NUMBER) {
		if (shape->rank == MAX_RANK) {
			lex_fail(&p->l, "more than %d dimensions", MAX_RANK);
			return;
		}
		shape->dim[shape->rank++] = lex_int(&p->l);
		if (!lex_take(&p->l, LEX_MARK, ","))
			break;
	}
	lex_expect(&p->l, LEX_MARK, "]");
	if (!p->l.failed && !shape_valid(*shape))
		lex_fail(&p->l, "this shape is negative or too large");
}

static void note_own_name(Parser *p, const char *name)
{
	char *end;
	if (name[0] != '_' || !name[1])
		return;
	long n = strtol(name + 1, &end, 10);
	if (*end)
		return;
	if (n < 0 || n >= MAX_OWN_NAME)
		lex_fail(&p->l, "names like %%_N end at %d", MAX_OWN_NAME - 1);
	else if (n >= p->own_names)
		p->own_names = (int)n + 1;
}

void parse_name_value(Parser *p, Value *v, const char *name)
{
	note_own_name(p, name);
	v->name = name;
	if (!p->l.failed && !table_add(p->names, name, v))
		lex_fail(&p->l, "%%%.40s is defined twice", name);
}

Value *parse_find_value(Parser *p)
{
	const char *name = lex_text(&p->l, LEX_NAME, "a value");
	Value *v = p->l.failed ? NULL : table_find(p->names, name);
	if (!v)
		lex_fail(&p->l, "%%%.40s is not defined", name);
	else if (v->kind == V_VARIABLE &&
	         table_find(p->replaced, v->var->name))
		lex_fail(&p->l, "variable '%.40s' has been replaced",
		         v->var->name);
	return p->l.failed ? NULL : v;
}
