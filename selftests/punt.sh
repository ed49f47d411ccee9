#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is not plainly simple gets the answer that routing through veth pairs
# gives, with and without a stateful ruleset on the node.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

send() { # POD HOW WHAT [KEY VALUE]...
	local pod=$1
	shift
	py "$pod" packet.py send "$@"
}

ipv() { # NODE FAMILY IP-ARGUMENT...
	local node=$1 family=$2
	shift 2
	ipn "$node" "-$family" "$@"
}

via() { # FAMILY [NIC]: nodeB's address as seen by nodeA
	case $1$2 in
	40) echo 192.168.9.2 ;;
	41) echo 192.168.8.2 ;;
	60) echo fd09::2 ;;
	61) echo fd08::2 ;;
	esac
}

pods_of_b() { # FAMILY
	[[ $1 = 4 ]] && echo 10.2.0.0/24 || echo fd02::/64
}

# Change the route from nodeA to the pods of nodeB, and back.
route_to_b() { # FAMILY ROUTE-ARGUMENT...
	local family=$1
	shift
	ipv nodeA "$family" route replace "$(pods_of_b "$family")" \
		via "$(via "$family" 0)" dev nic0 "$@"
}

# PMTUs learnt in one test are not for the next.
forget_pmtu() { # FAMILY NAME...
	local family=$1 name
	shift
	for name; do
		ipv "$name" "$family" route flush cache
	done
}

### TTL

# Hops without times; the lines of ICMP errors of ping without them.
hops() { # FROM TO FAMILY [ARG...]
	on "$1" traceroute "-$3" -n -q 1 -w 3 -m 6 "${@:4}" \
		"$(addr "$2" "$3")" | sed 's/ *[0-9.]* ms//g'
}

errors() { # FROM ADDRESS FAMILY [ARG...]
	on "$1" ping "-$3" -n -c 1 -W 1 "${@:4}" "$2" 2>&1 |
		sed 's/time[= ][0-9.]* *ms//; s/, rtt .*//; /^rtt/d; /^$/d' ||
		true
}

trace() { # FROM TO FAMILY ARGS
	# shellcheck disable=SC2086 # several words
	as_veth hops "$1" "$2" "$3" $4
}

ttl_counted() { # FAMILY
	snap nodeA
	as_veth errors podA1 "$(addr podB1 "$1")" "$1" -t 1
	expect nodeA punt_ttl=1 tx_stack=1 tx_direct=0
	snap nodeA
	snap nodeB
	as_veth errors podA1 "$(addr podB1 "$1")" "$1" -t 2
	expect nodeA tx_direct=1 punt_ttl=0
	expect nodeB punt_ttl=1
	as_veth errors podA1 "$(addr podB1 "$1")" "$1" -t 3
	as_veth errors podA1 "$(addr podA2 "$1")" "$1" -t 1
	as_veth errors podA1 "$(addr podA2 "$1")" "$1" -t 2
}

### Neighbours of the node

# The next hop is not there, and then it is.
next_hop_missing() { # FAMILY
	local gone=192.168.9.99
	[[ $1 = 4 ]] || gone=fd09::99
	ipv nodeA "$1" route add "$to" via "$gone"
	errors podA1 "$to" "$1" -W 5
	ipv nodeB "$1" address add "$to" dev lo
	ipv nodeB "$1" address add "$gone/$([[ $1 = 4 ]] && echo 24 ||
		echo 64)" dev nic0
	await 5 on podA1 ping -c 1 -W 1 "$to"
	errors podA1 "$to" "$1"
	ipv nodeB "$1" address flush to "$gone" dev nic0
	ipv nodeB "$1" address flush to "$to" dev lo
	ipv nodeA "$1" route del "$to"
}

neighbour_fails() { # FAMILY
	to=$(nowhere "$1") family=$1
	at_end 'for topo in veth shunt; do use $topo
		ipv nodeA "$family" route del "$to" 2>/dev/null
		done; use shunt'
	snap nodeA
	as_veth next_hop_missing "$1"
	grep -Eqi 'unreachable' "$TMP/said.shunt"
	grep -q '1 received' "$TMP/said.shunt"
	expect nodeA tx_direct=1..
}

### Errors for sockets

# Nobody listens: the socket that asked is told, and no other.
refused() { # FAMILY
	local proto
	for proto in tcp udp sctp; do
		py podA1 who.py ask "$(addr podB1 "$1")" 9 "$proto" \
			2>&1 || true
		py podA1 who.py ask "$(addr podA2 "$1")" 9 "$proto" \
			2>&1 || true
	done
	# A router on the way has no route.
	ipv nodeB "$1" route add prohibit "$(nowhere "$1")"
	ipv nodeA "$1" route add "$(nowhere "$1")" via "$(via "$1" 0)"
	for proto in tcp udp sctp; do
		py podA1 who.py ask "$(nowhere "$1")" 9 "$proto" \
			2>&1 || true
	done
	ipv nodeA "$1" route del "$(nowhere "$1")"
	ipv nodeB "$1" route del prohibit "$(nowhere "$1")"
}

