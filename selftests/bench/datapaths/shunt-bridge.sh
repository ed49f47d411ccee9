# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Pods on a bridge of the node, as the CNI plugin bridge makes them, put onto
# the direct path. To be sourced.

# shellcheck source=SCRIPTDIR/bridge-iptables.sh
. "$SELFTESTS/bench/datapaths/bridge-iptables.sh"
# shellcheck source=SCRIPTDIR/shunt.sh
. "$SELFTESTS/bench/datapaths/shunt.sh"

datapath_node() { # NODE MORE-NICS
	shunt_node "$@" || return
	bridge_node "$1"
}

datapath_pod() { # NODE POD ADDR4 ADDR6
	local pod
	bridge_pod "$@" || return
	pod=$(ns "$2")
	ctl "$1" pod adopt "$pod" ip "$3" ip "$4"
}

# Ports of one bridge reach each other by the bridge; to elsewhere there is only
# the direct path and the stack's.
datapath_packets() { # NODE POD
	echo "$(of_device "$1" "$2")" "$(forwarded "$1")"
}
