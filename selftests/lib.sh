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
# Of a test function; some programs end with 4, too.
readonly TEST_SKIP=104
SCRIPT=$(basename "$0" .sh)
TMP=$(mktemp -d)
mkfifo "$TMP/never"
TOPO='' DATAPATH='' FORKS=''
tests=0 failures=0 skips=0
# Debug kernels have it.
readonly KMEMLEAK=/sys/kernel/debug/kmemleak

### Results

note() { printf '# %s\n' "$*"; }

# Both end a test function.
fail() { printf '%s\n' "$*" >"$TMP/reason"; exit 1; }
skip() { printf '%s\n' "$*" >"$TMP/reason"; exit $TEST_SKIP; }

# A "!" before a command would keep its success from ending the function.
not() { # COMMAND...
	if "$@"; then
		fail "succeeds: $*"
	fi
}

# By what the script's function "state" prints.
unchanged() { # COMMAND...
	local before
	before=$(state)
	"$@"
	[[ $(state) = "$before" ]]
}

need() { # PROGRAM...
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is missing"
	done
}

# The last one is why the function ended.
on_error() { # ENDED LINE COMMAND
	printf 'line %s: %s (status %s)\n' "$2" "${3%%$'\n'*}" "$1" \
		>"$TMP/error"
}

end_jobs() {
	local pids
	mapfile -t pids < <(jobs -p)
	[[ ${#pids[@]} -gt 0 ]] || return 0
	kill -9 "${pids[@]}" 2>/dev/null
	# By name: alone, it would wait for process substitutions as well.
	wait "${pids[@]}" 2>/dev/null || true
	[[ ! $FORKS ]] || py_ends
}

# What no test may make the kernel say.
readonly COMPLAINTS='WARNING:|BUG:|Oops|general protection|unregister_netdevice: waiting|refcount|leaked|possible .* locking|INFO: (rcu|task|trying to register)|UBSAN:|ref_tracker:|hw csum failure|shunt: .*leak'

dmesg_mark() {
	printf 'shunt-test: %s\n' "$1" >/dev/kmsg
}

# The kernel's complaints since the mark.
dmesg_since() { # MARK
	dmesg | awk -v mark="shunt-test: $1" -v complaints="$COMPLAINTS" '
		index($0, mark) { seen = 1; next }
		seen && $0 ~ complaints'
}

t() { # NAME FUNCTION [ARG...]
	local name=$1 status mark said reason start=$EPOCHREALTIME
	shift
	[[ ! ${TESTS-} || "$name" =~ $TESTS ]] || return 0
	[[ $tests -gt 0 ]] || echo "KTAP version 1"
	tests=$((tests + 1))
	mark="$SCRIPT $tests"
	: >"$TMP/reason"
	: >"$TMP/error"
	dmesg_mark "$mark"
	(
		at_end :
		trap 'on_error $? $LINENO "$BASH_COMMAND"' ERR
		set -eE
		"$@"
	) </dev/null >"$TMP/output" 2>&1
	status=$?
	said=$(dmesg_since "$mark")
	[[ ! $said ]] || status=1
	reason=$(<"$TMP/reason")
	[[ $reason ]] || reason=$(<"$TMP/error")
	reason=${reason//$'\n'/ }
	[[ ! ${TIMES-} ]] ||
		note "$(((${EPOCHREALTIME/./} - ${start/./}) / 1000)) ms"
	case $status in
	0) echo "ok $tests $SCRIPT: $name" ;;
	"$TEST_SKIP")
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
	local said
	echo "1..$tests"
	dmesg_mark "$SCRIPT ends"
	# Before the exit status is known: the module's end is tested too.
	[[ ! $TOPO ]] || cleanup_all
	find_leaks
	said=$(dmesg_since "$SCRIPT ends")
	if [[ $said ]]; then
		failures=$((failures + 1))
		printf '# kernel: %s\n' "${said//$'\n'/$'\n# kernel: '}"
		echo "not ok $((tests + 1)) $SCRIPT: ends"
	fi
	[[ $tests -gt 0 || ! ${TESTS-} ]] || bail "no test matches \"$TESTS\""
	[[ $failures -eq 0 ]] || exit 1
	[[ $tests -gt 0 && $tests -eq $skips ]] && exit $EXIT_SKIP
	exit 0
}

bail() {
	echo "Bail out! $SCRIPT: $*"
	exit 1
}

# By its version alone: what distributions took back to older ones does not
# count.
kernel_since() { # VERSION
	[[ $(printf '%s\n' "$1" "$(uname -r)" | sort -V) = "$1"$'\n'* ]]
}

### Waiting

# Debug kernels take their time for everything.
PATIENCE=1
[[ ! -e $KMEMLEAK ]] || PATIENCE=5

# Until COMMAND succeeds, at most SECONDS.
await() { # SECONDS COMMAND...
	local end=$((SECONDS + $1 * PATIENCE + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || fail "waited in vain for: $*"
		pause 0.02
	done
}

# What it waits for is not an event but the next look.
pause() { # SECONDS
	read -rt "$1" <>"$TMP/never" || true
}

# Until the output of COMMAND stays the same for a second and a half.
await_quiet() { # COMMAND...
	local last='' now same=0 end=$((SECONDS + 15 * PATIENCE))
	while ((same < 6)); do
		now=$("$@")
		if [[ $now = "$last" ]]; then
			same=$((same + 1))
		else
			same=0 last=$now
		fi
		((SECONDS < end)) || fail "never quiet: $*"
		pause 0.25
	done
}

# What a test function undoes, whatever became of it. Variables that it uses
# must not be local.
at_end() { # COMMANDS
	# shellcheck disable=SC2064 # now
	trap "ENDED=\$?; set +eEu; trap - ERR
		$1
		end_jobs; exit \$ENDED" EXIT
}

lines_in() { # FILE MINIMUM [REGEX]
	[[ $(grep -Ec "${3-}" "$1") -ge $2 ]]
}

### Namespaces

# Emulated guests need 30 ms for a process, a subshell included. So what all
# tests use is free of them.

# The netns of nodeA, podB1, ..., in $NS.
find_ns() { # NAME
	NS=$1-$TOPO$$
	# Without pods, the nodes talk themselves.
	[[ $DATAPATH != base* ]] || case $1 in
	podA*) NS=nodeA-$TOPO$$ ;;
	podB*) NS=nodeB-$TOPO$$ ;;
	esac
}

ns() { # NAME
	find_ns "$1"
	echo "$NS"
}

# Run in a netns.
on() { # NAME COMMAND...
	find_ns "$1"
	ip netns exec "$NS" "${@:2}"
}

# The same in the background; the process id is in $!.
bg() { # NAME COMMAND...
	find_ns "$1"
	ip netns exec "$NS" "${@:2}" &
}

ipn() { # NAME IP-ARGUMENT...
	find_ns "$1"
	ip -n "$NS" "${@:2}"
}

# Programs in Python, as "on" and "bg" would run them, but without starting
# Python: see forks.py, and first "start_forks". "py" waits, one at a time.
py() { # NAME PROGRAM ARG...
	local status
	find_ns "$1"
	ask_forks wait "$NS" "${@:2}"
	hear_forks status
	return "$status"
}

bg_py() { # NAME PROGRAM ARG...
	find_ns "$1"
	{ ask_forks 'go on' "$NS" "${@:2}"; read -r _ <>"$TMP/never"; } &
}

# What "bg_py" has started is gone, too.
py_ends() {
	local nothing
	ask_forks end
	hear_forks nothing
}

ask_forks() { # HOW [NETNS PROGRAM ARG...]
	printf '%s\0' $(($# + 1)) "$1" $BASHPID "${@:2}" >&"$REQUESTS"
}

hear_forks() { # VARIABLE
	until read -rt 10 "$1" <&"$ANSWERS"; do
		kill -0 "$FORKS" || fail "forks.py has died"
	done
}

start_forks() {
	mkfifo "$TMP/requests" "$TMP/answers"
	exec {REQUESTS}<>"$TMP/requests" {ANSWERS}<>"$TMP/answers"
	"$SELFTESTS/forks.py" <&"$REQUESTS" >&"$ANSWERS" &
	FORKS=$!
	# It is no job that ends with a test.
	disown
}

ctl() { # NODE SHUNTCTL-ARGUMENT...
	find_ns "$1"
	ip netns exec "$NS" shuntctl "${@:2}"
}

# Fresh namespaces have defaults of their own, and machines differ. Sockets
# without a process hold their netns, so they shall not for long.
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
		net.ipv4.tcp_orphan_retries=1 \
		net.ipv4.ping_group_range="0 2147483647" \
		net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 \
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

# Those that are on this machine.
NODES=(nodeA nodeB)

# The address that NAME is reached by, in $ADDR: that of a node, by what cable?
# None, if it is of no topology.
CABLE=9
find_addr() { # NAME 4|6
	case ${DATAPATH%%-*}:$1:$2 in
	*:nodeA:4 | base:podA*:4) ADDR=192.168.$CABLE.1 ;;
	*:nodeB:4 | base:podB*:4) ADDR=192.168.$CABLE.2 ;;
	*:nodeA:6 | base:podA*:6) ADDR=fd0$CABLE::1 ;;
	*:nodeB:6 | base:podB*:6) ADDR=fd0$CABLE::2 ;;
	*:podA*:4) ADDR=10.1.0.${1#podA} ;;
	*:podB*:4) ADDR=10.2.0.${1#podB} ;;
	*:podA*:6) ADDR=fd01::${1#podA} ;;
	*:podB*:6) ADDR=fd02::${1#podB} ;;
	*) ADDR= ;;
	esac
}

