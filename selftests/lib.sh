# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the test scripts and the benchmark: results in KTAP, a topology of two
# nodes with pods, and helpers. To be sourced by scripts that run as root,
# normally in a guest (see selftests/run).
#
#       podA1  podA2                      podB1  podB2
#           \   /                             \   /
#           nodeA  nic0 ------------- nic0  nodeB
#                  nic1 ------------- nic1  (topology with "nics=2")
#
#   node     nic0 192.168.9.1 .2, fd09::1 ::2; nic1 192.168.8.0/24, fd08::/64
#   podA<N>  10.1.0.<N>, fd01::<N>          podB<N>  10.2.0.<N>, fd02::<N>
#
# A test script sources this, builds a topology, calls "t NAME FUNCTION" for
# each test and ends with "finish". A test function runs in a subshell with
# "set -e": whatever fails in it fails the test. Several topologies can stand
# side by side ("use veth"), so that one can be the oracle for another.
#
# Names like nodeA and podB1 mean a netns of the topology in use.

set -uo pipefail
SELFTESTS=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
TOP=${SELFTESTS%/selftests}
PATH=$TOP/out/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
# Children print numbers and messages that are parsed.
export LC_ALL=C

readonly EXIT_SKIP=4
SCRIPT=$(basename "$0" .sh)
TMP=$(mktemp -d)
TOPO='' DATAPATH=''
tests=0 failures=0 skips=0

### Results

note() { printf '# %s\n' "$*"; }

# Both end a test function.
fail() { printf '%s\n' "$*" >"$TMP/reason"; exit 1; }
skip() { printf '%s\n' "$*" >"$TMP/reason"; exit $EXIT_SKIP; }

need() { # PROGRAM...
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is missing"
	done
}

on_error() { # STATUS LINE COMMAND
	[[ -s $TMP/reason ]] ||
		printf 'line %s: %s (status %s)\n' "$2" "${3%%$'\n'*}" "$1" \
			>"$TMP/reason"
}

end_jobs() {
	local pids
	mapfile -t pids < <(jobs -p)
	[[ ${#pids[@]} -eq 0 ]] || kill -9 "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
}

# What no test may make the kernel say.
readonly COMPLAINTS='WARNING:|BUG:|Oops|general protection|unregister_netdevice: waiting|refcount|leaked|possible .* locking|INFO: (rcu|task)|hw csum failure|shunt: .*leak'

dmesg_mark() {
	printf 'shunt-test: %s\n' "$1" >/dev/kmsg
}

# The kernel's complaints since the mark.
dmesg_since() { # MARK
	dmesg | awk -v mark="shunt-test: $1" '
		index($0, mark) { seen = 1; next } seen' |
		grep -E "$COMPLAINTS"
}

t() { # NAME FUNCTION [ARG...]
	local name=$1 status mark said reason start=$EPOCHREALTIME
	shift
	[[ ! ${TESTS-} || "$name" =~ $TESTS ]] || return 0
	tests=$((tests + 1))
	mark="$SCRIPT $tests"
	: >"$TMP/reason"
	dmesg_mark "$mark"
	(
		trap end_jobs EXIT
		trap 'on_error $? $LINENO "$BASH_COMMAND"' ERR
		set -eE
		"$@"
	) </dev/null >"$TMP/output" 2>&1
	status=$?
	said=$(dmesg_since "$mark")
	[[ ! $said ]] || status=1
	reason=$(tr '\n' ' ' <"$TMP/reason")
	[[ ! ${TIMES-} ]] ||
		note "$(((${EPOCHREALTIME/./} - ${start/./}) / 1000)) ms"
	case $status in
	0) echo "ok $tests $SCRIPT: $name" ;;
	"$EXIT_SKIP")
		skips=$((skips + 1))
		echo "ok $tests $SCRIPT: $name # SKIP $reason"
		;;
	*)
		failures=$((failures + 1))
		sed 's/^/# /' "$TMP/output" | tail -n 40
		[[ ! $said ]] || printf '# kernel: %s\n' "${said//$'\n'/$'\n# kernel: '}"
		echo "not ok $tests $SCRIPT: $name # ${reason:-status $status}"
		;;
	esac
}

