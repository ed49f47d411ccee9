# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A veth pair for each pod and routing by the node with what the usual
# Kubernetes node has: connection tracking and the chains of kube-proxy (no
# services). What others call legacy host routing. To be sourced.

# shellcheck source=SCRIPTDIR/veth.sh
. "$SELFTESTS/bench/datapaths/veth.sh"

datapath_node() { # NODE MORE-NICS
	on "$1" sh "$SELFTESTS/bench/datapaths/kube-chains"
}

datapath_packets() { # NODE POD
	echo "$(of_rules "$1" FORWARD KUBE-FORWARD)" 0
}
