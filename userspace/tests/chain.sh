#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The CNI plugin in lists with others: behind plugins that make veth pairs, with
# results as those write them, and before the reference plugins portmap, tuning,
# sbr, firewall and bandwidth, each by what it does. Needs root and the module,
# so:
#
#   selftests/vm/run -- userspace/tests/chain.sh
#
# One kernel is enough: what differs between kernels, other scripts have tested
# where it happens: veth.sh, flows.sh and cni.sh.
#
# Results of other plugins are in cni_corpus/, in the shapes that these sources
# tell (devices and addresses are made up):
#
#   flannel          bridge, with what flannel delegates to it: flannel_linux.go
#                    of github.com/flannel-io/cni-plugin; bridge.go of the
#                    reference plugins: bridge, veth, eth0; addresses on eth0,
#                    with gateways; routes of the IPAM plugin, and a default
#   calico           CmdAddK8s() of cni-plugin/pkg/k8s/k8s.go, up to 3.29: the
#                    node's end and nothing else; addresses without a device
#   calico-sandbox   the same as of 3.30: the name of the node's end with the
#                    MAC address, MTU and netns of the pod's
#   aws              cmdAdd of cmd/routed-eni-cni-plugin/cni.go of
#                    github.com/aws/amazon-vpc-cni-k8s: node's end, eth0, and a
#                    device that does not exist, with numbers as MAC and netns
#
# shellcheck disable=SC2119,SC2120,SC2317 # functions are called by their names
# shellcheck disable=SC2016 # variables of jq
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

### Behind plugins that are not here

# The pair of the pod, as whoever made it left it.
make_pair() { # NODE'S-END MAC MTU ADDRESS...
	local addr
	ip link add "$1" netns "$(ns nodeA)" address "$2" mtu "$3" type veth \
		peer name eth0 mtu "$3" netns "$(ns blue)"
	for addr in "${@:4}"; do
		ipn blue address add "$addr" dev eth0
	done
	ipn nodeA link set "$1" up
	ipn blue link set eth0 up
}

make_flannel() {
	ipn nodeA link add cni0 address 5a:5f:2b:0c:11:01 mtu 1450 type bridge
	ipn nodeA address add 10.244.1.1/24 dev cni0
	ipn nodeA address add fd44:0:0:1::1/64 dev cni0 nodad
	ipn nodeA link set cni0 up
	make_pair veth3d1a6f2e de:21:47:9a:03:5c 1450 \
		10.244.1.7/24 fd44:0:0:1::7/64
	ipn nodeA link set veth3d1a6f2e master cni0
	bridge -n "$(ns nodeA)" link set dev veth3d1a6f2e hairpin on
	ipn blue link set eth0 address 86:0e:7c:52:d4:19
	ipn blue route add 10.244.0.0/16 via 10.244.1.1
	ipn blue route add fd44::/48 via fd44:0:0:1::1
	ipn blue route add default via 10.244.1.1
	ipn blue route add default via fd44:0:0:1::1
	ipn nodeB route add 10.244.1.0/24 via 192.168.9.1
	ipn nodeB route add fd44:0:0:1::/64 via fd09::1
}

make_calico() {
	make_pair cali12d4a061371 ee:ee:ee:ee:ee:ee 1450 \
		192.168.57.65/32 fd57::41/128
	ipn blue link set eth0 address 2e:b0:6c:71:9f:44
	ipn blue route add 169.254.1.1 dev eth0 scope link
	ipn blue route add default via 169.254.1.1
	ipn blue route add default via fe80::ecee:eeff:feee:eeee dev eth0
	on nodeA sysctl -qw net.ipv4.conf.cali12d4a061371.proxy_arp=1 \
		net.ipv4.neigh.cali12d4a061371.proxy_delay=0 \
		net.ipv4.conf.cali12d4a061371.route_localnet=1 \
		net.ipv6.conf.cali12d4a061371.proxy_ndp=1
	ipn nodeA route add 192.168.57.65 dev cali12d4a061371 scope link
	ipn nodeA route add fd57::41 dev cali12d4a061371
	ipn nodeB route add 192.168.57.64/26 via 192.168.9.1
	ipn nodeB route add fd57::40/122 via fd09::1
}

