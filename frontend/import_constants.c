/*
 * Weights that the exporter wrote as Constant nodes, as those of PaddlePaddle
 * were, or in the branches of an If or the body of a Loop, as those of a model are
 * that has a network for each sampling rate: where a file has no floating-point
 * initializer and a layer's weights are constants, what would be initializers
 * elsewhere become such.
 */
#include "frontend/import.h"

#include <string.h>

typedef struct Constants {
	Arena *arena;
	OnnxModel *m;
	/* Name.init: 0, or more if other bodies have that name, too: that stays
	 * what it is. */
	Names *names;
	int n;                   /* of them */
} Constants;

static bool is_weight(const OnnxTensor *t)
{
	return dtype_is_float(t->dtype) && t->shape.rank > 0 && t->data;
}

static const OnnxTensor *weight_of(const OnnxNode *n)
{
	bool constant = !strcmp(n->op, "Constant") && !*n->domain &&
	                n->nout == 1 && n->nattr == 1 &&
	                n->attr[0].kind == OA_TENSOR;
	return constant && is_weight(&n->attr[0].t) ? &n->attr[0].t : NULL;
}

static bool is_layer(const OnnxNode *n)
{
	static const char *const layers[] = {
		"Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN",
	};
	for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
		if (!strcmp(n->op, layers[i]))
			return !*n->domain;
	return false;
}

static bool has_weights(const OnnxModel *m)
{
	for (int i = 0; i < m->ninits; i++)
		if (is_weight(&m->init[i]))
			return true;
	return false;
}

/* ---- which there are ---- */

static void count(Constants *c, const char *name)
{
	names_add(c->names, name)->init++;
	c->n++;
}

static void count_all(Constants *c, int n, const OnnxNode *node)
{
	for (int i = 0; i < n; i++) {
		if (weight_of(&node[i]))
			count(c, node[i].out[0]);
		for (int k = 0; k < node[i].nattr; k++) {
			const OnnxBranch *b = node[i].attr[k].branch;
			for (int j = 0; b && j < b->ninits; j++)
				if (is_weight(&b->init[j]))
					count(c, b->init[j].name);
			if (b)
				count_all(c, b->nnodes, b->node);
		}
	}
}

/* Does a layer read one? */
static bool layers_read(const Constants *c, int n, const OnnxNode *node)
{
	bool found = false;
	for (int i = 0; i < n; i++) {
		for (int j = 1; j < node[i].nin; j++)
			found |= is_layer(&node[i]) &&
			         names_find(c->names, node[i].in[j]);
		for (int k = 0; k < node[i].nattr; k++) {
			const OnnxBranch *b = node[i].attr[k].branch;
			found |= b && layers_read(c, b->nnodes, b->node);
		}
	}
	return found;
}

/* ---- initializers ---- */

static bool take(Constants *c, const OnnxTensor *t, const char *name)
{
	if (names_find(c->names, name)->init)
		return false;
	c->m->init[c->m->ninits] = *t;
	c->m->init[c->m->ninits++].name = name;
	return true;
}

static int take_nodes(Constants *, int n, OnnxNode *);

static void take_body(Constants *c, OnnxAttr *a)
{
	OnnxBranch *b = arena_new(c->arena, OnnxBranch);
	*b = *a->branch;
	a->branch = b;
	int left = 0;
	for (int i = 0; i < b->ninits; i++)
		if (!is_weight(&b->init[i]) ||
		    !take(c, &b->init[i], b->init[i].name))
			b->init[left++] = b->init[i];
	b->ninits = left;
	b->nnodes = take_nodes(c, b->nnodes, b->node);
}

/* How many are left. */
static int take_nodes(Constants *c, int n, OnnxNode *node)
{
	int left = 0;
	for (int i = 0; i < n; i++) {
		const OnnxTensor *t = weight_of(&node[i]);
		if (t && take(c, t, node[i].out[0]))
			continue;
		for (int k = 0; k < node[i].nattr; k++)
			if (node[i].attr[k].branch)
				take_body(c, &node[i].attr[k]);
		node[left++] = node[i];
	}
	return left;
}

void import_constants(Unit *u, OnnxModel *m)
{
	Constants c = {u->arena, m, names_create(u->arena, 0), 0};
	if (has_weights(m))
		return;
	count_all(&c, m->nnodes, m->node);
	if (!layers_read(&c, m->nnodes, m->node))
		return;
	OnnxTensor *init = arena_array(u->arena, OnnxTensor, m->ninits + c.n);
	if (m->ninits)
		memcpy(init, m->init, sizeof *init * (size_t)m->ninits);
	m->init = init;
	m->nnodes = take_nodes(&c, m->nnodes, m->node);
}