socket_errors() { # FAMILY
	modprobe -q sctp || skip "this kernel has no SCTP"
	# An error that arrives while the socket is in use is lost, and what it
	# answers is sent again.
	in_both on podA1 sysctl -qw net.sctp.rto_initial=100
	as_veth refused "$1"
	[[ $(grep -c refused "$TMP/said.shunt") = 6 ]]
	[[ $(wc -l <"$TMP/said.shunt") = 9 ]]
	not grep -q 'timed out' "$TMP/said.shunt"
}

# What sockets hand over in ways of their own.
transfers() { # FAMILY
	local to
	for to in podB1 podA2; do
		zerocopy podA1 "$to" "$1"
		sctp_messages podA1 "$to" "$1"
	done
}

socket_transfers() { # FAMILY
	modprobe -q sctp || skip "this kernel has no SCTP"
	snap nodeA
	as_veth transfers "$1"
	[[ $(grep -c 'the same' "$TMP/said.shunt") = 4 ]]
	expect nodeA tx_direct=20.. tx_local=20.. tx_stack=0
}

### MTU

ping_too_big() { # FAMILY
	forget_pmtu "$1" podA1
	route_to_b "$1" mtu 1300
	errors podA1 "$(addr podB1 "$1")" "$1" -M 'do' -s 1400
	# The second time the pod itself knows.
	errors podA1 "$(addr podB1 "$1")" "$1" -M 'do' -s 1400
	ipv podA1 "$1" route get "$(addr podB1 "$1")" |
		grep -o 'mtu [0-9]*'
	route_to_b "$1"
	forget_pmtu "$1" podA1
}

route_mtu() { # FAMILY
	snap nodeA
	as_veth ping_too_big "$1"
	grep -q 'mtu 1300' "$TMP/said.shunt"
	expect nodeA punt_mtu=1
}

# Nobody is told of this change, and the answer that is kept has to notice.
ping_past_sysctl() {
	forget_pmtu 6 podA1
	pings podA1 podB1 6 3 -s 1400
	on nodeA sysctl -qw net.ipv6.conf.nic0.mtu=1300
	errors podA1 "$(addr podB1 6)" 6 -M 'do' -s 1400
	on nodeA sysctl -qw net.ipv6.conf.nic0.mtu=1500
	forget_pmtu 6 podA1
	pings podA1 podB1 6 3 -s 1400
}

sysctl_mtu() {
	snap nodeA
	as_veth ping_past_sysctl
	grep -q 'mtu[ =]*1300' "$TMP/said.shunt"
	expect nodeA punt_mtu=1
}

# Nobody is told but the addresses, and those of tunnels may have none. To nodeB
# by nic1, and back by nic0.
v6_off() { # on|off
	local mac off=net.ipv6.conf.nic1.disable_ipv6
	mac=$(on nodeB cat /sys/class/net/nic1/address)
	ipn nodeA neigh replace fd08::2 lladdr "$mac" dev nic1 nud permanent
	ipn nodeA -6 route replace fd02::/64 via fd08::2 dev nic1
	if [[ $1 = off ]]; then
		ipn nodeB link set nic1 addrgenmode none
		ipn nodeB -6 address flush dev nic1
	fi
	pings podA1 podB1 6 3
	on nodeB sysctl -qw "$off=1"
	errors podA1 "$(addr podB1 6)" 6 -c 3 -i 0.1
	on nodeB sysctl -qw "$off=0"
	await 5 pings podA1 podB1 6 1
	pings podA1 podB1 6 3
	v6_on_again
}

v6_on_again() {
	on nodeB sysctl -qw net.ipv6.conf.nic1.disable_ipv6=0
	ipn nodeB link set nic1 addrgenmode eui64
	ipn nodeB address replace fd08::2/64 dev nic1 nodad
	ipn nodeA -6 route replace fd02::/64 via fd09::2 dev nic0
	ipn nodeA neigh del fd08::2 dev nic1
}

disabled() { # on|off: whether the device has addresses
	at_end 'for topo in veth shunt; do use $topo; v6_on_again; done 2>/dev/null
		use shunt'
	snap nodeB
	as_veth v6_off "$1"
	grep -q '100% packet loss' "$TMP/said.shunt"
	expect nodeB rx_direct=7 rx_stack=0
}

# Without DF it is the node that fragments.
fragmented_on_the_way() {
	snap nodeA
	route_to_b 4 mtu 1300
	pings podA1 podB1 4 5 -M dont -s 1400
	route_to_b 4
	expect nodeA punt_mtu=5 tx_stack=5
}

# Segments decide, not the size of the GSO packet.
transfer_learns_pmtu() { # FAMILY
	local mtu
	forget_pmtu "$1" podA1 podB1
	start_netserver podB1
	route_to_b "$1" mtu 1300
	snap nodeA
	mtu=$(netperf_rate podA1 podB1 "$1" TCP_STREAM 1)
	echo "rate $mtu"
	[[ ${mtu%.*} -gt 5 ]]
	mtu=$(ipv podA1 "$1" route get "$(addr podB1 "$1")" |
		grep -o 'mtu [0-9]*')
	route_to_b "$1"
	forget_pmtu "$1" podA1 podB1
	[[ $mtu = "mtu 1300" ]]
	expect nodeA punt_mtu=1..100 tx_direct=100..
}

