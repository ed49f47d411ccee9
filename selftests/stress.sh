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

# A little at a time: an emulated guest has more to do than that. Whatever fails
# starts anew, as whoever it talks to may be gone.
traffic() { # FROM:TO...
	local family pair to
	set +e
	while :; do
		for pair; do
			for family in 4 6; do
				to=$(addr "${pair#*:}" "$family")
				exchange "${pair%:*}" "$family" "$to"
			done
		done
	done
}

exchange() { # FROM FAMILY ADDRESS
	local test
	for test in TCP_STREAM TCP_MAERTS; do
		on "$1" timeout 2 netperf "-$2" -H "$3" -t "$test" -l -300000 -P 0
	done
	on "$1" ping "-$2" -q -c 50 -i 0.002 -W 1 "$3"
}

# Connections that the node translates, so that there are host flows.
mapped_traffic() {
	set +e
	while :; do
		on nodeB "$SELFTESTS/who.py" ask 192.168.9.1 8080 tcp 20 0.01
		on nodeB "$SELFTESTS/who.py" ask 192.168.9.1 8080 udp 5
		on podA1 "$SELFTESTS/who.py" ask 192.168.9.1 8080 tcp 5
		pause 0.05
	done
}

# Whoever removes the netns next has to find them there.
serve() { # POD
	bg "$1" netserver -D
	bg "$1" "$SELFTESTS/who.py" serve 80
	await 5 listens "$1" 12865
	await 5 listens "$1" 80
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

# Either its processes end first, or the last of their sockets ends it.
netns_goes() { # NAME
	local pids
	if ((RANDOM % 2)); then
		ns_del "$(ns "$1")"
		return
	fi
	pids=$(ip netns pids "$(ns "$1")")
	ip netns del "$(ns "$1")"
	pause 0.0"$((RANDOM % 10))"
	# shellcheck disable=SC2086 # a list
	[[ ! $pids ]] || kill -9 $pids
}

netns_of_pod_goes() {
	netns_goes podA2
	pod_add podA2
	serve podA2
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

# All that leaves nodeA for pods of nodeB takes this NIC.
routes_by() { # NIC
	local net=$((9 - $1))
	ipn nodeA route replace 10.2.0.0/24 via "192.168.$net.2"
	ipn nodeA -6 route replace fd02::/64 via "fd0$net::2"
}

uplink_flaps() {
	routes_by 1
	pause 0.0"$((RANDOM % 10))"
	ipn nodeA link set nic1 down
	ipn nodeA link set nic1 up
	ipn nodeA address replace fd08::1/64 dev nic1 nodad
	routes_by $((RANDOM % 2))
}

uplink_unregistered() {
	routes_by 1
	pause 0.0"$((RANDOM % 10))"
	ipn nodeA link del nic1
	routes_by 0
	wire 1
	ctl nodeA uplink add nic1
	ctl nodeB uplink add nic1
}

node_goes() {
	ipn nodeA link del shunt0
	datapath_node nodeA 1
	pod_add podA1
	pod_add podA2
	adopt
}

# The nodes themselves talk on.
module_goes_and_comes() {
	ipn nodeA link del shunt0
	ipn nodeB link del shunt0
	await 10 try_unload
	load_module
	datapath_node nodeB 1
	pod_add podB1
	datapath_node nodeA 1
	pod_add podA1
	pod_add podA2
	adopt
}

# A pod of another's making, on the direct path.
adopt() {
	ctl nodeA pod adopt "$(ns podA3)" ip "$(addr podA3 4)" \
		ip "$(addr podA3 6)"
}

adopted_pod_comes() {
	[[ -e /run/netns/$(ns podA3) ]] || ns_add podA3
	veth_pod nodeA podA3 "$(addr podA3 4)" "$(addr podA3 6)"
	adopt
	serve podA3
}

adopted_pod_is_released() {
	ctl nodeA pod del "$(ns podA3)"
	pause 0.0"$((RANDOM % 10))"
	adopt
}

adopted_pair_goes() {
	if ((RANDOM % 2)); then
		ipn nodeA link del podA3
	else
		ipn podA3 link del eth0
	fi
	adopted_pod_comes
}

netns_of_adopted_pod_goes() {
	netns_goes podA3
	adopted_pod_comes
}

# The other way to take what the pod sends.
adopted_pod_at_a_bridge() {
	ipn nodeA link add br0 address 02:00:00:00:00:fe up type bridge
	ctl nodeA pod del "$(ns podA3)"
	ipn nodeA link set podA3 master br0
	adopt
	pause 0.0"$((RANDOM % 10))"
	ipn nodeA link del br0
	adopt
}

# Another node, in either order, while it talks with its pod.
node_and_pod_netns_go() {
	local names=(nodeC podC1)
	ns_add nodeC
	ns_add podC1
	ipn nodeC link add shunt0 type shunt
	ipn nodeC link add up0 up type dummy
	ipn nodeC address add 10.3.1.1/24 dev up0
	ctl nodeC uplink add up0
	ctl nodeC pod add "$(ns podC1)" ip 10.3.0.1
	serve podC1
	bg nodeC netperf -H 10.3.0.1 -l 60
	on nodeC ping -q -c 2 -i 0.002 -W 1 10.3.0.1
	((RANDOM % 2)) || names=(podC1 nodeC)
	netns_goes "${names[0]}"
	netns_goes "${names[1]}"
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
	routes_by 1
	routes_by 0
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
	timeout 0.3 ip netns exec "$(ns podA1)" tcpdump -i eth0 -w /dev/null ||
		[[ $? -eq 124 ]]
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
	pod_down_up adopted_pod_is_released adopted_pair_goes
	netns_of_adopted_pod_goes adopted_pod_at_a_bridge uplink_detached
	uplink_flaps uplink_unregistered node_goes module_goes_and_comes
	node_and_pod_netns_go paths_change mtu_changes routes_change
	neighbours_go connections_forgotten rules_go_and_come
	tap_comes_and_goes)

### The test

build() {
	# shellcheck source=SCRIPTDIR/bench/datapaths/veth.sh
	. "$SELFTESTS/bench/datapaths/veth.sh"
	topology shunt nics=2 podA1 podA2 podB1
	adopted_pod_comes >/dev/null 2>&1
	ns_add podA4
}

# Each of them once in each round, in random order.
shuffle() {
	local n m
	ROUND=("${ACTIONS[@]}")
	for ((n = ${#ROUND[@]} - 1; n > 0; n--)); do
		m=$((RANDOM % (n + 1)))
		set -- "${ROUND[n]}"
		ROUND[n]=${ROUND[m]} ROUND[m]=$1
	done
}

# By nodeA's first NIC, which stays: received and sent.
passed() {
	on nodeA awk '$1 == "nic0:" { print $3, $11 }' /proc/net/dev
}

# What is half gone may refuse some of it: the rest is done all the same.
act() { # ACTION SEED
	local bad=0
	# Else these would be new ones in each process.
	RANDOM=$2
	set +e
	trap bad=1 ERR
	"$1"
	exit "$bad"
}

stress() {
	local end n=0 action before after rate=20 ROUND=()
	RANDOM=$SEED
	traffic podB1:podA1 nodeA:podA2 podB1:podA3 nodeB:nodeA >/dev/null 2>&1 &
	traffic podA1:podB1 podA2:podA1 podA2:podA3 >/dev/null 2>&1 &
	mapped_traffic >/dev/null 2>&1 &
	bg nodeA "$SELFTESTS/netlink.py" come-and-go "/run/netns/$(ns podA4)" \
		10.1.0.4 10.1.0.1 10.2.0.1 192.168.9.1 >"$TMP/pods"
	before=$(passed)
	end=$((SECONDS + SECONDS_LONG))
	while ((SECONDS < end)); do
		((n % ${#ACTIONS[@]})) || shuffle
		action=${ROUND[n % ${#ACTIONS[@]}]}
		n=$((n + 1))
		act "$action" $((SEED + n)) >/dev/null 2>&1 &
		wait $! || action+=": not all of it"
		echo "$action" | tee -a "$TMP/actions"
	done
	after=$(passed)
	echo "received and sent by nic0: $before, then $after"
	# Most of the time something is missing, and a kernel that checks
	# everything does little.
	[[ ! -e $KMEMLEAK ]] || rate=1
	((${after% *} - ${before% *} > rate * SECONDS_LONG))
	((${after#* } - ${before#* } > rate * SECONDS_LONG))
	[[ $SECONDS_LONG -lt 600 || -e $KMEMLEAK ]] || all_done
}

# Often enough, and each of them without a fault.
all_done() {
	local action
	(($(wc -l <"$TMP/pods") >= 1000))
	for action in "${ACTIONS[@]}"; do
		grep -qx "$action" "$TMP/actions"
	done
}

# What lost its peer would try again when nobody expects it, sockets without a
# process included.
silence() {
	local name pid own
	own=$(readlink "/proc/$$/ns/net")
	# Of this session, in netns that have lost their names, too.
	for pid in $(pgrep -s 0); do
		[[ $(readlink "/proc/$pid/ns/net") = "$own" ]] ||
			kill -9 "$pid" 2>/dev/null || true
	done
	for name in nodeA nodeB podA1 podA2 podA3 podB1; do
		on "$name" ss -K
	done
}

# As at first: what was broken on purpose is mended, and everything direct.
well_again() {
	local family
	ipn nodeA link set nic0 up
	ipn nodeA link set nic0 mtu 1500
	on nodeA nft flush ruleset
	uplink_unregistered
	routes_change
	# Whatever was left of the pair: node_goes adopts a whole one.
	ipn nodeA link del podA3 || true
	[[ -e /run/netns/$(ns podA3) ]] || ns_add podA3
	veth_pod nodeA podA3 "$(addr podA3 4)" "$(addr podA3 6)"
	node_goes
	adopted_pair_goes
	# What the traffic has left under way.
	await_quiet ctl nodeA -j stats
	for family in 4 6; do
		pings podA1 podB1 "$family" 3
		snap nodeA
		pings podA1 podB1 "$family" 5
		pings podA1 podA2 "$family" 5
		pings podA3 podB1 "$family" 5
		pings podA3 podA2 "$family" 5
		expect nodeA tx_direct=10 rx_direct=10 tx_local=20 others=0
	done
}

# Of the kernel, in KiB, that does not go when memory is wanted.
memory() {
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^SUnreclaim:|^Percpu:|^KernelStack:/ { n += $2 } END { print n }' \
		/proc/meminfo
}

# Routes of IPv4: the name is newer than Linux 6.1.
route_cache() {
	[[ -e /sys/kernel/slab/rtable ]] && echo rtable || echo ip_dst_cache
}

# What each pod or connection left behind would add up; some are younger than the
# start.
readonly -A ALLOWED=([net_namespace]=0 [ip6_dst_cache]=100 [nf_conntrack]=50
	[skbuff_head_cache]=300 [$(route_cache)]=50)

# Objects of a cache that are in use, once each CPU has given back its own.
objects() { # CACHE
	echo 1 >"/sys/kernel/slab/$1/shrink"
	awk -v name="$1" '$1 == name { print $2 }' /proc/slabinfo
}

all_objects() {
	local cache
	for cache in "${!ALLOWED[@]}"; do
		echo "$cache $(objects "$cache")"
	done
}

objects_are_back() {
	local cache before now
	while read -r cache before; do
		now=$(objects "$cache")
		echo "$cache: $before, now $now"
		[[ $((now - before)) -le ${ALLOWED[$cache]} ]] || return
	done <"$TMP/objects"
}

# What is cached for each CPU or socket comes and goes.
memory_is_back() {
	local grown most=8192
	# KASAN keeps what is freed for a while, and kmemleak misses nothing.
	[[ ! -e $KMEMLEAK ]] || most=32768
	on nodeA conntrack -F
	# A network namespace ends some time after its last reference.
	await 30 objects_are_back
	grown=$(($(memory) - MEMORY))
	{
		paste -d' ' "$TMP/objects" <(all_objects | cut -d' ' -f2)
		echo "$grown KiB more"
	} >"$TMP/grown"
	((grown < most))
}

no_pods() { [[ $(ctl nodeA -j pod) = '[]' ]]; }

# Who is where, when something does not go: processes by netns.
show_left() {
	local pid
	ctl nodeA -j pod
	for pid in $(pgrep -s 0); do
		echo "$pid $(<"/proc/$pid/comm")" \
			"$(readlink "/proc/$pid/ns/net")"
	done 2>/dev/null
}

# Each flow that was noted is forgotten, as all pods are gone.
flows_are_gone() {
	at_end show_left
	ctl nodeA pod del "$(ns podA1)" || true
	ctl nodeA pod del "$(ns podA2)" || true
	ctl nodeA pod del "$(ns podA3)" || true
	ns_del "$(ns podA4)"
	await 10 no_pods
	read_counters nodeA
	counter_in flow_new "$NOW"
	local new=$VALUE
	counter_in flow_end "$NOW"
	echo "$new noted, $VALUE ended"
	[[ $VALUE = "$new" ]]
}

SEED=${SEED:-$RANDOM}
: >"$TMP/pods"
: >"$TMP/actions"
: >"$TMP/grown"
note "SEED=$SEED"
build
rules
for pod in nodeA podA1 podA2 podB1; do
	serve $pod >/dev/null 2>&1
done
MEMORY=$(memory)
all_objects >"$TMP/objects"
t "everything comes and goes" stress
note "$(wc -l <"$TMP/actions") actions, $(wc -l <"$TMP/pods") more pods came and went"
silence >/dev/null 2>&1
t "no flow is left" flows_are_gone
t "all is well again" well_again
t "memory is given back" memory_is_back
note "before and now: $(paste -sd, "$TMP/grown")"
finish
