/* A table from names to whatever they stand for. */
#ifndef IR_NAMES_H
#define IR_NAMES_H

#include "ir/arena.h"

#include <stdbool.h>

typedef struct Names Names;

Names *names_create(Arena *);
/* False if the name is taken. Names and things live as long as the table. */
bool names_add(Names *, const char *name, void *thing);
/* NULL: no such name, or hidden. */
void *names_find(const Names *, const char *name);
/* The name stays taken but is found no more. */
void names_hide(Names *, const char *name);

#endif
