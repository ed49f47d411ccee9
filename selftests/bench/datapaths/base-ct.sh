# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Host to host with what the usual Kubernetes node has: connection tracking and
# the chains of kube-proxy (no services). To be sourced.

datapath_node() { # NODE MORE-NICS
	on "$1" sh "$SELFTESTS/bench/datapaths/kube-chains"
}

datapath_pod() { :; } # NODE POD ADDR4 ADDR6

datapath_packets() { # NODE POD
	echo "$(of_rules "$1" 'INPUT|OUTPUT' KUBE-FIREWALL)" 0
}

# The node's routes say what is needed.
datapath_uplink() { :; } # NODE DEVICE
