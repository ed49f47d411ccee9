# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Host to host: processes of the nodes themselves, no pods. To be sourced.

datapath_node() { :; } # NODE MORE-NICS
datapath_pod() { :; } # NODE POD ADDR4 ADDR6

# All that the node's processes say to each other or to the other node's.
datapath_packets() { # NODE POD
	echo $(($(of_device "$1" nic0) + $(of_device "$1" lo))) 0
}

# The node's routes say what is needed.
datapath_uplink() { :; } # NODE DEVICE
