#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Cards like those of real machines: with several queues, with the checksum of
# all that they receive, with queueing disciplines that pace and push back.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

readonly QUEUES=4
# shellcheck disable=SC2034 # lib.sh reads it
NICS=shunt_nic

### Checksums of whole packets

# The card's sum must fit what the pod receives, or the kernel says so.
checksum_complete() { # FAMILY
	local size test
	snap nodeA
	# Odd lengths, and some that are padded on the wire.
	for size in 1 16 17 999 1400; do
		pings podA1 podB1 "$1" 2 -s "$size"
	done
	expect nodeA rx_direct=10 tx_direct=10 others=0
	start_netserver podB1
	for test in TCP_STREAM TCP_MAERTS UDP_RR; do
		[[ $(netperf_rate podA1 podB1 "$1" "$test" 1) = [1-9]* ]]
	done
	expect nodeA rx_direct=100.. tx_direct=100.. rx_stack=0..20
}

# The sum is as right for what the host's stack takes over.
checksum_punted() { # FAMILY
	local prefix=10.1.0.0/16
	[[ $1 = 4 ]] || prefix=fd01::/16
	at_end 'ctl nodeB path del "$prefix" 2>/dev/null'
	ctl nodeB path add "$prefix" stack
	snap nodeB
	pings podA1 podB1 "$1" 5 -s 999
	start_netserver podB1
	[[ $(netperf_rate podA1 podB1 "$1" TCP_STREAM 1) = [1-9]* ]]
	expect nodeB punt_path=100.. rx_direct=0
	ctl nodeB path del "$prefix"
}

# A sum that does not fit the bytes is the sender's fault, and the receiver's
# socket says so: nothing believes it unseen.
checksum_wrong() { # FAMILY
	local before
	bg_py podB1 packet.py udp-echo "$(addr podB1 "$1")" 4000 \
		>"$TMP/echo"
	await 10 listens podB1 4000 -u
	before=$(udp_errors podB1 "$1")
	snap nodeB
	py podA1 packet.py send raw sum src "$(addr podA1 "$1")" \
		dst "$(addr podB1 "$1")" dport 4000 count 3
	await 5 udp_errors_are podB1 "$1" $((before + 3))
	expect nodeB rx_direct=3
	[[ ! -s $TMP/echo ]]
}

udp_errors_are() { # NAME FAMILY COUNT
	[[ $(udp_errors "$1" "$2") = "$3" ]]
}

udp_errors() { # NAME FAMILY
	local name=UdpInCsumErrors
	[[ $2 = 4 ]] || name=Udp6InCsumErrors
	stack_counter "$1" "$name"
}

# Checksum and segments of SCTP, which the card leaves to the sender.
sctp() { # FAMILY
	on nodeA ethtool -k nic0 | grep 'tx-checksum-sctp: off'
	snap nodeA
	sctp_messages podA1 podB1 "$1"
	# Nobody puts them together again.
	expect nodeA tx_direct=20.. rx_direct=80.. tx_stack=0 others=0
}

### What is put together on receipt

# As many datagrams as were sent, each with its own bytes, whatever the card
# makes of them: one with many segments, or a list of packets.
udp_gro() { # FAMILY FEATURE
	at_end 'on nodeB ethtool -K nic0 "$feature" off'
	feature=$2
	on nodeB ethtool -K nic0 "$feature" on
	snap nodeB
	bg_py podB1 packet.py gather "$(addr podB1 "$1")" 4000 1000 \
		>"$TMP/gathered"
	await 10 grep -q ready "$TMP/gathered"
	py podA1 packet.py segments "$(addr podB1 "$1")" 4000 \
		1000 1200
	await 20 grep gathered "$TMP/gathered"
	cat "$TMP/gathered"
	grep -q '^1000 gathered' "$TMP/gathered"
	# Together, or the test would show nothing.
	expect nodeB rx_direct=20..500
}

