# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Rates and latencies of a datapath, along these axes. To be sourced, with lib.sh,
# tunnels.sh and what proves the way of packets.
#
#   setting     nodes (between two nodes), local (on one), big-tcp (nodes, with
#               packets of up to 180,000 bytes)
#   family      4, 6
#   test        netperf's TCP_RR, TCP_CRR, TCP_STREAM, TCP_MAERTS, UDP_RR,
#               UDP_STREAM
#   processes   how many pairs of them at once
#   mtu         of the cable
#   encryption  none, wireguard, ipsec (AES-GCM, over an xfrm interface), between
#               the nodes
declare -A AXES=(
	[setting]="nodes,local,big-tcp"
	[family]="4,6"
	[test]="TCP_RR,TCP_CRR,TCP_STREAM,TCP_MAERTS,UDP_RR,UDP_STREAM"
	[processes]="1,32"
	[mtu]="1500,9000"
	[encryption]="none,wireguard,ipsec"
)
# Of both kinds of encryption, between IPv6 addresses.
OVERHEAD=80

values() { # AXIS
	tr , ' ' <<<"${AXES[$1]}"
}

choose() { # AXIS=VALUE,...
	local word
	for word; do
		[[ ${AXES[${word%%=*}]-} ]] || bail "no axis ${word%%=*}"
		AXES[${word%%=*}]=${word#*=}
	done
}

# How much one pair of processes does: enough for what is cold and what happens
# now and then to be lost in it, and no more, as all of it takes its time.
# Netperf counts datagrams by time alone.
declare -A AMOUNT=(
	[TCP_RR]=-20000 [UDP_RR]=-20000 [TCP_CRR]=-1500
	[TCP_STREAM]=-20000000 [TCP_MAERTS]=-20000000 [UDP_STREAM]=1
)
# As a connection's segments are of one size or another by chance, and places in
# hashes are.
declare -A RUNS=([TCP_STREAM]=4 [TCP_MAERTS]=4 [TCP_CRR]=4)
# A cipher without the processor's help takes ten to thirty times as long as the
# rest, whatever the segments; WireGuard's queues take longer to get going.
declare -A CIPHERED=(
	[wireguard,TCP_STREAM]=-20000000 [ipsec,TCP_STREAM]=-8000000
	[wireguard,TCP_RR]=-2000 [ipsec,TCP_RR]=-2000
)
# How many are timed one by one, between nodes: of the one in a thousand that
# takes longest, there have to be several.
declare -A TIMED=([TCP_RR]=5000 [UDP_RR]=5000 [TCP_CRR]=3000)
# Before that, to warm up, and to see which way packets go. Datagrams of a stream
# go where those of requests have been seen to go.
declare -A FIRST=(
	[TCP_RR]=-1000 [UDP_RR]=-1000 [TCP_CRR]=-300
	[TCP_STREAM]=-10000000 [TCP_MAERTS]=-10000000
)

# Nobody would learn anything from the rest: packets that fit, as those of
# datagrams do, do not see the MTU, nothing is encrypted on one node, and both
# directions are the same there and with big packets.
tells() { # SETTING ENCRYPTION MTU TEST
	case $1:$2:$3:$4 in
	local:none:1500:UDP_STREAM | local:none:1500:TCP_MAERTS) false ;;
	local:none:1500:* | nodes:none:1500:*) true ;;
	nodes:none:9000:TCP_STREAM | nodes:none:9000:TCP_MAERTS) true ;;
	nodes:wireguard:*:TCP_STREAM | nodes:wireguard:*:TCP_RR) true ;;
	nodes:ipsec:*:TCP_STREAM | nodes:ipsec:*:TCP_RR) true ;;
	big-tcp:none:1500:TCP_STREAM) true ;;
	*) false ;;
	esac
}

# How many share a processor is one question, asked as it was when it was first
# published.
asks_many() { # SETTING ENCRYPTION MTU FAMILY TEST
	[[ $1:$2:$3:$4 = nodes:none:1500:4 ]] &&
		[[ $5 = TCP_RR || $5 = TCP_CRR || $5 = TCP_STREAM ]]
}

# What lies below others first.
set_mtu() { # MTU NAME...
	local name dev
	for name in "${@:2}"; do
		for dev in $(devices_of "$name"); do
			ipn "$name" link set "$dev" mtu "$1" || return
		done
	done
}

# What the datapath has to know of a new device that pods' packets leave by and
# come from.
encrypt() { # ENCRYPTION MTU
	local node n=0 tunnel=wireguard_tunnel
	[[ $1 != ipsec ]] || tunnel=xfrm_tunnel
	for node in nodeA nodeB; do
		n=$((n + 1))
		$tunnel $node $n enc0 nic0 192.168.9
		ipn $node address add 192.168.7.$n/24 dev enc0
		ipn $node address add fd07::$n/64 dev enc0 nodad
		ipn $node link set enc0 mtu "$2" up
		ipn $node route replace 10.$((3 - n)).0.0/24 dev enc0
		ipn $node route replace fd0$((3 - n))::/64 dev enc0
		datapath_uplink $node enc0 || return
	done
	# Where there are no pods, nodes talk through it.
	CABLE=7 TUNNEL=enc0
}

