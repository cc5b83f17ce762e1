#include "ir/move.h"

Side side_whole(const Value *v)
{
	Side s = {.v = v};
	shape_strides(v->shape, s.stride);
	return s;
}

Side side_part(const Value *v, const int64_t at[], const int64_t step[])
{
	Side s = side_whole(v);
	for (int i = 0; i < v->shape.rank; i++) {
		s.start += at[i] * s.stride[i];
		if (step)
			s.stride[i] *= step[i];
	}
	return s;
}

void move_shape(Move *m, Shape s)
{
	m->rank = s.rank;
	for (int i = 0; i < s.rank; i++)
		m->dim[i] = s.dim[i];
}

static void copy_dim(Move *to, int t, const Move *from, int f)
{
	to->dim[t] = from->dim[f];
	to->from.stride[t] = from->from.stride[f];
	to->to.stride[t] = from->to.stride[f];
}

/* Without dimensions of 1, and with neighbours merged where one step of the
 * outer is the whole inner on both sides. */
static Move merge(const Move *m)
{
	Move r = *m;
	r.rank = 0;
	for (int i = 0; i < m->rank; i++) {
		int o = r.rank - 1;
		if (m->dim[i] == 1)
			continue;
		if (r.rank &&
		    r.from.stride[o] == m->from.stride[i] * m->dim[i] &&
		    r.to.stride[o] == m->to.stride[i] * m->dim[i]) {
			int64_t both = r.dim[o] * m->dim[i];
			copy_dim(&r, o, m, i);
			r.dim[o] = both;
		} else {
			copy_dim(&r, r.rank++, m, i);
		}
	}
	return r;
}

static Index element(const Side *s, int rank, const int loop[])
{
	Index at = k_const(s->start);
	for (int i = 0; i < rank; i++)
		if (s->stride[i])
			at = k_sum(at, k_scaled(k_at(loop[i]), s->stride[i]));
	return at;
}

void k_move(Kernel *k, const Move *m)
{
	Move r = merge(m);
	int loop[MAX_MOVE];
	for (int i = 0; i < r.rank; i++)
		loop[i] = k_for(k, r.dim[i]);
	Index to = element(&r.to, r.rank, loop);
	Expr *x = k_load_flat(k, r.from.v, element(&r.from, r.rank, loop));
	if (m->add)
		x = k_add(k, k_load_flat(k, r.to.v, to), x);
	k_store_flat(k, r.to.v, to, x);
	k_end_n(k, r.rank);
}
