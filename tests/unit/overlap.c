/*
 * What kernel_distance() claims: for any example of any operator, with the
 * output that far in front of the input, in one buffer, no bit of any result
 * changes. And it is the least such distance where that can be told.
 */
#include "tests/unit/op_case.h"

static bool same_bits(const Node *n, void *const a[], void *const b[])
{
	for (int o = 0; o < n->nout; o++) {
		int id = n->out[o]->id;
		if (memcmp(a[id], b[id], (size_t)value_bytes(n->out[o])))
			return false;
	}
	return true;
}

/* Runs the node with `out` so many bytes before `in`, behind it if negative. */
static bool same_at(Case *c, const Kernel *k, const Value *in,
                    const Value *out, int64_t distance)
{
	void **apart = buffers_make(c, false), **over = buffers_make(c, false);
	int64_t room = (distance < 0 ? -distance : distance) + value_bytes(in) +
	               value_bytes(out);
	run_node(c, c->n, apart, false);
	node_buffers(c, c->n, over, false);
	char *both = arena_alloc(c->unit.arena, (size_t)room + 16);
	memset(both, 0x7b, (size_t)room);
	char *to = both + (distance < 0 ? -distance : 0);
	char *from = both + (distance < 0 ? 0 : distance);
	memcpy(from, over[in->id], (size_t)value_bytes(in));
	over[in->id] = from;
	over[out->id] = to;
	kernel_eval(k, over, false);
	return same_bits(c->n, apart, over);
}

typedef struct Tally {
	int pairs;       /* of an input and an output */
	int nearer;      /* than one behind the other */
	int tight;       /* one element nearer, and results change */
} Tally;

static int64_t round_up(int64_t x, int64_t by)
{
	return x >= 0 ? (x + by - 1) / by * by : -(-x / by * by);
}

static int64_t element_of(const Value *a, const Value *b)
{
	int x = dtype_size(a->dtype), y = dtype_size(b->dtype);
	return x > y ? x : y;
}

static void check_pair(Case *c, const Kernel *k, const Value *in,
                       const Value *out, Tally *t)
{
	int64_t d = kernel_distance(k, in, out);
	int64_t unit = element_of(in, out);
	if (d == KERNEL_ANYWHERE)
		d = -value_bytes(in);
	d = round_up(d, unit);
	t->pairs++;
	t->nearer += d < value_bytes(out);
	cr_expect_leq(d, round_up(value_bytes(out), unit));
	cr_expect(same_at(c, k, in, out, d), "%s, example %d: %%%s %lld bytes "
	          "before %%%s", c->op->name, c->index, out->name,
	          (long long)d, in->name);
	if (d > -value_bytes(in))
		t->tight += !same_at(c, k, in, out, d - unit);
}

static Tally check_operator(const OpDef *op)
{
	Tally t = {0};
	for (int e = 0; e < op->nexamples; e++) {
		Case *c = case_make(op, e);
		const Kernel *k = kernel_of(c->unit.arena, c->n);
		for (int i = 0; i < c->n->nin; i++)
			for (int o = 0; o < c->n->nout; o++) {
				const Value *in = c->n->in[i];
				if (in && in->kind != V_CONST)
					check_pair(c, k, in, c->n->out[o], &t);
			}
		case_free(c);
	}
	return t;
}

Test(overlap, changes_no_bit)
{
	Tally sum = {0};
	for (int p = 0; p < nops; p++) {
		Tally t = check_operator(all_ops[p]);
		sum.pairs += t.pairs;
		sum.nearer += t.nearer;
		sum.tight += t.tight;
	}
	cr_expect_gt(sum.pairs, 300);
	cr_expect_gt(sum.nearer, 200, "only %d of %d overlap", sum.nearer,
	             sum.pairs);
	cr_expect_gt(sum.tight, 200, "only %d of %d are known to be tight",
	             sum.tight, sum.pairs);
}

static int64_t distance_of(const char *name, int example, int i)
{
	const OpDef *op = op_find(name);
	cr_assert(op, "%s", name);
	Case *c = case_make(op, example);
	int64_t d = kernel_distance(kernel_of(c->unit.arena, c->n), c->n->in[i],
	                            c->n->out[0]);
	case_free(c);
	return d;
}

