/*
 * Is this a graph at all? Every name is defined once, before it is read, and
 * nothing reads itself. Then, backwards from the outputs: which nodes are
 * needed, and in which ways each value is used.
 *
 * What a file may have many of is bounded where something here, in a pass or in
 * the C takes time by the square of it.
 */
#include "frontend/import.h"

#include <ctype.h>
#include <string.h>

enum { OPSET_MIN = 1, OPSET_MAX = 28 };
enum { MOST_PORTS = 4096, MOST_INITIALIZERS = 1 << 16 };

static const Loc whole = {0};

static void check_opset(Import *im)
{
	int64_t v = im->m->opset;
	bool own = false;
	for (int i = 0; i < im->m->nnodes; i++)
		own |= !*im->m->node[i].domain;
	if (!v && !own)
		return;
	if (!v)
		error_at(im->u, whole, "the file does not say which opset it "
		         "uses; %d to %d are supported", OPSET_MIN, OPSET_MAX);
	else if (v < OPSET_MIN || v > OPSET_MAX)
		error_at(im->u, whole, "the file uses opset %lld; %d to %d are "
		         "supported", (long long)v, OPSET_MIN, OPSET_MAX);
}

static bool few(Import *im, Loc loc, int n, int most, const char *what)
{
	if (n <= most)
		return true;
	error_at(im->u, loc, "has %d %s; at most %d are supported", n, what,
	         most);
	return false;
}

bool import_check_sizes(Import *im)
{
	const OnnxModel *m = im->m;
	bool ok = few(im, whole, m->ninits, MOST_INITIALIZERS, "initializers");
	ok &= few(im, whole, m->ninputs, MOST_PORTS + m->ninits, "inputs");
	ok &= few(im, whole, m->noutputs, MOST_PORTS, "outputs");
	ok &= few(im, whole, m->joined ? m->joined->nupdates : 0,
	          MOST_INITIALIZERS, "update bindings");
	for (int i = 0; i < m->nnodes; i++) {
		const OnnxNode *n = &m->node[i];
		ok &= few(im, n->loc, n->nin, MOST_PORTS, "inputs");
		ok &= few(im, n->loc, n->nout, MOST_PORTS, "outputs");
		ok &= few(im, n->loc, n->nattr, MOST_PORTS, "attributes");
	}
	return ok;
}

/* ---- definitions ---- */

/* Values without a name of their own are called _0, _1, ... */
static bool reserved(const char *name)
{
	if (*name++ != '_' || !*name)
		return false;
	while (isdigit((unsigned char)*name))
		name++;
	return !*name;
}

static void define_initializers(Import *im)
{
	for (int i = 0; i < im->m->ninits; i++) {
		const char *name = im->m->init[i].name;
		Name *n = names_add(im->names, name);
		if (!*name)
			error_at(im->u, whole, "an initializer has no name");
		else if (n->init >= 0)
			error_at(im->u, whole, "there are two initializers "
			         "'%s'", name);
		else if (reserved(name))
			error_at(im->u, whole, "initializer '%s' has a reserved "
			         "name; rename it", name);
		n->init = i;
		n->failed = !im->m->init[i].data;
	}
}

static void define_inputs(Import *im)
{
	for (int i = 0; i < im->m->ninputs; i++) {
		const char *name = im->m->input[i].name;
		Name *n = names_add(im->names, name);
		if (!*name)
			error_at(im->u, whole, "an input has no name");
		else if (n->input)
			error_at(im->u, whole, "there are two inputs '%s'", name);
		else if (reserved(name))
			error_at(im->u, whole, "input '%s' has a reserved name; "
			         "rename it", name);
		n->input = n->init < 0;
	}
}

static void define_output(Import *im, int node, const char *name)
{
	Name *n = names_add(im->names, name);
	Loc loc = im->m->node[node].loc;
	if (n->producer >= 0)
		error_at(im->u, loc, "its output '%s' is also an output of "
		         "'%s'", name, im->m->node[n->producer].loc.node);
	else if (n->init >= 0 || n->input)
		error_at(im->u, loc, "its output '%s' is also an %s", name,
		         n->input ? "input of the model" : "initializer");
	else
		n->producer = node;
}

static void define_nodes(Import *im)
{
	for (int i = 0; i < im->m->nnodes; i++) {
		const OnnxNode *n = &im->m->node[i];
		if (!*n->op)
			error_at(im->u, n->loc, "the node has no op_type");
		for (int o = 0; o < n->nout; o++)
			if (*n->out[o])
				define_output(im, i, n->out[o]);
	}
}

/* ---- order ---- */

typedef struct Walk {
	Import *im;
	int *stack, *at;        /* path of nodes; the input each is at */
	unsigned char *state;   /* 0: not seen, 1: on the path, 2: done */
	int depth;
} Walk;

static void report_cycle(Walk *w, int from)
{
	Arena *a = w->im->u->arena;
	const OnnxNode *node = w->im->m->node;
	int first = w->depth - 1;
	while (w->stack[first] != from)
		first--;
	const char *text = arena_printf(a, "'%s'", node[from].loc.node);
	for (int i = w->depth - 1; i > first; i--)
		if (w->depth - i < 6 || i == first + 1)
			text = arena_printf(a, "%s -> '%s'", text,
			                    node[w->stack[i]].loc.node);
	error_at(w->im->u, node[from].loc, "the graph has a cycle: %s -> '%s'",
	         text, node[from].loc.node);
}

/* The node that makes input i of node n; -1: none. */
static int producer(const Import *im, const OnnxNode *n, int i)
{
	const Name *name = *n->in[i] ? names_find(im->names, n->in[i]) : NULL;
	return name ? name->producer : -1;
}

