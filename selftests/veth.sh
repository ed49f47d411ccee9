#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Pods on a veth pair of another's making, with the node's end routed or the
# port of a bridge: put onto the direct path they behave as before, and whatever
# was attached to either end still decides.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

DIRECT='tx_direct=10 rx_direct=10'

# Frames from the pod to the node; of the answers, none crosses the pair.
direct() { # FAMILY
	snap nodeA
	snap nodeB
	pings podA1 podB1 "$1" 10
	# shellcheck disable=SC2086 # several words
	expect nodeA $DIRECT others=0
	# shellcheck disable=SC2086
	expect nodeB $DIRECT others=0
}

transfers() { # FAMILY
	local test
	start_netserver podB1
	snap nodeA
	for test in TCP_STREAM TCP_MAERTS UDP_RR; do
		[[ $(netperf_rate podA1 podB1 "$1" "$test" 1) = [1-9]* ]]
	done
	expect nodeA tx_direct=100.. rx_direct=100.. tx_stack=0 drop_spoof=0
}

# The host's own packets take the pair.
host() { # FAMILY
	snap nodeA
	pings nodeA podA1 "$1" 5
	expect nodeA punt_route=5 rx_direct=0 tx_direct=0
}

received() { # NAME DEVICE
	on "$1" cat "/sys/class/net/$2/statistics/rx_packets"
}

# What the pod received without the pair is in its statistics all the same.
counted() {
	local before after
	before=$(received podA1 eth0)
	pings podA1 podB1 4 20
	after=$(received podA1 eth0)
	echo "$before $after"
	((after - before >= 20 && after - before < 30))
}

shown() {
	local index
	ctl nodeA -j pod show >"$TMP/pods"
	cat "$TMP/pods"
	index=$(on nodeA cat /sys/class/net/podA1/ifindex)
	jq -e --argjson index "$index" --arg addr "$(addr podA1 4)" '.[] |
		select(.veth == $index) | .name == "eth0" and
		(.address | index($addr))' "$TMP/pods"
}

### What is attached to the node's end

# To the pod: from the next packet on, and no longer than that.
egress_tc() {
	at_end 'on nodeA tc qdisc del dev podA1 clsact 2>/dev/null'
	on nodeA tc qdisc add dev podA1 clsact
	on nodeA tc filter add dev podA1 egress matchall action pass
	snap nodeA
	pings podA1 podB1 4 10
	# shellcheck disable=SC2086
	expect nodeA $DIRECT fallback_tc=10
	on nodeA tc filter replace dev podA1 egress pref 1 matchall action drop
	not pings podA1 podB1 4 2 -W 0.3 >/dev/null
	on nodeA tc qdisc del dev podA1 clsact
	direct 4
}

# Of the driver, in the pod: what does not cross the pair would miss it.
xdp() {
	bg podA1 "$SELFTESTS/bpf.py" xdp-driver eth0 pass >"$TMP/bpf"
	await 20 grep -q attached "$TMP/bpf"
	snap nodeA
	pings podA1 podB1 4 10
	# shellcheck disable=SC2086
	expect nodeA $DIRECT fallback_tc=10
	end_jobs
	bg podA1 "$SELFTESTS/bpf.py" xdp-driver eth0 drop >"$TMP/bpf"
	await 20 grep -q attached "$TMP/bpf"
	not pings podA1 podB1 4 2 -W 0.3 >/dev/null
	end_jobs
	direct 4
}

# From the pod.
ingress_tc() {
	at_end 'on nodeA tc qdisc del dev podA1 clsact 2>/dev/null'
	on nodeA tc qdisc add dev podA1 clsact
	on nodeA tc filter add dev podA1 ingress matchall action drop
	not pings podA1 podB1 4 2 -W 0.3 >/dev/null
	on nodeA tc qdisc del dev podA1 clsact
	direct 4
}

nft_hooks() { # ingress|egress
	at_end 'on nodeA nft delete table netdev hooks 2>/dev/null'
	on nodeA nft -f - <<-END
		table netdev hooks {
			chain hooks {
				type filter hook $1 device podA1 priority 0
				counter drop
			}
		}
	END
	not pings podA1 podB1 4 2 -W 0.3 >/dev/null
	on nodeA nft delete table netdev hooks
	direct 4
}

# As the plugin bandwidth does it.
shaper() {
	at_end 'on nodeA tc qdisc del dev podA1 root 2>/dev/null'
	on nodeA tc qdisc add dev podA1 root tbf rate 8mbit burst 20k \
		latency 100ms
	snap nodeA
	pings podA1 podB1 4 10
	# shellcheck disable=SC2086
	expect nodeA $DIRECT fallback_qdisc=10
	on nodeA tc -s qdisc show dev podA1 | grep -q 'Sent [1-9]'
	on nodeA tc qdisc del dev podA1 root
	direct 4
}

