# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# As veth-ebpf-full, with a pair of netkit devices for each pod. To be sourced.

# shellcheck source=SCRIPTDIR/netkit-ebpf.sh
. "$SELFTESTS/bench/datapaths/netkit-ebpf.sh"
# shellcheck source=SCRIPTDIR/veth-ebpf-full.sh
. "$SELFTESTS/bench/datapaths/veth-ebpf-full.sh"

datapath_node() { tracking_node "$1" netkit; } # NODE MORE-NICS

datapath_pod() { # NODE POD ADDR4 ADDR6
	netkit_pod "$@" || return
	tracking_pod netkit "$@"
}
