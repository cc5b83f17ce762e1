/*
 * Kernel: the loop nest one node computes, over scalars.
 *
 * This is the only form of an operator that a backend, the interpreter, the
 * constant folder and the cost model ever see. Operators build it with the
 * functions below and never print target code themselves.
 *
 * Arithmetic is done in one of four types: f32, f64, i32, i64. A load of a
 * narrower type widens (f16, bf16 to f32; bool, bit, i8, u8, i16, u16 to i32;
 * u32, u64 to i64), a store narrows. Comparisons give an i32 that is 0 or 1.
 * Bits are loaded one by one and stored by the byte.
 */
#ifndef IR_KERNEL_H
#define IR_KERNEL_H

#include "ir/graph.h"

typedef struct Kernel Kernel;
typedef struct Expr Expr;
typedef struct Stmt Stmt;

typedef enum ScalarOp {
#define S(name, arity, result, f32, f64, integer, fvalue, ivalue) S_##name,
#include "ir/scalar.def"
#undef S
	NSCALAR
} ScalarOp;

int scalar_arity(ScalarOp);
const char *scalar_name(ScalarOp);

/* An affine index: add + sum of mul * variable, where a variable is a loop's
 * or an integer scalar of the kernel. */
enum { MAX_TERMS = 3 * MAX_RANK };

typedef struct Term {
	bool scalar;   /* `var` is a scalar variable, not a loop */
	int var;
	int64_t mul;
} Term;

typedef struct Index {
	int nterms;
	Term term[MAX_TERMS];
	int64_t add;
} Index;

/* An index that must lie in [0, extent). */
typedef struct Guard {
	Index at;
	int64_t extent;
} Guard;

/* One element of a value's storage; or, to store bits, one byte. Where a guard
 * fails, a load gives `outside` and a store does nothing. */
typedef struct Access {
	const Value *v;
	Index at;
	bool byte;     /* `at` counts bytes: eight elements each */
	int nguards;
	Guard *guard;
	double outside;
} Access;

typedef enum ExprKind { E_NUM, E_VAR, E_INDEX, E_LOAD, E_SCALAR, E_CAST } ExprKind;

struct Expr {
	ExprKind kind;
	DType type;   /* DT_F32, DT_F64, DT_I32 or DT_I64 */
	union {
		Scalar num;      /* by the class of `type` */
		int var;
		Index index;     /* the integer itself: a counter, an arg-max */
		Access load;
		struct { ScalarOp op; Expr *arg[3]; } scalar;
		Expr *cast;
	} u;
};

/*
 * An argument of a runtime function. One that has an epilogue stores what it
 * computes as result = alpha computed + beta result; with beta 0 it does not
 * read the result.
 */
typedef struct Arg {
	enum { ARG_VALUE, ARG_INT, ARG_FLOAT, ARG_SCALAR, ARG_STRUCT } kind;
	enum { EP_NONE, EP_ALPHA, EP_BETA, EP_RESULT } epilogue;
	const Value *v;      /* ARG_VALUE: its storage; NULL: a null pointer */
	Index at;            /* ARG_VALUE: the element that it points to */
	int64_t count;       /*   so many from there are touched; 0: any */
	int64_t parts;       /*   in so many equal parts: see k_call */
	const Value *over;   /*   it must lie over this one, of which each element
	                      *   is read before it is written, and only then */
	int64_t i;
	double f;
	const char *name;    /* ARG_FLOAT: which the runtime has for it, or NULL */
	int var;             /* ARG_SCALAR: a variable of the kernel */
	const char *type;    /* ARG_STRUCT: passed by const pointer, */
	int n;               /*   initialised with n int32_t numbers */
	int64_t field[24];
} Arg;

typedef enum StmtKind { ST_FOR, ST_STORE, ST_SET, ST_CALL } StmtKind;

struct Stmt {
	StmtKind kind;
	Stmt *next;
	union {
		struct { int var; int64_t extent; Stmt *body;
		         int lanes; } loop;               /* see lanes.h */
		struct { Access to; bool add; Expr *x; } store;   /* add: += */
		struct { int var; bool first; Expr *x; } set;
		struct { const char *fn; int narg; Arg *arg; Stmt *body; } call;
	} u;
};

struct Kernel {
	Arena *arena;
	const Node *node;
	Stmt *body;
	int nloops, nvars;
	int64_t *extent;    /* of each loop */
	DType *type;        /* of each scalar variable */
	/* while building: */
	Stmt **tail;
	Stmt **outer[4 * MAX_RANK];
	int depth, maxloops, maxvars;
	const char *misfit; /* the first operation that its types do not have */
};

/* Lowers a node: its `lower`, or the loops over its `scalar`. */
void lower_elementwise(Kernel *, const Node *);
/* The members of a fused node from the `first` on, for one element: `at` of all
 * that have so many elements, the only one of the others. x is that of `given`;
 * what is no member's result is loaded, the node's results are stored. */
void k_members(Kernel *, const Node *, int first, int64_t elements, Index at,
               const Value *given, Expr *x);
/* hoist.c: takes constant work out of all loops. */
void hoist_invariants(Kernel *);
Kernel *kernel_create(Arena *, const Node *);   /* that does nothing yet */
Kernel *kernel_of(Arena *, const Node *);
/* Why the node's loops cannot be computed in the types it reads: what shapes and
 * attributes allow may still be the root of an integer. NULL: they can. For a
 * node that was built from a file; in others it is a BUG. */
const char *kernel_misfit(Arena *, const Node *);

