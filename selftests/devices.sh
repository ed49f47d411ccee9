#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Node and pod devices: how they are made, who may, what they look like, what
# they follow, and that they go whoever and whatever takes them away.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

raw() { # NAME NETLINK.PY-ARGUMENT...
	local name=$1
	shift
	py "$name" netlink.py "$@"
}

ifindex() { # NAME DEVICE
	on "$1" cat "/sys/class/net/$2/ifindex"
}

has() { # NAME DEVICE
	ipn "$1" link show dev "$2" >/dev/null 2>&1
}

# Exactly the word expected comes back, and a message with it.
refused() { # ERRNO NAME NETLINK.PY-ARGUMENT...
	local want=$1 got
	shift
	got=$(raw "$@") && fail "not refused: $*"
	echo "$got"
	[[ ${got%% *} = "$want" || $want = any ]]
	[[ $got = *' '?* ]]
}

# A node of its own, so that a test can break it.
fresh_node() {
	ns_add nodeC
	ipn nodeC link add shunt0 type shunt
	ipn nodeC link set shunt0 up
	on nodeC sysctl -qw net.ipv4.ip_forward=1 \
		net.ipv6.conf.all.forwarding=1
	# An address to talk to pods with.
	ipn nodeC address add 192.168.99.1/32 dev lo
	ipn nodeC address add fd0f::1/128 dev lo
}
no_fresh_node() { ns_del "$(ns nodeC)"; }

fresh_pod() { # NAME NUMBER [SHUNTCTL-ARG...]
	local pod=$1 number=$2
	shift 2
	[[ -e /run/netns/$(ns "$pod") ]] || ns_add "$pod"
	ctl nodeC pod add "$(ns "$pod")" ip "10.3.0.$number" \
		ip "fd03::$number" "$@"
}

### Making

node_device() {
	at_end 'no_fresh_node'
	fresh_node
	raw nodeC show shunt0 | tee "$TMP/show"
	grep -q 'role 0' "$TMP/show"
	ipn nodeC -d link show shunt0 | tee "$TMP/show"
	grep -q 'POINTOPOINT.*NOARP' "$TMP/show"
	grep -q 'link/none' "$TMP/show"
	# One for each node.
	not ipn nodeC link add shunt1 type shunt
	not has nodeC shunt1
	refused EEXIST nodeC newlink shunt1
	ipn nodeC link del shunt0
	not has nodeC shunt0
	ipn nodeC link add shunt0 type shunt
}

node_device_any_name() {
	ns_add nodeC
	at_end 'no_fresh_node'
	ipn nodeC link add pods7 type shunt
	ipn nodeC address add 192.168.99.1/32 dev lo
	ns_add podC1
	ctl nodeC pod add "$(ns podC1)" ip 10.3.0.1 node pods7
	on nodeC ping -q -c 1 -W 3 10.3.0.1
	ns_del "$(ns podC1)"
}

pod_device() {
	local show
	show=$(raw podA1 show eth0)
	echo "$show"
	grep -q 'role 1' <<<"$show"
	ipn podA1 -d link show eth0 | tee "$TMP/show"
	grep -q 'link/ether' "$TMP/show"
	grep -q 'NOARP' "$TMP/show"
	grep -q 'UP' "$TMP/show"
	ipn podA1 address show dev eth0 | tee "$TMP/show"
	grep -q 'inet 10.1.0.1/32' "$TMP/show"
	grep -q 'inet6 fd01::1/128' "$TMP/show"
	ipn podA1 route | grep 'default via 169.254.1.1 dev eth0.*onlink'
	ipn podA1 -6 route | grep 'default via fe80::1 dev eth0'
	ipn podA1 neigh show 169.254.1.1 | grep PERMANENT
	ipn podA1 -6 neigh show fe80::1 | grep PERMANENT
}

