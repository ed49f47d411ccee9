# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Pods with a veth pair, as another CNI plugin makes it, put onto the direct
# path. To be sourced.

# shellcheck source=SCRIPTDIR/shunt.sh
. "$SELFTESTS/bench/datapaths/shunt.sh"
# shellcheck source=SCRIPTDIR/veth.sh
. "$SELFTESTS/bench/datapaths/veth.sh"

datapath_node() { shunt_node "$@"; }

# What is punted just takes the stack's way, as without.
datapath_packets() { # NODE POD
	local direct
	direct=$(shunt_packets "$1")
	echo "${direct% *}" "$(forwarded "$1")"
}

datapath_uplink() { ctl "$1" uplink add "$2"; } # NODE DEVICE

datapath_pod() { # NODE POD ADDR4 ADDR6
	local pod
	veth_pod "$@" || return
	pod=$(ns "$2")
	ctl "$1" pod adopt "$pod" ip "$3" ip "$4"
}
