# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A macvlan device on the NIC for each pod, all pods on one link: nobody routes.
# To be sourced.

# shellcheck source=SCRIPTDIR/ipvlan-l3.sh
. "$SELFTESTS/bench/datapaths/ipvlan-l3.sh"

# Hashes of random addresses would make runs differ.
datapath_pod() { # NODE POD ADDR4 ADDR6
	nic_pod macvlan "$@" mode bridge || return
	# shellcheck disable=SC2086 # four numbers
	ipn "$2" link set eth0 address \
		"$(printf 02:00:%02x:%02x:%02x:%02x ${3//./ })"
}