# A pod whose address is of the second interface of the instance: there is a way
# out for it only in a table of its own.
make_aws() {
	local mac=02:00:00:00:0a:01
	make_pair eni8a3f0e2b7c1 "$mac" 9001 10.0.13.37/32
	ipn blue route add 169.254.1.1 dev eth0 scope link
	ipn blue route add default via 169.254.1.1 dev eth0
	ipn blue neigh add 169.254.1.1 lladdr "$mac" dev eth0 nud permanent
	ipn nodeA route add 10.0.13.37 dev eni8a3f0e2b7c1 scope link
	ipn nodeA rule add pref 512 to 10.0.13.37 lookup main
	ipn nodeA rule add pref 1536 from 10.0.13.37 lookup 2
	ipn nodeA route del default
	ipn nodeA route add default via 192.168.9.2 dev nic0 table 2
	ipn nodeB route add 10.0.13.37 via 192.168.9.1
}

readonly EXAMPLES=$TOP/userspace/cni/examples
# There was no CHECK before 0.4.0.
readonly AS_NEW='.cniVersion = "1.0.0"'

# With the result as it is recorded, and the entry of the example, changed by a
# filter of jq.
behind() { # VERB NAME [FILTER]
	jq --arg netns "/run/netns/$(ns blue)" \
		--slurpfile example "$EXAMPLES/"*"-${2%-*}-shunt.conflist" '
		. + ($example[0].plugins[] | select(.type == "shunt") |
			del(.uplinks)) |
		(.prevResult.interfaces[].sandbox | strings |
			select(startswith("/"))) = $netns | '"${3:-.}" \
		"$TOP/userspace/tests/cni_corpus/$2-result.json" >"$TMP/config"
	cni "$1" one blue <"$TMP/config"
}

straight() { # TX+RX 4|6...
	local family to
	for family in "${@:2}"; do
		to=192.168.9.2
		[[ $family = 4 ]] || to=fd09::2
		await 10 on blue ping -q -c 1 -W 1 "$to"
		snap nodeA
		on blue ping -q -c 3 -i 0.01 -W 3 "$to"
		expect nodeA "tx_direct=$1" "rx_direct=$1" \
			"${SHAPED:-fallback_qdisc=0}" others=0
	done
}

accelerated() { # NAME NODE'S-END 4|6...
	local name=$1
	fresh
	"make_${name%-*}"
	behind ADD "$name"
	diff <(jq -S .prevResult "$TMP/config") <(jq -S . "$TMP/said")
	straight 3 "${@:3}"
	behind CHECK "$name" "$AS_NEW"
	behind DEL "$name"
	no_pods
	ipn nodeA link show "$2"
	await 10 on blue ping -q -c 1 -W 1 192.168.9.2
	behind DEL "$name"
}

# What is left of the result is a pod device with the same address, and what
# was not of the pair.
replaced() { # NAME NODE'S-END 4|6...
	local name=$1 replace='.mode = "replace"' mac mtu
	fresh
	"make_${name%-*}"
	mac=$(on blue cat /sys/class/net/eth0/address)
	mtu=$(on blue cat /sys/class/net/eth0/mtu)
	behind ADD "$name" "$replace"
	cat "$TMP/said"
	said --arg mac "$mac" --arg door "$2" --slurpfile config "$TMP/config" '
		$config[0].prevResult as $old |
		.interfaces[0].name == "eth0" and .interfaces[0].mac == $mac and
		.interfaces[1:] == [$old.interfaces[] |
			select(.name != $door and .name != "eth0")] and
		[.ips[].address | sub("/.*"; "")] ==
			[$old.ips[].address | sub("/.*"; "")] and
		all(.ips[]; .interface == 0)'
	ipn blue -d link show eth0 | grep -w shunt
	[[ $(on blue cat /sys/class/net/eth0/mtu) = "$mtu" ]]
	not ipn nodeA link show "$2"
	cp "$TMP/said" "$TMP/result"
	straight 3 "${@:3}"
	kept CHECK "$name" "$replace | $AS_NEW"
	kept DEL "$name" "$replace"
	no_pods
	not ipn blue link show eth0
	kept DEL "$name" "$replace"
}

# With what ADD has printed.
kept() { # VERB NAME FILTER
	jq --slurpfile prev "$TMP/result" ".prevResult = \$prev[0] | $3" \
		"$TOP/userspace/tests/cni_corpus/$2-result.json" |
		cni "$1" one blue
}

### Lists, as runtimes run them

