#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The CNI plugin alone, with the reference plugin for addresses: each verb, each
# version, and that nothing stays behind, whatever fails or goes first. Needs
# root and the module, so:
#
#   selftests/vm/run -- userspace/tests/cni.sh
#
# With SANITIZED=1, some of it with a plugin that "make -C userspace test-san"
# has built.
#
# What the reference plugins' own tests expect (github.com/containernetworking,
# plugins 1.1.1 and cni 1.1.2) has its counterpart here:
#
#   bridge_test, ptp_test, ipvlan_test, macvlan_test:
#     ADD, device, addresses, route, ping, DEL     "ADD, and all"
#     the same in each version                     "versions"
#     IPv4 and IPv6 at once, routes of the IPAM    "configuration"
#     MTU, MAC of the configuration, of
#       runtimeConfig, and which goes first        "configuration"
#     DNS of the configuration or of the IPAM      "DNS"
#     no master named: that of the default route   "ADD, and all"
#     a master that does not exist                 "refusals leave nothing"
#     DEL of what was never made                   "DEL twice"
#     addresses are given back if ADD fails        "refusals leave nothing"
#     CHECK after ADD, and after tampering         "CHECK"
#     CHECK in versions before 0.4.0 is refused    tests/cni
#     ADD with a prevResult                        "behind", "in the place"
#   pkg/ip, pkg/ns, pkg/ipam: link_linux_test, ns_linux_test, ipam_linux_test:
#     the name is taken                            "refusals leave nothing"
#     a netns that is none, or is gone             "no network namespace"
#     deleting a link that is not there            "DEL twice"
#     the IPAM fails, has no address, is missing   "refusals", "no network"
#     an address or a route is missing             "CHECK"
#   pkg/skel of cni: skel_test:
#     a variable missing, or malformed             tests/cni
#     CNI_NETNS may be missing for DEL             "DEL twice"
#     CNI_NETNS is the plugin's own                "no network namespace"
#     configuration, prevResult: missing, wrong    tests/cni
#   plugins/meta, testing what comes behind: chain.sh
#
# Not followed: MAC in CNI_ARGS, which the conventions call deprecated; GC and
# STATUS serve configurations of any version.
#
# shellcheck disable=SC2119,SC2120,SC2317 # functions are called by their names
# shellcheck disable=SC2016 # variables of jq
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# The network configuration as runtimes make it of a list, changed by a filter
# of jq.
config() { # [[JQ-ARG...] FILTER]
	local filter=. args=("$@")
	if [[ $# -gt 0 ]]; then
		filter=${!#}
		unset 'args[-1]'
	fi
	jq --arg version "$VERSION" --arg dir "$TMP/leases" "${args[@]}" \
		".plugins[0] + {cniVersion: \$version, name: .name} |
		.ipam.dataDir = \$dir | .dataDir = \$dir + \"/records\" |
		($filter)" \
		"$TOP/userspace/cni/examples/10-shunt.conflist"
}

add() { # CONTAINER NETNS [IFNAME [FILTER]]
	config "${4-.}" | cni ADD "$1" "$2" "${3-eth0}"
}

del() { # CONTAINER NETNS [IFNAME]
	config | cni DEL "$1" "$2" "${3-eth0}"
}

# All that attachments could leave.
state() {
	ipn nodeA route show proto 115
	ipn nodeA -6 route show proto 115
	ipn blue -brief address
	ctl nodeA -j pod 2>/dev/null
	find "$TMP/leases" -type f ! -name 'last_reserved*' ! -name lock
}

nothing_left() {
	local left
	left=$(ipn nodeA route show proto 115
		ipn nodeA -6 route show proto 115
		find "$TMP/leases" -type f ! -name 'last_reserved*' ! -name lock)
	[[ ! $left ]] || fail "left: $left"
	[[ ! $(ipn nodeA link show type shunt) ]] || no_pods
}

### ADD

# On a node where nothing has been made.
add_first() {
	fresh
	on nodeA sysctl -qw net.ipv4.ip_forward=0 \
		net.ipv6.conf.all.forwarding=0 net.ipv6.conf.nic0.accept_ra=1
	# Not every device of a default route can be an uplink.
	ipn nodeA link add br9 type bridge
	ipn nodeA link add port9 up master br9 type dummy
	ipn nodeA route add default dev port9 metric 5000
	add one blue
	cat "$TMP/said"
	said '.cniVersion == "1.0.0"'
	said --arg ns "/run/netns/$(ns blue)" '.interfaces == [{name: "eth0",
		sandbox: $ns, mac: .interfaces[0].mac}]'
	said --arg mac "$(on blue cat /sys/class/net/eth0/address)" \
		'.interfaces[0].mac == $mac'
	said '.ips == [
		{address: "10.1.0.2/32", gateway: "169.254.1.1", interface: 0},
		{address: "fd01::2/128", gateway: "fe80::1", interface: 0}]'
	said '.routes == [{dst: "0.0.0.0/0", gw: "169.254.1.1"},
		{dst: "::/0", gw: "fe80::1"}]'
	said '.dns == {}'
	[[ ! -s $TMP/log ]]
	[[ $(ctl nodeA -j uplink | jq -r '.[].name') = nic0 ]]
	[[ $(on nodeA cat /proc/sys/net/ipv4/ip_forward) = 1 ]]
	[[ $(on nodeA cat /proc/sys/net/ipv6/conf/all/forwarding) = 1 ]]
	# A router that lost its own routes by this would be gone.
	[[ $(on nodeA cat /proc/sys/net/ipv6/conf/nic0/accept_ra) = 2 ]]
	await 5 on blue ping -q -c 1 -W 1 192.168.9.2
	await 5 on blue ping -q -c 1 -W 1 fd09::2
	snap nodeA
	on blue ping -q -c 3 -i 0.01 -W 3 192.168.9.2
	on blue ping -q -c 3 -i 0.01 -W 3 fd09::2
	expect nodeA tx_direct=6 rx_direct=6 others=0
	del one blue
	[[ ! -s $TMP/said ]]
	nothing_left
}

