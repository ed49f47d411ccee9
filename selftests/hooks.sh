#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Whatever a user attaches to a pod's device, or in the pod, sees and decides on
# the next packet, although the single transmit pass goes round the place where
# it sits; and once it is gone, so is its cost.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

tc_eth0() { on podA1 tc "$1" "$2" dev eth0 "${@:3}"; }

# Ten packets there and back: NAME counts ten, or none does. On one node both
# ends could fall back; one has the hook, unless LOCAL is 20.
ten() { # [NAME [LOCAL]]
	local family
	for family in 4 6; do
		snap nodeA
		pings podA1 podB1 "$family" 10
		expect nodeA ${1:+"$1=10"} tx_direct=10 rx_direct=10 \
			tx_stack=0 others=0
	done
	snap nodeA
	pings podA1 podA2 4 10
	expect nodeA ${1:+"$1=${2:-10}"} tx_local=20 rx_local=20 others=0
}

lost() { # 4|6
	not pings podA1 podB1 "$1" 2 -W 0.3 >/dev/null
}

# A hook that lets pass: seen and counted; then again while traffic runs.
# ATTACH, DETACH and SEEN, which prints how many packets it saw, are functions.
hook() { # COUNTER ATTACH DETACH SEEN [LOCAL]
	local before
	detach=$3
	at_end '$detach 2>/dev/null'
	$2
	ten "$1" "${5:-10}"
	before=$($4)
	echo "seen: $before"
	[[ $before -ge 30 ]]
	$3
	ten
	bg podA1 ping -q -i 0.01 "$(addr podB1 4)" >/dev/null
	snap nodeA
	$2
	await_counter nodeA "$1" 5
	$3
	snap nodeA
	await_counter nodeA tx_direct 10
	expect nodeA "$1=0"
}

# A hook that drops while traffic runs: nothing comes through from the next
# packet on, and everything again afterwards.
dropping() { # ATTACH DETACH
	detach=$2
	at_end '$detach 2>/dev/null'
	pings podA1 podB1 4 1
	pings podA1 podB1 6 1
	bg podA1 ping -q -i 0.01 "$(addr podB1 4)" >/dev/null
	traffic=$!
	traffic_flows
	$1
	lost 4
	lost 6
	$2
	traffic_flows
	kill "$traffic"
	wait "$traffic" || true
	ten
}

traffic_flows() {
	snap nodeA
	await_counter nodeA rx_direct 5
}

### Packet sockets

# Of an unlimited length, a device of unknown MTU leaves room for few packets.
tap_on() { # [DEVICE [NAME]]
	bg "${2:-podA1}" tcpdump -nn -e -l --immediate-mode -s 200 \
		-i "${1:-eth0}" >"$TMP/tap" 2>"$TMP/tap.err"
	tap=$!
	await 10 grep -q 'listening on' "$TMP/tap.err"
}
tap_off() {
	kill -INT "$tap"
	wait "$tap" || true
}
# What was sent, each packet once.
tap_seen() {
	await 10 lines_in "$TMP/tap" 30 'echo request'
	grep -c 'echo request' "$TMP/tap"
}

tap_any_on() { tap_on any; }

# What the host sends to a pod, and what comes back.
tap_on_node_device() {
	local family
	for family in 4 6; do
		tap_on shunt0 nodeA
		snap nodeA
		pings nodeA podA1 "$family" 10
		expect nodeA fallback_tap=10 tx_stack=10 rx_stack=10
		await 10 lines_in "$TMP/tap" 20 'echo re'
		tap_off
		[[ $(grep -c 'echo re' "$TMP/tap") = 20 ]]
		snap nodeA
		pings nodeA podA1 "$family" 10
		expect nodeA fallback_tap=0 tx_stack=10 rx_stack=10
	done
}

# Both directions once, with the addresses of the pod and its gateway.
tap_sees_ethernet() {
	local own gateway
	tap_on
	pings podA1 podB1 4 5
	await 10 lines_in "$TMP/tap" 10
	tap_off
	own=$(on podA1 cat /sys/class/net/eth0/address)
	gateway=$(ipn podA1 -j neigh show 169.254.1.1 | jq -r '.[0].lladdr')
	cat "$TMP/tap"
	[[ $(grep -c "$own > $gateway, ethertype IPv4.*request" \
		"$TMP/tap") = 5 ]]
	# What arrives has the header that the uplink got it with.
	[[ $(grep -c "ethertype IPv4.*reply" "$TMP/tap") = 5 ]]
	[[ $(grep -c 'echo re' "$TMP/tap") = 10 ]]
}

