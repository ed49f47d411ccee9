#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Uplinks come and go while traffic runs, only devices that can be one are
# taken, and what the node's configuration says is in force on the next packet.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=SCRIPTDIR/tunnels.sh
. "$SELFTESTS/tunnels.sh"

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

lower_of() { # TYPE [ARG...]
	at_end 'ipn nodeA link del dum7'
	ipn nodeA link add dum7 type dummy
	ipn nodeA link set dum7 up
	ipn nodeA link add link dum7 name up7 type "$@"
	refused dum7 up7
}

# While its module is there, it has everything tracked, in all namespaces.
ovs_port() {
	modprobe -q openvswitch || skip "this kernel has no Open vSwitch"
	at_end 'py nodeA netlink.py ovs-end ovs7
		ipn nodeA link del dum7
		await 10 modprobe -r openvswitch'
	ipn nodeA link add dum7 type dummy
	# Its first device is not the one to use.
	py nodeA netlink.py ovs-port ovs7 dum7
	refused dum7 'internal port'
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
	local node n=0
	for node in nodeA nodeB; do
		n=$((n + 1))
		ipn "$node" link del nic2 2>/dev/null || true
		ipn "$node" link del up7 2>/dev/null ||
			ipn "$node" link set up7 netns $$ name "virtio$n" \
				2>/dev/null || true
		ipn "$node" -force -batch - <<-END
			xfrm policy flush
			xfrm state flush
			link set nic1 nomaster
			link set nic0 up
			link set nic1 up
			address replace 192.168.9.$n/24 dev nic0
			address replace 192.168.8.$n/24 dev nic1
			address replace fd09::$n/64 dev nic0 nodad
			address replace fd08::$n/64 dev nic1 nodad
		END
	done
	route_by 192.168.9 fd09
}

# up7, a device stacked on a NIC or a tunnel, with or without Ethernet in it.
stacked() { # NODE NUMBER KIND
	local own=fd08::$2 peer=fd08::$((3 - $2))
	local own4=192.168.8.$2 peer4=192.168.8.$((3 - $2))
	case $3 in
	vlan) ipn "$1" link add link nic1 name up7 type vlan id 7 ;;
	bond-*)
		[[ $1 = nodeB ]] || ip link add nic2 netns "$(ns nodeA)" \
			type veth peer name nic2 netns "$(ns nodeB)"
		ipn "$1" link add up7 type bond mode "${3#bond-}" miimon 100
		ipn "$1" link set nic1 down
		ipn "$1" link set nic1 master up7
		ipn "$1" link set nic2 master up7
		;;
	bridge)
		ipn "$1" link add up7 type bridge
		ipn "$1" link set nic1 master up7
		;;
	vxlan)
		ipn "$1" link add up7 type vxlan id 7 dstport 4789 \
			remote "$peer4" dev nic1
		;;
	geneve) ipn "$1" link add up7 type geneve id 7 remote "$peer4" ;;
	gre | ipip)
		ipn "$1" link add up7 type "$3" local "$own4" remote "$peer4"
		;;
	ip6gre)
		ipn "$1" link add up7 type ip6gre local "$own" remote "$peer"
		;;
	ip6tnl)
		ipn "$1" link add up7 type ip6tnl mode any \
			local "$own" remote "$peer"
		;;
	tun)
		bg "$1" socat "TUN,tun-name=up7,iff-no-pi" \
			"UDP-DATAGRAM:$peer4:7777,bind=:7777"
		await 10 ipn "$1" link show up7
		;;
	macsec | xfrm | wireguard | virtio) "$3" "$1" "$2" ;;
	esac
}

route_by() { # NETWORK4 NETWORK6
	ipn nodeA route replace 10.2.0.0/24 via "$1.2"
	ipn nodeA route replace fd02::/64 via "$2::2"
	ipn nodeB route replace 10.1.0.0/24 via "$1.1"
	ipn nodeB route replace fd01::/64 via "$2::1"
}