on_the_node() {
	local name
	ipn nodeA address show dev shunt0 | tee "$TMP/show"
	grep -q 'inet 169.254.1.1/32 scope link' "$TMP/show"
	grep -q 'inet6 fe80::1/64' "$TMP/show"
	ipn nodeA route get 10.1.0.1 | grep 'via 169.254.1.2 dev shunt0'
	ipn nodeA -6 route get fd01::1 | grep 'via fe80::2 dev shunt0'
	# One neighbour a family, whatever the number of pods.
	[[ $(ipn nodeA -4 neigh show dev shunt0 | wc -l) -le 1 ]]
	for name in shunt0 all; do
		[[ $(on nodeA cat "/proc/sys/net/ipv4/conf/$name/send_redirects") \
			= 0 ]]
	done
	[[ $(on nodeA cat /proc/sys/net/ipv6/conf/shunt0/accept_ra) = 0 ]]
}

# An aggregate makes host routes superfluous.
aggregate_route() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)" "$(ns podC2)"'
	fresh_node
	fresh_pod podC1 1
	ipn nodeC route | grep '^10.3.0.1 '
	ctl nodeC pod del "$(ns podC1)"
	ipn nodeC route | grep '^10.3.0.1 ' && fail 'this must not be'
	ipn nodeC -6 route | grep '^fd03::1 ' && fail 'this must not be'
	ipn nodeC neigh replace 169.254.1.2 lladdr 02:00:00:00:00:01 \
		dev shunt0 2>/dev/null || true
	ipn nodeC route add 10.3.0.0/24 via 169.254.1.2 dev shunt0 onlink
	ipn nodeC -6 route add fd03::/64 via fe80::2 dev shunt0 onlink
	fresh_pod podC2 2
	ipn nodeC route | grep '^10.3.0.2 ' && fail 'this must not be'
	ipn nodeC -6 route | grep '^fd03::2 ' && fail 'this must not be'
	on nodeC ping -q -c 1 -W 3 10.3.0.2
	on nodeC ping -q -c 1 -W 3 fd03::2
}

# One registration under the final name: nobody moves or renames.
one_registration() {
	local moves events rename=dev_change_name
	event=/sys/kernel/tracing
	# Since 6.15.
	! grep -qw netif_change_name /proc/kallsyms || rename=netif_change_name
	at_end 'echo 0 >$event/events/kprobes/enable
		echo >$event/kprobe_events
		no_fresh_node; ns_del "$(ns podC1)"'
	fresh_node
	ns_add podC1
	{
		echo 'p:shunt_move __dev_change_net_namespace'
		echo "p:shunt_name $rename"
	} >"$event"/kprobe_events || skip "no kprobes"
	echo >"$event"/trace
	echo 1 >"$event"/events/kprobes/enable
	bg podC1 "$SELFTESTS/netlink.py" wait-events 60 >"$TMP/events"
	await 10 grep -q ready "$TMP/events"
	fresh_pod podC1 1
	await 10 grep -q 'new eth0' "$TMP/events"
	moves=$(grep -c 'shunt_move\|shunt_name' "$event"/trace || true)
	events=$(grep -v 'ready\|eth0\|lo$' "$TMP/events" || true)
	cat "$TMP/events"
	[[ $moves = 0 && ! $events ]]
	# The probes do work.
	ipn podC1 link set eth0 down
	ipn podC1 link set eth0 name eth7
	grep -q shunt_name "$event"/trace
}

mac_given() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)"'
	fresh_node
	fresh_pod podC1 1 mac 02:12:34:56:78:9a dev net7
	[[ $(on podC1 cat /sys/class/net/net7/address) = 02:12:34:56:78:9a ]]
	ctl nodeC -j pod show "$(ns podC1)" | tee "$TMP/pod" |
		jq -e '.[0].mac == "02:12:34:56:78:9a" and .[0].name == "net7"'
}

several_pods_in_a_netns() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)"'
	fresh_node
	fresh_pod podC1 1
	fresh_pod podC1 2 dev eth1
	on nodeC ping -q -c 1 -W 3 10.3.0.1
	[[ $(ctl nodeC -j pod show | jq length) = 2 ]]
}

### Who may

