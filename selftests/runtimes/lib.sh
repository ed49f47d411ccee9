# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the tests of the CNI plugin in container runtimes: two nodes that nothing
# has been made on, each with its own runtime and network configuration, an
# image, and what has to be gone at the end. To be sourced.
#
#   pods of nodeA  10.1.0.0/24, fd01::/64     nodeB  10.2.0.0/24, fd02::/64
#
# A script that sources this has these functions: rt_run NODE NAME COMMAND...
# sets $POD; rt_addresses NODE POD; rt_exec NODE POD COMMAND...; rt_remove NODE
# POD; rt_list NODE prints CONTAINER/IFNAME of what there is; rt_reset ends what
# a test that failed has left.
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/../lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../lib.sh"

readonly RUNTIMES=$SELFTESTS/runtimes
readonly REFERENCE=${SHUNT_PACKAGES-}/containernetworking-plugins/usr/lib/cni
# Of all runtimes that use libcni.
readonly KEPT=/var/lib/cni
# As Go starts in an emulated guest.
readonly SLOW=120

### The nodes

# In the netns of a node, but with the mounts of all: those of netns that a
# runtime makes have to be seen outside.
node_run() { # NODE COMMAND...
	find_ns "$1"
	nsenter --net="/run/netns/$NS" "${@:2}"
}

# The example of the documentation with this node's addresses, and behind it
# what can stop a runtime when all is made.
configure() { # NODE NUMBER
	mkdir -p "$TMP/$1/net.d" "$TMP/$1/leases"
	# shellcheck disable=SC2016 # variables of jq
	jq --arg n "$2" --arg dir "$TMP/$1/leases" '
		.plugins[0].dataDir = $dir + "/records" |
		.plugins[0].ipam |= (.dataDir = $dir | .ranges = [
			[{subnet: "10.\($n).0.0/24"}],
			[{subnet: "fd0\($n)::/64"}]]) |
		.plugins += [{type: "hold"}]' \
		"$TOP/userspace/cni/examples/10-shunt.conflist" \
		>"$TMP/$1/net.d/10-pods.conflist"
}

install_plugins() {
	local name
	[[ -x $REFERENCE/host-local ]] || bail "no host-local in $REFERENCE"
	mkdir -p "$TMP/plugins/real" "$TMP/plugins/held"
	ln -s "${PLUGIN-$TOP/out/bin/shunt}" "$TMP/plugins/shunt"
	for name in loopback bridge portmap tuning; do
		ln -s "$REFERENCE/$name" "$TMP/plugins/$name"
	done
	ln -s "$REFERENCE/host-local" "$TMP/plugins/real/host-local"
	ln -s "$RUNTIMES/hold" "$TMP/plugins/host-local"
	ln -s "$RUNTIMES/hold" "$TMP/plugins/hold"
}

two_nodes() {
	local name
	load_module
	use shunt
	for name in nodeA nodeB; do
		ns_add $name || bail "no netns"
	done
	wire 0
	ipn nodeA route add default via 192.168.9.2
	ipn nodeA route add default via fd09::2
	ipn nodeB route add default via 192.168.9.1
	ipn nodeB route add default via fd09::1
	configure nodeA 1
	configure nodeB 2
	install_plugins
	# What the machine's own runtimes keep there is not to be touched.
	mkdir -p $KEPT
	mount -t tmpfs kept $KEPT || bail "no $KEPT"
}

### The image: busybox, and something to download

readonly IMAGE=localhost/pod:latest ROOT=$TMP/root
make_image() {
	local dir=$TMP/image name sum
	mkdir -p "$ROOT"/{bin,dev,etc,proc,sys,tmp,www} "$dir"
	cp "$(type -P busybox)" "$ROOT/bin"
	for name in grep httpd md5sum ping sh sleep wget; do
		ln -s busybox "$ROOT/bin/$name"
	done
	seq 200000 >"$ROOT/www/numbers"
	SUM=$(md5sum <"$ROOT/www/numbers")
	tar -C "$ROOT" -cf "$dir/layer.tar" .
	sum=$(sha256sum <"$dir/layer.tar")
	jq -n --arg sum "sha256:${sum%% *}" '{architecture: "amd64",
		os: "linux", config: {Env: ["PATH=/bin"],
		Cmd: ["sleep", "100000"]}, history: [{}],
		rootfs: {type: "layers", diff_ids: [$sum]}}' >"$dir/config.json"
	jq -n --arg name $IMAGE '[{Config: "config.json", RepoTags: [$name],
		Layers: ["layer.tar"]}]' >"$dir/manifest.json"
	tar -C "$dir" -cf "$TMP/image.tar" manifest.json config.json layer.tar
	rm -r "$dir"
}

### What a test leaves

find_left() {
	local node
	for node in nodeA nodeB; do
		find "$TMP/$node/leases" -type f ! -name 'last_reserved*' \
			! -name lock
		ipn $node route show proto 115
		ipn $node -6 route show proto 115
		[[ ! $(ipn $node link show type shunt) ]] ||
			ctl $node -j pod | jq -r '.[] | "pod \(.name)"'
	done
	find $KEPT -type f
	ip netns list | grep -v "$TOPO$$" || true
}