over() { # KIND
	local node n=0
	at_end 'cat "$TMP/counts" 2>/dev/null; restore'
	for node in nodeA nodeB; do
		n=$((n + 1))
		stacked "$node" "$n" "$1"
		ipn "$node" address add 192.168.7."$n"/24 dev up7
		ipn "$node" address add fd07::"$n"/64 dev up7 nodad
		ipn "$node" link set up7 up
		ctl "$node" uplink add up7
	done
	# The MTU of what lies above others is smaller, and the pods' with it.
	[[ $(on podA1 cat /sys/class/net/eth0/mtu) = \
		$(on nodeA cat /sys/class/net/{nic0,up7}/mtu | sort -n |
			head -n 1) ]]
	route_by 192.168.7 fd07
	start_netserver podB1
	bg podB1 tcpdump -nn -e -l --immediate-mode -i eth0 \
		'icmp or icmp6' >"$TMP/tap" 2>"$TMP/tap.err"
	await 10 grep -q 'listening on' "$TMP/tap.err"
	direct_over 4 "$1"
	# In which there is IPv4 alone.
	[[ $1 = ipip ]] || direct_over 6 "$1"
	[[ $1 != xfrm ]] || no_secpath
	[[ $1 != bond-* ]] || fails_over
}

# The other cable of a bond carries what one of them did.
fails_over() {
	local family
	ipn nodeA link set nic1 down
	for family in 4 6; do
		await 10 pings podA1 podB1 "$family" 1
	done
	snap nodeA
	pings podA1 podB1 4 10
	pings podA1 podB1 6 10
	expect nodeA tx_direct=20.. rx_direct=20.. tx_stack=0 others=0
	ipn nodeA link set nic1 up
}

# What a packet was encrypted with is the node's to know.
no_secpath() {
	local name
	at_end 'on podA1 nft delete table inet s; on nodeA nft delete table inet s
		restore'
	for name in podA1 nodeA; do
		on "$name" nft -f - <<-END
			table inet s {
				counter s { }
				chain c {
					type filter hook prerouting priority -400
					meta ipsec exists counter name s
				}
			}
		END
	done
	pings podA1 podB1 4 5
	on podA1 nft list counter inet s s | grep 'packets 0 '
	on nodeA ping -q -c 5 -i 0.01 -W 3 192.168.7.2
	on nodeA nft list counter inet s s | grep -E 'packets ([5-9]|[1-9][0-9]) '
}

# Packets and bytes that a device has received and sent, in $TRAFFIC.
find_traffic() { # NAME DEVICE
	local words
	while read -ra words; do
		[[ ${words[0]} != "$2:" ]] ||
			TRAFFIC=("${words[2]}" "${words[1]}" "${words[10]}"
				"${words[9]}")
	done < <(on "$1" cat /proc/net/dev)
}

# How that changes while a command runs, in $CHANGE.
find_change() { # NAME DEVICE COMMAND...
	local n before
	find_traffic "$1" "$2"
	before=("${TRAFFIC[@]}")
	"${@:3}" >/dev/null || return
	find_traffic "$1" "$2"
	CHANGE=()
	for n in 0 1 2 3; do
		CHANGE+=($((TRAFFIC[n] - before[n])))
	done
}

# The uplink counts what a pod sends and receives as if it were the host's, and
# the pod its own frames.
counts() { # FAMILY
	local peer=192.168.7.2 size=98 host
	[[ $1 = 4 ]] || peer=fd07::2 size=118
	find_change nodeA up7 \
		on nodeA ping -q -n -c 10 -i 0.02 -W 3 "$peer" || return
	host=${CHANGE[*]}
	find_change nodeA up7 pings podA1 podB1 "$1" 10 || return
	echo "v$1: of the host $host, of the pod ${CHANGE[*]}" >"$TMP/counts"
	[[ ${CHANGE[*]} = "$host" && ${CHANGE[0]} = 10 ]] || return
	find_change podA1 eth0 pings podA1 podB1 "$1" 10 || return
	echo "v$1: by the pod ${CHANGE[*]}" >>"$TMP/counts"
	[[ ${CHANGE[*]} = "10 $((10 * size)) 10 $((10 * size))" ]]
}

