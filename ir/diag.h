/*
 * Three kinds of trouble, three ways to report it.
 *
 *   error_at()  the model (or another file of the user's) is wrong. Recorded
 *               with the ONNX node it belongs to; the caller goes on to find
 *               more, and the command fails at the end with status 1.
 *   warn_at()   the model is suspicious. Never changes the result.
 *   BUG()       the compiler is wrong. Prints and aborts.
 */
#ifndef IR_DIAG_H
#define IR_DIAG_H

#include <stdnoreturn.h>

typedef struct Unit Unit;

/* Where in the model we are. An ONNX graph has no lines: the node is the place.
 * {0} is the model as a whole. */
typedef struct Loc {
	const char *node;   /* NodeProto.name, or the first output's name if empty */
	const char *op;     /* NodeProto.op_type */
} Loc;

void error_at(Unit *, Loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void warn_at(Unit *, Loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
noreturn void bug(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define BUG(...) bug(__FILE__, __LINE__, __VA_ARGS__)

#endif
