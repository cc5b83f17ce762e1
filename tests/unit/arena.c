/* The allocator: zeroed, aligned, disjoint, whatever the sizes. */
#include "ir/arena.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

Test(arena, memory_is_zeroed_aligned_and_disjoint)
{
	static unsigned char *block[2000];
	static size_t size[2000];
	Arena *a = arena_create();
	for (int i = 0; i < 2000; i++) {
		size[i] = i % 100 == 99 ? 100000 : (size_t)(i * 37 % 1000);
		block[i] = arena_alloc(a, size[i]);
		cr_assert_eq((uintptr_t)block[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < size[i]; k++)
			cr_assert_eq(block[i][k], 0);
		memset(block[i], i % 255 + 1, size[i]);
	}
	for (int i = 0; i < 2000; i++)
		for (size_t k = 0; k < size[i]; k++)
			cr_assert_eq(block[i][k], i % 255 + 1);
	arena_destroy(a);
}

Test(arena, strings)
{
	Arena *a = arena_create();
	cr_expect_str_eq(arena_strndup(a, "hello", 4), "hell");
	cr_expect_str_eq(arena_printf(a, "%d %s", 42, "x"), "42 x");
	cr_expect_eq(strlen(arena_printf(a, "%100000d", 1)), 100000);
	arena_destroy(a);
}

Test(arena, counts_what_it_gave)
{
	Arena *a = arena_create();
	cr_expect_eq(arena_used(a), 0);
	arena_alloc(a, 100);
	size_t used = arena_used(a);
	cr_expect(used >= 100 && used < 200);
	arena_array(a, double, 1000);
	cr_expect_eq(arena_used(a), used + 8000);
	arena_destroy(a);
}

Test(arena, too_much_ends_the_program, .exit_code = 1)
{
	static Arena *volatile a;   /* reachable when the program ends: no leak */
	a = arena_create();
	arena_calloc(a, SIZE_MAX / 2, 3);
}

Test(arena, negative_counts_end_the_program, .exit_code = 1)
{
	static Arena *volatile a;
	a = arena_create();
	arena_alloc(a, (size_t)-1);
}
