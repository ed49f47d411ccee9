#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# shuntctl at the edges: one clear line for each error and nothing half done,
# without the module, without privileges; JSON whose keys are those of the
# specification. What it does to a node and its pods is tested beside it, in
# userspace/tests.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

spec=$TOP/Documentation/netlink/specs/shunt.yaml

# The names of an attribute set, as JSON has them.
names_of() { # SET
	awk -v set="$1" '
		/^operations:/ { exit }
		/^    name: / { inside = $2 == set }
		inside && /^        name: / { gsub("-", "_", $2); print $2 }
		' "$spec"
}

# STATUS, one line on stderr that matches REGEX, nothing on stdout.
says() { # STATUS REGEX NODE SHUNTCTL-ARGUMENT...
	local status=0
	ctl "$3" "${@:4}" >"$TMP/out" 2>"$TMP/err" || status=$?
	cat "$TMP/out" "$TMP/err"
	[[ $status = "$1" ]]
	[[ ! -s $TMP/out ]]
	[[ $(wc -l <"$TMP/err") = 1 ]]
	grep -Eiq -- "$2" "$TMP/err"
}

usage() { # SHUNTCTL-ARGUMENT...
	local status=0
	ctl nodeA "$@" >"$TMP/out" 2>"$TMP/err" || status=$?
	cat "$TMP/err"
	[[ $status = 2 && ! -s $TMP/out && -s $TMP/err ]]
}

without_module() {
	at_end 'ns_del "$(ns nodeA)" "$(ns podA1)"'
	use shunt
	ns_add nodeA
	ns_add podA1
	[[ ! -e /sys/module/shunt ]]
	says 1 'module|modprobe' nodeA stats
	says 1 'module|modprobe' nodeA uplink add lo
	says 1 'module|modprobe' nodeA pod add "$(ns podA1)" ip 10.1.0.1
	[[ $(ipn podA1 -br link | cut -d' ' -f1) = lo ]]
	[[ $(ipn nodeA -br link | cut -d' ' -f1) = lo ]]
	[[ ! $(ipn nodeA route show table all dev lo 10.1.0.1) ]]
}

# Indented lines of README.md behind a line that matches REGEX.
of_readme() { # REGEX
	awk -v regex="$1" '
		$0 ~ regex { found = 1; next }
		found && /^    / { print; any = 1 }
		any && !/^    / { exit }' "$TOP/README.md"
}

# Word for word, but for what needs a network: the packages.
first_pod() {
	local line dep
	modules=/lib/modules/$(uname -r)
	at_end 'ns_del blue "$(ns nodeR)"; rmmod shunt; umount "$modules"'
	for dep in dummy $(modinfo -F depends "$(module_file shunt)" |
		tr , ' '); do
		modprobe "$dep"
	done
	# Files of this machine stay as they are, and are not all looked at.
	mkdir "$TMP/lib"
	cp "$modules"/modules.{order,builtin} "$TMP/lib"
	mount --bind "$TMP/lib" "$modules"
	ns_add nodeR
	ipn nodeR link add eth0 up type dummy
	ipn nodeR address add 192.168.99.1/24 dev eth0
	ipn nodeR address add fd99::1/64 dev eth0 nodad
	of_readme '^## Install it' | grep -vE 'apt install|scripts/deps' |
		sed 's/^ *//; s/ *#.*//' >"$TMP/install"
	of_readme '^A first pod' | sed 's/^ *//' >"$TMP/first"
	cat "$TMP/install" "$TMP/first"
	[[ $(<"$TMP/install") = "make install"$'\n'"modprobe shunt" ]]
	[[ $(wc -l <"$TMP/first") = 5 ]]
	# What is built is not built again.
	make -s -C "$TOP" -o modules install-modules KVER="$SHUNT_KERNEL"
	modprobe shunt
	while read -r line; do
		# Not by ip, in whose mounts "blue" would be.
		# shellcheck disable=SC2086 # words
		nsenter --net="/run/netns/$(ns nodeR)" $line
	done <"$TMP/first"
	on nodeR ping -c 1 -W 3 10.1.0.5
	on nodeR ping -c 1 -W 3 fd01::5
	ip netns exec blue ping -c 1 -W 3 192.168.99.1
}

demo() {
	"$SELFTESTS/demo" --in-guest >"$TMP/demo"
	cat "$TMP/demo"
	grep -q 'shunt_rx_handle' "$TMP/demo"
	grep -q 'ping_rcv' "$TMP/demo"
}

