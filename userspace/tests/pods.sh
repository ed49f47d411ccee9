#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What shuntctl does to a node and its pods, and that it leaves nothing behind
# when it is refused. Needs root and the module, so:
#
#   selftests/vm/run -- userspace/tests/pods.sh
#
# shellcheck disable=SC2119,SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/../../selftests/lib.sh
. "$(dirname "$(readlink -f "$0")")/../../selftests/lib.sh"

# A node with an uplink, and two namespaces for pods.
fresh() {
	trap 'set +e; ns_del "$(ns blue)" "$(ns green)" "$(ns node)"
		end_jobs' EXIT
	ns_add node
	ns_add blue
	ns_add green
	blue=$(ns blue) green=$(ns green)
	ipn node link add up0 type dummy
	ipn node address add 192.168.1.1/24 dev up0
	ipn node address add fd09::1/64 dev up0 nodad
	ipn node link set up0 up
	[[ ${1-} = bare ]] || ipn node link add shunt0 type shunt
}

# One line that matches REGEX, exit status 1.
refused() { # REGEX SHUNTCTL-ARG...
	local want=$1 status=0
	shift
	ctl node "$@" >"$TMP/said" 2>&1 || status=$?
	cat "$TMP/said"
	[[ $status -eq 1 && $(wc -l <"$TMP/said") -eq 1 ]]
	grep -qE "^shuntctl: $want" "$TMP/said"
}

routes() {
	ipn node route show proto 115
	ipn node -6 route show proto 115
}

# All that a pod could leave behind.
state() {
	routes
	ipn blue -brief address
	ipn blue link | grep -o '^[0-9]*: [a-z0-9@]*' | grep -v ': lo'
	ctl node -j pod
	return 0
}

no_node() {
	fresh bare
	refused 'there is no node device here, make one: ip link add' \
		pod add "$blue" ip 10.3.0.1
	refused 'shunt7: there is no such device, make it: ip link add shunt7' \
		pod add "$blue" ip 10.3.0.1 node shunt7
	refused 'up0: .*no node device' uplink add up0
	refused '.*no node device' uplink
	refused '.*no node device' pod
	refused '.*no node device' pod del "$blue"
	refused '.*no node device' stats
}

node_name() {
	fresh
	refused 'up0: not a node device' pod add "$blue" ip 10.3.0.1 node up0
	ctl node pod add "$blue" ip 10.3.0.1 node shunt0
}

unprivileged() {
	local words
	fresh
	for words in "pod add $blue ip 10.3.0.1" "pod del $blue" pod uplink \
		"uplink add up0" stats; do
		# shellcheck disable=SC2086 # words
		on node setpriv --reuid 65534 --clear-groups --inh-caps=-all \
			shuntctl $words >"$TMP/said" 2>&1 && exit 1
		cat "$TMP/said"
		[[ $(wc -l <"$TMP/said") -eq 1 ]]
		grep -q 'needs CAP_NET_ADMIN' "$TMP/said"
	done
}

uplinks() {
	fresh
	[[ ! $(ctl node uplink) && $(ctl node -j uplink) = '[]' ]]
	on node sysctl -qw net.ipv4.ip_forward=0
	ctl node uplink add up0 2>"$TMP/said"
	cat "$TMP/said"
	grep -q '^shuntctl: warning: .*net.ipv4.ip_forward=1$' "$TMP/said"
	ctl node uplink | grep -qx 'up0 *1500'
	ctl node -j uplink show up0 | jq -e '.[0] | .name == "up0" and
		.mtu == 1500 and .ifindex > 1 and .node > 1'
	refused 'up0: .*already' uplink add up0
	refused 'up7: there is no such device' uplink add up7
	refused 'lo: ' uplink add lo
	refused 'lo: ' uplink show lo
	ctl node uplink del up0
	refused 'up0: ' uplink del up0
	on node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ctl node uplink add up0 2>"$TMP/said"
	[[ ! -s $TMP/said ]]
}

# From either family to both.
families() {
	fresh
	ctl node pod add "$blue" ip 10.3.0.1
	 ipn node -6 address show dev shunt0 | grep 'fe80::1/64' && exit 1
	 ipn blue -6 route | grep default && exit 1
	ctl node pod add "$green" ip fd03::1 ip fd03::2
	ipn node -6 address show dev shunt0 | grep 'fe80::1/64.*nodad'
	 ipn green -4 route | grep default && exit 1
	ipn green -4 address show dev eth0 | grep inet && exit 1
	on node ping -q -c 1 -W 3 10.3.0.1
	on node ping -q -c 1 -W 3 fd03::1
	on node ping -q -c 1 -W 3 fd03::2
	ctl node -j pod show "$green" |
		jq -e '.[0].address | sort == ["fd03::1", "fd03::2"]'
}

