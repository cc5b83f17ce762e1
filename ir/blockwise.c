#include "ir/blockwise.h"

int64_t block_count(int64_t elements)
{
	return (elements + BLOCK - 1) / BLOCK;
}

/* ---- the table ---- */

enum { DECADES = 7 };

/* The middles of `count` equal parts of [0.1, 1], times 10^(decade - 6). */
static int add_decade(float *to, int count, int decade, double sign)
{
	double scale = sign;
	for (int i = decade; i < DECADES - 1; i++)
		scale /= 10;
	for (int i = 0; i < count; i++)
		to[i] = (float)(scale * (0.1 + 0.9 * (i + 0.5) / count));
	return count;
}

/* Each decade has twice as many numbers as the one below it. */
void blockwise_table(bool has_sign, float table[CODES])
{
	int n = 0;
	for (int d = DECADES - 1; has_sign && d >= 0; d--) {
		int count = add_decade(table + n, 1 << d, d, -1);
		for (int i = 0; i < count / 2; i++) {
			float x = table[n + i];
			table[n + i] = table[n + count - 1 - i];
			table[n + count - 1 - i] = x;
		}
		n += count;
	}
	table[n++] = 0;
	for (int d = 0; d < DECADES; d++)
		n += add_decade(table + n, has_sign ? 1 << d : 2 << d, d, 1);
	table[n++] = 1;
	if (n != CODES)
		BUG("a table of %d codes", n);
}

/* ---- codes in a kernel ---- */

static Expr *bind(Kernel *k, Expr *x)
{
	return k_get(k, k_var(k, x));
}

static Expr *entry(Kernel *k, const Value *table, int code)
{
	Index at[1] = {k_indirect(code)};
	return bind(k, k_load_padded(k, table, at, 0));
}

Expr *blockwise_decode(Kernel *k, const Value *table, Expr *code)
{
	return entry(k, table, k_var(k, code));
}

/* Bisection for the last number that is not above x, then the next, if that is
 * nearer. */
Expr *blockwise_encode(Kernel *k, const Value *table, Expr *x)
{
	enum { BITS = 8 };
	x = bind(k, x);
	int code = k_var(k, k_typed(k, DT_I32, 0));
	int step = k_var(k, k_typed(k, DT_I32, CODES / 2));
	k_for(k, BITS);
	int next = k_var(k, k_add(k, k_get(k, code), k_get(k, step)));
	Expr *reached = k_le(k, entry(k, table, next), x);
	k_set(k, code, k_sel(k, reached, k_get(k, next), k_get(k, code)));
	k_set(k, step, k_shr(k, k_get(k, step), k_typed(k, DT_I32, 1)));
	k_end(k);
	Expr *above = k_min(k, k_add(k, k_get(k, code), k_typed(k, DT_I32, 1)),
	                    k_typed(k, DT_I32, CODES - 1));
	int up = k_var(k, above);
	Expr *under = k_sub(k, x, entry(k, table, code));
	Expr *over = k_sub(k, entry(k, table, up), x);
	Expr *nearest = k_sel(k, k_lt(k, over, under), k_get(k, up),
	                      k_get(k, code));
	/* Code 0 is the least of a table: 0, or less. */
	Expr *least = k_sel(k, k_gt(k, x, k_num(k, 0)), k_typed(k, DT_I32, 1),
	                    k_typed(k, DT_I32, 0));
	return bind(k, k_max(k, nearest, least));
}
