/* Where the blocks of a weight come from, through what exporters do to bring
 * them into another order. */
#include "frontend/import_rules.h"

#include <string.h>

/* Elements before `axis`: 1 if parts along it lie one behind the other. */
static int64_t outside(Shape s, int axis)
{
	int64_t n = 1;
	for (int i = 0; i < axis; i++)
		n *= s.dim[i];
	return n;
}

static int64_t inside(Shape s, int axis)
{
	return numel(s) / (s.dim[axis] * outside(s, axis));
}

/* The input of a Concat that has `count` elements from *at on; NULL: none. */
static Value *joined_from(const Node *n, int64_t *at, int64_t count)
{
	Shape y = n->out[0]->shape;
	int64_t axis = attr_int(n, op_attr(n->op, "axis"));
	axis += axis < 0 ? y.rank : 0;
	if (outside(y, (int)axis) != 1)
		return NULL;
	for (int i = 0; i < n->nin; i++) {
		int64_t size = numel(n->in[i]->shape);
		if (*at < size)
			return *at + count <= size ? n->in[i] : NULL;
		*at -= size;
	}
	return NULL;
}

/* The input of a Slice that takes consecutive elements. */
static Value *sliced_from(const Node *n, int64_t *at)
{
	const Attr *start = &n->attr[op_attr(n->op, "starts")];
	const Attr *axis = &n->attr[op_attr(n->op, "axes")];
	const Attr *step = &n->attr[op_attr(n->op, "steps")];
	Shape x = n->in[0]->shape;
	if (start->n != 1 || !axis->set || !step->set || step->ints[0] != 1 ||
	    outside(x, (int)axis->ints[0]) != 1)
		return NULL;
	*at += start->ints[0] * inside(x, (int)axis->ints[0]);
	return n->in[0];
}

/* Whose elements those of v from *at on are. */
static Value *source_of(Value *v, int64_t *at, int64_t count)
{
	while (v->def) {
		const char *op = v->def->op->name;
		int64_t there = *at;
		Value *from = v->def->op->view ? v->def->in[0]
		            : !strcmp(op, "Concat")
		              ? joined_from(v->def, &there, count)
		            : !strcmp(op, "Slice") ? sliced_from(v->def, &there)
		            : NULL;
		if (!from)
			break;
		v = from;
		*at = there;
	}
	return v;
}

void blocks_find(Blocks *b, int count)
{
	int seen = 0;
	for (int i = 0; i < count; i++) {
		int64_t at = b->at + i * b->size;
		Value *v = source_of(b->v, &at, b->size);
		if ((i && v != b->source) || at % b->size ||
		    numel(v->shape) != count * b->size) {
			b->source = NULL;
			return;
		}
		b->source = v;
		b->order[i] = at / b->size;
		seen |= 1 << b->order[i];
	}
	if (seen != (1 << count) - 1)
		b->source = NULL;
}