wrong_netns() {
	local node
	node=$(ifindex nodeA shunt0)
	# From the pod itself, with all capabilities it has.
	refused any podA1 newlink eth7 node "$node" address 10.1.0.50
	refused any podA1 newlink eth7 node "$node" address 10.1.0.50 \
		netns "/run/netns/$(ns podA1)"
	# From a third one, naming both.
	refused any nodeB newlink eth7 node "$node" address 10.1.0.50 \
		netns "/run/netns/$(ns podA1)" link-netnsid 0
	not has podA1 eth7
	# Not without saying where.
	refused any nodeA newlink eth7 node "$node" address 10.1.0.50
	# Nor with a node that is none.
	refused any nodeA newlink eth7 node "$(ifindex nodeA nic0)" \
		address 10.1.0.50 netns "/run/netns/$(ns podA2)"
	not has podA2 eth7
}

link_netnsid() {
	local id nsid
	# As "ip link add link-netnsid" asks: devices of another netns.
	ipn podA2 netns set "$(ns nodeA)" 5 || true
	nsid=$(ipn podA2 netns list-id | awk -v n="$(ns nodeA)" '
		index($0, n) { print $2 }')
	id=$(ifindex nodeA shunt0)
	refused any podA2 newlink eth7 node "$id" address 10.1.0.51 \
		netns "/run/netns/$(ns podA2)" link-netnsid "$nsid"
	not ipn podA2 link add eth7 link-netnsid "$nsid" type shunt
	not has podA2 eth7
}

changelink() {
	local before
	before=$(raw podA1 show eth0)
	refused any podA1 changelink eth0 address 10.1.0.1 address 10.1.0.2
	refused any podA1 changelink eth0 node 1
	refused any podA1 changelink eth0 role 0
	refused any nodeA changelink shunt0 role 1
	refused any nodeA changelink shunt0 address 10.1.0.1
	not ipn podA1 link set eth0 type shunt node 1 2>/dev/null
	[[ $(raw podA1 show eth0) = "$before" ]]
}

bad_attributes() {
	local node pod
	node=$(ifindex nodeA shunt0) pod=/run/netns/$(ns podA2)
	# In use, no pod's, twice, and none at all.
	refused EADDRINUSE nodeA newlink eth7 node "$node" netns "$pod" \
		address 10.1.0.1
	for address in 127.0.0.1 0.0.0.0 224.0.0.1 255.255.255.255 ::1 :: \
		ff02::1 fe80::5; do
		refused any nodeA newlink eth7 node "$node" netns "$pod" \
			address "$address"
	done
	refused any nodeA newlink eth7 role 1
	refused EINVAL nodeA newlink et/7 node "$node" netns "$pod" \
		address 10.1.0.50 | tee "$TMP/said"
	grep -q 'no name for a device' "$TMP/said"
	not has podA2 eth7
	pings podA1 podB1 4 1
}

immovable() {
	not ipn podA1 link set eth0 netns "$(ns podA2)"
	not ipn nodeA link set shunt0 netns "$(ns nodeB)"
	has podA1 eth0
	has nodeA shunt0
}

# Addresses and limits are given in the node's netns alone.
genl_from_pod() {
	local command
	for command in pod-get pod-del uplink-add uplink-del stats-get; do
		refused any podA1 genl "$command" ifindex "$(ifindex podA1 eth0)"
	done
	refused any podA1 genl pod-addr-add ifindex "$(ifindex podA1 eth0)" \
		address 10.1.0.60
	refused any podA1 genl pod-addr-add \
		netns "/run/netns/$(ns podA1)" address 10.1.0.60
	refused any nodeB genl pod-addr-add \
		netns "/run/netns/$(ns podA1)" address 10.1.0.60
	# The pods of others are not shown, either.
	not raw nodeB genl pod-get netns "/run/netns/$(ns podA1)"
	[[ $(ctl nodeB -j pod show | jq length) = 1 ]]
}

# Prefixes that are none.
paths() {
	refused EINVAL nodeA genl path-add length 8 action 1
	refused EINVAL nodeA genl path-add address 10.0.0.0 action 1
	refused EINVAL nodeA genl path-add address 10.0.0.0 length 8
	refused EINVAL nodeA genl path-add address 10.0.0.0 length 33 action 1
	refused EINVAL nodeA genl path-add address fd01:: length 129 action 1
	refused EINVAL nodeA genl path-add address 10.0.0.1 length 8 action 1
	refused EINVAL nodeA genl path-add address fd01::1 length 64 action 1
	refused ERANGE nodeA genl path-add address 10.0.0.0 length 8 action 2
	refused ENOENT nodeA genl path-get address 10.0.0.0 length 8
	refused ENOENT nodeA genl path-del address 10.0.0.0 length 8
	refused ENODEV podA1 genl path-add address 10.0.0.0 length 8 action 1
	raw nodeA genl path-add address 0.0.0.0 length 0 action 0
	raw nodeA genl path-get address 0.0.0.0 length 0
	raw nodeA genl path-get-dump
	raw nodeA genl path-del address 0.0.0.0 length 0
}

unprivileged() {
	local commands
	mapfile -t commands < <(raw nodeA commands)
	[[ ${#commands[@]} -gt 10 ]]
	# That user may not look for the file.
	on nodeA setpriv --reuid 65534 --clear-groups --inh-caps=-all \
		/usr/bin/python3 - forbidden "${commands[@]}" pod-get-dump \
		<"$SELFTESTS/netlink.py"
}

# Root over a user namespace of its own is nobody here.
user_namespace() {
	local netns pod allow=/sys/module/shunt/parameters/userns_nodes
	at_end "echo 0 >$allow"
	pod=/run/netns/$(ns podA1)
	netns=/run/netns/$(ns nodeA)
	unshare --user --map-root-user --net ip link set lo up
	# Inside, one's own netns gets no node device ...
	not unshare --user --map-root-user --net \
		ip link add shunt0 type shunt
	# ... unless the machine's root allows it, ...
	echo 1 >"$allow"
	unshare --user --map-root-user --net ip link add shunt0 type shunt
	# ... and over that of others there is no power.
	not nsenter --net="$netns" unshare --user --map-root-user \
		"$SELFTESTS/netlink.py" genl pod-del netns "$pod"
	not nsenter --net="$pod" unshare --user --map-root-user \
		ip link del eth0
	has podA1 eth0
}

# Nonsense is refused, and nothing comes of it.
fuzz() {
	local seed command
	seed=${SEED:-$RANDOM}
	note "seed $seed"
	at_end 'ctl nodeA -j path | jq -r ".[] | \"\(.address)/\(.length)\"" |
		while read -r path; do ctl nodeA path del "$path"; done'
	for command in uplink-get uplink-add uplink-del pod-get pod-addr-add \
		pod-addr-del path-get path-add path-del stats-get \
		pod-adopt; do
		raw nodeA raw-genl "$command" 64 "$seed" 300
	done
	[[ $(ctl nodeA -j uplink show | jq -r '.[].name') = nic0 ]]
	pings podA1 podB1 4 2
}

### What it looks like

mtu_follows() {
	mtu() { on "$1" cat "/sys/class/net/$2/mtu"; }
	at_end 'no_fresh_node; ns_del "$(ns podC1)" "$(ns podC2)"'
	fresh_node
	ipn nodeC link add nic5 mtu 4000 type dummy
	ipn nodeC link add nic6 mtu 3000 type dummy
	ctl nodeC uplink add nic5
	fresh_pod podC1 1
	fresh_pod podC2 2 mtu 1300
	[[ $(mtu podC1 eth0) = 4000 ]]
	[[ $(mtu podC2 eth0) = 1300 ]]
	ctl nodeC uplink add nic6
	[[ $(mtu podC1 eth0) = 3000 ]]
	ipn nodeC link set nic5 mtu 2000
	[[ $(mtu podC1 eth0) = 2000 ]]
	ctl nodeC uplink del nic5
	[[ $(mtu podC1 eth0) = 3000 ]]
	[[ $(mtu podC2 eth0) = 1300 ]]
	ctl nodeC -j pod show "$(ns podC1)" | jq -e '.[0].mtu == 3000'
	# That of the node device may be another one.
	ipn nodeC link set shunt0 mtu 1350
	fresh_pod podC1 3 dev eth1
	[[ $(mtu podC1 eth1) = 3000 ]]
	# One that the pod sets is no longer followed.
	ipn podC1 link set eth0 mtu 1400
	ipn nodeC link set nic6 mtu 2500
	[[ $(mtu podC1 eth0) = 1400 ]]
}

# IPv6 ends below 1280 bytes.
mtu_limits() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)"'
	fresh_node
	fresh_pod podC1 1
	not ipn podC1 link set eth0 mtu 67
	not ipn podC1 link set eth0 mtu 70000
	ipn podC1 link set eth0 mtu 65535
}

ethtool_words() {
	local device name
	for name in podA1:eth0 nodeA:shunt0; do
		device=${name#*:} name=${name%:*}
		on "$name" ethtool -i "$device" | tee "$TMP/driver"
		grep -q 'driver: shunt' "$TMP/driver"
		grep -qx "version: $(<"$TOP/VERSION")" "$TMP/driver"
		on "$name" ethtool "$device" >/dev/null
		on "$name" ethtool -S "$device" | grep -q tx_direct:
		on "$name" ethtool -k "$device" >"$TMP/features"
		grep -q 'tx-checksumming: on' "$TMP/features"
		grep -q 'scatter-gather: on' "$TMP/features"
		grep -q 'tcp-segmentation-offload: on' "$TMP/features"
		grep -q 'generic-receive-offload: on' "$TMP/features"
		grep -q 'tx-gso-list: on\|tx-udp-segmentation: on' \
			"$TMP/features"
	done
}

# Offloads that a pod turns off are off, and traffic goes on.
offloads_off() {
	at_end 'on podA1 ethtool -K eth0 tso on gso on tx on sg on'
	start_netserver podB1
	on podA1 ethtool -K eth0 tso off
	netperf_rate podA1 podB1 4 TCP_STREAM 1
	on podA1 ethtool -K eth0 gso off tx off
	netperf_rate podA1 podB1 4 TCP_STREAM 1
	pings podA1 podB1 6 2 -s 4000
}

# The uplink's own, too: what it cannot do is done in software.
uplink_offloads_off() {
	at_end 'on nodeA ethtool -K nic0 tso on gso on tx on sg on
		on nodeB ethtool -K nic0 gro on'
	start_netserver podB1
	on nodeA ethtool -K nic0 tso off
	netperf_rate podA1 podB1 4 TCP_STREAM 1
	on nodeA ethtool -K nic0 tso off gso off tx off sg off
	netperf_rate podA1 podB1 4 TCP_STREAM 1
	netperf_rate podA1 podB1 6 TCP_STREAM 1
	on nodeB ethtool -K nic0 gro off
	netperf_rate podA1 podB1 4 TCP_STREAM 1
}

gso_sizes() {
	local what
	at_end 'ipn nodeA link set nic0 gso_max_size 65536 gro_max_size 65536
		[[ $(uname -r) = 6.1.* ]] || raw nodeA sizes nic0 65536 65536
		ipn nodeA link set nic0 alias small'
	size() { # NAME DEVICE KEY
		ipn "$1" -d -j link show dev "$2" | jq ".[0].$3"
	}
	[[ $(size podA1 eth0 gso_max_size) = \
		$(size nodeA nic0 gso_max_size) ]]
	# The kernel tells of new sizes only together with something else.
	set_size() { ipn nodeA link set nic0 "$1" "$2" alias "$1$2"; }
	set_size gso_max_size 30000
	[[ $(size podA1 eth0 gso_max_size) = 30000 ]]
	set_size gso_max_size 150000
	[[ $(size podA1 eth0 gso_max_size) = 150000 ]]
	set_size gro_max_size 150000
	[[ $(size podA1 eth0 gro_max_size) = 150000 ]]
	[[ $(uname -r) != 6.1.* ]] || return 0
	raw nodeA sizes nic0 30000 40000
	set_size gso_max_size 150000
	[[ $(raw podA1 sizes eth0 | head -n 1) = '30000 40000' ]]
}

# BIG TCP: packets beyond 64 KiB leave the pod, and reach the other one.
big_tcp() { # FAMILY
	local pod node
	[[ $1 = 6 || $(uname -r) != 6.1.* ]] ||
		skip "this kernel has BIG TCP of IPv6 only"
	at_end 'for node in nodeA nodeB; do
		[[ $(uname -r) = 6.1.* ]] || raw $node sizes nic0 65536 65536
		ipn $node link set nic0 gso_max_size 65536 \
			gro_max_size 65536 alias small
		done
		on podA1 sysctl -qw net.ipv4.tcp_tso_rtt_log=9
		on podA1 nft delete table inet big
		on podB1 nft delete table inet big'
	for node in nodeA nodeB; do
		[[ $1 = 6 ]] || raw "$node" sizes nic0 180000 180000
		ipn "$node" link set nic0 gso_max_size 180000 \
			gro_max_size 180000 alias big
	done
	for pod in podA1 podB1; do
		on "$pod" nft -f - <<-END
		table inet big {
			counter big { }
			chain out {
				type filter hook output priority 0
				meta length > 66000 counter name big
			}
			chain in {
				type filter hook input priority 0
				meta length > 66000 counter name big
			}
		}
		END
	done
	start_netserver podB1
	# TCP packs by rate and round trip, and a slow kernel's are worth little.
	on podA1 sysctl -qw net.ipv4.tcp_tso_rtt_log=30
	snap nodeA
	on podA1 netperf "-$1" -H "$(addr podB1 "$1")" -t TCP_STREAM -l 2 \
		-P 0 -- -m 1M
	expect nodeA tx_stack=0
	for pod in podA1 podB1; do
		on "$pod" nft list counter inet big big | tee "$TMP/big"
		not grep -q 'packets 0 ' "$TMP/big"
	done
	# From the host, whose own packets are judged elsewhere.
	start_netserver podA1
	snap nodeA
	on nodeA netperf "-$1" -H "$(addr podA1 "$1")" -t TCP_STREAM -l 2 \
		-P 0 -- -m 1M
	expect nodeA drop_toobig=0
}

# Nearly as many as a pod may have, side by side: all are found.
many_addresses() {
	local n words=()
	at_end 'no_fresh_node; ns_del "$(ns podC1)"'
	fresh_node
	ns_add podC1
	for n in {1..300}; do
		words+=(ip "fd03::$(printf %x "$n")")
	done
	not ctl nodeC pod add "$(ns podC1)" "${words[@]}" 2>"$TMP/err"
	grep 'no room for more addresses' "$TMP/err"
	not has podC1 eth0
	ctl nodeC pod add "$(ns podC1)" "${words[@]:0:120}"
	[[ $(ctl nodeC -j pod show | jq '.[0].address | length') = 60 ]]
	for n in 1 3c; do
		on nodeC ping -q -c 1 -W 3 "fd03::$n"
	done
}

# Pods cannot go round a node that is down.
node_goes_down() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)" "$(ns podC2)" "$(ns nodeD)"'
	fresh_node
	fresh_pod podC1 1
	fresh_pod podC2 2
	ns_add nodeD
	ipn nodeC link add nic5 type veth peer name nic5 netns "$(ns nodeD)"
	ipn nodeC address add 192.168.5.1/24 dev nic5
	ipn nodeD address add 192.168.5.2/24 dev nic5
	ipn nodeC link set nic5 up
	ipn nodeD link set nic5 up
	ipn nodeD route add 10.3.0.0/24 via 192.168.5.1
	ctl nodeC uplink add nic5
	on podC1 ping -q -c 5 -i 0.005 -W 3 10.3.0.2
	snap nodeC
	on podC1 ping -q -c 5 -i 0.005 -W 3 192.168.5.2
	expect nodeC tx_direct=5 rx_direct=5
	ipn nodeC link set shunt0 down
	snap nodeC
	not on podC1 ping -q -c 2 -i 0.05 -W 0.3 10.3.0.2
	not on podC1 ping -6 -q -c 2 -i 0.05 -W 0.3 fd03::2
	not on podC1 ping -q -c 2 -i 0.05 -W 0.3 192.168.5.2
	expect nodeC drop_down=6 tx_local=0 tx_direct=0
}

statistics() {
	local before after
	stats() { ipn podA1 -s -j link show dev eth0 | jq -c \
		'.[0].stats64 | [.rx.packets, .tx.packets]'; }
	before=$(stats)
	pings podA1 podB1 4 10
	after=$(stats)
	echo "$before $after"
	[[ $(jq -n "${after}[0] - ${before}[0]") = 10 ]]
	[[ $(jq -n "${after}[1] - ${before}[1]") = 10 ]]
}

### Going

pod_deletes_own() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)"'
	fresh_node
	fresh_pod podC1 1
	ipn podC1 link del eth0
	not has podC1 eth0
	[[ $(ctl nodeC -j pod show | jq length) = 0 ]]
	not on nodeC ping -q -c 1 -W 0.5 10.3.0.1
	# Its address is free, its counters are kept.
	fresh_pod podC1 1
	on nodeC ping -q -c 2 -i 0.05 -W 3 10.3.0.1
	snap nodeC
	ipn podC1 link del eth0
	expect nodeC rx_stack=0..5 tx_stack=0..5
	# What the pod left behind on the node goes with the next command.
	ctl nodeC pod del "$(ns podC1)" || true
}

