#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The CNI plugin alone, with the reference plugin for addresses: each verb, each
# version, and that nothing stays behind, whatever fails or goes first. Needs
# root and the module, so:
#
#   selftests/vm/run -- userspace/tests/cni.sh
#
# shellcheck disable=SC2119,SC2120,SC2317 # functions are called by their names
# shellcheck disable=SC2016 # variables of jq
# shellcheck source=SCRIPTDIR/../../selftests/lib.sh
. "$(dirname "$(readlink -f "$0")")/../../selftests/lib.sh"

# With the address sanitizer, made by "make -C userspace test-san".
readonly SANITIZED=$TOP/out/build/user-san/bin/shunt
readonly HOST_LOCAL=${SHUNT_PACKAGES-}/containernetworking-plugins/usr/lib/cni

tidy() {
	ns_del "$(ns blue)" "$(ns green)" "$(ns nodeA)" "$(ns nodeB)"
	rm -rf "$TMP"/{plugins,leases}
}

# A node with a NIC and a default route, another node behind it, and namespaces
# for pods.
fresh() {
	load_module
	at_end tidy
	local name
	for name in nodeA nodeB blue green; do
		ns_add "$name"
	done
	wire 0
	ipn nodeA route add default via 192.168.9.2
	ipn nodeA route add default via fd09::2
	ipn nodeB route add 10.1.0.0/24 via 192.168.9.1
	ipn nodeB route add fd01::/64 via fd09::1
	mkdir -p "$TMP/plugins" "$TMP/leases"
	ln -s "${PLUGIN-$TOP/out/bin/shunt}" "$TMP/plugins/shunt"
	ln -s "$HOST_LOCAL/host-local" "$TMP/plugins/host-local"
	VERSION=1.0.0
}

# The network configuration as runtimes make it of a list, changed by a filter
# of jq.
config() { # [FILTER | JQ-ARG...]
	jq --arg version "$VERSION" --arg dir "$TMP/leases" '.plugins[0] +
		{cniVersion: $version, name: .name} | .ipam.dataDir = $dir' \
		"$TOP/userspace/cni/examples/10-shunt.conflist" |
		jq "${1:-.}" "${@:2}"
}