# Versions differ in how a result is written.
versions() {
	fresh
	for VERSION in 0.3.1 0.4.0 1.0.0; do
		add one blue
		said --arg version "$VERSION" '.cniVersion == $version'
		case $VERSION in
		0*) said '[.ips[].version] == ["4", "6"]' ;;
		*) said '[.ips[] | has("version")] | any | not' ;;
		esac
		del one blue
	done
	# The plugin for addresses does not know this one.
	VERSION=1.1.0
	refused 1 host-local add one blue
	nothing_left
	VERSION=0.2.0
	refused 1 '0.2.0' add one blue
	cni VERSION x ''
	said '.supportedVersions == ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]'
}

# What only the newest version says of routes.
routes_of_newest() {
	local result='{ips: [{address: "10.1.0.9/24"},
		{address: "fd01::9/64"}], routes: [
		{dst: "0.0.0.0/0", mtu: 1400, advmss: 1300, gw: "10.1.0.1"},
		{dst: "10.7.0.0/16", table: 1000, priority: 7, scope: 253},
		{dst: "fd07::/64", priority: 8, mtu: 1410}]}'
	fake ADD one blue "{ipam: {does: {ADD: ($result | tojson)}}}"
	said '.routes == [
		{dst: "0.0.0.0/0", gw: "169.254.1.1", mtu: 1400, advmss: 1300},
		{dst: "10.7.0.0/16", gw: "169.254.1.1", priority: 7, table: 1000},
		{dst: "fd07::/64", gw: "fe80::1", mtu: 1410, priority: 8}]'
	cp "$TMP/said" "$TMP/result"
	ipn blue route show default | grep 'mtu 1400 advmss 1300'
	ipn blue route show table 1000 | grep '10.7.0.0/16.* metric 7'
	ipn blue -6 route show fd07::/64 | grep 'metric 8 .*mtu 1410'
	fake CHECK one blue "$(jq -c '{prevResult: .}' "$TMP/result")"
	fake DEL one blue
	result='{ips: [{address: "10.1.0.9/24"}],
		routes: [{dst: "0.0.0.0/0", mtu: -1}]}'
	fake_refused 6 '"mtu": no number of 32 bits' ADD \
		"{ipam: {does: {ADD: ($result | tojson)}}}"
}

