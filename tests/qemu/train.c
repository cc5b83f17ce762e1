/*
 * Trains a model for a few steps on a bare-metal board (examples/firmware), or
 * on this machine. case.h, made by image.py, says which model, and puts its
 * data where it is wanted. Each step runs between two marks, for the plugin
 * count.c; so do then an inference and an evaluation, if there are any. Prints
 *
 *   train LOSS STACK, infer CHECKSUM STACK, evaluate LOSS STACK: for each call;
 *     losses are bits, STACK is the bytes below the caller's that were used
 *   state CHECKSUM     all that was learned
 */
#include "board.h"
#include "log.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A number in [-1, 1), a label: the same on every machine. */
static uint32_t draw(uint32_t step, uint32_t input, size_t i)
{
	uint32_t h = (uint32_t)i * 2654435761u + step * 40503u + input * 977u;
	h = (h ^ h >> 15) * 2246822519u;
	return h ^ h >> 13;
}

static void make_float(float *to, uint32_t step, uint32_t input, size_t first,
                       size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (float)(int32_t)draw(step, input, first + i) /
		        2147483648.0f;
}

static void make_label(int32_t *to, uint32_t step, uint32_t input, size_t first,
                       size_t n, uint32_t classes)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (int32_t)(draw(step, input, first + i) % classes);
}

#include "case.h"
#include "mark.h"

/* ---- the stack ---- */

#define PAINT 0xa5a5a5a5u
#ifdef HOST
static uint32_t *stack_end(void)
{
	return (uint32_t *)(((uintptr_t)__builtin_frame_address(0) & ~15ul) -
	                    (1u << 18));
}
#else
extern uint32_t stack_low[];

static uint32_t *stack_end(void)
{
	return stack_low;
}
#endif

/* What a function called from here on uses: all but what this one does. */
static __attribute__((noinline)) uint32_t *paint_stack(void)
{
	enum { OWN = 32 };
	volatile uint32_t *p = stack_end();
	uint32_t *low = stack_end();
	while (p < (uint32_t *)__builtin_frame_address(0) - OWN)
		*p++ = PAINT;
	return low;
}

static uint32_t *stack_pointer(void)
{
	uint32_t *sp;
#if defined(__arm__)
	__asm__ volatile("mov %0, sp" : "=r"(sp));
#elif defined(__riscv)
	__asm__ volatile("mv %0, sp" : "=r"(sp));
#elif defined(__aarch64__)
	__asm__ volatile("mov %0, sp" : "=r"(sp));
#else
	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
#endif
	return sp;
}

static uint32_t used(const uint32_t *low, const uint32_t *from)
{
	while (low < from && *low == PAINT)
		low++;
	return (uint32_t)((const char *)from - (const char *)low);
}

/* ---- */

/* The caller's memory, besides the stack. */
static struct {
	unsigned char arena[M_ARENA_BYTES] __attribute__((aligned(M_ALIGN)));
} arena_of;
static unsigned char state_of[M_STATE_BYTES + !M_STATE_BYTES]
	__attribute__((aligned(M_ALIGN)));
static struct {
	m_t k;
	float loss;
	m_status status;
} caller;

static uint32_t checksum(const void *from, size_t n)
{
	const unsigned char *p = from;
	uint32_t h = 2166136261u;
	while (n--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

static void log_call(const char *name, uint32_t result, uint32_t stack)
{
	log_text(name);
	log_text(" ");
	log_hex(result);
	log_text(" ");
	log_whole(stack);
	log_text("\n");
}

static uint32_t loss_bits(void)
{
	uint32_t bits;
	memcpy(&bits, &caller.loss, sizeof bits);
	return bits;
}

/* Runs `call` between marks, and logs what comes of it. */
#define RUN(name, call, result) do { \
	uint32_t *low = paint_stack(); \
	const uint32_t *sp = stack_pointer(); \
	mark_begin(); \
	caller.status = call; \
	mark_end(); \
	uint32_t stack = used(low, sp); \
	if (caller.status != M_OK) \
		return 2; \
	log_call(name, result, stack); \
} while (0)

int main(void)
{
	unsigned char *arena = arena_of.arena;
	if (m_init(&caller.k, arena, sizeof arena_of, state_of,
	           M_STATE_BYTES) != M_OK)
		return 1;
	for (uint32_t step = 0; step < STEPS; step++) {
		put_train(arena, step);
		RUN("train", TRAIN(&caller.k, &caller.loss), loss_bits());
	}
	put_infer(arena);
	RUN("infer", INFER(&caller.k),
	    checksum(INFER_OUTPUT(arena), INFER_BYTES));
	put_evaluate(arena);
	RUN("evaluate", EVALUATE(&caller.k, &caller.loss), loss_bits());
	log_text("state ");
	log_hex(checksum(state_of, M_STATE_BYTES));
	log_text("\n");
	return 0;
}
