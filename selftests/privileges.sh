#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the root of a pod can do whose network namespace is that of a user
# namespace of its own, as rootless runtimes and Kubernetes' "hostUsers: false"
# have it: with all capabilities there, nothing to the node, other pods, and what
# the node says about the pod itself.
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

readonly AS_NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups
	--inh-caps=-all)

# The user is nobody to the machine, and its processes come by the id of one that
# stays.
cage() {
	local netns
	netns=$(ns podA9)
	chmod 711 "$TMP"
	mkdir "$TMP/tools"
	cp "$SELFTESTS"/*.py "$TMP/tools"
	"${AS_NOBODY[@]}" unshare --user --map-root-user --net sleep infinity &
	CAGED=$!
	await 10 is_caged
	touch "/run/netns/$netns"
	mount --bind "/proc/$CAGED/ns/net" "/run/netns/$netns"
	echo "$netns" >>"$TMP/netns"
	inside ip link set lo up
	ctl nodeA pod add "$netns" ip 10.1.0.9 ip fd01::9
}

is_caged() {
	[[ $(cat "/proc/$CAGED/uid_map" 2>/dev/null) &&
		$(readlink "/proc/$CAGED/ns/net") != \
		"$(readlink /proc/self/ns/net)" ]]
}

inside() { # COMMAND...
	"${AS_NOBODY[@]}" nsenter --target "$CAGED" --user --net \
		--preserve-credentials "$@"
}

# All that the node knows and says.
state() {
	ctl nodeA -j pod
	ctl nodeA -j uplink
	ctl nodeA -j path
	ipn nodeA -br link
	ipn podA1 -br address
}

talks() {
	local family
	for family in 4 6; do
		inside ping -q -c 2 -i 0.1 -W 3 "$(addr podB1 "$family")"
	done
}

# It is a pod like others: what is refused below is not refused by mistake.
works() {
	talks
	pings podB1 podA1 4 1
	inside sh -c 'test "$(id -u)" = 0 && ip link set eth0 txqueuelen 99'
}

# Every command of the family, with attributes that would be right on the node,
# and on one of its own if it had that.
commands() {
	local command netns args
	for netns in "/run/netns/$(ns podA1)" "/proc/$CAGED/ns/net"; do
		while read -r command; do
			case $command in
			pod-get | pod-del) args=(netns "$netns") ;;
			pod-*) args=(netns "$netns" address 10.1.0.99) ;;
			path-add) args=(address 10.9.0.0 length 16 action 1) ;;
			path-*) args=(address 10.9.0.0 length 16) ;;
			uplink-*) args=(ifindex 2) ;;
			*) args=() ;;
			esac
			not inside "$TMP/tools/netlink.py" genl "$command" \
				"${args[@]}" >"$TMP/said"
			cat "$TMP/said"
			grep -Eq '^(EPERM|ENODEV) ' "$TMP/said"
		done < <("$SELFTESTS/netlink.py" commands)
	done
}

# Devices of the kind, on whatever node, and its own device elsewhere.
links() {
	local node
	node=$(on nodeA cat /sys/class/net/shunt0/ifindex)
	not inside ip link add shunt0 type shunt
	not inside "$TMP/tools/netlink.py" newlink eth1 kind shunt \
		node "$node" role 1 address 10.1.0.98
	not inside "$TMP/tools/netlink.py" newlink eth1 kind shunt \
		netns "/run/netns/$(ns nodeA)" node "$node" address 10.1.0.98
	not inside "$TMP/tools/netlink.py" changelink eth0 node "$node" \
		address 10.1.0.98
	not inside ip link set eth0 netns 1
	not inside nsenter --net="/run/netns/$(ns nodeA)" true
}

# What others have counted, and what the node has.
counters() {
	not inside shuntctl stats
	not inside shuntctl pod
	inside ethtool -S eth0 >"$TMP/own"
	grep -q tx_direct "$TMP/own"
	not inside sh -c 'echo 1 >/sys/module/shunt/parameters/userns_nodes'
}

# By an address of its own making, another pod's, or the node's; by a raw frame
# or by what the stack sends.
spoofs() { # FAMILY
	local from mask=32
	[[ $1 = 4 ]] || mask=128
	for from in "$(addr podA1 "$1")" "$(addr nodeA "$1")" \
		"$(addr podB1 "$1")"; do
		snap nodeA
		inside ip address add "$from/$mask" dev eth0
		not inside ping -q -c 3 -i 0.1 -W 0.3 -I "$from" \
			"$(addr podA2 "$1")"
		inside "$TMP/tools/packet.py" send frame udp src "$from" \
			dst "$(addr podB1 "$1")" count 5
		inside ip address del "$from/$mask" dev eth0
		expect nodeA drop_spoof=5.. tx_direct=0 tx_local=0 tx_stack=0
	done
	pings podA1 podB1 "$1" 1
	talks
}

# Its own MAC address, MTU and state are its own affair: others do not notice.
own_device() {
	inside ip link set eth0 address 02:00:00:00:00:99
	inside ip link set eth0 mtu 1300
	talks
	inside ip link set eth0 mtu 9000
	inside ip link set eth0 promisc on
	inside ip link set eth0 down
	pings podA1 podB1 4 1
	pings podA2 podA1 6 1
	inside ip link set eth0 up
	inside ip link set eth0 promisc off
	# What the kernel takes off a device that goes down.
	inside ip address add fd01::9/128 dev eth0 nodad
	inside ip route replace default via 169.254.1.1 dev eth0 onlink
	inside ip -6 route replace default via fe80::1 dev eth0
	talks
}

# Larger than the uplink's packets are, whatever the pod thinks of its MTU.
large_packets() {
	local family
	at_end 'inside ip link set eth0 mtu 1500'
	inside ip link set eth0 mtu 9000
	for family in 4 6; do
		snap nodeA
		not inside ping -q -c 2 -i 0.1 -W 0.3 -M "do" -s 4000 \
			"$(addr podB1 "$family")"
		expect nodeA tx_direct=0
	done
	pings podA1 podB1 4 1
}

# It may remove its own device, as that of any other kind: it is cut off, and
# nobody else is.
deletes_itself() {
	inside ip link del eth0
	not inside ping -q -c 1 -W 0.3 "$(addr podB1 4)"
	pings podA1 podB1 4 1
	pings podA1 podA2 6 1
	ctl nodeA -j pod | jq -e '[.. | strings] | index("10.1.0.1")'
}

topology shunt podA1 podA2 podB1
cage
t "works" works
t "commands of netlink" unchanged commands
t "devices" unchanged links
t "counters of others" unchanged counters
for family in 4 6; do
	t "v$family addresses of others" unchanged spoofs $family
done
t "its own device" own_device
t "packets larger than the uplink's" large_packets
t "deletes itself" deletes_itself
finish