# The newest one, with a plugin for addresses that knows it, too.
newest() {
	local valid='"cni.dev/valid-attachments"'
	fresh
	VERSION=1.1.0
	fake ADD one blue
	said '.cniVersion == "1.1.0" and .interfaces[0].mtu == 1500 and
		([.ips[].address] == ["10.1.0.9/32", "fd01::9/128"])'
	cp "$TMP/said" "$TMP/result"
	fake CHECK one blue "$(jq -c '{prevResult: .}' "$TMP/result")"
	fake STATUS '' ''
	fake_refused 50 busy STATUS \
		'{ipam: {does: {STATUS: {code: 999, msg: "busy"}}}}'
	fake_refused 51 full STATUS \
		'{ipam: {does: {STATUS: {code: 51, msg: "full"}}}}'
	fake GC '' '' "{$valid: [{containerID: \"one\", ifname: \"eth0\"}]}"
	ipn blue link show eth0
	# What one of both says keeps the other from nothing.
	fake_refused 999 lost GC "{$valid: [],
		ipam: {does: {GC: {code: 999, msg: \"lost\"}}}}"
	no_pods
	fake DEL one blue
	diff "$TMP/ipam.log" - <<-END
		ADD one eth0
		CHECK one eth0
		$(printf 'VERSION  \nSTATUS  \n%.0s' 1 2 3)
		$(printf 'VERSION  \nGC  ')
		DEL one eth0
		$(printf 'VERSION  \nGC  ')
		DEL one eth0
	END
	routes_of_newest
	# Who does not know the version is not asked.
	VERSION=1.0.0
	fake STATUS '' ''
	[[ $(wc -l <"$TMP/ipam.log") = 19 ]]
	nothing_left
}

# With the plugin for addresses that lies beside this.
fake() { # VERB CONTAINER NETNS [MORE]
	config --argjson more "$(jq -nc "${4:-{\}}")" --arg log "$TMP/ipam.log" \
		'.ipam = {type: "ipam", $log} | . * $more' |
		cni "$1" "$2" "$3" "${2:+eth0}"
}

fake_refused() { # CODE REGEX VERB MORE
	local attachment=('' '')
	[[ $3 != ADD ]] || attachment=(one blue)
	refused "$1" "$2" fake "$3" "${attachment[@]}" "$4"
}

# Whatever becomes of it, what it may have given is given back; and though the
# runtime waits for nobody.
ipam_fails() {
	fresh
	IGNORED=--ignore-signal=CHLD
	fake_refused 100 'signal 9' ADD '{ipam: {does: {ADD: 9}}}'
	fake_refused 7 'no address' ADD '{ipam: {does: {ADD: "no JSON"}}}'
	fake_refused 7 'no address' ADD '{ipam: {does: {ADD: "{}"}}}'
	fake_refused 100 'ipam: exit status 1' ADD '{ipam: {does: {ADD: {}}}}'
	fake_refused 6 'x: not an IPv4' ADD '{ipam: {does: {ADD:
		"{\"ips\": [{\"address\": \"x\"}]}"}}}'
	[[ $(grep -c '^ADD' "$TMP/ipam.log") = 5 ]]
	[[ $(grep -c '^DEL one eth0' "$TMP/ipam.log") = 5 ]]
	[[ ! $(ctl nodeA -j pod) || $(ctl nodeA -j pod) = '[]' ]]
}

# Addresses of the configuration itself.
static_ipam() {
	fresh
	add one blue eth0 '.ipam = {type: "static", addresses: [
		{address: "10.1.0.77/24"}, {address: "fd01::77/64"}]}'
	said '[.ips[].address] == ["10.1.0.77/32", "fd01::77/128"]'
	reaches tx_direct=6 rx_direct=6 others=0
	del one blue
	nothing_left
}

# The runtime reads no result.
nobody_reads() {
	fresh
	config >"$TMP/config"
	not unread <"$TMP/config"
	not ipn blue link show eth0
	nothing_left
	first ptp ADD one blue
	entry 1 --slurpfile prev "$TMP/first" '.prevResult = $prev[0]' \
		>"$TMP/config"
	not unread <"$TMP/config"
	no_pods
	not unread < <(jq '.mode = "replace"' "$TMP/config")
	no_pods
	first ptp DEL one blue
	nothing_left
}

unread() {
	on nodeA env CNI_COMMAND=ADD CNI_CONTAINERID=one CNI_IFNAME=eth0 \
		CNI_NETNS="/run/netns/$(ns blue)" CNI_PATH="$TMP/plugins" \
		"$TMP/plugins/shunt" >/dev/full
}

# What the configuration can say.
configured() {
	fresh
	add one blue eth0 '.mtu = 1400 | .node = "pods0" | .uplinks = ["nic0"] |
		.runtimeConfig.mac = "02:00:00:00:77:01" | .unknown = {a: 1} |
		.mac = "02:00:00:00:77:02" | .dns.nameservers = ["10.0.0.53"] |
		.direct = ["10.0.0.0/8"] | .stack = ["0.0.0.0/0", "fd66::/16"] |
		.ipam.routes = [{dst: "10.0.0.0/8"}, {dst: "fd00::/8"}]'
	cat "$TMP/said"
	said '.interfaces[0].mac == "02:00:00:00:77:01" and
		.dns.nameservers == ["10.0.0.53"]'
	said '.routes == [{dst: "10.0.0.0/8", gw: "169.254.1.1"},
		{dst: "fd00::/8", gw: "fe80::1"}]'
	[[ $(on blue cat /sys/class/net/eth0/mtu) = 1400 ]]
	[[ $(ipn blue -j route | jq -r '[.[].dst] | sort | join(" ")') = \
		"10.0.0.0/8 169.254.1.1" ]]
	ipn blue -6 route | grep '^fd00::/8 via fe80::1'
	ipn nodeA link show pods0
	[[ $(ctl nodeA -j path | jq -r '.[] | "\(.address)/\(.length) \(.action)"' |
		tr '\n' ,) = \
		"0.0.0.0/0 stack,10.0.0.0/8 direct,fd66::/16 stack," ]]
	del one blue
	nothing_left
}