# Newer kernels make lists of TCP, too, for whoever is not on the node.
tcp_gro_list() { # FAMILY
	local before prefix=10.1.0.0/16
	[[ $1 = 4 ]] || prefix=fd01::/16
	at_end 'on nodeB ethtool -K nic0 rx-gro-list off
		ctl nodeB path del "$prefix"'
	on nodeB ethtool -K nic0 rx-gro-list on
	start_netserver podB1
	before=$(stack_counter podB1 TcpInCsumErrors)
	snap nodeB
	[[ $(netperf_rate podA1 podB1 "$1" TCP_STREAM 1) = [1-9]* ]]
	expect nodeB rx_direct=100.. others=0
	# And through the stack.
	ctl nodeB path add "$prefix" stack
	[[ $(netperf_rate podA1 podB1 "$1" TCP_STREAM 1) = [1-9]* ]]
	expect nodeB punt_path=100..
	[[ $(stack_counter podB1 TcpInCsumErrors) = "$before" ]]
}

# A pod with a card of its own, and who is behind that: with an address that is
# the pod's to the node.
build_behind() { # FAMILY
	local name pod second=10.1.0.33/32
	[[ $1 = 4 ]] || second=fd01::33/128
	pod=$(addr podA3 "$1")
	pod_add podA3 ip "${second%/*}"
	ns_add behind
	for name in podA3 behind; do
		ipn "$name" link add in0 type shunt_nic
		ipn "$name" link set in0 up
	done
	on podA3 sysctl -qw net.ipv4.ip_forward=1 \
		net.ipv6.conf.all.forwarding=1
	ipn podA3 address del "$second" dev eth0
	ipn podA3 "-$1" route add "$second" dev in0
	ipn behind address add "$second" dev in0
	ipn behind "-$1" route add "$pod" dev in0
	ipn behind neigh add "$pod" dev in0 nud permanent \
		lladdr "$(on podA3 cat /sys/class/net/in0/address)"
	ipn behind "-$1" route add default via "$pod"
}

no_behind() {
	local name
	for name in podA3 behind; do
		ns_del "$(ns "$name")"
	done
}

# What a pod forwards.
forwarded_list() { # FAMILY
	local before
	[[ $(uname -r) != 6.1.* ]] || skip "this kernel makes no lists of TCP"
	at_end no_behind
	build_behind "$1"
	on podA3 ethtool -K in0 gro on rx-gro-list on
	start_netserver podA2
	before=$(stack_counter podA2 TcpInCsumErrors)
	snap nodeA
	[[ $(netperf_rate behind podA2 "$1" TCP_STREAM 1) = [1-9]* ]]
	expect nodeA fallback_gso=20.. tx_local=100.. others=0
	[[ $(stack_counter podA2 TcpInCsumErrors) = "$before" ]]
}

### Queues

