// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the tests where the kernel has no KUnit, see test.h.
 */
#include "test.h"

#if !IS_ENABLED(CONFIG_KUNIT)

#include <linux/kthread.h>

/* The log has room for all tests then. */
#define MOST_SAID 10

/* What a test has allocated, which is freed when it ends. */
struct allocation {
	struct list_head list;
	u8 data[] __aligned(ARCH_KMALLOC_MINALIGN);
};

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	struct allocation *new = kzalloc(sizeof(*new) + size, gfp);

	if (!new)
		return NULL;
	list_add(&new->list, &test->allocated);
	return new->data;
}

void shunt_test_fail(struct kunit *test, bool fatal, const char *file, int line,
		     const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	if (test->failures++ < MOST_SAID)
		pr_info("    # %s: expected at %s:%d: %pV\n", test->name,
			kbasename(file), line, &vaf);
	va_end(args);
	if (fatal)
		kthread_complete_and_exit(&test->done, 0);
}

struct run {
	struct kunit test;
	const struct kunit_case *test_case;
};

static int run_thread(void *data)
{
	struct run *run = data;

	run->test_case->run_case(&run->test);
	kthread_complete_and_exit(&run->test.done, 0);
}

/* In a thread, so that an assertion can end it. */
static bool run_case(const struct kunit_case *test_case, int number)
{
	struct run run = { .test.name = test_case->name,
			   .test_case = test_case };
	struct allocation *one, *next;
	struct task_struct *thread;

	INIT_LIST_HEAD(&run.test.allocated);
	init_completion(&run.test.done);
	thread = kthread_run(run_thread, &run, "shunt_test");
	if (IS_ERR(thread))
		run.test.failures++;
	else
		wait_for_completion(&run.test.done);
	list_for_each_entry_safe(one, next, &run.test.allocated, list)
		kfree(one);
	pr_info("    %sok %d %s\n", run.test.failures ? "not " : "", number,
		test_case->name);
	return !run.test.failures;
}

static void run_suite(const struct kunit_suite *suite, int number)
{
	const struct kunit_case *test_case;
	bool ok = true;
	int n = 0;

	pr_info("    KTAP version 1\n");
	pr_info("    # Subtest: %s\n", suite->name);
	for (test_case = suite->test_cases; test_case->run_case; test_case++)
		n++;
	pr_info("    1..%d\n", n);
	n = 0;
	for (test_case = suite->test_cases; test_case->run_case; test_case++)
		ok &= run_case(test_case, ++n);
	pr_info("%sok %d %s\n", ok ? "" : "not ", number, suite->name);
}

/* All suites, one after the other; the log says how they ended. */
void shunt_test_run(void)
{
	struct kunit_suite **suite;
	int n = 0;

	pr_info("KTAP version 1\n");
	for (suite = shunt_test_suites; *suite; suite++)
		n++;
	pr_info("1..%d\n", n);
	n = 0;
	for (suite = shunt_test_suites; *suite; suite++)
		run_suite(*suite, ++n);
}

#endif /* !CONFIG_KUNIT */