# A packet as large as the way allows passes, and of a larger one the pod hears.
largest_over() { # FAMILY KIND
	local mtu header=28
	[[ $1 = 4 ]] || header=48
	mtu=$(on nodeA cat /sys/class/net/up7/mtu)
	# What ESP leaves of what carries it, which its device does not know.
	[[ $2 != xfrm ]] || mtu=1446
	pings podA2 podB1 "$1" 1 -M 'do' -s $((mtu - header))
	on podA2 ping "-$1" -n -c 1 -W 5 -M 'do' -s $((mtu - header + 1)) \
		"$(addr podB1 "$1")" >"$TMP/larger" 2>&1 || true
	ipn podA2 "-$1" route flush cache
	cat "$TMP/larger"
	grep -Eq "mtu ?= ?$mtu\b" "$TMP/larger"
}

direct_over() { # FAMILY KIND
	local node rate
	await 5 pings podA1 podB1 "$1" 1
	# Devices have something to say of their own now and then.
	await 10 counts "$1"
	largest_over "$@"
	snap nodeA
	snap nodeB
	pings podA1 podB1 "$1" 5
	# Ethernet frames, whatever they came in.
	await 10 lines_in "$TMP/tap" 5 "ethertype IPv$1.*echo request"
	cat "$TMP/tap"
	not grep -v 'ethertype IPv[46]' "$TMP/tap"
	rate=$(netperf_rate podA1 podB1 "$1" TCP_STREAM -2000000)
	echo "$rate"
	[[ ${rate%.*} -gt 0 ]]
	# What was not yet known as direct, and errors of it.
	for node in nodeA nodeB; do
		expect "$node" tx_direct=10.. rx_direct=10.. tx_stack=0..20 \
			rx_stack=0..20
	done
}

# What a real NIC's driver has, of the guest.
virtio() { # NODE NUMBER
	local name
	modprobe -q virtio_net || true
	name=$(ip -j link | jq -r --arg mac "02:00:00:00:07:0$2" \
		'.[] | select(.address == $mac) | .ifname')
	[[ $name ]] || skip "no such NIC here"
	ip link set "$name" netns "$(ns "$1")" name up7
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

xfrm() { xfrm_tunnel "$1" "$2" up7 nic1 192.168.8; } # NODE NUMBER

# Policy-based: what pods of the nodes exchange has to be encrypted.
policies() { # NODE NUMBER
	local own=192.168.9.$2 peer=192.168.9.$((3 - $2)) net
	for net in "10.$2.0.0/24 10.$((3 - $2)).0.0/24" \
		"fd0$2::/64 fd0$((3 - $2))::/64"; do
		ipn "$1" xfrm policy add dir out src "${net% *}" dst "${net#* }" \
			tmpl src "$own" dst "$peer" proto esp reqid 7 mode tunnel
		ipn "$1" xfrm policy add dir fwd src "${net#* }" dst "${net% *}" \
			tmpl src "$peer" dst "$own" proto esp reqid 7 mode tunnel
	done
	esp_states "$1" "$own" "$peer"
}

# What a node sends of its pods' packets, or instead.
watch_sent() { # NODE
	bg "$1" tcpdump -nn -l --immediate-mode -Q out -i nic0 \
		'esp or net 10.1.0.0/24 or net fd01::/64' \
		>"$TMP/sent.$1" 2>"$TMP/sent.err"
	await 10 grep -q 'listening on' "$TMP/sent.err"
}

# Nothing is ever sent in clear, nor taken.
ipsec_by_policy() { # FAMILY
	local clear
	at_end 'end_jobs; restore'
	pings podA1 podB1 "$1" 5
	watch_sent nodeA
	watch_sent nodeB
	policies nodeA 1
	# The other node does not know the key yet, and sends in clear.
	snap nodeA
	not pings podA1 podB1 "$1" 2 -W 0.5
	not pings podB1 podA1 "$1" 2 -W 0.5
	expect nodeA tx_direct=0 rx_direct=0 punt_xfrm=2..
	await 5 lines_in "$TMP/sent.nodeA" 2 ESP
	await 5 lines_in "$TMP/sent.nodeB" 2 'echo request'
	policies nodeB 2
	clear=$(wc -l <"$TMP/sent.nodeB")
	pings podA1 podB1 "$1" 5
	pings podB1 podA1 "$1" 5
	start_netserver podB1
	[[ $(netperf_rate podA1 podB1 "$1" TCP_RR 1) = [1-9]* ]]
	expect nodeA tx_direct=0
	# Ten of the pings, and some of netperf's.
	await 5 lines_in "$TMP/sent.nodeB" $((clear + 15))
	not grep -v ESP "$TMP/sent.nodeA"
	tail -n "+$((clear + 1))" "$TMP/sent.nodeB" >"$TMP/later"
	not grep -v ESP "$TMP/later"
	restore
	snap nodeA
	pings podA1 podB1 "$1" 3
	expect nodeA tx_direct=3 rx_direct=3
}

wireguard() { # NODE NUMBER
	need wg
	wireguard_tunnel "$1" "$2" up7 nic1 192.168.8
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

readonly VLANS=16

# A network of its own for each VLAN of the cable.
vlan_net() { # FAMILY NUMBER
	case $1 in
	4) echo "192.168.$((100 + $2))." ;;
	6) echo "fd$((20 + $2))::" ;;
	esac
}