# The configuration's goes before that of the plugin for addresses.
dns() {
	local from_file='.ipam.resolvConf = $file'
	fresh
	printf 'nameserver 10.1.2.123\nsearch a.test\n' >"$TMP/resolv.conf"
	config --arg file "$TMP/resolv.conf" "$from_file" | cni ADD one blue
	said '.dns == {nameservers: ["10.1.2.123"], search: ["a.test"]}'
	del one blue
	config --arg file "$TMP/resolv.conf" "$from_file |
		.dns.domain = \"b.test\"" | cni ADD one blue
	said '.dns == {domain: "b.test"}'
	del one blue
	nothing_left
}

# Two networks of one pod, by two devices.
two_devices() {
	fresh
	add one blue eth0
	add one blue net1 '.name = "net2" | .ipam.ranges = [[{subnet:
		"10.7.0.0/24"}]] | .ipam.routes = [{dst: "10.8.0.0/16"}]'
	[[ $(ipn blue -j route show default | jq length) = 1 ]]
	ipn blue route show 10.8.0.0/16 | grep net1
	config '.name = "net2"' | cni DEL one blue net1
	on blue ping -q -c 1 -W 3 192.168.9.1
	del one blue
	nothing_left
}

### Refusals: nothing is done

# What is wrong without looking at the node, tests/cni has.
bad_netns() {
	fresh
	refused 3 'no such' add one /run/netns/none
	refused 8 'not a network namespace' add one /etc/passwd
	refused 8 "node's own" add one nodeA
	refused 7 'no such plugin' add one blue eth0 '.ipam.type = "none"'
	nothing_left
}

# Each leaves things as they are.
refusals() {
	fresh
	add one blue
	before=$(state)
	refused 100 'there is a device eth0 already' add two blue
	refused 100 'there is a device eth0 already' add one blue
	[[ $(state) = "$before" ]]
	# An address that the node has.
	refused 100 . add two green eth0 '.ipam.ranges = [[{subnet:
		"192.168.9.0/30", rangeStart: "192.168.9.1",
		gateway: "192.168.9.2"}]]'
	[[ $(state) = "$before" ]]
	# No address is left.
	refused 999 'host-local: ' add two green eth0 '.ipam.ranges = [[{subnet:
		"10.9.0.0/30", rangeStart: "10.9.0.1", rangeEnd: "10.9.0.1"}]]'
	refused 100 'no such device' add two green eth0 '.uplinks = ["nic7"]'
	refused 100 'not a node device' add two green eth0 '.node = "nic0"'
	[[ $(state) = "$before" ]]
	refused 2 prevResult add two green eth0 '.prevResult = {}'
	# Which DEL takes: nothing has been made, and runtimes insist.
	long='.name = "n" * 250'
	refused 7 '"name": too long' add two green eth0 "$long"
	config "$long" | cni DEL two green eth0
	[[ $(state) = "$before" ]]
	del one blue
	nothing_left
}

### DEL

# Reference: "DEL is idempotent", "netns is gone".
del_twice() {
	fresh
	add one blue
	del one blue
	del one blue
	del never blue
	del one ''
	add one blue
	config | on nodeA env -u CNI_NETNS CNI_COMMAND=DEL CNI_CONTAINERID=one \
		CNI_IFNAME=eth0 CNI_PATH="$TMP/plugins" "$TMP/plugins/shunt"
	no_pods
	nothing_left
	add one blue
	cp "$TMP/said" "$TMP/result"
	# The kernel has hardly begun to end it.
	ns_del "$(ns blue)"
	config --slurpfile prev "$TMP/result" '.prevResult = $prev[0]' |
		cni DEL one blue
	no_pods
	nothing_left
	# Nor does it need that.
	ns_add blue
	add one blue
	ns_del "$(ns blue)"
	await 10 no_pods
	del one blue
	nothing_left
}

del_without_module() {
	fresh
	add one blue
	ipn nodeA link del shunt0
	rmmod shunt
	del one blue
	[[ ! $(find "$TMP/leases" -type f ! -name 'last_reserved*' \
		! -name lock) ]]
}

# Somebody else's device of this name stays.
del_foreign() {
	fresh
	add one green
	ipn blue link add eth0 type dummy
	del two blue
	ipn blue link del eth0
	del one green
	nothing_left
	# Another network's: the runtime cleans up after its own failed ADD.
	add one blue
	before=$(state)
	refused 100 'there is a device' add one blue eth0 '.name = "net2"'
	config '.name = "net2"' | cni DEL one blue
	[[ $(state) = "$before" ]]
	# The name of the namespace is gone, but not the namespace.
	bg blue sleep 1000
	ip netns del "$(ns blue)"
	del one blue
	nothing_left
}

### CHECK