# The topology for one of the combinations.
build() { # SETTING ENCRYPTION MTU
	CABLE=9 TUNNEL='' CHUNK=''
	topology "$DATAPATH" podA1 podA2 podB1
	neighbours_permanent
	set_mtu "$3" nodeA nodeB podA1 podA2 podB1 || return
	case $1:$2 in
	big-tcp:*)
		# TCP packs by rate and round trip, and a slow kernel's are
		# worth little.
		CHUNK=1M
		on podA1 sysctl -qw net.ipv4.tcp_tso_rtt_log=30
		set_big nodeA nodeB podA1 podB1
		;;
	*:none) true ;;
	*)
		encrypt "$2" $(($3 - OVERHEAD)) &&
			set_mtu $(($3 - OVERHEAD)) podA1 podB1
		;;
	esac
}

netperfs() { # NAME
	local pid
	for pid in $(ip netns pids "$(ns "$1")"); do
		[[ $(<"/proc/$pid/comm") != netperf ]] || echo "$pid"
	done
}

all_wait() { # NAME COUNT
	local pid n=0
	for pid in $(netperfs "$1"); do
		[[ $(<"/proc/$pid/wchan") != *nanosleep* ]] || n=$((n + 1))
	done
	((n == $2))
}

# So that none has begun while others still start, each sleeps before its test,
# and for all of them that ends at once. Servers do not wait much longer.
start_together() { # COUNT NAME
	local pids
	await 3 all_wait "$2" "$1"
	mapfile -t pids < <(netperfs "$2")
	kill -STOP "${pids[@]}"
	pause 2
	kill -CONT "${pids[@]}"
}

# One process after the other, as not more than five may wait for the server:
# waiting takes no time here.
readonly ONE_BY_ONE='for ((n = 0; n < $2; n++)); do
	"${@:3}" &
	read -rt 0.03 <>"$1"
done
wait'

# The sum of all rates, for a second if there are several: shorter, their ends
# would be a part of it. Of those that were repeated, with lowest, highest, and
# how many.
rate_of() { # PROCESSES ENCRYPTION FROM TO FAMILY TEST
	if [[ $1 != 1 ]]; then
		rate_of_many "$1" "${@:3}"
	elif [[ $2 = none ]]; then
		mean_rate "${RUNS[$6]-1}" "${@:3}" "${AMOUNT[$6]}" \
			${CHUNK:+-m "$CHUNK"}
	else
		netperf_rate "${@:3}" "${CIPHERED[$2,$6]}"
	fi
}

# Where this machine is slow, some may begin too early: then once more.
rate_of_many() { # PROCESSES FROM TO FAMILY TEST
	local rate i
	for i in 1 2 3; do
		rate=$(rate_of_all "$@")
		[[ ! $rate ]] || break
	done
	echo "$rate"
}

rate_of_all() { # PROCESSES FROM TO FAMILY TEST
	local NETPERF OPTIONS RATE all
	find_netperf "${@:2}" 1
	bg "$2" bash -c "$ONE_BY_ONE" all "$TMP/never" "$1" \
		"${NETPERF[@]}" -s 2 -- "${OPTIONS[@]}" >"$TMP/rates"
	all=$!
	start_together "$1" "$2"
	wait "$all"
	awk -F= -v n="$1" -v name="$RATE" '$1 == name { sum += $2; got++ }
		END { if (got == n) print sum }' "$TMP/rates"
}

# In $TMP/latency; a nanosecond is an instruction here. Nothing else starts while
# it runs.
latency_of() { # FROM TO FAMILY TEST
	await_no_time_wait "$1" "$2"
	find_addr "$2" "$3"
	on "$1" "$TOP/out/bench/latency" ask "$4" "$ADDR" "$LATENCY_PORT" 1 \
		"${TIMED[$4]}" 50 >"$TMP/latency"
}

# How many packets beyond what IPv4 has a length for leave by a NIC.
count_big() { # NODE
	on "$1" nft -f - <<-END
		table netdev big {
			counter big { }
			chain out {
				type filter hook egress device nic0 priority 0
				meta length > 66000 counter name big
			}
		}
	END
}

counted_big() { # NODE
	on "$1" nft list counter netdev big big | awk '/packets/ { print $2 }'
	on "$1" nft delete table netdev big
}

# Warm up and prove, of packets that are said to be big that they are: with
# status 2 if the datapath has none. The stack forwards none of IPv6, as their
# additional header makes segments too long for the MTU.
prove_axes() { # SETTING FROM TO FAMILY TEST
	local node status=0
	node=$(node_of "$2")
	[[ $5 != TCP_MAERTS ]] || node=$(node_of "$3")
	[[ $1 != big-tcp ]] || count_big "$node"
	prove "$@" "${FIRST[$5]}" ${CHUNK:+-m "$CHUNK"} || status=1
	[[ $1 = big-tcp ]] || return $status
	BIG=$(counted_big "$node")
	# Half of the bytes, and more. Another way counts for more than that.
	((status || BIG * 180000 * 2 > -FIRST[$5])) || return 2
	return $status
}

