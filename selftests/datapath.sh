#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each direct path carries ordinary traffic, all of it, whole, and past the
# host's stack; exact counters are the judges.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

ping_between_nodes() { # FAMILY
	pings podA1 podB1 "$1" 1
	snap nodeA
	snap nodeB
	pings podA1 podB1 "$1" 10
	expect nodeA tx_direct=10 rx_direct=10 tx_stack=0 rx_stack=0 \
		tx_local=0 rx_local=0 others=0
	expect nodeB tx_direct=10 rx_direct=10 tx_stack=0 rx_stack=0 \
		tx_local=0 rx_local=0 others=0
}

# 84 and 104 bytes of IP, and the Ethernet header.
ping_bytes() { # FAMILY
	local size=$((98 + ($1 == 6 ? 20 : 0)))
	snap nodeA
	pings podA1 podB1 "$1" 10
	expect nodeA tx_bytes=$((10 * size)) rx_bytes=$((10 * size))
}

ping_on_one_node() { # FAMILY
	pings podA1 podA2 "$1" 1
	snap nodeA
	pings podA1 podA2 "$1" 10
	expect nodeA tx_local=20 rx_local=20 tx_stack=0 rx_stack=0 \
		tx_direct=0 rx_direct=0 others=0
}

ping_from_host() { # FAMILY
	pings nodeA podA1 "$1" 1
	snap nodeA
	pings nodeA podA1 "$1" 10
	expect nodeA rx_stack=10 tx_stack=10 punt_route=10 tx_direct=0 \
		rx_direct=0 others=0
}

ping_own_host() { # FAMILY
	pings podA1 nodeA "$1" 1
	snap nodeA
	pings podA1 nodeA "$1" 10
	expect nodeA rx_stack=10 tx_stack=10 punt_route=10 tx_direct=0 \
		rx_direct=0 others=0
}

# An uplink leaves alone what is not for a pod.
ping_other_host() { # FAMILY
	pings podA1 nodeB "$1" 1
	snap nodeA
	snap nodeB
	pings podA1 nodeB "$1" 10
	expect nodeA tx_direct=10 rx_direct=10 others=0
	expect nodeB rx_direct=0 tx_direct=0 rx_stack=0 tx_stack=0 others=0
}

ping_from_other_host() { # FAMILY
	snap nodeA
	pings nodeB podA1 "$1" 10
	expect nodeA tx_direct=10 rx_direct=10 tx_stack=0 others=0
}

# Fragments go direct by their addresses.
ping_fragments() { # FAMILY
	local header=$(($1 == 4 ? 0 : 8)) n
	# 8000 + 8 bytes in pieces of 1480 or 1448.
	n=$(((8008 + 1479 - 4 * header) / (1480 - 4 * header)))
	snap nodeA
	pings podA1 podB1 "$1" 5 -s 8000
	expect nodeA tx_direct=$((5 * n)) rx_direct=$((5 * n)) tx_stack=0 \
		others=0
}

netperf_runs() { # FROM TO FAMILY TEST
	local rate much
	case $4 in
	TCP_CRR) much=-100 ;;
	*RR) much=-1000 ;;
	*) much=-10000000 ;;
	esac
	start_netserver "$2"
	rate=$(netperf_rate "$@" "$much")
	echo "$rate"
	[[ ${rate%.*} -gt 10 ]]
}

# GSO and GRO packets pass whole, none by way of the stack.
stream_passes_whole() { # FROM TO FAMILY DIRECTION
	local node=nodeA tx rx
	start_netserver "$2"
	snap "$node"
	netperf_runs "$1" "$2" "$3" TCP_STREAM
	tx=$(($(delta "$node" "tx_$4")))
	rx=$(($(delta "$node" tx_bytes) / tx))
	echo "$tx packets of $rx bytes"
	[[ $rx -gt 6000 ]]
	expect "$node" tx_stack=0 rx_stack=0
}