/* Loops and calls: open, ..., k_end. */
int k_for(Kernel *, int64_t extent);        /* returns the loop's variable */
void k_end(Kernel *);
/* Calls a runtime function. The statements up to k_end() say in loops what it
 * computes: the interpreter runs them, the cost model counts them, tests
 * compare the function against them, and a target without the function gets
 * them. Values whose Arg has the same `parts` are divided into that many, and
 * the function goes through the parts of all of them together, in order: once
 * it has stored to a part, it loads from none before that. */
void k_call(Kernel *, const char *fn, int narg, const Arg arg[]);

/* Index arithmetic: k_at(i) is the loop variable itself. */
Index k_at(int loop);
Index k_const(int64_t);
Index k_scaled(Index, int64_t mul);
Index k_sum(Index, Index);
Index k_plus(Index, int64_t);
Index k_indirect(int var);                  /* an integer scalar variable */

/* Expressions. A number takes the type of what it is combined with. */
Expr *k_num(Kernel *, double);
Expr *k_typed(Kernel *, DType, double);
Expr *k_index(Kernel *, Index);             /* as an i32 */
Expr *k_cast(Kernel *, DType to, Expr *);
Expr *k_scalar(Kernel *, ScalarOp, Expr *, Expr *, Expr *);
int k_var(Kernel *, Expr *);                /* a new scalar variable */
Expr *k_get(Kernel *, int var);
void k_set(Kernel *, int var, Expr *);
DType compute_type(DType stored);           /* what a load of it gives */

/*
 * Loads and stores. `loop`: one loop variable per dimension of v, where a
 * dimension of 1 reads element 0 (so broadcasting needs no special case).
 * `at`: one index per dimension, whole range proved by the caller.
 * `padded`: each index that may leave [0, dim) is guarded; indirect indexes
 * always are, so a bad label or token cannot touch foreign memory.
 */
Expr *k_load(Kernel *, const Value *, const int loop[]);
Expr *k_load_at(Kernel *, const Value *, const Index at[]);
Expr *k_load_padded(Kernel *, const Value *, const Index at[], double outside);
Expr *k_load_flat(Kernel *, const Value *, Index);
void k_store(Kernel *, const Value *, const int loop[], Expr *);
void k_store_at(Kernel *, const Value *, const Index at[], Expr *);
void k_store_flat(Kernel *, const Value *, Index, Expr *);
/* Elements 8 byte .. 8 byte + 7 of a value of bits. */
void k_store_byte(Kernel *, const Value *, Index byte, Expr *);
void k_accumulate(Kernel *, const Value *, const Index at[], Expr *);  /* += */
/* Guarded forms of the two: nothing happens outside. */
void k_store_padded(Kernel *, const Value *, const Index at[], Expr *);
void k_accumulate_padded(Kernel *, const Value *, const Index at[], Expr *);
/* v = x everywhere; what an accumulation starts with. */
void k_fill(Kernel *, const Value *, double x);
void k_fill_part(Kernel *, const Value *, Index first, int64_t count, double x);
/* One loop per dimension of s, outermost first. */
void k_for_shape(Kernel *, Shape s, int loop[]);
void k_end_n(Kernel *, int n);

/* k_add(k, a, b), ...: one per line of scalar.def. */
#define K1(name) static inline Expr *k_##name(Kernel *k, Expr *a) \
	{ return k_scalar(k, S_##name, a, 0, 0); }
#define K2(name) static inline Expr *k_##name(Kernel *k, Expr *a, Expr *b) \
	{ return k_scalar(k, S_##name, a, b, 0); }
#define K3(name) static inline Expr *k_##name(Kernel *k, Expr *a, Expr *b, Expr *c) \
	{ return k_scalar(k, S_##name, a, b, c); }
#define S(name, arity, result, f32, f64, integer, fvalue, ivalue) K##arity(name)
#include "ir/scalar.def"
#undef S
#undef K1
#undef K2
#undef K3

/* Bytes and scalar operations that a kernel costs, counted from its loops. */
typedef struct Cost {
	int64_t flops, bytes;
} Cost;

Cost kernel_cost(const Kernel *);
Cost node_cost(const Node *);     /* of its kernel; a Scan's: all its parts' */
Cost graph_cost(const Graph *);   /* all nodes */

void kernel_print(FILE *, const Kernel *);

/*
 * The interpreter. buf[v->id] is the storage of value v, of type v->dtype;
 * with `wide`, every floating-point value is stored and computed as f64
 * instead (finite differences need that). Constants and variables are read
 * from buf like all others.
 */
void kernel_eval(const Kernel *, void *const buf[], bool wide);

/* True if the node may write output o over its input i: each element of the
 * input is read for the last time no later than the element stored at its
 * place is written. Conservative. */
bool kernel_in_place(const Kernel *, const Value *in, const Value *out);

/* How many bytes before `in` the output must start, at least, so that the node
 * may write it while it reads `in`, of whatever types and sizes: below 0, it may
 * start behind; KERNEL_ANYWHERE: it stores nothing before the last load. Never
 * too small; where an index is not affine or a loop very long, too large. */
int64_t kernel_distance(const Kernel *, const Value *in, const Value *out);
#define KERNEL_ANYWHERE (INT64_MIN / 2)

/* True if the kernel needs v in memory: loads from it or hands it to a call.
 * (Constants of one element are usually numbers in the expressions.) */
bool kernel_reads(const Kernel *, const Value *);
/* The same of one statement with its body, not of those that follow it. */
bool statement_reads(const Stmt *, const Value *);
/* Is v handed to the call, to read or to write? What lies over another value is
 * touched as the loops say. */
bool call_has(const Stmt *call, const Value *);

#endif
