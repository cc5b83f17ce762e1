#include "ir/slice.h"

static bool check_lengths(Unit *u, const Node *n, int rank)
{
	int count = n->attr[SLICE_STARTS].n;
	for (int i = SLICE_ENDS; i <= SLICE_STEPS; i++) {
		bool optional = i != SLICE_ENDS;
		if ((optional && !n->attr[i].set) || n->attr[i].n == count)
			continue;
		error_at(u, n->loc, "%s has %d numbers, starts has %d",
		         n->op->attrs[i].name, n->attr[i].n, count);
		return false;
	}
	if (count <= rank)
		return true;
	error_at(u, n->loc, "starts has %d numbers, the input %d dimensions",
	         count, rank);
	return false;
}

/* Elements from start to end, exclusive; -1 if out of range. */
static int64_t count_range(int64_t dim, int64_t start, int64_t end, int64_t step)
{
	if (step == 0 || step == INT64_MIN || start < 0 || start > dim ||
	    end > dim || (step < 0 && start == dim && dim > 0))
		return -1;
	if (step > 0)
		return end <= start ? 0 : (end - start - 1) / step + 1;
	if (end < 0)
		end = -1;
	return dim == 0 || start <= end ? 0 : (start - end - 1) / -step + 1;
}

bool slice_of(Unit *u, const Node *n, Shape whole, Slice *s)
{
	const Attr *axes = &n->attr[SLICE_AXES], *steps = &n->attr[SLICE_STEPS];
	bool seen[MAX_RANK] = {false};
	s->shape = whole;
	for (int i = 0; i < whole.rank; i++) {
		s->at[i] = 0;
		s->step[i] = 1;
	}
	if (!check_lengths(u, n, whole.rank))
		return false;
	for (int i = 0; i < n->attr[SLICE_STARTS].n; i++) {
		int a = i;
		if (axes->set &&
		    !infer_axis(u, n, axes->ints[i], whole.rank, &a))
			return false;
		int64_t start = n->attr[SLICE_STARTS].ints[i];
		int64_t end = n->attr[SLICE_ENDS].ints[i];
		int64_t step = steps->set ? steps->ints[i] : 1;
		int64_t count = count_range(whole.dim[a], start, end, step);
		if (count < 0 || seen[a]) {
			error_at(u, n->loc, "cannot take %lld to %lld by %lld of "
			         "%lld elements along axis %d",
			         (long long)start, (long long)end,
			         (long long)step, (long long)whole.dim[a], a);
			return false;
		}
		seen[a] = true;
		s->at[a] = start;
		s->step[a] = step;
		s->shape.dim[a] = count;
	}
	return true;
}

bool slice_names_first(const Node *n)
{
	const Attr *axes = &n->attr[SLICE_AXES];
	if (!axes->set)
		return n->attr[SLICE_STARTS].n > 0;
	for (int i = 0; i < axes->n; i++)
		if (axes->ints[i] == 0 ||
		    axes->ints[i] == -n->in[0]->shape.rank)
			return true;
	return false;
}

int64_t slice_element(const Slice *s, Shape whole, int64_t at)
{
	int64_t to = 0, below = 1;
	for (int i = whole.rank - 1; i >= 0; i--) {
		to += (s->at[i] + at % s->shape.dim[i] * s->step[i]) * below;
		at /= s->shape.dim[i];
		below *= whole.dim[i];
	}
	return to;
}
