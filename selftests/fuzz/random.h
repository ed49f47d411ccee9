/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that are the same again for the same seed, on any machine:
 * splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, OOPSLA 2014), which any state is good for, small ones included.
 */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_bits(struct random *random)
{
	uint64_t bits = random->state += 0x9e3779b97f4a7c15;

	bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
	bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
	return bits ^ bits >> 31;
}

/* From 0 to below @end, which is not 0. */
static inline unsigned int random_below(struct random *random, unsigned int end)
{
	return random_bits(random) % end;
}

/* Once in @times. */
static inline bool random_hit(struct random *random, unsigned int times)
{
	return !random_below(random, times);
}

static inline void random_fill(struct random *random, void *to, size_t len)
{
	uint8_t *byte = to;

	while (len--)
		*byte++ = random_bits(random);
}

/* What is at the edge of something, more often than not, of @bits bits. */
static inline uint64_t random_number(struct random *random, unsigned int bits)
{
	uint64_t mask = bits < 64 ? (1ULL << bits) - 1 : ~0ULL;

	switch (random_below(random, 4)) {
	case 0:
		return random_bits(random) & mask;
	case 1:
		return random_below(random, 32) & mask;
	case 2: /* beside a power of two */
		return ((1ULL << random_below(random, bits)) +
			random_below(random, 3) - 1) & mask;
	default:
		return (mask - random_below(random, 16)) & mask;
	}
}

#endif
