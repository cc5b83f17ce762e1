/*
 * Nodes of the text form. A node is built by the same calls as in a pass, after
 * everything that would be a BUG there was checked; then what its operator
 * infers is held against what the text says.
 */
#include "ir/parse.h"

#include "ir/op.h"

#include <string.h>

enum { MAX_LIST = 1 << 16 };   /* inputs, outputs, numbers of an attribute */

/* A result as the text declares it, before there is a value. */
typedef struct Result {
	const char *name, *var;
	DType dtype;
	Shape shape;
	MemoryClass memory;
} Result;

static const char *memory_class(int c)
{
	return memory_class_name((MemoryClass)c);
}

static void *grown(Parser *p, void *array, int n, size_t size)
{
	if (n >= MAX_LIST) {
		lex_fail(&p->l, "more than %d in a list", MAX_LIST);
		return array;
	}
	if (n & (n - 1))
		return array;
	void *more = arena_calloc(p->u->arena, n ? 2 * (size_t)n : 1, size);
	if (n)
		memcpy(more, array, (size_t)n * size);
	return more;
}

static Result parse_result(Parser *p)
{
	Result r = {.name = lex_text(&p->l, LEX_NAME, "a statement")};
	parse_type(p, &r.dtype, &r.shape);
	if (p->l.kind == LEX_WORD)
		r.memory = (MemoryClass)parse_word(p, "a memory class",
		                                   memory_class, NMEMCLASS);
	if (lex_take(&p->l, LEX_MARK, "->"))
		r.var = lex_text(&p->l, LEX_STRING, "a variable");
	return r;
}

static int parse_results(Parser *p, Result **list)
{
	int n = 0;
	do {
		*list = grown(p, *list, n, sizeof **list);
		if (p->l.failed)
			return 0;
		(*list)[n++] = parse_result(p);
	} while (lex_take(&p->l, LEX_MARK, ","));
	lex_expect(&p->l, LEX_MARK, "=");
	return n;
}

static int parse_operands(Parser *p, Value ***list)
{
	int n = 0;
	lex_expect(&p->l, LEX_MARK, "(");
	while (!p->l.failed && !lex_is(&p->l, LEX_MARK, ")")) {
		*list = grown(p, *list, n, sizeof **list);
		if (p->l.failed)
			return 0;
		(*list)[n++] = lex_take(&p->l, LEX_WORD, "_") ? NULL
		                                              : parse_find_value(p);
		if (!lex_take(&p->l, LEX_MARK, ","))
			break;
	}
	lex_expect(&p->l, LEX_MARK, ")");
	return n;
}

static void parse_numbers(Parser *p, Attr *a, bool floats)
{
	int64_t *ints = NULL;
	double *fs = NULL;
	lex_expect(&p->l, LEX_MARK, "[");
	while (p->l.kind == LEX_NUMBER) {
		if (floats) {
			fs = grown(p, fs, a->n, sizeof *fs);
			fs[a->n] = lex_float(&p->l);
		} else {
			ints = grown(p, ints, a->n, sizeof *ints);
			ints[a->n] = lex_int(&p->l);
		}
		if (p->l.failed)
			return;
		a->n++;
		if (!lex_take(&p->l, LEX_MARK, ","))
			break;
	}
	lex_expect(&p->l, LEX_MARK, "]");
	a->ints = ints;
	a->floats = fs;
}

static void parse_attr(Parser *p, Node *n)
{
	const char *name = lex_text(&p->l, LEX_WORD, "an attribute");
	int i = op_attr(n->op, name);
	if (i < 0) {
		lex_fail(&p->l, "%s has no attribute '%.40s'", n->op->name,
		         name);
		return;
	}
	Attr a = {.set = true};
	lex_expect(&p->l, LEX_MARK, "=");
	switch (n->op->attrs[i].kind) {
	case ATTR_INT:
		a.i = lex_int(&p->l);
		break;
	case ATTR_FLOAT:
		a.f = lex_float(&p->l);
		break;
	case ATTR_STRING:
		a.s = lex_text(&p->l, LEX_STRING, "a string");
		break;
	case ATTR_INTS:
		parse_numbers(p, &a, false);
		break;
	case ATTR_FLOATS:
		parse_numbers(p, &a, true);
		break;
	}
	n->attr[i] = a;
}

static void parse_attrs(Parser *p, Node *n)
{
	do
		parse_attr(p, n);
	while (lex_take(&p->l, LEX_MARK, ","));
	lex_expect(&p->l, LEX_MARK, "}");
}

static void parse_loc(Parser *p, Node *n)
{
	n->loc = (Loc){0};
	if (!lex_take(&p->l, LEX_MARK, "@"))
		return;
	n->loc.node = lex_text(&p->l, LEX_STRING, "a node's name");
	if (p->l.kind == LEX_STRING)
		n->loc.op = lex_text(&p->l, LEX_STRING, "an operator");
}