no_node() {
	at_end 'ns_del "$(ns nodeX)"'
	ns_add nodeX
	says 1 'node device' nodeX stats
	says 1 'node device' nodeX uplink add lo
	says 1 'node device' nodeX path
	says 1 'node device' nodeX path add 10.0.0.0/8 stack
	says 1 'node device' nodeX pod add "$(ns podA1)" ip 10.1.0.1
}

unprivileged() {
	local status=0 args before
	before=$(ctl nodeA -j pod; ctl nodeA -j uplink; ipn podA3 -br link)
	for args in stats "uplink add nic0" "pod del $(ns podA1)" \
		"pod add $(ns podA3) ip 10.1.0.9"; do
		status=0
		# shellcheck disable=SC2086 # several words
		on nodeA setpriv --reuid 65534 --clear-groups \
			--inh-caps=-all shuntctl $args >"$TMP/out" \
			2>"$TMP/err" || status=$?
		cat "$TMP/err"
		[[ $status = 1 && ! -s $TMP/out ]]
		[[ $(wc -l <"$TMP/err") = 1 ]]
		grep -Eiq 'root|permi|privilege|CAP_NET_ADMIN' "$TMP/err"
	done
	# What opens another network namespace wants more.
	status=0
	on nodeA setpriv --reuid 65534 --clear-groups --inh-caps=+net_admin \
		--ambient-caps=+net_admin shuntctl pod add "$(ns podA3)" \
		ip 10.1.0.9 >"$TMP/out" 2>"$TMP/err" || status=$?
	cat "$TMP/err"
	[[ $status = 1 && $(wc -l <"$TMP/err") = 1 ]]
	grep -q CAP_SYS_ADMIN "$TMP/err"
	[[ $before = "$(ctl nodeA -j pod; ctl nodeA -j uplink
		ipn podA3 -br link)" ]]
	pings podA1 podB1 4 1
}

# The plugin of ip.
ip_link() {
	local words ip=(env IP_LIB_DIR="$TOP/out/bin" ip)
	at_end 'ipn podA3 link del eth0 2>/dev/null'
	"${ip[@]}" -n "$(ns nodeA)" link add eth0 netns "$(ns podA3)" \
		type shunt node shunt0 ip 10.1.0.9 ip fd01::9
	"${ip[@]}" -n "$(ns podA3)" -d link show eth0 >"$TMP/out"
	cat "$TMP/out"
	grep -Eq 'shunt role pod node if[0-9]+ ip 10.1.0.9 ip fd01::9' \
		"$TMP/out"
	"${ip[@]}" -n "$(ns podA3)" -d -j link show eth0 >"$TMP/out"
	jq -e --argjson node "$(on nodeA cat /sys/class/net/shunt0/ifindex)" '
		.[0].linkinfo.info_data == {role: "pod", node: $node,
			ip: ["10.1.0.9", "fd01::9"]}' "$TMP/out"
	"${ip[@]}" -n "$(ns nodeA)" -d link show shunt0 |
		grep 'shunt role node'
	not "${ip[@]}" link add type shunt help 2>"$TMP/err"
	grep 'node DEV ip ADDRESS' "$TMP/err"
	for words in "node nic7 ip 10.1.0.8" "node shunt0 ip 10.1.0.300" \
		"node shunt0 ip" "pod"; do
		# shellcheck disable=SC2086 # words
		not "${ip[@]}" -n "$(ns nodeA)" link add eth1 \
			netns "$(ns podA3)" type shunt $words 2>"$TMP/err"
		cat "$TMP/err"
		[[ -s $TMP/err ]]
		not ipn podA3 link show eth1
	done
}

# What is refused leaves pod and node as they were.
pod_refused() { # REGEX SHUNTCTL-ARGUMENT...
	local regex=$1 before after
	shift
	state() {
		ctl nodeA -j pod show
		ipn nodeA route
		ipn nodeA -6 route
		ipn podA2 address
		ipn podA2 route
	}
	before=$(state)
	says 1 "$regex" nodeA "$@"
	after=$(state)
	diff <(echo "$before") <(echo "$after")
}

wrong_netns_name() { pod_refused nowhere pod add nowhere ip 10.1.0.9; }
address_in_use() {
	pod_refused '10\.1\.0\.1|use' pod add "$(ns podA2)" dev eth1 ip 10.1.0.1
}
name_in_use() {
	pod_refused 'eth0|exist' pod add "$(ns podA2)" ip 10.1.0.9
}
second_address_in_use() {
	pod_refused 'fd01::1|use' pod add "$(ns podA2)" dev eth1 \
		ip 10.1.0.9 ip fd01::1
}
wrong_node() {
	pod_refused nic0 pod add "$(ns podA2)" dev eth1 ip 10.1.0.9 node nic0
}
own_netns() { says 1 . nodeA pod add "$(ns nodeA)" ip 10.1.0.9; }
no_such_pod() { says 1 . nodeA pod del "$(ns podB1)"; }

json_stats() {
	ctl nodeA -j stats >"$TMP/json"
	jq -e . "$TMP/json" >/dev/null
	diff <(names_of stats | grep -v '^pad$' | sort) \
		<(jq -r 'if type == "array" then .[0] else . end | keys[]' \
			"$TMP/json" | sort)
	jq -e 'if type == "array" then .[0] else . end |
		[.[] | type] | unique == ["number"]' "$TMP/json"
}

json_pods() {
	local key
	ctl nodeA -j pod show >"$TMP/json"
	cat "$TMP/json"
	[[ $(jq length "$TMP/json") = 2 ]]
	# The name of a netns is found out by the tool itself.
	for key in $(jq -r '.[0] | keys[]' "$TMP/json" | grep -vx netns); do
		names_of pod | grep -qx "${key//-/_}"
	done
	jq -e '[.[].address[]] | sort ==
		["10.1.0.1", "10.1.0.2", "fd01::1", "fd01::2"]' "$TMP/json"
	ctl nodeA -j pod show "$(ns podA2)" |
		jq -e 'length == 1 and .[0].name == "eth0"'
}

json_uplinks() {
	local key
	ctl nodeA -j uplink show >"$TMP/json"
	for key in $(jq -r '.[0] | keys[]' "$TMP/json"); do
		names_of uplink | grep -qx "${key//-/_}"
	done
	jq -e '.[0].name == "nic0"' "$TMP/json"
}

json_paths() {
	local key
	at_end 'ctl nodeA path del 10.96.0.0/12'
	ctl nodeA path add 10.96.0.0/12 stack
	ctl nodeA -j path show >"$TMP/json"
	for key in $(jq -r '.[0] | keys[]' "$TMP/json"); do
		names_of path | grep -qx "${key//-/_}"
	done
	jq -e '.[0] | .address == "10.96.0.0" and .length == 12 and
		.action == "stack"' "$TMP/json"
}

# Text has what JSON has.
text() {
	pings podA1 podB1 4 3
	ctl nodeA stats | tee "$TMP/text"
	grep -Eq 'tx_direct +[0-9]+' "$TMP/text"
	ctl nodeA pod show | tee "$TMP/text"
	grep -q 10.1.0.1 "$TMP/text"
	grep -q fd01::2 "$TMP/text"
	ctl nodeA uplink show | grep -q nic0
}

nowhere_to_write() {
	not ctl nodeA -j stats >/dev/full
	not ctl nodeA pod show >/dev/full
}

t "without the module" without_module
t "first pod of the README" first_pod
t "demo" demo
load_module
topology shunt podA1 podA2 podB1
ns_add podA3
t "without a node device" no_node
t "without privileges" unprivileged
t "plugin of ip" ip_link
t "netns that does not exist" wrong_netns_name
t "address in use" address_in_use
t "second address in use" second_address_in_use
t "name in use" name_in_use
t "node device that is none" wrong_node
t "the node as its own pod" own_netns
t "pod del of another node's pod" no_such_pod
for args in nonsense "uplink add" "pod add" "pod add x ip 1.2.3" \
	"pod add x ip 10.0.0.1/24" "pod add x mtu" "pod add x mac 1:2" \
	"uplink frob nic0" "path add 10.0.0.0/8" \
	"path add 10.0.0.0/8 fly" "path del 10.0.0.1/8" "-x"; do
	read -ra words <<<"$args"
	t "usage: $args" usage "${words[@]}"
done
t "JSON of stats has the specification's names" json_stats
t "JSON of pods" json_pods
t "JSON of uplinks" json_uplinks
t "JSON of paths" json_paths
t "text" text
t "full disk" nowhere_to_write
finish
