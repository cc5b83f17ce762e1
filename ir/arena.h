/*
 * Arena: a bump allocator that is freed as a whole.
 *
 * One compilation owns one arena; next to nothing else in the compiler calls
 * free(). Memory comes back zeroed and aligned for any type. Running out of
 * memory ends the program with status 1 and a message, so no caller checks for
 * NULL; what must not stay behind then is removed at exit (frontend/files.c).
 */
#ifndef IR_ARENA_H
#define IR_ARENA_H

#include <stddef.h>
#include <stdnoreturn.h>

typedef struct Arena Arena;

Arena *arena_create(void);
void arena_destroy(Arena *);

void *arena_alloc(Arena *, size_t size);
void *arena_calloc(Arena *, size_t count, size_t size);   /* checks count * size */
char *arena_strndup(Arena *, const char *, size_t len);
char *arena_printf(Arena *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

size_t arena_used(const Arena *);   /* bytes handed out so far */

/* `more`: the bytes asked for; 0: who knows. */
noreturn void out_of_memory(size_t more);
/* For the libraries that take an allocator: never NULL. */
void *memory_alloc(size_t);

#define arena_new(a, T)      ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, T, n) ((T *)arena_calloc((a), (size_t)(n), sizeof(T)))

#endif
