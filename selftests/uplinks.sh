#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Uplinks come and go while traffic runs, only devices that can be one are
# taken, and what the node's configuration says is in force on the next packet.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

# Without an uplink, the host's stack carries everything.
attach_detach() {
	local n
	bg podA1 ping -q -i 0.01 "$(addr podB1 4)" >/dev/null
	for n in 1 2 3; do
		snap nodeA
		await_counter nodeA tx_direct 10
		ctl nodeA uplink del nic0
		snap nodeA
		await_counter nodeA punt_device 10
		await_counter nodeA rx_stack 10
		ctl nodeA uplink add nic0
	done
	end_jobs
	snap nodeA
	pings podA1 podB1 4 5
	pings podA1 podB1 6 5
	expect nodeA tx_direct=10 rx_direct=10 others=0
}

without_uplink() { # FAMILY
	at_end 'ctl nodeA uplink add nic0'
	ctl nodeA uplink del nic0
	snap nodeA
	pings podA1 podB1 "$1" 10
	expect nodeA tx_direct=0 rx_direct=0 tx_stack=10 rx_stack=10 \
		punt_device=10
}

shown() {
	ctl nodeA -j uplink show >"$TMP/uplinks"
	cat "$TMP/uplinks"
	[[ $(jq -r '.[].name' "$TMP/uplinks") = nic0 ]]
	jq -e '.[0].ifindex > 0 and .[0].mtu == 1500' "$TMP/uplinks"
	ctl nodeA uplink show | grep -q nic0
}

# Refused with a message that has WORD in it, and nothing changes.
refused() { # DEVICE WORD
	local before after
	before=$(ctl nodeA -j uplink show)
	not ctl nodeA uplink add "$1" >"$TMP/refused" 2>&1
	cat "$TMP/refused"
	[[ $(wc -l <"$TMP/refused") = 1 ]]
	grep -qi -- "$2" "$TMP/refused"
	after=$(ctl nodeA -j uplink show)
	[[ $before = "$after" ]]
}

bridge_port() {
	at_end 'ipn nodeA link del br7; ipn nodeA link del dum7'
	ipn nodeA link add br7 type bridge
	ipn nodeA link add dum7 type dummy
	ipn nodeA link set dum7 master br7
	refused dum7 br7
}

bond_slave() {
	at_end 'ipn nodeA link del bond7; ipn nodeA link del dum7'
	ipn nodeA link add bond7 type bond
	ipn nodeA link add dum7 type dummy
	ipn nodeA link set dum7 master bond7
	refused dum7 bond7
}

macvlan_lower() {
	at_end 'ipn nodeA link del dum7'
	ipn nodeA link add dum7 type dummy
	ipn nodeA link set dum7 up
	ipn nodeA link add link dum7 name mv7 type macvlan
	refused dum7 .
}

# And the other way round: an uplink is nobody else's port.
others_refused() {
	at_end 'ipn nodeA link del br7'
	ipn nodeA link add br7 type bridge
	not ipn nodeA link set nic0 master br7
}

unknown_detached() {
	not ctl nodeA uplink del nic1 >"$TMP/refused" 2>&1
	cat "$TMP/refused"
	[[ $(wc -l <"$TMP/refused") = 1 ]]
}

# As topology and wire made it: links that went down lost it.
restore() {
	local node n=0 to
	for node in nodeA nodeB; do
		n=$((n + 1)) to=$([[ $node = nodeA ]] && echo 2 || echo 1)
		ipn "$node" link del up7 2>/dev/null || true
		ipn "$node" xfrm policy flush
		ipn "$node" xfrm state flush
		ipn "$node" link set nic1 nomaster
		ipn "$node" link set nic0 up
		ipn "$node" link set nic1 up
		ipn "$node" address replace 192.168.9."$n"/24 dev nic0
		ipn "$node" address replace 192.168.8."$n"/24 dev nic1
		ipn "$node" address replace fd09::"$n"/64 dev nic0 nodad
		ipn "$node" address replace fd08::"$n"/64 dev nic1 nodad
		ipn "$node" route replace 10."$to".0.0/24 via 192.168.9."$to"
		ipn "$node" -6 route replace fd0"$to"::/64 via fd09::"$to"
	done
}