node_deletes_pod() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)" "$(ns podC2)"'
	fresh_node
	fresh_pod podC1 1
	fresh_pod podC2 2
	on podC1 ping -q -c 1 -W 3 10.3.0.2
	ctl nodeC pod del "$(ns podC1)"
	not has podC1 eth0
	has podC2 eth0
	ipn nodeC route | grep '10.3.0.1 ' && fail 'this must not be'
	not on podC2 ping -q -c 1 -W 0.5 10.3.0.1
}

node_device_takes_pods() {
	local pod
	at_end 'no_fresh_node; ns_del "$(ns podC1)" "$(ns podC2)"'
	fresh_node
	for pod in 1 2; do
		fresh_pod podC"$pod" "$pod"
	done
	on podC1 ping -q -c 1 -W 3 10.3.0.2
	bg podC1 ping -q -i 0.01 10.3.0.2 >/dev/null 2>&1
	bg podC2 ping -q -i 0.01 10.3.0.1 >/dev/null 2>&1
	ipn nodeC link del shunt0
	for pod in 1 2; do
		not has podC"$pod" eth0
	done
	# And again from the start.
	ipn nodeC link add shunt0 type shunt
	fresh_pod podC1 1
	on nodeC ping -q -c 1 -W 3 10.3.0.1
}

