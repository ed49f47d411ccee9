/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit where the kernel has it, else the part of it that these tests use: they
 * run when the module is loaded, and print KTAP to the log.
 */
#ifndef SHUNT_TEST_H
#define SHUNT_TEST_H

#include <linux/prandom.h>
#include <linux/slab.h>

/* What random input starts from, the same for each test. */
u64 shunt_test_seed(void);

/**
 * shunt_test_random() - a number below a limit
 * @rnd: where it comes from, seeded with shunt_test_seed()
 * @limit: more than 0
 */
static inline u32 shunt_test_random(struct rnd_state *rnd, u32 limit)
{
	return (u64)prandom_u32_state(rnd) * limit >> 32;
}

#if IS_ENABLED(CONFIG_KUNIT)

#include <kunit/test.h>

static inline void shunt_test_run(void) { }

#else

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/string.h>

struct kunit {
	const char *name;
	unsigned int failures;
	struct list_head allocated;
	struct completion done;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

void shunt_test_run(void);
void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp);
__printf(5, 6) void shunt_test_fail(struct kunit *test, bool fatal,
				    const char *file, int line,
				    const char *fmt, ...);

#define KUNIT_CASE(fn) { .run_case = fn, .name = #fn }

#define kunit_test_suites(...)						\
	struct kunit_suite *shunt_test_suites[] = { __VA_ARGS__, NULL }

extern struct kunit_suite *shunt_test_suites[];

#define SHUNT_TEST_CHECK(test, fatal, ok, fmt, ...)			\
	do {								\
		if (!(ok))						\
			shunt_test_fail(test, fatal, __FILE__, __LINE__, \
					fmt, ##__VA_ARGS__);		\
	} while (0)

#define SHUNT_TEST_COMPARE(test, fatal, left, op, right)		\
	do {								\
		const typeof(left) _left = (left);			\
		const typeof(right) _right = (right);			\
									\
		SHUNT_TEST_CHECK(test, fatal, _left op _right,		\
				 "%s (%lld) %s %s (%lld)", #left,	\
				 (long long)_left, #op, #right,		\
				 (long long)_right);			\
	} while (0)

#define KUNIT_EXPECT_EQ(test, a, b) SHUNT_TEST_COMPARE(test, false, a, ==, b)
#define KUNIT_EXPECT_NE(test, a, b) SHUNT_TEST_COMPARE(test, false, a, !=, b)
#define KUNIT_EXPECT_LE(test, a, b) SHUNT_TEST_COMPARE(test, false, a, <=, b)
#define KUNIT_EXPECT_TRUE(test, a)					\
	SHUNT_TEST_CHECK(test, false, a, "%s", #a)
#define KUNIT_EXPECT_FALSE(test, a)					\
	SHUNT_TEST_CHECK(test, false, !(a), "!(%s)", #a)
#define KUNIT_EXPECT_PTR_EQ(test, a, b)					\
	SHUNT_TEST_CHECK(test, false, (a) == (b), "%s == %s", #a, #b)
#define KUNIT_EXPECT_NULL(test, a)					\
	SHUNT_TEST_CHECK(test, false, !(a), "%s is NULL", #a)
#define KUNIT_EXPECT_NOT_NULL(test, a)					\
	SHUNT_TEST_CHECK(test, false, a, "%s is not NULL", #a)
#define KUNIT_EXPECT_MEMEQ(test, a, b, size)				\
	SHUNT_TEST_CHECK(test, false, !memcmp(a, b, size), "%s is %s", #a, #b)
#define KUNIT_EXPECT_EQ_MSG(test, a, b, fmt, ...)			\
	SHUNT_TEST_CHECK(test, false, (a) == (b), "%s == %s: " fmt, #a, #b, \
			 ##__VA_ARGS__)

#define KUNIT_ASSERT_EQ(test, a, b) SHUNT_TEST_COMPARE(test, true, a, ==, b)
#define KUNIT_ASSERT_TRUE(test, a) SHUNT_TEST_CHECK(test, true, a, "%s", #a)
#define KUNIT_ASSERT_NOT_NULL(test, a)					\
	SHUNT_TEST_CHECK(test, true, a, "%s is not NULL", #a)

#endif /* CONFIG_KUNIT */

#endif /* SHUNT_TEST_H */
