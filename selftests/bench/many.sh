# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A node with many pods or routes, and what these take. To be sourced with
# lib.sh.
#
# For pods stand devices in one more netns, many-KIND: a packet meets no other
# difference. Device N is ethN there, with the addresses 10.8.x.y and fd08:1::N.

# TEXT for each device: "@D" is its number, "@4" and "@6" its addresses.
for_each() { # FROM TO TEXT
	awk -v from="$1" -v to="$2" -v text="$3" 'BEGIN {
		for (n = from; n < to; n++) {
			line = text
			gsub(/@D/, n, line)
			gsub(/@4/, "10.8." int(n / 250) "." n % 250 + 1, line)
			gsub(/@6/, sprintf("fd08:1::%x", n), line)
			print line
		}
	}'
}

# TEXT are lines for ip, which keeps a file open for each netns that it is told.
# How often ip was started is in $BATCHES.
BATCHES=0
batch() { # NAME FROM TO TEXT
	local n end
	for ((n = $2; n < $3; n = end)); do
		BATCHES=$((BATCHES + 1))
		end=$((n + 500 < $3 ? n + 500 : $3))
		for_each $n $end "$4" | ip -n "$(ns "$1")" -batch - || return
	done
}

readonly ADDRESSES='address add @4/32 dev eth@D
address add @6/128 dev eth@D nodad
link set eth@D up'

devices_shunt() { # FROM TO
	local n pod
	pod=$(ns many-shunt)
	for ((n = $1; n < $2; n++)); do
		# shellcheck disable=SC2046 # words
		ctl nodeA pod add "$pod" dev "eth$n" \
			$(for_each $n $((n + 1)) "ip @4 ip @6") >/dev/null ||
			return
	done
}

devices_dummy() { # FROM TO
	batch many-dummy "$@" "link add eth@D type dummy
$ADDRESSES"
}

devices_veth() { # FROM TO
	batch nodeA "$@" "link add pod@D type veth peer name eth@D netns $(ns many-veth)
address add 169.254.1.1/32 dev pod@D scope link
link set pod@D up" &&
		batch many-veth "$@" "$ADDRESSES"
}

# KiB that are not free and no file's or process's.
kernel_memory() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '{ v[$1] = $2 } END {
		used = v["MemTotal:"] - v["MemFree:"]
		used -= v["Buffers:"] + v["Cached:"]
		print used - v["AnonPages:"] - v["PageTables:"]
	}' /proc/meminfo
}

# KIND's devices beside what is there, and what they cost. They stay: what is
# deleted would be freed while the next kind is measured.
many() { # KIND COUNT
	local before after
	ns_add "many-$1"
	"devices_$1" 0 20 || return # whatever the first ones alone need
	before=$(kernel_memory)
	"devices_$1" 20 $(($2 + 20)) || return
	after=$(kernel_memory)
	awk -v kind="$1" -v kib=$((after - before)) -v n="$2" '
		BEGIN { printf "%s %.2f\n", kind, kib / n }' |
		tee -a "$SHUNT_RESULTS/memory"
}

# Both ways cross this node.
more_routes() { # NODE VIA4 VIA6 FROM TO
	awk -v from="$4" -v to="$5" -v via4="$2" -v via6="$3" 'BEGIN {
		for (n = from; n < to; n++) {
			printf "route add %d.%d.%d.0/24 via %s\n",
				10 + int(n / 48000), 64 + int(n % 48000 / 250),
				n % 250, via4
			printf "route add fd64:%x:%x::/48 via %s\n",
				int(n / 65536), n % 65536, via6
		}
	}' | ip -n "$(ns "$1")" -batch -
}
