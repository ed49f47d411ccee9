# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Which way packets went: counters that tell it, for datapath_packets of
# datapaths/, and whether that was the datapath's own. To be sourced, with lib.sh.

# By the node's IP stack, from device to device.
forwarded() { # NODE
	on "$1" awk '
		/^Ip: [0-9]/ || /^Ip6OutForwDatagrams/ { n += $(NF > 2 ? 7 : 2) }
		END { print n + 0 }' /proc/net/snmp /proc/net/snmp6
}

# Received and sent.
of_device() { # NAME DEVICE
	on "$1" awk -v dev="$2:" '$1 == dev { print $3 + $11 }' /proc/net/dev
}

# By a rule of iptables, of both families: those in CHAINS (a regular
# expression) that jump to TARGET.
of_rules() { # NODE CHAINS TARGET
	{
		on "$1" iptables-save -c
		on "$1" ip6tables-save -c
	} | tr '[]:' '   ' | awk -v chains="^($2)$" -v target="-j $3\$" '
		$3 == "-A" && $4 ~ chains && $0 ~ target { n += $1 }
		END { print n + 0 }'
}

# Packets of a pod that went the datapath's own way, others, and those of the
# device that encrypts, if there is one.
packets() { # POD
	local node
	node=$(node_of "$1")
	echo "$(datapath_packets "$node" "$1")" \
		"$([[ ! ${TUNNEL-} ]] || of_device "$node" "$TUNNEL")"
}

# An operation is a packet there and one back, at least; what else is said
# before and after is little. Each connection begins in the stack, where
# established ones leave it.
judge() { # TEST OPERATIONS OWN OTHER [TUNNELLED]
	local wanted=100
	[[ $1 != *_RR ]] || wanted=$(($2 * 2))
	(($2 > 0 && $3 * 20 >= wanted * 19)) || return
	[[ ! ${5-} ]] || (($5 * 20 >= wanted * 19)) || return
	[[ $1 = TCP_CRR ]] || (($4 * 20 <= $3))
}

# How far counters moved, in $moved.
difference() { # BEFORE AFTER
	local n before after
	read -ra before <<<"$1"
	read -ra after <<<"$2"
	moved=()
	for n in "${!after[@]}"; do
		moved+=($((after[n] - before[n])))
	done
}

declare -A WAY

# Programs of eBPF are counted by the kernel, at some cost.
way_begins() { # POD...
	local pod
	bpf_stats=${bpf_stats-$(sysctl -n kernel.bpf_stats_enabled)}
	sysctl -qw kernel.bpf_stats_enabled=1
	for pod; do
		WAY[$pod]=$(packets "$pod")
	done
}

bpf_stats_as_before() {
	sysctl -qw kernel.bpf_stats_enabled="${bpf_stats-0}"
}

# Fails, and prints why, unless those of so many operations went the way that is
# measured.
way_ends() { # SETTING FAMILY TEST OPERATIONS POD...
	local pod moved
	local -A after
	for pod in "${@:5}"; do
		after[$pod]=$(packets "$pod")
	done
	bpf_stats_as_before
	for pod in "${@:5}"; do
		difference "${WAY[$pod]}" "${after[$pod]}"
		# There, the other way is what is measured.
		[[ $1 != punted ]] || moved=("${moved[1]}" "${moved[0]}")
		judge "$3" "${4%.*}" "${moved[@]}" && continue
		echo "of ${4%.*} operations of $1 $3 v$2, ${moved[0]} packets" \
			"of $pod went the way of $DATAPATH, ${moved[1]}" \
			"another${moved[2]+, ${moved[2]} through $TUNNEL}"
		return 1
	done
}