# The other end's node, and a pod whose own MTU is the smallest.
mtu_of_pod() { # FAMILY
	local rate pod
	ctl nodeB pod add "$(ns podB9)" ip "$(addr podB9 "$1")" mtu 1400
	for pod in podB1 podA1; do
		forget_pmtu "$1" "$pod"
	done
	start_netserver podB9
	# The answer of netserver says how much arrived.
	rate=$(netperf_rate podA1 podB9 "$1" TCP_STREAM 1)
	echo "between nodes $rate"
	[[ ${rate%.*} -gt 5 ]]
	rate=$(netperf_rate podB1 podB9 "$1" TCP_STREAM 1)
	echo "on one node $rate"
	[[ ${rate%.*} -gt 5 ]]
	snap nodeB
	errors podA1 "$(addr podB9 "$1")" "$1" -M 'do' -s 1440 >"$TMP/far"
	errors podB1 "$(addr podB9 "$1")" "$1" -M 'do' -s 1440 >"$TMP/near"
	forget_pmtu "$1" podA1 podB1
	cat "$TMP/far" "$TMP/near"
	grep -q 'mtu[ =]*1400' "$TMP/far"
	grep -q 'mtu[ =]*1400' "$TMP/near"
	ctl nodeB pod del "$(ns podB9)"
}

### Options and extension headers

record_route() {
	errors podA1 "$(addr podB1 4)" 4 -R
	errors podA1 "$(addr podA2 4)" 4 -R
	errors podA1 "$(addr podB1 4)" 4 -T tsandaddr | sed 's/[0-9]* absolute.*//
		s/\t[-0-9]*$//'
}

options() {
	snap nodeA
	as_veth record_route
	grep -q 'RR:' "$TMP/said.shunt"
	# Two pings between nodes, there and back, and one on the node.
	expect nodeA punt_options=6 tx_direct=0 tx_local=0
}

udp_arrives() { # FAMILY WHAT
	local file=$TMP/echo.$TOPO
	bg_py podB1 packet.py udp-echo "$(addr podB1 "$1")" 4000 \
		>"$file"
	await 10 listens podB1 4000 -u
	send podA1 raw "$2" src "$(addr podA1 "$1")" dst "$(addr podB1 "$1")" \
		dport 4000 size 17
	await 5 grep -q . "$file" || true
	end_jobs
	cat "$file"
}

# Fragments are direct by their addresses, other headers are the stack's.
extension() { # WHAT
	snap nodeA
	as_veth udp_arrives 6 "$1"
	grep -q "$(addr podA1 6) 4444 17" "$TMP/said.shunt"
	# The reply has none, nor has the answer to it, as nobody listens.
	if [[ $1 = frag ]]; then
		expect nodeA tx_direct=1..2 rx_direct=1 others=0
	else
		expect nodeA punt_options=1 tx_stack=1 tx_direct=0..1 rx_direct=1
	fi
}

### Routes

special_route() { # FAMILY TYPE
	local to
	to=$(nowhere "$1")
	ipv nodeA "$1" route add "$2" "$to"
	errors podA1 "$to" "$1"
	ipv nodeA "$1" route del "$2" "$to"
}

special() { # FAMILY TYPE
	snap nodeA
	as_veth special_route "$1" "$2"
	expect nodeA tx_direct=0 punt_route=1
}

no_route() { # FAMILY
	as_veth errors podA1 "$(nowhere "$1")" "$1"
}

# The other node does not know the pod: the error comes from there.
no_such_pod() { # FAMILY
	local to
	[[ $1 = 4 ]] && to=10.2.0.99 || to=fd02::99
	ipv nodeB "$1" route add unreachable "$to"
	use veth
	ipv nodeB "$1" route add unreachable "$to"
	use shunt
	as_veth errors podA1 "$to" "$1"
	ipv nodeB "$1" route del unreachable "$to"
	use veth
	ipv nodeB "$1" route del unreachable "$to"
	use shunt
}

# What a route change means for an established flow is seen at once.
route_comes_and_goes() { # FAMILY
	local to
	# So many that the route is kept, with its neighbour.
	pings podA1 podB1 "$1" 5
	to=$(addr podB1 "$1")
	snap nodeA
	ipv nodeA "$1" route add prohibit "$to"
	errors podA1 "$to" "$1"
	errors podA1 "$to" "$1" >"$TMP/prohibited"
	ipv nodeA "$1" route del prohibit "$to"
	grep -Eqi 'filtered|prohibited' "$TMP/prohibited"
	expect nodeA punt_route=2 tx_direct=0
	pings podA1 podB1 "$1" 2
	expect nodeA punt_route=2 tx_direct=2
}

own_address() { # FAMILY
	local to
	[[ $1 = 4 ]] && to=192.168.77.1 || to=fd77::1
	ipv nodeA "$1" address add "$to" dev lo
	errors podA1 "$to" "$1"
	errors podA1 "$(addr nodeA "$1")" "$1"
	ipv nodeA "$1" address del "$to" dev lo
}

link_local() { # FAMILY
	if [[ $1 = 4 ]]; then
		errors podA1 169.254.1.1 4
		errors podA1 169.254.77.77 4
	else
		errors podA1 fe80::1%eth0 6
	fi
}

