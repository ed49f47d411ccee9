# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Host to host as in base, with the module loaded and the NICs attached: what
# those pay who do not use it. To be sourced.

# shellcheck source=SCRIPTDIR/shunt.sh
. "$SELFTESTS/bench/datapaths/shunt.sh"

datapath_pod() { :; } # NODE POD ADDR4 ADDR6

# What the module took is nobody's here.
datapath_packets() { # NODE POD
	local seen
	seen=$(shunt_packets "$1")
	echo $(($(of_device "$1" nic0) + $(of_device "$1" lo))) "${seen% *}"
}