# A real address of the node, not that of the node device.
source_address() {
	fresh
	ctl node pod add "$blue" ip 10.3.0.1 ip fd03::1
	ipn node route get 10.3.0.1 | grep 'src 192.168.1.1 '
	ipn node -6 route get fd03::1 | grep 'src fd09::1 '
	# Nor with an aggregate.
	ctl node pod del "$blue"
	[[ ! $(routes) ]]
	ipn node route add 10.3.0.0/24 via 169.254.1.2 dev shunt0 onlink
	ipn node -6 route add fd03::/64 via fe80::2 dev shunt0 onlink
	ctl node pod add "$blue" ip 10.3.0.1 ip fd03::1
	[[ ! $(routes) ]]
	ipn node route get 10.3.0.1 | grep 'src 192.168.1.1 '
	ipn node -6 route get fd03::1 | grep 'src fd09::1 '
}

# Twice the same in a row, as after a restart of whoever calls.
again() {
	local before after
	fresh
	ctl node pod add "$blue" ip 10.3.0.1 ip fd03::1
	before=$(routes; ipn node address show dev shunt0)
	ctl node pod del "$blue"
	[[ ! $(routes) ]]
	ctl node pod add "$blue" ip 10.3.0.1 ip fd03::1
	after=$(routes; ipn node address show dev shunt0)
	[[ $before = "$after" ]]
	# What somebody flushed comes back.
	ipn node address flush dev shunt0
	ipn node link set shunt0 down
	ctl node pod add "$green" ip 10.3.0.2 ip fd03::2
	ipn node address show dev shunt0 | tee "$TMP/show"
	grep -q '169.254.1.1/32 scope link' "$TMP/show"
	grep -q 'fe80::1/64' "$TMP/show"
	on node ping -q -c 1 -W 3 10.3.0.2
}

no_pods() { [[ $(ctl node -j pod) = "[]" ]]; }

# The netns is gone, and the route of its pod left behind.
leftover() {
	fresh
	ctl node pod add "$blue" ip 10.3.0.1 ip fd03::1 mtu 1400
	ns_del "$blue"
	await 10 no_pods
	routes | grep 'mtu 1400'
	refused ".*no such network namespace" pod del "$blue"
	ctl node pod add "$green" ip 10.3.0.1 ip fd03::1
	 routes | grep 'mtu 1400' && exit 1
	[[ $(routes | wc -l) -eq 2 ]]
	on node ping -q -c 1 -W 3 10.3.0.1
}

smaller_mtu() {
	fresh
	ctl node uplink add up0 2>/dev/null
	ctl node pod add "$blue" ip 10.3.0.1 ip fd03::1 mtu 1400
	[[ $(routes | grep -c 'mtu 1400') -eq 2 ]]
	[[ $(on blue cat /sys/class/net/eth0/mtu) -eq 1400 ]]
	# The size of an echo request that does not fit is told.
	on node ping -c 1 -W 3 -M "do" -s 1400 10.3.0.1 >"$TMP/said" 2>&1 ||
		cat "$TMP/said"
	grep -i "too long.*1400" "$TMP/said"
	# Even where an aggregate leads to the pod.
	ipn node route add 10.3.0.0/24 via 169.254.1.2 dev shunt0 onlink
	ctl node pod add "$green" ip 10.3.0.2 mtu 1300
	routes | grep '10.3.0.2.*mtu 1300'
	ctl node pod del "$blue"
	ctl node pod del "$green"
	[[ ! $(routes) ]]
}

refusals() {
	fresh
	ctl node pod add "$green" ip 10.3.0.2 ip fd03::2
	unchanged refused '.*address in use' pod add "$blue" ip 10.3.0.2
	unchanged refused '.*address in use' \
		pod add "$blue" ip 10.3.0.1 ip fd03::2
	unchanged refused 'fd03::1: given twice' \
		pod add "$blue" ip fd03::1 ip fd03:0::1
	unchanged refused "$green: there is a device eth0 already" \
		pod add "$green" ip 10.3.0.3
	unchanged refused '.*not a name for a device' \
		pod add "$blue" ip 10.3.0.1 dev a/b
	unchanged refused 'mtu 1279: IPv6 needs' \
		pod add "$blue" ip fd03::1 mtu 1279
	unchanged refused '.*mtu' pod add "$blue" ip 10.3.0.1 mtu 100000
	unchanged refused '.*own network namespace' \
		pod add "$(ns node)" ip 10.3.0.1
	unchanged refused "$blue: no pod device" pod del "$blue"
	unchanged refused "$blue: there is no device eth5" \
		pod del "$blue" dev eth5
	unchanged refused "$blue: no pod device of this node there" \
		pod del "$blue" dev lo
}

# Routes that the node has for the address already.
route_conflicts() {
	fresh
	unchanged refused '192.168.1.1: an address of the node' \
		pod add "$blue" ip 192.168.1.1
	unchanged refused 'fd09::1: an address of the node' \
		pod add "$blue" ip fd09::1
	ipn node route add 10.3.0.1/32 dev up0
	unchanged refused 'the node has another route' \
		pod add "$blue" ip 10.3.0.1 ip fd03::1
	ipn node -6 route add fd03::1/128 dev up0
	unchanged refused 'the node has another route' \
		pod add "$blue" ip 10.3.0.3 ip fd03::1
	# They are still there, and nobody else's.
	ipn node route | grep '10.3.0.1 dev up0'
	ipn node -6 route | grep 'fd03::1 dev up0'
	# Of a pool that is not to leak, and of unreachable ones.
	ipn node route add blackhole 10.4.0.0/24
	ipn node -6 route add unreachable fd04::/64
	ctl node pod add "$blue" ip 10.4.0.1 ip fd04::1
	[[ $(routes | wc -l) -eq 2 ]]
	on node ping -q -c 1 -W 3 10.4.0.1
	on node ping -q -c 1 -W 3 fd04::1
}

