/*
 * SplitToSequence and SequenceAt, as PyTorch's exporter writes split and chunk:
 * an element of the sequence is a slice of what was split. No value is a
 * sequence; the name of one stands for the split tensor, and only SequenceAt
 * may read it.
 */
#include "frontend/import_rules.h"

#include <string.h>

static bool reads(const OnnxNode *n, const char *name)
{
	for (int i = 0; i < n->nin; i++)
		if (!strcmp(n->in[i], name))
			return true;
	return false;
}

static bool only_elements_read(Site *s, const char *name)
{
	const OnnxModel *m = s->im->m;
	const char *other = NULL;
	for (int i = 0; i < m->nnodes; i++)
		if (strcmp(m->node[i].op, "SequenceAt") && s->im->live[i] &&
		    reads(&m->node[i], name))
			other = m->node[i].loc.node;
	for (int i = 0; i < m->noutputs; i++)
		if (!strcmp(m->output[i].name, name))
			other = name;
	if (other)
		site_error(s, "its sequence is read by '%s'; sequences are "
		           "supported where SequenceAt takes their elements",
		           other);
	return !other;
}

bool convert_split_to_sequence(Site *s)
{
	s->out[0] = site_in(s, 0);
	return s->out[0] && only_elements_read(s, s->n->out[0]);
}

/* The node whose sequence input 0 is; NULL after an error. */
static const OnnxNode *splitter(Site *s)
{
	const Name *n = names_find(s->im->names, s->n->in[0]);
	const OnnxNode *from = n && n->producer >= 0
		? &s->im->m->node[n->producer] : NULL;
	if (from && !strcmp(from->op, "SplitToSequence"))
		return from;
	site_error(s, "input 0, '%s', is not the sequence of a SplitToSequence",
	           s->n->in[0]);
	return NULL;
}

/* Part `at`, which may count from the end, of parts of equal length. */
static bool equal_part(int64_t length, int64_t dim, int64_t at, int64_t *start,
                       int64_t *size)
{
	int64_t parts = length > 0 ? dim / length + (dim % length != 0) : 0;
	at += at < 0 ? parts : 0;
	if (at < 0 || at >= parts)
		return false;
	*start = at * length;
	*size = length < dim - *start ? length : dim - *start;
	return true;
}

static bool listed_part(int n, const int64_t *length, int64_t dim, int64_t at,
                        int64_t *start, int64_t *size)
{
	at += at < 0 ? n : 0;
	*start = 0;
	if (at < 0 || at >= n)
		return false;
	for (int i = 0; i <= at; i++) {
		*size = length[i];
		if (*size < 0 || *size > dim - *start)
			return false;
		*start += i < at ? *size : 0;
	}
	return true;
}

/* Without the input `split` every part is one long, and `keepdims` says whether
 * that dimension stays. */
static Value *element(Site *s, Site *from, Value *x, int64_t at)
{
	int n, axis;
	const int64_t *length, one = 1;
	int64_t start, size;
	if (!site_axis(from, site_int(from, "axis", 0), x->shape.rank, &axis) ||
	    !site_const_ints(from, 1, "split", &n, &length))
		return NULL;
	const Value *split = site_in(from, 1);
	int64_t dim = x->shape.dim[axis];
	bool found = split && split->shape.rank == 1
		? listed_part(n, length, dim, at, &start, &size)
		: equal_part(split ? *length : one, dim, at, &start, &size);
	if (!found) {
		site_error(s, "asks for element %lld, which '%s' does not make "
		           "of %lld", (long long)at, from->loc.node,
		           (long long)dim);
		return NULL;
	}
	Value *y = site_slice(s, x, axis, start, start + size, 1);
	if (!y || split || site_int(from, "keepdims", 1))
		return y;
	Shape squeezed = x->shape;
	squeezed.rank--;
	for (int i = axis; i < squeezed.rank; i++)
		squeezed.dim[i] = x->shape.dim[i + 1];
	return site_reshape(s, y, squeezed);
}

/* The site of another node: what it reads, in this one's import. */
static Site site_of(const Site *s, const OnnxNode *n, Value *in[2])
{
	Site other = *s;
	other.n = n;
	other.loc = n->loc;
	other.in = in;
	for (other.nin = 0; other.nin < n->nin && other.nin < 2; other.nin++) {
		const Name *name = names_find(s->im->names, n->in[other.nin]);
		in[other.nin] = name ? name->value : NULL;
	}
	return other;
}

bool convert_sequence_at(Site *s)
{
	int n;
	const int64_t *at;
	Value *x = site_in(s, 0), *in[2] = {NULL};
	const OnnxNode *split = x ? splitter(s) : NULL;
	if (!split || !site_const_ints(s, 1, "position", &n, &at))
		return false;
	if (n != 1) {
		site_error(s, "its position is %d numbers, expected one", n);
		return false;
	}
	Site from = site_of(s, split, in);
	s->out[0] = element(s, &from, x, *at);
	return s->out[0] != NULL;
}
