#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a pod may not send is dropped, counted by reason, and reaches nobody,
# whichever way it takes out of the pod; and what an uplink may not steer goes
# to the host's stack.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

send() { # POD HOW WHAT [KEY VALUE]...
	local pod=$1
	shift
	py "$pod" packet.py send "$@"
}

capture() { # NAME DEVICE FILTER: to $TMP/seen
	bg "$1" tcpdump -nn -l --immediate-mode -i "$2" "$3" \
		>"$TMP/seen" 2>"$TMP/seen.err"
	await 10 grep -q 'listening on' "$TMP/seen.err"
}

# Five packets are counted as REASON, and as nothing else.
counted() { # REASON POD HOW WHAT [KEY VALUE]...
	snap nodeA
	send "${@:2}" count 5
	expect nodeA "$1=5" tx_direct=0 tx_local=0 tx_stack=0 others=0
}

# Of what was to be captured; behind it, something that must arrive.
none_arrived() { # POD
	pings "$1" podB1 4 1
	[[ ! -s $TMP/seen ]]
	# The device has it among its dropped ones.
	[[ $(on "$1" cat /sys/class/net/eth0/statistics/tx_dropped) -ge 5 ]]
}

dropped() { # REASON FILTER POD HOW WHAT [KEY VALUE]...
	capture nodeB nic0 "$2"
	counted "$1" "${@:3}"
	none_arrived "$3"
}

spoof() { # FAMILY HOW FROM...
	local from
	capture nodeB nic0 "udp port 4444"
	for from in "${@:3}"; do
		counted drop_spoof podA1 "$2" udp src "$from" \
			dst "$(addr podB1 "$1")"
	done
	none_arrived podA1
}

# Also towards a pod of the same node, and towards the host.
spoof_near() { # FAMILY HOW FROM
	local to
	for to in podA2 nodeA; do
		snap nodeA
		send podA1 "$2" udp src "$3" dst "$(addr "$to" "$1")" count 5
		expect nodeA drop_spoof=5 tx_local=0 tx_stack=0 rx_local=0 \
			rx_stack=0
	done
}

# An address that the pod gives itself is not the pod's.
spoof_by_address() { # FAMILY
	foreign=10.1.0.77/32
	[[ $1 = 4 ]] || foreign='fd01::77/128'
	at_end 'ipn podA1 address del $foreign dev eth0'
	ipn podA1 address add "$foreign" dev eth0
	snap nodeA
	# Some programs try again when told of the drop.
	py podA1 packet.py flows "${foreign%/*}" \
		"$(addr podB1 "$1")" 9 5 || true
	expect nodeA drop_spoof=1..5 tx_direct=0
}

# More addresses, from the node's side, may be used at once.
second_address() { # FAMILY
	foreign=10.1.0.78/32 family=$1
	gateway=169.254.1.2
	[[ $1 = 4 ]] || { foreign='fd01::78/128' gateway=fe80::2; }
	at_end 'ipn podA1 address del $foreign dev eth0
		ipn nodeA "-$family" route del $foreign dev shunt0'
	ipn podA1 address add "$foreign" dev eth0
	py nodeA netlink.py genl pod-addr-add \
		netns "/run/netns/$(ns podA1)" address "${foreign%/*}"
	ipn nodeA "-$1" route add "$foreign" via "$gateway" dev shunt0 onlink
	snap nodeA
	pings podA1 podB1 "$1" 5 -I "${foreign%/*}"
	expect nodeA drop_spoof=0 tx_direct=5 rx_direct=5
	py nodeA netlink.py genl pod-addr-del \
		netns "/run/netns/$(ns podA1)" address "${foreign%/*}"
	snap nodeA
	py podA1 packet.py flows "${foreign%/*}" \
		"$(addr podB1 "$1")" 9 5 || true
	expect nodeA drop_spoof=1..5 tx_direct=0
}

nonip() { # WHAT
	dropped drop_nonip "$1" podA1 frame "$2"
}

