# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What becomes of a transaction, and of adding and removing a pod, as there is
# more of something on a node. To be sourced, with lib.sh, many.sh and what
# proves the way of packets.
#
#   pods      on the node, each a device in one more netns with its routes
#   routes    of each family
#
# A further axis needs a line in GROWTH and a function grow_AXIS FROM TO.
#
# Each line of $SHUNT_RESULTS/points is a point of a curve of schema.json:
#
#   AXIS DATAPATH FAMILY VALUE AT AMOUNT
#
# VALUE is TCP_RR (instructions for one), add or remove (ms until a pod's device
# was, or was gone: a millisecond is a million instructions, or a wait), memory
# (of the kernel, KiB for each pod from the point before to this one, if there are
# enough of them for that) or netdevs (network devices for each pod). FAMILY is
# "-" where it means nothing.
declare -A GROWTH=(
	[pods]="1 100 1000 5000"
	[routes]="10 1000 10000 100000"
)
# Pods that come and go at once.
readonly SOME=20

point() { # AXIS FAMILY VALUE AT AMOUNT
	echo "$1 $DATAPATH ${*:2}" | tee -a "$SHUNT_RESULTS/points"
}

transaction() { # AXIS AT
	local family rate
	for family in 4 6; do
		prove nodes podA1 podB1 $family TCP_RR -2000 || return
		rate=$(netperf_rate podA1 podB1 $family TCP_RR -10000)
		[[ $rate ]] || return
		point "$1" $family TCP_RR "$2" \
			"$(awk -v rate="$rate" 'BEGIN { printf "%.1f", 1e9 / rate }')"
	done
}

### Pods: all kinds by batches of ip, with the node's routes to them

export IP_LIB_DIR=$TOP/out/bin

add_shunt() { # FROM TO
	batch nodeA "$@" "link add eth@D netns $(ns many-shunt) type shunt node shunt0 ip @4 ip @6
route add @4/32 via 169.254.1.2 dev shunt0 onlink
route add @6/128 via fe80::2 dev shunt0" &&
		batch many-shunt "$@" "$ADDRESSES"
}

add_veth() { # FROM TO
	devices_veth "$@" && batch nodeA "$@" "route add @4/32 dev pod@D
route add @6/128 dev pod@D"
}

# The node needs no routes to them.
add_ipvlan() { # FROM TO
	batch nodeA "$@" "link add link nic0 name eth@D netns $(ns many-ipvlan) type ipvlan mode l3" &&
		batch many-ipvlan "$@" "$ADDRESSES"
}

remove_shunt() { # FROM TO
	batch nodeA "$@" "route del @4/32 dev shunt0
route del @6/128 dev shunt0" &&
		batch many-shunt "$@" "link del eth@D"
}

remove_veth() { batch nodeA "$@" "link del pod@D"; }
remove_ipvlan() { batch many-ipvlan "$@" "link del eth@D"; }

devices_in() { # NAME...
	local name
	for name; do
		devices_of "$name"
	done | wc -l
}

in_ms() { # US-OF-SOME
	awk -v us="$1" -v n=$SOME 'BEGIN { printf "%.3f", us / 1000 / n }'
}

start_ip() { batch nodeA 0 1 ''; }

# In ms for each of SOME pods, the shortest time of each: who waits for a file of
# the host makes the guest's clock leap. Without the starts of ip, of which some
# kinds need more.
come_and_go() { # AT
	local verb us
	local -A least=() starts=()
	for verb in start add remove start add remove start add remove; do
		BATCHES=0
		us=${EPOCHREALTIME/./}
		case $verb in
		start) start_ip ;;
		*) "${verb}_$kind" "$1" $(($1 + SOME)) ;;
		esac || return
		us=$((${EPOCHREALTIME/./} - us))
		starts[$verb]=$BATCHES
		((${least[$verb]:-us} < us)) || least[$verb]=$us
	done
	for verb in add remove; do
		point pods - $verb "$1" "$(in_ms $((least[$verb] -
			starts[$verb] * least[start])))"
	done
}

grow_pods() { # FROM TO
	local before devices count=$(($2 - $1))
	devices=$(devices_in nodeA "many-$kind")
	((count < 500)) || before=$(kernel_memory)
	"add_$kind" "$1" "$2" || return
	if ((count >= 500)); then
		point pods - memory "$2" "$(awk -v n=$count \
			-v kib=$(($(kernel_memory) - before)) \
			'BEGIN { printf "%.2f", kib / n }')"
	fi
	((count == 0)) || point pods - netdevs "$2" \
		$((($(devices_in nodeA "many-$kind") - devices) / count))
	come_and_go "$2"
}

### Routes

grow_routes() { # FROM TO
	more_routes nodeA 192.168.9.2 fd09::2 "$@"
}

measure_growth() { # DATAPATH
	local axis at before kind=${1%%-*} refused=''
	: >"$SHUNT_RESULTS/points"
	for axis in "${!GROWTH[@]}"; do
		TUNNEL=''
		topology "$1" podA1 podA2 podB1
		neighbours_permanent
		ns_add "many-$kind"
		start_netserver podB1
		pings podA1 podB1 4 1
		pings podA1 podB1 6 1
		hops_permanent
		before=1
		[[ $axis = pods ]] || before=0
		for at in ${GROWTH[$axis]}; do
			if ! "grow_$axis" "$before" "$at" ||
				! transaction "$axis" "$at"; then
				echo "guest: no $1 with $at $axis" >&2
				refused=1
				break
			fi
			before=$at
		done
		write_environment
		cleanup_all
	done
	[[ ! $refused ]]
}
