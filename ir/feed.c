#include "ir/feed.h"

#include "ir/batch_axis.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/slice.h"

#include <string.h>

static int64_t product(Shape s, int from, int to)
{
	int64_t n = 1;
	for (int a = from; a < to; a++)
		n *= s.dim[a];
	return n;
}

static bool asks_for_rows(const Node *n)
{
	return n->op == &op_Feed && n->attr[SLICE_STARTS].set;
}

/* Elements of a row that some node asks for; 0: none does. */
static int64_t row_of(const Graph *g, const Value *input)
{
	int64_t row = 0;
	for (const Node *n = g->first; n && !row; n = n->next) {
		if (asks_for_rows(n) && n->in[0] == input)
			return product(input->shape, BAND_AXIS + 1,
			               input->shape.rank);
		for (int i = 0; n->scan && i < n->nin && !row; i++)
			if (n->in[i] == input)
				row = row_of(n->scan->graph,
				             n->scan->graph->input[i]);
	}
	return row;
}

static int64_t example_of(const Graph *g, const Value *input)
{
	int64_t all = numel(input->shape);
	return value_has_batch(g, input) ? all / graph_batch(g) : all;
}

int64_t feed_unit(const Program *p, const char *input)
{
	const Plan *const of[] = {p->train, p->evaluate};
	int64_t row = 0, example = 0;
	for (int f = 0; f < 2; f++) {
		const Graph *g = of[f] ? of[f]->graph : NULL;
		for (int i = 0; g && i < g->ninputs; i++) {
			const Value *v = g->input[i];
			if (!v->fed || strcmp(v->name, input))
				continue;
			example = example_of(g, v);
			row = row ? row : row_of(g, v);
		}
	}
	return row ? row : example;
}

Ask feed_ask(const Node *n, int64_t unit)
{
	const Shape x = n->in[0]->shape, y = n->out[0]->shape;
	Ask ask = {unit, 1, 0, 0, numel(y) / unit};
	if (!asks_for_rows(n))
		return ask;
	ask.calls = product(x, 0, BAND_AXIS);
	ask.count /= ask.calls;
	ask.first = n->attr[SLICE_STARTS].ints[0];
	ask.apart = x.dim[BAND_AXIS];
	return ask;
}
