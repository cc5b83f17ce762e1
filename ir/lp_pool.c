#include "ir/lp_pool.h"

bool lp_check(Unit *u, const Node *n)
{
	int64_t p = attr_int(n, LP_P);
	if (p >= 1 && p <= INT32_MAX)
		return true;
	error_at(u, n->loc, "p is %lld, expected a positive number",
	         (long long)p);
	return false;
}

Expr *lp_power(Kernel *k, Expr *x, int64_t p)
{
	if (p == 1)
		return k_abs(k, x);
	return p == 2 ? k_mul(k, x, x)
	              : k_pow(k, k_abs(k, x), k_num(k, (double)p));
}

Expr *lp_root(Kernel *k, Expr *sum, int64_t p)
{
	if (p == 1)
		return sum;
	return p == 2 ? k_sqrt(k, sum)
	              : k_pow(k, sum, k_num(k, 1 / (double)p));
}

static Expr *sign(Kernel *k, Expr *x)
{
	Expr *zero = k_num(k, 0);
	return k_cast(k, x->type, k_sub(k, k_gt(k, x, zero),
	                                k_lt(k, x, zero)));
}

/* sign(x) (|x| / y)^(p - 1) */
Expr *lp_slope(Kernel *k, Expr *x, Expr *y, int64_t p)
{
	if (p == 1)
		return sign(k, x);
	Expr *ratio = k_div(k, x, y);
	if (p > 2)
		ratio = k_mul(k, sign(k, x),
		              k_pow(k, k_abs(k, ratio),
		                    k_num(k, (double)(p - 1))));
	return k_sel(k, k_eq(k, y, k_num(k, 0)), k_num(k, 0), ratio);
}
