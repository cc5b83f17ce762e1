/* Undoes what the optimizer of PyTorch's exporter does to parameters, where that
 * is exact: import_torch.h. */
#include "frontend/import_torch.h"

#include <string.h>

/* ---- a transposed copy of a parameter that is there as itself ---- */

OnnxNode torch_transpose(Arena *a, int64_t opset, const char *in,
                         const char *out)
{
	OnnxNode n = {.op = "Transpose", .domain = "", .opset = opset,
	              .nin = 1, .nout = 1, .nattr = 1};
	int64_t *perm = arena_array(a, int64_t, 2);
	perm[0] = 1;
	n.loc = (Loc){.node = out, .op = n.op};
	n.in = arena_array(a, const char *, 1);
	n.out = arena_array(a, const char *, 1);
	n.attr = arena_new(a, OnnxAttr);
	n.in[0] = in;
	n.out[0] = out;
	n.attr[0] = (OnnxAttr){.name = "perm", .kind = OA_INTS, .n = 2,
	                       .ints = perm};
	return n;
}

/* Tied weights: the copy becomes a Transpose of the parameter, in front of all
 * nodes. Its initializer keeps a name that nobody reads. */
static void tie_copies(Unit *u, OnnxModel *m)
{
	const Torch *t = m->torch;
	OnnxNode *node = arena_array(u->arena, OnnxNode,
	                             m->nnodes + m->nfolded);
	int n = 0;
	for (int i = 0; i < m->nfolded; i++) {
		const char *name = m->folded[i].name;
		TorchSource s = torch_source(t, m->folded[i].from);
		const Name *copy = names_find(t->init, name);
		if (!copy || s.parameters != 1 || !s.kept)
			continue;
		OnnxTensor *c = &m->init[copy->init];
		const OnnxTensor *p = &m->init[names_find(t->init,
		                                          s.first)->init];
		if (!onnx_transposed(p, c))
			continue;
		c->name = arena_printf(u->arena, "%s (a copy)", name);
		node[n++] = torch_transpose(u->arena, m->opset, s.first, name);
	}
	memcpy(node + n, m->node, sizeof *node * (size_t)m->nnodes);
	m->node = node;
	m->nnodes += n;
}

/* ---- one parameter instead of several that begin equal ---- */

enum { MOST = 16 };   /* parameters of one call */

typedef struct Own {    /* the initializers that are there again */
	int n;
	OnnxTensor *init;
	Names *names;
} Own;

typedef struct Call {
	int n;
	const char *missing[MOST];
	Names *given;
} Call;

static Call read_call(const Torch *t, const OnnxNode *n)
{
	Call c = {.given = names_create(t->arena, MOST)};
	const char *argument, *p = n->torch_call;
	while ((argument = torch_argument(t, &p))) {
		const Name *a = names_find(t->argument, argument);
		const TorchParameter *q = a ? &t->parameter[a->init] : NULL;
		if (q)
			names_add(c.given, q->target);
		if (q && torch_is_replaced(t, q) && c.n < MOST)
			c.missing[c.n++] = q->target;
	}
	return c;
}

/* The inputs that are parameters which the call does not name. */
static int stand_ins(const Torch *t, const OnnxNode *n, const Call *c,
                     int input[MOST])
{
	int found = 0;
	for (int i = 0; i < n->nin && found < MOST; i++)
		if (torch_in_file(t, n->in[i]) &&
		    names_find(t->target, n->in[i]) &&
		    !names_find(c->given, n->in[i]))
			input[found++] = i;
	return found;
}

static void add_own(Own *own, const char *name, OnnxTensor t)
{
	if (names_find(own->names, name))
		return;
	names_add(own->names, name);
	own->init[own->n] = t;
	own->init[own->n++].name = name;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);
	return n >= k && !strcmp(s + n - k, end);
}

static int64_t int_attr(const OnnxNode *n, const char *name)
{
	for (int i = 0; i < n->nattr; i++)
		if (!strcmp(n->attr[i].name, name))
			return n->attr[i].i;
	return 0;
}

/* A bias that begins as zero is dropped from a Gemm: input 2 again. */
static void add_bias(Arena *a, const OnnxModel *m, OnnxNode *n, Call *c,
                     Own *own)
{
	const Name *weight = n->nin == 2 ? names_find(m->torch->init, n->in[1])
	                                 : NULL;
	int k = 0;
	while (k < c->n && !ends_with(c->missing[k], "bias"))
		k++;
	if (strcmp(n->op, "Gemm") || !weight || k == c->n)
		return;
	const OnnxTensor *w = &m->init[weight->init];
	if (w->shape.rank != 2 || !w->data)
		return;
	OnnxTensor zero = {.dtype = w->dtype, .shape = {.rank = 1}};
	zero.shape.dim[0] = w->shape.dim[!int_attr(n, "transB")];
	zero.data = arena_alloc(a, (size_t)zero.shape.dim[0] *
	                           (size_t)dtype_size(w->dtype) + 1);
	add_own(own, c->missing[k], zero);
	const char **in = arena_array(a, const char *, 3);
	memcpy(in, n->in, 2 * sizeof *in);
	in[2] = c->missing[k];
	n->in = in;
	n->nin = 3;
	c->missing[k] = c->missing[--c->n];
}

/* The call still names the others: input for argument, each becomes an
 * initializer again. */
static void part_equals(Arena *a, const OnnxModel *m, OnnxNode *n, Own *own)
{
	const Torch *t = m->torch;
	int input[MOST];
	Call c = read_call(t, n);
	if (c.n == stand_ins(t, n, &c, input) + 1)
		add_bias(a, m, n, &c, own);
	if (!c.n || stand_ins(t, n, &c, input) != c.n)
		return;
	for (int i = 0; i < c.n; i++) {
		const Name *equal = names_find(t->init, n->in[input[i]]);
		add_own(own, c.missing[i], m->init[equal->init]);
		n->in[input[i]] = c.missing[i];
	}
}

static void part_all(Unit *u, OnnxModel *m)
{
	Torch *t = m->torch;
	OnnxTensor *init = arena_array(u->arena, OnnxTensor,
	                               m->ninits + t->nparameters);
	Own own = {0, init + m->ninits, names_create(u->arena, 64)};
	for (int i = 0; i < m->nnodes; i++)
		if (m->node[i].torch_call && !torch_folded_norm(&m->node[i]))
			part_equals(u->arena, m, &m->node[i], &own);
	memcpy(init, m->init, sizeof *init * (size_t)m->ninits);
	m->init = init;
	m->ninits += own.n;
	for (int i = m->ninits - own.n; i < m->ninits; i++)
		names_add(t->init, init[i].name)->init = i;
}

void torch_mend(Unit *u, OnnxModel *m)
{
	if (!m->torch)
		return;
	torch_join_copies(u, m);
	part_all(u, m);
	tie_copies(u, m);
}
