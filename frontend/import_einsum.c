/*
 * Einsum as Transpose, ReduceSum, Mul and MatMul. Every dimension has a label: a
 * letter, or one of those that "..." stands for, counted from its end. Operands
 * are joined from the left; a label that neither a later operand nor the output
 * has is summed over as soon as it can be.
 */
#include "frontend/import_rules.h"

#include <ctype.h>
#include <string.h>

enum { ELLIPSIS = 256, NLABELS = ELLIPSIS + MAX_RANK };

typedef struct Operand {
	Value *v;            /* NULL: the output */
	int n, label[MAX_RANK];
} Operand;

static int place_of(const Operand *t, int label)
{
	for (int i = 0; i < t->n; i++)
		if (t->label[i] == label)
			return i;
	return -1;
}

static void push(Operand *t, int label)
{
	t->label[t->n++] = label;
}

/* ---- the equation ---- */

static bool bad_equation(Site *s)
{
	site_error(s, "cannot read the equation '%s' for %d inputs",
	           site_string(s, "equation", ""), s->nin);
	return false;
}

/* One operand, or the output, up to ',', '-' or the end. `rank`: its dimensions; `hidden`: those
 * of the output that "..." stands for. -1: not known. */
static bool read_term(Site *s, const char **at, int rank, int hidden, Operand *t)
{
	int letters = 0;
	bool dots = false;
	const char *p = *at;
	for (const char *q = p; *q && *q != ',' && *q != '-'; q++)
		letters += isalpha((unsigned char)*q) != 0;
	if (rank >= 0)
		hidden = rank - letters;
	for (; *p && *p != ',' && *p != '-'; p++) {
		if (isspace((unsigned char)*p))
			continue;
		if (isalpha((unsigned char)*p) && t->n < MAX_RANK) {
			push(t, (unsigned char)*p);
			continue;
		}
		if (strncmp(p, "...", 3) || dots || hidden < 0 ||
		    t->n + hidden > MAX_RANK)
			return bad_equation(s);
		for (int i = hidden; i > 0; i--)
			push(t, ELLIPSIS + i - 1);
		dots = true;
		p += 2;
	}
	*at = p;
	return rank < 0 || t->n == rank || bad_equation(s);
}

/* Without "->": what "..." stands for, and every letter that is there once, in
 * the order of the alphabet. */
static void implicit_output(const Operand *in, int n, int hidden, Operand *out)
{
	int count[NLABELS] = {0};
	for (int i = 0; i < n; i++)
		for (int j = 0; j < in[i].n; j++)
			count[in[i].label[j]]++;
	for (int i = hidden; i > 0; i--)
		push(out, ELLIPSIS + i - 1);
	for (int l = 0; l < ELLIPSIS && out->n < MAX_RANK; l++)
		if (count[l] == 1)
			push(out, l);
}

static bool read_equation(Site *s, Operand *in, Operand *out)
{
	const char *p = site_string(s, "equation", "");
	int hidden = 0;
	for (int i = 0; i < s->nin; i++) {
		in[i].v = s->in[i];
		if (i && *p++ != ',')
			return bad_equation(s);
		if (!in[i].v ||
		    !read_term(s, &p, in[i].v->shape.rank, -1, &in[i]))
			return bad_equation(s);
		for (int j = 0; j < in[i].n; j++)
			if (in[i].label[j] - ELLIPSIS >= hidden)
				hidden = in[i].label[j] - ELLIPSIS + 1;
	}
	if (!*p) {
		implicit_output(in, s->nin, hidden, out);
		return true;
	}
	if (strncmp(p, "->", 2))
		return bad_equation(s);
	p += 2;
	return read_term(s, &p, -1, hidden, out) && (!*p || bad_equation(s));
}

/* ---- one operand ---- */

/* Its dimensions in the order of the labels. */
static bool arrange(Site *s, Operand *t, int n, const int *label)
{
	int perm[MAX_RANK];
	bool same = true;
	for (int i = 0; i < n; i++) {
		perm[i] = place_of(t, label[i]);
		same &= perm[i] == i;
	}
	if (!same)
		t->v = site_transpose(s, t->v, perm);
	memcpy(t->label, label, sizeof *label * (size_t)n);
	return t->v != NULL;
}

