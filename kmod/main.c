// SPDX-License-Identifier: GPL-2.0
/*
 * Module init and exit: the subsystems, in order.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "dev.h"
#include "flow.h"
#include "netlink.h"
#include "route.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init shunt_init(void)
{
	int err;

	err = shunt_route_init();
	if (err)
		return err;
	err = shunt_flow_init();
	if (err)
		goto err_route;
	err = shunt_dev_init();
	if (err)
		goto err_flow;
	err = shunt_netlink_init();
	if (err)
		goto err_dev;
	return 0;

err_dev:
	shunt_dev_exit();
err_flow:
	shunt_flow_exit();
err_route:
	shunt_route_exit();
	return err;
}

/* Devices pin the module: there are none any more. */
static void __exit shunt_exit(void)
{
	shunt_netlink_exit();
	shunt_dev_exit();
	shunt_flow_exit();
	shunt_route_exit();
}

module_init(shunt_init);
module_exit(shunt_exit);

MODULE_DESCRIPTION("Pod networking past the host's stack");
MODULE_LICENSE("GPL");
MODULE_VERSION(SHUNT_VERSION);