# Routes with a source of their own: it is what the node sends from, and nothing
# to what it forwards.
source_of_routes() { # FAMILY
	local own=192.168.77.1 way=(dev podA1 scope global)
	local file=$TMP/source.$TOPO
	[[ $1 = 4 ]] || own=fd77::1 way=(dev podA1)
	if [[ $TOPO = shunt* ]]; then
		way=(via 169.254.1.2 dev shunt0 onlink)
		[[ $1 = 4 ]] || way=(via fe80::2 dev shunt0 onlink)
	fi
	ipv nodeA "$1" address add "$own" dev lo
	ipv nodeA "$1" route replace "$(addr podA1 "$1")" "${way[@]}" src "$own"
	route_to_b "$1" src "$own"
	# To the pod, and errors.
	bg_py podA1 packet.py udp-echo "$(addr podA1 "$1")" 4000 >"$file"
	await 10 listens podA1 4000 -u
	who nodeA ask "$(addr podA1 "$1")" 4000 udp
	sed 's/ .*//' "$file"
	errors podA1 "$(addr podB1 "$1")" "$1" -t 1
	errors podA1 "$(nowhere "$1")" "$1"
	# By way of it.
	bg_py podB1 packet.py udp-echo "$(addr podB1 "$1")" 4001 >"$file"
	await 10 listens podB1 4001 -u
	who podA1 ask "$(addr podB1 "$1")" 4001 udp
	sed 's/ .*//' "$file"
	route_to_b "$1"
	ipv nodeA "$1" route replace "$(addr podA1 "$1")" "${way[@]}"
	ipv nodeA "$1" address del "$own" dev lo
}

no_source() { # FAMILY ADDRESS
	ipv nodeA "$1" address del "$2" dev lo
	route_to_b "$1"
} 2>/dev/null

prefsrc() { # FAMILY
	family=$1 own=192.168.77.1
	[[ $1 = 4 ]] || own=fd77::1
	at_end 'in_both no_source "$family" "$own"'
	snap nodeA
	as_veth source_of_routes "$1"
	grep -qx "$own" "$TMP/said.shunt"
	grep -qi "from $own" "$TMP/said.shunt"
	grep -qx "$(addr podA1 "$1")" "$TMP/said.shunt"
	expect nodeA tx_direct=1 rx_direct=1 punt_ttl=1 drop_spoof=0
}

own() { # FAMILY
	snap nodeA
	as_veth own_address "$1"
	expect nodeA punt_route=2 tx_direct=0 rx_direct=0
}

### Rules

ruled() { # FAMILY RULE...
	local family=$1
	shift
	ipv nodeA "$family" rule add pref 100 "$@" unreachable
	# Rules are as old as the answers that were given before them.
	errors podA1 "$(addr podB1 "$family")" "$family"
	errors podA2 "$(addr podB1 "$family")" "$family"
	errors podA1 "$(addr podB1 "$family")" "$family" -Q 0x10
	ipv nodeA "$family" rule del pref 100
	errors podA1 "$(addr podB1 "$family")" "$family"
}

rule() { # FAMILY RULE...
	pings podA1 podB1 "$1" 5
	as_veth ruled "$@"
	grep -q ' 0 received' "$TMP/said.shunt"
}

rule_iif() { # FAMILY
	local topo
	for topo in veth shunt; do
		use "$topo"
		ruled "$1" iif "$([[ $topo = veth ]] && echo podA1 ||
			echo shunt0)" >"$TMP/iif.$topo"
	done
	cat "$TMP/iif.shunt"
	# To the rules, all pods come from the node device.
	grep -Eqi 'unreachable|no route' "$TMP/iif.shunt"
	diff <(sed -n 1,3p "$TMP/iif.veth") <(sed -n 1,3p "$TMP/iif.shunt")
}

# A rule on ports: the answer to one packet is not that to another.
rule_ports() { # FAMILY
	local port
	ipv nodeA "$1" rule add pref 100 ipproto udp dport 4001 unreachable
	for port in 4000 4001 4000 4001; do
		bg_py podB1 packet.py udp-echo "$(addr podB1 "$1")" \
			"$port" >"$TMP/port"
		await 10 listens podB1 "$port" -u
		send podA1 raw udp src "$(addr podA1 "$1")" \
			dst "$(addr podB1 "$1")" dport "$port"
		# What never comes cannot be awaited: a later packet is.
		pings podA1 podB1 "$1" 5
		end_jobs
		echo "$port: $(cat "$TMP/port")"
	done
	ipv nodeA "$1" rule del pref 100
}

# A rule that leads to another table leads out of the other NIC.
rule_table() { # FAMILY
	local topo
	for topo in veth shunt; do
		use "$topo"
		pings podA1 podB1 "$1" 5
		ipv nodeA "$1" route add default via "$(via "$1" 1)" dev nic1 \
			table 100
		ipv nodeA "$1" rule add pref 100 from "$(addr podA1 "$1")" \
			table 100
		tx_of_nics "$1" >"$TMP/table.$topo"
		ipv nodeA "$1" rule del pref 100
		ipv nodeA "$1" route del default table 100
		tx_of_nics "$1" >>"$TMP/table.$topo"
	done
	use shunt
	cat "$TMP/table.shunt"
	diff "$TMP/table.veth" "$TMP/table.shunt"
}

