#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In through the host means out through the host, and out means in: port
# mappings, services, masquerades and firewalls of the node work for pods as
# they do for pods behind veth pairs, and what has nothing to do with them
# stays direct.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

# A rule of the table nat; "both" loads them, all at once.
IPT4='' IPT6=''
ipt() { # FAMILY ARG...
	local -n rules=IPT$1
	local word
	for word in "${@:2}"; do
		[[ $word != *' '* ]] || word="\"$word\""
		rules+="$word "
	done
	rules+=$'\n'
}

load_rules() {
	[[ ! $IPT4 ]] || on nodeA iptables-restore -w -n \
		<<<"*nat"$'\n'"${IPT4}COMMIT"
	[[ ! $IPT6 ]] || on nodeA ip6tables-restore -w -n \
		<<<"*nat"$'\n'"${IPT6}COMMIT"
	IPT4='' IPT6=''
}

host_prefix() { # FAMILY
	[[ $1 = 4 ]] && echo 32 || echo 128
}

pods_of() { # nodeA|nodeB FAMILY
	case $1$2 in
	nodeA4) echo 10.1.0.0/24 ;;
	nodeA6) echo fd01::/64 ;;
	nodeB4) echo 10.2.0.0/24 ;;
	nodeB6) echo fd02::/64 ;;
	esac
}

all_pods() { # FAMILY
	[[ $1 = 4 ]] && echo 10.0.0.0/13 || echo fd00::/14
}

endpoint() { # ADDRESS PORT
	case $1 in
	*:*) echo "[$1]:$2" ;;
	*) echo "$1:$2" ;;
	esac
}

any() { # FAMILY
	[[ $1 = 4 ]] && echo 0.0.0.0/0 || echo ::/0
}

### Rulesets

# A firewall that lets through what it knows, and drops what it does not
# understand, as kube-proxy does.
firewall() {
	on nodeA nft -f - <<-END
		table inet fw {
			counter invalid { }
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state invalid counter name invalid drop
				ct state established,related accept
				ct state untracked accept
				ct status dnat accept
				ip saddr { 10.1.0.0/24, 10.2.0.0/24 } accept
				ip6 saddr { fd01::/64, fd02::/64 } accept
			}
		}
	END
}

# What portmap writes for HOSTPORT to port 80 of POD.
portmap() { # FAMILY POD HOSTPORT
	local family=$1 pod port=$3 proto
	pod=$(addr "$2" "$family")
	ipt "$family" -N CNI-HOSTPORT-DNAT
	ipt "$family" -N CNI-HOSTPORT-SETMARK
	ipt "$family" -N CNI-HOSTPORT-MASQ
	ipt "$family" -N CNI-DN-1
	ipt "$family" -A CNI-HOSTPORT-SETMARK -m comment \
		--comment "CNI portfwd masquerade mark" \
		-j MARK --set-xmark 0x2000/0x2000
	ipt "$family" -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 \
		-j MASQUERADE
	ipt "$family" -A POSTROUTING -m comment \
		--comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
	ipt "$family" -A PREROUTING -m addrtype --dst-type LOCAL \
		-j CNI-HOSTPORT-DNAT
	ipt "$family" -A OUTPUT -m addrtype --dst-type LOCAL \
		-j CNI-HOSTPORT-DNAT
	for proto in tcp udp; do
		ipt "$family" -A CNI-HOSTPORT-DNAT -p "$proto" -m multiport \
			--destination-ports "$port" -j CNI-DN-1
		ipt "$family" -A CNI-DN-1 -s "$pod" -p "$proto" \
			--dport "$port" -j CNI-HOSTPORT-SETMARK
		ipt "$family" -A CNI-DN-1 -p "$proto" --dport "$port" \
			-j DNAT --to-destination "$(endpoint "$pod" 80)"
	done
}

# The same as newer ones write it, for nftables.
portmap_nft() { # FAMILY POD HOSTPORT
	local ip=ip loopback=127.0.0.1 pod
	pod=$(addr "$2" "$1")
	[[ $1 = 4 ]] || ip=ip6 loopback=::1
	on nodeA nft -f - <<-END
		table inet cni_hostport {
			chain hostports {
				tcp dport $3 dnat $ip to $(endpoint "$pod" 80)
				udp dport $3 dnat $ip to $(endpoint "$pod" 80)
			}
			chain prerouting {
				type nat hook prerouting priority dstnat
				fib daddr type local jump hostports
			}
			chain output {
				type nat hook output priority -100
				fib daddr type local jump hostports
			}
			chain masquerading {
				type nat hook postrouting priority srcnat
				$ip saddr { $pod, $loopback } $ip daddr $pod masquerade
			}
		}
	END
}

