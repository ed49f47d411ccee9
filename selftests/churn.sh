#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# While pods, routes, neighbours, uplinks and devices come and go, the traffic
# of others loses nothing.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

readonly PINGS=200

# Pings from podA1 to another node and to another pod of its own, both families,
# while CHURN is called over and over.
undisturbed() { # CHURN
	local to family file rounds=0
	at_end 'restore'
	for to in podB1 podA2; do
		for family in 4 6; do
			pings podA1 "$to" "$family" 1
			bg podA1 ping "-$family" -q -c "$PINGS" -i 0.005 -W 5 \
				"$(addr "$to" "$family")" \
				>"$TMP/ping-$to-$family"
		done
	done
	while [[ $(jobs -pr) ]]; do
		"$1" $((rounds++))
	done
	echo "$rounds rounds"
	for file in "$TMP"/ping-*; do
		cat "$file"
		grep -q " $PINGS received" "$file"
	done
}

# As it was, whatever became of the test.
restore() {
	local node family
	for node in nodeA nodeB; do
		ctl "$node" uplink add nic0
		ctl "$node" uplink add nic1
		ctl "$node" pod del "$(ns podA9)"
		ipn "$node" link set nic0 mtu 1500
	done 2>/dev/null
	ipn nodeA link del dum7 2>/dev/null
	ns_del "$(ns podA8)" "$(ns nodeC)"
	for family in 4 6; do
		ipn nodeA "-$family" rule del pref 100
	done 2>/dev/null
	ipn nodeA route del 10.77.0.0/24 2>/dev/null
	ipn nodeA -6 route del fd77::/64 2>/dev/null
	ipn podA3 link set eth0 mtu 1500
	ipn nodeA route replace 10.2.0.0/24 via 192.168.9.2
	ipn nodeA -6 route replace fd02::/64 via fd09::2
	on nodeA sysctl -qw net.ipv4.conf.all.rp_filter=0
	ipn podA3 link set eth0 up
}

pods_come_and_go() {
	ctl nodeA pod add "$(ns podA9)" ip 10.1.0.9 ip fd01::9
	ctl nodeA pod del "$(ns podA9)"
}

other_pod_goes_down_and_up() {
	ipn podA3 link set eth0 down
	ipn podA3 link set eth0 up
}

other_pod_changes_mtu() { # ROUND
	ipn podA3 link set eth0 mtu $((1300 + $1 % 100))
}

routes_come_and_go() {
	ipn nodeA route add 10.77.0.0/24 via 192.168.9.2
	ipn nodeA -6 route add fd77::/64 via fd09::2
	ipn nodeA route del 10.77.0.0/24
	ipn nodeA -6 route del fd77::/64
}

rules_come_and_go() {
	ipn nodeA rule add pref 100 from 10.1.0.3 unreachable
	ipn nodeA -6 rule add pref 100 from fd01::3 unreachable
	ipn nodeA rule del pref 100
	ipn nodeA -6 rule del pref 100
}

# From one uplink to the other.
route_moves() { # ROUND
	local net=$((8 + $1 % 2))
	ipn nodeA route replace 10.2.0.0/24 via 192.168."$net".2
	ipn nodeA -6 route replace fd02::/64 via fd0"$net"::2
}

# What waits for the neighbour is sent once it has answered; but whoever forgets
# it while packets are waiting loses them, with any datapath.
neighbours_are_forgotten() {
	local node
	for node in nodeA nodeB; do
		ipn "$node" neigh flush dev nic0 nud reachable nud stale \
			nud delay nud probe
	done
}

# Meanwhile the host's stack carries everything.
uplink_comes_and_goes() {
	ctl nodeA uplink del nic0
	ctl nodeA uplink add nic0
}

other_uplink_comes_and_goes() {
	ctl nodeA uplink del nic1
	ctl nodeA uplink add nic1
}

uplink_device_comes_and_goes() {
	ipn nodeA link add dum7 up type dummy
	ctl nodeA uplink add dum7
	ipn nodeA link del dum7
}

netns_of_other_pod_comes_and_goes() {
	ns_add podA8
	ctl nodeA pod add "$(ns podA8)" ip 10.1.0.8 ip fd01::8
	ns_del "$(ns podA8)"
}

other_node_comes_and_goes() {
	ns_add nodeC
	ipn nodeC link add shunt0 type shunt
	ctl nodeC pod add "$(ns podA9)" ip 10.1.0.9 ip fd01::9
	ns_del "$(ns nodeC)"
	await 10 is_gone podA9 eth0
}

is_gone() { # NAME DEVICE
	not ipn "$1" link show dev "$2"
} >/dev/null 2>&1

uplink_changes_mtu() { # ROUND
	ipn nodeA link set nic0 mtu $((1500 + $1 % 2))
	ipn nodeB link set nic0 mtu $((1500 + $1 % 2))
}

reverse_path_filter_changes() { # ROUND
	# Strict would be wrong where the route moves, loose is not.
	on nodeA sysctl -qw net.ipv4.conf.all.rp_filter=$(($1 % 2 * 2))
}

readonly CHURNS=(pods_come_and_go other_pod_goes_down_and_up
	other_pod_changes_mtu routes_come_and_go rules_come_and_go route_moves
	neighbours_are_forgotten uplink_comes_and_goes
	other_uplink_comes_and_goes uplink_device_comes_and_goes
	netns_of_other_pod_comes_and_goes other_node_comes_and_goes
	uplink_changes_mtu reverse_path_filter_changes)

# All of it twice, and a transfer goes on after each change.
transfer() { # FAMILY
	local churn round
	at_end 'restore'
	start_netserver podB1
	bg podA1 netperf "-$1" -H "$(addr podB1 "$1")" -t TCP_STREAM -l 600
	for round in 1 2; do
		for churn in "${CHURNS[@]}"; do
			"$churn" "$round"
			snap nodeB
			await_counter nodeB rx_direct 20
		done
	done
}

load_module
topology shunt nics=2 podA1 podA2 podA3 podB1
ns_add podA9
pods_quiet nodeA nodeB

for churn in "${CHURNS[@]}"; do
	t "${churn//_/ }" undisturbed "$churn"
done
for family in 4 6; do
	t "v$family transfer" transfer $family
done
finish