# Which NIC of nodeA carries ten pings of each pod?
tx_of_nics() { # FAMILY
	local pod before after nic
	for pod in podA1 podA2; do
		before=$(on nodeA cat /sys/class/net/nic{0,1}/statistics/tx_packets)
		pings "$pod" podB1 "$1" 10
		after=$(on nodeA cat /sys/class/net/nic{0,1}/statistics/tx_packets)
		for nic in 1 2; do
			# Neighbour discovery is less than ten packets.
			echo "$pod nic$((nic - 1))" $(((
				$(sed -n "${nic}"p <<<"$after") -
				$(sed -n "${nic}"p <<<"$before")) / 10))
		done
	done
}

### Marks

# One that tc has set in a pod stays there, as it would on a veth pair.
marked_by_pod() { # FAMILY
	local to
	on podA1 tc qdisc add dev eth0 clsact
	on podA1 tc filter add dev eth0 egress matchall action skbedit mark 7
	ipv nodeA "$1" rule add pref 100 fwmark 7 prohibit
	for to in podB1 podA2 nodeA; do
		errors podA1 "$(addr "$to" "$1")" "$1"
	done
	errors podA1 "$(addr podB1 "$1")" "$1" -t 1
	no_marks "$1"
}

no_marks() { # FAMILY
	ipv nodeA "$1" rule del pref 101
	ipv nodeA "$1" rule del pref 100
	ipv nodeA "$1" route del "$(pods_of_b "$1")" table 100
	on nodeA tc qdisc del dev nic0 clsact
	on podA1 tc qdisc del dev eth0 clsact
	on nodeA sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.all.src_valid_mark=0
	true
} 2>/dev/null

mark_of_pod() { # FAMILY
	family=$1
	at_end 'in_both no_marks "$family"'
	snap nodeA
	as_veth marked_by_pod "$1"
	[[ $(grep -c ' 1 received' "$TMP/said.shunt") = 3 ]]
	expect nodeA tx_direct=1 tx_local=2 punt_route=1 punt_ttl=1 \
		fallback_tc=4
}

# One that tc has set on the uplink is the node's, and of the next packet.
mark_uplink() { # add|del [ARG...]
	on nodeA tc filter "$1" dev nic0 ingress pref 1 matchall "${@:2}"
}

marked_by_uplink() { # FAMILY
	local to
	to=$(addr podA1 "$1")
	pings podB1 podA1 "$1" 3
	on nodeA tc qdisc add dev nic0 clsact
	mark_uplink add action skbedit mark 7
	errors podB1 "$to" "$1"
	ipv nodeA "$1" rule add pref 100 fwmark 7 prohibit
	errors podB1 "$to" "$1"
	ipv nodeA "$1" rule del pref 100
	ipv nodeA "$1" rule add pref 100 fwmark 7 table main
	ipv nodeA "$1" rule add pref 101 to "$to" prohibit
	errors podB1 "$to" "$1"
	mark_uplink del
	errors podB1 "$to" "$1"
	no_marks "$1"
}

mark_of_uplink() { # FAMILY
	family=$1
	at_end 'in_both no_marks "$family"'
	snap nodeA
	as_veth marked_by_uplink "$1"
	[[ $(grep -c ' 1 received' "$TMP/said.shunt") = 2 ]]
	[[ $(grep -Eci 'filtered|prohibited' "$TMP/said.shunt") = 2 ]]
	expect nodeA rx_direct=5 punt_route=2
}

# The reverse path filter asks with the mark, if it is told to.
marked_filter() {
	local valid
	on nodeA sysctl -qw net.ipv4.conf.all.rp_filter=1
	ipv nodeA 4 route add "$(pods_of_b 4)" via "$(via 4 1)" table 100
	ipv nodeA 4 rule add pref 100 fwmark 7 table 100
	on nodeA tc qdisc add dev nic0 clsact
	mark_uplink add action skbedit mark 7
	for valid in 0 1 0; do
		on nodeA sysctl -qw "net.ipv4.conf.all.src_valid_mark=$valid"
		errors podB1 "$(addr podA1 4)" 4
	done
	no_marks 4
}

mark_of_filter() {
	at_end 'in_both no_marks 4'
	as_veth marked_filter
	[[ $(grep -c ' 1 received' "$TMP/said.shunt") = 2 ]]
}

### Multipath

# Which NIC each of 30 flows arrives by at nodeB: "nic source-port destination".
flows_by_nic() { # FAMILY ADDRESSES
	local nic n p to=10.2.0.11 file pids=()
	[[ $1 = 4 ]] || to=fd02::11
	for nic in nic0 nic1; do
		file=$TMP/paths.$TOPO$nic
		: >"$file"
		# Nothing arrives on one that is down.
		[[ $(on nodeB cat "/sys/class/net/$nic/operstate") = up ]] ||
			continue
		bg nodeB tcpdump -nn -t -q -l --immediate-mode -Q in -i "$nic" \
			"udp and dst port 9" >"$file" 2>"$file.err"
		pids+=($!)
		await 10 grep -q 'listening on' "$file.err"
	done
	py podA1 packet.py flows "$(addr podA1 "$1")" "$to" 9 30 "$2"
	for ((n = 0; n < 100; n++)); do
		p=$(cat "$TMP/paths.$TOPO"nic[01] | grep -c IP || true)
		[[ $p -lt 30 ]] || break
		pause 0.05
	done
	kill -INT "${pids[@]}"
	wait "${pids[@]}" || true
	for nic in nic0 nic1; do
		sed -n "/IP/s/^/$nic /p" "$TMP/paths.$TOPO$nic"
	done | sort
}