tagged() { # FAMILY
	dropped drop_nonip 'vlan or port 4444' podA1 frame udp vlan 7 \
		src "$(addr podA1 "$1")" dst "$(addr podB1 "$1")"
}

vlan_device() {
	at_end 'ipn podA1 link del vlan7'
	capture nodeB nic0 'vlan or port 4444'
	ipn podA1 link add link eth0 name vlan7 up type vlan id 7
	ipn podA1 addr add 10.7.0.1/24 dev vlan7
	ipn podA1 neigh add 10.7.0.2 lladdr 02:00:00:00:0c:00 dev vlan7
	snap nodeA
	not on podA1 ping -c 3 -i 0.01 -W 0.3 10.7.0.2
	expect nodeA drop_nonip=3.. tx_direct=0 tx_stack=0 others=0
	pings podA1 podB1 4 1
	[[ ! -s $TMP/seen ]]
}

malformed() { # FAMILY WHAT
	dropped drop_malformed "port 4444" podA1 frame "$2" \
		src "$(addr podA1 "$1")" dst "$(addr podB1 "$1")"
}

# Neighbour discovery, plain and with the hop limit that makes it believed.
neighbour_discovery() { # HOW WHAT
	local to
	capture nodeB nic0 'icmp6[0] >= 133 and icmp6[0] <= 137 and
		src host fd01::1'
	for to in "$(addr podB1 6)" ff02::1; do
		counted drop_nd podA1 "$1" "$2" src "$(addr podA1 6)" \
			dst "$to" ttl 255
	done
	none_arrived podA1
}

# The host must not learn routers from its pods.
router_advertisement() { # HOW
	local before
	on nodeA sysctl -qw net.ipv6.conf.all.accept_ra=2 \
		net.ipv6.conf.shunt0.accept_ra=2
	before=$(ipn nodeA -6 route)
	send podA1 "$1" ra src fe80::77 dst ff02::1 ttl 255
	send podA1 "$1" ra src fe80::77 dst fe80::1 ttl 255
	pings podA1 nodeA 6 2
	[[ $(ipn nodeA -6 route) = "$before" ]]
}

v6_source() { # SOURCE DESTINATION REASON
	snap nodeA
	send podA1 frame udp src "$1" dst "$2" count 5
	expect nodeA "$3=5" tx_direct=0 tx_local=0
}

link_local_of() { # POD
	ipn "$1" -6 -o address show dev eth0 scope link |
		sed 's/.*inet6 //; s,/.*,,'
}

own_link_local() {
	local from
	from=$(link_local_of podA1)
	[[ $from = fe80::* ]]
	# Only to the gateway, which punt.sh has.
	snap nodeA
	send podA1 frame udp src "$from" dst "$(addr podB1 6)" count 5
	expect nodeA drop_spoof=5 tx_direct=0
}

# Those that are known of others, and towards others.
link_locals() {
	local own peer
	own=$(link_local_of podA1) peer=$(link_local_of podA2)
	v6_source "$own" "$peer" drop_spoof
	v6_source "$peer" fe80::1 drop_spoof
	v6_source fe80::1 ff02::1 drop_spoof
	v6_source fe80::1 "$(addr podA2 6)" drop_spoof
	snap nodeA
	send podA1 frame udp src "$own" dst fe80::1 count 5
	expect nodeA tx_stack=5 drop_spoof=0
}

# A length beyond the packet is that of no packet.
bad_lengths() { # FAMILY
	capture podB1 eth0 'port 4444'
	snap nodeA
	send podA1 frame totlen src "$(addr podA1 "$1")" \
		dst "$(addr podB1 "$1")" count 5
	expect nodeA drop_malformed=5 tx_direct=0 tx_stack=0 others=0
	pings podA1 podB1 "$1" 1
	[[ ! -s $TMP/seen ]]
}