static void drop(Operand *t, int place)
{
	t->n--;
	memmove(t->label + place, t->label + place + 1,
	        sizeof *t->label * (size_t)(t->n - place));
}

/* Of a label that is there twice, the diagonal: the two dimensions as one, of
 * which every (dim + 1)th element is taken. */
static bool take_diagonal(Site *s, Operand *t, int first, int second)
{
	int64_t dim = t->v->shape.dim[first];
	int perm[MAX_RANK], n = 0;
	if (t->v->shape.dim[second] != dim)
		return bad_equation(s);
	for (int i = 0; i < t->n; i++)
		if (i != first && i != second)
			perm[n++] = i;
	perm[n] = first;
	perm[n + 1] = second;
	int label = t->label[first];
	Value *v = site_transpose(s, t->v, perm);
	if (!v)
		return false;
	Shape flat = v->shape;
	flat.rank--;
	flat.dim[n] = dim * dim;
	v = site_reshape(s, v, flat);
	t->v = v ? site_slice(s, v, n, 0, dim * dim, dim + 1) : NULL;
	drop(t, second);
	drop(t, first);
	push(t, label);
	return t->v != NULL;
}

static bool take_diagonals(Site *s, Operand *t)
{
	for (int i = 0; i < t->n; i++)
		for (int j = i + 1; j < t->n; j++)
			if (t->label[i] == t->label[j]) {
				if (!take_diagonal(s, t, i, j))
					return false;
				i = -1;
				break;
			}
	return true;
}

/* Sums over the labels that are not wanted. */
static bool sum_rest(Site *s, Operand *t, const bool wanted[])
{
	int64_t axes[MAX_RANK];
	int n = 0;
	for (int i = 0; i < t->n; i++)
		if (!wanted[t->label[i]])
			axes[n++] = i;
	const OpDef *op = n ? site_op(s, "ReduceSum") : NULL;
	if (!op)
		return n == 0;
	Node *sum = node_new(s->im->g, s->loc, op, 1, &t->v);
	node_set_ints(s->im->g, sum, "axes", n, axes);
	node_set_int(s->im->g, sum, "keepdims", 0);
	t->v = site_done(s, sum);
	while (n-- > 0)
		drop(t, (int)axes[n]);
	return t->v != NULL;
}

/* ---- two operands ---- */

/* The labels of `t` that the other has, or has not, and that are kept, or not. */
static int choose(const Operand *t, const Operand *other, bool shared,
                  const bool kept[], bool keep, int out[])
{
	int n = 0;
	for (int i = 0; i < t->n; i++) {
		int l = t->label[i];
		if ((place_of(other, l) >= 0) == shared && kept[l] == keep)
			out[n++] = l;
	}
	return n;
}

typedef struct Groups {
	int nbatch, nleft, nright, nsum;
	int batch[MAX_RANK], left[MAX_RANK], right[MAX_RANK], sum[MAX_RANK];
} Groups;

static int append(int to[], int n, const int from[], int count)
{
	memcpy(to + n, from, sizeof *from * (size_t)count);
	return n + count;
}

/* The dimensions of `count` labels from place `first` on as one. */
static int64_t merged(const Value *v, int first, int count)
{
	int64_t n = 1;
	for (int i = first; i < first + count; i++)
		n *= v->shape.dim[i];
	return n;
}

/* [batch.., a, b] of an operand in which they are `na` and `nb` dimensions. */
static Value *as_matrices(Site *s, const Operand *t, int nbatch, int na, int nb)
{
	Shape to = {.rank = nbatch + 2};
	memcpy(to.dim, t->v->shape.dim, sizeof *to.dim * (size_t)nbatch);
	to.dim[nbatch] = merged(t->v, nbatch, na);
	to.dim[nbatch + 1] = merged(t->v, nbatch + na, nb);
	return site_reshape(s, t->v, to);
}