# The last command of a test script.
finish() {
	echo "1..$tests"
	# Before the exit status is known: the module's end is tested too.
	[[ ! $TOPO ]] || cleanup_all
	[[ $failures -eq 0 ]] || exit 1
	[[ $tests -gt 0 && $tests -eq $skips ]] && exit $EXIT_SKIP
	exit 0
}

bail() {
	echo "Bail out! $SCRIPT: $*"
	exit 1
}

### Waiting

# Until COMMAND succeeds, at most SECONDS.
await() { # SECONDS COMMAND...
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || fail "waited in vain for: $*"
		sleep 0.05
	done
}

# Until the output of COMMAND stays the same for a second and a half.
await_quiet() { # COMMAND...
	local last='' now same=0 end=$((SECONDS + 15))
	while ((same < 6)); do
		now=$("$@")
		if [[ $now = "$last" ]]; then
			same=$((same + 1))
		else
			same=0 last=$now
		fi
		((SECONDS < end)) || fail "never quiet: $*"
		sleep 0.25
	done
}

lines_in() { # FILE MINIMUM [REGEX]
	[[ $(grep -Ec "${3-}" "$1") -ge $2 ]]
}

### Namespaces

# The netns of nodeA, podB1, ...
ns() { # NAME
	local name=$1
	# Without pods, the nodes talk themselves.
	[[ ${DATAPATH%%-*} != base ]] || case $name in
	podA*) name=nodeA ;;
	podB*) name=nodeB ;;
	esac
	echo "$name-${TOPO}$$"
}

# Run in a netns.
on() { # NAME COMMAND...
	local name
	name=$(ns "$1")
	shift
	ip netns exec "$name" "$@"
}

# The same in the background; the process id is in $!.
bg() { # NAME COMMAND...
	local name
	name=$(ns "$1")
	shift
	ip netns exec "$name" "$@" &
}

ipn() { # NAME IP-ARGUMENT...
	local name
	name=$(ns "$1")
	shift
	ip -n "$name" "$@"
}

ctl() { # NODE SHUNTCTL-ARGUMENT...
	local name
	name=$(ns "$1")
	shift
	ip netns exec "$name" shuntctl "$@"
}

# Fresh namespaces have defaults of their own, and machines differ.
ns_add() { # NAME
	local name
	name=$(ns "$1")
	ip netns add "$name" || return
	echo "$name" >>"$TMP/netns"
	ip -n "$name" link set lo up
	ip netns exec "$name" sysctl -qw \
		net.ipv4.tcp_congestion_control=cubic \
		net.ipv4.ip_local_port_range="32768 60999" \
		net.ipv4.tcp_tw_reuse=2 \
		net.ipv4.ping_group_range="0 2147483647" \
		net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.default.rp_filter=0 \
		net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.default.dad_transmits=0 \
		net.ipv6.conf.default.router_solicitations=0
}

ns_del() { # FULL-NAME...
	local name pids
	for name; do
		[[ -e /run/netns/$name ]] || continue
		pids=$(ip netns pids "$name")
		# shellcheck disable=SC2086 # a list
		[[ ! $pids ]] || kill -9 $pids 2>/dev/null
		ip netns del "$name"
	done
}

### Topology

# The address that NAME is reached by.
addr() { # NAME 4|6
	case ${DATAPATH%%-*}:$1:$2 in
	*:nodeA:4 | base:podA*:4) echo 192.168.9.1 ;;
	*:nodeB:4 | base:podB*:4) echo 192.168.9.2 ;;
	*:nodeA:6 | base:podA*:6) echo fd09::1 ;;
	*:nodeB:6 | base:podB*:6) echo fd09::2 ;;
	*:podA*:4) echo "10.1.0.${1#podA}" ;;
	*:podB*:4) echo "10.2.0.${1#podB}" ;;
	*:podA*:6) echo "fd01::${1#podA}" ;;
	*:podB*:6) echo "fd02::${1#podB}" ;;
	esac
}

node_of() { # POD
	case $1 in
	podA*) echo nodeA ;;
	podB*) echo nodeB ;;
	esac
}