# From outside: sources that are not for the direct path. What the stack does
# with them is its affair.
foreign_arrivals() { # FAMILY SOURCE
	local mac
	capture podA1 eth0 'udp port 4444'
	mac=$(on nodeA cat /sys/class/net/nic0/address)
	send nodeB frame udp dev nic0 mac "$mac" src "$2" \
		dst "$(addr podA1 "$1")" count 5
	pings nodeB podA1 "$1" 1
	end_jobs
	echo "$(wc -l <"$TMP/seen") arrive"
}

source_from_outside() { # FAMILY SOURCE
	snap nodeA
	as_veth foreign_arrivals "$1" "$2"
	# IPv6 forwards what claims to be from the forwarder itself.
	[[ $2 = "$(addr nodeA 6)" ]] || expect nodeA rx_direct=1
}

# What of odd datagrams reaches a socket of another node's pod: lines with the
# port that tells which one it was.
reaches() { # FAMILY "WHAT..." [KEY VALUE]...
	odd_to podB1 podA1 "$@"
}

# The same from outside to a pod.
reaches_from_outside() { # FAMILY "WHAT..." [KEY VALUE]...
	odd_to podA1 nodeB "$@" dev nic0 \
		mac "$(on nodeA cat /sys/class/net/nic0/address)"
}

odd_to() { # POD SENDER FAMILY "WHAT..." [KEY VALUE]...
	local to=$1 from=$2 family=$3 what port=5000 file=$TMP/reaches.$TOPO
	local peer=podA1
	[[ $to != podA1 ]] || peer=podB1
	bg_py "$to" packet.py udp-echo "$(addr "$to" "$family")" \
		4000 >"$file"
	await 10 listens "$to" 4000 -u
	for what in $4; do
		send "$from" frame "$what" src "$(addr "$peer" "$family")" \
			dst "$(addr "$to" "$family")" dport 4000 \
			sport $((port++)) "${@:5}"
	done
	# Behind them, something that arrives in any case.
	pings "$peer" "$to" "$family" 1
	end_jobs
	cat "$file"
}

# Fragments go direct one by one, and what they make is the receiver's matter:
# of four of these a datagram.
fragments() { # FAMILY
	local from
	from=$(addr podA1 "$1")
	snap nodeA
	as_veth reaches "$1" "tiny reversed twice overlap inside beyond lonely"
	for port in 5000 5001 5002; do
		grep -q "^$from $port 64" "$TMP/said.shunt"
	done
	# 15 pieces and a ping; ICMP errors for echoes that nobody awaits.
	expect nodeA tx_direct=16..20 others=0
	snap nodeA
	as_veth reaches_from_outside "$1" \
		"tiny reversed twice overlap inside beyond lonely"
	expect nodeA rx_direct=16..20 others=0
}

# Nothing arrives, and the counter says why.
nothing_arrives() { # COUNTER FAMILY WHAT [KEY VALUE]...
	local counter=$1
	shift
	snap nodeA
	as_veth reaches "$@"
	expect nodeA "$counter=1" tx_direct=1 others=0
	[[ ! -s $TMP/said.shunt ]]
	snap nodeA
	as_veth reaches_from_outside "$@"
	expect nodeA "$counter=1" rx_direct=1 others=0
	[[ ! -s $TMP/said.shunt ]]
}

# Groups and broadcasts are the node's to answer.
many_from_pod() { # FAMILY DESTINATION...
	local to
	capture nodeB nic0 'udp port 4444'
	for to in "${@:2}"; do
		snap nodeA
		send podA1 frame udp src "$(addr podA1 "$1")" dst "$to" count 5
		expect nodeA punt_route=5 tx_stack=5 tx_direct=0 tx_local=0 \
			others=0
	done
	pings podA1 podB1 "$1" 1
	[[ ! -s $TMP/seen ]]
}

not_for_host() {
	on nodeA ip -s -s -j link show dev nic0 |
		jq '.[0].stats64.rx.otherhost // 0'
}

