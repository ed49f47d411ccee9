# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A pair of netkit devices of layer 3 for each pod, and host routing by eBPF in
# its barest form on their hooks. Linux 6.7 is the first that has them. To be
# sourced.

# shellcheck source=SCRIPTDIR/veth-ebpf.sh
. "$SELFTESTS/bench/datapaths/veth-ebpf.sh"

no_netkit() {
	echo "$DATAPATH needs netkit, which Linux $(uname -r) has not" >&2
	exit "$EXIT_SKIP"
}

# Older versions of ip do not know the kind, so the pair is the kernel's
# default, of layer 3, and so is the name of its end nk0.
netkit_pod() { # NODE POD ADDR4 ADDR6
	ipn "$1" link add "$2" type netkit || no_netkit
	ipn "$1" link set nk0 netns "$(ns "$2")" name eth0
	pair_addresses "$@"
}

datapath_node() { ebpf_node "$1" host_routing netkit; } # NODE MORE-NICS

datapath_pod() { # NODE POD ADDR4 ADDR6
	netkit_pod "$@" || return
	ebpf_pod netkit "$@"
}
