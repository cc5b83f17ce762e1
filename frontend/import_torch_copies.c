/*
 * With a batch that is fixed, the optimizer of PyTorch's exporter computes ahead
 * of time what is the same for all examples: cls_token.expand(batch, -1, -1), or
 * an embedding of token types that are all 0. The copies would train apart, and
 * keep the batch. Here the initializer is one of them again, under its name in
 * the file, and an Expand makes what is read.
 */
#include "frontend/import_torch.h"

#include <string.h>

/* The exporter calls a value by its operator: expand, expand_1, .. */
static bool is_result_of(const char *value, const char *op)
{
	size_t n = strlen(op);
	if (strncmp(value, op, n))
		return false;
	value += n;
	return !*value || (*value == '_' &&
	                   strspn(value + 1, "0123456789") == strlen(value + 1));
}

/* Is each of those that the dimension counts what the first is? */
static bool repeats(const OnnxTensor *t, int axis)
{
	size_t part = (size_t)dtype_size(t->dtype);
	int64_t n = t->shape.dim[axis], outer = 1;
	for (int i = axis + 1; i < t->shape.rank; i++)
		part *= (size_t)t->shape.dim[i];
	for (int i = 0; i < axis; i++)
		outer *= t->shape.dim[i];
	for (int64_t o = 0; o < outer; o++) {
		const char *p = (const char *)t->data + part * (size_t)(o * n);
		if (memcmp(p, p + part, part * (size_t)(n - 1)))
			return false;
	}
	return true;
}

/* Zeros are the same however they came about. */
static bool is_uniform(const OnnxTensor *t)
{
	size_t n = (size_t)numel(t->shape), size = (size_t)dtype_size(t->dtype);
	const char *p = t->data;
	return n < 2 || !memcmp(p, p + size, size * (n - 1));
}

/* The shape of one copy, whose elements come first. Only in an embedding do
 * others than the examples count copies: rows that are equal because they were
 * one. */
static Shape one_copy(const OnnxTensor *t)
{
	Shape one = t->shape;
	bool table = is_result_of(t->name, "embedding");
	if (!numel(one) || !t->data ||
	    !(table || is_result_of(t->name, "expand")))
		return one;
	for (int i = 0; i < one.rank - 1; i++) {
		if (one.dim[i] == 1)
			continue;
		if ((i && (!table || is_uniform(t))) || !repeats(t, i))
			break;
		one.dim[i] = 1;
	}
	return one;
}

static OnnxTensor shape_tensor(Arena *a, const char *name, Shape of)
{
	int64_t *data = arena_array(a, int64_t, of.rank);
	for (int i = 0; i < of.rank; i++)
		data[i] = of.dim[i];
	return (OnnxTensor){.name = name, .dtype = DT_I64, .data = data,
	                    .shape = {.rank = 1, .dim = {of.rank}}};
}

static OnnxNode expand_node(Arena *a, int64_t opset, const char *in,
                            const char *shape, const char *out)
{
	OnnxNode n = {.op = "Expand", .domain = "", .opset = opset,
	              .nin = 2, .nout = 1, .loc = {.node = in, .op = "Expand"}};
	n.in = arena_array(a, const char *, 2);
	n.out = arena_array(a, const char *, 1);
	n.in[0] = in;
	n.in[1] = shape;
	n.out[0] = out;
	return n;
}

static void read_instead(OnnxModel *m, const char *old, const char *new)
{
	for (int i = 0; i < m->nnodes; i++)
		for (int k = 0; k < m->node[i].nin; k++)
			if (!strcmp(m->node[i].in[k], old))
				m->node[i].in[k] = new;
}

static bool is_output(const OnnxModel *m, const char *name)
{
	for (int i = 0; i < m->noutputs; i++)
		if (!strcmp(m->output[i].name, name))
			return true;
	return false;
}

typedef struct Joined {     /* what is added to the model */
	int n;
	OnnxTensor *shape;
	OnnxNode *expand;
} Joined;

static void join_copies(Unit *u, OnnxModel *m, OnnxTensor *t, Joined *j)
{
	Shape one = one_copy(t);
	if (shape_equal(one, t->shape) || is_output(m, t->name))
		return;
	const char *all = arena_printf(u->arena, "%s (all)", t->name);
	const char *shape = arena_printf(u->arena, "%s (its shape)", t->name);
	j->shape[j->n] = shape_tensor(u->arena, shape, t->shape);
	read_instead(m, t->name, all);
	j->expand[j->n++] = expand_node(u->arena, m->opset, t->name, shape, all);
	t->shape = one;
}

void torch_join_copies(Unit *u, OnnxModel *m)
{
	const Torch *t = m->torch;
	OnnxTensor *init = arena_array(u->arena, OnnxTensor,
	                               m->ninits + m->nfolded);
	OnnxNode *node = arena_array(u->arena, OnnxNode,
	                             m->nnodes + m->nfolded);
	Joined j = {0, init + m->ninits, node};
	memcpy(init, m->init, sizeof *init * (size_t)m->ninits);
	for (int i = 0; i < m->nfolded; i++) {
		TorchSource s = torch_source(t, m->folded[i].from);
		const Name *n = names_find(t->init, m->folded[i].name);
		if (n && s.parameters == 1 && !s.kept)
			join_copies(u, m, &init[n->init], &j);
	}
	memcpy(node + j.n, m->node, sizeof *node * (size_t)m->nnodes);
	m->init = init;
	m->node = node;
	m->ninits += j.n;
	m->nnodes += j.n;
}
