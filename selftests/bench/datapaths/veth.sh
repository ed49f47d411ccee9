# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A veth pair for each pod and plain routing by the node, without netfilter:
# the oracle of the tests. Addresses and routes are shunt's. To be sourced.

datapath_node() { :; } # NODE MORE-NICS

veth_pod() { # NODE POD ADDR4 ADDR6
	local node=$1 pod=$2 addr4=$3 addr6=$4
	ip link add "$pod" netns "$(ns "$node")" address 02:00:00:00:00:fe \
		type veth peer name eth0 netns "$(ns "$pod")"
	ipn "$node" address add 169.254.1.1/32 dev "$pod" scope link
	ipn "$node" address add fe80::1/64 dev "$pod" nodad
	ipn "$node" link set "$pod" up
	# As routes by way of a gateway are: it decides on the source of errors.
	ipn "$node" route add "$addr4/32" dev "$pod" scope global
	ipn "$node" route add "$addr6/128" dev "$pod"
	ipn "$pod" address add "$addr4/32" dev eth0
	ipn "$pod" address add "$addr6/128" dev eth0 nodad
	ipn "$pod" link set eth0 up
	ipn "$pod" route add default via 169.254.1.1 dev eth0 onlink
	ipn "$pod" route add default via fe80::1 dev eth0 onlink
}

datapath_pod() { veth_pod "$@"; }