# One of the examples, changed by a filter of jq; and what the runtime knows of
# the next pods, by capability.
use_list() { # EXAMPLE FILTER
	jq --arg dir "$TMP/leases" \
		"(.plugins[] | select(.ipam)).ipam.dataDir = \$dir |
		(.plugins[] | select(.type == \"shunt\")).dataDir =
			\$dir + \"/records\" | $2" \
		"$EXAMPLES/$1.conflist" >"$TMP/list"
	echo '{}' >"$TMP/wishes"
}

wishes() { # JSON
	echo "$1" >"$TMP/wishes"
}

# What the plugin NUMBER gets.
input() { # NUMBER RESULT
	jq --argjson n "$1" --slurpfile wishes "$TMP/wishes" \
		--slurpfile prev "$2" '
		. as $list | .plugins[$n] | (.capabilities // {}) as $can |
		. + {cniVersion: $list.cniVersion, name: $list.name,
			runtimeConfig: ($wishes[0] |
				with_entries(select($can[.key])))} +
		($prev | if length > 0 then {prevResult: .[0]} else {} end)' \
		"$TMP/list"
}

# ADD and CHECK in the order of the list, DEL in reverse. The result of ADD is
# kept in $TMP/result.CONTAINER.
list() { # VERB CONTAINER NETNS [IFNAME]
	local result=$TMP/result.$2 numbers number type
	mapfile -t numbers < <(jq '.plugins | keys[]' "$TMP/list" |
		if [[ $1 = DEL ]]; then tac; else cat; fi)
	[[ $1 != ADD ]] || : >"$result"
	for number in "${numbers[@]}"; do
		type=$(jq -r ".plugins[$number].type" "$TMP/list")
		input "$number" "$result" | plugin "$type" "$@" || {
			echo "$type $1:"
			cat "$TMP/said" "$TMP/log"
			return 1
		}
		[[ $1 != ADD ]] || cp "$TMP/said" "$result"
	done
}

# The same node, and one more pod on the other one.
fresh_far() {
	fresh
	local type
	for type in bridge ptp portmap tuning sbr firewall bandwidth; do
		ln -s "$REFERENCE/$type" "$TMP/plugins/"
	done
	ns_add far
	at_end 'ns_del "$(ns far)"; tidy'
	on nodeB sysctl -qw net.ipv4.ip_forward=1 \
		net.ipv6.conf.all.forwarding=1
	ipn nodeB link add shunt0 type shunt
	ctl nodeB uplink add nic0
	ctl nodeB pod add "$(ns far)" ip 10.2.0.1 ip fd02::1
}

no_leases() {
	[[ ! $(find "$TMP/leases" -name '10.*' -o -name 'fd*') ]]
}

lacks() { # REGEX COMMAND...
	if "${@:2}" | grep -- "$1"; then
		fail "$1 in: ${*:2}"
	fi
}

# Who asks, by TCP and UDP, is somebody to the pod.
sees() { # ADDRESS NAME HOST [PORT]
	py "$2" who.py ask "$3" "${4-8080}" tcp,udp >"$TMP/seen" 2>&1 ||
		fail "$2 to $3: $(<"$TMP/seen")"
	[[ $(sort -u "$TMP/seen") = "$1" ]] ||
		fail "$2 to $3: seen as $(<"$TMP/seen")"
}

# From one of the addresses of the other node.
asks_as() { # SOURCE HOST
	echo who | on nodeB timeout 10 socat -t 5 - \
		"TCP:$2:8080,bind=$1,connect-timeout=3" | grep .
}

readonly PORTMAP='{type: "portmap", capabilities: {portMappings: true},
	snat: true, conditionsV4: ["!", "-s", "192.168.9.77"],
	conditionsV6: ["!", "-s", "fd09::77"]}'

# GREEN are the addresses that the pod beside it is seen by.
mapped() { # EXAMPLE GREEN4 GREEN6
	local v4=192.168.9.1 v6=fd09::1
	fresh_far
	ipn nodeB address add 192.168.9.77/24 dev nic0
	# Deprecated, so that nobody chooses it.
	ipn nodeB address add fd09::77/64 dev nic0 nodad preferred_lft 0
	use_list "$1" ".plugins |= (map(select(.type != \"portmap\")) +
		[$PORTMAP])"
	wishes '{"portMappings": [
		{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
		{"hostPort": 8080, "containerPort": 80, "protocol": "udp"},
		{"hostPort": 8081, "containerPort": 81, "protocol": "tcp",
			"hostIP": "192.168.9.1"},
		{"hostPort": 8081, "containerPort": 81, "protocol": "udp",
			"hostIP": "192.168.9.1"}]}'
	list ADD one blue
	wishes '{}'
	list ADD two green
	bg_py blue who.py serve 80 81
	await 20 listens blue 81 -u
	sees 192.168.9.2 nodeB "$v4"
	sees fd09::2 nodeB "$v6"
	sees 192.168.9.2 nodeB "$v4" 8081
	sees 10.2.0.1 far "$v4"
	sees fd02::1 far "$v6"
	sees "$2" green "$v4"
	sees "$3" green "$v6"
	# The node itself, by its own addresses and by lo.
	sees "$v4" nodeA "$v4"
	sees "$v6" nodeA "$v6"
	sees "${4-$v4}" nodeA 127.0.0.1
	# The pod to itself: masqueraded.
	sees "${4-$v4}" blue "$v4"
	sees "${5-$v6}" blue "$v6"
	asks_as 192.168.9.2 "$v4"
	not asks_as 192.168.9.77 "$v4"
	asks_as "[fd09::2]" "[$v6]"
	not asks_as "[fd09::77]" "[$v6]"
	unmap
}

