#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# podman with CNI as its network backend: pods of two nodes talk by the direct
# path, and nothing stays of them, whenever podman is killed and whatever goes
# first. Needs Debian's podman and crun, and:
#
#   selftests/run -t runtimes/podman
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# Each node has its own of everything that podman keeps.
podman_config() { # NODE
	mkdir -p "$TMP/$1/podman"
	cat >"$TMP/$1/storage.conf" <<-END
	[storage]
	driver = "overlay"
	graphroot = "$TMP/$1/podman/storage"
	runroot = "$TMP/$1/podman/run"
	END
	cat >"$TMP/$1/containers.conf" <<-END
	[containers]
	log_driver = "k8s-file"
	[engine]
	cgroup_manager = "cgroupfs"
	events_logger = "none"
	lock_type = "file"
	runtime = "crun"
	tmp_dir = "$TMP/$1/podman/tmp"
	[network]
	network_backend = "cni"
	cni_plugin_dirs = ["$TMP/plugins"]
	network_config_dir = "$TMP/$1/net.d"
	default_network = "pods"
	END
}

pod() { # NODE PODMAN-ARG...
	node_run "$1" env CONTAINERS_CONF="$TMP/$1/containers.conf" \
		CONTAINERS_STORAGE_CONF="$TMP/$1/storage.conf" podman "${@:2}"
}

rt_run() { # NODE NAME COMMAND...
	POD=$(pod "$1" run -d --name "$2" "$IMAGE" "${@:3}")
}

rt_addresses() { # NODE POD
	pod "$1" inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}
{{.GlobalIPv6Address}}{{end}}' "$2"
}

rt_exec() { # NODE POD COMMAND...
	pod "$1" exec "${@:2}"
}

rt_remove() { # NODE POD
	pod "$1" rm -f -t 0 "$2"
}

rt_list() { pod "$1" ps -aq --no-trunc | sed 's|$|/eth0|'; }

rt_reset() {
	local node
	for node in nodeA nodeB; do
		pod "$node" rm -f -t 0 -a
	done
}

### Killed

# podman mounts file systems while it sets up the network, and does not know of
# those, either.
remove_victim() {
	pod nodeA rm -f -t 0 victim && return
	awk -v dir="$TMP/nodeA/podman/" 'index($2, dir) == 1 { print $2 }' \
		/proc/mounts | tac | xargs -r umount
	pod nodeA rm -f -i -t 0 victim
}

# podman does not know that there was a plugin, and no DEL comes. GC finds what
# is left: devices, and addresses that have none.
killed_in_add() { # POINT
	at_end tidy
	hold "$1"
	doomed pod nodeA run -d --name victim "$IMAGE" sleep 100000 &
	kill_at "$1"
	remove_victim
	collect nodeA
	no_pods
	remove_netns
	nothing_left
}

# A container that ends is cleaned up in the background, too, by whoever comes
# first.
killed_in_del() { # POINT
	at_end tidy
	rt_run nodeA victim sleep 100000
	hold "$1"
	doomed pod nodeA rm -f -t 0 victim &
	kill_at "$1"
	wait $! || true
	pod nodeA rm -f -t 0 victim
	await 20 is_nothing_left
	nothing_left
}

# The plugin finds nobody to tell its result to.
plugin_goes_on() {
	at_end tidy
	hold ADD-host-local-after
	doomed pod nodeA run -d --name victim "$IMAGE" sleep 100000 &
	kill_runtime_at ADD-host-local-after
	remove_victim
	remove_netns
	nothing_left
}

# No DEL comes then, either, and the result that podman has kept stays.
netns_first() {
	local name
	at_end tidy
	rt_run nodeA victim sleep 100000
	name=$(ip netns list | awk '/^netns-/ { print $1 }')
	[[ $name ]]
	ip netns del "$name"
	rt_remove nodeA victim
	await 10 no_pods
	collect nodeA
	rm "$KEPT/results/pods-$POD-eth0"
	nothing_left
}

two_nodes
make_image
for node in nodeA nodeB; do
	podman_config $node
	pod $node load -q -i "$TMP/image.tar" >"$TMP/output" 2>&1 ||
		{ cat "$TMP/output"; bail "no podman"; }
done
t "two nodes talk" talk
t "killed in ADD, without an address" killed_in_add ADD-host-local-before
t "killed in ADD, with an address" killed_in_add ADD-host-local-after
t "killed in ADD, with a device" killed_in_add ADD-hold-before
t "killed in DEL, with a device" killed_in_del DEL-hold-before
t "killed in DEL, with an address" killed_in_del DEL-host-local-before
t "killed, and the plugin goes on" plugin_goes_on
t "the network namespace goes first" netns_first
umount $KEPT
finish
