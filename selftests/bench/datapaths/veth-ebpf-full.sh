# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A veth pair for each pod and host routing by eBPF that also tracks
# connections, knows identities and asks a policy, which allows everything: what
# features cost there. To be sourced.

# shellcheck source=SCRIPTDIR/veth-ebpf.sh
. "$SELFTESTS/bench/datapaths/veth-ebpf.sh"

# Whatever is not in the cluster has an identity, too.
tracking_node() { # NODE KIND
	ebpf_node "$1" tracking "$2" || return
	ebpf "$1" identity 2 0.0.0.0/0 ::/0
}

# All nodes know all pods; the address makes a number.
tracking_pod() { # KIND NODE POD ADDR4 ADDR6
	local node identity=${4//./}
	ebpf "$2" endpoint "$3" "$identity" || return
	for node in nodeA nodeB; do
		ebpf $node identity "$identity" "$4/32" "$5/128" || return
	done
	ebpf_pod "$@"
}

datapath_node() { tracking_node "$1" veth; } # NODE MORE-NICS

datapath_pod() { # NODE POD ADDR4 ADDR6
	veth_pod "$@" || return
	tracking_pod veth "$@"
}
