#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The direct path gives the answers that the stack gives: one table of packets,
# in oracle/, is sent through pods on shunt and through pods behind veth pairs,
# and what comes out is compared.
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"

for datapath in veth shunt; do
	topology $datapath nics=2 podA1 podA2 podB1
	on nodeA sysctl -qw net.ipv4.conf.nic0.send_redirects=0 \
		net.ipv4.conf.nic1.send_redirects=0 \
		net.ipv4.conf.all.send_redirects=0
	# A pod is sent none by shunt either.
	[[ $datapath != veth ]] || on nodeA sysctl -qw \
		net.ipv4.conf.podA1.send_redirects=0 \
		net.ipv4.conf.podA2.send_redirects=0
	for pod in podA1 podA2; do
		pings $pod podB1 4
		pings $pod podB1 6
	done
	# The MTU of a pod follows the uplinks' unless the pod sets it.
	ipn podA1 link set eth0 mtu 1400
	ipn podA1 link set eth0 mtu 1500
	pods_quiet nodeA nodeB
done

echo "KTAP version 1"
# One line of it is one test.
while read -r line; do
	case $line in
	"ok "* | "not ok "*)
		tests=$((tests + 1))
		[[ $line = ok* ]] || failures=$((failures + 1))
		echo "${line%%ok *}ok $tests $SCRIPT: ${line#*ok }"
		;;
	*) echo "# ${line#\# }" ;;
	esac
done < <(PYTHONPATH=$SELFTESTS python3 -m oracle $$ "${TESTS-}" 2>&1 ||
	echo "not ok comes to its end, status $?")

ends() { [[ $tests -gt 0 ]]; }
t "kernel log is silent" ends
finish
