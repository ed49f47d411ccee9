// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of the node. Their names and meanings are in counters-gen.c.
 */
#include <errno.h>

#include "internal.h"

static int parse(struct shunt *sh, struct nlmsghdr *nlh,
		 struct shunt_stats *stats)
{
	struct nlattr *tb[SHUNT_A_STATS_MAX + 1];
	unsigned int i, attr;

	if (!nlh || shunt_genl_parse(nlh, tb, SHUNT_A_STATS_MAX) ||
	    !tb[SHUNT_A_STATS_NODE])
		return shunt_fail_reply(sh, "counters");
	*stats = (struct shunt_stats){
		.node = nla_get_u32(tb[SHUNT_A_STATS_NODE]),
	};
	for (i = 0; i < shunt_n_counters; i++) {
		attr = shunt_counters[i].attr;
		if (!tb[attr])
			return shunt_fail_reply(sh, shunt_counters[i].name);
		stats->value[attr] = nla_get_u64(tb[attr]);
	}
	return 0;
}

int shunt_stats_get(struct shunt *sh, struct shunt_stats *stats)
{
	struct shunt_batch b = { 0 };
	int err;

	shunt_begin(sh);
	err = shunt_genl_family(sh);
	if (err)
		return err;
	shunt_genl_request(sh, &b, SHUNT_CMD_STATS_GET, 0);
	err = shunt_nl_run(sh, sh->genl, &b);
	if (err)
		err = shunt_fail_kernel(sh, err, "counters");
	else
		err = parse(sh, shunt_nl_next(&b, NULL), stats);
	shunt_nl_free(&b);
	return err;
}