# Not in the rows, so that nobody takes it for forgotten.
left_out() { # WHY SETTING ENCRYPTION MTU [FAMILY TEST]
	echo "guest: no $DATAPATH with ${*:2}: $1" >&2
	jq -nc '$ARGS.positional | {datapath: .[0], why: .[1],
		what: (.[2:] | join(" "))}' --args "$DATAPATH" "$@" \
		>>"$SHUNT_RESULTS/missing"
}

# Each line of $SHUNT_RESULTS/rows is a result as schema.json has it, with what is
# in $TMP/latency, if anything.
row() { # SETTING ENCRYPTION MTU FAMILY TEST PROCESSES RATE [LOW HIGH RUNS]
	echo "$DATAPATH $1 v$4 $5 x$6, mtu $3, encryption $2: $7"
	jq -nc --slurpfile latency "$TMP/latency" '$ARGS.positional as $a |
		{datapath: $a[0], setting: $a[1],
		family: ($a[4] | tonumber), test: $a[5],
		mtu: ($a[3] | tonumber), processes: ($a[6] | tonumber),
		encryption: $a[2], rate: ($a[7] | tonumber)} +
		if ($a[10] // "1") == "1" then {} else
			{spread: {runs: ($a[10] | tonumber),
			min: ($a[8] | tonumber), max: ($a[9] | tonumber)}}
		end +
		if $a[5] | endswith("RR") then
			{instructions: (1e10 / ($a[7] | tonumber) | round / 10)}
		else {} end +
		if $latency[0] then
			{latency: ({unit: "instructions"} + $latency[0])}
		else {} end' --args "$DATAPATH" "$@" >>"$SHUNT_RESULTS/rows"
}

measure_one() { # SETTING ENCRYPTION MTU FAMILY TEST TO
	local processes rate
	if [[ ${FIRST[$5]-} ]]; then
		prove_axes "$1" podA1 "$6" "$4" "$5"
		case $? in
		1)
			left_out "packets go another way" "${@:1:5}"
			return 1
			;;
		2)
			left_out "only $BIG of its packets are big" "${@:1:5}"
			return 0
			;;
		esac
	fi
	for processes in $(values processes); do
		[[ $processes = 1 ]] || asks_many "${@:1:5}" || continue
		await_no_time_wait podA1 "$6"
		rate=$(rate_of "$processes" "$2" podA1 "$6" "$4" "$5")
		if [[ ! $rate ]]; then
			left_out "netperf failed" "${@:1:5}" "x$processes"
			return 1
		fi
		: >"$TMP/latency"
		if [[ ${TIMED[$5]-} && $1:$processes:$2 = nodes:1:none ]]; then
			latency_of podA1 "$6" "$4" "$5" || return
		fi
		# shellcheck disable=SC2086 # several numbers
		row "${@:1:5}" "$processes" $rate
	done
}

measure_built() { # SETTING ENCRYPTION MTU TEST...
	local to=podB1 family test
	[[ $1 != local ]] || to=podA2
	start_netserver $to
	start_latency $to
	for family in $(values family); do
		if ! pings podA1 $to "$family" 1 || ! hops_permanent; then
			left_out "pods do not reach each other" "${@:1:3}" \
				"$family"
			refused=1
			continue
		fi
		for test in "${@:4}"; do
			measure_one "${@:1:3}" "$family" "$test" $to ||
				refused=1
		done
	done
}

# Lines of SETTING ENCRYPTION MTU TEST...
combinations() {
	local setting encryption mtu test tests
	for encryption in $(values encryption); do
		for mtu in $(values mtu); do
			for setting in $(values setting); do
				tests=''
				for test in $(values test); do
					tells "$setting" "$encryption" "$mtu" \
						"$test" && tests+=" $test"
				done
				[[ ! $tests ]] ||
					echo "$setting $encryption $mtu$tests"
			done
		done
	done
}

# Pods that no tunnel can be put below are measured without. What is refused is
# left out, and makes the guest fail.
measure_axes() { # DATAPATH AXIS=VALUE,...
	local refused='' words
	choose "${@:2}"
	use "$1"
	: >"$SHUNT_RESULTS/rows"
	: >"$SHUNT_RESULTS/missing"
	if ! declare -F datapath_uplink >/dev/null &&
		[[ ${AXES[encryption]} != none ]]; then
		left_out "encrypts nothing here" encryption
		AXES[encryption]=none
	fi
	while read -ra words <&3; do
		if build "${words[@]:0:3}"; then
			measure_built "${words[@]}"
		else
			left_out "cannot be built" "${words[@]:0:3}"
			refused=1
		fi
		cleanup_all
	done 3< <(combinations)
	topology "$1" podA1
	write_environment
	cleanup_all
	[[ ! $refused ]]
}
