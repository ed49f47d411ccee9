# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A veth pair for each pod and routing by the node, where established connections
# are nftables' flow table's, in software: past the rest of the stack. To be
# sourced.

# shellcheck source=SCRIPTDIR/veth.sh
. "$SELFTESTS/bench/datapaths/veth.sh"

flowtable() { # NODE DEVICE
	on "$1" nft "add table inet fast; add flowtable inet fast pods {
		hook ingress priority filter; devices = { $2 }; }"
}

datapath_node() { # NODE MORE-NICS
	flowtable "$1" nic0 || return
	on "$1" nft 'add chain inet fast forward {
		type filter hook forward priority filter; }
		add rule inet fast forward meta l4proto { tcp, udp } flow add @pods'
}

datapath_pod() { # NODE POD ADDR4 ADDR6
	veth_pod "$@" || return
	flowtable "$1" "$2"
}

# The table's are those of the pod that the stack has not forwarded.
datapath_packets() { # NODE POD
	local stack
	stack=$(forwarded "$1")
	echo $(($(of_device "$1" "$2") - stack)) "$stack"
}

datapath_uplink() { flowtable "$1" "$2"; } # NODE DEVICE
