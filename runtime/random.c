/* SPDX-License-Identifier: 0BSD */
/*
 * Random numbers without state: number `counter` of the sequence `seed`. So a
 * mask needs no memory: backward computes it again.
 */
#include "runtime/scalar.h"

static uint32_t random_hash(uint32_t seed, uint32_t counter)
{
	uint32_t h = counter * 0x9e3779b9u ^ seed;

	h = (h ^ h >> 16) * 0x7feb352du;
	h = (h ^ h >> 15) * 0x846ca68bu;
	h ^= h >> 16;
	h = (h + seed) * 0x9e3779b9u;
	return h ^ h >> 15;
}

RT_API float rt_uniform(uint32_t seed, uint32_t counter)
{
	return (float)(random_hash(seed, counter) >> 8) / 16777216.0f;
}

RT_API uint32_t rt_mix(uint32_t seed, uint32_t step)
{
	return random_hash(seed, step ^ 0x5bd1e995u);
}
