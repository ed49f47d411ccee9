#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Everything that can come and go does so, in random order, under traffic in
# both directions: nothing crashes, leaks or hangs, and all is well afterwards.
#
#   SEED=N             the order; printed, so that a run can be repeated
#   STRESS_SECONDS=N   how long (default: 30; "make soak": 600)
#
# shellcheck disable=SC2317 # actions are called by their names
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_LONG=${STRESS_SECONDS:-30}

### Traffic

# Whatever fails starts anew: whoever it talks to may be gone.
traffic() { # FROM TO FAMILY
	while :; do
		netperf_rate "$1" "$2" "$3" TCP_STREAM 1
		netperf_rate "$1" "$2" "$3" UDP_RR 1
		on "$1" ping "-$3" -q -c 50 -i 0.002 -W 1 "$(addr "$2" "$3")"
		netperf_rate "$1" "$2" "$3" TCP_MAERTS 1
		pause 0.05
	done
}

# Connections that the node translates, so that there are host flows.
mapped_traffic() {
	while :; do
		on nodeB "$SELFTESTS/who.py" ask 192.168.9.1 8080 tcp 20 0.01
		on nodeB "$SELFTESTS/who.py" ask 192.168.9.1 8080 udp 5
		on podA1 "$SELFTESTS/who.py" ask 192.168.9.1 8080 tcp 5
		pause 0.05
	done
}

serve() { # POD
	bg "$1" netserver -D
	bg "$1" "$SELFTESTS/who.py" serve 80
}

### What happens

pod_goes_and_comes() {
	ctl nodeA pod del "$(ns podA2)"
	pod_add podA2
}

pod_deletes_itself() {
	ipn podA2 link del eth0
	pod_add podA2
}

netns_of_pod_goes() {
	ns_del "$(ns podA2)"
	pod_add podA2
	serve podA2
}

burst_of_pods() {
	local n
	echo $((30 - 10 + 1)) >>"$TMP/pods"
	for n in {10..30}; do
		ctl nodeA pod add "$(ns podA2)" dev "eth$n" ip "10.1.0.$n" \
			ip "fd01::$n"
	done
	for n in {10..30}; do
		ctl nodeA pod del "$(ns podA2)" dev "eth$n"
	done
}

pod_down_up() {
	ipn podA1 link set eth0 down
	ipn podA1 link set eth0 up
	ipn podA1 address replace fd01::1/128 dev eth0 nodad
	ipn podA1 route replace default via 169.254.1.1 dev eth0 onlink
	ipn podA1 -6 route replace default via fe80::1 dev eth0 onlink
}

uplink_detached() {
	ctl nodeA uplink del nic0
	pause 0.0"$((RANDOM % 10))"
	ctl nodeA uplink add nic0
}

uplink_flaps() {
	ipn nodeA link set nic1 down
	ipn nodeA link set nic1 up
	ipn nodeA address replace fd08::1/64 dev nic1 nodad
}

uplink_unregistered() {
	ipn nodeA link del nic1
	wire 1
	ctl nodeA uplink add nic1
	ctl nodeB uplink add nic1
}

node_goes() {
	ipn nodeA link del shunt0
	datapath_node nodeA 1
	pod_add podA1
	pod_add podA2
}

# Another node, in either order.
node_and_pod_netns_go() {
	ns_add nodeC
	ns_add podC1
	ipn nodeC link add shunt0 type shunt
	ctl nodeC pod add "$(ns podC1)" ip 10.3.0.1
	on nodeC ping -q -c 2 -i 0.002 -W 1 10.3.0.1
	if ((RANDOM % 2)); then
		ns_del "$(ns nodeC)" "$(ns podC1)"
	else
		ns_del "$(ns podC1)" "$(ns nodeC)"
	fi
}

paths_change() {
	ctl nodeA path add 10.2.0.0/24 stack
	ctl nodeA path add fd02::/64 stack
	pause 0.0"$((RANDOM % 10))"
	ctl nodeA path del 10.2.0.0/24
	ctl nodeA path del fd02::/64
}