### Queueing disciplines

qdisc_on() { tc_eth0 qdisc replace root "${qdisc[@]}"; }
qdisc_off() { tc_eth0 qdisc del root; }
qdisc_seen() { on podA1 tc -s -j qdisc show dev eth0 | jq '.[0].packets'; }

qdisc_delays() {
	local took
	tc_eth0 qdisc add root netem delay 100ms
	took=$(on podA1 ping -c 2 -i 0.2 -W 3 "$(addr podB1 4)" |
		sed -n 's/^rtt[^=]*= \([0-9]*\).*/\1/p')
	tc_eth0 qdisc del root
	echo "rtt $took ms"
	[[ $took -ge 100 ]]
	took=$(on podA1 ping -c 2 -i 0.2 -W 3 "$(addr podB1 4)" |
		sed -n 's/^rtt[^=]*= \([0-9]*\).*/\1/p')
	echo "rtt $took ms"
	[[ $took -lt 100 ]]
}
netem_drop_on() { tc_eth0 qdisc add root netem loss 100%; }

### tc

clsact_on() {
	tc_eth0 qdisc add clsact
	tc_eth0 filter add egress matchall action ok
}
clsact_off() { tc_eth0 qdisc del clsact; }
clsact_seen() {
	on podA1 tc -s -j filter show dev eth0 egress |
		jq '[.. | .stats? // empty | .packets] | max'
}
egress_drop_on() {
	tc_eth0 qdisc add clsact
	tc_eth0 filter add egress matchall action drop
}
ingress_drop_on() {
	tc_eth0 qdisc add clsact
	tc_eth0 filter add ingress matchall action drop
}
u32_drop_on() {
	tc_eth0 qdisc add clsact
	tc_eth0 filter add egress protocol ip u32 match ip dst 10.2.0.0/24 \
		action drop
	tc_eth0 filter add egress protocol ipv6 u32 match ip6 dst fd02::/64 \
		action drop
}

# clsact without a program asks nothing but its static key.
clsact_ingress_only() {
	at_end 'clsact_off 2>/dev/null'
	tc_eth0 qdisc add clsact
	tc_eth0 filter add ingress matchall action ok
	snap nodeA
	pings podA1 podB1 4 10
	clsact_off
	expect nodeA tx_direct=10 rx_direct=10
}

### BPF

bpf_on() {
	bg "${where:-podA1}" "$SELFTESTS/bpf.py" "$program" \
		"${device:-eth0}" drop >"$TMP/bpf" 2>&1
	bpf=$!
	await 10 grep -q . "$TMP/bpf"
	grep -q attached "$TMP/bpf"
}
bpf_off() {
	kill "$bpf"
	wait "$bpf" || true
}

bpf_drops() { # PROGRAM
	program=$1
	case $program in
	tcx*) [[ $(uname -r) != 6.1.* ]] || skip "this kernel has no tcx" ;;
	esac
	dropping bpf_on bpf_off
}

tcx_passes() {
	[[ $(uname -r) != 6.1.* ]] || skip "this kernel has no tcx"
	bg podA1 "$SELFTESTS/bpf.py" tcx-egress eth0 pass >"$TMP/bpf" 2>&1
	await 10 grep -q attached "$TMP/bpf"
	ten fallback_tc
	end_jobs
	ten
}

# In the pod's cgroup, before the neighbour is asked.
cgroup_drops() {
	local group=/sys/fs/cgroup/shunt-test program=cgroup-egress
	at_end 'end_jobs; rmdir /sys/fs/cgroup/shunt-test'
	mkdir "$group"
	# Outside: what runs in a netns sees another /sys.
	"$SELFTESTS/bpf.py" "$program" "$group" drop >"$TMP/bpf" 2>&1 &
	await 10 grep -q . "$TMP/bpf"
	cat "$TMP/bpf"
	grep -q attached "$TMP/bpf"
	pings podA1 podB1 4 1
	snap nodeA
	echo "$BASHPID" >"$group/cgroup.procs"
	not pings podA1 podB1 4 2 -W 0.3
	echo "$BASHPID" >/sys/fs/cgroup/cgroup.procs
	expect nodeA tx_direct=0 others=0
}

### nftables

