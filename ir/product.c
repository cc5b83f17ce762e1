#include "ir/product.h"

#include "ir/op.h"
#include "runtime/workspace.h"

static bool callable(const Product *p)
{
	return p->a.v->dtype == DT_F32 && p->b.v->dtype == DT_F32 &&
	       p->y.v->dtype == DT_F32 && p->m <= INT32_MAX &&
	       p->n <= INT32_MAX && p->k <= INT32_MAX;
}

int64_t product_workspace(const Product *p)
{
	return callable(p) ? rt_gemm_workspace(p->ta, p->tb, (int32_t)p->m,
	                                       (int32_t)p->n, (int32_t)p->k)
	                   : 0;
}

static Arg pointer(Matrix x, int64_t count)
{
	return (Arg){.kind = ARG_VALUE, .v = x.v, .at = x.at, .count = count};
}

static Arg integer(int64_t i)
{
	return (Arg){.kind = ARG_INT, .i = i};
}

static Arg alpha(double f)
{
	return (Arg){.kind = ARG_FLOAT, .epilogue = EP_ALPHA, .f = f};
}

static Arg beta(const Product *p)
{
	if (p->from)
		return (Arg){.kind = ARG_FLOAT, .epilogue = EP_BETA,
		             .f = (double)RT_GO_ON, .name = "RT_GO_ON"};
	return (Arg){.kind = ARG_FLOAT, .epilogue = EP_BETA, .f = p->add};
}

static int64_t stride_a(const Product *p)
{
	return p->lda ? p->lda : p->ta ? p->m : p->k;
}

Product product_rows(Product p, Index first, int64_t count, const Value *to)
{
	p.lda = stride_a(&p);
	p.a.at = k_sum(p.a.at, k_scaled(first, p.ta ? 1 : p.lda));
	p.m = count;
	p.y = (Matrix){.v = to};
	return p;
}

/* Tiles of so many rows share the work of packing b, or of walking it. */
int64_t product_integer_workspace(int64_t k)
{
	return rt_gemm_s8_workspace((int32_t)k);
}

int64_t product_rows_unit(bool workspace)
{
	return workspace ? 16 : 8;
}

static void call(Kernel *k, const Product *p)
{
	bool whole = !p->lda;   /* not some rows of a larger matrix */
	Arg y = pointer(p->y, p->m * p->n);
	y.epilogue = EP_RESULT;
	y.over = p->from;
	k_call(k, "rt_gemm", 14, (Arg[]){
		integer(p->ta), integer(p->tb),
		integer(p->m), integer(p->n), integer(p->k),
		alpha(p->alpha), pointer(p->a, whole ? p->m * p->k : 0),
		integer(stride_a(p)),
		pointer(p->b, p->k * p->n), integer(p->tb ? p->k : p->n),
		beta(p), y, integer(p->n),
		{.v = node_workspace(k->node)}});
}

/* Element (row, col) of op(x), where x has stored rows of `stride`. */
static Index element(Matrix x, bool transposed, int row, int col,
                     int64_t stride)
{
	Index at = transposed
	         ? k_sum(k_scaled(k_at(col), stride), k_at(row))
	         : k_sum(k_scaled(k_at(row), stride), k_at(col));
	return k_sum(x.at, at);
}

static Expr *beginning(Kernel *k, const Product *p, Index to)
{
	if (p->from)
		return k_load_flat(k, p->from, to);
	return k_typed(k, compute_type(p->y.v->dtype), 0);
}

static void loops(Kernel *k, const Product *p)
{
	int i = k_for(k, p->m), j = k_for(k, p->n);
	Index to = element(p->y, false, i, j, p->n);
	int sum = k_var(k, beginning(k, p, to));
	int l = k_for(k, p->k);
	Expr *a = k_load_flat(k, p->a.v, element(p->a, p->ta, i, l, stride_a(p)));
	Expr *b = k_load_flat(k, p->b.v, element(p->b, p->tb, l, j, p->tb ? p->k : p->n));
	k_set(k, sum, k_add(k, k_get(k, sum), k_mul(k, a, b)));
	k_end(k);
	Expr *y = k_get(k, sum);
	if (p->alpha != 1)
		y = k_mul(k, y, k_num(k, p->alpha));
	if (p->add)
		y = k_add(k, k_load_flat(k, p->y.v, to), y);
	k_store_flat(k, p->y.v, to, y);
	k_end_n(k, 2);
}

void k_product(Kernel *k, const Product *p)
{
	bool called = callable(p);
	if (called)
		call(k, p);
	loops(k, p);
	if (called)
		k_end(k);
}
