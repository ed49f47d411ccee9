# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A veth pair for each pod and plain routing by the node, without netfilter:
# the oracle of the tests. Addresses and routes are shunt's. To be sourced.

datapath_node() { :; } # NODE MORE-NICS

veth_pod() { # NODE POD ADDR4 ADDR6 [ip ADDR]...
	ip link add "$2" netns "$(ns "$1")" address 02:00:00:00:00:fe \
		type veth peer name eth0 netns "$(ns "$2")"
	pair_addresses "$@"
}

# As routes by way of a gateway are global: it decides on the source of errors.
pair_address() { # NODE POD ADDR
	case $3 in
	*:*)
		ipn "$1" route add "$3" dev "$2"
		ipn "$2" address add "$3" dev eth0 nodad
		;;
	*)
		ipn "$1" route add "$3" dev "$2" scope global
		ipn "$2" address add "$3" dev eth0
		;;
	esac
}

# Of the pair of devices POD in the node and eth0 in the pod.
pair_addresses() { # NODE POD ADDR4 ADDR6 [ip ADDR]...
	local node=$1 pod=$2 addr
	ipn "$node" address add 169.254.1.1/32 dev "$pod" scope link
	ipn "$node" address add fe80::1/64 dev "$pod" nodad
	ipn "$node" link set "$pod" up
	for addr in "${@:3}"; do
		[[ $addr = ip ]] || pair_address "$node" "$pod" "$addr"
	done
	ipn "$pod" link set eth0 up
	ipn "$pod" route add default via 169.254.1.1 dev eth0 onlink
	ipn "$pod" route add default via fe80::1 dev eth0 onlink
}

datapath_pod() { veth_pod "$@"; }

datapath_packets() { # NODE POD
	echo "$(forwarded "$1")" 0
}

# The node's routes say what is needed.
datapath_uplink() { :; } # NODE DEVICE