# Packets sent by each queue of nodeA's card.
find_sent() {
	mapfile -t SENT < <(on nodeA ethtool -S nic0 |
		sed -n 's/ *tx_queue_[0-9]*_packets: //p')
	[[ ${#SENT[@]} = "$QUEUES" ]]
}

# How many packets each queue has sent while COMMAND ran, in MOVED.
moved_by() { # COMMAND...
	local before n
	find_sent
	before=("${SENT[@]}")
	"$@"
	find_sent
	MOVED=()
	for ((n = 0; n < QUEUES; n++)); do
		MOVED[n]=$((SENT[n] - before[n]))
	done
	echo "queues: ${MOVED[*]}"
}

send_flows() { # FROM TO FAMILY COUNT
	py "$1" packet.py flows "$(addr "$1" "$3")" \
		"$(addr "$2" "$3")" 9 "$4"
}

# As many queues as the host's own flows use.
flows_spread() { # FAMILY
	local n from
	for from in nodeA podA1; do
		snap nodeA
		moved_by send_flows "$from" "${from/A/B}" "$1" 64
		# By chance, 1 in 100,000,000 leaves one of them out.
		for ((n = 0; n < QUEUES; n++)); do
			((MOVED[n] > 0)) || fail "$from: ${MOVED[*]}"
		done
	done
	expect nodeA tx_direct=64..
	# And a flow stays where it is.
	moved_by pings podA1 podB1 "$1" 20
	[[ $(printf '%s\n' "${MOVED[@]}" | sort -n | tail -n 1) -ge 20 ]]
}

xps() { # QUEUE MASK
	on nodeA sh -c "echo $2 >/sys/class/net/nic0/queues/tx-$1/xps_cpus"
}

# Each processor has its queues, and pods keep to that.
transmit_steering() { # FAMILY
	local cpu n
	[[ -d /sys/devices/system/cpu/cpu1 ]] || skip "one CPU"
	at_end 'for n in 0 1 2 3; do xps $n 0; done'
	for ((n = 0; n < QUEUES; n++)); do
		xps "$n" $((1 << n % 2))
	done
	for cpu in 0 1; do
		moved_by pinned_flows "$cpu" "$1"
		((MOVED[cpu] + MOVED[cpu + 2] >= 64)) || fail "${MOVED[*]}"
		((MOVED[1 - cpu] + MOVED[3 - cpu] < 10)) || fail "${MOVED[*]}"
	done
}

pinned_flows() { # CPU FAMILY
	on podA1 taskset -c "$1" "$SELFTESTS/packet.py" flows \
		"$(addr podA1 "$2")" "$(addr podB1 "$2")" 9 64
}

# Packets that other processors gave to CPU 1.
find_given() {
	GIVEN=$((0x$(awk 'NR == 2 { print $10 }' /proc/net/softnet_stat)))
}

# What is set for the uplink has been done before shunt sees the packet.
receive_steering() { # FAMILY
	local before n
	[[ -d /sys/devices/system/cpu/cpu1 ]] || skip "one CPU"
	at_end 'steer_uplink 0'
	steer_uplink 2
	find_given
	before=$GIVEN
	snap nodeA
	find_addr podB1 "$1"
	on podA1 taskset -c 0 ping -q -c 20 -i 0.005 -W 5 "$ADDR"
	find_given
	((GIVEN - before >= 20)) || fail "$((GIVEN - before)) given"
	expect nodeA rx_direct=20
}

steer_uplink() { # MASK
	local n
	for ((n = 0; n < QUEUES; n++)); do
		on nodeA sh -c \
			"echo $1 >/sys/class/net/nic0/queues/rx-$n/rps_cpus"
	done
}

# Receive flow steering of the uplink follows a pod's program from processor to
# processor, and nothing is lost, counted twice or overtaken.
uplink_flow_steering() { # FAMILY
	local before
	[[ -d /sys/devices/system/cpu/cpu1 ]] || skip "one CPU"
	at_end 'steer_uplink 0; steer_uplink_flows 0'
	# Whoever is not known yet goes to the second one.
	steer_uplink 2
	steer_uplink_flows 64
	bg_py podA1 packet.py gather "$(addr podA1 "$1")" 4000 800 2 \
		>"$TMP/gathered"
	await 10 grep -q ready "$TMP/gathered"
	find_given
	before=$GIVEN
	snap nodeA
	on podB1 taskset -c 0 "$SELFTESTS/packet.py" segments \
		"$(addr podA1 "$1")" 4000 800 1200
	await 20 grep gathered "$TMP/gathered"
	cat "$TMP/gathered"
	grep -q '^800 gathered, 0 late' "$TMP/gathered"
	expect nodeA rx_direct=800 others=0
	find_given
	echo "$((GIVEN - before)) given"
	((GIVEN > before))
}

steer_uplink_flows() { # ENTRIES
	local n
	sysctl -qw "net.core.rps_sock_flow_entries=$1"
	for ((n = 0; n < QUEUES; n++)); do
		on nodeA sh -c \
			"echo $1 >/sys/class/net/nic0/queues/rx-$n/rps_flow_cnt"
	done
}

# Receive flow steering of the pod's device: to where its program runs.
flow_steering() { # FAMILY
	local before
	[[ -d /sys/devices/system/cpu/cpu1 ]] || skip "one CPU"
	at_end 'steer_pod_flows 0'
	steer_pod_flows 64
	bg podB1 taskset -c 0 netserver -D
	await 10 listens podB1 12865
	find_given
	before=$GIVEN
	on podA1 taskset -c 1 netperf "-$1" -H "$(addr podB1 "$1")" \
		-t TCP_RR -l 1 -P 0
	find_given
	((GIVEN - before >= 20)) || fail "$((GIVEN - before)) given"
}

steer_pod_flows() { # ENTRIES
	sysctl -qw "net.core.rps_sock_flow_entries=$1"
	on podA1 sh -c "echo $1 >/sys/class/net/eth0/queues/rx-0/rps_flow_cnt"
}

### Queueing disciplines of the uplink

qdisc() { # ARG...
	on nodeA tc qdisc replace dev nic0 root "$@"
}

qdisc_stat() { # KEY
	on nodeA tc -s -j qdisc show dev nic0 | jq ".[0].$1"
}

no_qdisc() {
	on nodeA tc qdisc del dev nic0 root
}

# fq knows a socket's pacing rate only from the socket itself.
socket_paced() { # FAMILY
	at_end no_qdisc
	qdisc fq
	py podA1 packet.py paced "$(addr podB1 "$1")" 9 20 40000
	await 5 throttled 19
}

throttled() { # MINIMUM
	[[ $(qdisc_stat throttled) -ge $1 ]]
}

# BBR paces by delivery times, and grows as it should.
bbr() { # FAMILY
	local rate
	modprobe tcp_bbr
	at_end no_qdisc
	qdisc fq
	start_netserver podB1
	snap nodeA
	rate=$(netperf_rate podA1 podB1 "$1" TCP_STREAM 2 -K bbr)
	echo "$rate Mbit/s, throttled $(qdisc_stat throttled)"
	[[ ${rate%.*} -gt 5 ]]
	throttled 20
	expect nodeA tx_direct=100..
}

# A socket that finds its packets still in the queue of the card waits (TCP
# small queues), though it may have many times as many under way.
small_queues() { # FAMILY
	local from name
	at_end 'end_jobs; no_qdisc
		for name in nodeA podA1; do ipn $name "-$family" route flush proto 99
		done'
	family=$1
	qdisc tbf rate 4mbit burst 20kb limit 20mb
	for name in nodeA podA1 nodeB podB1; do
		on "$name" sysctl -qw net.ipv4.tcp_limit_output_bytes=20000 \
			net.ipv4.tcp_rmem="4096 4194304 6291456" \
			net.ipv4.tcp_wmem="4096 4194304 6291456"
	done
	ipn nodeA "-$1" route add "$(addr nodeB "$1")" dev nic0 initcwnd 400 \
		proto 99
	ipn podA1 "-$1" route add "$(addr podB1 "$1")" dev eth0 initcwnd 400 \
		proto 99 onlink via "$(gateway "$1")"
	for from in nodeA podA1; do
		start_netserver "${from/A/B}"
		bg "$from" netperf "-$1" -H "$(addr "${from/A/B}" "$1")" \
			-t TCP_STREAM -l 1 -P 0 >/dev/null
		find_backlog $!
		echo "$from: $BACKLOG bytes"
		# Without that it would be half a megabyte.
		((BACKLOG > 10000 && BACKLOG < 150000)) || fail "$BACKLOG bytes"
	done
}

# The largest while PID runs.
find_backlog() { # PID
	local now
	BACKLOG=0
	while kill -0 "$1" 2>/dev/null; do
		now=$(qdisc_stat backlog)
		((now <= BACKLOG)) || BACKLOG=$now
		pause 0.1
	done
}

### What packets carry beside their bytes

# Packets that left nodeA's card with WHAT.
sent_with() { # WHAT
	on nodeA ethtool -S nic0 | sed -n "s/^ *tx_with_$1: //p"
}

# What can be attached to a packet on its way out.
attach_all() { # NAME
	on "$1" nft -f - <<-END
		table inet attach {
			chain o {
				type filter hook output priority 0
				ct state invalid drop
				meta mark set 7
				meta priority set 0:6
			}
		}
	END
}

# All of a pod's stays in it, but for the socket: the card's queue throttles it.
leaves_bare() { # FAMILY
	local what before=()
	at_end 'on podA1 nft delete table inet attach
		on nodeA nft delete table inet attach'
	attach_all podA1
	for what in conntrack mark priority extensions ipvs socket; do
		before+=("$(sent_with "$what")")
	done
	snap nodeA
	pings podA1 podB1 "$1" 20
	expect nodeA tx_direct=20
	for what in conntrack mark priority extensions ipvs; do
		[[ $(sent_with "$what") = "${before[0]}" ]] || fail "$what"
		before=("${before[@]:1}")
	done
	[[ $(sent_with socket) -ge $((before[0] + 20)) ]]
	# The same of the node itself is seen.
	attach_all nodeA
	before=("$(sent_with conntrack)" "$(sent_with mark)")
	pings nodeA nodeB "$1" 5
	[[ $(sent_with conntrack) -ge $((before[0] + 5)) ]]
	[[ $(sent_with mark) -ge $((before[1] + 5)) ]]
}

# What a socket of MPTCP hangs on its packets stays in the pod.
extensions_stay() { # FAMILY
	local before
	before=$(sent_with extensions)
	snap nodeA
	messages mptcp podA1 podB1 "$1"
	expect nodeA tx_direct=10.. tx_stack=0
	[[ $(sent_with extensions) = "$before" ]]
	end_jobs
	# The node's own has it to the last.
	messages mptcp nodeA nodeB "$1"
	[[ $(sent_with extensions) -ge $((before + 10)) ]]
}

# As forwarding does it: by the TOS of IPv4, if the node is told to.
priority_of_forwarding() {
	local before
	at_end 'on nodeA sysctl -qw net.ipv4.ip_forward_update_priority=1'
	before=$(sent_with priority)
	pings podA1 podB1 4 10 -Q 0x10
	pings podA1 podB1 6 10 -Q 0x10
	[[ $(sent_with priority) = $((before + 10)) ]]
	on nodeA sysctl -qw net.ipv4.ip_forward_update_priority=0
	pings podA1 podB1 4 10 -Q 0x10
	[[ $(sent_with priority) = $((before + 10)) ]]
}

# What one card has forwarded is still to be forwarded by all others: into a pod
# and out of it.
offload_marks() { # FAMILY
	local before nowhere=192.0.2.1
	[[ $1 = 4 ]] || nowhere=2001:db8::1
	at_end 'no_behind
		ipn nodeA route del "$nowhere"; ipn nodeB route del "$nowhere"'
	build_behind "$1"
	before=$(sent_with offload)
	snap nodeA
	pings behind podB1 "$1" 10
	expect nodeA tx_direct=10 rx_direct=10
	[[ $(sent_with offload) = "$before" ]]
	on podA3 ethtool -S in0 | grep -q 'tx_with_offload: 0$'
	# The same is seen of what the node forwards.
	ipn nodeA route add "$nowhere" via "$(addr nodeB "$1")"
	ipn nodeB route add "$nowhere" via "$(addr nodeA "$1")"
	on nodeB ping -q -c 5 -i 0.01 -W 0.1 -t 2 "$nowhere" || true
	[[ $(sent_with offload) -ge $((before + 5)) ]]
}

# How many packets arrive with what somebody else has attached.
count_residue() { # NAME
	on "$1" nft -f - <<-END
		table inet bare {
			counter has_ct { }
			counter has_mark { }
			counter has_priority { }
			chain p {
				type filter hook prerouting priority -400
				meta l4proto != { icmp, ipv6-icmp } accept
				icmpv6 type { 133-137 } accept
				ct mark 5 counter name has_ct
				meta mark 7 counter name has_mark
				meta priority != none counter name has_priority
			}
		}
	END
}

# Nor is what stays on the node, whoever sends.
local_bare() { # FAMILY
	local pair to
	at_end 'for name in podA1 podA2 nodeA; do
			on $name nft flush ruleset
		done'
	for pair in podA1:podA2 podA1:nodeA nodeA:podA1; do
		to=${pair#*:}
		on "${pair%:*}" nft -f - <<-END
			table inet attach {
				chain o {
					type filter hook output priority 0
					ct mark set 5
					meta mark set 7
					meta priority set 1:6
				}
			}
		END
		count_residue "$to"
		pings "${pair%:*}" "$to" "$1" 10 -Q 0x10
		on "$to" nft list counters table inet bare >"$TMP/bare"
		cat "$TMP/bare"
		[[ $(grep -c 'packets 0 ' "$TMP/bare") = 3 ]]
		on "$to" nft flush ruleset
		on "${pair%:*}" nft flush ruleset
	done
}

# What the node's ingress has attached is not the pod's to see.
arrives_bare() { # FAMILY
	local file=$TMP/bare
	at_end 'on nodeA tc qdisc del dev nic0 clsact
		on podA1 nft delete table inet bare
		on nodeA nft delete table inet bare'
	modprobe -qa act_ct cls_matchall act_skbedit
	on nodeA tc qdisc add dev nic0 clsact
	on nodeA tc filter add dev nic0 ingress protocol all matchall \
		action ct commit mark 5 pipe \
		action skbedit mark 7 priority 1:6
	count_residue podA1
	count_residue nodeA
	snap nodeA
	# Requests: conntrack takes answers to what it has not seen for invalid.
	pings podB1 podA1 "$1" 10 -Q 0x10
	expect nodeA rx_direct=10
	on podA1 nft list counters table inet bare >"$file"
	cat "$file"
	[[ $(grep -c 'packets 0 ' "$file") = 3 ]]
	# The same is seen of the node's own.
	pings nodeB nodeA "$1" 10
	on nodeA nft list counters table inet bare >"$file"
	cat "$file"
	[[ $(grep -Ec 'packets [1-9][0-9]* ' "$file") = 3 ]]
}

start_forks
load_module
topology shunt podA1 podA2 podB1
pods_quiet nodeA nodeB

for family in 4 6; do
	t "v$family checksum of whole packets" checksum_complete $family
	t "v$family the same, punted" checksum_punted $family
	t "v$family wrong checksum" checksum_wrong $family
	t "v$family checksum of SCTP" sctp $family
	t "v$family UDP in segments" udp_gro $family rx-udp-gro-forwarding
	t "v$family UDP in a list" udp_gro $family rx-gro-list
	t "v$family TCP in a list" tcp_gro_list $family
	t "v$family a list that a pod forwards" forwarded_list $family
	t "v$family flows spread over queues" flows_spread $family
	t "v$family transmit packet steering" transmit_steering $family
	t "v$family receive packet steering" receive_steering $family
	t "v$family receive flow steering" flow_steering $family
	t "v$family receive flow steering of the uplink" \
		uplink_flow_steering $family
	t "v$family pacing by the socket" socket_paced $family
	t "v$family BBR" bbr $family
	t "v$family TCP small queues" small_queues $family
	t "v$family nothing of a pod leaves with its packets" leaves_bare $family
	t "v$family extensions of a pod's packets" extensions_stay $family
	t "v$family marks of a card that forwards" offload_marks $family
	t "v$family nothing of the node reaches a pod" arrives_bare $family
	t "v$family nothing of others on the node" local_bare $family
done
t "priority as forwarding gives it" priority_of_forwarding
finish
