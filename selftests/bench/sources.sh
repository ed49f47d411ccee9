# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Whether what has been measured before is still worth something. To be sourced.

# Of all that makes a difference, whether committed or not: not of what draws the
# results.
sources() { # TOP
	(cd "$1" && find Kbuild include kmod selftests userspace -type f \
		! -path selftests/bench/report ! -path 'selftests/bench/page/*' \
		-print0 | sort -z | xargs -0 sha256sum | sha256sum)
}
