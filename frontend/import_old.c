/*
 * What opsets 1 to 6 said otherwise: the second input of an arithmetic
 * operator stands at `axis` of the first, where later opsets align the two at
 * the end, and a list of slopes of PRelu is one of channels. An attribute that has gone since and decides nothing here (whether
 * the model trains, what may be overwritten) is passed over.
 */
#include "frontend/import.h"

#include <string.h>

static const int OPSET_BROADCASTS = 7;

static bool is_arithmetic(const char *op)
{
	static const char *const name[] = {
		"Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Equal",
		"Greater", "Less",
	};
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		if (!strcmp(name[i], op))
			return true;
	return false;
}

bool old_attr(const Site *s, const char *name)
{
	if (s->opset >= OPSET_BROADCASTS)
		return false;
	return !strcmp(name, "broadcast") || !strcmp(name, "is_test") ||
	       !strcmp(name, "consumed_inputs") ||
	       (!strcmp(name, "axis") && is_arithmetic(s->n->op));
}

bool old_align(Site *s)
{
	Value *a = site_in(s, 0), *b = site_in(s, 1);
	int axis;
	bool slopes = !strcmp(s->n->op, "PRelu") && b && b->shape.rank == 1 &&
	              b->shape.dim[0] != 1;
	if (s->opset >= OPSET_BROADCASTS || !a || !b ||
	    !(slopes || (is_arithmetic(s->n->op) && site_attr(s, "axis"))))
		return true;
	Shape to = b->shape;
	if (!site_axis(s, slopes ? 1 : site_int(s, "axis", 0), a->shape.rank,
	               &axis))
		return false;
	if (axis + to.rank > a->shape.rank) {
		site_error(s, "input 1 has the shape %s, which does not fit into "
		           "%s from axis %d on",
		           shape_text(s->im->u->arena, to),
		           shape_text(s->im->u->arena, a->shape), axis);
		return false;
	}
	while (axis + to.rank < a->shape.rank)
		to.dim[to.rank++] = 1;
	s->in[1] = site_reshape(s, b, to);
	return s->in[1] != NULL;
}
