/*
 * splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators" (2014). A counter, hashed well: any state will do to begin with,
 * and the same one gives the same numbers everywhere.
 */
#ifndef IR_SPLITMIX_H
#define IR_SPLITMIX_H

#include <stdint.h>

static inline uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

#endif
