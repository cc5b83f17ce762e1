/* Unit: one compilation of one model, and everything it owns. */
#ifndef IR_UNIT_H
#define IR_UNIT_H

#include "ir/arena.h"
#include "ir/diag.h"

#include <stdio.h>

struct Unit {
	const char *path;   /* the model, for messages */
	Arena *arena;       /* owns every node, value, string and plan */
	FILE *messages;     /* where diagnostics go; tests read them back */
	int nerrors, nwarnings;
};

#endif