# An address that is nowhere, for special routes.
nowhere() { # FAMILY
	[[ $1 = 4 ]] && echo 10.66.0.1 || echo fd66::1
}

addr() { # NAME 4|6
	find_addr "$@"
	echo "$ADDR"
}

node_of() { # POD
	case $1 in
	podA*) echo nodeA ;;
	podB*) echo nodeB ;;
	esac
}

# A cable between the nodes, with what a NIC does on receive: NAPI and GRO.
# Fixed addresses, as hashes of them would make runs differ.
# Or NICS is the name of a device that is one node's end of a real one, which
# "unwire" gives back without addresses.
NICS=veth
wire() { # NUMBER
	local n=$1 name mac=02:00:00:00:0
	case $NICS in
	veth)
		ip link add "nic$n" netns "$(ns nodeA)" address "${mac}a:0$n" \
			type veth peer name "nic$n" netns "$(ns nodeB)" \
			address "${mac}b:0$n"
		;;
	shunt_nic)
		load_module_file shunt_nic
		ipn nodeA link add "nic$n" address "${mac}a:0$n" type shunt_nic
		ipn nodeB link add "nic$n" address "${mac}b:0$n" type shunt_nic
		;;
	*) ip link set "$NICS" netns "$(ns "${NODES[0]}")" name "nic$n" ;;
	esac || bail "no cable of $NICS"
	for name in "${NODES[@]}"; do
		on "$name" ethtool -K "nic$n" gro on
		ipn "$name" address add "192.168.$((9 - n)).$([[ $name = nodeA ]] &&
			echo 1 || echo 2)/24" dev "nic$n"
		ipn "$name" address add "fd0$((9 - n))::$([[ $name = nodeA ]] &&
			echo 1 || echo 2)/64" dev "nic$n" nodad
		ipn "$name" link set "nic$n" up
	done
}