# What kube-proxy writes for a service of ADDRESS:80 and NODEPORT with the
# backends POD..., of which it takes the first, but every second time.
readonly VIP4=10.96.0.10 VIP6=fd96::10
service() { # FAMILY NUMBER NODEPORT POD...
	port_of_service "$1" tcp "${@:2}"
	port_of_service "$1" udp "${@:2}"
}

port_of_service() { # FAMILY tcp|udp NUMBER NODEPORT POD...
	local family=$1 proto=$2 n=$3 nodeport=$4 pod vip=VIP$1 chance=()
	shift 4
	vip=${!vip%10}$n
	ipt "$family" -N "KUBE-SVC-$n-$proto"
	ipt "$family" -A KUBE-SERVICES -d "$vip" -p "$proto" --dport 80 \
		-j "KUBE-SVC-$n-$proto"
	ipt "$family" -A KUBE-NODEPORTS -p "$proto" --dport "$nodeport" \
		-j "KUBE-SVC-$n-$proto"
	ipt "$family" -A "KUBE-SVC-$n-$proto" ! -s "$(all_pods "$family")" \
		-p "$proto" -j KUBE-MARK-MASQ
	while [[ $# -gt 0 ]]; do
		pod=$(addr "$1" "$family")
		ipt "$family" -N "KUBE-SEP-$n-$proto-$1"
		ipt "$family" -A "KUBE-SEP-$n-$proto-$1" -s "$pod" \
			-j KUBE-MARK-MASQ
		ipt "$family" -A "KUBE-SEP-$n-$proto-$1" -p "$proto" \
			-j DNAT --to-destination "$(endpoint "$pod" 80)"
		chance=()
		[[ $# -eq 1 ]] || chance=(-m statistic --mode nth --every 2
			--packet 0)
		ipt "$family" -A "KUBE-SVC-$n-$proto" "${chance[@]}" \
			-j "KUBE-SEP-$n-$proto-$1"
		shift
	done
}

kube_proxy() { # FAMILY
	local family=$1
	ipt "$family" -N KUBE-SERVICES
	ipt "$family" -N KUBE-NODEPORTS
	ipt "$family" -N KUBE-MARK-MASQ
	ipt "$family" -N KUBE-POSTROUTING
	ipt "$family" -A PREROUTING -j KUBE-SERVICES
	ipt "$family" -A OUTPUT -j KUBE-SERVICES
	ipt "$family" -A POSTROUTING -j KUBE-POSTROUTING
	ipt "$family" -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
	ipt "$family" -A KUBE-POSTROUTING -m mark ! --mark \
		0x4000/0x4000 -j RETURN
	ipt "$family" -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
	ipt "$family" -A KUBE-POSTROUTING -j MASQUERADE
	service "$family" 11 30011 podB1
	service "$family" 12 30012 podA2
	service "$family" 13 30013 podA1
	service "$family" 14 30014 podA2 podB1
	ipt "$family" -A KUBE-SERVICES -m addrtype --dst-type LOCAL \
		-j KUBE-NODEPORTS
}

# Remove all rules and what was tracked.
no_rules() {
	on nodeA nft flush ruleset
	on nodeA conntrack -F 2>/dev/null
	true
}

with_rules() { # FUNCTION ARG...
	"$@"
	load_rules
}

# In both topologies.
both() { in_both with_rules "$@"; } # FUNCTION ARG...

no_paths() {
	use shunt
	ctl nodeA -j path | jq -r '.[] | "\(.address)/\(.length)"' |
		while read -r prefix; do
			ctl nodeA path del "$prefix"
		done
}

setup() { # FUNCTION ARG...
	at_end 'both no_rules; no_paths'
	both firewall
	both "$@"
	use shunt
}

# The same answers in both topologies, and they are answers.
same() { # FROM ask ARG...
	as_veth who "$@"
	not grep -q 'status' "$TMP/said.shunt"
}

# What the firewall took for nonsense: none of it may be.
no_invalid() {
	on nodeA nft list counter inet fw invalid | grep 'packets 0 '
}

stays_direct() { # FROM TO FAMILY
	snap nodeA
	pings "$1" "$2" "$3" 5
	expect nodeA tx_direct=5 rx_direct=5 others=0
}

# All that the node knows is forgotten.
new_node() {
	ipn nodeA link del shunt0
	datapath_node nodeA 1
	pod_add podA1
	pod_add podA2
}

### Port mappings

# From outside, from a pod there, from the node, from its pods and from the pod
# itself.
port_mapping() { # FAMILY RULES
	local family=$1 host from
	setup "$2" "$family" podA1 8080
	both start_who podA1
	use shunt
	host=$(addr nodeA "$family")
	for from in nodeB podB1 nodeA podA2 podA1; do
		echo "from $from"
		snap nodeA
		same "$from" ask "$host" 8080 tcp,udp 5
		# The pod's answers: six segments or more, five datagrams.
		[[ $from = nodeA || $from = podA1 ]] ||
			expect nodeA punt_flow=11..
	done
	# Those who do not use the mapping, at the same time.
	snap nodeA
	same podB1 ask "$(addr podA1 "$family")" 81 tcp,udp 5
	expect nodeA punt_flow=0 tx_direct=11..
	stays_direct podB2 podA1 "$family"
	both no_invalid
}

# A pod that has two addresses asks the one by the other, by way of the node.
with_second() {
	pod_add podA3 ip 10.1.0.33 ip fd01::33
	on nodeA nft -f - <<-END
		table inet hairpin {
			chain prerouting {
				type nat hook prerouting priority dstnat
				tcp dport 8080 dnat ip to 10.1.0.33:80
				tcp dport 8080 dnat ip6 to [fd01::33]:80
			}
			chain postrouting {
				type nat hook postrouting priority srcnat
				ip saddr 10.1.0.0/24 ip daddr 10.1.0.33 masquerade
				ip6 saddr fd01::/64 ip6 daddr fd01::33 masquerade
			}
		}
	END
}

second() { # FAMILY
	[[ $1 = 4 ]] && echo 10.1.0.33 || echo fd01::33
}

no_second() { ns_del "$(ns podA3)"; }

hairpin_by_second() {
	local family from
	at_end 'both no_rules; both no_second'
	both firewall
	both with_second
	both start_who podA3
	for family in 4 6; do
		for from in "$(addr podA3 "$family")" "$(second "$family")"; do
			both send_from podA3 "$family" "$from"
			use shunt
			snap nodeA
			same podA3 ask "$(addr nodeA "$family")" 8080 tcp 3
			expect nodeA drop_spoof=0 tx_direct=0 punt_route=6..
		done
	done
	both no_invalid
}

# The answers are larger than the way out allows: fragments of the pod, or a
# message to it that names the address it knows.
port_mapping_mtu() { # FAMILY
	local family=$1
	setup portmap "$family" podA1 8080
	both start_who podA1
	use shunt
	same nodeB ask "$(addr nodeA "$family")" 8080 udp 3 0 4000
	# A question in fragments, and an answer that is whole.
	same nodeB ask "$(addr nodeA "$family")" 8080 udp 3 0 4000 short
	both no_invalid
}

# A ping that the node translates: nothing but addresses to know it by.
ping_mapping() { # FAMILY
	local family=$1 host icmp=icmp
	host=$(addr nodeA "$family")
	[[ $family = 4 ]] || icmp=ipv6-icmp
	map() {
		ipt "$family" -A PREROUTING -d "$host" -p "$icmp" \
			-j DNAT --to-destination "$(addr podA1 "$family")"
	}
	[[ $family = 4 ]] || map() {
		# Neighbour discovery is not for the pod.
		ipt 6 -A PREROUTING -d "$host" -p icmpv6 \
			--icmpv6-type echo-request \
			-j DNAT --to-destination "$(addr podA1 6)"
	}
	setup map
	snap nodeA
	on nodeB ping "-$family" -q -c 5 -i 0.01 -W 3 "$host"
	expect nodeA punt_flow=5 rx_stack=5
	stays_direct podB2 podA1 "$family"
}

# What a helper of the node expects of a connection is translated as that is:
# the server in the pod calls back.
ftp() { # FAMILY
	local family=$1 host topo l3=ip
	host=$(addr nodeA "$family")
	[[ $family = 4 ]] || l3=ip6
	modprobe nf_nat_ftp
	map() {
		ipt "$family" -A PREROUTING -d "$host" -p tcp --dport 2121 -j DNAT \
			--to-destination "$(endpoint "$(addr podA1 "$family")" 21)"
		on nodeA nft -f - <<-END
			table inet fw {
				ct helper ftp {
					type "ftp" protocol tcp
					l3proto $l3
				}
				chain helped {
					type filter hook prerouting priority 0
					tcp dport 21 ct helper set "ftp"
				}
			}
		END
	}
	setup map
	for topo in veth shunt; do
		use "$topo"
		bg_py podA1 ftp.py serve
		await 20 listens podA1 21
	done
	snap nodeA
	for topo in veth shunt; do
		use "$topo"
		py nodeB ftp.py ask "$host" 2121 | tee "$TMP/called.$topo"
		[[ $(<"$TMP/called.$topo") = "$host" ]]
	done
	expect nodeA punt_flow=6.. tx_direct=0
	stays_direct podB2 podA1 "$family"
	both no_invalid
}

### Services

# By its address, under a stack prefix, and by a port of the node.
services() { # FAMILY
	local family=$1 vip=VIP$1 from host
	vip=${!vip%10}
	host=$(addr nodeA "$family")
	setup kube_proxy "$family"
	both start_who podA1 podA2 podB1
	use shunt
	if [[ $family = 4 ]]; then
		ctl nodeA path add 10.96.0.0/16 stack
	else
		ctl nodeA path add fd96::/64 stack
	fi
	for from in podA1 nodeA; do
		echo "services, from $from"
		same "$from" ask "$vip"11,"$vip"12,"$vip"13,"$vip"14 80 \
			tcp,udp 5
	done
	for from in podA1 nodeB; do
		echo "ports of the node, from $from"
		same "$from" ask "$host" 30011,30012,30013,30014 tcp,udp 5
	done
	stays_direct podB2 podA2 "$family"
	both no_invalid
}

# The route of the other node to its pod, with more words.
route_to_pod() { # FAMILY [WORD...]
	local family=$1 to way=(dev podB1)
	to=$(addr podB1 "$family")/$(host_prefix "$family")
	shift
	if [[ $TOPO = shunt* ]]; then
		way=(via 169.254.1.2 dev shunt0 onlink)
		[[ $family = 4 ]] || way=(via fe80::2 dev shunt0 onlink)
	fi
	ipn nodeB route replace "$to" "${way[@]}" "$@"
	ipn podA1 "-$family" route flush cache
}

# An error from the way to the backend is for the socket that knows the service
# alone.
service_pmtu() { # FAMILY
	local family=$1 vip=VIP$1
	at_end 'both route_to_pod "$family"; both no_rules; no_paths'
	both firewall
	both kube_proxy "$family"
	both start_who podB1
	both route_to_pod "$family" mtu 1300
	use shunt
	ctl nodeA path add "${!vip%10}11" stack
	snap nodeA
	same podA1 ask "${!vip%10}11" 80 tcp 3 0 5000
	ipn podA1 "-$family" route get "${!vip%10}11" | grep 'mtu 1300'
	expect nodeA punt_flow=1..
	both no_invalid
}

# The backend is outside, and who says that it cannot be reached is not.
refused_outside() { # FAMILY
	local ip=ip outside vip=VIP$1
	outside=$(nowhere "$1") vip=${!vip}
	[[ $1 = 4 ]] || ip=ip6
	ipn nodeA route replace "$outside" via "$(addr nodeB "$1")"
	ipn nodeB route replace prohibit "$outside"
	on nodeA nft -f - <<-END
		table inet outside {
			chain prerouting {
				type nat hook prerouting priority dstnat
				$ip daddr $vip tcp dport 80 dnat to $outside
			}
		}
	END
}

no_outside() { # FAMILY
	ipn nodeA route del "$(nowhere "$1")"
	ipn nodeB route del prohibit "$(nowhere "$1")"
}

ask_outside() { # FAMILY
	local vip=VIP$1
	py podA1 who.py ask "${!vip}" 80 tcp 2>&1 || true
}

service_outside() { # FAMILY
	local family=$1 vip=VIP$1
	setup refused_outside "$family"
	at_end 'both no_outside "$family"; both no_rules; no_paths'
	use shunt
	ctl nodeA path add "${!vip}" stack
	ctl nodeA path add "$(nowhere "$family")" stack
	snap nodeA
	as_veth ask_outside "$family"
	[[ -s $TMP/said.shunt ]]
	not grep -q 'timed out' "$TMP/said.shunt"
	expect nodeA punt_flow=1.. tx_direct=0
	stays_direct podA2 podB1 "$family"
	both no_invalid
}

# The very first connection of a node, before anything watches what leaves.
first_connection() { # FAMILY
	local family=$1
	use shunt
	new_node
	setup kube_proxy "$family"
	both start_who podB1
	same podA1 ask "$(addr nodeA "$family")" 30011 tcp 3
}

### Masquerading

masquerade() { # FAMILY
	ipt "$1" -A POSTROUTING -s "$(pods_of nodeA "$1")" \
		! -d "$(all_pods "$1")" -j MASQUERADE
}

masquerade_nft() { translate_nft "$1" masquerade; }

# What a pod does not track in itself is the node's to track.
masquerade_untracked() { # FAMILY
	masquerade_nft "$1"
	on podA1 nft -f - <<-END
		table inet untracked {
			chain out {
				type filter hook output priority raw
				notrack
			}
		}
	END
}

# One more address of the node, for its pods alone.
snat_address() { # FAMILY
	[[ $1 = 4 ]] && echo 192.168.9.77 || echo fd09::77
}

snat_nft() { # FAMILY
	local ip=ip
	[[ $1 = 4 ]] || ip=ip6
	ipn nodeA address replace \
		"$(snat_address "$1")/$(host_prefix "$1")" dev nic0
	translate_nft "$1" "snat $ip to $(snat_address "$1")"
}

no_snat_address() { # FAMILY
	ipn nodeA address flush to "$(snat_address "$1")"
}

translate_nft() { # FAMILY HOW
	local ip=ip
	[[ $1 = 4 ]] || ip=ip6
	on nodeA nft -f - <<-END
		table inet outside {
			chain postrouting {
				type nat hook postrouting priority srcnat
				$ip saddr $(pods_of nodeA "$1") \
					$ip daddr != $(all_pods "$1") $2
			}
		}
	END
}

# Pings between two pods go where other connections of theirs do.
no_flows() { # NODE
	local new
	read_counters "$1"
	counter_in flow_new "$NOW"
	new=$VALUE
	counter_in flow_end "$NOW"
	[[ $VALUE = "$new" ]]
}

outside_translated() { # FAMILY RULES SOURCE
	local outside
	family=$1
	outside=$(addr nodeB "$family")
	await 20 no_flows nodeA
	setup "$2" "$family"
	at_end 'both no_rules; both no_snat_address "$family"; no_paths
		both on podA1 nft flush ruleset'
	both start_who nodeB podB1
	use shunt
	ctl nodeA path add "$(any "$family")" stack
	ctl nodeA path add "$(all_pods "$family")" direct
	snap nodeA
	same podA1 ask "$outside" 80 tcp,udp 5
	[[ $(uniq "$TMP/said.shunt") = "$3" ]]
	expect nodeA punt_path=10.. flow_new=0 tx_direct=0
	same podA1 ask "$(addr podB1 "$family")" 80 tcp 5
	stays_direct podA1 podB1 "$family"
	stays_direct podA2 podB1 "$family"
	both no_invalid
}

# What has left translated, by a device that is no uplink, stays so when an
# uplink becomes the way, whatever else is direct.
translated_moves() { # FAMILY
	local other=192.168.8.2 to
	[[ $1 = 4 ]] || other=fd08::2
	family=$1 to=$(addr nodeB "$1")/$(host_prefix "$1")
	at_end 'ipn nodeA route del "$to" via "$other" 2>/dev/null
		ctl nodeA uplink add nic1
		no_rules; no_snat_address "$family"'
	use shunt
	ctl nodeA uplink del nic1
	firewall
	snat_nft "$family"
	ipn nodeA route add "$to" via "$other"
	snap nodeA
	bg_py podA1 who.py ask "$(addr nodeB "$family")" 80 tcp 20 0.05 \
		>"$TMP/moves"
	await_counter nodeA punt_device 6
	ipn nodeA route del "$to" via "$other"
	await 10 grep . "$TMP/moves"
	cat "$TMP/moves"
	[[ $(<"$TMP/moves") = "$(snat_address "$family")" ]]
	expect nodeA punt_flow=10.. tx_direct=0
	stays_direct podA2 podB1 "$family"
	no_invalid
}

# In with one address and out with another, of which the node has neither: who
# answers by the way that it knows is not understood.
both_translated() { # FAMILY
	local ip=ip mapped=10.99.0.1 source=10.99.0.2
	[[ $1 = 4 ]] || ip=ip6 mapped=fd99::1 source=fd99::2
	family=$1 mapped=$mapped/$(host_prefix "$1")
	at_end 'both no_rules; both ipn nodeB route del "$mapped"; no_paths'
	translate() {
		ipn nodeB route add "$mapped" via "$(addr nodeA "$family")"
		on nodeA nft -f - <<-END
			table inet both {
				chain prerouting {
					type nat hook prerouting priority dstnat
					$ip daddr $mapped dnat $ip to $(addr podA1 "$family")
				}
				chain postrouting {
					type nat hook postrouting priority srcnat
					ct status dnat snat $ip to $source
				}
			}
		END
	}
	both firewall
	both translate
	both start_who podA1
	use shunt
	snap nodeA
	same nodeB ask "${mapped%/*}" 80 tcp,udp 5
	[[ $(uniq "$TMP/said.shunt") = "$source" ]]
	expect nodeA punt_flow=11.. tx_direct=0
	stays_direct podB2 podA1 "$family"
	both no_invalid
}

### Firewalls

# A probe whose source the node translates, as an ambient mesh does.
probe() { # FAMILY
	local family=$1 source=169.254.7.127
	[[ $family = 4 ]] || source=fd16:9254:7127:1337:ffff:ffff:ffff:ffff
	translate() {
		ipt "$family" -A POSTROUTING -d "$(addr podA1 "$family")" \
			-m addrtype --src-type LOCAL -p tcp \
			-j SNAT --to-source "$source"
	}
	setup translate
	both start_who podA1
	use shunt
	snap nodeA
	same nodeA ask "$(addr podA1 "$family")" 80 tcp 5
	grep -qxF "$source" "$TMP/said.shunt"
	expect nodeA punt_flow=5.. tx_direct=0
	stays_direct podB1 podA1 "$family"
}

# What a pod may be kept within.
limits() {
	on podA1 tc qdisc replace dev eth0 root tbf rate 1mbit burst 20k \
		latency 500ms
	on podA1 nft -f - <<-END
		table inet limits {
			chain i {
				type filter hook input priority 0
				tcp dport 80 limit rate over 100/second drop
			}
		}
	END
}
no_limits() {
	on podA1 tc qdisc del dev eth0 root
	on podA1 nft delete table inet limits
} 2>/dev/null

# A health check by the node itself needs nothing of the kind.
health_check() { # FAMILY
	local family=$1
	setup true
	at_end 'both no_rules; both no_limits'
	both start_who podA1
	use shunt
	snap nodeA
	same nodeA ask "$(addr podA1 "$family")" 80 tcp 5
	expect nodeA flow_new=0 punt_flow=0 punt_route=5..
	both limits
	use shunt
	snap nodeA
	same nodeA ask "$(addr podA1 "$family")" 80 tcp 5
	expect nodeA flow_new=0 punt_flow=0 punt_route=5.. fallback_qdisc=5..
}

# In by a device that is no uplink, where the way back would be one: the
# firewall sees both directions.
asymmetric() { # FAMILY
	local family=$1 peer=192.168.8.2 to
	[[ $family = 4 ]] || peer=fd08::2
	to=$(addr podA1 "$family")/$(host_prefix "$family")
	at_end 'both no_rules
		both ipn nodeB route del "$to" dev nic1
		both ipn nodeA route del "$peer" dev nic0
		ctl nodeA uplink add nic1'
	detour() {
		ipn nodeB route add "$to" via "${peer%2}1" dev nic1
		ipn nodeA route add "$peer" via "$(addr nodeB "$family")" dev nic0
		on nodeA nft insert rule inet fw forward ct state new accept
	}
	use shunt
	ctl nodeA uplink del nic1
	both firewall
	both detour
	both start_who podA1
	use shunt
	snap nodeA
	same nodeB ask "$(addr podA1 "$family")" 80 tcp 5
	expect nodeA punt_flow=5.. rx_direct=0 tx_direct=0
	both no_invalid
}

### Lifetime

# When the host forgets the connection, so does shunt.
flows_end() {
	setup portmap 4 podA1 8080
	both start_who podA1
	use shunt
	snap nodeA
	same nodeB ask "$(addr nodeA 4)" 8080 tcp 3
	expect nodeA punt_flow=3.. flow_new=2
	on nodeA conntrack -F
	await_counter nodeA flow_end 2
	stays_direct nodeB podA1 4
}

# A pod of which too much is to be remembered goes by the host as a whole, and
# nothing breaks.
no_room() {
	local n
	max=/sys/module/shunt/parameters/flow_max
	before=$(<"$max")
	at_end 'echo "$before" >"$max"
		both no_rules; use shunt; ctl nodeA pod del "$(ns podA1)"
		pod_add podA1'
	both firewall
	both portmap 4 podA1 8080
	both start_who podA1
	use shunt
	echo 3 >"$max"
	snap nodeA
	for n in 1 2 3; do
		same nodeB ask "$(addr nodeA 4)" 8080 tcp 5
	done
	expect nodeA flow_full=1..
	# What was direct is not any more.
	snap nodeA
	same podB1 ask "$(addr podA1 4)" 81 tcp 5
	expect nodeA tx_direct=0 punt_flow=5..
	stays_direct podB1 podA2 4
	# Nor what others of the node have with it.
	snap nodeA
	same podA2 ask "$(addr podA1 4)" 81 tcp 5
	expect nodeA tx_local=0 punt_flow=10..
}

# A pod goes in the middle of it, or the node.
gone_with_flows() { # pod|node
	setup portmap 4 podA1 8080
	both start_who podA1
	use shunt
	bg_py nodeB who.py ask "$(addr nodeA 4)" 8080 tcp 1000 0.01
	snap nodeA
	await_counter nodeA punt_flow 10
	at_end 'both no_rules; use shunt
		[[ $(ctl nodeA -j uplink 2>/dev/null) ]] || datapath_node nodeA 1
		pod_add podA1; pod_add podA2'
	if [[ $1 = pod ]]; then
		ctl nodeA pod del "$(ns podA1)"
		pod_add podA1
	else
		new_node
	fi
	pings podB1 podA1 4 3
}

# Nobody looks at what leaves the node before there is a reason.
hook_comes_and_goes() {
	hooked() { on nodeA nft list hooks 2>/dev/null | grep -q '\[shunt\]'; }
	modprobe -q nfnetlink_hook || skip "this kernel does not list hooks"
	use shunt
	at_end 'both no_rules; no_paths'
	no_paths
	new_node
	pings podA1 podB1 4 3
	pings nodeA podA1 4 3
	not hooked
	# Where nothing is tracked or translated, there is nothing to look for.
	ctl nodeA path add 10.2.0.0/24 stack
	snap nodeA
	pings podA1 podB1 4 3
	expect nodeA punt_path=6
	not hooked
	firewall
	pings podA1 podB1 4 3
	await 10 hooked
	no_rules
	ipn nodeA link del shunt0
	not hooked
	datapath_node nodeA 1
	pod_add podA1
	pod_add podA2
}

### Paths

paths() {
	local status=0
	at_end no_paths
	use shunt
	ctl nodeA path add 10.2.0.0/24 stack
	ctl nodeA path add 10.2.0.1/32 direct
	ctl nodeA path add fd02::/16 direct
	ctl nodeA path add fd02::1 stack
	ctl nodeA path | tee "$TMP/text"
	[[ $(sed 's/  */ /g' "$TMP/text" | tail -n +2 | tr '\n' ,) = \
		"10.2.0.0/24 stack,10.2.0.1/32 direct,fd02::/16 direct,fd02::1/128 stack," ]]
	ctl nodeA -j path show fd02::1/128 |
		jq -e 'length == 1 and .[0].action == "stack"'
	snap nodeA
	pings podA1 podB1 4 3
	pings podA1 podB2 6 3
	expect nodeA tx_direct=6 rx_direct=6 punt_path=0
	snap nodeA
	pings podA1 podB2 4 3
	pings podA1 podB1 6 3
	expect nodeA tx_direct=0 rx_direct=0 punt_path=12
	# Under traffic that has its route already.
	ctl nodeA path add 10.2.0.1/32 stack
	snap nodeA
	pings podA1 podB1 4 3
	expect nodeA tx_direct=0 rx_direct=0 punt_path=6
	ctl nodeA path del 10.2.0.1/32
	ctl nodeA path del 10.2.0.0/24
	snap nodeA
	pings podA1 podB1 4 3
	expect nodeA tx_direct=3 rx_direct=3 punt_path=0
	ctl nodeA path del 10.2.0.0/24 2>"$TMP/err" || status=$?
	cat "$TMP/err"
	[[ $status = 1 ]]
	grep -q 'nothing was said' "$TMP/err"
}

# ::/0 is no prefix of IPv4.
paths_by_family() {
	at_end no_paths
	use shunt
	ctl nodeA path add ::/0 stack
	stays_direct podA1 podB1 4
	snap nodeA
	pings podA1 podB1 6 3
	expect nodeA punt_path=6 tx_direct=0
	ctl nodeA path add 0.0.0.0/0 stack
	ctl nodeA path del ::/0
	stays_direct podA1 podB1 6
	snap nodeA
	pings podA1 podB1 4 3
	expect nodeA punt_path=6 tx_direct=0
}

# One odd packet of what is the host's is the host's as well, and tracked.
exceptions_of_paths() { # FAMILY
	local family=$1
	at_end no_paths
	use shunt
	ctl nodeA path add "$(addr podB1 "$family")" stack
	snap nodeA
	on podA1 ping "-$family" -n -c 1 -W 1 -t 1 "$(addr podB1 "$family")" ||
		true
	expect nodeA punt_path=1 punt_ttl=0
}

start_forks
for datapath in veth shunt; do
	topology $datapath nics=2 podA1 podA2 podB1 podB2
	ipn nodeA route add default via 192.168.9.2
	ipn nodeA route add default via fd09::2
done
# They stay while the tests come and go.
for datapath in veth shunt; do
	use $datapath
	start_who podA1 podA2 podB1 nodeB
done
pods_quiet nodeA
t "paths" paths
t "paths of each family" paths_by_family
for family in 4 6; do
	t "v$family first connection through the host" first_connection $family
	t "v$family exceptions under stack prefixes" exceptions_of_paths $family
	t "v$family port mapping" port_mapping $family portmap
	t "v$family port mapping by nftables" port_mapping $family portmap_nft
	t "v$family port mapping, large answers" port_mapping_mtu $family
	t "v$family ping mapping" ping_mapping $family
	t "v$family FTP by a port mapping" ftp $family
	t "v$family services" services $family
	t "v$family service, path MTU" service_pmtu $family
	t "v$family an error about a service outside" service_outside $family
	node=$(addr nodeA $family)
	t "v$family masquerade for outside" \
		outside_translated $family masquerade "$node"
	t "v$family masquerade for outside by nftables" \
		outside_translated $family masquerade_nft "$node"
	t "v$family masquerade for a pod that does not track" \
		outside_translated $family masquerade_untracked "$node"
	t "v$family another source for outside by nftables" \
		outside_translated $family snat_nft "$(snat_address $family)"
	t "v$family translated on its way to an uplink" \
		translated_moves $family
	t "v$family both addresses translated" both_translated $family
	t "v$family probe from a translated source" probe $family
	t "v$family health check by the node" health_check $family
	t "v$family firewall on an asymmetric way" asymmetric $family
done
t "hairpin by a second address" hairpin_by_second
t "flows end with the host's" flows_end
t "no room for flows" no_room
t "pod gone with flows" gone_with_flows pod
t "node gone with flows" gone_with_flows node
t "the hook comes and goes" hook_comes_and_goes
finish
