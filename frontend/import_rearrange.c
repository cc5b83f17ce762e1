/* Operators that are a Transpose of more dimensions than their input has. */
#include "frontend/import_rules.h"

#include <string.h>

/* x as `apart`, its dimensions in the order `perm`, as `to`. */
static bool give_rearranged(Site *s, Value *x, Shape apart, const int perm[],
                            Shape to)
{
	Value *y = site_reshape(s, x, apart);
	y = y ? site_transpose(s, y, perm) : NULL;
	s->out[0] = y ? site_reshape(s, y, to) : NULL;
	return s->out[0] != NULL;
}

/* The blocksize of [N, C, H, W], which divides the dimensions from `first` to
 * `last` as often as `times` says; 0: an error. */
static int64_t block_size(Site *s, int first, int last, int times)
{
	const Value *x = site_in(s, 0);
	int64_t b = site_int(s, "blocksize", 0);
	if (!x || x->shape.rank != 4 || b < 1 || b > INT32_MAX) {
		site_error(s, "its blocksize is %lld, its input %s; expected a "
		           "positive number and [N, C, H, W]", (long long)b,
		           x ? shape_text(s->im->u->arena, x->shape) : "missing");
		return 0;
	}
	for (int i = first; i <= last; i++)
		if (x->shape.dim[i] % (times == 2 ? b * b : b)) {
			site_error(s, "blocks of %lld do not divide %s",
			           (long long)b, shape_text(s->im->u->arena,
			                                    x->shape));
			return 0;
		}
	return b;
}

/* mode: DCR, the place in the block comes before the channel; CRD, behind it.
 * False after an error. */
static bool is_crd(Site *s, bool *crd)
{
	const char *mode = site_string(s, "mode", "DCR");
	*crd = !strcmp(mode, "CRD");
	if (*crd || !strcmp(mode, "DCR"))
		return true;
	site_error(s, "mode is '%s', expected DCR or CRD", mode);
	return false;
}

bool convert_depth_to_space(Site *s)
{
	int64_t b = block_size(s, 1, 1, 2);
	bool crd;
	if (!b || !is_crd(s, &crd))
		return false;
	const int64_t *d = s->in[0]->shape.dim;
	int64_t c = d[1] / (b * b);
	Shape to = {4, {d[0], c, d[2] * b, d[3] * b}};
	if (crd)
		return give_rearranged(s, s->in[0],
		                       (Shape){6, {d[0], c, b, b, d[2], d[3]}},
		                       (int[]){0, 1, 4, 2, 5, 3}, to);
	return give_rearranged(s, s->in[0],
	                       (Shape){6, {d[0], b, b, c, d[2], d[3]}},
	                       (int[]){0, 3, 4, 1, 5, 2}, to);
}

bool convert_space_to_depth(Site *s)
{
	static const int dcr[] = {0, 3, 5, 1, 2, 4}, crd[] = {0, 1, 3, 5, 2, 4};
	int64_t b = block_size(s, 2, 3, 1);
	bool channel_first;
	if (!b || !is_crd(s, &channel_first))
		return false;
	const int64_t *d = s->in[0]->shape.dim;
	Shape apart = {6, {d[0], d[1], d[2] / b, b, d[3] / b, b}};
	Shape to = {4, {d[0], d[1] * b * b, d[2] / b, d[3] / b}};
	return give_rearranged(s, s->in[0], apart, channel_first ? crd : dcr,
	                       to);
}