paths() { # FAMILY POLICY
	# The addresses and ports.
	on nodeA sysctl -qw "net.ipv$1.fib_multipath_hash_policy=$2" \
		"net.ipv$1.fib_multipath_hash_fields=0x33"
	case $1 in
	4)
		ipn nodeA route replace 10.2.0.0/24 \
			nexthop via 192.168.9.2 dev nic0 \
			nexthop via 192.168.8.2 dev nic1
		;;
	6)
		ipn nodeA -6 route del fd02::/64
		ipn nodeA -6 route add fd02::/64 \
			nexthop via fd09::2 dev nic0 \
			nexthop via fd08::2 dev nic1
		;;
	esac
	# Some hashes take in addresses alone.
	flows_by_nic "$1" "$([[ $2 = 0 || $2 = 2 ]] && echo 30 || echo 1)"
	case $1 in
	4) ipn nodeA route replace 10.2.0.0/24 via 192.168.9.2 ;;
	6)
		ipn nodeA -6 route del fd02::/64
		ipn nodeA -6 route add fd02::/64 via fd09::2
		;;
	esac
}

multipath() { # FAMILY POLICY
	# Else the flow label, a part of some hashes, is random.
	in_both on podA1 sysctl -qw net.ipv6.auto_flowlabels=0
	snap nodeA
	as_veth paths "$1" "$2"
	[[ $(wc -l <"$TMP/said.shunt") = 30 ]]
	grep -q ^nic0 "$TMP/said.shunt"
	grep -q ^nic1 "$TMP/said.shunt"
	expect nodeA tx_direct=30 route_uncached=30
}

# One of two paths goes, and comes back: by objects of its own, and with its
# cable.
failing_path() { # FAMILY
	local net=192.168. to
	to=$(pods_of_b "$1")
	[[ $1 = 4 ]] || net=fd0
	on nodeA sysctl -qw "net.ipv$1.fib_multipath_hash_policy=1" \
		"net.ipv$1.conf.nic1.ignore_routes_with_linkdown=1"
	ipn nodeA nexthop add id 1 via "$(via "$1" 0)" dev nic0
	ipn nodeA nexthop add id 2 via "$(via "$1" 1)" dev nic1
	ipn nodeA nexthop add id 3 group 1/2
	ipv nodeA "$1" route replace "$to" nhid 3
	flows_by_nic "$1" 1
	echo "one is taken away"
	ipn nodeA nexthop replace id 3 group 1
	flows_by_nic "$1" 1
	echo "and comes back"
	ipn nodeA nexthop replace id 3 group 1/2
	flows_by_nic "$1" 1
	echo "the other end of its cable goes down"
	ipn nodeB link set nic1 down
	await 5 no_carrier nic1
	flows_by_nic "$1" 1
	no_failing_path "$1"
}

no_carrier() { # NIC
	[[ $(on nodeA cat "/sys/class/net/$1/carrier") = 0 ]]
}

no_failing_path() { # FAMILY
	ipn nodeB link set nic1 up
	ipn nodeB address replace fd08::2/64 dev nic1 nodad
	route_to_b "$1"
	ipn nodeA nexthop flush
	on nodeA sysctl -qw "net.ipv$1.fib_multipath_hash_policy=0" \
		"net.ipv$1.conf.nic1.ignore_routes_with_linkdown=0"
} >/dev/null 2>&1

multipath_fails() { # FAMILY
	family=$1
	at_end 'in_both no_failing_path "$family"'
	in_both on podA1 sysctl -qw net.ipv6.auto_flowlabels=0
	snap nodeA
	as_veth failing_path "$1"
	[[ $(grep -c '^nic' "$TMP/said.shunt") = 120 ]]
	[[ $(grep -c '^nic1' "$TMP/said.shunt") -ge 10 ]]
	expect nodeA tx_direct=120
}

### Stateful rulesets

stateful() { # NODE
	on "$1" nft -f - <<-END
	table inet fw {
		counter untracked { }
		counter invalid { }
		counter refused { }
		chain forward {
			type filter hook forward priority 0; policy drop
			ct state invalid counter name invalid drop
			ct state established,related accept
			ct state untracked counter name untracked accept
			icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
			oifname "nic9" accept
			counter name refused
		}
		chain nat {
			type nat hook postrouting priority 100
			ip saddr 10.0.0.0/14 masquerade
			ip6 saddr { fd01::/64, fd02::/64 } masquerade
		}
	}
	END
}

fw_counter() { # NODE NAME
	on "$1" nft -j list counter inet fw "$2" |
		jq '.nftables[] | .counter // empty | .packets'
}

no_fw() {
	local node
	for node in nodeA nodeB; do
		on "$node" nft delete table inet fw 2>/dev/null || true
	done
}