/* What the planner counts on, in bytes of f32. */
Test(overlap, is_found_where_it_matters)
{
	/* two images of [3, 5, 5], one channel of [3, 3] ahead */
	cr_expect_eq(distance_of("Conv", 3, 0), 4 * 9);
	/* dx [2, 2, 5, 4] of strides: by image */
	cr_expect_eq(distance_of("ConvGradInput", 1, 0), 4 * 40);
	/* dx [2, 2, 4, 4] of dy [2, 2, 2, 2]: at the last channel dx must have
	 * ended where dy of that begins */
	cr_expect_eq(distance_of("MaxPoolGrad", 0, 0), 4 * (4 * 16 - 3 * 4));
	cr_expect_leq(distance_of("Relu", 0, 0), 0);
	cr_expect_leq(distance_of("Add", 0, 0), 0);
}

/* ---- loop nests that were made for it ---- */

static int64_t distance_in(void (*lower)(Kernel *, const Node *), int64_t size,
                           bool *same, bool *tight)
{
	OpDef op = op_Copy;
	op.lower = lower;
	op.scalar = NULL;
	op.examples = &(const Example){
		.in = {{{1, {size}}, DT_F32, 0, 0, false, false}}};
	op.nexamples = 1;
	Case *c = case_make(&op, 0);
	const Value *in = c->n->in[0], *out = c->n->out[0];
	const Kernel *k = kernel_of(c->unit.arena, c->n);
	int64_t d = kernel_distance(k, in, out);
	*same = same_at(c, k, in, out, d);
	*tight = !same_at(c, k, in, out, d - 4);
	case_free(c);
	return d;
}

/* y[i] = x[i] + x[i + 3], where there is one. */
static void lower_ahead(Kernel *k, const Node *n)
{
	int i = k_for(k, 9);
	Index far = k_plus(k_at(i), 3);
	k_store_flat(k, n->out[0], k_at(i),
	             k_add(k, k_load_flat(k, n->in[0], k_at(i)),
	                   k_load_padded(k, n->in[0], &far, 0)));
	k_end(k);
}

/* y[i] = x[i - 2], 0 at the start. */
static void lower_behind(Kernel *k, const Node *n)
{
	int i = k_for(k, 9);
	Index back = k_plus(k_at(i), -2);
	k_store_flat(k, n->out[0], k_at(i),
	             k_load_padded(k, n->in[0], &back, 0));
	k_end(k);
}

/* y[i] = x[8 - i] */
static void lower_reversed(Kernel *k, const Node *n)
{
	int i = k_for(k, 9);
	Index back = k_plus(k_scaled(k_at(i), -1), 8);
	k_store_flat(k, n->out[0], k_at(i), k_load_flat(k, n->in[0], back));
	k_end(k);
}

/* Rows of 3: all of a row is read, then it is stored. */
static void lower_rows(Kernel *k, const Node *n)
{
	int i = k_for(k, 3), sum = k_var(k, k_num(k, 0)), j = k_for(k, 3);
	Index at = k_sum(k_scaled(k_at(i), 3), k_at(j));
	k_set(k, sum, k_add(k, k_get(k, sum), k_load_flat(k, n->in[0], at)));
	k_end(k);
	int l = k_for(k, 3);
	k_store_flat(k, n->out[0], k_sum(k_scaled(k_at(i), 3), k_at(l)),
	             k_get(k, sum));
	k_end_n(k, 2);
}

/* The same, stored before the row is read. */
static void lower_rows_late(Kernel *k, const Node *n)
{
	int i = k_for(k, 3), l = k_for(k, 3);
	k_store_flat(k, n->out[0], k_sum(k_scaled(k_at(i), 3), k_at(l)),
	             k_num(k, 1));
	k_end(k);
	int j = k_for(k, 3);
	Index row = k_scaled(k_at(i), 3), at = k_sum(row, k_at(j));
	k_accumulate(k, n->out[0], &at, k_load_flat(k, n->in[0], row));
	k_end_n(k, 2);
}

