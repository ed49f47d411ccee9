// SPDX-License-Identifier: GPL-2.0
/*
 * The unit tests as a module of their own: all of the datapath's files but
 * main.c, whose place this takes, each with its tests behind it. Nothing is
 * registered, so it does not get in the way of the real one.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/random.h>

#include "../flow.h"
#include "../route.h"
#include "suites.h"
#include "test.h"

#define CREATE_TRACE_POINTS
#include "../trace.h"

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "what random input starts from (default: another one each time)");

u64 shunt_test_seed(void)
{
	return seed;
}

kunit_test_suites(&shunt_addr_suite, &shunt_lpm_suite, &shunt_path_suite,
		  &shunt_stats_suite, &shunt_pkt_suite, &shunt_pod_suite,
		  &shunt_flow_suite, &shunt_route_suite, &shunt_netlink_suite);

static int __init shunt_test_init(void)
{
	int err;

	if (!seed)
		seed = get_random_u32();
	pr_info("# seed=%llu\n", seed);
	err = shunt_route_init();
	if (err)
		return err;
	err = shunt_flow_init();
	if (err)
		goto err_route;
	shunt_test_run();
	return 0;

err_route:
	shunt_route_exit();
	return err;
}

static void __exit shunt_test_exit(void)
{
	shunt_flow_exit();
	shunt_route_exit();
}

module_init(shunt_test_init);
module_exit(shunt_test_exit);

MODULE_DESCRIPTION("Unit tests of shunt");
MODULE_LICENSE("GPL");
MODULE_VERSION(SHUNT_VERSION);