static bool counts_fit(Parser *p, const OpDef *op, int nout)
{
	int min = op->min_out ? op->min_out : 1;
	int max = op->max_out ? op->max_out : 1;
	if (nout < min || nout > max)
		lex_fail(&p->l, "%s has %d to %d results, not %d", op->name,
		         min, max, nout);
	return !p->l.failed;
}

/* The value that the node has, against what the text says of it. */
static void accept_result(Parser *p, Value *v, const Result *r)
{
	if (v->dtype != r->dtype || !shape_equal(v->shape, r->shape)) {
		lex_fail(&p->l, "%%%.40s is %s%s by its operator", r->name,
		         dtype_name(v->dtype),
		         shape_text(p->u->arena, v->shape));
		return;
	}
	v->memory = r->memory;
}

static void replace_variable(Parser *p, Value *v, const char *name)
{
	Variable *var = model_find(p->m, name);
	if (!var || !var->mutable)
		lex_fail(&p->l, "there is no mutable variable '%.40s'", name);
	else if (var->dtype != v->dtype ||
	         numel(var->shape) != numel(v->shape))
		lex_fail(&p->l, "variable '%.40s' has another size", name);
	else if (!table_add(p->replaced, var->name, v))
		lex_fail(&p->l, "variable '%.40s' is replaced twice", name);
	v->var = var;
}

static void add_workspace(Parser *p, Node *n, const Result *r)
{
	int64_t bytes = n->op->workspace ? n->op->workspace(n) : 0;
	if (!bytes || r->dtype != DT_U8 || r->shape.rank != 1 ||
	    r->shape.dim[0] != bytes) {
		lex_fail(&p->l, "the workspace of %s is u8[%lld]", n->op->name,
		         (long long)bytes);
		return;
	}
	node_add_output(p->g, n, r->dtype, r->shape);
}

static void finish_node(Parser *p, Node *n, int nout, const Result r[])
{
	int workspace = r[nout - 1].memory == MEM_WORKSPACE;
	if (!counts_fit(p, n->op, nout - workspace))
		return;
	node_set_outputs(p->g, n, nout - workspace);
	if (!node_done(p->g, n)) {
		p->l.failed = true;
		return;
	}
	if (workspace)
		add_workspace(p, n, &r[nout - 1]);
	for (int o = 0; o < nout && !p->l.failed; o++) {
		accept_result(p, n->out[o], &r[o]);
		parse_name_value(p, n->out[o], r[o].name);
		if (r[o].var && !p->l.failed)
			replace_variable(p, n->out[o], r[o].var);
	}
}

/* ---- fused nodes ---- */

static bool is_listed(Value *const list[], int n, const Value *v)
{
	for (int i = 0; i < n; i++)
		if (list[i] == v)
			return true;
	return false;
}

/* May the next member be one that is not elementwise? */
static bool is_gradient(const Node *fused, const OpDef *op)
{
	return op_fuses_gradients(fused->op) &&
	       (fused_update_gradients(fused) == fused->nbody ||
	        fused_conv_grad_has(fused, op));
}

/* A member is in no list of the graph and reads only the node's inputs and
 * other members' results. */
static Node *parse_member(Parser *p, const Node *fused, int first)
{
	Result *r = NULL;
	int nout = parse_results(p, &r), nin = 0;
	const char *name = lex_text(&p->l, LEX_WORD, "an operator");
	const OpDef *op = op_find(name);
	if (!op || !(op->scalar || is_gradient(fused, op) ||
	             ((op->view || op->update_rows) &&
	              op_fuses_gradients(fused->op))))
		lex_fail(&p->l, "'%.40s' is no elementwise operator", name);
	Value **in = NULL;
	nin = parse_operands(p, &in);
	if (p->l.failed || !counts_fit(p, op, nout))
		return NULL;
	Node *n = node_new(p->g, lex_loc(&p->l), op, nin, in);
	if (lex_take(&p->l, LEX_MARK, "{"))
		parse_attrs(p, n);
	for (int i = 0; i < nin; i++)
		if (in[i] && in[i]->id < first &&
		    !is_listed(fused->in, fused->nin, in[i]))
			lex_fail(&p->l, "%%%.40s is no input of the fused node",
			         in[i]->name);
	n->nout = 0;
	n->out = arena_array(p->u->arena, Value *, 1);
	for (int o = 0; o < nout; o++)
		node_add_output(p->g, n, DT_F32, (Shape){0});
	if (!p->l.failed && !op_infer(p->u, n))
		p->l.failed = true;
	for (int o = 0; o < nout && !p->l.failed; o++) {
		accept_result(p, n->out[o], &r[o]);
		parse_name_value(p, n->out[o], r[o].name);
		if (r[o].var)
			lex_fail(&p->l, "the fused node replaces variables, "
			         "not its members");
	}
	parse_loc(p, n);
	return n;
}