# What came from a VLAN is answered there.
add_vlan() { # NODE NUMBER OF-NODE
	local net4 net6
	net4=$(vlan_net 4 "$2") net6=$(vlan_net 6 "$2")
	ipn "$1" -batch - <<-END
		link add link nic0 name nic0.$2 type vlan id $2
		address add $net4$3/24 dev nic0.$2
		address add $net6$3/64 dev nic0.$2 nodad
		link set nic0.$2 up
	END
	[[ $1 = nodeB ]] || return 0
	ipn nodeB route add 10.1.0.0/24 via "${net4}1" table "$2"
	ipn nodeB rule add pref 7 from "${net4}2" table "$2"
	ipn nodeB -6 route add fd01::/64 via "${net6}1" table "$2"
	ipn nodeB -6 rule add pref 7 from "${net6}2" table "$2"
}

no_vlans() {
	local n
	for n in $(seq "$VLANS"); do
		echo "link del nic0.$n"
	done >"$TMP/del"
	ipn nodeA -force -batch "$TMP/del"
	ipn nodeB -force -batch "$TMP/del"
	ipn nodeB rule flush pref 7
	ipn nodeB -6 rule flush pref 7
}

ping_vlans() { # FAMILY COUNT
	local n
	for n in $(seq "$VLANS"); do
		on podA1 ping -q -n -c "$2" -i 0.01 -W 5 "$(vlan_net "$1" "$n")2"
	done
}

# Packets leave by the uplink that their route says, out of any number.
many_uplinks() {
	local n family
	at_end 'no_vlans'
	for n in $(seq "$VLANS"); do
		add_vlan nodeA "$n" 1
		add_vlan nodeB "$n" 2
		ctl nodeA uplink add "nic0.$n"
	done
	[[ $(ctl nodeA -j uplink show | jq length) = $((VLANS + 1)) ]]
	for family in 4 6; do
		ping_vlans "$family" 1
		snap nodeA
		ping_vlans "$family" 3
		expect nodeA "tx_direct=$((3 * VLANS))" \
			"rx_direct=$((3 * VLANS))" others=0
	done
	ipn nodeA -s -j link show type vlan >"$TMP/vlans"
	jq -e "[.[].stats64 | .rx.packets >= 8 and .tx.packets >= 8] |
		all and length == $VLANS" "$TMP/vlans"
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

start_forks
load_module
topology shunt podA1 podB1
# It sends packets of any size.
pod_add podA2 mtu 9000
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
t "refused: below a macvlan" lower_of macvlan
t "refused: below an ipvlan" lower_of ipvlan
t "refused: below a macsec device" lower_of macsec
t "refused: port of Open vSwitch" ovs_port
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
	t "v$family IPsec by policy" ipsec_by_policy $family
done
for kind in virtio vlan bond-active-backup bond-balance-xor bridge macsec \
	vxlan geneve ipip gre ip6tnl ip6gre tun xfrm wireguard; do
	t "uplink $kind" over $kind
done
t "many uplinks" many_uplinks
t "forwarding off on one NIC" forwarding_off_one
t "rp_filter strict, asymmetric" rp_filter 1 drop
t "rp_filter loose, asymmetric" rp_filter 2 pass
t "rp_filter strict, symmetric" rp_filter_symmetric
t "uplink in a VRF" vrf_uplink
finish
