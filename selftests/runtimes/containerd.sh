#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# containerd as Kubernetes uses it, through its CRI: pods of two nodes talk by
# the direct path, and nothing stays of them, whenever containerd is killed and
# whatever goes first. Needs Debian's containerd and runc, and:
#
#   selftests/run -t runtimes/containerd
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

cri() { # NODE CRI.PY-ARG...
	"$RUNTIMES/cri.py" "$TMP/$1/containerd.sock" "${@:2}"
}

# Filesystems and devices that nobody asks for take their time to look for.
containerd_config() { # NODE
	cat <<-END
	version = 2
	root = "$TMP/$1/containerd"
	state = "$TMP/$1/state"
	disabled_plugins = [
		"io.containerd.internal.v1.tracing",
		"io.containerd.snapshotter.v1.aufs",
		"io.containerd.snapshotter.v1.btrfs",
		"io.containerd.snapshotter.v1.devmapper",
		"io.containerd.snapshotter.v1.zfs",
		"io.containerd.tracing.processor.v1.otlp",
	]
	[grpc]
	address = "$TMP/$1/containerd.sock"
	[plugins."io.containerd.internal.v1.opt"]
	path = "$TMP/$1/opt"
	[plugins."io.containerd.grpc.v1.cri"]
	sandbox_image = "$IMAGE"
	[plugins."io.containerd.grpc.v1.cri".cni]
	bin_dir = "$TMP/plugins"
	conf_dir = "$TMP/$1/net.d"
	END
}

# It outlives the test that starts it.
start_containerd() { # NODE
	containerd_config "$1" >"$TMP/$1/config.toml"
	node_run "$1" containerd -c "$TMP/$1/config.toml" \
		>>"$TMP/$1/containerd.log" 2>&1 &
	disown
	await $SLOW cri "$1" status
}

first_containerd() { # NODE
	start_containerd "$1"
	ctr -a "$TMP/$1/containerd.sock" -n k8s.io images import \
		"$TMP/image.tar"
}

stop_containerd() { # SIGNAL
	local pids
	mapfile -t pids < <(pgrep -f "^containerd -c $TMP/")
	[[ ${#pids[@]} -eq 0 ]] || kill "-$1" "${pids[@]}"
	await 20 gone "${pids[@]}"
}

rt_run() { # NODE NAME COMMAND...
	POD=$(cri "$1" run "$2")
	cri "$1" start "$POD" "${@:3}" >"$TMP/$1/$POD"
}

rt_addresses() { cri "$1" addresses "$2"; }

rt_exec() { # NODE POD COMMAND...
	cri "$1" exec "$(<"$TMP/$1/$2")" "${@:3}"
}

rt_remove() { # NODE POD
	cri "$1" stop "$2"
	cri "$1" remove "$2"
}

rt_list() { cri "$1" list | sed 's|$|/eth0|'; }

rt_reset() {
	local node
	grep -hE 'level=(warning|error|fatal)' "$TMP"/node?/containerd.log |
		tail -n 10
	stop_containerd KILL
	pkill -9 -f "^[^ ]*containerd-shim-runc-v2 .* -address $TMP/"
	for node in nodeA nodeB; do
		rm -rf "$TMP/$node"/{containerd,state,opt}
		first_containerd "$node"
	done
}

# What Kubernetes does when it finds pods that it does not want.
kubelet_cleans_up() { # NODE
	local pod
	for pod in $(cri "$1" list); do
		rt_remove "$1" "$pod"
	done
}

### Killed

# It notes a pod before it calls the plugin, so a DEL comes for it.
killed_in_add() { # POINT [AND-THEN]
	at_end tidy
	hold "$1"
	doomed cri nodeA run victim &
	kill_at "$1"
	start_containerd nodeA
	kubelet_cleans_up nodeA
	nothing_left
	${2-}
}

killed_in_del() { # POINT
	at_end tidy
	rt_run nodeA victim sleep 100000
	hold "$1"
	doomed cri nodeA stop "$POD" &
	kill_at "$1"
	start_containerd nodeA
	kubelet_cleans_up nodeA
	nothing_left
}

# The plugin finds nobody to tell its result to.
plugin_goes_on() {
	at_end tidy
	hold ADD-host-local-after
	doomed cri nodeA run victim &
	kill_runtime_at ADD-host-local-after
	start_containerd nodeA
	kubelet_cleans_up nodeA
	nothing_left
}

netns_first() {
	local name
	at_end tidy
	rt_run nodeA victim sleep 100000
	name=$(ip netns list | awk '/^cni-/ { print $1 }')
	[[ $name ]]
	ns_del "$name"
	rt_remove nodeA "$POD"
	nothing_left
}

works() {
	rt_run nodeA again sleep 100000
	rt_exec nodeA "$POD" ping -q -c 1 -w 20 192.168.9.2
	rt_remove nodeA "$POD"
	nothing_left
}

two_nodes
make_image
for node in nodeA nodeB; do
	(first_containerd $node) >"$TMP/output" 2>&1 || {
		cat "$TMP/output" "$TMP/$node/containerd.log"
		bail "no containerd"
	}
done
t "two nodes talk" talk
t "killed in ADD, without an address" killed_in_add ADD-host-local-before
t "killed in ADD, with an address" killed_in_add ADD-host-local-after
t "killed in ADD, with a device" killed_in_add ADD-hold-before works
t "killed in DEL, with a device" killed_in_del DEL-hold-before
t "killed in DEL, with an address" killed_in_del DEL-host-local-before
t "killed, and the plugin goes on" plugin_goes_on
t "the network namespace goes first" netns_first
stop_containerd TERM
umount $KEPT
finish