download() { # FROM TO FAMILY
	local host port=8000 want got
	host=$(addr "$2" "$3")
	[[ $3 = 4 ]] || host="[$host]"
	mkdir -p "$TMP/www"
	[[ -e $TMP/www/file ]] ||
		head -c 5000000 /dev/urandom >"$TMP/www/file"
	want=$(sha256sum <"$TMP/www/file")
	bg "$2" /usr/bin/python3 -m http.server -b "$(addr "$2" "$3")" \
		-d "$TMP/www" "$port"
	await 20 listens "$2" "$port"
	got=$(on "$1" curl -sS --max-time 60 "http://$host:$port/file" |
		sha256sum)
	[[ $got = "$want" ]]
}

iperf_both_ways() { # FROM TO FAMILY
	local result
	start_iperf "$2"
	result=$(on "$1" iperf3 "-$3" -c "$(addr "$2" "$3")" -t 1 --bidir -J)
	jq -e '.end.sum_received.bytes > 1e6 and
		.end.sum_received_bidir_reverse.bytes > 1e6' <<<"$result"
}

# Packets larger than the MTU pass whole, as of TCP.
sctp() { # FROM TO FAMILY DIRECTION
	local size packets
	snap nodeA
	sctp_messages "$1" "$2" "$3"
	expect nodeA "tx_$4=20.." "rx_$4=20.." tx_stack=0 others=0
	find_delta nodeA tx_bytes
	size=$DELTA
	find_delta nodeA "tx_$4"
	packets=$DELTA
	echo "$packets packets of $((size / packets)) bytes"
	[[ $((size / packets)) -gt 1514 ]]
}

# What the module allocates, and what of its packets is copied for want of room,
# a line each in $TMP/allocated, while COMMAND runs.
allocations() { # COMMAND...
	local trace=/sys/kernel/tracing start end event
	start=$(</sys/module/shunt/sections/.text)
	end=$(printf '%#x' $((start + $(awk '$1 == "shunt" { print $2 }' \
		/proc/modules))))
	(
		cd "$trace"
		for event in kmalloc kmem_cache_alloc; do
			echo "call_site >= $start && call_site < $end" \
				>events/kmem/"$event"/filter
			echo 1 >events/kmem/"$event"/enable
		done
		echo pskb_expand_head >set_ftrace_filter
		echo function >current_tracer
		echo 1 >tracing_on
		: >trace
	)
	"$@" >/dev/null
	grep -v '^#' "$trace/trace" >"$TMP/allocated" || true
	cat "$TMP/allocated"
}

no_tracing() (
	cd /sys/kernel/tracing
	echo nop >current_tracer
	: >set_ftrace_filter
	echo 0 >events/kmem/enable
	for event in kmalloc kmem_cache_alloc; do
		echo 0 >events/kmem/"$event"/filter
	done
)

to_all() { # FAMILY COUNT
	pings podA1 podB1 "$1" "$2"
	pings podA1 podA2 "$1" "$2"
	pings podA1 nodeA "$1" "$2"
	pings podB1 podA1 "$1" "$2"
}

# Once routes are known, a packet costs no memory. The first ones do.
allocates_nothing() { # FAMILY
	at_end no_tracing
	ctl nodeA uplink del nic0
	ctl nodeA uplink add nic0
	allocations to_all "$1" 2
	grep -q kmem_cache_alloc "$TMP/allocated"
	allocations to_all "$1" 100
	[[ ! -s $TMP/allocated ]]
}

# Datagrams of all sizes around those of packets and fragments come back.
udp_sizes() { # FROM TO FAMILY
	local size
	snap nodeA
	for size in 0 1 100 1452 1472; do
		pings "$1" "$2" "$3" 1 -s "$size"
	done
	for size in 1473 9000 60000; do
		pings "$1" "$2" "$3" 1 -s "$size"
	done
}

iperf_udp() { # FROM TO FAMILY
	local result
	start_iperf "$2"
	result=$(on "$1" iperf3 "-$3" -c "$(addr "$2" "$3")" -u -b 2M -t 1 -J)
	jq -e '.end.sum.packets > 100 and .end.sum.lost_packets == 0' \
		<<<"$result"
}