check_changed() {
	fresh
	add one blue
	cp "$TMP/said" "$TMP/result"
	check
	# What later plugins add does not matter.
	ipn blue address add 10.77.0.1/32 dev eth0
	ipn blue link set eth0 mtu 1400
	ipn blue route add 10.78.0.0/16 via 169.254.1.1 dev eth0 onlink
	check
	ipn blue address del 10.1.0.2/32 dev eth0
	refused 101 'no address 10.1.0.2/32' check
	ipn blue address add 10.1.0.2/32 dev eth0
	check
	ipn blue link set eth0 down
	refused 101 'is down' check
	ipn blue link set eth0 up
	ipn blue address replace fd01::2/128 dev eth0 nodad
	refused 101 'no route to 0.0.0.0/0' check
	ipn blue route add default via 169.254.1.1 dev eth0 onlink
	refused 101 'no route to ::/0' check
	ipn blue route add default via fe80::1 dev eth0 onlink table 77
	check
	# A way that leads nowhere, or elsewhere, is none.
	ipn blue route replace blackhole default
	refused 101 'no route to 0.0.0.0/0' check
	ipn blue route del blackhole default
	ipn blue route replace default via 10.77.0.9 dev eth0 onlink
	refused 101 'no route to 0.0.0.0/0' check
	ipn blue route replace default via 169.254.1.1 dev eth0 onlink
	check
	address_of_blue del
	refused 101 'does not know that eth0 has 10.1.0.2' check
	address_of_blue add
	check
	refused 101 'hardware address' check \
		'.interfaces[0].mac = "02:00:00:00:77:01"'
	ctl nodeA uplink del nic0
	refused 101 'no uplink' check
	ipn nodeA link add up1 type dummy
	ctl nodeA uplink add up1
	check
	refused 101 'nic0 is not an uplink' check . '.uplinks = ["nic0"]'
	ctl nodeA uplink add nic0
	check . '.uplinks = ["nic0"]'
	mv "$TMP/leases/pods" "$TMP/leases/others"
	refused 999 host-local check
	rm -r "$TMP/leases/pods"
	mv "$TMP/leases/others" "$TMP/leases/pods"
	check
	ipn blue link del eth0
	refused 101 'eth0' check
	config | refused 7 prevResult cni CHECK one blue
	ns_del "$(ns blue)"
	refused 3 'no such' check
	del one blue
	nothing_left
}

address_of_blue() { # add|del
	on nodeA "$SELFTESTS/netlink.py" genl "pod-addr-$1" \
		netns "/run/netns/$(ns blue)" address 10.1.0.2
}

check() { # [FILTER [FILTER]]: of the result, and of the configuration
	config --slurpfile prev "$TMP/result" ".prevResult = (\$prev[0] |
		${1:-.}) | ${2:-.}" |
		cni CHECK one blue || { cat "$TMP/said"; return 1; }
}

### STATUS and GC

status() {
	fresh
	config | cni STATUS '' '' ''
	[[ ! -s $TMP/said ]]
	config '.ipam.type = "none"' >"$TMP/config"
	refused 50 'no such plugin' cni STATUS '' '' '' <"$TMP/config"
	config '.dataDir = "/proc/none"' >"$TMP/config"
	refused 50 '"dataDir": /proc/none' cni STATUS '' '' '' <"$TMP/config"
	ipn nodeA route del default
	ipn nodeA -6 route del default
	config >"$TMP/config"
	refused 50 'default route' cni STATUS '' '' '' <"$TMP/config"
	config '.uplinks = ["nic7"]' >"$TMP/config"
	refused 50 nic7 cni STATUS '' '' '' <"$TMP/config"
	# What an ADD would stumble over: another device, of this or another name.
	config '.uplinks = ["nic0"] | .node = "nic0"' >"$TMP/config"
	refused 50 'not a node device' cni STATUS '' '' '' <"$TMP/config"
	config '.uplinks = ["nic0"]' | cni STATUS '' '' ''
	ipn nodeA link add pods0 type shunt
	config '.uplinks = ["nic0"] | .node = "pods0"' | cni STATUS '' '' ''
	config '.uplinks = ["nic0"]' >"$TMP/config"
	refused 50 'node device pods0 already' cni STATUS '' '' '' \
		<"$TMP/config"
	ipn nodeA link del pods0
	config >"$TMP/config"
	rmmod shunt
	refused 50 modprobe cni STATUS '' '' '' <"$TMP/config"
}

