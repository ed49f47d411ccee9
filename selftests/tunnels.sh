# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Encryption between nodeA and nodeB, over a cable of theirs with the addresses
# NET.1 and NET.2. To be sourced, with lib.sh.

esp_states() { # NODE OWN PEER [ARG...]
	local from to
	for from in "$2" "$3"; do
		to=$([[ $from = "$2" ]] && echo "$3" || echo "$2")
		ipn "$1" xfrm state add src "$from" dst "$to" proto esp \
			spi 0x"${from##*.}" reqid 7 mode tunnel \
			flag af-unspec "${@:4}" aead 'rfc4106(gcm(aes))' \
			0x000102030405060708090a0b0c0d0e0f10111213 128
	done
}

# Route-based: the interface's policies carry its id.
xfrm_tunnel() { # NODE NUMBER DEVICE NIC NET
	local own=$5.$2 peer=$5.$((3 - $2)) dir from to
	ipn "$1" link add "$3" type xfrm dev "$4" if_id 7
	for dir in out in fwd; do
		from=$peer to=$own
		[[ $dir != out ]] || from=$own to=$peer
		ipn "$1" xfrm policy add dir "$dir" if_id 7 \
			tmpl src "$from" dst "$to" proto esp reqid 7 mode tunnel
		ipn "$1" -6 xfrm policy add src ::/0 dst ::/0 dir "$dir" if_id 7 \
			tmpl src "$from" dst "$to" proto esp reqid 7 mode tunnel
	done
	esp_states "$1" "$own" "$peer" if_id 7
}

# They know each other when both are there.
wireguard_tunnel() { # NODE NUMBER DEVICE NIC NET
	local key=$TMP/key.$3
	ipn "$1" link add "$3" type wireguard
	wg genkey >"$key.$2"
	on "$1" wg set "$3" listen-port 51820 private-key "$key.$2"
	[[ $2 = 2 ]] || return 0
	on nodeA wg set "$3" peer "$(wg pubkey <"$key.2")" \
		endpoint "$5.2:51820" allowed-ips 0.0.0.0/0,::/0
	on nodeB wg set "$3" peer "$(wg pubkey <"$key.1")" \
		endpoint "$5.1:51820" allowed-ips 0.0.0.0/0,::/0
}
