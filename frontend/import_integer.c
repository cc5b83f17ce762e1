/*
 * Products of integers. Zero points and scales are one number, or one for each
 * channel, row or column: they are brought to a shape that stretches to the
 * result's. Whatever the file calls them, they are constants.
 */
#include "frontend/import_rules.h"
#include "ir/integer.h"

/* Input i, if it lists numbers, in front of `behind` more dimensions. */
static bool stretch(Site *s, int i, int behind)
{
	Value *v = site_in(s, i);
	if (!v)
		return true;
	if (v->kind == V_VARIABLE)
		v = graph_const(s->im->g, NULL, v->dtype, v->shape,
		                v->var->data);
	Shape to = v->shape;
	if (numel(to) == 1)
		to.rank = 0;
	else if (to.rank == 1)
		for (int d = 0; d < behind; d++)
			to.dim[to.rank++] = 1;
	s->in[i] = site_reshape(s, v, to);
	return s->in[i] != NULL;
}

static bool have(const Site *s, int first, int last)
{
	for (int i = first; i <= last; i++)
		if (!site_in(s, i)) {
			site_error(s, "input %d is missing", i);
			return false;
		}
	return true;
}

/* Of b, and so of y's channels; the other numbers are single ones. */
static bool convolution(Site *s, int b, int first, int last)
{
	if (!have(s, 0, b))
		return false;
	int spatial = s->in[b]->shape.rank - 2;
	for (int i = first; i <= last; i++)
		if (i != b && !stretch(s, i, spatial))
			return false;
	Node *n = site_conv(s, b);
	return n && site_result(s, n);
}

bool convert_conv_integer(Site *s)
{
	return convolution(s, 1, 2, 3);
}

bool convert_qlinear_conv(Site *s)
{
	return have(s, 0, QL_Y_ZERO) &&
	       convolution(s, QL_B, QL_A_SCALE, QL_Y_ZERO);
}

/* A vector is a matrix of one row, or of one column, until the product is
 * there. */
static bool matrices(Site *s, int b)
{
	Shape x = s->in[0]->shape, w = s->in[b]->shape;
	bool row = x.rank == 1, column = w.rank == 1;
	if (row)
		s->in[0] = site_reshape(s, s->in[0], (Shape){2, {1, x.dim[0]}});
	if (column)
		s->in[b] = site_reshape(s, s->in[b], (Shape){2, {w.dim[0], 1}});
	Node *n = s->in[0] && s->in[b] ? site_node(s, s->nin) : NULL;
	if (!n || !site_result(s, n))
		return false;
	Shape y = n->out[0]->shape;
	if (row)
		y.dim[y.rank - 2] = y.dim[y.rank - 1];
	y.rank -= row + column;
	s->out[0] = site_reshape(s, n->out[0], y);
	return s->out[0] != NULL;
}

bool convert_matmul_integer(Site *s)
{
	return have(s, 0, 1) && stretch(s, 2, 1) && stretch(s, 3, 0) &&
	       matrices(s, 1);
}

bool convert_qlinear_matmul(Site *s)
{
	if (!have(s, 0, QL_Y_ZERO))
		return false;
	for (int i = QL_A_SCALE; i <= QL_Y_ZERO; i++) {
		bool columns = i == QL_B_SCALE || i == QL_B_ZERO;
		if (i != QL_B && !stretch(s, i, !columns))
			return false;
	}
	return matrices(s, QL_B);
}
