/* The hashes of sketches, written again. */
#ifndef TESTS_SKETCH_HASH_H
#define TESTS_SKETCH_HASH_H

#include <stdint.h>

enum { DEPTH = 3 };

static uint32_t seed;

static inline uint32_t hash(uint32_t row, int which)
{
	static const uint32_t a[] = {0x243f6a89, 0x85a308d3, 0x13198a2f,
	                             0x03707345, 0xa4093823, 0x299f31d1};
	static const uint32_t b[] = {0x082efa98, 0xec4e6c89, 0x452821e6,
	                             0x38d01377, 0xbe5466cf, 0x34e90c6c};
	uint32_t h = row * a[which] + (b[which] ^ seed * 0x9e3779b1);
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

static inline int bucket(int row, int j, int width)
{
	return (int)((uint64_t)hash((uint32_t)row, j) * (uint64_t)width >> 32);
}

static inline int sign(int row, int j)
{
	return hash((uint32_t)row, DEPTH + j) & 1 ? 1 : -1;
}

#endif
