/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_TEST_SUITES_H
#define SHUNT_TEST_SUITES_H

struct kunit_suite;

extern struct kunit_suite shunt_addr_suite;
extern struct kunit_suite shunt_flow_suite;
extern struct kunit_suite shunt_lpm_suite;
extern struct kunit_suite shunt_netlink_suite;
extern struct kunit_suite shunt_path_suite;
extern struct kunit_suite shunt_pkt_suite;
extern struct kunit_suite shunt_pod_suite;
extern struct kunit_suite shunt_route_suite;
extern struct kunit_suite shunt_stats_suite;

#endif /* SHUNT_TEST_SUITES_H */
