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
