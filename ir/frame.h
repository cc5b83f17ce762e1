/*
 * Frame: what a function of a plan, compiled in this process, gets to know. The
 * compiler of such functions and their caller share nothing else.
 */
#ifndef IR_FRAME_H
#define IR_FRAME_H

#include <stdint.h>

enum { FRAME_HYPERS = 32 };

typedef struct Frame {
	unsigned char *arena, *state;
	const unsigned char *weights;   /* their image */
	void *const *fed;               /* what the caller keeps, by input of
	                                 * the function's graph */
	uint32_t step, step_seed;
	float hyper[FRAME_HYPERS];      /* in the order of the step's inputs */
} Frame;

typedef void FrameFunction(const Frame *);

#endif
