/* Matrix products: what MatMul and Gemm are made of. */
#ifndef IR_PRODUCT_H
#define IR_PRODUCT_H

#include "ir/kernel.h"

/* y[m,n] = alpha * op(a)[m,k] op(b)[k,n] (+ y), where op transposes if ta (tb)
 * is set. Each matrix is row-major without gaps, from element `at` of its
 * value; `at` may depend on loops that are open. */
typedef struct Matrix {
	const Value *v;
	Index at;
} Matrix;

typedef struct Product {
	bool ta, tb, add;
	int64_t m, n, k;
	double alpha;
	Matrix a, b, y;
	const Value *from;   /* the sums begin with its elements, which lie as y's;
	                      * NULL: with 0. No add then, and alpha 1 */
	int64_t lda;   /* from one stored row of a to the next; 0: no gap */
} Product;

/* Rows first .. first + count of y alone, which go to the start of `to`. */
Product product_rows(Product, Index first, int64_t count, const Value *to);
int64_t product_rows_unit(bool workspace);   /* see RowsDef */

/* The call, where the runtime has one for the types, and its loops. */
void k_product(Kernel *, const Product *);
int64_t product_workspace(const Product *);   /* of that call, bytes */
int64_t product_integer_workspace(int64_t k); /* of integers, with k steps */

#endif
