#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Lists of plugins as a runtime runs them, by the runtime without containers
# that stands beside this: alone, in front of others and behind another, CHECK
# and GC included, which Debian's runtimes never ask for. Needs
#
#   selftests/run -t runtimes/cnitool
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck disable=SC2016 # variables of jq
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# The pod's netns is the runtime's to make and to remove.
rt_run() { # NODE NAME COMMAND...
	POD=$2
	ns_add "$2"
	add "$1" "$2" >"$TMP/$1/said"
	bg "$2" chroot "$ROOT" "${@:3}"
	await 10 runs_in "$2"
}

# Else whoever removes the netns next would not find it, and it the netns.
runs_in() { # POD
	[[ $(ip netns pids "$(ns "$1")") ]]
}

rt_addresses() { # NODE POD
	jq -r '.ips[].address | sub("/.*"; "")' "$TMP/$1/said"
}

rt_exec() { # NODE POD COMMAND...
	on "$2" chroot "$ROOT" "${@:3}"
}

rt_remove() { # NODE POD
	del "$1" "$2"
	ns_del "$(ns "$2")"
}

rt_list() { # NODE
	local file
	for file in "$TMP/$1"/kept/*; do
		[[ ! -e $file ]] || jq -r '"\(.container)/\(.ifname)"' "$file"
	done
}

rt_reset() {
	ns_del "$(ns client)" "$(ns server)" "$(ns other)"
	rm -rf "$TMP"/node?/kept
}

add() { # NODE POD
	CNI_CONTAINERID=$2 tool "$1" add pods "/run/netns/$(ns "$2")"
}

check() { # NODE POD
	CNI_CONTAINERID=$2 tool "$1" check pods "/run/netns/$(ns "$2")"
}

del() { # NODE POD
	CNI_CONTAINERID=$2 tool "$1" del pods "/run/netns/$(ns "$2")"
}

# Change the list of a node by a filter of jq, for this test.
list() { # NODE JQ-ARG... FILTER
	local file=$TMP/$1/net.d/10-pods.conflist
	jq "${@:2}" "$file" >"$TMP/list"
	cp "$TMP/list" "$file"
}

# What tests set up, and what they leave.
begin() {
	at_end 'tidy; configure nodeA 1; ns_del "$(ns other)"'
}

### Lists

checked() {
	begin
	tool nodeA status pods
	rt_run nodeA client sleep 100000
	check nodeA client
	ipn client address del 10.1.0.2/32 dev eth0 2>/dev/null ||
		ipn client address flush dev eth0
	not check nodeA client
	rt_remove nodeA client
	nothing_left
	# Twice, and with nothing kept.
	del nodeA client
}

# Others behind it: their part is done, and undone.
in_front() {
	begin
	list nodeA '.plugins |= [.[0] + {capabilities: {mac: true}},
		{type: "portmap", capabilities: {portMappings: true}},
		{type: "tuning", sysctl:
			{"net.ipv4.conf.eth0.log_martians": "1"}}]'
	CAP_ARGS='{"mac": "02:00:00:00:77:01", "portMappings": [{"hostPort":
		8080, "containerPort": 80, "protocol": "tcp"}], "bandwidth":
		{}}' rt_run nodeA server httpd -f -h /www
	jq -e '.interfaces[0].mac == "02:00:00:00:77:01"' "$TMP/nodeA/said"
	[[ $(on server cat /sys/class/net/eth0/address) = 02:00:00:00:77:01 ]]
	[[ $(on server cat /proc/sys/net/ipv4/conf/eth0/log_martians) = 1 ]]
	check nodeA server
	await 10 listens server 80
	[[ $(on nodeB curl -sS --max-time 20 http://192.168.9.1:8080/numbers |
		md5sum) = "$SUM" ]]
	rt_remove nodeA server
	nothing_left
	not on nodeB curl -sS --max-time 5 http://192.168.9.1:8080/numbers
}

# bridge makes the pair, and takes its part away again.
bridged() { # accelerate|replace
	begin
	list nodeA --arg mode "$1" '.plugins = [{type: "bridge", bridge: "cni0",
		isGateway: true, ipam: (.plugins[0].ipam + {routes: [
			{dst: "0.0.0.0/0"}, {dst: "::/0"}]})},
		(.plugins[0] | del(.ipam) + {mode: $mode})]'
	on nodeA sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	talk_checked "$1"
	ipn nodeA link del cni0
}

# As "talk", and with CHECK where both plugins find what they have made.
talk_checked() { # accelerate|replace
	rt_run nodeA client sleep 100000
	[[ $1 = replace ]] || check nodeA client
	[[ $1 = accelerate ]] || ipn client -d link show eth0 | grep -w shunt
	rt_run nodeB server httpd -f -h /www
	mapfile -t to < <(rt_addresses nodeB server)
	await 20 on client ping -q -c 1 -W 1 "${to[0]}"
	await 20 on client ping -q -c 1 -W 1 "${to[1]}"
	snap nodeA
	rt_exec nodeA client sh -c "SUM='$SUM'; $TALK" - "${to[@]}"
	expect nodeA tx_direct=20.. rx_direct=40.. punt_options=0.. \
		drop_nd=0.. others=0
	rt_remove nodeA client
	rt_remove nodeB server
	nothing_left
}

# A plugin behind it fails: the runtime takes all back.
later_fails() {
	begin
	list nodeA '.plugins += [{type: "tuning", sysctl:
		{"net.ipv4.conf.IFNAME.none": "1"}}]'
	ns_add client
	not add nodeA client
	del nodeA client
	ns_del "$(ns client)"
	nothing_left
}

### Killed

killed_in_add() { # POINT
	begin
	ns_add client
	hold "$1"
	doomed add nodeA client &
	kill_at "$1"
	collect nodeA
	nothing_left
	ns_del "$(ns client)"
}

killed_in_del() { # POINT
	begin
	rt_run nodeA client sleep 100000
	hold "$1"
	doomed del nodeA client &
	kill_at "$1"
	rt_remove nodeA client
	nothing_left
}

plugin_goes_on() {
	begin
	ns_add client
	hold ADD-host-local-after
	doomed add nodeA client &
	kill_runtime_at ADD-host-local-after
	ns_del "$(ns client)"
	nothing_left
}

netns_first() {
	begin
	rt_run nodeA client sleep 100000
	ns_del "$(ns client)"
	await 10 no_pods
	del nodeA client
	nothing_left
}

### GC

# The runtime has forgotten one of two; the one that it knows goes on working.
collected() {
	begin
	rt_run nodeA client sleep 100000
	rt_run nodeA other sleep 100000
	rm "$TMP/nodeA/kept/pods-other-eth0"
	collect nodeA
	[[ $(ctl nodeA -j pod | jq length) = 1 ]]
	[[ $(grep -l other "$TMP"/nodeA/leases/pods/*) = '' ]]
	on client ping -q -c 1 -w 20 192.168.9.2
	check nodeA client
	tool nodeA gc pods
	nothing_left
	ns_del "$(ns client)" "$(ns other)"
}

two_nodes
make_image
t "two nodes talk" talk
t "CHECK" checked
t "in front of portmap and tuning" in_front
t "behind bridge" bridged accelerate
t "in the place of bridge's" bridged replace
t "a plugin behind it fails" later_fails
t "killed in ADD, without an address" killed_in_add ADD-host-local-before
t "killed in ADD, with an address" killed_in_add ADD-host-local-after
t "killed in ADD, with a device" killed_in_add ADD-hold-before
t "killed in DEL, with a device" killed_in_del DEL-hold-before
t "killed in DEL, with an address" killed_in_del DEL-host-local-before
t "killed, and the plugin goes on" plugin_goes_on
t "the network namespace goes first" netns_first
t "GC" collected
umount $KEPT
finish