# Five frames from outside that no pod gets; behind them, one that arrives.
ignored_from_outside() { # FAMILY WHAT MAC [KEY VALUE]...
	capture podA1 eth0 'udp port 4444'
	snap nodeA
	send nodeB frame "$2" dev nic0 mac "$3" src "$(addr podB1 "$1")" \
		dst "$(addr podA1 "$1")" "${@:4}" count 5
	pings nodeB podA1 "$1" 1
	# The answer meets the tap.
	expect nodeA rx_direct=1 fallback_tap=0..1 others=0
	[[ ! -s $TMP/seen ]]
}

# Frames for others, which a promiscuous NIC sees, are not for pods.
other_host() { # FAMILY MAC
	at_end 'on nodeA ip link set nic0 promisc off'
	on nodeA ip link set nic0 promisc on
	ignored_from_outside "$1" udp "$2"
}

not_forwarded() { # FAMILY WHAT MAC [KEY VALUE]...
	local before
	before=$(not_for_host)
	"$2" "$1" "${@:3}"
	[[ $(($(not_for_host) - before)) = 5 ]]
}

vlan_tag() { # FAMILY
	ignored_from_outside "$1" udp \
		"$(on nodeA cat /sys/class/net/nic0/address)" vlan 7
}

# Less than a header.
cut_off() { # FAMILY
	local name=IpInHdrErrors before
	[[ $1 = 4 ]] || name=Ip6InHdrErrors
	before=$(stack_counter nodeA "$name")
	ignored_from_outside "$1" short \
		"$(on nodeA cat /sys/class/net/nic0/address)"
	[[ $(($(stack_counter nodeA "$name") - before)) = 5 ]]
}

many_from_outside() { # FAMILY DESTINATION...
	local to
	for to in "${@:2}"; do
		ignored_from_outside "$1" udp ff:ff:ff:ff:ff:ff dst "$to"
	done
}

# The pod's socket priority is not the node's to obey.
priority_is_not_the_pods() { # FAMILY
	local seen
	at_end 'on nodeA tc qdisc del dev nic0 root
		on podA1 nft delete table inet p
		on nodeA nft delete table netdev m
		ipn nodeA rule del pref 90; ipn nodeA -6 rule del pref 90'
	on nodeA tc qdisc add dev nic0 root handle 1: prio bands 3 \
		priomap 2 2 2 2 2 2 0 2 2 2 2 2 2 2 2 2
	on podA1 nft -f - <<-END
	table inet p {
		chain o {
			type filter hook output priority 0
			meta priority set 0:6
			meta mark set 7
		}
	}
	END
	# The mark is the pod's own affair, too.
	on nodeA ip rule add pref 90 fwmark 7 unreachable
	on nodeA ip -6 rule add pref 90 fwmark 7 unreachable
	on nodeA nft -f - <<-END
	table netdev m {
		chain c {
			type filter hook egress device nic0 priority 0
			meta mark 7 drop
		}
	}
	END
	pings podA1 podB1 "$1" 5
	seen=$(on nodeA tc -s class show dev nic0 |
		sed -n '/prio 1:1 /,/Sent/s/.*Sent \([0-9]*\).*/\1/p')
	echo "sent at the pod's wish: $seen bytes"
	[[ $seen = 0 ]]
}

# A host that sends to a pod address that nobody has.
nobody() { # FAMILY
	local to=10.1.0.99
	[[ $1 = 4 ]] || to='fd01::99'
	ipn nodeA "-$1" route add "$to" dev shunt0
	snap nodeA
	on nodeA ping "-$1" -c 3 -i 0.1 -W 1 "$to" >"$TMP/nobody" || true
	ipn nodeA "-$1" route del "$to" dev shunt0
	cat "$TMP/nobody"
	expect nodeA drop_unreachable=3 rx_stack=0
	grep -qi unreachable "$TMP/nobody"
}

start_forks
load_module
topology shunt podA1 podA2 podB1
topology veth podA1 podA2 podB1
use shunt
pods_quiet nodeA nodeB

