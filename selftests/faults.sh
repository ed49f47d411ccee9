#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory that cannot be had: each allocation of slabs and pages by a request
# fails once, and what was asked for is refused, or done without it, with nothing
# left behind. Kernels that inject faults are debug kernels.
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

readonly FAULTS=/sys/kernel/debug

# Of every size, and where it may sleep, too.
inject() {
	[[ -e /proc/self/fail-nth && -d $FAULTS/failslab ]] ||
		skip "this kernel does not inject faults"
	echo 0 >"$FAULTS"/failslab/ignore-gfp-wait
	echo 0 >"$FAULTS"/fail_page_alloc/ignore-gfp-wait
	echo 0 >"$FAULTS"/fail_page_alloc/min-order
	# One trace for each would be all there is in the log.
	echo 0 >"$FAULTS"/failslab/verbose
	echo 0 >"$FAULTS"/fail_page_alloc/verbose
}

# Does and undoes it, without each of the allocations.
without() { # NODE ARG...
	inject
	on "$1" "$SELFTESTS/faults.py" "${@:2}" >"$TMP/faults"
	cat "$TMP/faults"
	grep -Eq '^[1-9][0-9]* allocations failed' "$TMP/faults"
}

index_of() { # NAME DEVICE
	on "$1" cat "/sys/class/net/$2/ifindex"
}

node() {
	ns_add nodeC
	without nodeC node
}

pod() {
	ns_add podA5
	without nodeA pod netns "/run/netns/$(ns podA5)" \
		node "$(index_of nodeA shunt0)" address 10.1.0.5 \
		address fd01::5 mac 02:00:00:00:05:05 mtu 1400
}

uplink() {
	ipn nodeA link add up5 type dummy
	without nodeA uplink ifindex "$(index_of nodeA up5)"
}

address() { # ADDRESS
	without nodeA address netns "/run/netns/$(ns podA1)" address "$1"
}

adopt() {
	ns_add podA6
	ipn nodeA link add pod6 type veth peer name eth0 netns "$(ns podA6)"
	without nodeA adopt netns "/run/netns/$(ns podA6)" \
		ifindex "$(index_of podA6 eth0)" address 10.1.0.6
}

# What goes on meanwhile does not fail, and all is as it was.
well() {
	local family
	for family in 4 6; do
		pings podA1 podB1 "$family" 1
		snap nodeA
		pings podA1 podB1 "$family" 3
		pings podA2 podA1 "$family" 3
		expect nodeA tx_direct=3 rx_direct=3 tx_local=6 others=0
	done
}

topology shunt podA1 podA2 podB1
t "node device" node
t "pod device" pod
t "uplink" uplink
t "v4 address" address 10.1.0.7
t "v6 address" address fd01::7
t "v4 path" without nodeA path address 10.9.9.0
t "v6 path" without nodeA path address fd09::
t "adopted pair" adopt
t "dumps" without nodeA dump
t "all is well" well
finish