unwire() {
	[[ $NICS != veth && $NICS != shunt_nic ]] || return 0
	[[ -e /run/netns/$(ns "${NODES[0]}") ]] || return 0
	ipn "${NODES[0]}" link set nic0 down
	ipn "${NODES[0]}" link set nic0 netns 1 name "$NICS"
	ip link set "$NICS" up
}

devices_of() { # NAME
	on "$1" sed -n 's/^ *\([^ :]*\):.*/\1/p' /proc/net/dev | grep -vx lo
}

# Let all devices there have packets beyond what IP has a length for (BIG TCP).
# Older versions of ip know the sizes of IPv6 alone.
set_big() { # NAME...
	local name dev size=180000
	for name; do
		for dev in $(devices_of "$name"); do
			[[ $(uname -r) = 6.1.* ]] || on "$name" \
				"$SELFTESTS/netlink.py" sizes "$dev" $size $size ||
				return
			ipn "$name" link set "$dev" gso_max_size $size \
				gro_max_size $size || return
		done
	done >/dev/null
}

# For measurements: a fresh neighbour takes a longer way for 5 s.
neighbours_permanent() {
	local name peer n mac
	for name in nodeA nodeB; do
		peer=nodeB
		[[ $name = nodeA ]] || peer=nodeA
		mac=$(on $peer cat /sys/class/net/nic0/address)
		for n in 4 6; do
			find_addr $peer $n
			ipn $name neigh replace "$ADDR" lladdr "$mac" \
				dev nic0 nud permanent
		done
	done
}