# Also devices stacked on NICs, and tunnels with and without Ethernet in them.
over() { # FAMILY TYPE
	local node n=0 net
	at_end restore
	for node in nodeA nodeB; do
		n=$((n + 1))
		case $2 in
		vlan)
			ipn "$node" link add link nic1 name up7 type vlan id 7
			;;
		bond-*)
			ipn "$node" link add up7 type bond mode "${2#bond-}" \
				miimon 100
			ipn "$node" link set nic1 down
			ipn "$node" link set nic1 master up7
			;;
		bridge)
			ipn "$node" link add up7 type bridge
			ipn "$node" link set nic1 master up7
			;;
		vxlan)
			ipn "$node" link add up7 type vxlan id 7 dstport 4789 \
				remote 192.168.8.$((3 - n)) dev nic1
			;;
		geneve)
			ipn "$node" link add up7 type geneve id 7 \
				remote 192.168.8.$((3 - n))
			;;
		macsec)
			macsec "$node" "$n"
			;;
		gre)
			ipn "$node" link add up7 type ip6gre \
				local fd08::"$n" remote fd08::$((3 - n))
			;;
		tun)
			bg "$node" socat "TUN,tun-name=up7,iff-no-pi" \
				"UDP-DATAGRAM:192.168.8.$((3 - n)):7777,bind=:7777"
			await 10 ipn "$node" link show up7
			;;
		xfrm)
			ipsec "$node" "$n"
			;;
		wireguard)
			wireguard "$node" "$n"
			;;
		ipip)
			ipn "$node" link add up7 type ip6tnl mode any \
				local fd08::"$n" remote fd08::$((3 - n))
			;;
		esac
		ipn "$node" address add 192.168.7."$n"/24 dev up7
		ipn "$node" address add fd07::"$n"/64 dev up7 nodad
		ipn "$node" link set up7 up
		ctl "$node" uplink add up7
	done
	# The MTU of what lies above others is smaller, and the pods' with it.
	[[ $(on podA1 cat /sys/class/net/eth0/mtu) = \
		$(on nodeA cat /sys/class/net/{nic0,up7}/mtu | sort -n |
			head -n 1) ]]
	for net in 4 6; do
		case $net$1 in
		44) ipn nodeA route replace 10.2.0.0/24 via 192.168.7.2 ;;
		66) ipn nodeA -6 route replace fd02::/64 via fd07::2 ;;
		esac
		case $net$1 in
		44) ipn nodeB route replace 10.1.0.0/24 via 192.168.7.1 ;;
		66) ipn nodeB -6 route replace fd01::/64 via fd07::1 ;;
		esac
	done
	await 5 pings podA1 podB1 "$1" 1
	snap nodeA
	snap nodeB
	bg podB1 tcpdump -nn -e -l --immediate-mode -i eth0 \
		'icmp or icmp6' >"$TMP/tap" 2>"$TMP/tap.err"
	await 10 grep -q 'listening on' "$TMP/tap.err"
	pings podA1 podB1 "$1" 5
	await 10 lines_in "$TMP/tap" 10
	# An Ethernet frame, whatever it came in.
	cat "$TMP/tap"
	[[ $(grep -Ec "ethertype IPv[46].*echo request" "$TMP/tap") = 5 ]]
	start_netserver podB1
	netperf_rate podA1 podB1 "$1" TCP_STREAM 1
	expect nodeA tx_direct=10.. rx_direct=10.. tx_stack=0..20
	expect nodeB rx_direct=10..
}

# Each sends with its own key.
macsec() { # NODE NUMBER
	local peer=02:00:00:00:0b:01
	[[ $2 = 1 ]] || peer=02:00:00:00:0a:01
	ipn "$1" link add link nic1 name up7 type macsec encrypt on
	ipn "$1" macsec add up7 tx sa 0 pn 1 on key 0"$2" \
		"$(printf '%032d' "$2")"
	ipn "$1" macsec add up7 rx port 1 address "$peer"
	ipn "$1" macsec add up7 rx port 1 address "$peer" sa 0 pn 1 on \
		key 0$((3 - $2)) "$(printf '%032d' $((3 - $2)))"
}

# Route-based: the interface's policies carry its id.
ipsec() { # NODE NUMBER
	local own=192.168.8.$2 peer=192.168.8.$((3 - $2)) dir from to
	ipn "$1" link add up7 type xfrm dev nic1 if_id 7
	for dir in out in fwd; do
		from=$peer to=$own
		[[ $dir != out ]] || from=$own to=$peer
		ipn "$1" xfrm policy add dir "$dir" if_id 7 \
			tmpl src "$from" dst "$to" proto esp reqid 7 mode tunnel
		ipn "$1" -6 xfrm policy add src ::/0 dst ::/0 dir "$dir" if_id 7 \
			tmpl src "$from" dst "$to" proto esp reqid 7 mode tunnel
		[[ $dir != fwd ]] || continue
		ipn "$1" xfrm state add src "$from" dst "$to" proto esp \
			spi 0x"${from##*.}" reqid 7 mode tunnel if_id 7 \
			flag af-unspec \
			aead 'rfc4106(gcm(aes))' \
			0x000102030405060708090a0b0c0d0e0f10111213 128
	done
}

