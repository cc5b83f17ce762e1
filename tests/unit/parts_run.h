/* Runs a node part by part in the interpreter. */
#ifndef TESTS_UNIT_PARTS_RUN_H
#define TESTS_UNIT_PARTS_RUN_H

#include "ir/op.h"
#include "ir/parts.h"
#include "ir/verify.h"

#include <string.h>

enum { MOST_IN = 64, MOST_OUT = 8 };

/* A node, which of its inputs are in parts, and the answer. */
typedef struct Division {
	Graph *g;
	const Node *n;
	bool part[MOST_IN];
	int64_t parts;
	PartKind kind[MOST_OUT];
} Division;

static inline Value *part_input(Graph *g, const Division *d, int i)
{
	const Value *v = d->n->in[i];
	if (!v)
		return NULL;
	if (v->kind == V_CONST && !d->part[i])
		return graph_const(g, NULL, v->dtype, v->shape, v->data);
	Shape s = v->shape;
	if (d->part[i])
		s.dim[0] /= d->parts;
	return graph_input(g, arena_printf(g->unit->arena, "in%d", i), IN_DATA,
	                   v->dtype, s);
}

/* sum += weight x; integers know no weight. */
static inline void add_result(const Value *v, void *sum, void *x, double weight)
{
	for (int64_t e = 0; e < numel(v->shape); e++) {
		Scalar a = dtype_get(v->dtype, sum, e);
		Scalar b = dtype_get(v->dtype, x, e);
		if (dtype_is_float(v->dtype))
			a.f += b.f * weight;
		else
			a.i += b.i;
		dtype_put(v->dtype, sum, e, a);
	}
}

/* One part: its rows go where they belong, the rest is added up, a mean with
 * each part's share. */
static inline void run_part(const Division *d, const Node *p, int64_t which,
                            void **buf, void **of)
{
	Arena *a = d->g->unit->arena;
	const Node *n = d->n;
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			of[p->in[i]->id] = (char *)buf[n->in[i]->id] +
				(d->part[i] ? which * value_bytes(p->in[i])
				            : 0);
	for (int o = 0; o < p->nout; o++)
		of[p->out[o]->id] = d->kind[o] == PART_ROWS
			? (char *)buf[n->out[o]->id] +
			  which * value_bytes(p->out[o])
			: arena_alloc(a, (size_t)value_bytes(p->out[o]));
	kernel_eval(kernel_of(a, p), of, false);
	for (int o = 0; o < p->nout; o++)
		if (d->kind[o] != PART_ROWS)
			add_result(p->out[o], buf[n->out[o]->id],
			           of[p->out[o]->id], d->kind[o] == PART_SUM
			           ? 1 : 1.0 / (double)d->parts);
}

/* All parts, put together; buf by the whole node's values, those of its outputs
 * are zeros at first. */
static inline void run_division(const Division *d, void **buf)
{
	Arena *a = d->g->unit->arena;
	Graph *g = graph_create(d->g->model, "part");
	Value *in[MOST_IN];
	int32_t number = 0;
	for (int i = 0; i < d->n->nin; i++)
		in[i] = part_input(g, d, i);
	Value *index = graph_input(g, "part", IN_DATA, DT_I32, (Shape){0});
	Node *p = node_part(g, d->n, in, d->part, d->parts, index);
	graph_verify(g);
	void **of = arena_array(a, void *, g->nvalues);
	of[index->id] = &number;
	for (; number < d->parts; number++)
		run_part(d, p, number, buf, of);
}

#endif