# Strays of direct flows pass, unmangled, and leave nothing behind.
stateful_exceptions() { # FAMILY
	local seen rate
	forget_pmtu "$1" podA1 podB1
	at_end 'no_fw'
	stateful nodeA
	stateful nodeB
	pings podA1 podB1 "$1" 3
	pings podA1 podA2 "$1" 3
	hops podA1 podB1 "$1" -I >"$TMP/hops"
	cat "$TMP/hops"
	grep -q "3  $(addr podB1 "$1")" "$TMP/hops"
	if [[ $1 = 4 ]]; then
		errors podA1 "$(addr podB1 4)" 4 -R >"$TMP/rr"
		cat "$TMP/rr"
		grep -q '1 received' "$TMP/rr"
		grep -q 'RR:' "$TMP/rr"
	else
		udp_arrives 6 dstopts >"$TMP/rr"
		grep -q "$(addr podA1 6) 4444" "$TMP/rr"
	fi
	seen=$(fw_counter nodeA untracked)
	echo "untracked: $seen"
	[[ $seen -gt 0 ]]
	start_netserver podB1
	route_to_b "$1" mtu 1300
	rate=$(netperf_rate podA1 podB1 "$1" TCP_STREAM 1)
	route_to_b "$1"
	[[ ${rate%.*} -gt 5 ]]
	if [[ $1 = 4 ]]; then
		route_to_b 4 mtu 1300
		forget_pmtu 4 podA1
		pings podA1 podB1 4 5 -M dont -s 1400
		route_to_b 4
	fi
	[[ $(fw_counter nodeA invalid) = 0 ]]
	[[ $(fw_counter nodeA refused) = 0 ]]
	! on nodeA conntrack -L -f "ipv$1" 2>/dev/null |
		grep "$(addr podA1 "$1")"
}

# Out by a device that is no uplink: the host's flow, tracked and masqueraded.
stateful_flows() { # FAMILY
	local from to
	at_end 'no_fw; ipn nodeA link del nic9'
	ip link add nic9 netns "$(ns nodeA)" type veth \
		peer name nic9 netns "$(ns nodeB)"
	if [[ $1 = 4 ]]; then
		from=192.168.7.1 to=192.168.7.2
		ipn nodeA address add "$from"/24 dev nic9
		ipn nodeB address add "$to"/24 dev nic9
	else
		from=fd07::1 to=fd07::2
		ipn nodeA address add "$from"/64 dev nic9 nodad
		ipn nodeB address add "$to"/64 dev nic9 nodad
	fi
	ipn nodeA link set nic9 up
	ipn nodeB link set nic9 up
	stateful nodeA
	# The far side sees the node, not the pod.
	bg_py nodeB packet.py udp-echo "$to" 4000 >"$TMP/masq"
	await 10 listens nodeB 4000 -u
	snap nodeA
	py podA1 packet.py flows "$(addr podA1 "$1")" "$to" 4000 1
	await 10 grep -q . "$TMP/masq"
	cat "$TMP/masq"
	grep -q "^$from " "$TMP/masq"
	on podA1 ping "-$1" -c 3 -i 0.05 -W 3 "$to"
	# Nobody awaits the echo of the datagram: an ICMP error follows.
	expect nodeA punt_device=4..5 tx_stack=4..5 tx_direct=0 rx_stack=3..4
	on nodeA conntrack -L -f "ipv$1" 2>/dev/null | grep -q "src=$(addr podA1 \
		"$1")"
	[[ $(fw_counter nodeA untracked) = 0 ]]
}

### XFRM

xfrm_block() { # FAMILY out|fwd [DEVICE]
	ipn nodeA xfrm policy add src "$(addr podA1 "$1")" \
		dst "$(addr podB1 "$1")" ${3:+dev "$3"} dir "$2" action block
	errors podA1 "$(addr podB1 "$1")" "$1"
	errors podA2 "$(addr podB1 "$1")" "$1"
	ipn nodeA xfrm policy flush
}

xfrm() { # FAMILY
	pings podA1 podB1 "$1" 5
	snap nodeA
	as_veth xfrm_block "$1" out
	expect nodeA punt_xfrm=1..
	as_veth xfrm_block "$1" fwd
	# That is the device that packets leave by, in both of them.
	snap nodeA
	as_veth xfrm_block "$1" out nic0
	as_veth xfrm_block "$1" fwd nic0
	expect nodeA punt_xfrm=2..
	snap nodeA
	pings podA1 podB1 "$1" 3
	expect nodeA tx_direct=3 rx_direct=3 punt_xfrm=0
}

# What no policy allows is blocked, without any policy.
xfrm_blocks_all() { # FAMILY
	ipn nodeA xfrm policy setdefault fwd block
	errors podA1 "$(addr podB1 "$1")" "$1"
	ipn nodeA xfrm policy setdefault fwd accept
	errors podA1 "$(addr podB1 "$1")" "$1"
}

xfrm_default() { # FAMILY
	at_end 'in_both ipn nodeA xfrm policy setdefault fwd accept'
	pings podA1 podB1 "$1" 5
	snap nodeA
	as_veth xfrm_blocks_all "$1"
	grep -q ' 0 received' "$TMP/said.shunt"
	grep -q '1 received' "$TMP/said.shunt"
	expect nodeA punt_xfrm=1 tx_direct=1
}