taps() {
	bg nodeA tcpdump -nn -l --immediate-mode -i podA1 icmp \
		>"$TMP/tap" 2>"$TMP/tap.err"
	await 10 grep -q 'listening on' "$TMP/tap.err"
	pings podA1 podB1 4 5
	await 10 lines_in "$TMP/tap" 5 'echo request'
	await 10 lines_in "$TMP/tap" 5 'echo reply'
	end_jobs
	direct 4
}

# A mark that tc sets on the node's end is asked for by the node's rules.
mark() {
	at_end 'on nodeA tc qdisc del dev podA1 clsact 2>/dev/null
		ipn nodeA rule del fwmark 7 2>/dev/null'
	ipn nodeA rule add fwmark 7 blackhole
	on nodeA tc qdisc add dev podA1 clsact
	on nodeA tc filter add dev podA1 ingress matchall \
		action skbedit mark 7
	not pings podA1 podB1 4 2 -W 0.3 >/dev/null
	ipn nodeA rule del fwmark 7
	snap nodeA
	pings podA1 podB1 4 5
	expect nodeA tx_direct=5 rx_direct=5
	on nodeA tc qdisc del dev podA1 clsact
	direct 4
}

### What is the stack's

hops() { # FAMILY
	on podA1 traceroute "-$1" -n -q 1 -w 3 -m 6 -I "$(addr podB1 "$1")" |
		tee "$TMP/hops"
	[[ $(grep -c '^ *[0-9]' "$TMP/hops") = 3 ]]
	not grep -q '\*' "$TMP/hops"
}

mtu_of_pair() { # MTU
	ipn podB1 link set eth0 mtu "$1"
	ipn nodeB link set podB1 mtu "$1"
}

too_big() { # FAMILY
	local mtu=1400
	at_end 'mtu_of_pair 1500'
	mtu_of_pair "$mtu"
	pings podA1 podB1 "$1" 2 -s 1200
	on podA1 ping "-$1" -n -c 1 -W 1 -M 'do' -s 1380 \
		"$(addr podB1 "$1")" >"$TMP/said" 2>&1 || true
	mtu_of_pair 1500
	ipn podA1 "-$1" route flush cache
	cat "$TMP/said"
	grep -qi "mtu[ =]*$mtu" "$TMP/said"
	pings podA1 podB1 "$1" 2 -s 1400
}

via_b() { # FAMILY ROUTE-ARGUMENT...
	local to=10.2.0.0/24 via=192.168.9.2
	[[ $1 = 4 ]] || { to=fd02::/64 via=fd09::2; }
	ipn nodeA "-$1" route replace "$to" via "$via" dev nic0 "${@:2}"
}

# What the pod sends is the stack's, if it is larger than its route.
route_mtu() { # FAMILY
	family=$1
	at_end 'via_b "$family"; ipn podA1 "-$family" route flush cache'
	via_b "$1" mtu 1300
	snap nodeA
	on podA1 ping "-$1" -n -c 1 -W 1 -M 'do' -s 1380 \
		"$(addr podB1 "$1")" >"$TMP/said" 2>&1 || true
	cat "$TMP/said"
	grep -qi 'mtu[ =]*1300' "$TMP/said"
	expect nodeA punt_mtu=1 tx_direct=0
}

# A port mapping of the node: the answers go back by way of the host.
port_mapping() {
	at_end 'on nodeA nft delete table ip mapping 2>/dev/null'
	on nodeA nft -f - <<-END
		table ip mapping {
			chain in {
				type nat hook prerouting priority dstnat
				iifname nic0 tcp dport 8080 dnat to $(addr podA1 4):80
			}
		}
	END
	bg_py podA1 who.py serve 80 81
	await 20 listens podA1 80
	snap nodeA
	py nodeB who.py ask "$(addr nodeA 4)" 8080 tcp
	expect nodeA flow_new=1.. punt_flow=3.. drop_spoof=0
	# Others are direct meanwhile.
	snap nodeA
	py podB1 who.py ask "$(addr podA1 4)" 80 tcp
	expect nodeA rx_direct=3.. tx_direct=3.. punt_flow=0
}

# What the pod may send is the matter of who made the pair.
foreign_source() {
	at_end 'ipn podA1 address del 10.99.0.1/32 dev lo 2>/dev/null
		ipn nodeB route del 10.99.0.1/32 2>/dev/null
		ipn nodeA route del 10.99.0.1/32 2>/dev/null'
	ipn podA1 address add 10.99.0.1/32 dev lo
	ipn nodeB route add 10.99.0.1/32 via "$(addr nodeA 4)"
	ipn nodeA route add 10.99.0.1/32 via "$(addr podA1 4)" \
		dev "$(iif_of_pods)" onlink
	snap nodeA
	pings podA1 podB1 4 3 -I 10.99.0.1
	expect nodeA punt_source=3 drop_spoof=0
}

