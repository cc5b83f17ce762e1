/*
 * Weights that the exporter wrote as Constant nodes, as those of PaddlePaddle
 * were: where a file has no floating-point initializer and a layer's weights are
 * constants, what would be initializers elsewhere become such.
 */
#include "frontend/import.h"

#include <string.h>

static bool is_weight(const OnnxTensor *t)
{
	return dtype_is_float(t->dtype) && t->shape.rank > 0;
}

static const OnnxTensor *weight_of(const OnnxNode *n)
{
	bool constant = !strcmp(n->op, "Constant") && !*n->domain &&
	                n->nout == 1 && n->nattr == 1 &&
	                n->attr[0].kind == OA_TENSOR && n->attr[0].t.data;
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

/* Does a layer read what a constant is? */
static bool layers_read_constants(Unit *u, const OnnxModel *m)
{
	Names *constants = names_create(u->arena, 0);
	bool found = false;
	for (int i = 0; i < m->nnodes; i++)
		if (weight_of(&m->node[i]))
			names_add(constants, m->node[i].out[0]);
	for (int i = 0; i < m->nnodes; i++)
		for (int j = 1; j < m->node[i].nin; j++)
			found |= is_layer(&m->node[i]) &&
			         names_find(constants, m->node[i].in[j]);
	return found;
}

void import_constants(Unit *u, OnnxModel *m)
{
	if (has_weights(m) || !layers_read_constants(u, m))
		return;
	OnnxTensor *init = arena_array(u->arena, OnnxTensor,
	                               m->ninits + m->nnodes);
	if (m->ninits)
		memcpy(init, m->init, sizeof *init * (size_t)m->ninits);
	m->init = init;
	int left = 0;
	for (int i = 0; i < m->nnodes; i++) {
		const OnnxTensor *t = weight_of(&m->node[i]);
		if (!t) {
			m->node[left++] = m->node[i];
			continue;
		}
		init[m->ninits] = *t;
		init[m->ninits++].name = m->node[i].out[0];
	}
	m->nnodes = left;
}