wireguard() { # NODE NUMBER
	need wg
	ipn "$1" link add up7 type wireguard
	wg genkey >"$TMP/key$2"
	on "$1" wg set up7 listen-port 51820 private-key "$TMP/key$2"
	[[ $2 = 2 ]] || return 0
	on nodeA wg set up7 peer "$(wg pubkey <"$TMP/key2")" \
		endpoint 192.168.8.2:51820 allowed-ips 0.0.0.0/0,::/0
	on nodeB wg set up7 peer "$(wg pubkey <"$TMP/key1")" \
		endpoint 192.168.8.1:51820 allowed-ips 0.0.0.0/0,::/0
}

# Two uplinks: what leaves by one may come back by the other.
two_uplinks() { # FAMILY
	at_end 'ctl nodeA uplink del nic1; restore'
	ctl nodeA uplink add nic1
	[[ $(ctl nodeA -j uplink show | jq length) = 2 ]]
	case $1 in
	4) net=10.1.0.0/24 back=192.168.9.1 there=192.168.8.1 ;;
	6) net=fd01::/64 back=fd09::1 there=fd08::1 ;;
	esac
	ipn nodeB "-$1" route replace "$net" via "$there"
	pings podA1 podB1 "$1" 5
	snap nodeA
	pings podA1 podB1 "$1" 5
	expect nodeA tx_direct=5 rx_direct=5 others=0
}

# Asymmetric routing with reverse path filters.
rp_filter() { # MODE PASSES
	local nic=nic1
	at_end 'on nodeA sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.nic1.rp_filter=0
		ctl nodeA uplink del nic1
		ipn nodeB route replace 10.1.0.0/24 via 192.168.9.1'
	ctl nodeA uplink add nic1
	ipn nodeB route replace 10.1.0.0/24 via 192.168.8.1
	pings podA1 podB1 4 5
	# On the next packet, though nothing tells.
	on nodeA sysctl -qw "net.ipv4.conf.$nic.rp_filter=$1"
	snap nodeA
	if [[ $2 = pass ]]; then
		pings podA1 podB1 4 5
		expect nodeA rx_direct=5
	else
		not pings podA1 podB1 4 3 -W 0.5
		expect nodeA rx_direct=0 tx_direct=3
	fi
	on nodeA sysctl -qw "net.ipv4.conf.$nic.rp_filter=0"
	pings podA1 podB1 4 5
	on nodeA sysctl -qw "net.ipv4.conf.all.rp_filter=$1"
	if [[ $2 = pass ]]; then
		pings podA1 podB1 4 5
	else
		not pings podA1 podB1 4 3 -W 0.5
	fi
}

# Symmetric routing passes the strict filter, and stays direct.
rp_filter_symmetric() {
	at_end 'on nodeA sysctl -qw net.ipv4.conf.all.rp_filter=0'
	on nodeA sysctl -qw net.ipv4.conf.all.rp_filter=1
	snap nodeA
	pings podA1 podB1 4 10
	expect nodeA tx_direct=10 rx_direct=10 others=0
	# Nor does the host lose what comes from its pods.
	pings podA1 nodeA 4 3
	pings nodeA podA1 4 3
}

# Forwarding off means that the host does not forward, and we do not either.
forwarding_off() { # FAMILY
	local key=net.ipv4.conf.all.forwarding
	[[ $1 = 4 ]] || key=net.ipv6.conf.all.forwarding
	at_end 'on nodeA sysctl -qw net.ipv4.ip_forward=1 \
		net.ipv6.conf.all.forwarding=1
		ipn nodeA -6 route replace fd02::/64 via fd09::2'
	pings podA1 podB1 "$1" 5
	on nodeA sysctl -qw "$key"=0
	snap nodeA
	not pings podA1 podB1 "$1" 3 -W 0.5
	expect nodeA rx_direct=0
	ctl nodeA uplink del nic0
	ctl nodeA uplink add nic0 >"$TMP/warning" 2>&1
	cat "$TMP/warning"
	grep -q forward "$TMP/warning"
	on nodeA sysctl -qw "$key"=1
	pings podA1 podB1 "$1" 3
}

# One NIC's switch is enough.
forwarding_off_one() {
	at_end 'on nodeA sysctl -qw net.ipv4.conf.nic0.forwarding=1'
	pings podA1 podB1 4 5
	on nodeA sysctl -qw net.ipv4.conf.nic0.forwarding=0
	snap nodeA
	not pings podA1 podB1 4 3 -W 0.5
	expect nodeA rx_direct=0
}

