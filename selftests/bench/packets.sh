# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Counters that tell which way packets went, for datapath_packets of
# datapaths/. To be sourced, with lib.sh.

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
