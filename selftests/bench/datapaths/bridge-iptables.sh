# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Pods on a bridge of the node, as the CNI plugin bridge makes them and flannel
# uses it: bridged packets meet iptables too, and beside the chains of kube-proxy
# stand those that masquerade what leaves the cluster. To be sourced.

bridge_node() { # NODE
	local gateway=1
	[[ $1 = nodeA ]] || gateway=2
	ipn "$1" link add cni0 address 02:00:00:00:00:fe type bridge
	ipn "$1" address add "10.$gateway.0.254/24" dev cni0
	ipn "$1" address add "fd0$gateway::fe/64" dev cni0 nodad
	ipn "$1" link set cni0 up
}

bridge_pod() { # NODE POD ADDR4 ADDR6
	local node=$1 pod=$2 addr4=$3 addr6=$4
	ip link add "$pod" netns "$(ns "$node")" type veth \
		peer name eth0 netns "$(ns "$pod")"
	ipn "$node" link set "$pod" master cni0 up
	ipn "$pod" address add "$addr4/24" dev eth0
	ipn "$pod" address add "$addr6/64" dev eth0 nodad
	ipn "$pod" link set eth0 up
	ipn "$pod" route add default via "${addr4%.*}.254"
	ipn "$pod" route add default via "${addr6%%::*}::fe"
}

masquerade() { # NODE
	on "$1" sh "$SELFTESTS/bench/datapaths/masquerade-chains" \
		10.0.0.0/8 fd00::/14
}

datapath_node() { # NODE MORE-NICS
	# It changes what becomes of all bridges: not for longer than this.
	if [[ ! -e /sys/module/br_netfilter ]]; then
		modprobe br_netfilter || return
		echo br_netfilter >>"$TMP/modules"
	fi
	on "$1" sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
		net.bridge.bridge-nf-call-ip6tables=1 || return
	on "$1" sh "$SELFTESTS/bench/datapaths/kube-chains" || return
	masquerade "$1" || return
	bridge_node "$1"
}

datapath_pod() { bridge_pod "$@"; }

# Bridged packets meet the same rule as routed ones.
datapath_packets() { # NODE POD
	echo "$(of_rules "$1" FORWARD KUBE-FORWARD)" 0
}

# The node's routes say what is needed.
datapath_uplink() { :; } # NODE DEVICE