# The runtime's list is what counts, for this network alone.
garbage() {
	fresh
	add one blue
	add two green
	add two green net1 '.name = "net2" | .ipam.ranges = [[{subnet:
		"10.7.0.0/24"}]] | .ipam.routes = [{dst: "10.8.0.0/16"}]'
	config '."cni.dev/valid-attachments" = [
		{containerID: "one", ifname: "eth0"},
		{containerID: "two", ifname: "net1"}]' | cni GC '' '' ''
	[[ $(ctl nodeA -j pod | jq -r '[.[] | .name] | sort | join(" ")') = \
		"eth0 net1" ]]
	on blue ping -q -c 1 -W 3 192.168.9.1
	config '."cni.dev/valid-attachments" = null' | cni GC '' '' ''
	[[ $(ctl nodeA -j pod | jq -r '.[].name') = net1 ]]
	config >"$TMP/config"
	refused 7 valid-attachments cni GC '' '' '' <"$TMP/config"
}

# Pods whose device has come in the place of another are no different.
garbage_replaced() {
	local replace='.mode = "replace"'
	fresh
	first bridge ADD one blue
	chained ADD one blue "$replace"
	entry 1 "$replace"' | ."cni.dev/valid-attachments" = [
		{containerID: "one", ifname: "eth0"}]' | cni GC '' '' ''
	ipn blue link show eth0
	entry 1 "$replace"' | ."cni.dev/valid-attachments" = [
		{containerID: "one", ifname: "eth1"}]' | cni GC '' '' ''
	no_pods
	nothing_left_of_us
	# The plugin before still has its address, and gives it back.
	first bridge DEL one blue
}

nothing_left_of_us() {
	[[ ! $(ipn nodeA route show proto 115
		ipn nodeA -6 route show proto 115) ]]
}

# The plugin, with the configuration in $TMP/config, stopped where stop.c says.
# Nothing can be preloaded into one that is linked statically.
start_at() { # WHERE VERB CONTAINER NETNS [IFNAME]
	ln -sf "$DYNAMIC" "$TMP/plugins/shunt"
	[[ -e $TMP/stop.so ]] ||
		cc -shared -fPIC -D_GNU_SOURCE -I"$TOP/include/uapi" \
			-o "$TMP/stop.so" "$TOP/userspace/tests/stop.c"
	LD_PRELOAD=$TMP/stop.so STOP_AT=$1 cni "${@:2}" <"$TMP/config" &
	JOB=$!
	await 10 is_stopped
}

is_stopped() {
	STOPPED=$(pgrep -r T -f "^$TMP/plugins/shunt\$")
}

go_on() {
	kill -CONT "$STOPPED"
	wait "$JOB"
}

only_pod() { # prints what the node knows it by
	ctl nodeA -j pod |
		jq -ce 'select(length == 1) | .[0] | [.netnsid, .ifindex]'
}

# Between seeing a pod and removing it, another one has come: in a network
# namespace with the same id, by a device with the same number.
garbage_reused() {
	local first
	fresh
	add one blue
	first=$(only_pod)
	config '."cni.dev/valid-attachments" = []' >"$TMP/config"
	start_at pod GC '' '' ''
	ns_del "$(ns blue)"
	await 10 no_pods
	ns_add blue
	config '.name = "net2"' | cni ADD two blue
	# Whoever lists it gives its network namespace an id.
	[[ $(only_pod) = "$first" ]]
	go_on
	ipn blue link show eth0
	on nodeA ping -q -c 1 -W 3 10.1.0.2
	config '.name = "net2"' | cni DEL two blue
}

# Between seeing that a route leads to nobody and removing it, somebody has come
# whom it leads to.
sweep_reused() {
	fresh
	add one blue
	ns_del "$(ns blue)"
	await 10 no_pods
	ipn nodeA route show proto 115 | grep 10.1.0.2
	config '."cni.dev/valid-attachments" = [
		{containerID: "one", ifname: "eth0"}]' >"$TMP/config"
	start_at route GC '' '' ''
	ns_add blue
	ctl nodeA pod add "$(ns blue)" ip 10.1.0.2 ip fd01::2
	go_on
	ipn nodeA route show proto 115 | grep 10.1.0.2
	on nodeA ping -q -c 1 -W 3 10.1.0.2
	on nodeA ping -q -c 1 -W 3 fd01::2
	ctl nodeA pod del "$(ns blue)"
	del one ''
	nothing_left
}

# A sweep that saw no pod yet has given the route back meanwhile.
sweep_first() {
	local route
	fresh
	add one blue
	route=$(ipn nodeA route show proto 115)
	del one blue
	config >"$TMP/config"
	start_at host ADD one blue
	# The next address.
	# shellcheck disable=SC2086 # several words
	ipn nodeA route add ${route/10.1.0.2/10.1.0.3}
	go_on
	cat "$TMP/said"
	reaches tx_direct=6 rx_direct=6 others=0
	del one blue
	nothing_left
}

# Somebody has killed it when there was a device, and nothing in it.
killed_inside() {
	fresh
	# The device that is made then is the pod's.
	ipn nodeA link add shunt0 type shunt
	config >"$TMP/config"
	killed_add
	del one blue
	not ipn blue link show eth0
	nothing_left
	killed_add
	config '."cni.dev/valid-attachments" = []' | cni GC '' '' '' ''
	not ipn blue link show eth0
	nothing_left
}