uplink_device_deleted() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)"'
	fresh_node
	fresh_pod podC1 1
	ipn nodeC link add nic5 type dummy
	ctl nodeC uplink add nic5
	ipn nodeC link set nic5 up
	ipn nodeC address add 192.168.5.1/24 dev nic5
	not on podC1 ping -q -c 1 -W 0.2 192.168.5.7
	ipn nodeC link del nic5
	[[ $(ctl nodeC -j uplink show | jq length) = 0 ]]
	on nodeC ping -q -c 1 -W 3 10.3.0.1
}

uplink_moves_away() {
	at_end 'no_fresh_node; ns_del "$(ns podC1)"'
	fresh_node
	fresh_pod podC1 1
	ipn nodeC link add nic5 type dummy
	ctl nodeC uplink add nic5
	ipn nodeC link set nic5 up
	ipn nodeC link set nic5 netns "$(ns podC1)"
	[[ $(ctl nodeC -j uplink show | jq length) = 0 ]]
	has podC1 nic5
	# It is free for others.
	ipn podC1 link add br7 type bridge
	ipn podC1 link set nic5 master br7
}

# With sockets open and packets in flight, in every order.
netns_deleted() { # FIRST...
	local name pod
	at_end 'no_fresh_node; ns_del "$(ns podC1)" "$(ns podC2)"'
	fresh_node
	ip link add nic5 netns "$(ns nodeC)" type veth \
		peer name nic5 netns "$(ns nodeB)"
	ipn nodeC address add 192.168.5.1/24 dev nic5
	ipn nodeC address add fd05::1/64 dev nic5 nodad
	ipn nodeC link set nic5 up
	ipn nodeB address add 192.168.5.2/24 dev nic5
	ipn nodeB address add fd05::2/64 dev nic5 nodad
	ipn nodeB link set nic5 up
	ipn nodeB route replace 10.3.0.0/24 via 192.168.5.1
	ipn nodeB -6 route replace fd03::/64 via fd05::1
	ctl nodeC uplink add nic5
	for pod in 1 2; do
		fresh_pod podC"$pod" "$pod"
		on podC"$pod" ping -q -c 1 -W 3 192.168.5.2
		on podC"$pod" ping -q -c 1 -W 3 fd05::2
	done
	start_netserver nodeB podC2
	# Sockets of dead processes keep their netns until the other end acks.
	for name in nodeC podC1 podC2; do
		on "$name" sysctl -qw net.ipv4.tcp_orphan_retries=1 \
			net.ipv4.tcp_retries2=2
	done
	# Netns that processes sit in live on without their names.
	bg podC1 netperf -H 192.168.5.2 -t TCP_STREAM -l 30 >/dev/null 2>&1
	bg podC1 netperf -6 -H fd05::2 -t TCP_RR -l 30 >/dev/null 2>&1
	bg podC1 netperf -H 10.3.0.2 -t TCP_STREAM -l 30 >/dev/null 2>&1
	bg nodeC netperf -H 10.3.0.2 -t TCP_RR -l 30 >/dev/null 2>&1
	snap nodeC
	await_counter nodeC tx_direct 100
	await_counter nodeC tx_local 100
	for name; do
		case $name in
		shunt0) ipn nodeC link del shunt0 ;;
		nic5) ipn nodeB link del nic5 ;;
		# The name goes first, the netns with its last process.
		*) ip netns del "$(ns "$name")" ;;
		esac
	done
	end_jobs
	for name in nodeC podC1 podC2; do
		ns_del "$(ns "$name")"
	done
	ipn nodeB link del nic5 2>/dev/null || true
	# Devices of dying netns go in the background.
	await 20 users_back
}

