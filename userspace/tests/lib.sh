# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the tests of the CNI plugin: a node that nothing has been made on, running
# the plugin there, and what it says. To be sourced.
#
# shellcheck disable=SC2034,SC2119,SC2317 # the scripts use them
# shellcheck disable=SC2016 # variables of jq
# shellcheck source=SCRIPTDIR/../../selftests/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../selftests/lib.sh"

readonly REFERENCE=${SHUNT_PACKAGES-}/containernetworking-plugins/usr/lib/cni

tidy() {
	ns_del "$(ns blue)" "$(ns green)" "$(ns nodeA)" "$(ns nodeB)"
	rm -rf "$TMP"/{plugins,leases,ipam.log}
}

# A node with a NIC and a default route, another node behind it, and namespaces
# for pods.
fresh() {
	load_module
	at_end tidy
	local name
	for name in nodeA nodeB blue green; do
		ns_add "$name"
	done
	wire 0
	ipn nodeA route add default via 192.168.9.2
	ipn nodeA route add default via fd09::2
	ipn nodeB route add 10.1.0.0/24 via 192.168.9.1
	ipn nodeB route add fd01::/64 via fd09::1
	mkdir -p "$TMP/plugins" "$TMP/leases"
	ln -s "${PLUGIN-$TOP/out/bin/shunt}" "$TMP/plugins/shunt"
	ln -s "$REFERENCE"/{host-local,static} "$TOP/userspace/tests/ipam" \
		"$TMP/plugins/"
	VERSION=1.0.0
}

# Run a plugin on nodeA with the configuration on standard input; what it prints
# goes to $TMP/said.
plugin() { # TYPE VERB CONTAINER NETNS [IFNAME]
	local netns=$4
	[[ ! $netns || $netns = /* ]] || netns=/run/netns/$(ns "$netns")
	# shellcheck disable=SC2086 # nothing, if there is nothing
	on nodeA env ${IGNORED-} CNI_COMMAND="$2" CNI_CONTAINERID="$3" \
		CNI_NETNS="$netns" CNI_IFNAME="${5-eth0}" \
		CNI_PATH="/nowhere:$TMP/plugins" CNI_ARGS="IgnoreUnknown=1;K8S=x" \
		"$TMP/plugins/$1" >"$TMP/said" 2>"$TMP/log"
}

cni() { # VERB CONTAINER NETNS [IFNAME]
	plugin shunt "$@"
}

said() { # FILTER [ARG...]
	jq -e "$@" "$TMP/said"
}

# Refused with CODE and a message that matches REGEX.
refused() { # CODE REGEX COMMAND...
	local code=$1 regex=$2 status=0
	shift 2
	"$@" || status=$?
	cat "$TMP/said"
	# Another one is the address sanitizer's, or a signal.
	[[ $status = 1 ]]
	said --argjson code "$code" --arg regex "$regex" \
		'.code == $code and (.msg | test($regex))
			and (.cniVersion | type == "string")'
}

no_pods() { [[ $(ctl nodeA -j pod) = '[]' ]]; }

reaches() { # EXPECTED...
	await 10 on blue ping -q -c 1 -W 1 192.168.9.2
	await 10 on blue ping -q -c 1 -W 1 fd09::2
	snap nodeA
	on blue ping -q -c 3 -i 0.01 -W 3 192.168.9.2
	on blue ping -q -c 3 -i 0.01 -W 3 fd09::2
	expect nodeA "$@"
}