Test(overlap, distances_by_hand)
{
	static const struct {
		void (*lower)(Kernel *, const Node *);
		int64_t elements;
	} nest[] = {
		{lower_ahead, 0}, {lower_behind, 2}, {lower_reversed, 8},
		{lower_rows, 0}, {lower_rows_late, 3},
	};
	for (int i = 0; i < 5; i++) {
		bool same, tight;
		int64_t d = distance_in(nest[i].lower, 9, &same, &tight);
		cr_expect_eq(d, 4 * nest[i].elements, "nest %d: %lld", i,
		             (long long)d);
		cr_expect(same && tight, "nest %d", i);
	}
}

/* ---- random loop nests ---- */

enum { SIZE = 48 };

static uint64_t dice;

static int64_t roll(int64_t n)
{
	return (int64_t)(random_unit(&dice) * (double)n);
}

/* An index into SIZE elements, over some of the loops, up or down. */
static Index random_index(const Kernel *k, const int loop[], int n)
{
	Index at = k_const(0);
	int64_t least = 0, most = 0;
	for (int i = 0; i < n; i++) {
		int64_t mul = roll(3) ? roll(6) : -roll(4);
		int64_t last = mul * (k->extent[loop[i]] - 1);
		at = k_sum(at, k_scaled(k_at(loop[i]), mul));
		*(mul < 0 ? &least : &most) += last;
	}
	int64_t room = SIZE - 1 - (most - least);
	return k_plus(at, (room > 0 ? roll(room + 1) : 0) - least);
}

static Expr *random_load(Kernel *k, const Node *n, const int loop[], int depth)
{
	Index at = random_index(k, loop, depth);
	if (roll(2))
		return k_load_padded(k, n->in[0], &at, 3);
	at = k_plus(at, -roll(4));
	return k_load_padded(k, n->in[0], &at, 3);
}

static void random_store(Kernel *k, const Node *n, const int loop[], int depth)
{
	Index at = random_index(k, loop, depth);
	k_store_padded(k, n->out[0], &at, random_load(k, n, loop, depth));
}

static void random_body(Kernel *k, const Node *n, int loop[], int depth)
{
	for (int64_t left = 1 + roll(3); left > 0; left--) {
		if (depth < 3 && roll(2)) {
			loop[depth] = k_for(k, 1 + roll(4));
			random_body(k, n, loop, depth + 1);
			k_end(k);
		} else {
			random_store(k, n, loop, depth);
		}
	}
}

static void lower_random(Kernel *k, const Node *n)
{
	int loop[3];
	random_body(k, n, loop, 0);
}

/* What the kernel stores, in one buffer and in two. What it does not store is
 * rubbish, which in one buffer may be the input. */
static bool same_in_both(Case *c, const Kernel *k, int64_t d)
{
	const Value *in = c->n->in[0], *out = c->n->out[0];
	void **buf = buffers_make(c, false);
	float apart[2][SIZE], both[5 * SIZE];
	float *to = both + 2 * SIZE, *from = to + d / 4;
	for (int i = 0; i < 2; i++) {
		for (int e = 0; e < SIZE; e++)
			apart[i][e] = (float)i;
		buf[out->id] = apart[i];
		kernel_eval(k, buf, false);
	}
	memcpy(from, buf[in->id], 4 * SIZE);
	buf[in->id] = from;
	buf[out->id] = to;
	kernel_eval(k, buf, false);
	for (int e = 0; e < SIZE; e++)
		if (apart[0][e] == apart[1][e] && apart[0][e] != to[e])
			return false;
	return true;
}

Test(overlap, holds_for_random_nests)
{
	int nearer = 0, tight = 0;
	OpDef op = op_Copy;
	op.lower = lower_random;
	op.scalar = NULL;
	op.examples = &(const Example){
		.in = {{{1, {SIZE}}, DT_F32, 0, 0, false, false}}};
	op.nexamples = 1;
	for (int i = 0; i < 3000; i++) {
		dice = (uint64_t)i;
		Case *c = case_make(&op, 0);
		Kernel *k = kernel_of(c->unit.arena, c->n);
		int64_t d = kernel_distance(k, c->n->in[0], c->n->out[0]);
		d = d == KERNEL_ANYWHERE ? -4 * SIZE : d;
		nearer += d < 4 * SIZE;
		cr_expect(same_in_both(c, k, d), "nest %d", i);
		tight += !same_in_both(c, k, d - 4);
		case_free(c);
	}
	cr_expect_gt(nearer, 1500, "%d", nearer);
	cr_expect_gt(tight, 800, "%d", tight);
}