# A cable between the nodes, with what a NIC does on receive: NAPI and GRO.
# Fixed addresses, as hashes of them would make runs differ.
wire() { # NUMBER
	local n=$1 name
	ip link add "nic$n" netns "$(ns nodeA)" address "02:00:00:00:0a:0$n" \
		type veth peer name "nic$n" netns "$(ns nodeB)" \
		address "02:00:00:00:0b:0$n"
	for name in nodeA nodeB; do
		on $name ethtool -K "nic$n" gro on
		ipn $name address add "192.168.$((9 - n)).$([[ $name = nodeA ]] &&
			echo 1 || echo 2)/24" dev "nic$n"
		ipn $name address add "fd0$((9 - n))::$([[ $name = nodeA ]] &&
			echo 1 || echo 2)/64" dev "nic$n" nodad
		ipn $name link set "nic$n" up
	done
}

# Switch to a topology that was built before.
use() { # DATAPATH
	TOPO=$1. DATAPATH=$1
	# shellcheck source=/dev/null
	. "$SELFTESTS/bench/datapaths/$DATAPATH.sh"
}

# Build two nodes with their pods and use them.
topology() { # DATAPATH [nics=2] [POD...]
	local name pod nics=1
	use "$1"
	shift
	[[ ${1-} != nics=* ]] || { nics=${1#nics=}; shift; }
	echo "$DATAPATH" >>"$TMP/topologies"
	for name in nodeA nodeB; do
		ns_add $name || bail "no netns"
		on $name sysctl -qw net.ipv4.ip_forward=1 \
			net.ipv6.conf.all.forwarding=1
	done
	wire 0
	[[ $nics -lt 2 ]] || wire 1
	ipn nodeA route add 10.2.0.0/24 via 192.168.9.2
	ipn nodeA route add fd02::/64 via fd09::2
	ipn nodeB route add 10.1.0.0/24 via 192.168.9.1
	ipn nodeB route add fd01::/64 via fd09::1
	for name in nodeA nodeB; do
		datapath_node $name $((nics - 1)) ||
			bail "no $DATAPATH in $name"
	done
	for pod; do
		pod_add "$pod" || bail "no pod $pod"
	done
}

pod_add() { # POD [ARG...]: more arguments are the datapath's
	local pod=$1
	shift
	if [[ ${DATAPATH%%-*} != base ]]; then
		[[ -e /run/netns/$(ns "$pod") ]] || ns_add "$pod" || return
	fi
	datapath_pod "$(node_of "$pod")" "$pod" "$(addr "$pod" 4)" \
		"$(addr "$pod" 6)" "$@"
}

# Multicast reports follow a device's start for some seconds and would spoil
# exact counters.
pods_quiet() { # NODE...
	local node
	for node; do
		await_quiet on "$node" cat /proc/net/dev
	done
}

### The module

module_file() {
	echo "$TOP/out/modules/$(uname -r)/shunt.ko"
}

load_module() { # [PARAMETER...]
	local ko dep
	ko=$(module_file)
	[[ -e $ko ]] || bail "$ko is missing"
	[[ ! -e /sys/module/shunt ]] || return 0
	for dep in $(modinfo -F depends "$ko" | tr , ' '); do
		modprobe "$dep"
	done
	insmod "$ko" ${SINGLE_PASS:+single_pass=$SINGLE_PASS} "$@" ||
		bail "the module does not load"
	touch "$TMP/module"
}

try_unload() { rmmod shunt 2>/dev/null || [[ ! -e /sys/module/shunt ]]; }

### The oracle

# FUNCTION says the same in the topologies shunt and veth.
as_veth() { # FUNCTION [ARG...]
	local topo
	for topo in veth shunt; do
		use $topo
		"$@" >"$TMP/said.$topo" 2>&1 ||
			echo "status $?" >>"$TMP/said.$topo"
	done
	use shunt
	cat "$TMP/said.shunt"
	[[ -s $TMP/said.shunt ]]
	diff -u "$TMP/said.veth" "$TMP/said.shunt"
}

### Counters

# "name value" lines, dashes as underscores whatever prints them.
counters() { # NODE
	ctl "$1" -j stats | jq -r '
		if type == "array" then .[0] else . end | to_entries[] |
		"\(.key | gsub("-"; "_")) \(.value)"'
}

counter() { # NODE NAME
	counters "$1" | awk -v n="$2" '$1 == n { print $2; ok = 1 }
		END { exit !ok }'
}

# Remember all counters of a node; delta and expect compare with that.
snap() { # NODE
	counters "$1" >"$TMP/snap.$TOPO$1"
}

delta() { # NODE NAME
	local before now
	before=$(awk -v n="$2" '$1 == n { print $2 }' "$TMP/snap.$TOPO$1")
	now=$(counter "$1" "$2") || fail "no counter $2"
	echo $((now - before))
}

# NAME=NUMBER, NAME=LOW..HIGH (either may be empty), since the snapshot.
# "others=0" as last: no counter of these kinds that was not named moved.
expect() { # NODE [NAME=WANT...]
	local node=$1 word name want low high got bad='' named=' '
	shift
	counters "$node" >"$TMP/now"
	for word; do
		name=${word%%=*} want=${word#*=}
		[[ $want = *..* ]] || want=$want..$want
		low=${want%%..*} high=${want##*..}
		if [[ $name = others ]]; then
			while read -r name got; do
				bad+=" $name=$got"
			done < <(awk -v named="$named" '
				NR == FNR { old[$1] = $2; next }
				/^(punt|drop|fallback)_/ &&
				!index(named, " " $1 " ") &&
				$2 != old[$1] { print $1, $2 - old[$1] }
				' "$TMP/snap.$TOPO$node" "$TMP/now")
			continue
		fi
		named+="$name "
		got=$(awk -v n="$name" '
			NR == FNR { if ($1 == n) old = $2; next }
			$1 == n { print $2 - old }
			' "$TMP/snap.$TOPO$node" "$TMP/now")
		[[ $got ]] || fail "no counter $name"
		if ((got < ${low:-0})) || [[ $high && $got -gt $high ]]; then
			bad+=" $name=$got"
		fi
	done
	[[ ! $bad ]] || fail "$node: expected $* but$bad"
}

await_counter() { # NODE NAME MINIMUM
	await 10 eval "(( \$(delta '$1' '$2') >= $3 ))"
}

### Traffic

# Lost replies fail it.
pings() { # FROM TO 4|6 [COUNT [ARG...]]
	local from=$1 to=$2 family=$3 count=${4:-3}
	shift 3
	[[ $# -eq 0 ]] || shift
	on "$from" ping "-$family" -q -c "$count" -i 0.05 -W 5 "$@" \
		"$(addr "$to" "$family")" >"$TMP/ping" ||
		{ cat "$TMP/ping"; return 1; }
	grep -q " $count received" "$TMP/ping"
}

# Something listens on a port of NAME.
listens() { # NAME PORT [-u]
	[[ $(on "$1" ss -Hln "${3:--t}" "sport = :$2") ]]
}

start_netserver() { # NAME...
	local name
	for name; do
		listens "$name" 12865 2>/dev/null && continue
		bg "$name" netserver -D >/dev/null 2>&1
		await 10 listens "$name" 12865
	done
}

start_iperf() { # NAME
	bg "$1" iperf3 -s >/dev/null 2>&1
	await 10 listens "$1" 5201
}

# Prints the rate.
netperf_rate() { # FROM TO 4|6 TEST [SECONDS [ARG...]]
	local from=$1 to=$2 family=$3 test=$4 seconds=${5:-1} args=()
	shift 4
	[[ $# -eq 0 ]] || shift
	case $test in
	*RR) args=(-r '1,1') ;;
	esac
	on "$from" netperf "-$family" -H "$(addr "$to" "$family")" \
		-L "$(addr "$from" "$family")" -t "$test" -l "$seconds" -P 0 -- \
		"${args[@]}" -k THROUGHPUT "$@" | sed -n 's/^THROUGHPUT=//p'
}

### The end

cleanup_all() {
	local topo names
	end_jobs
	if [[ -s $TMP/netns ]]; then
		# Pods first and nodes last is but one order; devices.sh has
		# the others.
		mapfile -t names < <(tac "$TMP/netns")
		ns_del "${names[@]}"
		: >"$TMP/netns"
	fi
	if [[ -e $TMP/module && -e /sys/module/shunt ]]; then
		for ((topo = 0; topo < 200; topo++)); do
			try_unload && break
			sleep 0.05
		done
		[[ ! -e /sys/module/shunt ]] || {
			failures=$((failures + 1))
			echo "not ok $((tests + 1)) $SCRIPT: the module is not let go"
		}
	fi
}

at_exit() {
	cleanup_all
	rm -rf "$TMP"
}
trap at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[[ $(id -u) -eq 0 ]] || bail "run it as root, best in a guest: selftests/run"