no_pods() { [[ $(ctl nodeA -j pod) = '[]' ]]; }

is_nothing_left() { [[ ! $(find_left) ]]; }

nothing_left() {
	local left
	left=$(find_left)
	[[ ! $left ]] || fail "left: ${left//$'\n'/, }"
}

# The end of each test: what failed shall not make others fail.
tidy() {
	local name
	rm -f "$TMP"/plugins/held/*
	[[ $ENDED -ne 0 ]] || return 0
	rt_reset
	while read -r name _; do
		[[ $name = *"$TOPO$$" ]] || ns_del "$name"
	done < <(ip netns list)
	find $KEPT "$TMP"/node?/leases -type f -delete
	for name in nodeA nodeB; do
		ipn "$name" route flush proto 115
		ipn "$name" -6 route flush proto 115
	done
}

### Stopping and killing

# What is going to be killed: that it fails is no reason why a test does.
doomed() { # COMMAND...
	trap - ERR
	"$@"
}

# POINT is VERB-PLUGIN-before or VERB-PLUGIN-after.
hold() { # POINT
	mkfifo "$TMP/plugins/held/$1"
}

await_held() { # POINT
	await $SLOW test -e "$TMP/plugins/held/$1.pid"
}

let_go() { # POINT
	: >"$TMP/plugins/held/$1"
	rm "$TMP/plugins/held/$1"
}

# Sets HOLDERS: what stands at POINT, its parent and so on, the runtime as the
# last. What that one does in the background is nobody's child.
find_holders() { # POINT
	local pid name
	HOLDERS=()
	pid=$(<"$TMP/plugins/held/$1.pid")
	while [[ $pid -gt 1 ]]; do
		name=$(<"/proc/$pid/comm")
		[[ $name != "$SCRIPT.sh" ]] || break
		HOLDERS+=("$pid")
		pid=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
	done
}

gone() { # PID...
	local pid
	for pid; do
		[[ ! -e /proc/$pid || $(<"/proc/$pid/stat") = *') Z '* ]] ||
			return 1
	done
}

# All of them, and the runtime first: nobody sees the end of another.
kill_at() { # POINT
	local n
	await_held "$1"
	find_holders "$1"
	for ((n = ${#HOLDERS[@]} - 1; n >= 0; n--)); do
		kill -9 "${HOLDERS[n]}"
	done
	await 10 gone "${HOLDERS[@]}"
	rm "$TMP/plugins/held/$1"*
}

# The runtime alone, which may be several processes; the plugins go on.
kill_runtime_at() { # POINT
	local pid name pids=()
	await_held "$1"
	find_holders "$1"
	name=$(<"/proc/${HOLDERS[-1]}/comm")
	for pid in "${HOLDERS[@]}"; do
		[[ $(<"/proc/$pid/comm") != "$name" ]] || pids+=("$pid")
	done
	kill -9 "${pids[@]}"
	await 10 gone "${pids[@]}"
	let_go "$1"
	await $SLOW gone "${HOLDERS[@]}"
	# They have taken back what they had made.
	no_pods
}

### What an operator has

tool() { # NODE CNITOOL-ARG...
	node_run "$1" env NETCONFPATH="$TMP/$1/net.d" CNI_PATH="$TMP/plugins" \
		CNI_CACHE="$TMP/$1/kept" "$RUNTIMES/cnitool" "${@:2}"
}

# What the runtime does not know of any more.
collect() { # NODE
	local valid
	mapfile -t valid < <(rt_list "$1")
	tool "$1" gc pods "${valid[@]}"
}

# The netns of a pod that nobody knows any more.
remove_netns() {
	local name
	while read -r name _; do
		[[ $name = *"$TOPO$$" ]] || ip netns del "$name"
	done < <(ip netns list)
}

### Pods

# Both families: the first packet finds neighbours, the rest goes direct.
readonly TALK='for to; do
	ping -q -c 1 -w 20 "$to" || exit
	ping -q -c 3 -w 20 "$to" | grep "3 packets received" || exit
	[ "$to" = "${to#*:}" ] || to="[$to]"
	sum=$(wget -q -O - "http://$to/numbers" | md5sum)
	[ "$sum" = "$SUM" ] || { echo "downloaded from $to: $sum"; exit 1; }
done'

# A pod on each node; one talks to the other.
talk() {
	local client server to
	at_end tidy
	rt_run nodeA client sleep 100000
	client=$POD
	rt_run nodeB server httpd -f -h /www
	server=$POD
	mapfile -t to < <(rt_addresses nodeB "$server")
	[[ "${to[*]}" = '10.2.0.'*' fd02::'* ]] || fail "addresses: ${to[*]}"
	snap nodeA
	snap nodeB
	rt_exec nodeA "$client" sh -c "SUM='$SUM'; $TALK" - "${to[@]}"
	# Of both families, echoes and a download. What a new device reports by
	# multicast is neither.
	expect nodeA tx_direct=20.. rx_direct=40.. punt_options=0.. \
		drop_nd=0.. others=0
	expect nodeB tx_direct=40.. rx_direct=20.. punt_options=0.. \
		drop_nd=0.. others=0
	rt_remove nodeA "$client"
	rt_remove nodeB "$server"
	nothing_left
}
