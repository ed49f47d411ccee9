# SPDX-License-Identifier: GPL-2.0
"""Packets in words: all that two datapaths have to agree on, without what the
kernel chooses at random.
"""
import ipaddress
import socket
import struct
import zlib

from packet import checksum

from .packets import ICMP, ICMP6, TCP, UDP, pseudo


def verified(src, dst, proto, data, ready):
    """What a transport checksum is worth."""
    at = {UDP: 6, TCP: 16, ICMP: 2, ICMP6: 2}.get(proto)
    if at is None or len(data) < at + 2:
        return "-"
    if proto == UDP and data[6:8] == b"\0\0":
        return "none"
    if not ready:
        return "good"
    covered = b"" if proto == ICMP else pseudo(src, dst, proto, len(data))
    return "good" if checksum(covered + data) == 0 else "bad"


def describe_icmp(proto, data):
    """ICMP in words; errors with the packet that they quote."""
    kind, code = data[0], data[1]
    error = kind in (3, 4, 5, 11, 12) if proto == ICMP else kind < 128
    text = f"icmp {kind}/{code} "
    if not error:
        return text + data[4:].hex()
    quoted = data[8:]
    # How much is quoted depends on room that packets have by chance.
    return text + data[4:8].hex() + " [" + describe(quoted[:64], True, True) \
        + "]"


def describe_transport(src, dst, proto, data, ready, quoted, whole):
    """What is behind the IP header."""
    if not whole or quoted:
        return f"proto {proto} {zlib.crc32(data[:8]):08x}"
    text = verified(src, dst, proto, data, ready) + " "
    if proto in (ICMP, ICMP6) and len(data) >= 8:
        return text + describe_icmp(proto, data)
    if proto == TCP and len(data) >= 20:
        # The checksum may be still to do.
        data = data[:16] + data[18:]
    if proto == UDP and len(data) >= 8:
        data = data[:6] + data[8:]
    return f"{text}proto {proto} {len(data)} {zlib.crc32(data):08x}"


def describe_v4(data, ready, quoted):
    """An IPv4 packet in words, without its id."""
    if len(data) < 20:
        return "cut off"
    first, tos, length, _, frag, ttl, proto, _ = \
        struct.unpack_from("!BBHHHBBH", data)
    words = first & 15
    if not quoted:
        length = length or len(data)
    header, src, dst = data[:words * 4], data[12:16], data[16:20]
    whole = not frag & 0x3fff
    text = f"{socket.inet_ntoa(src)} > {socket.inet_ntoa(dst)} tos {tos} " \
        f"ttl {ttl} len {length} frag {frag:04x} "
    if not quoted:
        text += "header " + ("good " if checksum(header) == 0 else "bad ")
    if words > 5:
        # Of timestamps, all but the time.
        options = header[20:28 if header[20] == 0x44 else words * 4]
        text += f"options {options.hex()} "
    return text + describe_transport(src, dst, proto,
                                     data[words * 4:length], ready, quoted,
                                     whole)


def describe_v6(data, ready, quoted):
    """An IPv6 packet in words; labels that the kernel chose left out."""
    if len(data) < 40:
        return "cut off"
    word, length, proto, ttl = struct.unpack_from("!IHBB", data)
    src, dst = data[8:24], data[24:40]
    text = f"{ipaddress.ip_address(src)} > {ipaddress.ip_address(dst)} " \
        f"tos {word >> 20 & 0xff} ttl {ttl} len {length} "
    rest, whole = data[40:40 + (length or len(data))], True
    while proto in (0, 43, 44, 60) and len(rest) >= 8:
        size = 8 if proto == 44 else 8 + rest[1] * 8
        shown = rest[:4] if proto == 44 else rest[:size]
        text += f"header {proto} {shown.hex()} "
        whole = whole and (proto != 44 or not
                           struct.unpack_from("!H", rest, 2)[0] & 0xfff9)
        proto, rest = rest[0], rest[size:]
    return text + describe_transport(src, dst, proto, rest, ready, quoted,
                                     whole)


def describe(data, ready=True, quoted=False):
    """A packet in words."""
    if not data:
        return "nothing"
    if data[0] >> 4 == 4:
        return describe_v4(data, ready, quoted)
    return describe_v6(data, ready, quoted)
