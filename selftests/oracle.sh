#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The direct path gives the answers that the stack gives: one table of packets,
# in oracle/, is sent through pods on shunt and through pods behind veth pairs,
# and what comes out is compared.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

# Both datapaths, with nothing in them that happens by itself.
build() {
	local datapath pod
	for datapath in veth shunt; do
		topology $datapath nics=2 podA1 podA2 podB1
		on nodeA sysctl -qw net.ipv4.conf.nic0.send_redirects=0 \
			net.ipv4.conf.nic1.send_redirects=0 \
			net.ipv4.conf.all.send_redirects=0
		# A pod is sent none by shunt either.
		[[ $datapath != veth ]] || on nodeA sysctl -qw \
			net.ipv4.conf.podA1.send_redirects=0 \
			net.ipv4.conf.podA2.send_redirects=0
		[[ $NICS = veth ]] || set_big nodeA nodeB podA1 podA2 podB1
		for pod in podA1 podA2; do
			pings $pod podB1 4
			pings $pod podB1 6
		done
		# The MTU of a pod follows the uplinks' unless the pod sets it.
		ipn podA1 link set eth0 mtu 1400
		ipn podA1 link set eth0 mtu 1500
		pods_quiet nodeA nodeB
	done
}

# One line of it is one test.
compare() {
	local line
	while read -r line; do
		case $line in
		"ok "* | "not ok "*)
			tests=$((tests + 1))
			[[ $line = ok* ]] || failures=$((failures + 1))
			echo "${line%%ok *}ok $tests $SCRIPT: ${line#*ok }"
			;;
		*) echo "# ${line#\# }" ;;
		esac
	done < <(PYTHONPATH=$SELFTESTS python3 -m oracle $$ "$NICS" \
		"${TESTS-}" 2>&1 ||
		echo "not ok comes to its end, status $?")
}

# All this time.
log_is_silent() {
	local said
	[[ $tests -gt 0 ]]
	said=$(dmesg_since "$SCRIPT begins")
	[[ ! $said ]] || fail "$said"
}

echo "KTAP version 1"
dmesg_mark "$SCRIPT begins"
build
compare
cleanup_all
NICS=shunt_nic
build
compare

t "kernel log is silent" log_is_silent
finish
