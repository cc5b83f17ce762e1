/*
 * Random graphs full of values that may lie inside of others: matrices of a few
 * columns, cut and put together by rows, which is contiguous, and now and then
 * by columns, which is not.
 */
#ifndef TESTS_VIEWS_GRAPH_H
#define TESTS_VIEWS_GRAPH_H

#include "tests/unit/random_graph.h"

enum { VIEW_COLUMNS = 4, VIEW_MOST_ROWS = 64 };

static inline Shape rows_shape(int64_t rows)
{
	return (Shape){2, {rows, VIEW_COLUMNS}};
}

static inline int64_t rows_of(const Value *v)
{
	return v->shape.dim[0];
}

static inline Value *rows_concat(Maker *m, int64_t axis)
{
	Value *in[3];
	int n = 0;
	int64_t rows = 0;
	for (int i = 0; i < 3; i++) {
		Value *v = pick(m);
		if (axis && n && rows_of(v) != rows_of(in[0]))
			continue;
		if (!axis && rows + rows_of(v) > VIEW_MOST_ROWS)
			continue;
		rows += rows_of(v);
		in[n++] = v;
	}
	if (!n)
		return NULL;
	Node *c = node_new(m->g, (Loc){0}, &op_Concat, n, in);
	node_set_int(m->g, c, "axis", axis);
	return node_done(m->g, c);
}

static inline Value *rows_slice(Maker *m, Value *x)
{
	int64_t start = random_int(&m->random, (int)rows_of(x));
	int64_t left = rows_of(x) - start, axis = 0;
	int64_t end = start + 1 + random_int(&m->random, (int)left);
	Node *s = NEW(m->g, (Loc){0}, op_Slice, x);
	node_set_ints(m->g, s, "starts", 1, &start);
	node_set_ints(m->g, s, "ends", 1, &end);
	node_set_ints(m->g, s, "axes", 1, &axis);
	return node_done(m->g, s);
}

/* All parts go to the pool but the last, which is returned. */
static inline Value *rows_split(Maker *m, Value *x)
{
	int64_t part[3], left = rows_of(x);
	int n = 0;
	for (; n < 2 && left > 1; n++) {
		part[n] = 1 + random_int(&m->random, (int)left - 1);
		left -= part[n];
	}
	part[n++] = left;
	Node *s = NEW(m->g, (Loc){0}, op_Split, x);
	node_set_outputs(m->g, s, n);
	node_set_ints(m->g, s, "split", n, part);
	node_done(m->g, s);
	for (int i = 0; i + 1 < n; i++)
		offer(m, s->out[i]);
	return s->out[n - 1];
}

/* Back to a few columns. */
static inline Value *columns_concat(Maker *m)
{
	Value *wide = rows_concat(m, 1);
	if (!wide)
		return NULL;
	return reshaped(m, wide, rows_shape(numel(wide->shape) / VIEW_COLUMNS));
}

static inline Value *there_and_back(Maker *m, Value *x)
{
	Value *flat = reshaped(m, x, (Shape){1, {numel(x->shape)}});
	return reshaped(m, unary(m, flat), x->shape);
}

static inline Value *rows_transpose(Maker *m, Value *x)
{
	Value *v = reshaped(m, x, (Shape){3, {rows_of(x), 1, VIEW_COLUMNS}});
	Node *t = NEW(m->g, (Loc){0}, op_Transpose, v);
	node_set_ints(m->g, t, "perm", 3, (int64_t[]){1, 0, 2});
	return reshaped(m, node_done(m->g, t), x->shape);
}

static inline Value *rows_binary(Maker *m, Value *x)
{
	static const OpDef *const ops[] = {&op_Add, &op_Sub, &op_Mul};
	Value *y = pick(m);
	if (rows_of(y) != rows_of(x) && rows_of(y) != 1)
		y = x;
	return APPLY(m->g, (Loc){0}, *ops[random_int(&m->random, 3)], x, y);
}

static inline Value *another_view(Maker *m)
{
	Value *x = pick(m), *v = NULL;
	switch (random_int(&m->random, 12)) {
	case 0: case 1: case 2:
		v = rows_concat(m, 0);
		break;
	case 3: case 4:
		return rows_slice(m, x);
	case 5:
		return rows_split(m, x);
	case 6:
		v = columns_concat(m);
		break;
	case 7:
		return there_and_back(m, x);
	case 8:
		return rows_transpose(m, x);
	case 9:
		return rows_binary(m, x);
	}
	return v && rows_of(v) <= VIEW_MOST_ROWS ? v : unary(m, x);
}

static inline void add_view_sources(Maker *m)
{
	Arena *a = m->unit->arena;
	for (int i = 0; i < 2; i++)
		offer(m, graph_input(m->g, arena_printf(a, "x%d", i), IN_DATA,
		                     DT_F32, rows_shape(1 + random_int(
		                     &m->random, 24))));
	for (int i = 0; i < 3; i++) {
		Shape s = rows_shape(2 + random_int(&m->random, 12));
		Variable *var = model_variable(m->g->model,
		                               arena_printf(a, "w%d", i),
		                               VAR_PARAMETER, DT_F32, s);
		var->data = random_data(m, s);
		var->mutable = i < 2;
		Value *v = graph_variable(m->g, var);
		offer(m, v);
		if (var->mutable)
			m->var[m->nvars++] = v;
	}
	Shape s = rows_shape(7);
	offer(m, graph_const(m->g, NULL, DT_F32, s, random_data(m, s)));
}

/* A replaced variable of the same rows. */
static inline void replace_rows(Maker *m)
{
	Value *old = m->var[--m->nvars];
	Value *new = APPLY(m->g, (Loc){0}, op_Sub, old,
	                   APPLY(m->g, (Loc){0}, op_Tanh, old));
	new->var = old->var;
	new->memory = old->memory;
	withdraw(m, old);
	offer(m, new);
}

static inline Graph *views_graph(Unit *u, uint64_t seed, int n)
{
	Maker *m = arena_new(u->arena, Maker);
	m->random.state = seed ^ 0x5eed;
	m->unit = u;
	m->g = graph_create(model_create(u, "m"), "train");
	add_view_sources(m);
	for (int i = 0; i < n; i++) {
		if (m->nvars && !random_int(&m->random, n / 3 + 1))
			replace_rows(m);
		else
			offer(m, another_view(m));
	}
	for (int i = 0; i < 3; i++)
		graph_output(m->g, arena_printf(u->arena, "y%d", i), OUT_DATA,
		             i ? pick(m) : m->pool[m->npool - 1]);
	return m->g;
}

#endif
