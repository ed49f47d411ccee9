# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The cache of fetched packages, for the scripts beside this file: where it is,
# how to lock it, and how to get Debian packages into it without touching the
# machine's own apt configuration and without being root. To be sourced.
#
# Entry points: cache_lock, apt_depends, apt_closure, apt_unpack, die, say. SUITE
# is that of a Debian release, whatever the machine itself runs: one of
# apt_sources, or "" for the newest of bookworm that is not from backports.

CACHE=${SHUNT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/shunt}
[[ $CACHE = /* ]] || CACHE=$PWD/$CACHE
# depmod and friends: not in the path of ordinary users.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
declare -A apt_ready=()

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }

# One writer at a time. The lock ends with the process.
cache_lock() {
	mkdir -p "$CACHE"
	exec {cache_lock_fd}>"$CACHE/lock"
	flock "$cache_lock_fd"
}

# Where the machine itself gets RELEASE from: "URI sources-file", or nothing.
apt_target() { # RELEASE
	# shellcheck disable=SC2016 # the variables are apt's
	apt-get indextargets --no-release-info \
		--format '$(RELEASE) $(REPO_URI) $(SOURCESENTRY)' \
		'Created-By: Packages' |
		awk -v r="$1" '$1 == r { sub(/:[0-9]+$/, "", $3); print $2, $3; exit }'
}

# The line for sources.list that gives SUITE, from the mirror that serves LIKE,
# and with the keys that the machine trusts for it.
apt_source() { # SUITE COMPONENTS LIKE...
	local suite=$1 components=$2 like uri='' file keys=''
	shift
	for like in "$suite" "${@:2}"; do
		read -r uri file < <(apt_target "$like") && break
	done
	[[ $uri ]] || return 0
	# Classic lists name no key.
	[[ -r $file ]] && keys=$(grep -ioP '^[^#]*signed-by[=:]\s*\K/[^]\s]+' \
		"$file" | head -n 1 || true)
	[[ $keys ]] || keys=/usr/share/keyrings/debian-archive-keyring.gpg
	[[ -r $keys ]] && keys="[signed-by=$keys] " || keys=''
	printf 'deb %s%s %s %s\n' "$keys" "$uri" "$suite" "$components"
}

apt_sources() { # RELEASE
	local own
	# shellcheck source=/dev/null
	own=$(. /etc/os-release; printf '%s' "${VERSION_CODENAME-}")
	apt_source "$1" "main non-free" "$own"
	apt_source "$1-backports" main "$own-backports" "$own"
	apt_source "$1-security" main "$own-security"
}

apt_release() { # SUITE
	local suite=${1:-bookworm}
	echo "${suite%%-*}"
}

apt_conf() { # SUITE
	echo "$CACHE/apt/$(apt_release "$1")/apt.conf"
}

# A private apt state in the cache for each release: own lists, own sources, no
# installed packages, so that the answers do not depend on what the machine has.
apt_setup() { # SUITE
	local release a
	release=$(apt_release "$1")
	a=$CACHE/apt/$release
	[[ ! ${apt_ready[$release]-} ]] || return 0
	command -v apt-get dpkg-deb >/dev/null ||
		die "packages are fetched with apt: this needs a Debian machine"
	mkdir -p "$a"/{state/lists/partial,cache/archives/partial}
	: >"$a/status"
	(
		umask 077 # mirrors may have a password in their address
		apt_sources "$release" >"$a/sources.list.new"
	)
	[[ -s $a/sources.list.new ]] ||
		die "apt on this machine has no Debian mirror to take packages from"
	cat >"$a/apt.conf" <<-END
		Dir::Etc::sourcelist "$a/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State "$a/state";
		Dir::State::status "$a/status";
		Dir::Cache "$a/cache";
		Acquire::Languages "none";
		APT::Architecture "amd64";
		APT::Default-Release "";
		APT::Sandbox::User "";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	END
	if ! cmp -s "$a/sources.list.new" "$a/sources.list"; then
		mv "$a/sources.list.new" "$a/sources.list"
		rm -f "$a/updated"
	else
		rm "$a/sources.list.new"
	fi
	# A mirror drops a package when its successor comes: lists of another
	# day may name files that are gone.
	if [[ ! $(find "$a/updated" -mmin -720 2>/dev/null) ]]; then
		say "reading the package lists of $release into $a"
		apt-get -c "$a/apt.conf" -qq update
		touch "$a/updated"
	fi
	apt_ready[$release]=1
}

# The field of a package as SUITE has it.
apt_field() { # SUITE PACKAGE FIELD
	apt_setup "$1"
	apt-cache -c "$(apt_conf "$1")" -o APT::Default-Release="$1" \
		show --no-all-versions "$2" | sed -n "s/^$3: //p" | head -n 1
}

# The packages that PACKAGE depends on whose names match REGEX.
apt_depends() { # SUITE PACKAGE REGEX
	apt_field "$1" "$2" Depends | sed "s/[,|]/\n/g" |
		sed 's/(.*//; s/ //g' | grep -E "^($3)\$" || true
}

# Packages, and all that they depend on.
apt_closure() { # SUITE PACKAGE...
	local suite=$1
	shift
	apt_setup "$suite"
	apt-get -c "$(apt_conf "$suite")" -o APT::Default-Release="$suite" \
		-o Debug::NoLocking=1 --no-install-recommends -qq --print-uris \
		install "$@" | awk '{ sub(/_.*/, "", $2); print $2 }'
}

# Download packages and unpack them below DIR.
apt_unpack() { # SUITE DIR PACKAGE...
	local suite=$1 dir=$2 tmp deb
	shift 2
	apt_setup "$suite"
	tmp=$(mktemp -d "$CACHE/debs.XXXXXX")
	say "fetching $*"
	if ! (cd "$tmp" && apt-get -c "$(apt_conf "$suite")" \
		-o APT::Default-Release="$suite" -qq download "$@"); then
		rm -rf "$tmp"
		return 1
	fi
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm -rf "$tmp"
}