# A pod with two addresses of each family: which one it sends from is its own
# to choose, and it answers from the one that was asked.
second() { # FAMILY
	[[ $1 = 4 ]] && echo 10.1.0.33 || echo fd01::33
}

sources() { # FAMILY
	local from to
	for from in '' "$(addr podA3 "$1")" "$(second "$1")"; do
		send_from podA3 "$1" "$from"
		for to in podB1 podA2; do
			ipn podA3 route get "$(addr "$to" "$1")" |
				grep -o 'src [^ ]*'
			who podA3 ask "$(addr "$to" "$1")" 80 tcp,udp
		done
	done
	for from in podB1 podA2 nodeA; do
		who "$from" ask "$(addr podA3 "$1"),$(second "$1")" 80 tcp 2
		on "$from" ping -q -c 2 -i 0.01 -W 3 "$(second "$1")" |
			grep -o '2 received'
	done
}

with_two_addresses() {
	[[ -e /run/netns/$(ns podA3) ]] ||
		pod_add podA3 ip 10.1.0.33 ip fd01::33
	start_who podA2 podA3 podB1
}

two_addresses() { # FAMILY
	in_both with_two_addresses
	snap nodeA
	as_veth sources "$1"
	[[ $(grep -cx "$(second "$1")" "$TMP/said.shunt") -ge 4 ]]
	[[ $(grep -cx "$(addr podA3 "$1")" "$TMP/said.shunt") -ge 4 ]]
	expect nodeA tx_direct=20.. rx_direct=20.. tx_local=40.. \
		punt_route=8.. others=0
}

# Nothing of a direct flow is seen by the host's netfilter.
past_the_host() { # FAMILY
	local node rule
	start_netserver podB1
	for node in nodeA nodeB; do
		on "$node" nft -f - <<-END
		table inet seen {
			counter pods { }
			chain a {
				type filter hook prerouting priority -400
				ip saddr 10.0.0.0/14 counter name pods
				ip6 saddr { fd01::/64, fd02::/64 } counter name pods
			}
			chain b {
				type filter hook forward priority 0
				ct state new counter name pods
				counter name pods
			}
			chain c {
				type filter hook postrouting priority 0
				ip saddr 10.0.0.0/14 counter name pods
				ip6 saddr { fd01::/64, fd02::/64 } counter name pods
			}
		}
		END
	done
	on nodeA conntrack -F
	netperf_runs podA1 podB1 "$1" TCP_RR
	pings podA1 podB1 "$1" 5
	for node in nodeA nodeB; do
		rule=$(on "$node" nft list counter inet seen pods)
		on "$node" nft delete table inet seen
		echo "$rule"
		grep -q 'packets 0 ' <<<"$rule"
	done
	rule=$(on nodeA conntrack -L "-fipv$1" 2>/dev/null |
		grep -c "$(addr podA1 "$1")" || true)
	[[ $rule = 0 ]]
}

# Nor by its sockets, even those that have the pod's own addresses, whichever
# path the pod's packets take.
bystanders() { # FAMILY
	local pod node from
	peer=$(addr podB1 "$1")
	at_end 'ctl nodeA path del "$peer" 2>/dev/null'
	pod=$(addr podA1 "$1") node=$(addr nodeA "$1")
	start_who podA1
	bg_py nodeA packet.py bystand "$pod" "$peer" 80 >"$TMP/bystand"
	await 10 grep ready "$TMP/bystand"
	snap nodeA
	for from in podB1 podA2; do
		who "$from" ask "$pod" 80 tcp,udp
	done
	py podB1 packet.py send raw udp src "$peer" dst "$pod" sport 5000 \
		dport 80
	pings podB1 podA1 "$1" 2 -e 7
	pings podA1 podB1 "$1" 2 -e 7
	expect nodeA rx_direct=10.. rx_stack=0 others=0
	ctl nodeA path add "$peer" stack
	snap nodeA
	who podB1 ask "$pod" 80 tcp,udp
	pings podB1 podA1 "$1" 2 -e 7
	pings podA1 podB1 "$1" 2 -e 7
	expect nodeA rx_stack=8.. rx_direct=0
	# What is their own, and comes behind all that.
	py nodeB packet.py flows "$(addr nodeB "$1")" "$node" 80 1
	py nodeB who.py ask "$node" 80 tcp || true
	pings nodeB nodeA "$1" 1
	await 10 lines_in "$TMP/bystand" 1 raw-icmp
	cat "$TMP/bystand"
	for from in udp-any tcp-any raw-udp raw-tcp raw-icmp; do
		grep -qx "$from $(addr nodeB "$1")" "$TMP/bystand"
	done
	not grep -E "$pod|$peer|$(addr podA2 "$1")" "$TMP/bystand"
}

