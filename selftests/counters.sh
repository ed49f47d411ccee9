#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every counter is in each place that shows counters, and every one is moved
# by some test: here are those that no other script moves.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

# Cannot be moved from outside: memory runs out only in debug kernels that are
# told so.
readonly EXEMPT=drop_nomem

names() {
	awk '/^operations:/ { exit }
		/^    name: / { inside = $2 == "stats" }
		inside && /^        name: / { gsub("-", "_", $2); print $2 }
		' "$TOP/Documentation/netlink/specs/shunt.yaml" |
		grep -vx 'node\|pad'
}

in_shuntctl() {
	read_counters nodeA
	diff <(names | sort) <(tr ' ' '\n' <<<"$NOW" | sed 's/:.*//' |
		grep -v '^$\|^node$' | sort)
}

in_ethtool() { # NAME DEVICE
	diff <(names | sort) <(on "$1" ethtool -S "$2" |
		sed -n 's/^ *\([a-z_0-9]*\): [0-9].*/\1/p' | sort)
}

in_documentation() {
	local name
	for name in $(names); do
		grep -q "^\`\`$name\`\`" "$TOP/Documentation/counters.rst" ||
			fail "$name is not documented"
	done
}

# Named where a test expects it to move.
in_tests() {
	local name
	for name in $(names); do
		[[ " $EXEMPT " != *" $name "* ]] || continue
		grep -Eqr --include='*.sh' \
			"($name=\"?([1-9\$]|\\$)|(hook|dropped|counted|ten|moved|await_counter [a-zA-Z0-9]+) $name)" \
			"$SELFTESTS" || fail "no test moves $name"
	done
}

moved() { # COUNTER NODE COMMAND...
	snap "$2"
	"${@:3}"
	expect "$2" "$1=1.."
}

# The host's own packets to a pod with a smaller MTU than the node device.
toobig() { # FAMILY
	ipn podA2 link set eth0 mtu 1300
	on nodeA ping "-$1" -M 'do' -s 1400 -c 2 -i 0.05 -W 1 \
		"$(addr podA2 "$1")" || true
	ipn podA2 link set eth0 mtu 1500
	ipn nodeA "-$1" route flush cache
}

down() {
	ipn podA2 link set eth0 down
	on nodeA ping -c 2 -i 0.05 -W 0.2 "$(addr podA2 4)" || true
	on podA1 ping -c 2 -i 0.05 -W 0.2 "$(addr podA2 4)" || true
	ipn podA2 link set eth0 up
	ipn podA2 route add default via 169.254.1.1 dev eth0 onlink
}

# The segments of a GSO packet, all sent before the CPU gets to receive any,
# are more than a receive queue of one packet takes.
backlog() {
	at_end 'sysctl -qw net.core.netdev_max_backlog=1000
		on podA1 tc qdisc del dev eth0 root
		on podA1 ethtool -K eth0 tso on'
	on podA1 ethtool -K eth0 tso off
	on podA1 tc qdisc add dev eth0 root pfifo
	start_netserver podA2
	sysctl -qw net.core.netdev_max_backlog=1
	netperf_rate podA1 podA2 4 TCP_STREAM 1
}

# From outside, with the address of a pod that lives here.
foreign_source() { # FAMILY
	local pod
	pod=$(addr podA1 "$1")
	at_end "ipn nodeB address del $pod dev lo"
	ipn nodeB address add "$pod" dev lo
	snap nodeA
	on nodeB ping "-$1" -c 2 -i 0.05 -W 0.2 -I "$pod" \
		"$(addr podA2 "$1")" || true
	expect nodeA punt_source=2
}

# More destinations than the smallest cache has slots, which then grows.
evict() {
	local round
	for round in 1 2 3; do
		py podA1 packet.py flows "$(addr podA1 4)" \
			10.2.0.2 9 250 250
		py podA1 packet.py flows "$(addr podA1 6)" \
			fd02::2 9 1000 1000
	done
	echo "round $round"
}

# A node in a pod of a node in a pod ...
nested() {
	local n inner outer
	at_end 'for ((n = 12; n > 1; n--)); do ns_del "$(ns nest$n)"; done
		ipn nodeB route del 10.5.0.1'
	ipn nodeB route add 10.5.0.1 via 192.168.9.1
	outer=nodeA
	for ((n = 2; n <= 12; n++)); do
		inner=nest$n
		ns_add "$inner"
		ctl "$outer" pod add "$(ns "$inner")" ip 10.5.0.1
		[[ $n -lt 12 ]] || break
		on "$inner" sysctl -qw net.ipv4.ip_forward=1 \
			net.ipv6.conf.all.forwarding=1
		# Only the innermost one answers.
		ipn "$inner" address del 10.5.0.1/32 dev eth0
		ipn "$inner" address add 192.168.50."$n"/32 dev lo
		ipn "$inner" route replace default via 169.254.1.1 dev eth0 onlink
		ipn "$inner" link add shunt0 type shunt
		ctl "$inner" uplink add eth0
		outer=$inner
	done
	on nest12 ping -c 1 -W 3 "$(addr nodeB 4)"
	for ((n = 2; n < 12; n++)); do
		snap nest"$n"
	done
	on nest12 ping -c 3 -i 0.05 -W 3 "$(addr nodeB 4)"
	for ((n = 2; n < 12; n++)); do
		read_counters nest"$n"
		find_delta nest"$n" punt_recursion
		echo "level $n: $DELTA"
		[[ $DELTA = 0 ]] || return 0
	done
	fail "punt_recursion=1 was expected at some level"
}

start_forks
load_module
topology shunt podA1 podA2 podB1
pods_quiet nodeA nodeB
t "shuntctl shows all" in_shuntctl
t "ethtool shows all of a pod" in_ethtool podA1 eth0
t "ethtool shows all of a node" in_ethtool nodeA shunt0
t "all are documented" in_documentation
t "all are moved by a test" in_tests
t "v4 drop_toobig" moved drop_toobig nodeA toobig 4
t "v6 drop_toobig" moved drop_toobig nodeA toobig 6
t "drop_down" moved drop_down nodeA down
t "drop_backlog" moved drop_backlog nodeA backlog
t "v4 punt_source" foreign_source 4
t "v6 punt_source" foreign_source 6
t "route_evict" moved route_evict nodeA evict
t "route_miss" moved route_miss nodeA evict
t "punt_recursion" nested
finish
