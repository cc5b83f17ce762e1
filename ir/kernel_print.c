/* Kernels as pseudo-code, for people and for tests. */
#include "ir/kernel.h"

#include "ir/op.h"

#include <inttypes.h>

typedef struct Writer {
	FILE *f;
	const Kernel *k;
	int depth;
} Writer;

static void print_index(FILE *f, const Index *at)
{
	bool first = true;
	for (int t = 0; t < at->nterms; t++) {
		const Term *m = &at->term[t];
		fputs(first ? "" : " + ", f);
		first = false;
		if (m->mul != 1)
			fprintf(f, "%" PRId64 " ", m->mul);
		fprintf(f, "%c%d", m->scalar ? 't' : 'i', m->var);
	}
	if (at->add || first)
		fprintf(f, "%s%" PRId64, first ? "" : " + ", at->add);
}

static void print_access(FILE *f, const Access *a)
{
	fprintf(f, a->byte ? "%%%s[byte " : "%%%s[", a->v->name);
	print_index(f, &a->at);
	fputc(']', f);
}

static void print_guards(FILE *f, const Access *a)
{
	for (int g = 0; g < a->nguards; g++) {
		fputs(g ? " and " : " if ", f);
		print_index(f, &a->guard[g].at);
		fprintf(f, " in 0..%" PRId64, a->guard[g].extent);
	}
}

static void print_expr(FILE *f, const Expr *e)
{
	switch (e->kind) {
	case E_NUM:
		if (dtype_is_float(e->type))
			fprintf(f, "%.9g", e->u.num.f);
		else
			fprintf(f, "%" PRId64, e->u.num.i);
		return;
	case E_VAR:
		fprintf(f, "t%d", e->u.var);
		return;
	case E_INDEX:
		fputs("index(", f);
		print_index(f, &e->u.index);
		fputc(')', f);
		return;
	case E_LOAD:
		print_access(f, &e->u.load);
		if (e->u.load.nguards) {
			print_guards(f, &e->u.load);
			fprintf(f, " else %.9g", e->u.load.outside);
		}
		return;
	case E_CAST:
		fprintf(f, "%s(", dtype_name(e->type));
		print_expr(f, e->u.cast);
		fputc(')', f);
		return;
	case E_SCALAR:
		break;
	}
	fprintf(f, "%s(", scalar_name(e->u.scalar.op));
	for (int i = 0; i < scalar_arity(e->u.scalar.op); i++) {
		fputs(i ? ", " : "", f);
		print_expr(f, e->u.scalar.arg[i]);
	}
	fputc(')', f);
}

static void print_arg(FILE *f, const Arg *a)
{
	switch (a->kind) {
	case ARG_VALUE:
		if (a->v)
			fprintf(f, "%%%s", a->v->name);
		else
			fputs("null", f);
		return;
	case ARG_INT:
		fprintf(f, "%" PRId64, a->i);
		return;
	case ARG_FLOAT:
		fprintf(f, "%.9g", a->f);
		return;
	case ARG_SCALAR:
		fprintf(f, "t%d", a->var);
		return;
	case ARG_STRUCT:
		break;
	}
	fprintf(f, "%s{", a->type);
	for (int i = 0; i < a->n; i++)
		fprintf(f, "%s%" PRId64, i ? ", " : "", a->field[i]);
	fputc('}', f);
}

static void print_body(Writer *w, const Stmt *s);

static void print_call(Writer *w, const Stmt *s)
{
	fprintf(w->f, "call %s(", s->u.call.fn);
	for (int i = 0; i < s->u.call.narg; i++) {
		fputs(i ? ", " : "", w->f);
		print_arg(w->f, &s->u.call.arg[i]);
	}
	fputs("), that is:\n", w->f);
	print_body(w, s->u.call.body);
}

static void print_store(Writer *w, const Stmt *s)
{
	print_access(w->f, &s->u.store.to);
	fputs(s->u.store.add ? " += " : " = ", w->f);
	print_expr(w->f, s->u.store.x);
	print_guards(w->f, &s->u.store.to);
	fputc('\n', w->f);
}

static void print_body(Writer *w, const Stmt *s)
{
	w->depth++;
	for (; s; s = s->next) {
		fprintf(w->f, "%*s", 2 * w->depth, "");
		switch (s->kind) {
		case ST_FOR:
			fprintf(w->f, "for i%d in 0..%" PRId64 "\n",
			        s->u.loop.var, s->u.loop.extent);
			print_body(w, s->u.loop.body);
			break;
		case ST_STORE:
			print_store(w, s);
			break;
		case ST_SET:
			if (s->u.set.first)
				fprintf(w->f, "%s ", dtype_name(
					w->k->type[s->u.set.var]));
			fprintf(w->f, "t%d = ", s->u.set.var);
			print_expr(w->f, s->u.set.x);
			fputc('\n', w->f);
			break;
		case ST_CALL:
			print_call(w, s);
			break;
		}
	}
	w->depth--;
}

void kernel_print(FILE *f, const Kernel *k)
{
	Writer w = {f, k, 0};
	fprintf(f, "kernel %s '%s'\n", k->node->op->name,
	        k->node->loc.node ? k->node->loc.node : k->node->out[0]->name);
	print_body(&w, k->body);
}