# CHECK of portmap 1.1.1 looks for the rules of each family in those of both,
# so it fails with two families, whoever is before it.
unmap() {
	wishes '{"portMappings": [{"hostPort": 8080, "containerPort": 80,
		"protocol": "tcp"}]}'
	list DEL one blue
	not py nodeB who.py ask 192.168.9.1 8080 tcp
	not py nodeB who.py ask fd09::1 8080 tcp
	list DEL one blue
	wishes '{}'
	list CHECK two green
	list DEL two green
	no_pods
	no_leases
}

tuned() {
	local mac=02:00:00:00:77:05
	fresh_far
	use_list 10-shunt '.plugins += [{type: "tuning", mac: "'"$mac"'",
		mtu: 1400, promisc: true, allmulti: true,
		dataDir: "'"$TMP/leases/tuning"'",
		sysctl: {"net.core.somaxconn": "777"}}]'
	list ADD one blue
	said --arg mac "$mac" '.interfaces[0].mac == $mac'
	[[ $(on blue sysctl -n net.core.somaxconn) = 777 ]]
	[[ $(on blue cat /sys/class/net/eth0/address) = "$mac" ]]
	[[ $(on blue cat /sys/class/net/eth0/mtu) = 1400 ]]
	ipn blue link show eth0 | grep 'ALLMULTI,PROMISC\|PROMISC.*ALLMULTI'
	[[ $(ctl nodeA -j pod | jq -r '.[].mac') = "$mac" ]]
	straight 3 4 6
	list CHECK one blue
	ipn blue link set eth0 address 02:00:00:00:77:06
	not list CHECK one blue
	ipn blue link set eth0 address "$mac"
	list DEL one blue
	list DEL one blue
	no_pods
	no_leases
}

# A second device with a default route of its own, for what comes from it. The
# first one would not let it pass: it is not its address.
routed_by_source() {
	local list='.name = "net2" | .plugins[0].ipam.ranges = [
		[{subnet: "10.7.0.0/24"}], [{subnet: "fd07::/64"}]] |
		.plugins += [{type: "sbr"}]'
	fresh_far
	ipn nodeB route add 10.7.0.0/24 via 192.168.9.1
	ipn nodeB route add fd07::/64 via fd09::1
	use_list 10-shunt .
	list ADD one blue
	use_list 10-shunt "$list"
	list ADD two blue net1
	ipn blue rule | grep 'from 10.7.0.2 lookup 100'
	ipn blue -6 rule | grep 'from fd07::2 lookup 101'
	ipn blue route show table 100
	on blue ping -q -c 1 -W 3 -I 10.7.0.2 192.168.9.2
	on blue ping -q -c 1 -W 3 -I fd07::2 fd09::2
	snap nodeA
	on blue ping -q -c 3 -i 0.01 -W 3 -I 10.7.0.2 192.168.9.2
	on blue ping -q -c 3 -i 0.01 -W 3 -I fd07::2 fd09::2
	expect nodeA tx_direct=6 rx_direct=6 others=0
	straight 3 4 6
	list CHECK two blue net1
	list DEL two blue net1
	lacks 10.7.0.2 ipn blue rule
	lacks fd07::2 ipn blue -6 rule
	use_list 10-shunt .
	list CHECK one blue
	list DEL one blue
	no_pods
	no_leases
}

# Nobody passes the node's stack but who is let in.
admitted() {
	local program stack='.plugins[0].stack = ["192.168.9.0/24", "fd09::/64"]'
	fresh_far
	for program in iptables ip6tables; do
		on nodeA "$program" -P FORWARD DROP
	done
	use_list 10-shunt "$stack"
	list ADD two green
	not on green ping -q -c 1 -W 1 192.168.9.2
	not on green ping -q -c 1 -W 1 fd09::2
	use_list 10-shunt "$stack |"'
		.plugins += [{type: "firewall", backend: "iptables"}]'
	list ADD one blue
	on blue ping -q -c 2 -i 0.01 -W 3 192.168.9.2
	on blue ping -q -c 2 -i 0.01 -W 3 fd09::2
	list CHECK one blue
	list DEL one blue
	lacks 10.1.0.3 on nodeA iptables-save
	lacks fd01::3 on nodeA ip6tables-save
	list DEL one blue
	use_list 10-shunt .
	list DEL two green
	no_pods
	no_leases
}

