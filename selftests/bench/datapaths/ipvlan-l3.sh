# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An ipvlan device on the NIC for each pod, with the node's routes: past its
# netfilter. To be sourced.

datapath_node() { :; } # NODE MORE-NICS

# All that a pod reaches is on the link, or the mode makes it look so.
nic_pod() { # KIND NODE POD ADDR4 ADDR6 [LINK-ARG...]
	local kind=$1 node=$2 pod=$3 addr4=$4 addr6=$5
	ipn "$node" link add link nic0 name eth0 netns "$(ns "$pod")" \
		type "$kind" "${@:6}" || return
	ipn "$pod" address add "$addr4/32" dev eth0
	ipn "$pod" address add "$addr6/128" dev eth0 nodad
	ipn "$pod" link set eth0 up
	ipn "$pod" route add default dev eth0
	ipn "$pod" -6 route add default dev eth0
}

datapath_pod() { nic_pod ipvlan "$@" mode l3; }

datapath_packets() { # NODE POD
	echo "$(of_device "$2" eth0)" "$(forwarded "$1")"
}
