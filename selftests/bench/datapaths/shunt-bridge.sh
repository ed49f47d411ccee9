# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Pods on a bridge of the node, as the CNI plugin bridge makes them, put onto
# the direct path. To be sourced.

# shellcheck source=SCRIPTDIR/shunt.sh
. "$SELFTESTS/bench/datapaths/shunt.sh"

datapath_node() { # NODE MORE-NICS
	local gateway=1
	[[ $1 = nodeA ]] || gateway=2
	shunt_node "$@" || return
	ipn "$1" link add cni0 address 02:00:00:00:00:fe type bridge
	ipn "$1" address add "10.$gateway.0.254/24" dev cni0
	ipn "$1" address add "fd0$gateway::fe/64" dev cni0 nodad
	ipn "$1" link set cni0 up
}

datapath_pod() { # NODE POD ADDR4 ADDR6
	local node=$1 pod=$2 addr4=$3 addr6=$4
	ip link add "$pod" netns "$(ns "$node")" type veth \
		peer name eth0 netns "$(ns "$pod")"
	ipn "$node" link set "$pod" master cni0 up
	ipn "$pod" address add "$addr4/24" dev eth0
	ipn "$pod" address add "$addr6/64" dev eth0 nodad
	ipn "$pod" link set eth0 up
	ipn "$pod" route add default via "${addr4%.*}.254"
	ipn "$pod" route add default via "${addr6%%::*}::fe"
	pod=$(ns "$2")
	ctl "$node" pod adopt "$pod" ip "$addr4" ip "$addr6"
}
