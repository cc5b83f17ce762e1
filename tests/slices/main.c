/*
 * Steps in slices beside whole ones, of one model in the same data: the same
 * bits, and nothing else is done while a step is under way. FED: its data is
 * fed. Prints the slices of a step.
 */
#include "sliced.h"
#include "whole.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = WHOLE_BATCH, SAMPLE = 3 * 64, STEPS = 3 };

#define ALIGNED __attribute__((aligned(64)))
static unsigned char whole_arena[WHOLE_ARENA_BYTES] ALIGNED;
static unsigned char whole_state[WHOLE_STATE_BYTES] ALIGNED;
static unsigned char sliced_arena[SLICED_ARENA_BYTES] ALIGNED;
static unsigned char sliced_state[SLICED_STATE_BYTES] ALIGNED;
static float x[BATCH * SAMPLE], y[BATCH * 5];
static int32_t label[BATCH];

#ifdef FED
static void feed_x(void *user, float *to, size_t first, size_t count)
{
	memcpy(to, x + first * SAMPLE, count * SAMPLE * sizeof *x);
	(void)user;
}

static void feed_label(void *user, int32_t *to, size_t first, size_t count)
{
	memcpy(to, label + first, count * sizeof *label);
	(void)user;
}

static const whole_feed whole_data = {NULL, feed_x, feed_label};
static const sliced_feed sliced_data = {NULL, feed_x, feed_label};
#define WHOLE_DATA &whole_data
#define SLICED_DATA &sliced_data
#else
#define WHOLE_DATA x, label
#define SLICED_DATA x, label
#endif

static void make_data(int step)
{
	unsigned r = 1u + (unsigned)step;
	int i;
	for (i = 0; i < BATCH * SAMPLE; i++) {
		r = r * 1664525u + 1013904223u;
		x[i] = (float)(r >> 8) / 8388608.0f - 1.0f;
	}
	for (i = 0; i < BATCH; i++)
		label[i] = (i + step) % 5;
}

static int fail(const char *what)
{
	fprintf(stderr, "FAIL: %s\n", what);
	return 0;
}

static int other_calls(sliced_t *k, sliced_status expected)
{
	return sliced_infer(k, x, y) == expected;
}

/* A step by hand, with other calls in between. */
static int in_slices(sliced_t *k, float *loss, int *slices)
{
	sliced_status status;
	for (*slices = 1; (status = sliced_train_slice(k, SLICED_DATA, loss)) ==
	     SLICED_MORE; ++*slices)
		if (!other_calls(k, SLICED_ERROR_BUSY))
			return fail("inference during a step is not refused");
	return status == SLICED_OK;
}

static int same_step(whole_t *w, sliced_t *s, int step, int *slices)
{
	float expected = 0, loss = -1;
	make_data(step);
	if (whole_train_step(w, WHOLE_DATA, &expected) != WHOLE_OK)
		return fail("whole_train_step");
	/* Half of the steps by the function that does all slices. */
	if (step % 2 ? sliced_train_step(s, SLICED_DATA, &loss) != SLICED_OK
	             : !in_slices(s, &loss, slices))
		return fail("slices");
	if (memcmp(&loss, &expected, sizeof loss))
		return fail("another loss");
	if (memcmp(whole_state, sliced_state, sizeof whole_state))
		return fail("another state");
	return s->step == w->step && s->slice == 0;
}

int main(void)
{
	whole_t w;
	sliced_t s;
	int step, slices = 0;
	if (whole_init(&w, whole_arena, sizeof whole_arena, whole_state,
	               sizeof whole_state) != WHOLE_OK ||
	    sliced_init(&s, sliced_arena, sizeof sliced_arena, sliced_state,
	                sizeof sliced_state) != SLICED_OK)
		return !fail("init");
	for (step = 0; step < STEPS; step++)
		if (!same_step(&w, &s, step, &slices))
			return !fail("a step");
	if (!other_calls(&s, SLICED_OK))
		return !fail("inference between two steps is refused");
	printf("%d\n", slices);
	return 0;
}
