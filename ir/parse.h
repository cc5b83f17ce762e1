/* What the parts of the parser share: parse.c has the graph and all that is there
 * before the first node, parse_node.c the nodes, parse_value.c what both consist
 * of. */
#ifndef IR_PARSE_H
#define IR_PARSE_H

#include "ir/lex.h"
#include "ir/table.h"
#include "ir/text.h"

typedef struct Parser {
	Lexer l;
	Unit *u;
	Model *m;
	Graph *g;
	Table *names;           /* of values */
	Table *replaced;        /* names of variables */
	int own_names;          /* largest N of a name _N, plus 1 */
} Parser;

int parse_word(Parser *, const char *what, const char *(*name)(int), int n);
void parse_type(Parser *, DType *, Shape *);
/* Fails if the name is taken. */
void parse_name_value(Parser *, Value *, const char *name);
/* The value of that name, to be read now. NULL after an error. */
Value *parse_find_value(Parser *);

/* %y f32[2] = Relu(%x) ... */
void parse_node(Parser *);

#endif