### What routes do beside leading somewhere

# Routes that wrap packets up: the other end does not know what it is. What the
# stack sends may be a flow of the host, by which other pings of these pods go.
encapsulated() { # FAMILY
	family=$1
	modprobe -q mpls_iptunnel || skip "this kernel has no tunnels of MPLS"
	at_end 'route_to_b "$family"'
	pings podA2 podB1 "$1" 5
	route_to_b "$1" encap mpls 100 ttl 64
	snap nodeA
	not pings podA2 podB1 "$1" 2 -W 1
	expect nodeA punt_route=2 tx_stack=2 tx_direct=0
}

# The header of such a neighbour is of the other family.
by_other_family() {
	at_end 'route_to_b 4'
	ipn nodeA route replace 10.2.0.0/24 via inet6 fd09::2 dev nic0
	# So often that the route is kept, and its neighbour.
	pings podA1 podB1 4 5
	snap nodeA
	pings podA1 podB1 4 5
	expect nodeA tx_direct=5 rx_direct=5 others=0
}

# A pod that has been reached by kept routes gets smaller, or is down.
receiver_changes() { # FAMILY
	local from
	family=$1
	at_end 'ctl nodeB pod del "$(ns podB9)"
		forget_pmtu "$family" podA1 podB1'
	ctl nodeB pod add "$(ns podB9)" ip "$(addr podB9 "$1")"
	for from in podA1 podB1; do
		pings "$from" podB9 "$1" 5 -s 1400
	done
	ipn podB9 link set eth0 mtu 1300
	for from in podA1 podB1; do
		errors "$from" "$(addr podB9 "$1")" "$1" -M 'do' -s 1400 \
			>"$TMP/small"
		cat "$TMP/small"
		grep -q 'mtu[ =]*1300' "$TMP/small"
	done
	forget_pmtu "$1" podA1 podB1
	ipn podB9 link set eth0 down
	snap nodeB
	for from in podA1 podB1; do
		errors "$from" "$(addr podB9 "$1")" "$1"
	done
	expect nodeB rx_direct=0 rx_local=0 drop_down=2
}

start_forks
load_module
topology shunt nics=2 podA1 podA2 podB1
ns_add podB9
topology veth nics=2 podA1 podA2 podB1
use shunt
pods_quiet nodeA nodeB

for family in 4 6; do
	for how in '' -I '-T -p 80'; do
		t "v$family traceroute${how:+ $how}" \
			trace podA1 podB1 $family "$how"
	done
	t "v$family traceroute on one node" trace podA1 podA2 $family -I
	t "v$family traceroute from host" trace nodeA podA1 $family -I
	t "v$family traceroute from another host" trace nodeB podA1 $family -I
	t "v$family traceroute to the host" trace podA1 nodeA $family -I
	t "v$family TTL" ttl_counted $family
	t "v$family MTU of a route" route_mtu $family
	if [[ $family = 4 ]]; then
		t "v4 fragmented on the way" fragmented_on_the_way
	else
		t "v6 MTU of a sysctl" sysctl_mtu
		t "v6 is switched off" disabled on
		t "v6 is switched off, without an address" disabled off
	fi
	t "v$family transfer learns the PMTU" transfer_learns_pmtu $family
	t "v$family MTU of the receiving pod" mtu_of_pod $family
	for route in blackhole unreachable prohibit; do
		t "v$family $route route" special $family $route
	done
	t "v$family no route" no_route $family
	t "v$family next hop missing" neighbour_fails $family
	t "v$family errors reach their sockets" socket_errors $family
	t "v$family zero-copy and SCTP" socket_transfers $family
	t "v$family no such pod" no_such_pod $family
	t "v$family route comes and goes" route_comes_and_goes $family
	t "v$family own addresses" own $family
	t "v$family routes with a source" prefsrc $family
	t "v$family link-local addresses" as_veth link_local $family
	t "v$family rule from" rule $family from "$(addr podA1 $family)"
	t "v$family rule to" rule $family to "$(addr podB1 $family)"
	t "v$family rule tos" rule $family tos 0x10
	t "v$family rule iif" rule_iif $family
	t "v$family rule on ports" as_veth rule_ports $family
	t "v$family rule to another table" rule_table $family
	t "v$family mark of tc in a pod" mark_of_pod $family
	t "v$family mark of tc on the uplink" mark_of_uplink $family
	t "v$family multipath, a path fails" multipath_fails $family
	for policy in 0 1 2 3; do
		t "v$family multipath, hash policy $policy" \
			multipath $family $policy
	done
	t "v$family exceptions pass a stateful ruleset" \
		stateful_exceptions $family
	t "v$family flows by way of the host are tracked" \
		stateful_flows $family
	t "v$family XFRM policies" xfrm $family
	t "v$family XFRM blocks what no policy allows" xfrm_default $family
	t "v$family route that encapsulates" encapsulated $family
	t "v$family receiver gets smaller, or is down" receiver_changes $family
done
t "v4 mark of tc and reverse path filter" mark_of_filter
t "v4 by a neighbour of IPv6" by_other_family
t "v4 options" options
for what in dstopts hopopts frag; do
	t "v6 $what" extension $what
done
finish
