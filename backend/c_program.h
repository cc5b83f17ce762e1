/*
 * What is decided before the first line of a program is printed: names, and
 * which arrays of numbers it carries.
 */
#ifndef BACKEND_C_PROGRAM_H
#define BACKEND_C_PROGRAM_H

#include "backend/backend.h"
#include "backend/c_text.h"
#include "backend/writer.h"

/* An argument of an emitted function: an input or an output of its graph. */
typedef struct CArg {
	const char *name, *macro;   /* "x", "KWS_TRAIN_STEP_X_OFFSET" */
	const char *onnx;
	const Value *v;
	bool input;
	bool fed;                   /* it stays where the caller has it */
} CArg;

/* One of the emitted functions. */
typedef struct CFunction {
	const Plan *plan;
	const char *name;           /* "train_step" */
	Names names;                /* of its body */
	int nargs;
	CArg *arg;
} CFunction;

/* Numbers that the program carries: first contents of a variable, or a
 * constant. */
typedef struct CArray {
	const char *name;           /* "kws_conv1_weight" */
	const char *onnx;
	DType dtype;
	Shape shape;
	const void *data;           /* NULL: all are `fill` */
	double fill;
	bool small;                 /* in NAME.c, not with the weights */
	bool used;                  /* by a function */
	int64_t offset;             /* in the image of the weights */
} CArray;

typedef struct CHyper {
	const char *name, *onnx;    /* the field of NAME_t */
	double initial;
} CHyper;

typedef struct CProgram {
	const Program *p;
	const EmitOptions *o;
	Arena *arena;
	const char *name, *upper;   /* "kws", "KWS" */
	Names names;                /* file scope, without the prefix */
	int nfns;
	CFunction fn[3];
	int narrays, maxarrays;
	CArray *array;
	int *of_var;                /* a variable's array; -1: none */
	int64_t image_bytes;
	int nhypers;
	CHyper hyper[32];
	const char *model_comment;  /* first line of every file */
} CProgram;

enum { WEIGHTS_ALIGN = 16, SMALL_ARRAY = 256 };

CProgram *c_program(Arena *, const Program *, const EmitOptions *);

bool c_weights_bin(const CProgram *);   /* weights are passed to init */
const char *c_bytes(const CProgram *, int64_t);   /* a size: "1024u" */

/* c_weights.c */
void c_find_arrays(CProgram *);
CArray *c_array_of(const CProgram *, const Value *constant);
bool variable_is_filled(const Variable *, Scalar *with);
int64_t array_bytes(const CArray *);
void c_put_small_arrays(Writer *, const CProgram *);
void c_put_array_names(Writer *, const CProgram *);   /* extern ... */
void c_put_arrays(Writer *, const CProgram *);
void c_weights_image(const CProgram *, void *dst);

/* c_function.c: the functions that call the kernels. */
void c_put_functions(Writer *, CProgram *);

/* c_feed.c: data that stays with the caller. */
typedef struct Feeding {
	const Node *node;           /* the Feed */
	const Value *input;         /* of the function's graph */
	const char *to;             /* where its examples are wanted */
	const char *part;           /* the variable that counts parts of them;
	                             * NULL: it is all of the batch */
} Feeding;

bool c_feeds(const CProgram *, const CFunction *);   /* it has a NAME_feed */
void c_put_feed_type(Writer *, const CProgram *);
void c_put_feed_checks(Writer *, const CProgram *, const CFunction *);
void c_put_feed_call(Writer *, const CProgram *, const CFunction *,
                     const Feeding *);
void c_put_glue_feeds(Writer *, const CProgram *);
void c_put_glue_call(Writer *, const CProgram *, const CFunction *);

/* c_signature.c: without the semicolon or the body. */
void c_put_signature(Writer *, const CProgram *, const CFunction *);
void c_put_init_signature(Writer *, const CProgram *);
/* c_init.c */
void c_put_init(Writer *, const CProgram *);
/* Its first contents, over zeros. */
void c_put_variable(Writer *, const CProgram *, const Variable *);
/* c_params.c: the table of variables. */
void c_put_param_type(Writer *, const CProgram *);
void c_put_params(Writer *, const CProgram *);
/* c_save.c */
void c_put_save(Writer *, const CProgram *);
/* c_save_header.c */
void c_put_store_type(Writer *, const CProgram *);
void c_put_save_prototypes(Writer *, const CProgram *);

/* c_header.c */
void c_put_header(Writer *, const CProgram *);

#endif
