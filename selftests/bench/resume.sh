#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# That the whole benchmark loses nothing: it goes on where it was interrupted,
# one that fails keeps nobody else from being told, and what has changed is
# measured anew. On a copy of the tree whose guests say at once what they have
# measured.
#
#   selftests/run -t bench/resume
#
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/../lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

readonly COPY=$TMP/tree
export FATE=$TMP/fate

# $FATE/DATAPATH.PART is what becomes of that guest.
guests() {
	rm -rf "$COPY" "$FATE"
	mkdir -p "$COPY/selftests/vm" "$COPY/out/bin" "$FATE"
	cp -r "$TOP"/{Kbuild,VERSION,include,kmod,userspace} "$COPY"
	cp -r "$SELFTESTS/bench" "$COPY/selftests"
	cat >"$COPY/selftests/vm/run" <<-'END'
		#!/bin/bash
		while [[ $1 != -- ]]; do
			[[ $1 != --share-rw ]] || dir=$2
			shift
		done
		name=$3.$4
		echo $$ >"$FATE/pid"
		echo "$name" >>"$FATE/begun"
		fate=$(cat "$FATE/$name" 2>/dev/null)
		[[ $fate != stays ]] || while :; do sleep 1; done
		[[ $fate != "is lost" ]] || exit 137
		echo '{}' >"$dir/environment.json"
		if [[ $4 = growth ]]; then
			echo "pods $3 4 TCP_RR 1 30000.5" >"$dir/points"
		else
			jq -nc --arg name "$3" '{datapath: $name, setting: "nodes",
				family: 4, test: "TCP_RR", mtu: 1500, processes: 1,
				encryption: "none", rate: 33000}' >"$dir/rows"
		fi
		[[ $fate != "is refused" ]]
	END
	printf '#!/bin/sh\necho 6.12.0\n' |
		tee "$COPY"/selftests/vm/{kernels,packages} >"$FATE/make"
	chmod +x "$COPY"/selftests/vm/* "$FATE/make"
}

full() { # ARG...
	PATH=$FATE:$PATH "$COPY/selftests/bench/full" --jobs 1 \
		"part=axes,growth" "$@" base veth shunt >"$TMP/said" 2>&1
}

# Guests that were started since the last time, in order.
began() { # NAME...
	cat "$TMP/said"
	[[ $(paste -sd' ' "$FATE/begun") = "$*" ]]
	rm "$FATE/begun"
}

results() { # DATAPATH...
	jq -r '[.results[].datapath] | sort | join(" ")' \
		"$COPY/out/bench-full-6.12.json" >"$TMP/results"
	[[ $(<"$TMP/results") = "$*" ]]
}

complete() {
	guests
	full
	began {veth,shunt}.growth {base,veth,shunt}.axes
	results base shunt veth
	"$COPY/selftests/bench/report" check "$COPY/out/bench-full-6.12.json"
}

interrupted() {
	local pid
	guests
	at_end 'pkill -F "$FATE/pid"'
	echo stays >"$FATE/base.axes"
	PATH=$FATE:$PATH "$COPY/selftests/bench/full" --jobs 1 \
		"part=axes,growth" base veth shunt >"$TMP/said" 2>&1 &
	pid=$!
	await 30 grep -q base.axes "$FATE/begun"
	kill "$pid"
	not wait "$pid"
	# Whether or not somebody has asked for its exit status.
	not pgrep -r R,S,D -F "$FATE/pid"
	began {veth,shunt}.growth base.axes
	rm "$FATE/base.axes"
	full
	began {base,veth,shunt}.axes
	grep 'veth.growth is kept from before' "$TMP/said"
	results base shunt veth
	# All of it is there.
	full
	results base shunt veth
	not test -e "$FATE/begun"
}

# The results of those that are refused count, as far as they have some.
some_fail() {
	guests
	echo "is lost" >"$FATE/base.axes"
	echo "is refused" >"$FATE/veth.axes"
	not full
	began {veth,shunt}.growth {base,veth,shunt}.axes
	grep 'base.axes: the guest ended with status 137' "$TMP/said"
	grep 'veth.axes: the guest ended with status 1' "$TMP/said"
	results shunt veth
	# Again, it is tried.
	rm "$FATE"/*.axes
	full
	began {base,veth}.axes
	results base shunt veth
}

changed() {
	guests
	full
	rm "$FATE/begun"
	echo "/* */" >>"$COPY/kmod/tx.c"
	full
	began {veth,shunt}.growth {base,veth,shunt}.axes
	full family=4
	began {veth,shunt}.growth {base,veth,shunt}.axes
}

t "complete" complete
t "interrupted, it goes on" interrupted
t "some fail" some_fail
t "what has changed" changed
finish
