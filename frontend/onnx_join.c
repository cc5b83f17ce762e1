/*
 * The graph of a training step: "the actual input/initializer/output/node list
 * of the training graph is the concatenation of" the inference graph's and the
 * algorithm's, "in that order" (TrainingInfoProto in onnx.proto).
 */
#include "frontend/onnx_model.h"

#include <string.h>

static void *concat(Arena *a, const void *first, int nfirst, const void *then,
                    int nthen, size_t size)
{
	char *all = arena_alloc(a, (size_t)(nfirst + nthen) * size + 1);
	if (nfirst)
		memcpy(all, first, (size_t)nfirst * size);
	if (nthen)
		memcpy(all + (size_t)nfirst * size, then, (size_t)nthen * size);
	return all;
}

#define CONCAT(a, m, list, count, with) \
	((m)->list = concat((a), (m)->list, (m)->count, (with)->list, \
	                    (with)->count, sizeof *(m)->list), \
	 (m)->count += (with)->count)

static bool is_step(const OnnxTraining *t)
{
	return t->algorithm->nnodes || t->nupdates;
}

bool onnx_trains(const OnnxModel *m)
{
	for (int i = 0; i < m->ntrainings; i++)
		if (is_step(&m->training[i]))
			return true;
	return false;
}

void onnx_own(OnnxModel *m)
{
	m->own.inits = m->ninits;
	m->own.inputs = m->ninputs;
	m->own.outputs = m->noutputs;
	m->own.nodes = m->nnodes;
}

bool onnx_join(Unit *u, OnnxModel *m)
{
	const OnnxTraining *step = NULL;
	int n = 0;
	for (int i = 0; i < m->ntrainings; i++)
		if (is_step(&m->training[i])) {
			step = &m->training[i];
			n++;
		}
	if (n > 1) {
		error_at(u, (Loc){0}, "the file trains in %d steps one after the "
		         "other (training_info); one is supported", n);
		return false;
	}
	if (!step)
		return true;
	const OnnxModel *with = step->algorithm;
	CONCAT(u->arena, m, init, ninits, with);
	CONCAT(u->arena, m, input, ninputs, with);
	CONCAT(u->arena, m, output, noutputs, with);
	CONCAT(u->arena, m, node, nnodes, with);
	m->joined = step;
	return true;
}