nft_hook() { # HOOK VERDICT
	on podA1 nft -f - <<-END
	table netdev t {
		chain c {
			type filter hook $1 device eth0 priority 0
			counter $2
		}
	}
	END
}
nft_on() { nft_hook egress accept; }
nft_off() { on podA1 nft delete table netdev t; }
nft_seen() {
	on podA1 nft -j list table netdev t |
		jq '[.. | .counter? // empty | .packets] | max'
}
nft_egress_drop_on() { nft_hook egress drop; }
nft_ingress_drop_on() { nft_hook ingress drop; }

inet_drop_on() {
	on podA1 nft -f - <<-END
	table inet t {
		chain c {
			type filter hook $chain priority 0
			oifname eth0 drop
		}
	}
	END
}
inet_drop_off() { on podA1 nft delete table inet t; }
inet_drops() { # HOOK
	chain=$1
	dropping inet_drop_on inet_drop_off
}

### The rest

# Such maps can be given to devices of the first netns alone.
priomap() {
	dir=$TMP/net_prio
	at_end 'rmdir "$dir/g"; umount "$dir"; ip link del prio0'
	mkdir "$dir"
	mount -t cgroup -o net_prio none "$dir" || skip "no net_prio"
	mkdir "$dir/g"
	ctl nodeA pod add /proc/1/ns/net dev prio0 ip 10.1.0.90
	ping -q -c 1 -W 3 -I prio0 "$(addr podB1 4)"
	echo 'prio0 5' >"$dir/g/net_prio.ifpriomap"
	snap nodeA
	ping -q -c 10 -i 0.005 -W 3 -I prio0 "$(addr podB1 4)"
	expect nodeA fallback_prio=10 tx_direct=10 rx_direct=10 tx_stack=0
}

# The receive side with packet steering.
# How many interrupts other CPUs got for packets that RPS gave them, in $GIVEN.
find_given() {
	local row
	GIVEN=0
	while read -ra row; do
		GIVEN=$((GIVEN + 16#${row[9]}))
	done </proc/net/softnet_stat
}

# What arrives on the first CPU is received on the second.
rps() {
	local before family
	[[ -d /sys/devices/system/cpu/cpu1 ]] || skip "one CPU"
	at_end 'on podA1 sh -c "echo 0 >/sys/class/net/eth0/queues/rx-0/rps_cpus"'
	on podA1 sh -c 'echo 2 >/sys/class/net/eth0/queues/rx-0/rps_cpus'
	for family in 4 6; do
		find_given
		before=$GIVEN
		find_addr podB1 "$family"
		on podA1 taskset -c 0 ping -q -c 20 -i 0.005 "$ADDR"
		find_given
		((GIVEN - before >= 10)) || fail "$((GIVEN - before)) given"
	done
	ten
	start_netserver podB1
	netperf_rate podA1 podB1 4 TCP_STREAM 1
	on podA1 sh -c 'echo 0 >/sys/class/net/eth0/queues/rx-0/rps_cpus'
	ten
}

# NOARP can be taken off by the pod; nothing answers questions, and nothing
# asks them.
arp_on() {
	at_end 'ipn podA1 link set eth0 arp off'
	ipn podA1 link set eth0 arp on
	snap nodeA
	pings podA1 podB1 4 10
	expect nodeA tx_direct=10 rx_direct=10
	tap_on
	pings podA1 podB1 4 10
	tap_off
	expect nodeA fallback_tap=10.. tx_direct=20
	not grep ARP "$TMP/tap"
}

# The neighbours of the pod are its own to break, and come back.
neighbours_flushed() {
	local family
	for family in 4 6; do
		pings podA1 podB1 "$family" 1
		ipn podA1 neigh flush dev eth0 nud all
		snap nodeA
		pings podA1 podB1 "$family" 10
		# The pod may ask who its gateway is; nobody answers.
		expect nodeA tx_direct=10 rx_direct=10 drop_nd=0..5
	done
	ipn podA1 neigh del 169.254.1.1 dev eth0 || true
	pings podA1 podB1 4 10
}

# Timestamps on transmit are the uplink's, once each.
timestamps() { # FAMILY
	on podA1 /usr/bin/python3 - "$(addr podB1 "$1")" <<-END
	import socket, struct, sys, select
	is_v6 = ":" in sys.argv[1]
	s = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET,
	                  socket.SOCK_DGRAM)
	# TX_SOFTWARE, SOFTWARE, TX_SCHED, OPT_TSONLY
	s.setsockopt(socket.SOL_SOCKET, 37, 1 << 1 | 1 << 4 | 1 << 8 | 1 << 11)
	s.sendto(b"x", (sys.argv[1], 9))
	p = select.poll()
	p.register(s, 0)
	while p.poll(1000):
	    try:
	        _, anc, _, _ = s.recvmsg(100, 500, socket.MSG_ERRQUEUE)
	    except OSError as e:
	        continue
	    for level, kind, data in anc:
	        # IP_RECVERR or IPV6_RECVERR, SO_EE_ORIGIN_TIMESTAMPING
	        if (level, kind) == ((41, 25) if is_v6 else (0, 11)):
	            code, origin, _, _, _, info = struct.unpack("=IBBBBI",
	                                                        data[:12])
	            if origin == 4:
	                print("timestamp", info)
	END
}

# The device's own pass tells when a packet is queued, as a veth's does.
timestamps_queued() { # FAMILY
	at_end 'in_both on podA1 tc qdisc del dev eth0 root'
	in_both on podA1 tc qdisc add dev eth0 root pfifo
	snap nodeA
	timestamps_alike "$1"
	expect nodeA fallback_qdisc=1..
}

timestamps_alike() { # FAMILY
	as_veth timestamps "$1"
	[[ $(grep -c timestamp "$TMP/said.shunt") = 2 ]]
}

# The time of arrival, not the one at which the sender wanted it to be sent.
received_when() { # FROM
	: >"$TMP/when"
	cat >"$TMP/when.py" <<-END
	import socket, struct, time
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, 35, 1) # SO_TIMESTAMPNS
	s.bind(("", 7777))
	_, anc, _, _ = s.recvmsg(100, 500)
	sec, _ = struct.unpack("=qq", anc[0][2])
	print("now" if abs(time.time() - sec) < 60 else "at %d" % sec)
	END
	bg podA2 /usr/bin/python3 "$TMP/when.py" >"$TMP/when"
	await 10 listens podA2 7777 -u
	on "$1" /usr/bin/python3 - "$(addr podA2 4)" <<-END
	import socket, struct, sys, time
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	# SO_TXTIME of an hour ago by CLOCK_REALTIME, which nothing marks as a
	# time of delivery.
	s.setsockopt(socket.SOL_SOCKET, 61, struct.pack("=II", 0, 0))
	when = struct.pack("=Q", time.time_ns() - 3600 * 10**9)
	s.sendmsg([b"x"], [(socket.SOL_SOCKET, 61, when)], 0,
	          (sys.argv[1], 7777))
	END
	await 10 lines_in "$TMP/when" 1
	[[ $(<"$TMP/when") = now ]] || fail "received $(<"$TMP/when")"
}
receive_timestamps() {
	received_when podA1
	received_when podB1
}

