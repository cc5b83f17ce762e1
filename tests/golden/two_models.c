/* A firmware of two models that run in turns; see backend_program.c. With
 * INFER_ONLY, of one that is not trained. */
#include "left.h"
#ifndef INFER_ONLY
#include "right.h"
#include <stdio.h>
#endif

#include <string.h>

#define ALIGNED(n) __attribute__((aligned(n)))

static unsigned char left_arena[LEFT_ARENA_BYTES] ALIGNED(LEFT_ALIGN);
static unsigned char left_state[LEFT_STATE_BYTES] ALIGNED(LEFT_ALIGN);
static left_t left;

static int start_left(void)
{
	if (left_init(NULL, left_arena, sizeof(left_arena), left_state,
	              sizeof(left_state)) != LEFT_ERROR_NULL)
		return 1;
	if (left_infer(&left, NULL, NULL) != LEFT_ERROR_NULL)
		return 2;
	if (left_init(&left, left_arena, sizeof(left_arena) - 1, left_state,
	              sizeof(left_state)) != LEFT_ERROR_SIZE)
		return 3;
	if (left_init(&left, left_arena, sizeof(left_arena), left_state + 1,
	              sizeof(left_state)) != LEFT_ERROR_ALIGN)
		return 4;
	return left_init(&left, left_arena, sizeof(left_arena), left_state,
	                 sizeof(left_state)) != LEFT_OK;
}

#ifdef INFER_ONLY
int main(void)
{
	float x[24] = {1}, y[12] = {0};

	if (start_left())
		return 1;
	return left_infer(&left, x, y) != LEFT_OK || !(y[0] != 0);
}
#else
static unsigned char right_arena[RIGHT_ARENA_BYTES] ALIGNED(RIGHT_ALIGN);
static unsigned char right_state[RIGHT_STATE_BYTES] ALIGNED(RIGHT_ALIGN);
static unsigned char weights[RIGHT_WEIGHTS_BYTES]
	ALIGNED(RIGHT_WEIGHTS_ALIGN);
static right_t right;

static int start_right(void)
{
	FILE *f = fopen("right_weights.bin", "rb");

	if (!f || fread(weights, 1, sizeof(weights), f) != sizeof(weights)
	    || fgetc(f) != EOF || fclose(f))
		return 1;
	return right_init(&right, right_arena, sizeof(right_arena),
	                  right_state, sizeof(right_state), weights,
	                  sizeof(weights)) != RIGHT_OK;
}

/* Both learn the same, so that their states are equal at the end, and the loss
 * falls. */
int main(void)
{
	float x[24], target[12], a = 0, b = 0, first = 0;

	if (start_left() || start_right())
		return 1;
	for (int i = 0; i < 24; i++)
		x[i] = (float)(i % 7) / 8.0f;
	for (int i = 0; i < 12; i++)
		target[i] = (float)(i % 3) / 4.0f;
	left.lr = right.lr = 0.01f;
	for (int i = 0; i < 20; i++) {
		if (left_train_step(&left, x, target, &a) != LEFT_OK ||
		    right_train_step(&right, x, target, &b) != RIGHT_OK)
			return 2;
		first = i ? first : a;
	}
	printf("loss %g, was %g\n", (double)a, (double)first);
	return memcmp(left_state, right_state, sizeof(left_state)) != 0
	       || !(a < first) || memcmp(&a, &b, sizeof(a)) != 0
	       || left.step != 20 || LEFT_NPARAMS != 5
	       || strcmp(left_params[2].name, "fc2.weight") != 0
	       || !left_params[2].trainable || left_params[0].trainable;
}
#endif
