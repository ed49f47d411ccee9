# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A veth pair for each pod and host routing by eBPF in its barest form, past
# the node's stack: Cilium and Calico do more, and pay for it. To be sourced.

# shellcheck source=SCRIPTDIR/veth.sh
. "$SELFTESTS/bench/datapaths/veth.sh"

# The programs know Ethernet alone, and one uplink.
unset -f datapath_uplink

EBPF_DIR=/run/bpf
EBPF_BIN=$TOP/out/bench

# The file system knows no dots in names.
ebpf_dir() { # NODE
	local name
	name=$(ns "$1")
	echo "$EBPF_DIR/${name//./-}"
}

ebpf() { # NODE VERB [ARG...]
	on "$1" "$EBPF_BIN/host_routing" "$2" "$(ebpf_dir "$1")" "${@:3}"
}

ebpf_node() { # NODE PROGRAMS KIND
	mkdir -p "$EBPF_DIR"
	mountpoint -q "$EBPF_DIR" || mount -t bpf bpf "$EBPF_DIR" || return
	# Of a node of the same name that was there before.
	rm -rf "$(ebpf_dir "$1")"
	ebpf "$1" node "$EBPF_BIN/$2.bpf.o" "$3" nic0
}

ebpf_pod() { # KIND NODE POD ADDR4 ADDR6
	ebpf "$2" pod "$1" "$3" "$(on "$3" cat /sys/class/net/eth0/address)" \
		"$4" "$5"
}

datapath_node() { ebpf_node "$1" host_routing veth; } # NODE MORE-NICS

datapath_pod() { # NODE POD ADDR4 ADDR6
	veth_pod "$@" || return
	ebpf_pod veth "$@"
}

# Runs of the programs, if the kernel counts them, and what these left to the
# stack.
datapath_packets() { # NODE POD
	echo "$(ebpf "$1" runs)" "$(forwarded "$1")"
}
