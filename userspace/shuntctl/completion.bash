# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Completion of shuntctl for bash: objects, verbs, keywords, names of network
# namespaces and of devices. Installed as .../bash-completion/completions/shuntctl.

_shuntctl_netns() {
	local names
	names=$(cd /run/netns 2>/dev/null && printf '%s\n' *)
	[[ $names != '*' ]] || names=
	mapfile -t COMPREPLY < <(compgen -W "$names" -- "$1"; compgen -f -- "$1")
}

_shuntctl_devices() {
	local names
	names=$(cd /sys/class/net 2>/dev/null && printf '%s\n' *)
	mapfile -t COMPREPLY < <(compgen -W "$names" -- "$1")
}

_shuntctl_words() { # CURRENT WORD...
	local current=$1
	shift
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current")
}

# Behind "pod add NETNS": a keyword, or the value of the one before.
_shuntctl_pod_add() { # KEYWORDS CURRENT PREVIOUS WORD...
	local keywords=$1 current=$2 previous=$3 word words='ip'
	shift 3
	case $previous in
	node) _shuntctl_devices "$current" ;;
	dev) _shuntctl_words "$current" eth0 ;;
	mtu) _shuntctl_words "$current" 1400 1500 9000 ;;
	ip | mac) COMPREPLY=() ;;
	*)
		for word in $keywords; do
			[[ " $* " == *" $word "* ]] || words+=" $word"
		done
		_shuntctl_words "$current" "$words"
		;;
	esac
}

_shuntctl_pod() { # CURRENT WORD...
	local current=$1
	shift
	case $#:${1-} in
	0:) _shuntctl_words "$current" show add adopt del help ;;
	1:show | 1:add | 1:adopt | 1:del) _shuntctl_netns "$current" ;;
	2:del) _shuntctl_words "$current" dev ;;
	*:add)
		_shuntctl_pod_add 'dev mtu mac node' "$current" "${!#}" "${@:3}"
		;;
	*:adopt)
		_shuntctl_pod_add 'dev node' "$current" "${!#}" "${@:3}"
		;;
	esac
}

_shuntctl_uplink() { # CURRENT WORD...
	local current=$1
	shift
	case $#:${1-} in
	0:) _shuntctl_words "$current" show add del help ;;
	1:show | 1:add | 1:del) _shuntctl_devices "$current" ;;
	esac
}

_shuntctl_path() { # CURRENT WORD...
	local current=$1 prefixes
	shift
	case $#:${1-} in
	0:) _shuntctl_words "$current" show add del help ;;
	1:show | 1:del)
		prefixes=$(shuntctl path 2>/dev/null | sed '1d; s/ .*//')
		_shuntctl_words "$current" "$prefixes"
		;;
	2:add) _shuntctl_words "$current" direct stack ;;
	esac
}

_shuntctl() {
	local current=${COMP_WORDS[COMP_CWORD]} word words=()
	COMPREPLY=()
	# Options may stand anywhere.
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word = -* ]] || words+=("$word")
	done
	if [[ $current = -* ]]; then
		_shuntctl_words "$current" -a --all -h --help -j --json \
			-V --version
		return
	fi
	case ${words[0]-} in
	'') _shuntctl_words "$current" uplink pod path stats help ;;
	uplink) _shuntctl_uplink "$current" "${words[@]:1}" ;;
	pod) _shuntctl_pod "$current" "${words[@]:1}" ;;
	path) _shuntctl_path "$current" "${words[@]:1}" ;;
	stats)
		[[ ${#words[@]} -gt 1 ]] ||
			_shuntctl_words "$current" show help
		;;
	esac
}

complete -F _shuntctl shuntctl
