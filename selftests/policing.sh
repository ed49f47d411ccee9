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
	on "$pod" "$SELFTESTS/packet.py" send "$@"
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
	on "$1" ip -s -j link show eth0 |
		jq -e '.[0].stats64.tx.dropped >= 5'
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
	on podA1 "$SELFTESTS/packet.py" flows "${foreign%/*}" \
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
	on nodeA "$SELFTESTS/netlink.py" genl pod-addr-add \
		netns "/run/netns/$(ns podA1)" address "${foreign%/*}"
	ipn nodeA "-$1" route add "$foreign" via "$gateway" dev shunt0 onlink
	snap nodeA
	pings podA1 podB1 "$1" 5 -I "${foreign%/*}"
	expect nodeA drop_spoof=0 tx_direct=5 rx_direct=5
	on nodeA "$SELFTESTS/netlink.py" genl pod-addr-del \
		netns "/run/netns/$(ns podA1)" address "${foreign%/*}"
	snap nodeA
	on podA1 "$SELFTESTS/packet.py" flows "${foreign%/*}" \
		"$(addr podB1 "$1")" 9 5 || true
	expect nodeA drop_spoof=1..5 tx_direct=0
}

nonip() { # WHAT
	dropped drop_nonip "$1" podA1 frame "$2"
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

# A wrong length is the stack's to judge if it is not plainly malformed.
bad_lengths() { # FAMILY
	capture podB1 eth0 'port 4444'
	snap nodeA
	send podA1 frame totlen src "$(addr podA1 "$1")" \
		dst "$(addr podB1 "$1")" count 5
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
	bg "$to" "$SELFTESTS/packet.py" udp-echo "$(addr "$to" "$family")" \
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
	as_veth reaches_from_outside "$1" \
		"tiny reversed twice overlap inside beyond lonely"
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

# Frames for others, which a promiscuous NIC sees, are not for pods.
other_host() { # FAMILY MAC
	on nodeA ip link set nic0 promisc on
	capture podA1 eth0 'udp port 4444'
	snap nodeA
	send nodeB frame udp dev nic0 mac "$2" src "$(addr podB1 "$1")" \
		dst "$(addr podA1 "$1")" count 5
	pings nodeB podA1 "$1" 1
	on nodeA ip link set nic0 promisc off
	expect nodeA rx_direct=1
	[[ ! -s $TMP/seen ]]
}

vlan_tag() { # FAMILY
	local mac
	capture podA1 eth0 'udp port 4444'
	mac=$(on nodeA cat /sys/class/net/nic0/address)
	snap nodeA
	send nodeB frame udp dev nic0 mac "$mac" vlan 7 \
		src "$(addr podB1 "$1")" dst "$(addr podA1 "$1")" count 5
	pings nodeB podA1 "$1" 1
	expect nodeA rx_direct=1
	[[ ! -s $TMP/seen ]]
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
		other_host $family 02:00:00:00:0c:00
	t "v$family broadcast frame" other_host $family ff:ff:ff:ff:ff:ff
	t "v$family frame with a VLAN tag" vlan_tag $family
	t "v$family priority and mark of the pod" \
		priority_is_not_the_pods $family
	t "v$family host to an address that no pod has" nobody $family
done
t "v4 malformed: ihl" malformed 4 ihl
t "v4 source route" nothing_arrives punt_options 4 lsrr
for source in 127.0.0.1 0.0.0.0 224.0.0.1 255.255.255.255; do
	t "v4 source $source from outside" source_from_outside 4 $source
done
for source in ::1 :: ff02::1 fe80::99; do
	t "v6 source $source from outside" source_from_outside 6 $source
done
t "ARP" nonip arp arp
t "LLDP" nonip 'ether proto 0x88cc' lldp
t "v6 unspecified source to a pod" v6_source :: fd02::1 drop_spoof
t "v6 foreign link-local source to a pod" v6_source fe80::99 fd02::1 drop_spoof
t "v6 loopback source" v6_source ::1 fd02::1 drop_spoof
t "v6 own link-local source" own_link_local
t "v6 link-local addresses of others" link_locals
finish