for how in raw frame; do
	for family in 4 6; do
		pod=$(addr podA2 $family)
		[[ $family = 4 ]] && other=10.9.9.9 || other=fd99::9
		t "v$family source of nobody, another pod and the host, $how" \
			spoof $family $how "$other" "$pod" "$(addr nodeA $family)"
		t "v$family foreign source to near ones, $how" \
			spoof_near $family $how "$other"
	done
	for what in ra ns redirect; do
		t "v6 $what from a pod, $how" neighbour_discovery $how $what
	done
	t "v6 router advertisement does not reach the host, $how" \
		router_advertisement $how
done
for family in 4 6; do
	t "v$family an address that a pod gives itself" \
		spoof_by_address $family
	t "v$family an address that the node gives" second_address $family
	for what in version short; do
		t "v$family malformed: $what" malformed $family $what
	done
	t "v$family wrong length" bad_lengths $family
	t "v$family fragments" fragments $family
	t "v$family TTL of 0" nothing_arrives punt_ttl $family udp ttl 0
	for source in podA2 nodeA; do
		t "v$family own source from outside: $source" \
			source_from_outside $family "$(addr $source $family)"
	done
	t "v$family frame for another host" \
		not_forwarded $family other_host 02:00:00:00:0c:00
	t "v$family broadcast frame" other_host $family ff:ff:ff:ff:ff:ff
	t "v$family frame for a group" other_host $family 01:00:5e:00:00:01
	t "v$family frame for a group of IPv6" \
		other_host $family 33:33:00:00:00:01
	t "v$family frame with a VLAN tag" not_forwarded $family vlan_tag
	t "v$family less than a header from outside" cut_off $family
	t "v$family priority and mark of the pod" \
		priority_is_not_the_pods $family
	t "v$family host to an address that no pod has" nobody $family
done
t "v4 malformed: ihl" malformed 4 ihl
t "v4 source route" nothing_arrives punt_options 4 lsrr
t "v4 sources that nobody can have" \
	spoof 4 frame 127.0.0.1 0.0.0.0 224.0.0.1 255.255.255.255
t "v6 sources that nobody can have" spoof 6 frame ::1 ff02::1 ff05::1
t "v4 broadcast and multicast from a pod" \
	many_from_pod 4 255.255.255.255 224.0.0.1 239.1.1.1
t "v6 multicast from a pod" many_from_pod 6 ff02::1 ff05::1
t "v4 broadcast and multicast from outside" \
	many_from_outside 4 255.255.255.255 224.0.0.1 239.1.1.1
t "v6 multicast from outside" many_from_outside 6 ff02::1 ff05::1
t "v6 source route" nothing_arrives punt_options 6 routing
for source in 127.0.0.1 0.0.0.0 224.0.0.1 255.255.255.255; do
	t "v4 source $source from outside" source_from_outside 4 $source
done
for source in ::1 :: ff02::1 fe80::99 ::ffff:10.2.0.1; do
	t "v6 source $source from outside" source_from_outside 6 $source
done
t "ARP" nonip arp arp
for family in 4 6; do
	t "v$family tag of a VLAN from a pod" tagged $family
done
t "v4 device of a VLAN in a pod" vlan_device
t "LLDP" nonip 'ether proto 0x88cc' lldp
t "v6 unspecified source to a pod" v6_source :: fd02::1 drop_spoof
t "v6 foreign link-local source to a pod" v6_source fe80::99 fd02::1 drop_spoof
t "v6 loopback source" v6_source ::1 fd02::1 drop_spoof
# They are written like the pods' IPv4 addresses, and are none.
t "v6 mapped source" v6_source ::ffff:10.1.0.1 fd02::1 drop_spoof
t "v6 mapped destination" v6_source fd01::1 ::ffff:10.1.0.2 punt_route
t "v6 own link-local source" own_link_local
t "v6 link-local addresses of others" link_locals
finish