# Mbit/s, of 2 seconds.
rate() { # FROM TO ADDRESS
	listens "$2" 12865 || {
		bg "$2" netserver -D >/dev/null 2>&1
		await 10 listens "$2" 12865
	}
	on "$1" netperf -H "$3" -t TCP_STREAM -l 2 -P 0 -- -k THROUGHPUT |
		sed -n 's/^THROUGHPUT=//p'
}

within() { # LOW HIGH RATE
	echo "$3 of $2"
	awk -v low="$1" -v high="$2" -v rate="$3" \
		'BEGIN { exit !(rate >= low && rate <= high) }'
}

# Behind a plugin that makes pairs, limits are the plugin bandwidth's. What it
# delays of what the pod sends comes back behind the hook that takes frames from
# a bridge, and goes through the stack; where there is no bridge, it is direct.
limited() { # ptp|bridge
	fresh_far
	use_list 13-ptp-shunt-bandwidth ".plugins[0].type = \"$1\" |
		.plugins[0].isGateway = true"
	wishes '{"bandwidth": {"ingressRate": 20000000, "ingressBurst": 800000,
		"egressRate": 10000000, "egressBurst": 800000}}'
	list ADD one blue
	[[ $1 = bridge ]] || SHAPED=fallback_qdisc=3 straight 3 4 6
	within 10 23 "$(rate nodeB blue 10.1.0.2)"
	within 5 12 "$(rate blue nodeB 192.168.9.2)"
	list CHECK one blue
	list DEL one blue
	[[ ! $(ipn nodeA link show type ifb) ]]
	list DEL one blue
	no_pods
	no_leases
}

# In the place of a bridge's pair, as nothing that comes later would know.
listed_replaced() {
	fresh_far
	use_list 14-bridge-replaced .
	list ADD one blue
	ipn blue -d link show eth0 | grep -w shunt
	straight 3 4 6
	list DEL one blue
	list DEL one blue
	no_pods
	no_leases
}

# A pod device has no other end to set limits on: who wants them hears of it.
not_limited() {
	fresh_far
	use_list 10-shunt '.plugins += [{type: "bandwidth",
		capabilities: {bandwidth: true}}]'
	list ADD one blue
	list DEL one blue
	wishes '{"bandwidth": {"ingressRate": 20000000,
		"ingressBurst": 800000}}'
	not list ADD one blue >"$TMP/why"
	grep 'has no veth peer' "$TMP/why"
	list DEL one blue
	use_list 10-shunt '.plugins[0].capabilities = {bandwidth: true}'
	list ADD one blue
	list DEL one blue
	wishes '{"bandwidth": {"egressRate": 10000000, "egressBurst": 800000}}'
	not list ADD one blue >"$TMP/why"
	grep 'shunt limits no pods' "$TMP/why"
	no_pods
	no_leases
}

start_forks
use shunt
[[ -x $REFERENCE/portmap ]] || bail "no reference plugins in $REFERENCE"
t "behind flannel" accelerated flannel veth3d1a6f2e 4 6
t "behind Calico" accelerated calico cali12d4a061371 4 6
t "behind Calico, as of 3.30" accelerated calico-sandbox cali12d4a061371 4 6
t "behind AWS VPC CNI" accelerated aws eni8a3f0e2b7c1 4
t "in the place of flannel's" replaced flannel veth3d1a6f2e 4 6
t "in the place of Calico's" replaced calico cali12d4a061371 4 6
t "in the place of Calico's, as of 3.30" \
	replaced calico-sandbox cali12d4a061371 4 6
t "in the place of AWS VPC CNI's" replaced aws eni8a3f0e2b7c1 4
t "in the place of bridge's, in a list" listed_replaced
t "before portmap" mapped 12-shunt-portmap 10.1.0.3 fd01::3
t "before portmap, behind bridge" mapped 11-bridge-shunt 10.1.0.1 fd01::1 \
	10.1.0.1 fd01::1
t "before tuning" tuned
t "before sbr" routed_by_source
t "before firewall" admitted
t "before bandwidth, behind ptp" limited ptp
t "before bandwidth, behind bridge" limited bridge
t "before bandwidth, alone" not_limited
finish