# What arrives is what forwarding would have delivered, byte for byte but for
# what is random: MAC of the router, TTL, DSCP and flags.
as_forwarded() { # FAMILY
	local topo
	for topo in shunt veth; do
		use "$topo"
		bg podB1 tcpdump -nn -v -i eth0 -c 3 -l --immediate-mode \
			'icmp[0] == 8 or ip6[40] == 128' >"$TMP/cap.$topo" 2>&1
		await 10 grep -q 'listening on' "$TMP/cap.$topo"
		pings podA1 podB1 "$1" 3 -Q 0x48 -t 40
		await 10 grep -q '3 packets captured' "$TMP/cap.$topo"
		grep -Eo 'tos 0x[0-9a-f]*|class 0x[0-9a-f]*|ttl [0-9]*|hlim [0-9]*|length:? [0-9]*|bad|wrong' \
			"$TMP/cap.$topo" >"$TMP/fields.$topo"
	done
	use shunt
	cat "$TMP/fields.shunt"
	[[ -s $TMP/fields.shunt ]]
	grep -Eq 'ttl 38|hlim 38' "$TMP/fields.shunt"
	diff "$TMP/fields.veth" "$TMP/fields.shunt"
}

# A delivery time is for the qdisc of the uplink, and is not lost before it.
keeps_delivery_time() { # FAMILY
	local took
	on nodeA tc qdisc replace dev nic0 root fq
	bg_py podB1 packet.py udp-echo "$(addr podB1 "$1")" 4000
	await 10 listens podB1 4000 -u
	took=$(py podA1 packet.py txtime "$(addr podB1 "$1")" \
		4000 700)
	on nodeA tc qdisc del dev nic0 root
	echo "took $took ms"
	[[ $took -ge 690 ]]
}

