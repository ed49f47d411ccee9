// SPDX-License-Identifier: GPL-2.0
/*
 * STATUS: could an ADD work now?
 */
#include "cni.h"

/**
 * cni_status() - the verb STATUS
 * @cni: the run
 */
int cni_status(struct cni *cni)
{
	int err = cni_node_check(cni);

	return err ?: cni_ipam_check(cni) ?: cni_ipam_run_new(cni, "STATUS");
}
