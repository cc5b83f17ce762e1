/* A table from names to whatever they stand for. */
#ifndef IR_TABLE_H
#define IR_TABLE_H

#include "ir/arena.h"

#include <stdbool.h>

typedef struct Table Table;

Table *table_create(Arena *);
/* False if the name is taken. Names and things live as long as the table. */
bool table_add(Table *, const char *name, void *thing);
/* NULL: no such name, or hidden. */
void *table_find(const Table *, const char *name);
/* The name stays taken but is found no more. */
void table_hide(Table *, const char *name);

#endif
