# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The project's own datapath. To be sourced.

shunt_node() { # NODE MORE-NICS
	local n
	load_module
	ipn "$1" link add shunt0 type shunt || return
	for ((n = 0; n <= $2; n++)); do
		ctl "$1" uplink add "nic$n" || return
	done
}

datapath_node() { shunt_node "$@"; }

datapath_pod() { # NODE POD ADDR4 ADDR6 [SHUNTCTL-ARG...]
	local node=$1 pod
	pod=$(ns "$2")
	ctl "$node" pod add "$pod" ip "$3" ip "$4" "${@:5}"
}

# Direct ones, and those that the stack had its hands in.
shunt_packets() { # NODE
	local name own=0 other=0
	read_counters "$1"
	for name in {rx,tx}_{direct,local}; do
		counter_in "$name" "$NOW"
		own=$((own + VALUE))
	done
	for name in {rx,tx}_stack; do
		counter_in "$name" "$NOW"
		other=$((other + VALUE))
	done
	echo $own $other
}

datapath_packets() { shunt_packets "$1"; } # NODE POD

datapath_uplink() { ctl "$1" uplink add "$2"; } # NODE DEVICE