/* One loop nest over the results' broadcast shape computes all of it. */
static void check_shapes(Parser *p, const Node *n)
{
	Shape whole = n->out[0]->shape, s;
	bool fits = true;
	for (int o = 1; o < n->nout && fits; o++)
		fits = shape_broadcast(whole, n->out[o]->shape, &whole);
	for (int i = 0; i < n->nin && fits; i++)
		fits = !n->in[i] ||
		       (shape_broadcast(whole, n->in[i]->shape, &s) &&
		        shape_equal(s, whole));
	for (int b = 0; b < n->nbody && fits; b++)
		for (int o = 0; o < n->body[b]->nout && fits; o++)
			fits = shape_broadcast(whole, n->body[b]->out[o]->shape,
			                       &s) && shape_equal(s, whole);
	if (!fits)
		lex_fail(&p->l, "the shapes of a fused node do not fit one "
		         "loop nest");
}

static void name_result(Parser *p, Value *v, const Result *r)
{
	accept_result(p, v, r);
	parse_name_value(p, v, r->name);
}

/* The node's results, after `own_results` of its own, are its members'; the other
 * members' are nobody else's. */
static void bind_fused(Parser *p, Node *n, int own_results, int nout,
                       const Result r[])
{
	for (int o = 0; o < own_results && !p->l.failed; o++)
		name_result(p, n->out[o], &r[o]);
	for (int o = own_results; o < nout && !p->l.failed; o++) {
		Value *v = table_find(p->names, r[o].name);
		bool own = false;
		for (int b = 0; v && b < n->nbody; b++)
			own |= is_listed(n->body[b]->out, n->body[b]->nout, v);
		if (!own || is_listed(n->out, o, v)) {
			lex_fail(&p->l, "%%%.40s is computed by no member",
			         r[o].name);
			return;
		}
		n->out[o] = v;
		v->def = n;
		accept_result(p, v, &r[o]);
		if (r[o].var && !p->l.failed)
			replace_variable(p, v, r[o].var);
	}
	for (int b = 0; b < n->nbody; b++)
		for (int o = 0; o < n->body[b]->nout; o++)
			if (!is_listed(n->out, nout, n->body[b]->out[o]))
				table_hide(p->names, n->body[b]->out[o]->name);
	if (!p->l.failed && n->op == &op_Fused)
		check_shapes(p, n);
}

static int count_own(const Node *n)
{
	return n->op == &op_FusedConvGrad ? fused_conv_grad_own(n)
	                                  : fused_update_rows(n) > 0;
}

static void parse_body(Parser *p, Node *n, int nout, const Result r[])
{
	int first = p->g->nvalues;
	lex_expect(&p->l, LEX_MARK, "{");
	while (p->l.kind == LEX_NAME) {
		n->body = grown(p, n->body, n->nbody, sizeof *n->body);
		Node *member = p->l.failed ? NULL : parse_member(p, n, first);
		if (p->l.failed)
			return;
		n->body[n->nbody++] = member;
	}
	lex_expect(&p->l, LEX_MARK, "}");
	if (p->l.failed)
		return;
	int workspace = r[nout - 1].memory == MEM_WORKSPACE;
	node_set_outputs(p->g, n, nout - workspace);
	if (!node_done(p->g, n)) {
		p->l.failed = true;
		return;
	}
	bind_fused(p, n, count_own(n), nout - workspace, r);
	if (!workspace || p->l.failed)
		return;
	add_workspace(p, n, &r[nout - 1]);
	if (!p->l.failed)
		name_result(p, n->out[nout - 1], &r[nout - 1]);
}

static void check_types(Parser *p, const Node *n)
{
	const char *misfit = op_computes(n->op)
	                     ? kernel_misfit(p->u->arena, n) : NULL;
	if (misfit)
		lex_fail(&p->l, "%s: there is no %s", n->op->name, misfit);
}

void parse_node(Parser *p)
{
	Result *r = NULL;
	Value **in = NULL;
	int nout = parse_results(p, &r);
	const char *name = lex_text(&p->l, LEX_WORD, "an operator");
	const OpDef *op = op_find(name);
	if (!op)
		lex_fail(&p->l, "there is no operator '%.40s'", name);
	int nin = parse_operands(p, &in);
	if (p->l.failed)
		return;
	Node *n = node_new(p->g, lex_loc(&p->l), op, nin, in);
	if (op_fuses_gradients(op) && lex_take(&p->l, LEX_MARK, "{"))
		parse_attrs(p, n);
	if (op == &op_Fused || op_fuses_gradients(op)) {
		if (!p->l.failed)
			parse_body(p, n, nout, r);
	} else {
		if (lex_take(&p->l, LEX_MARK, "{"))
			parse_attrs(p, n);
		if (!p->l.failed)
			finish_node(p, n, nout, r);
	}
	if (!p->l.failed)
		check_types(p, n);
	parse_loc(p, n);
}
