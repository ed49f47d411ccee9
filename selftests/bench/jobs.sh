# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Guests side by side, and none of them left when this ends. To be sourced; $jobs
# is how many there may be.

# In the background, once there is room for it.
job() { # COMMAND...
	# shellcheck disable=SC2154 # whose file this is has it
	while [[ $(jobs -pr | wc -l) -ge $jobs ]]; do
		wait -n || true
	done
	# A process group of its own, down to the guest. It gets no interrupts
	# from the terminal, and must not read from it.
	set -m
	"$@" </dev/null &
	set +m
}

end_jobs() {
	local pid
	for pid in $(jobs -p); do
		kill -- "-$pid" 2>/dev/null || true
	done
	wait
}

trap 'end_jobs; exit 130' INT TERM