route_change() { # FAMILY
	local via dev after before
	[[ $1 = 4 ]] && via=192.168.8.2 || via=fd08::2
	at_end 'ctl nodeA uplink del nic1
		ipn nodeA route replace 10.2.0.0/24 via 192.168.9.2
		ipn nodeA -6 route replace fd02::/64 via fd09::2'
	ctl nodeA uplink add nic1
	pings podA1 podB1 "$1" 5
	for dev in nic1 nic0 nic1; do
		[[ $1 = 4 ]] && via=192.168.$([[ $dev = nic1 ]] && echo 8 ||
			echo 9).2
		[[ $1 = 4 ]] || via=fd0$([[ $dev = nic1 ]] && echo 8 ||
			echo 9)::2
		if [[ $1 = 4 ]]; then
			ipn nodeA route replace 10.2.0.0/24 via "$via"
		else
			ipn nodeA -6 route replace fd02::/64 via "$via"
		fi
		before=$(nic_tx "$dev")
		snap nodeA
		pings podA1 podB1 "$1" 10
		after=$(nic_tx "$dev")
		expect nodeA tx_direct=10 rx_direct=10
		((after - before >= 10))
	done
}

nic_tx() { on nodeA cat "/sys/class/net/$1/statistics/tx_packets"; }

neighbour_change() { # FAMILY
	local via mac
	[[ $1 = 4 ]] && via=192.168.9.2 || via=fd09::2
	at_end 'ipn nodeA neigh flush dev nic0 nud all'
	pings podA1 podB1 "$1" 5
	ipn nodeA neigh replace "$via" lladdr 02:00:00:00:0c:0c dev nic0 \
		nud permanent
	not pings podA1 podB1 "$1" 2 -W 0.5
	ipn nodeA neigh del "$via" dev nic0
	pings podA1 podB1 "$1" 3
	# The other end changes its address and tells.
	mac=$(on nodeB cat /sys/class/net/nic0/address)
	ipn nodeB link set nic0 address 02:00:00:00:0b:77
	ipn nodeA neigh replace "$via" lladdr 02:00:00:00:0b:77 dev nic0 \
		nud reachable
	pings podA1 podB1 "$1" 3
	ipn nodeB link set nic0 address "$mac"
	ipn nodeA neigh flush dev nic0
	ipn nodeA neigh replace "$via" lladdr "$mac" dev nic0 nud reachable
	snap nodeA
	pings podA1 podB1 "$1" 3
	expect nodeA tx_direct=3 rx_direct=3
}

# Down and up again: nothing is left of the way that was.
uplink_down() { # FAMILY
	at_end restore
	pings podA1 podB1 "$1" 5
	ipn nodeA link set nic0 down
	not pings podA1 podB1 "$1" 2 -W 0.5
	ipn nodeA link set nic0 up
	ipn nodeA address replace fd09::1/64 dev nic0 nodad
	ipn nodeA route replace 10.2.0.0/24 via 192.168.9.2
	ipn nodeA -6 route replace fd02::/64 via fd09::2
	await 10 pings podA1 podB1 "$1" 1
	snap nodeA
	pings podA1 podB1 "$1" 5
	expect nodeA tx_direct=5 rx_direct=5
}

lro_off() {
	on nodeA ethtool -k nic0 | grep 'large-receive-offload: off'
}

# A VRF around the uplink that is not around the node device: hands off.
vrf_uplink() {
	at_end 'ipn nodeA link del vrf7; restore'
	ipn nodeA link add vrf7 type vrf table 77
	ipn nodeA link set vrf7 up
	ipn nodeA link set nic0 master vrf7
	snap nodeA
	not on nodeB ping -q -c 3 -i 0.05 -W 0.5 "$(addr podA1 4)"
	expect nodeA rx_direct=0
}

load_module
topology shunt podA1 podB1
# A second cable, which is no uplink yet.
wire 1
pods_quiet nodeA nodeB

t "attach and detach while traffic runs" attach_detach
t "show" shown
t "refused: no such device" refused nic7 nic7
t "refused: loopback" refused lo .
t "refused: the node device" refused shunt0 .
t "refused: already attached" refused nic0 .
t "refused: port of a bridge" bridge_port
t "refused: slave of a bond" bond_slave
t "refused: below a macvlan" macvlan_lower
t "an uplink is nobody else's port" others_refused
t "detach what is not attached" unknown_detached
t "LRO is off" lro_off
for family in 4 6; do
	t "v$family without uplink" without_uplink $family
	t "v$family two uplinks" two_uplinks $family
	t "v$family forwarding off" forwarding_off $family
	t "v$family route change" route_change $family
	t "v$family neighbour change" neighbour_change $family
	t "v$family uplink down and up" uplink_down $family
	for kind in vlan bond-active-backup bond-balance-xor bridge macsec \
		vxlan geneve ipip gre tun xfrm wireguard; do
		t "v$family uplink $kind" over $family $kind
	done
done
t "forwarding off on one NIC" forwarding_off_one
t "rp_filter strict, asymmetric" rp_filter 1 drop
t "rp_filter loose, asymmetric" rp_filter 2 pass
t "rp_filter strict, symmetric" rp_filter_symmetric
t "uplink in a VRF" vrf_uplink
finish
