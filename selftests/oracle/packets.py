# SPDX-License-Identifier: GPL-2.0
"""Packets by what is special about them, as the bytes that travel."""
import ipaddress
import struct

from packet import checksum

UDP, TCP, ICMP, ICMP6, SCTP, NONE = 17, 6, 1, 58, 132, 59
ETH = {4: 0x0800, 6: 0x86dd}
MARK = 5
# By the names of places.
ADDRESSES = {
    4: {"podA1": "10.1.0.1", "podA2": "10.1.0.2", "podB1": "10.2.0.1",
        "nodeA": "192.168.9.1", "nodeB": "192.168.9.2",
        "nodeA1": "192.168.8.1", "nodeB1": "192.168.8.2"},
    6: {"podA1": "fd01::1", "podA2": "fd01::2", "podB1": "fd02::1",
        "nodeA": "fd09::1", "nodeB": "fd09::2",
        "nodeA1": "fd08::1", "nodeB1": "fd08::2"},
}


def packed(family, name):
    """An address by the name of its place, or as it is written."""
    return ipaddress.ip_address(ADDRESSES[family].get(name, name)).packed


def pseudo(src, dst, proto, length):
    """The header that transport checksums cover, or for IPv4 one of the same
    sum.
    """
    return src + dst + struct.pack("!II", length, proto)


class Packet:
    """A packet of a family between two places; see bytes() for the keys."""

    def __init__(self, family, src, dst, **keys):
        self.family, self.src, self.dst, self.keys = family, src, dst, keys

    def get(self, key, default):
        """A key of the packet."""
        return self.keys.get(key, default)

    def address(self, name):
        """The address of a place in words."""
        return str(ipaddress.ip_address(packed(self.family, name)))

    def body(self):
        """What it carries: a packet to "inner", or so many bytes."""
        inner = self.get("inner", None)
        if inner:
            return Packet(self.family, self.src, inner).build()[0]
        return bytes(i & 0xff for i in range(self.get("size", 32)))

    def transport(self, src, dst):
        """Protocol, and the bytes behind the IP header."""
        kind, body = self.get("kind", "udp"), self.body()
        sport, dport = self.get("sport", 4444), self.get("dport", 4000)
        if kind == "udp":
            proto, at = UDP, 6
            data = struct.pack("!HHHH", sport, dport, 8 + len(body), 0)
        elif kind == "tcp":
            proto, at = TCP, 16
            data = struct.pack("!HHIIBBHHH", sport, dport, 1000, 2000, 0x50,
                               self.get("flags", 2), 8192, 0, 0)
        elif kind == "echo":
            proto, at = (ICMP, 2) if self.family == 4 else (ICMP6, 2)
            data = struct.pack("!BBHHH", 8 if proto == ICMP else 128, 0, 0,
                               7, self.get("seq", 1))
        elif kind == "sctp":
            return SCTP, struct.pack("!HHII", sport, dport, 0, 0) + body
        else:
            return kind, body
        data += body
        if self.get("csum", "good") == "none":
            return proto, data
        if self.get("csum", "good") == "partial":
            value = ~checksum(pseudo(src, dst, proto, len(data))) & 0xffff
            return proto, data[:at] + struct.pack("!H", value) + data[at + 2:]
        covered = b"" if proto == ICMP else \
            pseudo(src, dst, proto, len(data))
        value = checksum(covered + data) or 0xffff
        if self.get("csum", "good") == "bad":
            value ^= 0x5555
        return proto, data[:at] + struct.pack("!H", value) + data[at + 2:]

    def ipv4(self, proto, payload, frag):
        """One IPv4 packet."""
        options = self.get("options", b"")
        options += bytes(-len(options) % 4)
        length = 20 + len(options) + len(payload) + self.get("longer", 0)
        header = struct.pack(
            "!BBHHHBBH4s4s", self.get("version", 4) << 4 |
            self.get("ihl", 5 + len(options) // 4), self.get("tos", 0),
            length if length < 1 << 16 else 0, self.get("ident", 7), frag,
            self.get("ttl", 64), proto, 0, packed(4, self.src),
            packed(4, self.dst)) + options
        value = checksum(header) ^ self.get("wrong", 0)
        return header[:10] + struct.pack("!H", value) + header[12:] + payload

    def ipv6(self, proto, payload):
        """One IPv6 packet."""
        for kind, header in reversed(self.get("headers", ())):
            payload = bytes([proto]) + header + payload
            proto = kind
        word = self.get("version", 6) << 28 | self.get("tos", 0) << 20 | \
            self.get("label", 0)
        length = len(payload) + self.get("longer", 0)
        if length >= 1 << 16:
            payload = struct.pack("!BBBBI", proto, 0, 0xc2, 4, length + 8) + \
                payload
            proto, length = 0, 0
        return struct.pack("!IHBB", word, length, proto,
                           self.get("ttl", 64)) + \
            packed(6, self.src) + packed(6, self.dst) + payload

    def vnet(self):
        """A virtio_net_hdr: what a NIC is to do with the packet."""
        is_tcp = self.get("kind", "udp") == "tcp"
        start = 14 + (20 if self.family == 4 else 40)
        if self.family == 6 and self.get("size", 0) >= 1 << 16:
            start += 8
        size = self.get("gso", 0)
        kind = (1 if self.family == 4 else 4) if is_tcp else \
            3 if self.get("ufo", False) else 5
        return struct.pack("=BBHHHH", 1, kind if size else 0,
                           start + (20 if is_tcp else 8), size, start,
                           16 if is_tcp else 6)

    def build(self):
        """The packets on the wire: one, or its fragments."""
        proto, payload = self.transport(packed(self.family, self.src),
                                        packed(self.family, self.dst))
        pieces = self.get("pieces", None)
        flags = 0x4000 if self.get("df", False) else 0
        if self.family == 4:
            if not pieces:
                return [self.ipv4(proto, payload, flags)]
            return [self.ipv4(proto, payload[a:b],
                              flags | a >> 3 | (b < len(payload)) << 13)
                    for a, b in pieces]
        if not pieces:
            return [self.ipv6(proto, payload)]
        out = []
        for a, b in pieces:
            header = struct.pack("!BBHI", proto, 0,
                                 a | (b < len(payload)),
                                 self.get("ident", 7))
            out.append(self.ipv6(44, header + payload[a:b]))
        return out
