#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests of kmod/tests: a module runs them when it is loaded, by KUnit if
# the kernel has that, and the kernel's log says how they ended. With SEED=N, the
# same random input again.
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

run_all() {
	echo "units begin" >/dev/kmsg
	load_module_file shunt_test ${SEED:+seed="$SEED"}
	dmesg -t | sed '1,/^units begin$/d' >"$TMP/log"
}

loaded() {
	cat "$TMP/log"
	grep -q '^# seed=[1-9]' "$TMP/log"
	grep -Eq '^(not )?ok [0-9]+ shunt-netlink$' "$TMP/log"
}

cases() { # prints lines of SUITE STATUS NAME
	awk '$1 == "#" && $2 == "Subtest:" { suite = $3 }
		/^    (not )?ok [0-9]+ / { sub(/^ +/, ""); print suite, $0 }' \
		"$TMP/log" | sed 's/ not ok [0-9]* / not /; s/ ok [0-9]* / ok /'
}

is_ok() { # STATUS NAME
	[[ $1 = ok ]] || {
		grep -F "# $2: " "$TMP/log"
		grep '^# seed=' "$TMP/log"
		return 1
	}
}

# As many as each suite has promised.
complete() {
	local promised
	promised=$(awk '/^    1\.\./ { sub(/.*\.\./, ""); n += $1 } END { print n }' \
		"$TMP/log")
	[[ $promised -gt 0 && $(cases | wc -l) = "$promised" ]]
}

run_all
t "load" loaded
while read -r suite status name; do
	t "$suite: $name" is_ok "$status" "$name"
done < <(cases)
t "complete" complete
finish