static bool join(Site *s, Operand *a, Operand *b, const bool kept[])
{
	Groups g = {0};
	int label[2 * MAX_RANK], n;
	g.nbatch = choose(a, b, true, kept, true, g.batch);
	g.nsum = choose(a, b, true, kept, false, g.sum);
	g.nleft = choose(a, b, false, kept, true, g.left);
	g.nright = choose(b, a, false, kept, true, g.right);
	if (g.nbatch + g.nleft + g.nright > MAX_RANK ||
	    g.nbatch + 2 > MAX_RANK) {
		site_error(s, "has intermediate results of more than %d "
		           "dimensions", MAX_RANK);
		return false;
	}
	for (int i = 0; i < g.nsum; i++)
		if (a->v->shape.dim[place_of(a, g.sum[i])] !=
		    b->v->shape.dim[place_of(b, g.sum[i])])
			return bad_equation(s);
	n = append(label, 0, g.batch, g.nbatch);
	n = append(label, n, g.left, g.nleft);
	n = append(label, n, g.sum, g.nsum);
	if (!arrange(s, a, n, label))
		return false;
	n = append(label, 0, g.batch, g.nbatch);
	n = append(label, n, g.sum, g.nsum);
	n = append(label, n, g.right, g.nright);
	if (!arrange(s, b, n, label))
		return false;
	Value *in[2] = {as_matrices(s, a, g.nbatch, g.nleft, g.nsum),
	                as_matrices(s, b, g.nbatch, g.nsum, g.nright)};
	if (!in[0] || !in[1])
		return false;
	Value *y = site_apply(s, g.nsum ? "MatMul" : "Mul", 2, in);
	if (!y)
		return false;
	Shape to = {.rank = g.nbatch + g.nleft + g.nright};
	for (int i = 0; i < to.rank; i++)
		to.dim[i] = i < g.nbatch ? y->shape.dim[i]
		            : i < g.nbatch + g.nleft ? a->v->shape.dim[i]
		            : b->v->shape.dim[i - g.nleft + g.nsum];
	a->v = site_reshape(s, y, to);
	a->n = append(a->label, 0, g.batch, g.nbatch);
	a->n = append(a->label, a->n, g.left, g.nleft);
	a->n = append(a->label, a->n, g.right, g.nright);
	return a->v != NULL;
}

static void want(bool wanted[], const Operand *t)
{
	for (int i = 0; i < t->n; i++)
		wanted[t->label[i]] = true;
}

/* Joins the next operand to what there is of those before it. */
static bool join_next(Site *s, Operand *in, int i, const Operand *out)
{
	bool later[NLABELS] = {false}, other[NLABELS];
	want(later, out);
	for (int j = i + 1; j < s->nin; j++)
		want(later, &in[j]);
	memcpy(other, later, sizeof other);
	want(other, &in[i]);
	if (!sum_rest(s, &in[0], other))
		return false;
	memcpy(other, later, sizeof other);
	want(other, &in[0]);
	return sum_rest(s, &in[i], other) && join(s, &in[0], &in[i], later);
}

bool convert_einsum(Site *s)
{
	Operand *in = arena_array(s->im->u->arena, Operand, s->nin + 1), out = {0};
	bool wanted[NLABELS] = {false};
	if (!s->nin || !read_equation(s, in, &out))
		return s->nin ? false : bad_equation(s);
	for (int i = 0; i < s->nin; i++)
		if (!take_diagonals(s, &in[i]))
			return false;
	for (int i = 1; i < s->nin; i++)
		if (!join_next(s, in, i, &out))
			return false;
	want(wanted, &out);
	if (!sum_rest(s, &in[0], wanted))
		return false;
	for (int i = 0; i < out.n; i++)
		if (place_of(&in[0], out.label[i]) < 0)
			return bad_equation(s);
	if (in[0].n != out.n || !arrange(s, &in[0], out.n, out.label))
		return bad_equation(s);
	s->out[0] = in[0].v;
	return true;
}