static bool walk_from(Walk *w, int root)
{
	w->depth = 0;
	w->stack[w->depth++] = root;
	w->state[root] = 1;
	while (w->depth) {
		int node = w->stack[w->depth - 1];
		const OnnxNode *n = &w->im->m->node[node];
		if (w->at[node] == n->nin) {
			w->state[node] = 2;
			w->depth--;
			continue;
		}
		int p = producer(w->im, n, w->at[node]++);
		if (p < 0 || w->state[p] == 2)
			continue;
		if (w->state[p] == 1) {
			report_cycle(w, p);
			return true;
		}
		w->state[p] = 1;
		w->stack[w->depth++] = p;
	}
	return false;
}

static bool has_cycle(Import *im)
{
	Arena *scratch = arena_create();
	int n = im->m->nnodes;
	Walk w = {
		.im = im, .stack = arena_array(scratch, int, n),
		.at = arena_array(scratch, int, n),
		.state = arena_array(scratch, unsigned char, n),
	};
	bool found = false;
	for (int i = 0; i < n && !found; i++)
		if (!w.state[i])
			found = walk_from(&w, i);
	arena_destroy(scratch);
	return found;
}

/* An initializer or input of the training algorithm? */
static bool of_algorithm(const Import *im, const char *name)
{
	const Name *n = names_find(im->names, name);
	if (n && n->init >= im->m->own.inits)
		return true;
	for (int i = im->m->own.inputs; i < im->m->ninputs; i++)
		if (!strcmp(im->m->input[i].name, name))
			return true;
	return false;
}

/* Returns whether a node reads what a later one makes. */
static bool check_reads(Import *im)
{
	bool late = false;
	for (int i = 0; i < im->m->nnodes; i++) {
		const OnnxNode *n = &im->m->node[i];
		for (int j = 0; j < n->nin; j++) {
			if (!*n->in[j])
				continue;
			late |= producer(im, n, j) >= i;
			if (i < im->m->own.nodes && of_algorithm(im, n->in[j]))
				error_at(im->u, n->loc, "reads '%s', which only "
				         "the training algorithm has", n->in[j]);
			if (!names_find(im->names, n->in[j]))
				error_at(im->u, n->loc, "reads '%s', which is "
				         "neither an initializer nor an input nor "
				         "the output of a node", n->in[j]);
		}
	}
	return late;
}

static void report_order(Import *im)
{
	for (int i = 0; i < im->m->nnodes; i++) {
		const OnnxNode *n = &im->m->node[i];
		for (int j = 0; j < n->nin; j++)
			if (producer(im, n, j) >= i)
				error_at(im->u, n->loc, "reads '%s', which is "
				         "produced later, by '%s'", n->in[j],
				         im->m->node[producer(im, n, j)].loc.node);
	}
}

static void check_outputs(Import *im)
{
	if (!im->m->noutputs)
		error_at(im->u, whole, "the model has no outputs");
	for (int i = 0; i < im->m->noutputs; i++) {
		Name *n = names_find(im->names, im->m->output[i].name);
		if (!n)
			error_at(im->u, whole, "nothing produces the model's "
			         "output '%s'", im->m->output[i].name);
		else if (n->output)
			error_at(im->u, whole, "there are two outputs '%s'",
			         n->text);
		else
			n->output = true;
	}
}

bool import_check(Import *im)
{
	int before = im->u->nerrors;
	check_opset(im);
	define_initializers(im);
	define_inputs(im);
	define_nodes(im);
	if (check_reads(im) && !has_cycle(im))
		report_order(im);
	check_outputs(im);
	return im->u->nerrors == before;
}

/* ---- uses ---- */

static unsigned use_of(const OnnxNode *n, int input)
{
	static const struct { const char *op; int input; unsigned use; } uses[] = {
		{"BatchNormalization", 3, USE_STATISTIC},
		{"BatchNormalization", 4, USE_STATISTIC},
		{"Gather", 1, USE_INDEX},
		{"SoftmaxCrossEntropyLoss", 1, USE_INDEX},
		{"NegativeLogLikelihoodLoss", 1, USE_INDEX},
		{"Shape", 0, USE_SHAPE},
		{"Size", 0, USE_SHAPE},
		{"Identity", 0, USE_IDENTITY},
	};
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		if (!strcmp(n->op, uses[i].op) && input == uses[i].input)
			return uses[i].use;
	return USE_VALUE;
}

static void use_input(Import *im, const OnnxNode *n, int input)
{
	Name *name = names_find(im->names, n->in[input]);
	if (!name)
		return;
	unsigned use = use_of(n, input);
	/* What reads the copy reads the original, unless that is an
	 * initializer: then the copy has storage of its own. */
	if (use == USE_IDENTITY && name->init < 0 && n->nout == 1)
		use = names_find(im->names, n->out[0])->uses;
	name->uses |= USE_ANY | use | import_use_coefficient(n);
}

void import_uses(Import *im)
{
	im->live = arena_array(im->u->arena, bool, im->m->nnodes);
	for (int i = 0; i < im->m->noutputs; i++) {
		Name *n = names_find(im->names, im->m->output[i].name);
		if (n)
			n->uses |= USE_ANY | USE_VALUE;
	}
	import_use_updates(im);
	for (int i = im->m->nnodes - 1; i >= 0; i--) {
		const OnnxNode *n = &im->m->node[i];
		for (int o = 0; o < n->nout; o++)
			if (*n->out[o])
				im->live[i] |=
					names_find(im->names, n->out[o])->uses != 0;
		if (im->live[i] && import_is_gradient(n)) {
			import_use_gradient(im, n);
			continue;
		}
		for (int j = 0; im->live[i] && j < n->nin; j++)
			if (*n->in[j])
				use_input(im, n, j);
	}
}
