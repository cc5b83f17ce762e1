/* Tokens of the text form (text.h). After the first error every token is
 * LEX_END, so that no loop over tokens goes on. */
#ifndef IR_LEX_H
#define IR_LEX_H

#include "ir/unit.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum LexKind {
	LEX_END, LEX_WORD, LEX_STRING, LEX_NAME, LEX_NUMBER, LEX_MARK
} LexKind;

typedef struct Lexer {
	Unit *unit;
	const char *at;        /* behind the token */
	int line;
	bool failed;
	LexKind kind;
	const char *text;      /* of the token; a string's or name's without
	                        * quotes, a mark's one character or "->" */
} Lexer;

void lex_start(Lexer *, Unit *, const char *text);
void lex_next(Lexer *);

/* The line as a place for error_at. */
Loc lex_loc(const Lexer *);
/* Reports the first error only. */
void lex_fail(Lexer *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

bool lex_is(const Lexer *, LexKind, const char *text);
/* Takes the token if it is that. */
bool lex_take(Lexer *, LexKind, const char *text);
/* ... and fails if not. */
void lex_expect(Lexer *, LexKind, const char *text);
/* The text of a token of that kind; "" after an error. `what` is for the
 * message. */
const char *lex_text(Lexer *, LexKind, const char *what);
int64_t lex_int(Lexer *);
double lex_float(Lexer *);   /* inf and nan too */

#endif
