/*
 * The exporter by tracing (dynamo=False) notes nothing beside the graph. Where it
 * folds constants it gives a MatMul a transposed copy of a Linear's weight, by a
 * name of its own, "onnx::MatMul_123"; if another layer has the weight as well, as
 * a tied embedding has, that one keeps the weight as it is. The two would train
 * apart: they are one parameter again.
 */
#include "frontend/import_torch.h"

#include <string.h>

static bool is_folded(const OnnxTensor *t)
{
	return !strncmp(t->name, "onnx::MatMul_", 13);
}

/* The weights that are there as they are, by fingerprint. */
static Names *list_originals(Arena *a, const OnnxModel *m)
{
	Names *names = names_create(a, (size_t)m->ninits);
	for (int i = 0; i < m->ninits; i++) {
		const char *text = is_folded(&m->init[i]) ? NULL
			: onnx_fingerprint(a, &m->init[i], false);
		if (text && !names_find(names, text))
			names_add(names, text)->init = i;
	}
	return names;
}

/* Old files declare their initializers: these keep their names. */
static bool is_declared(const OnnxModel *m, const char *name)
{
	for (int i = 0; i < m->ninputs; i++)
		if (!strcmp(m->input[i].name, name))
			return true;
	return false;
}

static const OnnxTensor *find_original(Arena *a, const OnnxModel *m,
                                       const Names *originals,
                                       const OnnxTensor *t)
{
	const char *text = onnx_fingerprint(a, t, true);
	const Name *n = text ? names_find(originals, text) : NULL;
	return n && onnx_transposed(&m->init[n->init], t) &&
	       !is_declared(m, t->name) ? &m->init[n->init] : NULL;
}

static bool has_folded(const OnnxModel *m)
{
	for (int i = 0; i < m->ninits; i++)
		if (is_folded(&m->init[i]))
			return true;
	return false;
}

void torch_tie_folded(Unit *u, OnnxModel *m)
{
	if (!has_folded(m))
		return;
	Arena *a = u->arena;
	Names *originals = list_originals(a, m);
	OnnxNode *node = arena_array(a, OnnxNode, m->nnodes + m->ninits);
	int n = 0;
	for (int i = 0; i < m->ninits; i++) {
		OnnxTensor *t = &m->init[i];
		const OnnxTensor *original = is_folded(t)
			? find_original(a, m, originals, t) : NULL;
		if (!original)
			continue;
		node[n++] = torch_transpose(a, m->opset, original->name,
		                            t->name);
		t->name = arena_printf(a, "%s (a copy)", t->name);
	}
	memcpy(node + n, m->node, sizeof *node * (size_t)m->nnodes);
	m->node = node;
	m->nnodes += n;
}
