#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Whatever packets come by uplinks, from pods and to the node device, and
# whatever messages by netlink: the kernel says nothing, nothing leaves that must
# not, and all is well afterwards. See fuzz/packets.c and fuzz/netlink.c.
#
#   SEED=N            what is random; printed, so that a run can be repeated
#   FUZZ_PACKETS=N    how many (default: 50000; "make fuzz-kernel": 1000000)
#   FUZZ_MESSAGES=N   of netlink (default: 20000; 1000000)
#
# The packets that the kernel died of are left in fuzz-last.pcap of the guest's
# results, each with its number as its time in seconds. To send one of them
# again: SEED=N FIRST=NUMBER FUZZ_PACKETS=1 TESTS=uplink.
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

PACKETS=${FUZZ_PACKETS:-50000} MESSAGES=${FUZZ_MESSAGES:-20000}
SEED=${SEED:-$((RANDOM * 32 + RANDOM % 32))}
readonly FUZZ=$TOP/out/fuzz CAPTURES=("$SELFTESTS"/fuzz/corpus/*.pcap)
readonly LAST=${SHUNT_RESULTS:-$TMP}/fuzz-last.pcap

### Packets

# A third of them by each way.
send_by() { # NAME DEVICE MAC
	local count=$((PACKETS / 3))
	[[ $count -gt 0 ]] || count=$PACKETS
	"$FUZZ/packets" "$SEED" "${FIRST:-0}" "$count" "$LAST" \
		"/run/netns/$(ns "$1")" "$2" "$3" "${CAPTURES[@]}"
	rm -f "$LAST"
}

# Unless there are but a few, each of them has been met.
met() { # NODE COUNTER...
	local name
	read_counters "$1"
	for name in "${@:2}"; do
		find_delta "$1" "$name"
		echo "$name: $DELTA"
		((DELTA > 0 || PACKETS < 50000)) || fail "no packet of $name"
	done
}

mac_of() { # NAME DEVICE
	on "$1" cat "/sys/class/net/$2/address"
}

by_uplink() {
	snap nodeA
	send_by nodeB nic0 "$(mac_of nodeA nic0)"
	met nodeA rx_direct rx_stack punt_ttl punt_options
}

# What a pod must not say reaches nobody: others' addresses, whatever they are,
# but those that the node has itself; and as if it were the node, which no router
# is before.
count_spoofed() {
	local own
	own=$(ipn nodeA -6 -o address show dev nic0 scope link |
		sed 's|.* inet6 \(.*\)/.*|\1|')
	on nodeB nft -f - <<-END
		table netdev spoofed {
			chain in {
				type filter hook ingress device nic0 priority 0
				ip saddr != { 10.1.0.1, 192.168.9.1 } counter
				ip6 saddr != { fd01::1, fd09::1, $own } counter
				ip6 hoplimit 255 icmpv6 type { nd-router-advert,
					nd-redirect } counter
			}
		}
	END
}

by_pod() {
	at_end 'on nodeB nft delete table netdev spoofed'
	count_spoofed
	snap nodeA
	send_by podA1 eth0 02:00:00:00:00:fe
	met nodeA tx_direct tx_local tx_stack drop_spoof drop_nonip drop_nd \
		drop_malformed punt_ttl punt_options punt_mtu
	on nodeB nft list table netdev spoofed >"$TMP/spoofed"
	cat "$TMP/spoofed"
	[[ $(grep -c 'packets 0 ' "$TMP/spoofed") = 3 ]]
}

by_node() {
	snap nodeA
	send_by nodeA shunt0 "$(mac_of podA1 eth0)"
	met nodeA rx_stack
}

# As at first: what has been learnt by packets is forgotten. Connections that
# they began may still be told to end.
well() {
	local family
	on nodeA ip neigh flush all
	on nodeA ip route flush cache
	on nodeA ip -6 route flush cache
	neighbours_permanent
	for family in 4 6; do
		pings podA1 podB1 "$family" 1
		snap nodeA
		pings podA1 podB1 "$family" 5
		pings podB1 podA2 "$family" 5
		pings podA1 podA2 "$family" 5
		expect nodeA tx_direct=10.. rx_direct=10.. tx_local=10..
	done
}

### Netlink

netlink_node() {
	local n
	ns_add nodeC
	for n in 0 1; do
		ipn nodeC link add "up$n" up type dummy
	done
	ipn nodeC link add shunt0 type shunt
	for n in 1 2 3; do
		ns_add "podC$n"
		ipn nodeC link add "veth$n" type veth peer name eth1 \
			netns "$(ns "podC$n")"
	done
}

# By another name for it, devices get into the guest's own network namespace.
no_netlink_node() {
	local name
	for name in $(ip -br link show type shunt | sed 's/[ @].*//'); do
		ip link del "$name"
	done
	ns_del "$(ns podC1)" "$(ns nodeC)" "$(ns podC2)" "$(ns podC3)"
}

# Each command has been carried out sometimes, or there was nothing to break. Of
# changes of a link alone hardly any fits.
messages() {
	at_end no_netlink_node
	netlink_node
	on nodeC "$FUZZ/netlink" "$SEED" "$MESSAGES" \
		"/run/netns/$(ns podC1)" "/run/netns/$(ns podC2)" \
		"/run/netns/$(ns podC3)" | tee "$TMP/messages"
	[[ $MESSAGES -lt 20000 ||
		$(grep -c ' [1-9][0-9]* done' "$TMP/messages") -ge 14 ]]
}

# Who else is on the machine has not noticed.
note "SEED=$SEED"
[[ -e ${CAPTURES[0]} ]] || bail "no captures"
topology shunt podA1 podA2 podB1
neighbours_permanent
t "packets by an uplink" by_uplink
t "packets from a pod" by_pod
t "packets to the node device" by_node
t "all is well" well
t "messages of netlink" messages
t "all is still well" well
finish