killed_add() {
	killed_at inside
	[[ $(ipn blue -j address show dev eth0 | jq '.[0].addr_info | length') = 0 ]]
}

killed_at() { # WHERE
	start_at "$1" ADD one blue
	kill -KILL "$STOPPED"
	not wait "$JOB"
}

# When there was an address and no device; and there is no DEL.
killed_before() {
	fresh
	ipn nodeA link add shunt0 type shunt
	config >"$TMP/config"
	killed_at device
	[[ -e $TMP/leases/pods/10.1.0.2 ]]
	config '."cni.dev/valid-attachments" = [
		{containerID: "one", ifname: "eth0"}]' | cni GC '' '' '' ''
	[[ -e $TMP/leases/pods/10.1.0.2 ]]
	config '."cni.dev/valid-attachments" = [
		{containerID: "one", ifname: "eth1"}]' | cni GC '' '' '' ''
	nothing_left
	# Nor is anything else known of it when the pod has gone.
	add one blue
	ns_del "$(ns blue)"
	await 10 no_pods
	config '."cni.dev/valid-attachments" = null' | cni GC '' '' '' ''
	nothing_left
}

### Many at once

# From nothing: one makes what all need.
burst() {
	local n
	fresh
	for n in {1..20}; do
		(ns_add "many$n") || return
	done
	at_end 'for n in {1..20}; do ns_del "$(ns "many$n")"; done; tidy'
	config >"$TMP/config"
	for n in {1..20}; do
		cni_quiet ADD "c$n" "many$n" <"$TMP/config" \
			>"$TMP/said.$n" 2>&1 &
	done
	wait
	[[ $(cat "$TMP"/said.* | jq -r '.ips[0].address' | sort -u | wc -l) = 20 ]]
	[[ $(ctl nodeA -j pod | jq length) = 20 ]]
	[[ $(ctl nodeA -j uplink | jq length) = 1 ]]
	for n in {1..20}; do
		cni_quiet DEL "c$n" "many$n" <"$TMP/config" &
	done
	wait
	nothing_left
}

cni_quiet() { # VERB CONTAINER NETNS
	on nodeA env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_IFNAME=eth0 \
		CNI_NETNS="/run/netns/$(ns "$3")" CNI_PATH="$TMP/plugins" \
		"$TMP/plugins/shunt"
}

### Behind another plugin

