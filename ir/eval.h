/*
 * What the interpreter runs: a kernel whose indexes follow its loops. Instead of
 * a sum over the loops' variables for each access there is a position, to which
 * a loop adds as it goes on, and from which it takes away what it added when it
 * ends (strength reduction). Made by eval_lower.c, run by eval.c.
 */
#ifndef IR_EVAL_H
#define IR_EVAL_H

#include "ir/kernel.h"

typedef struct Indirect {
	const Scalar *var;    /* an integer */
	int64_t mul;
} Indirect;

typedef struct Position {
	int64_t at;           /* without what is indirect */
	int nindirect;
	Indirect *indirect;
} Position;

/* A position that must lie in [0, extent). */
typedef struct Bound {
	Position at;
	int64_t extent;
} Bound;

/* One element of a buffer, or where `to` is a byte of bits, one of those. */
typedef struct Cell {
	const Value *v;
	void *data;
	DType type;           /* as it is stored */
	int64_t end;          /* so many there are */
	Position at;
	int nbounds;
	Bound *bound;
	Scalar outside;       /* what is read where a bound does not hold */
} Cell;

typedef struct Code Code;
typedef struct Action Action;

struct Code {
	ExprKind kind;
	DType type;
	union {
		Scalar num;              /* rounded */
		const Scalar *var;
		Position index;
		Cell load;
		struct {
			ScalarOp op;
			int arity;
			bool floats;     /* what it is of */
			bool comparison; /* of floats */
			bool single;     /* as f32 */
			const Code *arg[3];
		} scalar;
		struct { DType from; const Code *x; } cast;
	} u;
};

/* What a loop adds to a position each time. */
typedef struct Advance {
	int64_t *at;
	int64_t mul;
} Advance;

struct Action {
	StmtKind kind;
	Action *next;
	union {
		struct {
			int64_t extent;
			int nadvances, maxadvances;
			Advance *advance;
			const Action *body;
		} loop;
		struct { Cell to; bool add; const Code *x; } store;
		struct { Scalar *var; const Code *x; } set;
		const Action *body;      /* of a call */
	} u;
};

/* The kernel's statements, for these buffers. */
const Action *eval_lower(Arena *, const Kernel *, void *const buf[], bool wide);
/* A number of that type, as it is computed with. */
Scalar eval_narrow(DType, bool wide, Scalar);

#endif
