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

	if (!err)
		err = cni_ipam_check(cni, CNI_UNAVAILABLE);
	if (!err && cni->config.ipam)
		err = cni_record_check(cni);
	if (err)
		return err;
	/* Runtimes understand two codes here, whatever others say. */
	if (cni_ipam_run_new(cni, "STATUS") && cni->code != CNI_LIMITED)
		cni->code = CNI_UNAVAILABLE;
	return cni->code;
}