# After the device was made: nothing of it may stay.
undone() {
	fresh
	on blue sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	unchanged refused "$blue: IPv6 is disabled there" \
		pod add "$blue" ip 10.3.0.1 ip fd03::1
	ctl node pod add "$blue" ip 10.3.0.1
	on node sysctl -qw net.ipv6.conf.shunt0.disable_ipv6=1
	unchanged refused 'shunt0: IPv6 is disabled on the node' \
		pod add "$green" ip 10.3.0.2 ip fd03::2
	ctl node pod add "$green" ip 10.3.0.2
}

# Names of the node's own devices are no hindrance.
same_name() {
	fresh
	ipn node link add eth0 type dummy
	ctl node pod add "$blue" ip 10.3.0.1
	ipn blue link show dev eth0
}

several() {
	fresh
	ctl node pod add "$blue" ip 10.3.0.1
	# Its default route stays as it is.
	ctl node pod add "$blue" ip 10.3.0.2 dev eth1
	[[ $(ipn blue route | grep -c default) -eq 1 ]]
	ipn blue route | grep 'default.*eth0'
	refused "$blue: several" pod del "$blue"
	ctl node pod del "$blue" dev eth1
	[[ $(ctl node -j pod | jq -r '.[].name') = eth0 ]]
	routes | grep 10.3.0.1
	 routes | grep 10.3.0.2 && exit 1
	ctl node pod del "$blue"
}

is_running() { # PID PROGRAM
	[[ $(readlink "/proc/$1/exe") = */$2 ]]
}

# A path, a process, a name that only the id tells.
names() {
	local pid
	fresh
	bg green sleep 1000
	pid=$!
	await 10 is_running "$pid" sleep
	ctl node pod add "/proc/$pid/ns/net" ip 10.3.0.2
	ctl node pod add "/run/netns/$blue" ip 10.3.0.1
	ctl node pod >"$TMP/said"
	cat "$TMP/said"
	[[ $(wc -l <"$TMP/said") -eq 3 ]]
	grep -qE "^NETNS +DEV +ADDRESS +MAC +MTU$" "$TMP/said"
	grep -qE "^$blue +eth0 +10.3.0.1 +([0-9a-f]{2}:){5}[0-9a-f]{2} +1500$" \
		"$TMP/said"
	umount "/run/netns/$green"
	ctl node pod | grep -E '^netnsid [0-9]+ +eth0 +10.3.0.2 '
	ctl node -j pod show "/proc/$pid/ns/net" |
		jq -e 'length == 1 and (.[0] | has("netns") | not) and
			.[0].netnsid >= 0'
	[[ $(ctl node pod show "$blue" | wc -l) -eq 2 ]]
	ctl node pod del "/proc/$pid/ns/net"
	kill "$pid"
}

stats() {
	fresh
	ctl node pod add "$blue" ip 10.3.0.1
	on node ping -q -c 1 -W 3 10.3.0.1
	ctl node stats | tee "$TMP/said" | grep -qE '^rx_stack +[1-9][0-9]*$'
	 grep -qE ' 0$' "$TMP/said" && exit 1
	[[ $(ctl node -a stats | wc -l) -eq \
		$(ctl node -j stats | jq 'del(.node) | length') ]]
	ctl node -j stats | jq -e '.node > 0 and .rx_stack > 0 and
		has("route_evict") and (map(type) | unique) == ["number"]'
}

# Pods are started in bursts.
burst() {
	local i pid pids=()
	fresh
	for i in {1..20}; do
		ns_add "burst$i"
		ctl node pod add "$(ns "burst$i")" ip "10.3.1.$i" \
			ip "fd03::1:$i" 2>>"$TMP/said" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || { cat "$TMP/said"; exit 1; }
	done
	[[ $(ctl node -j pod | jq length) -eq 20 && $(routes | wc -l) -eq 40 ]]
	for i in {1..20}; do
		ctl node pod del "$(ns "burst$i")" &
		ctl node pod >/dev/null &
	done
	wait
	[[ $(ctl node -j pod) = '[]' && ! $(routes) ]]
	for i in {1..20}; do
		ns_del "$(ns "burst$i")"
	done
}


echo "KTAP version 1"
load_module
t "no node device" no_node
t "name of the node device" node_name
t "without privileges" unprivileged
t "uplinks" uplinks
t "each family alone" families
t "source address of the node" source_address
t "added again" again
t "routes left behind" leftover
t "MTU below the node's" smaller_mtu
t "refused, and nothing changed" refusals
t "other routes to the address" route_conflicts
t "undone" undone
t "a device of that name on the node" same_name
t "several devices" several
t "names of network namespaces" names
t "counters" stats
t "bursts" burst
finish