module_users() { awk '$1 == "shunt" { print $3 }' /proc/modules; }
users_back() { [[ $(module_users) = "$users" ]]; }

module_pinned() {
	not rmmod shunt
	[[ -e /sys/module/shunt ]]
	pings podA1 podB1 4 1
}

module_goes() {
	cleanup_all >"$TMP/end"
	cat "$TMP/end"
	[[ ! -s $TMP/end ]]
	[[ ! -e /sys/module/shunt ]]
	# And comes again.
	load_module
	rmmod shunt
}

start_forks
load_module
topology shunt podA1 podA2 podB1
pods_quiet nodeA nodeB
users=$(module_users)

t "node device" node_device
t "node device of another name" node_device_any_name
t "pod device" pod_device
t "addresses and routes of the node" on_the_node
t "aggregate route" aggregate_route
t "one registration, under the final name" one_registration
t "MAC and name" mac_given
t "several in one netns" several_pods_in_a_netns
t "made from the node's netns alone" wrong_netns
t "not through link-netnsid" link_netnsid
t "not to be changed" changelink
t "bad attributes" bad_attributes
t "not to be moved" immovable
t "control from the node's netns alone" genl_from_pod
t "prefixes that are none" paths
t "unprivileged users" unprivileged
t "user namespaces" user_namespace
t "random attributes" fuzz
t "MTU follows the uplinks" mtu_follows
t "MTU limits" mtu_limits
t "ethtool" ethtool_words
t "offloads of the pod off" offloads_off
t "offloads of the uplink off" uplink_offloads_off
t "GSO sizes follow the uplink" gso_sizes
for family in 4 6; do
	t "v$family BIG TCP" big_tcp $family
done
t "many addresses of a pod" many_addresses
t "node device goes down" node_goes_down
t "statistics" statistics
t "pod deletes its own device" pod_deletes_own
t "node deletes a pod's device" node_deletes_pod
t "node device takes pod devices with it" node_device_takes_pods
t "uplink is deleted" uplink_device_deleted
t "uplink moves to another netns" uplink_moves_away
t "netns end: pods, node" netns_deleted podC1 podC2 nodeC
t "netns end: node, pods" netns_deleted nodeC podC2 podC1
t "netns end: one pod, node, other pod" netns_deleted podC1 nodeC podC2
t "device of the node goes under traffic" netns_deleted shunt0 podC1 nodeC
t "uplink goes under traffic" netns_deleted nic5 nodeC podC1
t "the module is pinned" module_pinned
t "the module goes when the devices are gone" module_goes
finish