mtu_changes() {
	ipn nodeA link set nic0 mtu $((1300 + RANDOM % 200))
	ipn nodeA link set nic0 mtu 1500
}

routes_change() {
	ipn nodeA route replace 10.2.0.0/24 via 192.168.8.2
	ipn nodeA -6 route replace fd02::/64 via fd08::2
	ipn nodeA route replace 10.2.0.0/24 via 192.168.9.2
	ipn nodeA -6 route replace fd02::/64 via fd09::2
}

neighbours_go() {
	ipn nodeA neigh flush dev nic0
	ipn podA1 neigh flush dev eth0 nud all
}

connections_forgotten() { on nodeA conntrack -F; }

rules_go_and_come() {
	on nodeA nft flush ruleset
	rules
}

tap_comes_and_goes() {
	timeout 0.3 ip netns exec "$(ns podA1)" tcpdump -i eth0 -w /dev/null
}

rules() {
	on nodeA nft -f - <<-END
		table ip n {
			chain p {
				type nat hook prerouting priority -100
				ip daddr 192.168.9.1 tcp dport 8080 dnat to 10.1.0.1:80
				ip daddr 192.168.9.1 udp dport 8080 dnat to 10.1.0.1:80
			}
			chain f {
				type filter hook forward priority 0
				ct state invalid drop
			}
		}
	END
}

readonly ACTIONS=(pod_goes_and_comes pod_deletes_itself netns_of_pod_goes
	burst_of_pods pod_down_up uplink_detached uplink_flaps
	uplink_unregistered node_goes node_and_pod_netns_go paths_change
	mtu_changes routes_change neighbours_go connections_forgotten
	rules_go_and_come tap_comes_and_goes)

### The test

build() {
	topology shunt nics=2 podA1 podA2 podB1
}

stress() {
	local end family n=0 action
	RANDOM=$SEED
	for family in 4 6; do
		traffic podB1 podA1 "$family" &
		traffic podA1 podB1 "$family" &
		traffic podA2 podA1 "$family" &
		traffic nodeA podA2 "$family" &
	done >/dev/null 2>&1
	mapped_traffic >/dev/null 2>&1 &
	end=$((SECONDS + SECONDS_LONG))
	while ((SECONDS < end)); do
		action=${ACTIONS[RANDOM % ${#ACTIONS[@]}]}
		echo "$action"
		# What is half gone may refuse some of it.
		(set +e; $action) >/dev/null 2>&1 || true
		n=$((n + 1))
	done
	note "$n actions"
	n=$(awk '{ n += $1 } END { print n + 0 }' "$TMP/pods")
	note "$n pods in bursts"
	((SECONDS_LONG < 600 || n >= 1000))
}

# As at first: what was broken on purpose is mended, and everything direct.
well_again() {
	local family
	ipn nodeA link set nic0 up
	ipn nodeA link set nic0 mtu 1500
	on nodeA nft flush ruleset
	uplink_unregistered
	routes_change
	node_goes
	# What the traffic has left under way.
	await_quiet ctl nodeA -j stats
	for family in 4 6; do
		pings podA1 podB1 "$family" 3
		snap nodeA
		pings podA1 podB1 "$family" 5
		pings podA1 podA2 "$family" 5
		expect nodeA tx_direct=5 rx_direct=5 tx_local=10 others=0
	done
}

# Each flow that was noted is forgotten, as all pods are gone.
flows_are_gone() {
	ctl nodeA pod del "$(ns podA1)" || true
	ctl nodeA pod del "$(ns podA2)" || true
	[[ $(ctl nodeA -j pod) = '[]' ]]
	read_counters nodeA
	counter_in flow_new "$NOW"
	local new=$VALUE
	counter_in flow_end "$NOW"
	echo "$new noted, $VALUE ended"
	[[ $VALUE = "$new" ]]
}

SEED=${SEED:-$RANDOM}
: >"$TMP/pods"
note "SEED=$SEED"
build
rules
for pod in podA1 podA2 podB1; do
	serve $pod >/dev/null 2>&1
done
t "everything comes and goes" stress
t "no flow is left" flows_are_gone
t "all is well again" well_again
finish