# What the uplink has attached for what it receives acts first: shunt does not
# even see it.
before_shunt() { # ATTACH DETACH
	local family
	detach=$2
	at_end '$detach 2>/dev/null'
	pings podA1 podB1 4 1
	pings podA1 podB1 6 1
	$1
	snap nodeA
	lost 4
	lost 6
	expect nodeA tx_direct=4 rx_direct=0 rx_stack=0 others=0
	$2
	ten
}

bpf_before_shunt() { # PROGRAM
	program=$1 where=nodeA device=nic0
	[[ $1 != tcx* || $(uname -r) != 6.1.* ]] || skip "this kernel has no tcx"
	before_shunt bpf_on bpf_off
}

uplink_clsact_on() {
	on nodeA tc qdisc add dev nic0 clsact
	on nodeA tc filter add dev nic0 ingress matchall action drop
}
uplink_clsact_off() { on nodeA tc qdisc del dev nic0 clsact; }

uplink_nft_on() {
	on nodeA nft -f - <<-END
	table netdev t {
		chain c {
			type filter hook ingress device nic0 priority 0
			ip saddr 10.2.0.0/24 counter drop
			ip6 saddr fd02::/64 counter drop
		}
	}
	END
}
uplink_nft_off() { on nodeA nft delete table netdev t; }

