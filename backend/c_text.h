/* Pieces of C: identifiers, literals, what is safe in comments and strings. */
#ifndef BACKEND_C_TEXT_H
#define BACKEND_C_TEXT_H

#include "ir/type.h"

/* A set of identifiers of one scope. */
typedef struct Names {
	Arena *arena;
	bool prefixed;        /* they get a prefix, so that no word is reserved */
	const char *prefix;   /* of the program's own names, to be avoided */
	int n, max;
	const char **name;
} Names;

/* `text` as an identifier that nobody has yet: other characters become _, and
 * a name that is taken or reserved gets a number. */
const char *names_unique(Names *, const char *text);

/* `text` as the part of an identifier after a prefix. */
const char *c_identifier(Arena *, const char *text);
const char *c_upper(Arena *, const char *text);

/* A literal of a type of arithmetic that reads back as exactly x. */
const char *c_number(Arena *, DType, Scalar x);
/* The shortest decimal form of a float, without a suffix: for tables. */
void c_decimal(float x, char text[static 32]);

const char *c_comment(Arena *, const char *text);   /* safe inside a comment */
const char *c_string(Arena *, const char *text);    /* with the quotes */

#endif