# Run the plugin on nodeA with the configuration on standard input; what it
# prints goes to $TMP/said.
cni() { # VERB CONTAINER NETNS [IFNAME]
	local netns=$3
	[[ ! $netns || $netns = /* ]] || netns=/run/netns/$(ns "$netns")
	on nodeA env CNI_COMMAND="$1" CNI_CONTAINERID="$2" \
		CNI_NETNS="$netns" CNI_IFNAME="${4-eth0}" \
		CNI_PATH="/nowhere:$TMP/plugins" CNI_ARGS="IgnoreUnknown=1;K8S=x" \
		"$TMP/plugins/shunt" >"$TMP/said" 2>"$TMP/log"
}

add() { # CONTAINER NETNS [IFNAME [FILTER]]
	config "${4-.}" | cni ADD "$1" "$2" "${3-eth0}"
}

del() { # CONTAINER NETNS [IFNAME]
	config | cni DEL "$1" "$2" "${3-eth0}"
}

said() { # FILTER [ARG...]
	jq -e "$@" "$TMP/said"
}

# Refused with CODE and a message that matches REGEX.
refused() { # CODE REGEX COMMAND...
	local code=$1 regex=$2
	shift 2
	not "$@"
	cat "$TMP/said"
	said --argjson code "$code" --arg regex "$regex" \
		'.code == $code and (.msg | test($regex))
			and (.cniVersion | type == "string")'
}

# All that attachments could leave.
state() {
	ipn nodeA route show proto 115
	ipn nodeA -6 route show proto 115
	ipn blue -brief address
	ctl nodeA -j pod 2>/dev/null
	find "$TMP/leases" -type f ! -name 'last_reserved*' ! -name lock
}

nothing_left() {
	local left
	left=$(ipn nodeA route show proto 115
		ipn nodeA -6 route show proto 115
		find "$TMP/leases" -type f ! -name 'last_reserved*' ! -name lock)
	[[ ! $left ]] || fail "left: $left"
	[[ ! $(ipn nodeA link show type shunt) ]] || no_pods
}

### ADD

# On a node where nothing has been made.
add_first() {
	fresh
	on nodeA sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	add one blue
	cat "$TMP/said"
	said '.cniVersion == "1.0.0"'
	said --arg ns "/run/netns/$(ns blue)" '.interfaces == [{name: "eth0",
		sandbox: $ns, mac: .interfaces[0].mac}]'
	said --arg mac "$(on blue cat /sys/class/net/eth0/address)" \
		'.interfaces[0].mac == $mac'
	said '.ips == [
		{address: "10.1.0.2/32", gateway: "169.254.1.1", interface: 0},
		{address: "fd01::2/128", gateway: "fe80::1", interface: 0}]'
	said '.routes == [{dst: "0.0.0.0/0", gw: "169.254.1.1"},
		{dst: "::/0", gw: "fe80::1"}]'
	said '.dns == {}'
	[[ ! -s $TMP/log ]]
	[[ $(ctl nodeA -j uplink | jq -r '.[].name') = nic0 ]]
	[[ $(on nodeA cat /proc/sys/net/ipv4/ip_forward) = 1 ]]
	[[ $(on nodeA cat /proc/sys/net/ipv6/conf/all/forwarding) = 1 ]]
	await 5 on blue ping -q -c 1 -W 1 192.168.9.2
	await 5 on blue ping -q -c 1 -W 1 fd09::2
	snap nodeA
	on blue ping -q -c 3 -i 0.01 -W 3 192.168.9.2
	on blue ping -q -c 3 -i 0.01 -W 3 fd09::2
	expect nodeA tx_direct=6 rx_direct=6 others=0
	del one blue
	[[ ! -s $TMP/said ]]
	nothing_left
}

# Versions differ in how a result is written.
versions() {
	fresh
	for VERSION in 0.3.1 0.4.0 1.0.0; do
		add one blue
		said --arg version "$VERSION" '.cniVersion == $version'
		case $VERSION in
		0*) said '[.ips[].version] == ["4", "6"]' ;;
		*) said '[.ips[] | has("version")] | any | not' ;;
		esac
		del one blue
	done
	# The plugin for addresses does not know this one.
	VERSION=1.1.0
	refused 1 host-local add one blue
	nothing_left
	VERSION=0.2.0
	refused 1 '0.2.0' add one blue
	cni VERSION x ''
	said '.supportedVersions == ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]'
}

# What the configuration can say.
configured() {
	fresh
	add one blue eth0 '.mtu = 1400 | .node = "pods0" | .uplinks = ["nic0"] |
		.runtimeConfig.mac = "02:00:00:00:77:01" | .unknown = {a: 1} |
		.mac = "02:00:00:00:77:02" | .dns.nameservers = ["10.0.0.53"] |
		.direct = ["10.0.0.0/8"] | .stack = ["0.0.0.0/0", "fd66::/16"] |
		.ipam.routes = [{dst: "10.0.0.0/8"}, {dst: "fd00::/8"}]'
	cat "$TMP/said"
	said '.interfaces[0].mac == "02:00:00:00:77:01" and
		.dns.nameservers == ["10.0.0.53"]'
	said '.routes == [{dst: "10.0.0.0/8", gw: "169.254.1.1"},
		{dst: "fd00::/8", gw: "fe80::1"}]'
	[[ $(on blue cat /sys/class/net/eth0/mtu) = 1400 ]]
	[[ $(ipn blue -j route | jq -r '[.[].dst] | sort | join(" ")') = \
		10.0.0.0/8 ]]
	ipn blue -6 route | grep '^fd00::/8 via fe80::1'
	ipn nodeA link show pods0
	[[ $(ctl nodeA -j path | jq -r '.[] | "\(.address)/\(.length) \(.action)"' |
		tr '\n' ,) = \
		"0.0.0.0/0 stack,10.0.0.0/8 direct,fd66::/16 stack," ]]
	del one blue
	nothing_left
}

# Two networks of one pod, by two devices.
two_devices() {
	fresh
	add one blue eth0
	add one blue net1 '.name = "net2" | .ipam.ranges = [[{subnet:
		"10.7.0.0/24"}]] | .ipam.routes = [{dst: "10.8.0.0/16"}]'
	[[ $(ipn blue -j route show default | jq length) = 1 ]]
	ipn blue route show 10.8.0.0/16 | grep net1
	config '.name = "net2"' | cni DEL one blue net1
	on blue ping -q -c 1 -W 3 192.168.9.1
	del one blue
	nothing_left
}

### Refusals: nothing is done

# What is wrong without looking at the node, tests/cni has.
bad_netns() {
	fresh
	refused 3 'no such' add one /run/netns/none
	refused 8 'not a network namespace' add one /etc/passwd
	refused 8 "node's own" add one nodeA
	refused 7 'no such plugin' add one blue eth0 '.ipam.type = "none"'
	nothing_left
}

# Each leaves things as they are.
refusals() {
	fresh
	add one blue
	before=$(state)
	refused 100 'there is a device eth0 already' add two blue
	[[ $(state) = "$before" ]]
	# An address that the node has.
	refused 100 . add two green eth0 '.ipam.ranges = [[{subnet:
		"192.168.9.0/30", rangeStart: "192.168.9.1",
		gateway: "192.168.9.2"}]]'
	[[ $(state) = "$before" ]]
	# No address is left.
	refused 999 'host-local: ' add two green eth0 '.ipam.ranges = [[{subnet:
		"10.9.0.0/30", rangeStart: "10.9.0.1", rangeEnd: "10.9.0.1"}]]'
	refused 100 'no such device' add two green eth0 '.uplinks = ["nic7"]'
	refused 100 'not a node device' add two green eth0 '.node = "nic0"'
	[[ $(state) = "$before" ]]
	refused 2 prevResult add two green eth0 '.prevResult = {}'
	del one blue
	nothing_left
}

### DEL

# Reference: "DEL is idempotent", "netns is gone".
del_twice() {
	fresh
	add one blue
	del one blue
	del one blue
	del never blue
	del one ''
	add one blue
	cp "$TMP/said" "$TMP/result"
	# The kernel has hardly begun to end it.
	ns_del "$(ns blue)"
	config --slurpfile prev "$TMP/result" '.prevResult = $prev[0]' |
		cni DEL one blue
	no_pods
	nothing_left
	# Nor does it need that.
	ns_add blue
	add one blue
	ns_del "$(ns blue)"
	await 10 no_pods
	del one blue
	nothing_left
}

no_pods() { [[ $(ctl nodeA -j pod) = '[]' ]]; }

del_without_module() {
	fresh
	add one blue
	ipn nodeA link del shunt0
	rmmod shunt
	del one blue
	[[ ! $(find "$TMP/leases" -type f ! -name 'last_reserved*' \
		! -name lock) ]]
}

# Somebody else's device of this name stays.
del_foreign() {
	fresh
	add one green
	ipn blue link add eth0 type dummy
	del two blue
	ipn blue link del eth0
	del one green
	nothing_left
	# Another network's: the runtime cleans up after its own failed ADD.
	add one blue
	before=$(state)
	refused 100 'there is a device' add one blue eth0 '.name = "net2"'
	config '.name = "net2"' | cni DEL one blue
	[[ $(state) = "$before" ]]
	# The name of the namespace is gone, but not the namespace.
	bg blue sleep 1000
	ip netns del "$(ns blue)"
	del one blue
	nothing_left
}

### CHECK

check_changed() {
	fresh
	add one blue
	cp "$TMP/said" "$TMP/result"
	check
	# What later plugins add does not matter.
	ipn blue address add 10.77.0.1/32 dev eth0
	ipn blue link set eth0 mtu 1400
	ipn blue route add 10.78.0.0/16 via 169.254.1.1 dev eth0 onlink
	check
	ipn blue address del 10.1.0.2/32 dev eth0
	refused 101 'no address 10.1.0.2/32' check
	ipn blue address add 10.1.0.2/32 dev eth0
	check
	ipn blue link set eth0 down
	refused 101 'is down' check
	ipn blue link set eth0 up
	ipn blue address replace fd01::2/128 dev eth0 nodad
	refused 101 'no route to 0.0.0.0/0' check
	ipn blue route add default via 169.254.1.1 dev eth0 onlink
	refused 101 'no route to ::/0' check
	ipn blue route add default via fe80::1 dev eth0 onlink table 77
	check
	refused 101 'hardware address' check \
		'.interfaces[0].mac = "02:00:00:00:77:01"'
	ctl nodeA uplink del nic0
	refused 101 uplink check
	ctl nodeA uplink add nic0
	ipn blue link del eth0
	refused 101 'eth0' check
	config | refused 7 prevResult cni CHECK one blue
	del one blue
	nothing_left
}

check() { # [FILTER]: of the result
	config --slurpfile prev "$TMP/result" ".prevResult = (\$prev[0] |
		${1:-.})" |
		cni CHECK one blue || { cat "$TMP/said"; return 1; }
}

### STATUS and GC

status() {
	fresh
	config | cni STATUS '' '' ''
	[[ ! -s $TMP/said ]]
	config '.ipam.type = "none"' >"$TMP/config"
	refused 50 'no such plugin' cni STATUS '' '' '' <"$TMP/config"
	ipn nodeA route del default
	ipn nodeA -6 route del default
	config >"$TMP/config"
	refused 50 'default route' cni STATUS '' '' '' <"$TMP/config"
	config '.uplinks = ["nic7"]' >"$TMP/config"
	refused 50 nic7 cni STATUS '' '' '' <"$TMP/config"
	config >"$TMP/config"
	rmmod shunt
	refused 50 modprobe cni STATUS '' '' '' <"$TMP/config"
}

# The runtime's list is what counts, for this network alone.
garbage() {
	fresh
	add one blue
	add two green
	add two green net1 '.name = "net2" | .ipam.ranges = [[{subnet:
		"10.7.0.0/24"}]] | .ipam.routes = [{dst: "10.8.0.0/16"}]'
	config '."cni.dev/valid-attachments" = [
		{containerID: "one", ifname: "eth0"},
		{containerID: "two", ifname: "net1"}]' | cni GC '' '' ''
	[[ $(ctl nodeA -j pod | jq -r '[.[] | .name] | sort | join(" ")') = \
		"eth0 net1" ]]
	on blue ping -q -c 1 -W 3 192.168.9.1
	config '."cni.dev/valid-attachments" = null' | cni GC '' '' ''
	[[ $(ctl nodeA -j pod | jq -r '.[].name') = net1 ]]
	config >"$TMP/config"
	refused 7 valid-attachments cni GC '' '' '' <"$TMP/config"
}

### Many at once

# From nothing: one makes what all need.
burst() {
	local n
	fresh
	for n in {1..20}; do
		(ns_add "many$n") || return
	done
	at_end 'for n in {1..20}; do ns_del "$(ns "many$n")"; done; tidy'
	for n in {1..20}; do
		(
			config | on nodeA env CNI_COMMAND=ADD \
				CNI_CONTAINERID="c$n" CNI_IFNAME=eth0 \
				CNI_NETNS="/run/netns/$(ns "many$n")" \
				CNI_PATH="$TMP/plugins" \
				"$TMP/plugins/shunt" >"$TMP/said.$n" 2>&1
		) &
	done
	wait
	[[ $(cat "$TMP"/said.* | jq -r '.ips[0].address' | sort -u | wc -l) = 20 ]]
	[[ $(ctl nodeA -j pod | jq length) = 20 ]]
	[[ $(ctl nodeA -j uplink | jq length) = 1 ]]
	for n in {1..20}; do
		(config | cni_quiet DEL "c$n" "many$n") &
	done
	wait
	nothing_left
}

cni_quiet() { # VERB CONTAINER NETNS
	on nodeA env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_IFNAME=eth0 \
		CNI_NETNS="/run/netns/$(ns "$3")" CNI_PATH="$TMP/plugins" \
		"$TMP/plugins/shunt"
}

### Behind another plugin

# An entry of the list, as runtimes hand it over.
entry() { # NUMBER [FILTER | JQ-ARG...]
	jq --argjson n "$1" '.plugins[$n] + {cniVersion: .cniVersion,
		name: .name}' \
		"$TOP/userspace/cni/examples/11-bridge-shunt.conflist" |
		jq "${@:2}"
}

# Run the plugin before, the list's or another reference plugin.
first() { # ptp|bridge VERB CONTAINER NETNS
	entry 0 --arg type "$1" --arg dir "$TMP/leases" \
		'.type = $type | .ipam.dataDir = $dir' |
		on nodeA env CNI_COMMAND="$2" CNI_CONTAINERID="$3" \
			CNI_NETNS="/run/netns/$(ns "$4")" CNI_IFNAME=eth0 \
			CNI_PATH="$HOST_LOCAL" "$HOST_LOCAL/$1" >"$TMP/first"
}

# With that one's result, changed by a filter of jq.
chained() { # VERB CONTAINER NETNS [FILTER]
	entry 1 --slurpfile prev "$TMP/first" \
		".prevResult = \$prev[0] | ${4:-.}" | cni "$1" "$2" "$3"
}

reaches() { # EXPECTED...
	await 10 on blue ping -q -c 1 -W 1 192.168.9.2
	await 10 on blue ping -q -c 1 -W 1 fd09::2
	snap nodeA
	on blue ping -q -c 3 -i 0.01 -W 3 192.168.9.2
	on blue ping -q -c 3 -i 0.01 -W 3 fd09::2
	expect nodeA "$@"
}

behind() { # ptp|bridge
	fresh
	first "$1" ADD one blue
	# What others keep in the result is passed on as it is.
	jq '.interfaces += [{name: "dummy5", sandbox: "5", mac: "0"}]' \
		"$TMP/first" >"$TMP/result"
	cp "$TMP/result" "$TMP/first"
	chained ADD one blue || { cat "$TMP/said"; return 1; }
	diff <(jq -S . "$TMP/first") <(jq -S . "$TMP/said")
	reaches tx_direct=6 rx_direct=6 others=0
	refused 100 'already' chained ADD one blue
	chained CHECK one blue
	ctl nodeA pod del "$(ns blue)"
	refused 101 'does not know' chained CHECK one blue
	chained ADD one blue
	chained DEL one blue
	[[ ! -s $TMP/said ]]
	no_pods
	reaches tx_direct=0 rx_direct=0
	chained DEL one blue
	chained ADD one blue
	# The other plugin's DEL first, as when it comes without ours.
	cp "$TMP/first" "$TMP/kept"
	first "$1" DEL one blue
	no_pods
	cp "$TMP/kept" "$TMP/first"
	chained DEL one blue
}

calico() {
	fresh
	first ptp ADD one blue
	refused 2 ignorePolicy chained ADD one blue \
		'.prevResult.interfaces[0].mac = "ee:ee:ee:ee:ee:ee"'
	[[ ! $(ipn nodeA link show type shunt) ]]
	refused 2 ignorePolicy chained ADD one blue \
		'.prevResult.interfaces[0].name = "cali12345"'
	chained ADD one blue '.prevResult.interfaces[0].name = "cali12345" |
		.ignorePolicy = true'
	reaches tx_direct=6 rx_direct=6 others=0
	refused 7 'no address of eth0' chained ADD one blue \
		'.prevResult.ips = []'
}

### Again, with the address sanitizer

sanitized() { # TEST
	local PLUGIN=$SANITIZED
	[[ -x $PLUGIN ]] || skip "make -C userspace test-san has not built it"
	"$1"
}

use shunt
[[ -x $HOST_LOCAL/host-local ]] || bail "no host-local in $HOST_LOCAL"
t "ADD, and all that is missing is made" add_first
t "versions" versions
t "configuration" configured
t "two devices" two_devices
t "no network namespace, no plugin" bad_netns
t "refusals leave nothing" refusals
t "DEL twice, and when the pod has gone" del_twice
t "DEL without the module" del_without_module
t "DEL leaves what is not ours" del_foreign
t "CHECK" check_changed
t "STATUS" status
t "GC" garbage
t "twenty at once" burst
t "behind ptp" behind ptp
t "behind bridge" behind bridge
t "behind Calico" calico
for what in refusals check_changed garbage calico; do
	t "sanitized: ${what//_/ }" sanitized $what
done
finish
