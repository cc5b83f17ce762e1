/*
 * Kernels as C functions. Values that live at the same place share one
 * parameter, so that parameters may be `restrict`.
 */
#ifndef BACKEND_C_KERNEL_H
#define BACKEND_C_KERNEL_H

#include "backend/writer.h"
#include "ir/plan.h"

typedef struct CParam {
	const char *name;
	const Value *v;      /* the first value at that place */
	bool touched, written;
	bool overlaps;       /* with another parameter: not `restrict` */
} CParam;

typedef struct CKernel {
	Arena *arena;
	const Kernel *k;
	bool wide;           /* indexes need more than 32 bits */
	bool *live;          /* scalar variables whose value is used */
	int nparams;
	CParam *param;
	int nvalues;         /* what the node names, and at which parameter */
	const Value **value;
	int *of;
	bool blas;           /* matrix products through BLAS */
	bool stays;          /* a function: KERNEL, not inline */
	int nstructs;        /* printed so far */
} CKernel;

/* One parameter per place of the plan that the kernel touches; without a plan,
 * one per value of the node. */
CKernel *c_kernel(Arena *, const Kernel *, const Plan *);

/* Its parts: "Conv of ...: shapes", "const float *restrict x, ...", and the
 * body in braces. */
const char *c_kernel_comment(const CKernel *);
const char *c_kernel_params(const CKernel *);
void c_put_kernel_head(Writer *, const CKernel *, const char *name);
void c_put_kernel_body(Writer *, CKernel *);

/* c_live.c: which variables and values the emitted statements use. */
void c_find_live(CKernel *);
bool c_emits(const CKernel *, const Stmt *);   /* does any statement remain? */
/* A call of a function that we have, where its results lie as it wants. */
bool c_is_call(const CKernel *, const Stmt *);
void c_need_wide(CKernel *);
/* The least and the greatest value of an index over its loops; false if a
 * scalar variable is in it. */
bool c_index_range(const CKernel *, const Index *, int64_t *lo, int64_t *hi);

/* What a bit's index is: 8 byte + bit, if the loops tell. */
bool c_split_bit(const CKernel *, const Index *, Index *byte, Index *bit);
/* At which parameter the value is. */
int c_param_of(const CKernel *, const Value *);

/* c_expr.c */
void c_put_index(Writer *, const CKernel *, const Index *);
bool c_put_guards(Writer *, const CKernel *, const Access *);  /* false: none */
void c_put_expr(Writer *, const CKernel *, const Expr *);
const char *c_param_name(const CKernel *, const Value *);

#endif