# "ip -s link" of a pod is the sum of what its counters say.
link_statistics() {
	local link ours name
	pings podA1 podB1 4 5
	pings podA1 podA2 4 5
	pings podA1 nodeA 4 5
	link=$(on podA1 ip -s -j link show eth0 | jq -r '.[0].stats64 |
		"\(.rx.packets) \(.tx.packets) \(.rx.bytes) \(.tx.bytes)"')
	for name in rx tx; do
		ours+=" $(on podA1 ethtool -S eth0 | awk -v d="$name" '
			$1 ~ "^" d "_(direct|local|stack):" { n += $2 }
			END { print n }')"
	done
	for name in rx tx; do
		ours+=" $(on podA1 ethtool -S eth0 | awk -v d="$name" '
			$1 == d "_bytes:" { print $2 }')"
	done
	echo "$link /$ours"
	[[ " $link" = "$ours" ]]
}

# Sums of bytes match what both ends of the wire count.
wire_statistics() {
	local before after
	start_netserver podB1
	snap nodeA
	before=$(on nodeA cat /sys/class/net/nic0/statistics/tx_bytes)
	netperf_runs podA1 podB1 4 TCP_RR
	after=$(on nodeA cat /sys/class/net/nic0/statistics/tx_bytes)
	# Neighbour discovery of the nodes is all that may come on top.
	expect nodeA "tx_bytes=$((after - before - 2000))..$((after - before))"
}

# Many destinations share the cache of routes.
many_flows() { # FAMILY
	local n
	snap nodeA
	for n in 1 2 3; do
		py podA1 packet.py flows "$(addr podA1 "$1")" \
			"$(addr podB1 "$1")" 9 200
	done
	# Port unreachable comes back, rate limited.
	expect nodeA tx_direct=600 tx_stack=0 punt_route=0
}

# The second packet to a destination asks nobody.
route_is_remembered() { # FAMILY
	pings podA1 podB1 "$1" 2
	snap nodeA
	pings podA1 podB1 "$1" 20
	expect nodeA tx_direct=20 rx_direct=20 route_miss=0 route_uncached=0
}

start_forks
load_module
# How packets leave a pod is the same for all that goes on above.
whole=1
[[ ! ${SINGLE_PASS-} ]] || whole=
topology shunt podA1 podA2 podB1
topology veth podA1 podA2 podB1
use shunt
pods_quiet nodeA nodeB

for family in 4 6; do
	t "v$family ping between nodes" ping_between_nodes $family
	t "v$family bytes are counted with the Ethernet header" \
		ping_bytes $family
	t "v$family ping on one node" ping_on_one_node $family
	t "v$family ping from host to pod" ping_from_host $family
	t "v$family ping from pod to its host" ping_own_host $family
	t "v$family ping from pod to another host" ping_other_host $family
	t "v$family ping from another host to pod" ping_from_other_host $family
	t "v$family ping in fragments" ping_fragments $family
	for test in TCP_RR ${whole:+TCP_CRR UDP_RR}; do
		t "v$family $test between nodes" \
			netperf_runs podA1 podB1 $family "$test"
		t "v$family $test on one node" \
			netperf_runs podA1 podA2 $family "$test"
	done
	t "v$family TCP stream passes whole between nodes" \
		stream_passes_whole podA1 podB1 $family direct
	t "v$family TCP stream passes whole on one node" \
		stream_passes_whole podA1 podA2 $family local
	t "v$family arrives as if forwarded" as_forwarded $family
	t "v$family delivery time reaches the uplink" \
		keeps_delivery_time $family
	[[ $whole ]] || continue
	t "v$family TCP_RR from host to pod" \
		netperf_runs nodeA podA1 $family TCP_RR
	t "v$family TCP_CRR from pod to its host" \
		netperf_runs podA1 nodeA $family TCP_CRR
	t "v$family TCP_MAERTS between nodes" \
		netperf_runs podA1 podB1 $family TCP_MAERTS
	t "v$family iperf3 both ways at once" iperf_both_ways podA1 podB1 $family
	t "v$family iperf3 both ways at once on one node" \
		iperf_both_ways podA1 podA2 $family
	t "v$family UDP loses nothing" iperf_udp podA1 podB1 $family
	t "v$family UDP loses nothing on one node" \
		iperf_udp podA1 podA2 $family
	t "v$family all sizes between nodes" udp_sizes podA1 podB1 $family
	t "v$family all sizes on one node" udp_sizes podA1 podA2 $family
	t "v$family download between nodes" download podA1 podB1 $family
	t "v$family download on one node" download podA1 podA2 $family
	t "v$family download by the host" download nodeA podA1 $family
	t "v$family zero-copy between nodes" zerocopy podA1 podB1 $family
	t "v$family zero-copy on one node" zerocopy podA1 podA2 $family
	t "v$family SCTP between nodes" sctp podA1 podB1 $family direct
	t "v$family SCTP on one node" sctp podA1 podA2 $family local
	t "v$family pod with two addresses" two_addresses $family
	t "v$family no memory for a packet" allocates_nothing $family
	t "v$family past the host's netfilter" past_the_host $family
	t "v$family past the host's sockets" bystanders $family
	t "v$family many flows" many_flows $family
	t "v$family routes are remembered" route_is_remembered $family
done
t "link statistics are the sum of the counters" link_statistics
t "bytes are those of the uplink" wire_statistics
finish
