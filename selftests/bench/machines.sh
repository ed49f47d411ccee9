#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# That the benchmark of real machines measures, refuses, goes on, and leaves a
# machine as it was: with the guest as one machine, and as two of them that are
# joined by a cable.
#
#   selftests/run -t bench/machines
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/../lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

readonly BENCH=$SELFTESTS/bench
readonly SHORT=(--rounds 1 --seconds 4 --json "$TMP/result")

machine() { # ARG...
	rm -f "$TMP/result"
	"$BENCH/machine" "${SHORT[@]}" "$@" >"$TMP/said" 2>&1
}

# What the schema does not know.
result() { # JQ-CONDITION
	cat "$TMP/said"
	jq -e "$1" "$TMP/result" || {
		jq -c 'del(.results[].latency.histogram)' "$TMP/result"
		return 1
	}
}

as_before() {
	[[ ! -e $TOP/out/bench-machine ]]
	[[ ! $(ip netns list) ]]
	[[ ! -e /sys/module/shunt ]]
}

one_machine() {
	machine --anyway family=4 test=TCP_RR,TCP_STREAM processes=1 base shunt
	"$BENCH/report" check "$TMP/result"
	result '.way == "one-machine" and (.results | length) == 4 and
		all(.results[]; .rate > 0 and .ratio > 0 and
			.cpu.both.percent > 0 and .spread.runs == 1) and
		all(.results[] | select(.test == "TCP_RR"); .cpu.both.scaled.rate
			== 50000 and ([.latency.histogram[][1]] | add) == 5000) and
		all(.results[] | select(.test == "TCP_STREAM");
			.unit == "Mbit/s" and (.latency | not)) and
		.environment.machine == "real"'
	as_before
}

# The other end's commands come by a shell, as they would by ssh.
cable() {
	at_end 'ip link del left 2>/dev/null; rm -rf "$TOP/out/bench-machine"'
	ip link add left type veth peer name right
	ip link set left up
	ip link set right up
}

readonly TWO=(--peer beside --shell "sh -c" --nic "left,right")

two_machines() {
	cable
	machine --anyway --rounds 2 "${TWO[@]}" family=6 test=TCP_CRR \
		processes=2 shunt
	# All rounds: the median of two is between them, and what two processes
	# have timed is added up.
	result '.way == "two-machines" and (.results | length) == 1 and
		(.results[0] | .spread.runs == 2 and
			.rate == (.spread.values | add / 2) and .rate > 0 and
			.ratio == null and .cpu.client.percent > 0 and
			.cpu.server.percent > 0 and
			([.latency.histogram[][1]] | add) == 8000) and
		.environment.peer.nic == .environment.nic'
	as_before
	ip link show left | grep -w UP
	ip link show right | grep -w UP
}

refused() { # REGEX ARG...
	local status=0
	machine "${@:2}" || status=$?
	cat "$TMP/said"
	[[ $status = 1 || $status = 2 ]]
	grep -E "$1" "$TMP/said"
	rm -rf "$TOP/out/bench-machine"
}

spoilt() {
	cable
	# It would cut off who asked for it.
	ip address add 10.99.0.1/24 dev left
	ip route add default via 10.99.0.2
	refused 'left has the default route' "${TWO[@]}" base
	ip route del default
	ip link set right down
	refused 'there: right has no carrier' "${TWO[@]}" base
	refused 'no device middle' --peer beside --shell "sh -c" \
		--nic left,middle base
	refused 'no datapath none' none
	refused 'no axis size' size=1 base
	refused 'at least 4' --seconds 1 base
	refused 'at least 1' --rounds none base
	refused 'go together' --peer beside base
	refused 'cannot be copied' --peer beside --shell false --nic left,right \
		base
	as_before
}

# Stopped in the middle, it measures what is missing; by another command, all.
interrupted() {
	local arg=(--anyway family=4 test=UDP_RR processes=1 base veth) pid
	at_end 'rm -rf "$TOP/out/bench-machine"'
	setsid "$BENCH/machine" "${SHORT[@]}" "${arg[@]}" >"$TMP/said" 2>&1 &
	pid=$!
	await 60 test -e "$TOP/out/bench-machine/0.base"
	kill "$pid"
	wait "$pid" || true
	cat "$TMP/said"
	[[ ! $(ip netns list) ]]
	machine "${arg[@]}"
	result '.results | length == 2'
	grep 'round 0 of 1, base: kept from before' "$TMP/said"
	as_before
}

# One that cannot be built keeps nobody from going on.
one_fails() {
	at_end 'rm -rf "$TOP/out/bench-machine"; rm -f "$BENCH/datapaths/none.sh"'
	echo 'datapath_node() { false; }' >"$BENCH/datapaths/none.sh"
	not machine --anyway family=4 test=UDP_RR processes=1 none base
	result '[.results[].datapath] == ["base"]'
	grep 'round 0 of none failed: .*no none in nodeA' "$TMP/said"
	not grep 'round 1.* none' "$TMP/said"
	[[ ! $(ip netns list) ]]
}

# As if it did not know the packets that go its way.
other_way() {
	at_end 'rm -rf "$TOP/out/bench-machine"; rm -f "$BENCH/datapaths/none.sh"'
	cat >"$BENCH/datapaths/none.sh" <<-'END'
		. "$SELFTESTS/bench/datapaths/veth.sh"
		datapath_packets() {
			echo 0 $(forwarded "$1")
		}
	END
	not machine --anyway family=4 test=UDP_RR processes=1 none base
	result '[.results[].datapath] == ["base"]'
	grep 'round 0 of none failed: of [0-9]* operations of nodes UDP_RR v4, 0 ' \
		"$TMP/said"
	not grep 'round 1.* none' "$TMP/said"
	[[ ! $(ip netns list) ]]
}

t "one machine" one_machine
t "two machines" two_machines
t "what would spoil it is refused" spoilt
t "interrupted, it goes on" interrupted
t "one that fails" one_fails
t "packets that go another way" other_way
finish