# And whoever has been met: who talks all the time is confirmed again and again,
# but measurements pause for minutes, and their first packets would ask anew.
hops_permanent() {
	local name
	for name in nodeA nodeB podA1 podA2 podB1; do
		find_ns $name
		ip -n "$NS" neigh show | awk '/lladdr/ && !/PERMANENT/ {
			print "neigh replace", $1, "dev", $3, "lladdr", $5,
				"nud permanent" }' |
			ip -n "$NS" -batch - || return
	done
}

# Switch to a topology that was built before.
use() { # DATAPATH
	TOPO=$1. DATAPATH=$1
	# Not every datapath has it.
	unset -f datapath_uplink
	# shellcheck source=/dev/null
	. "$SELFTESTS/bench/datapaths/$DATAPATH.sh"
}

# Of the other node.
routes_to_pods() { # NODE
	local other=2
	[[ $1 = nodeA ]] || other=1
	ipn "$1" route add 10.$other.0.0/24 via 192.168.9.$other
	ipn "$1" route add fd0$other::/64 via fd09::$other
}

# Build two nodes with their pods and use them.
topology() { # DATAPATH [nics=2] [POD...]
	local name pod nics=1
	use "$1"
	shift
	[[ ${1-} != nics=* ]] || { nics=${1#nics=}; shift; }
	# For all netns: errors of special routes are not rationed.
	sysctl -qw net.ipv4.route.error_cost=0
	for name in "${NODES[@]}"; do
		ns_add "$name" || bail "no netns"
		on "$name" sysctl -qw net.ipv4.ip_forward=1 \
			net.ipv6.conf.all.forwarding=1
	done
	wire 0
	[[ $nics -lt 2 ]] || wire 1
	for name in "${NODES[@]}"; do
		routes_to_pods "$name"
		datapath_node "$name" $((nics - 1)) ||
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

module_file() { # [NAME]
	echo "$TOP/out/modules/$(uname -r)/${1-shunt}.ko"
}

load_module() { # [PARAMETER...]
	load_module_file shunt ${SINGLE_PASS:+single_pass=$SINGLE_PASS} "$@"
}

load_module_file() { # NAME [PARAMETER...]
	local name=$1 ko dep
	shift
	ko=$(module_file "$name")
	[[ -e $ko ]] || bail "$ko is missing"
	[[ ! -e /sys/module/$name ]] || return 0
	for dep in $(modinfo -F depends "$ko" | tr , ' '); do
		modprobe "$dep"
	done
	insmod "$ko" "$@" || bail "the module $name does not load"
	echo "$name" >>"$TMP/modules"
	[[ ! -e $KMEMLEAK ]] || grep -F "[$name]" /proc/kallsyms >>"$TMP/symbols"
}

try_unload() { # [NAME]
	rmmod "${1-shunt}" 2>/dev/null || [[ ! -e /sys/module/${1-shunt} ]]
}

unload_all() {
	local name n
	while read -r name; do
		for ((n = 0; n < 1200; n++)); do
			try_unload "$name" && break
			pause 0.05
		done
		[[ -e /sys/module/$name ]] || continue
		failures=$((failures + 1))
		echo "not ok $((tests + 1)) $SCRIPT: the module $name is not let go"
	done < <(cat "$TMP/modules" 2>/dev/null)
}

### Leaks: memory that nothing points to any more, and nobody has freed

# What has changed since the last scan passes, and what is new has: it takes
# two. What is younger than 5 s passes, too.
leaks_scan() {
	pause 6
	echo scan >$KMEMLEAK && echo scan >$KMEMLEAK
}

# What was there before is not ours. Other scripts have scanned at their end.
leaks_forget() {
	local scanned=/run/shunt-test.scanned
	[[ -e $KMEMLEAK ]] || return 0
	[[ -e $scanned ]] || leaks_scan || bail "kmemleak does not work"
	: >$scanned
	echo clear >$KMEMLEAK
}

# The kernel does not know the names of a module that is gone.
leaks_named() {
	sort "$TMP/symbols" | awk '
		FNR == NR { at[n++] = $1; name[$1] = $3 " " $4; next }
		NF == 1 && /^ *0x/ {
			for (i = n - 1; i >= 0 && at[i] > substr($1, 3); i--);
			if (i >= 0)
				$0 = $0 " in " name[at[i]]
		}
		1' - $KMEMLEAK
}

# With all cleaned up: whatever is left is lost.
find_leaks() {
	[[ -e $KMEMLEAK && -e $TMP/modules ]] || return 0
	cleanup_all
	leaks_scan || bail "kmemleak does not work any more"
	[[ $(<$KMEMLEAK) ]] || return 0
	failures=$((failures + 1))
	leaks_named | head -n 200 | sed 's/^/# /'
	echo "not ok $((tests + 1)) $SCRIPT: leaks memory"
}

### The oracle

# What is done to both topologies.
in_both() { # COMMAND...
	local topo
	for topo in veth shunt; do
		use $topo
		"$@"
	done
}

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
	diff -u "$TMP/said.veth" "$TMP/said.shunt"
}

### Counters

# All counters of a node, in $NOW, like " name:value name:value ".
read_counters() { # NODE
	NOW=$(ctl "$1" -j stats) || fail "no counters of $1"
	NOW=${NOW//[$'[]{}" \t\n']/}
	NOW=" ${NOW//,/ } "
}

counter_in() { # NAME COUNTERS: in $VALUE
	[[ $2 = *" $1:"* ]] || fail "no counter $1"
	VALUE=${2#*" $1:"}
	VALUE=${VALUE%% *}
}

# Remember all counters of a node; delta and expect compare with that.
declare -A SNAP
snap() { # NODE
	read_counters "$1"
	SNAP[$TOPO$1]=$NOW
}

# How far a counter moved, in $DELTA.
find_delta() { # NODE NAME: of $NOW
	counter_in "$2" "${SNAP[$TOPO$1]}"
	DELTA=$VALUE
	counter_in "$2" "$NOW"
	DELTA=$((VALUE - DELTA))
}

delta() { # NODE NAME
	read_counters "$1"
	find_delta "$@"
	echo "$DELTA"
}

# NAME=NUMBER, NAME=LOW..HIGH (either may be empty), since the snapshot.
# "others=0" as last: no counter of these kinds that was not named moved.
expect() { # NODE [NAME=WANT...]
	local node=$1 word name low high bad='' named=' '
	shift
	read_counters "$node"
	for word; do
		name=${word%%=*} word=${word#*=}
		low=${word%%..*} high=${word##*..}
		named+="$name "
		[[ $name != others ]] || continue
		find_delta "$node" "$name"
		if ((DELTA < ${low:-0})) || [[ $high && $DELTA -gt $high ]]; then
			bad+=" $name=$DELTA"
		fi
	done
	[[ $named != *' others ' ]] || for word in $NOW; do
		name=${word%:*}
		[[ $name =~ ^(punt|drop|fallback)_ ]] || continue
		[[ $named != *" $name "* ]] || continue
		find_delta "$node" "$name"
		[[ $DELTA = 0 ]] || bad+=" $name=$DELTA"
	done
	[[ ! $bad ]] || fail "$node: expected $* but$bad"
}

reached() { # NODE NAME MINIMUM
	read_counters "$1"
	find_delta "$1" "$2"
	((DELTA >= $3))
}

await_counter() { # NODE NAME MINIMUM
	await 10 reached "$@"
}

### Traffic

# Lost replies fail it.
pings() { # FROM TO 4|6 [COUNT [ARG...]]
	local count=${4:-3} said
	find_addr "$2" "$3"
	said=$(on "$1" ping "-$3" -q -c "$count" -i 0.005 -W 5 "${@:5}" \
		"$ADDR" 2>&1)
	[[ $said = *" $count received"* ]] || {
		echo "$said"
		return 1
	}
}

# Messages of sizes of chunks, packets and many packets come back.
messages() { # sctp|mptcp FROM TO 4|6
	local to
	find_addr "$3" "$4"
	to=$ADDR
	bg_py "$3" packet.py "$1-echo" "$to" 5000 >"$TMP/echo"
	await 10 grep -q ready "$TMP/echo"
	find_addr "$2" "$4"
	py "$2" packet.py "$1" "$ADDR" "$to" 5000 1 1000 60000 60001 |
		grep '^4 the same'
}

# And nobody has met a wrong checksum.
sctp_messages() { # FROM TO 4|6
	local name
	modprobe -q sctp || skip "this kernel has no SCTP"
	messages sctp "$@"
	for name in "$1" "$2"; do
		on "$name" grep -P '^SctpChecksumErrors\s+0$' \
			/proc/net/sctp/snmp
	done
}

# Pages of the sender's are in the packets, and it gets them back.
zerocopy() { # FROM TO FAMILY
	bg_py "$2" packet.py tcp-echo "$(addr "$2" "$3")" 5000
	await 10 listens "$2" 5000
	py "$1" packet.py zerocopy "$(addr "$2" "$3")" 5000 \
		1000000 | grep '^1000000 the same'
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

# What times transactions: see bench/latency.c.
readonly LATENCY_PORT=12900
start_latency() { # NAME
	listens "$1" $LATENCY_PORT 2>/dev/null && return
	bg "$1" "$TOP/out/bench/latency" serve $LATENCY_PORT >/dev/null
	await 10 listens "$1" $LATENCY_PORT
}

# What the IP stack of NAME has counted, by a name of nstat.
stack_counter() { # NAME COUNTER
	on "$1" nstat -asz "$2" | awk -v name="$2" '$1 == name { print $2 }'
}

gateway() { # 4|6
	[[ $1 = 4 ]] && echo 169.254.1.1 || echo fe80::1
}

# Which of its addresses a pod sends from.
send_from() { # POD 4|6 [ADDRESS]
	ipn "$1" "-$2" route replace default via "$(gateway "$2")" dev eth0 \
		onlink ${3:+src "$3"}
}

# See who.py: ports 80 and 81 tell who asks.
who() { # FROM ask ARG...
	py "$1" who.py "${@:2}"
}

start_who() { # NAME...
	local name
	for name; do
		listens "$name" 80 && continue
		bg_py "$name" who.py serve 80 81
		await 20 listens "$name" 81 -u
	done
}

start_iperf() { # NAME
	bg "$1" iperf3 -s >/dev/null 2>&1
	await 10 listens "$1" 5201
}

# What netperf has to be told of a test, in $OPTIONS, with the name of its rate in
# $RATE.
find_options() { # TEST
	OPTIONS=() RATE=THROUGHPUT
	case $1 in
	*RR) OPTIONS=(-r '1,1') ;;
	# Else it would not leave the link, and in fragments.
	UDP_STREAM) OPTIONS=(-R 1 -m 1400) RATE=REMOTE_RECV_THROUGHPUT ;;
	esac
	OPTIONS+=(-k "$RATE")
}

# How netperf is asked, in $NETPERF and behind "--" $OPTIONS. A negative number of
# seconds is that of transactions, or of bytes.
find_netperf() { # FROM TO 4|6 TEST SECONDS
	local to
	find_addr "$2" "$3"
	to=$ADDR
	find_addr "$1" "$3"
	find_options "$4"
	NETPERF=(netperf "-$3" -H "$to" ${ADDR:+-L "$ADDR"}
		-t "$4" -l "$5" -P 0)
}

# Prints the rate, of what has arrived.
netperf_rate() { # FROM TO 4|6 TEST [SECONDS [ARG...]]
	local NETPERF OPTIONS RATE
	find_netperf "${@:1:4}" "${5-1}"
	on "$1" "${NETPERF[@]}" -- "${OPTIONS[@]}" "${@:6}" |
		sed -n "s/^$RATE=//p"
}

### The end

cleanup_all() {
	local names
	end_jobs
	unwire
	if [[ -s $TMP/netns ]]; then
		# Pods first and nodes last is but one order; devices.sh has
		# the others.
		mapfile -t names < <(tac "$TMP/netns")
		ns_del "${names[@]}"
		: >"$TMP/netns"
	fi
	unload_all
}

at_exit() {
	cleanup_all
	[[ ! $FORKS ]] || kill "$FORKS"
	rm -rf "$TMP"
}
trap at_exit EXIT
trap 'exit 130' INT
trap 'note "stopped in ${FUNCNAME[*]-}, lines ${BASH_LINENO[*]-}"; exit 143' TERM
[[ $(id -u) -eq 0 ]] || bail "run it as root, best in a guest: selftests/run"
leaks_forget