iif_of_pods() {
	[[ $DATAPATH = shunt-bridge ]] && echo cni0 || echo podA1
}

### Lifetime

adopt() { ctl nodeA pod adopt "$(ns podA1)" ip "$(addr podA1 4)" \
	ip "$(addr podA1 6)"; }

# Refused with a message that has WORDS in it, and nothing changes.
refused() { # WORDS SHUNTCTL-ARG...
	local before
	before=$(ctl nodeA -j pod show)
	not ctl nodeA "${@:2}" >"$TMP/refused" 2>&1
	cat "$TMP/refused"
	[[ $(wc -l <"$TMP/refused") = 1 ]]
	grep -q -- "$1" "$TMP/refused"
	[[ $before = "$(ctl nodeA -j pod show)" ]]
}

refusals() {
	local pod foreign
	pod=$(ns podA1)
	foreign=$(ns podB1)
	refused 'on the direct path already' pod adopt "$pod" ip 10.1.0.77
	refused 'no veth device' pod adopt "$pod" dev lo ip 10.1.0.77
	refused 'there is no device eth7' pod adopt "$pod" dev eth7 ip 10.1.0.77
	refused 'not in this network namespace' \
		pod adopt "$foreign" ip 10.1.0.77
	ctl nodeA pod del "$pod"
	refused 'in use by a pod' pod adopt "$pod" ip 10.1.0.77 \
		ip "$(addr podA2 4)"
	adopt
	direct 4
}

# Back and forth, while traffic runs: nothing is lost.
back_and_forth() {
	local n
	bg podA1 ping -q -i 0.01 "$(addr podB1 4)" >"$TMP/ping"
	for n in 1 2 3; do
		snap nodeA
		await_counter nodeA tx_direct 10
		ctl nodeA pod del "$(ns podA1)"
		no_pod
		pings podA1 podB1 6 5
		adopt
	done
	kill -INT %1
	wait %1 || true
	cat "$TMP/ping"
	grep -q ' 0% packet loss' "$TMP/ping"
}

# Devices and namespaces go in any order.
gone() { # COMMAND...
	"$@"
	await 10 no_pod
	lifetime_again
}

no_pod() {
	[[ $(ctl nodeA -j pod show | jq length) = 1 ]]
}

lifetime_again() {
	if ! ipn nodeA link show podA1 &>/dev/null; then
		[[ -e /run/netns/$(ns podA1) ]] || ns_add podA1
		pod_add podA1
	else
		adopt
	fi
	await 10 pings podA1 podB1 4 1
	direct 4
}

leave_bridge() {
	ipn nodeA link set podA1 nomaster
	[[ $(ctl nodeA -j pod show | jq length) = 1 ]]
	ipn nodeA link set podA1 master cni0
	adopt
	await 10 pings podA1 podB1 4 1
	direct 4
}

# Without the node device, the stack carries them.
node_device() {
	ipn nodeA link del shunt0
	await 10 pings podA1 podB1 4 1
	pings podA1 podB1 6 3
	ipn nodeA link add shunt0 type shunt
	ctl nodeA uplink add nic0
	adopt
	ctl nodeA pod adopt "$(ns podA2)" ip "$(addr podA2 4)" \
		ip "$(addr podA2 6)"
	direct 4
}

# What depends on how the node's end is taken.
door() {
	local family
	for family in 4 6; do
		t "$DATAPATH v$family direct" direct $family
		t "$DATAPATH v$family transfers" transfers $family
		t "$DATAPATH v$family host to pod" host $family
		t "$DATAPATH v$family traceroute" hops $family
		t "$DATAPATH v$family MTU of the receiving pod" too_big $family
		t "$DATAPATH v$family MTU of a route" route_mtu $family
	done
	t "$DATAPATH tc ingress" ingress_tc
	t "$DATAPATH tcpdump" taps
	t "$DATAPATH mark of tc" mark
	t "$DATAPATH port mapping" port_mapping
	t "$DATAPATH other sources" foreign_source
	t "$DATAPATH back and forth" back_and_forth
	t "$DATAPATH the node's end goes" gone ipn nodeA link del podA1
	t "$DATAPATH the node device goes" node_device
}

start_forks
load_module
topology shunt-veth podA1 podA2 podB1
pods_quiet nodeA nodeB
door
t "counted by the pair" counted
t "shown" shown
t "tc egress" egress_tc
t "XDP of the driver" xdp
t "nft ingress" nft_hooks ingress
t "nft egress" nft_hooks egress
t "shaper" shaper
t "refusals" refusals
t "the pod's end goes" gone ipn podA1 link del eth0
t "the pod goes" gone ns_del "$(ns podA1)"
topology shunt-bridge podA1 podA2 podB1
pods_quiet nodeA nodeB
door
t "leaves the bridge" leave_bridge
finish