# A socket that a program of the uplink has chosen is the node's, and not to
# get what is a pod's.
socket_chosen() {
	local family
	at_end 'uplink_clsact_off; umount "$TMP/bpffs"'
	mkdir "$TMP/bpffs"
	mount -t bpf none "$TMP/bpffs"
	bg_py nodeA packet.py udp-echo :: 4000 >"$TMP/node"
	for family in 4 6; do
		bg_py podA1 packet.py udp-echo "$(addr podA1 "$family")" 4000 \
			>"$TMP/pod$family"
		await 10 listens podA1 4000 -u
	done
	await 10 listens nodeA 4000 -u
	"$SELFTESTS/bpf.py" pinned "$TMP/bpffs/choose" 4000
	on nodeA tc qdisc add dev nic0 clsact
	on nodeA tc filter add dev nic0 ingress bpf direct-action \
		object-pinned "$TMP/bpffs/choose"
	snap nodeA
	for family in 4 6; do
		py podB1 packet.py flows "$(addr podB1 "$family")" \
			"$(addr podA1 "$family")" 4000 3
		await 5 lines_in "$TMP/pod$family" 3
	done
	expect nodeA rx_direct=6.. rx_stack=0
	[[ ! -s $TMP/node ]]
	# It is chosen, or the test would show nothing.
	py nodeB packet.py flows "$(addr nodeB 4)" "$(addr nodeA 4)" 4001 1
	await 5 lines_in "$TMP/node" 1
}

# What it has for what it sends is as it was.
uplink_sends() {
	at_end 'on nodeA tc qdisc del dev nic0 clsact 2>/dev/null
		on nodeA tc qdisc del dev nic0 root 2>/dev/null'
	on nodeA tc qdisc add dev nic0 clsact
	on nodeA tc filter add dev nic0 egress matchall action drop
	lost 4
	lost 6
	on nodeA tc qdisc del dev nic0 clsact
	ten
	on nodeA tc qdisc add dev nic0 root netem loss 100%
	lost 4
	lost 6
	on nodeA tc qdisc del dev nic0 root
	ten
}

uplink_tap() {
	bg nodeA tcpdump -nn -l --immediate-mode -i nic0 icmp \
		>"$TMP/up" 2>"$TMP/up.err"
	await 10 grep -q 'listening on' "$TMP/up.err"
	pings podA1 podB1 4 5
	await 5 lines_in "$TMP/up" 10
	[[ $(wc -l <"$TMP/up") = 10 ]]
}

start_forks
load_module
topology shunt podA1 podA2 podB1
topology veth podA1 podB1
use shunt
pods_quiet nodeA nodeB

t "tcpdump" hook fallback_tap tap_on tap_off tap_seen
# Until 6.15 all devices of all namespaces ask the same question.
kernel_since 6.15 && any=10 || any=20
t "tcpdump on any" hook fallback_tap tap_any_on tap_off tap_seen "$any"
t "tcpdump on the node device" tap_on_node_device
t "tcpdump sees Ethernet, each packet once" tap_sees_ethernet
for qdisc in pfifo fq 'netem delay 1ms'; do
	read -ra qdisc <<<"$qdisc"
	t "qdisc ${qdisc[0]}" hook fallback_qdisc qdisc_on qdisc_off qdisc_seen
done
t "qdisc delays" qdisc_delays
t "qdisc drops" dropping netem_drop_on qdisc_off
t "tc egress program" hook fallback_tc clsact_on clsact_off clsact_seen
t "tc egress drops" dropping egress_drop_on clsact_off
t "tc egress drops by u32" dropping u32_drop_on clsact_off
t "tc ingress drops" dropping ingress_drop_on clsact_off
t "tc ingress alone" clsact_ingress_only
t "tcx egress passes" tcx_passes
for program in tcx-egress tcx-ingress xdp; do
	t "$program drops" bpf_drops $program
done
t "cgroup egress drops" cgroup_drops
t "nftables egress hook" hook fallback_nf nft_on nft_off nft_seen
t "nftables egress hook drops" dropping nft_egress_drop_on nft_off
t "nftables ingress hook drops" dropping nft_ingress_drop_on nft_off
for chain in output postrouting; do
	t "nftables $chain in the pod drops" inet_drops $chain
done
t "net_prio" priomap
t "receive packet steering" rps
t "neighbours flushed in the pod" neighbours_flushed
for family in 4 6; do
	t "v$family transmit timestamps" timestamps_alike $family
	t "v$family transmit timestamps, queued" timestamps_queued $family
done
t "receive timestamps" receive_timestamps
for program in tcx-ingress xdp; do
	t "$program of the uplink" bpf_before_shunt $program
done
t "tc ingress of the uplink" before_shunt uplink_clsact_on uplink_clsact_off
t "nftables ingress of the uplink" before_shunt uplink_nft_on uplink_nft_off
t "a socket that the uplink's program chooses" socket_chosen
t "what the uplink has for sending" uplink_sends
t "tcpdump on the uplink" uplink_tap
# Leaves router solicitations behind for some seconds.
t "arp on in the pod" arp_on
finish