# An entry of the list, as runtimes hand it over.
entry() { # NUMBER JQ-ARG... FILTER
	jq --argjson n "$1" "${@:2:$# - 2}" \
		".plugins[\$n] + {cniVersion: .cniVersion, name: .name} |
		(${!#})" \
		"$TOP/userspace/cni/examples/11-bridge-shunt.conflist"
}

# Run the plugin before, the list's or another reference plugin.
first() { # ptp|bridge VERB CONTAINER NETNS
	entry 0 --arg type "$1" --arg dir "$TMP/leases" \
		'.type = $type | .ipam.dataDir = $dir' |
		on nodeA env CNI_COMMAND="$2" CNI_CONTAINERID="$3" \
			CNI_NETNS="/run/netns/$(ns "$4")" CNI_IFNAME=eth0 \
			CNI_PATH="$REFERENCE" "$REFERENCE/$1" >"$TMP/first"
}

# With that one's result, changed by a filter of jq.
chained() { # VERB CONTAINER NETNS [FILTER]
	entry 1 --slurpfile prev "$TMP/first" \
		".prevResult = \$prev[0] | ${4:-.}" | cni "$1" "$2" "$3"
}

behind() { # ptp|bridge
	fresh
	first "$1" ADD one blue
	# What others keep in the result is passed on as it is.
	jq '.interfaces += [{name: "dummy5", sandbox: "5", mac: "0"}]' \
		"$TMP/first" >"$TMP/result"
	cp "$TMP/result" "$TMP/first"
	chained ADD one blue || { cat "$TMP/said"; return 1; }
	diff <(jq -S . "$TMP/first") <(jq -S . "$TMP/said")
	reaches tx_direct=6 rx_direct=6 others=0
	refused 100 'already' chained ADD one blue
	chained CHECK one blue
	ctl nodeA pod del "$(ns blue)"
	refused 101 'does not know' chained CHECK one blue
	chained ADD one blue
	chained DEL one blue
	[[ ! -s $TMP/said ]]
	no_pods
	reaches tx_direct=0 rx_direct=0
	chained DEL one blue
	chained ADD one blue
	# The other plugin's DEL first, as when it comes without ours.
	cp "$TMP/first" "$TMP/kept"
	first "$1" DEL one blue
	no_pods
	cp "$TMP/kept" "$TMP/first"
	chained DEL one blue
}

# A pod device in the place of the pair.
replaced() { # ptp|bridge
	local mac peer replace='.mode = "replace"'
	fresh
	first "$1" ADD one blue
	mac=$(on blue cat /sys/class/net/eth0/address)
	peer=$(jq -r '.interfaces[].name | select(startswith("veth"))' \
		"$TMP/first")
	ipn nodeA link show "$peer"
	jq '.interfaces += [{name: "dummy5", sandbox: "5", mac: "0"}] |
		.ips += [{address: "10.7.0.1/24",
			interface: (.interfaces | length - 1)}]' \
		"$TMP/first" >"$TMP/result"
	cp "$TMP/result" "$TMP/first"
	chained ADD one blue "$replace" || { cat "$TMP/said"; return 1; }
	[[ $(on blue cat /sys/class/net/eth0/address) = "$mac" ]]
	ipn blue -d link show eth0 | grep -w shunt
	not ipn nodeA link show "$peer"
	cat "$TMP/said"
	# What else there is has moved behind it.
	said --arg peer "$peer" --arg mac "$mac" '.interfaces[0].mac == $mac and
		([.interfaces[].name] | .[0] == "eth0" and
		.[-1] == "dummy5" and (index($peer) | not)) and
		([.ips[] | select(.interface == 0).address] |
			all(endswith("/32") or endswith("/128"))) and
		.ips[-1] == {address: "10.7.0.1/24",
			interface: (.interfaces | length - 1)}'
	reaches tx_direct=6 rx_direct=6 others=0
	refused 100 'a shunt device already' chained ADD one blue "$replace"
	chained DEL one blue "$replace"
	no_pods
	refused 100 'no device eth0' chained ADD one blue "$replace"
	chained DEL one blue "$replace"
	first "$1" DEL one blue
	[[ ! $(find "$TMP/leases" -name '10.*' -o -name 'fd*') ]]
}

# As it was made, and when somebody has changed it.
replaced_check() {
	local replace='.mode = "replace"'
	fresh
	first bridge ADD one blue
	chained ADD one blue "$replace"
	cp "$TMP/said" "$TMP/first"
	chained CHECK one blue "$replace"
	ipn blue address del "$(jq -r '.ips[0].address' "$TMP/first")" dev eth0
	refused 101 eth0 chained CHECK one blue "$replace"
	# When the pod goes first.
	ns_del "$(ns blue)"
	chained DEL one blue "$replace"
	no_pods
}

calico() {
	fresh
	first ptp ADD one blue
	refused 2 ignorePolicy chained ADD one blue \
		'.prevResult.interfaces[0].mac = "ee:ee:ee:ee:ee:ee"'
	[[ ! $(ipn nodeA link show type shunt) ]]
	refused 2 ignorePolicy chained ADD one blue \
		'.prevResult.interfaces[0].name = "cali12345"'
	chained ADD one blue '.prevResult.interfaces[0].name = "cali12345" |
		.ignorePolicy = true'
	reaches tx_direct=6 rx_direct=6 others=0
	refused 7 'no address of eth0' chained ADD one blue \
		'.prevResult.ips = []'
}

use shunt
[[ -x $REFERENCE/host-local ]] || bail "no host-local in $REFERENCE"
readonly DYNAMIC=$TOP/out/build/user/shunt
if [[ ${SANITIZED-} ]]; then
	PLUGIN=$TOP/out/build/user-san/bin/shunt
	[[ -x $PLUGIN ]] || bail "make -C userspace test-san has not built it"
else
	[[ -x $DYNAMIC ]] || bail "make -C userspace dynamic has not built it"
	t "ADD, and all that is missing is made" add_first
	t "versions" versions
	t "the newest version" newest
	t "configuration" configured
	t "DNS" dns
	t "two devices" two_devices
	t "no network namespace, no plugin" bad_netns
	t "static" static_ipam
	t "the plugin for addresses fails" ipam_fails
	t "nobody reads the result" nobody_reads
	t "DEL twice, and when the pod has gone" del_twice
	t "DEL without the module" del_without_module
	t "DEL leaves what is not ours" del_foreign
	t "STATUS" status
	t "GC, and another pod in the place of one" garbage_reused
	t "GC, and another pod with the address of one" sweep_reused
	t "ADD, and a sweep that comes first" sweep_first
	t "ADD, killed with the address" killed_before
	t "ADD, killed with the device" killed_inside
	t "twenty at once" burst
	t "behind ptp" behind ptp
	t "behind bridge" behind bridge
	t "in the place of ptp's" replaced ptp
	t "in the place of bridge's" replaced bridge
fi
t "refusals leave nothing" refusals
t "CHECK" check_changed
t "GC" garbage
t "behind Calico" calico
t "in the place of another's, CHECK" replaced_check
t "in the place of another's, GC" garbage_replaced
finish
