#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""One table of packets, sent in two topologies: what comes out is the same.

  oracle.py ID [REGEX]

The topologies are those of lib.sh with the process id ID: "veth", which is the
oracle, and "shunt". Each case of the table sends packets at one place, and
everything that arrives anywhere is written down in words: at pods, on the wire,
with checksums verified, without what the kernel chooses at random. First both
without netfilter. Then with a stateful ruleset on their nodes: the direct path
does not meet it and it must not eat or mangle strays, so that what comes out
of "shunt" is the same as before; but if a packet took the stack's path as a
flow punt, it is what comes out of "veth" under the same ruleset.

Prints a line for each case, "ok NAME" or "not ok NAME", with what differs
before it. A case that is known to differ says why, and fails if it does not.
"""
import ctypes
import ipaddress
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
import zlib

from packet import checksum

QUIET = 0.02
MARK = 5
UDP, TCP, ICMP, ICMP6, SCTP, NONE = 17, 6, 1, 58, 132, 59
NODE_MAC = {"nic0": "02000000 0a00", "nic1": "02000000 0a01"}
ETH = {4: 0x0800, 6: 0x86dd}
TOPOLOGIES = "veth", "shunt"

RULES = """
table inet fw {
    chain forward {
        type filter hook forward priority 0; policy drop
        ct state invalid drop
        ct state established,related accept
        ct state untracked accept
    }
    chain nat {
        type nat hook postrouting priority 100
        ip saddr 10.0.0.0/14 ip daddr != 10.0.0.0/14 masquerade
        ip6 saddr fd00::/14 ip6 daddr != fd00::/14 masquerade
    }
}
"""


# Names of places and addresses

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
    """The header that transport checksums cover."""
    if len(src) == 4:
        return src + dst + struct.pack("!HH", proto, length)
    return src + dst + struct.pack("!II", length, proto)


# Building packets

class Packet:
    """A packet of a family between two places; see bytes() for the keys."""

    def __init__(self, family, src, dst, **keys):
        self.family, self.src, self.dst, self.keys = family, src, dst, keys

    def get(self, key, default):
        """A key of the packet."""
        return self.keys.get(key, default)

    def transport(self, src, dst):
        """Protocol, and the bytes behind the IP header."""
        kind = self.get("kind", "udp")
        body = bytes(i & 0xff for i in range(self.get("size", 32)))
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
        header = struct.pack(
            "!BBHHHBBH4s4s", self.get("version", 4) << 4 |
            self.get("ihl", 5 + len(options) // 4), self.get("tos", 0),
            20 + len(options) + len(payload) + self.get("longer", 0),
            self.get("ident", 7), frag,
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
        return struct.pack("!IHBB", word, len(payload) +
                           self.get("longer", 0), proto,
                           self.get("ttl", 64)) + \
            packed(6, self.src) + packed(6, self.dst) + payload

    def vnet(self):
        """A virtio_net_hdr: what a NIC is to do with the packet."""
        is_tcp = self.get("kind", "udp") == "tcp"
        start = 14 + (20 if self.family == 4 else 40)
        size = self.get("gso", 0)
        kind = (1 if self.family == 4 else 4) if is_tcp else 5
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


# Describing packets

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
    rest, whole = data[40:40 + length], True
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


def is_noise(data):
    """What happens at any time: neighbour discovery, multicast reports, and the
    end of waiting for the rest of fragments.
    """
    if data[0] >> 4 == 4:
        return data[9] == 2 and data[8] == 1 or \
            data[9] == ICMP and data[20:22] == b"\x0b\1"
    if data[6] == ICMP6 and data[40:42] == b"\3\1":
        return True
    if data[6] == 0 and len(data) > 48 and data[40] == ICMP6:
        return True
    return data[6] == ICMP6 and data[40] in (130, 131, 132, 133, 134, 135,
                                             136, 137, 143)


# Places

LIBC = ctypes.CDLL(None, use_errno=True)


class Topology:
    """The sockets of one topology."""

    def __init__(self, name, ident):
        self.name, self.ident, self.listeners = name, ident, {}
        self.raw, self.wires = {}, {}
        for pod in "podA1", "podA2", "podB1":
            self.enter(pod)
            # For one protocol each: those for all would be taps, for which
            # packets take another way out of the pod.
            for family in 4, 6:
                self.listen(pod, "eth0", ETH[family])
                self.answer(family)
            self.open_raw(pod)
        self.enter("nodeA")
        self.open_raw("nodeA")
        self.enter("nodeB")
        for nic in "nic0", "nic1":
            self.listen(nic, nic, 3)
            self.wires[nic] = self.frames(nic, 0)

    def ns(self, place):
        """The name of a netns."""
        return f"{place}-{self.name}.{self.ident}"

    def pods(self, family):
        """The devices of nodeA that its pods are behind, and where routes lead
        to them.
        """
        if self.name == "veth":
            scope = " scope global" if family == 4 else ""
            return [(name, f"dev {name}{scope}")
                    for name in ("podA1", "podA2")]
        via = {4: "169.254.1.2", 6: "fe80::2"}[family]
        return [("shunt0", f"via {via} dev shunt0 onlink")] * 2

    def enter(self, place):
        """New sockets belong to this place."""
        fd = os.open(f"/run/netns/{self.ns(place)}", os.O_RDONLY)
        if LIBC.setns(fd, 0x40000000):
            sys.exit(f"no such netns: {self.ns(place)}")
        os.close(fd)

    @staticmethod
    def frames(dev, protocol):
        """A packet socket."""
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                             socket.htons(protocol))
        sock.bind((dev, protocol))
        return sock

    def listen(self, place, dev, protocol):
        """Hear what arrives."""
        sock = self.frames(dev, protocol)
        sock.setsockopt(263, 8, 1)  # PACKET_AUXDATA
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.listeners[sock.fileno()] = (place, sock)

    def answer(self, family):
        """A port that is open."""
        sock = socket.socket(socket.AF_INET if family == 4 else
                             socket.AF_INET6, socket.SOCK_DGRAM)
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", 4000))
        self.raw[self.name, family, "port", id(sock)] = sock

    def open_raw(self, place):
        """Ways to send at a place."""
        for family, af in (4, socket.AF_INET), (6, socket.AF_INET6):
            sock = socket.socket(af, socket.SOCK_RAW, socket.IPPROTO_RAW)
            if family == 4:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
            if place != "nodeA":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                                b"eth0")
            self.raw[place, family] = sock
        if place != "nodeA":
            self.raw[place, "frame"] = self.frames("eth0", 0)
            self.raw[place, "vnet"] = self.frames("eth0", 0)
            self.raw[place, "vnet"].setsockopt(263, 15, 1)
            self.raw[place, "mark"] = self.frames("eth0", 0)
            self.raw[place, "mark"].setsockopt(socket.SOL_SOCKET, 36, MARK)

    def send(self, case, packet, data):
        """One packet at the place where the case begins."""
        if case.how in self.wires:
            head = bytes.fromhex(NODE_MAC[case.how]) + bytes(5) + b"\1"
            self.wires[case.how].send(
                head + struct.pack("!H", ETH[packet.family]) + data)
        elif " " in case.how:
            how, place = case.how.split()
            head = bytes.fromhex("0200000000fe") + bytes(5) + b"\1"
            if how == "vnet":
                head = packet.vnet() + head
            self.raw[place, how].send(
                head + struct.pack("!H", ETH[packet.family]) + data)
        else:
            to = str(ipaddress.ip_address(packed(packet.family, packet.dst)))
            self.raw[case.how, packet.family].sendto(data, (to, 0))

    def run(self, case):
        """Send the packets of a case, and tell what came of them."""
        said = []
        for packet in case.packets:
            for data in packet.build():
                try:
                    self.send(case, packet, data)
                except OSError as error:
                    said.append(f"send: {error.strerror}")
        return said + self.hear()

    def hear(self):
        """Everything that arrives until it is quiet."""
        poll, heard = select.poll(), []
        for fd in self.listeners:
            poll.register(fd, select.POLLIN)
        end = time.monotonic() + QUIET
        # What lies there already is heard, however late it is.
        while ready := poll.poll(max(0, end - time.monotonic()) * 1000):
            for fd, _ in ready:
                place, sock = self.listeners[fd]
                line = self.receive(place, sock)
                if line:
                    heard.append((place, line))
                    end = time.monotonic() + QUIET
        # Between places, order means nothing.
        return [f"{place}: {line}" for place, line in
                sorted(heard, key=lambda item: item[0])]

    @staticmethod
    def receive(place, sock):
        """One packet in words, or None."""
        data, control, _, address = sock.recvmsg(1 << 17, 100)
        # What the place itself sends is heard where it arrives.
        if address[2] == 4 or address[1] not in ETH.values():
            return None
        ready = True
        for _, kind, value in control:
            if kind == 8:
                ready = not struct.unpack_from("=I", value)[0] & 8
        data = data[14:]
        return None if is_noise(data) else describe(data, ready)


# The table

class Case:
    """Packets that begin at a place: a pod's or node's socket ("podA1"), a
    packet socket ("frame podA1"), one with work for a NIC ("vnet podA1") or
    with a mark ("mark podA1"), or the wire to the node ("nic0").
    """

    def __init__(self, name, how, *packets, differs=None):
        self.name, self.how, self.packets = name, how, packets
        self.differs = differs


def kinds(family):
    """Packets by what is special about them."""
    yield "udp", {}
    yield "udp, no data", {"size": 0}
    yield "udp, bad checksum", {"csum": "bad"}
    yield "udp, closed port", {"dport": 9}
    yield "tcp syn", {"kind": "tcp"}
    yield "tcp ack", {"kind": "tcp", "flags": 0x10}
    yield "tcp without flags", {"kind": "tcp", "flags": 0}
    yield "tcp, all flags", {"kind": "tcp", "flags": 0xff}
    yield "tcp, bad checksum", {"kind": "tcp", "csum": "bad"}
    yield "echo", {"kind": "echo"}
    yield "echo, bad checksum", {"kind": "echo", "csum": "bad"}
    yield "echo of 1400 bytes", {"kind": "echo", "size": 1400}
    yield "sctp", {"kind": "sctp"}
    yield "protocol 253", {"kind": 253}
    yield "ttl 1", {"ttl": 1}
    yield "ttl 1, tcp", {"ttl": 1, "kind": "tcp"}
    yield "ttl 2", {"ttl": 2}
    yield "ttl 3", {"ttl": 3}
    yield "ttl 255", {"ttl": 255}
    yield "ecn ce", {"tos": 3}
    yield "ecn ect, dscp ef", {"tos": 46 << 2 | 2}
    yield "tos ff", {"tos": 0xff}
    yield "as large as fits", {"size": 1472 if family == 4 else 1452}
    yield "in two fragments", {"size": 64, "pieces": ((0, 40), (40, 72))}
    yield "in reversed fragments", {"size": 64,
                                    "pieces": ((40, 72), (0, 40))}
    yield "fragment without a rest", {"size": 64, "pieces": ((0, 40),)}
    yield "rest of a fragment", {"size": 64, "pieces": ((40, 72),)}
    yield "fragment twice", {"size": 64,
                             "pieces": ((0, 40), (0, 40), (40, 72))}
    yield "fragments that overlap", {"size": 64,
                                     "pieces": ((0, 40), (32, 72))}
    yield "fragment with ttl 1", {"size": 64, "ttl": 1,
                                  "pieces": ((0, 40), (40, 72))}
    yield from kinds_v4() if family == 4 else kinds_v6()


def kinds_v4():
    """Those of IPv4."""
    yield "udp without checksum", {"csum": "none"}
    yield "df", {"df": True}
    yield "df, as large as fits", {"df": True, "size": 1472}
    yield "fragments with df", {"df": True, "size": 64,
                                "pieces": ((0, 40), (40, 72))}
    yield "option nop", {"options": b"\1\1\1\1"}
    yield "option end", {"options": b"\0\0\0\0"}
    yield "option router alert", {"options": b"\x94\4\0\0"}
    yield "option record route", {"options": b"\7\x0f\4" + bytes(12)}
    yield "option timestamp and addresses", {"options": b"\x44\x0c\5\1" +
                                             bytes(8)}
    yield "option record route, full", {"options": b"\7\7\x08" + bytes(4)}
    yield "option unknown", {"options": b"\x9e\4\0\0"}
    yield "option strict source route", {
        "options": b"\x89\7\4" + packed(4, "podB1") + b"\0"}
    yield "option cut off", {"options": b"\7\x28\4\0"}
    yield "options and ttl 1", {"options": b"\1\1\1\1", "ttl": 1}
    yield "igmp", {"kind": 3}
    yield "ipip", {"kind": 4}
    yield "gre", {"kind": 47}
    yield "esp", {"kind": 50}


def kinds_v6():
    """Those of IPv6."""
    pad = b"\0\1\4\0\0\0\0"
    yield "label", {"label": 0x12345}
    yield "destination options", {"headers": ((60, pad),)}
    yield "hop-by-hop options", {"headers": ((0, pad),)}
    yield "router alert", {"headers": ((0, b"\0\5\2\0\0\1\0"),)}
    yield "unknown option, skip", {"headers": ((0, b"\0\x1e\4" + bytes(4)),)}
    yield "unknown option, discard", {"headers": ((0, b"\0\x5e\4" +
                                                   bytes(4)),)}
    yield "unknown option, send icmp", {"headers": ((0, b"\0\x9e\4" +
                                                     bytes(4)),)}
    yield "unknown destination option, send icmp", {
        "headers": ((60, b"\0\x9e\4" + bytes(4)),)}
    yield "routing header 0", {"headers": ((43, b"\2\0\1" + bytes(4) +
                                            packed(6, "podB1")),)}
    yield "routing header 2", {"headers": ((43, b"\2\2\1" + bytes(4) +
                                            packed(6, "podB1")),)}
    yield "routing header, no segments left", {
        "headers": ((43, b"\2\0\0" + bytes(4) + packed(6, "podB1")),)}
    yield "atomic fragment", {"headers": ((44, b"\0\0\0\0\0\0\7"),)}
    yield "three headers", {"headers": ((0, pad), (60, pad), (60, pad))}
    yield "hop-by-hop options and ttl 1", {"headers": ((0, pad),), "ttl": 1}
    yield "destination options and ttl 1", {"headers": ((60, pad),),
                                            "ttl": 1}
    yield "no next header", {"kind": NONE, "size": 0}
    yield "unknown next header", {"kind": 140}
    yield "esp", {"kind": 50}


WAYS = (("out", "podA1", "podA1", "podB1"),
        ("local", "podA1", "podA1", "podA2"),
        ("in", "nic0", "podB1", "podA1"))


def plain(family):
    """Each kind of packet on each way."""
    for way, how, src, dst in WAYS:
        for name, keys in kinds(family):
            yield Case(f"{way}: {name}", how,
                       Packet(family, src, dst, **keys))
    for name, keys in list(kinds(family))[:6]:
        yield Case(f"to the node: {name}", "podA1",
                   Packet(family, "podA1", "nodeA", **keys))
        yield Case(f"from the node: {name}", "nodeA",
                   Packet(family, "nodeA", "podA1", **keys))
        yield Case(f"frame out: {name}", "frame podA1",
                   Packet(family, "podA1", "podB1", **keys))
        yield Case(f"frame local: {name}", "frame podA1",
                   Packet(family, "podA1", "podA2", **keys))
        yield Case(f"in from the other node: {name}", "nic0",
                   Packet(family, "nodeB", "podA1", **keys))
        yield Case(f"in by the other NIC: {name}", "nic1",
                   Packet(family, "podB1", "podA1", **keys))


LENGTH = "that a packet is shorter than its header says is not looked for on " \
    "the way in, the receiver drops it"
NOARP = "nobody is asked who has an address on a pod's link, the node answers"
HEADER = "a wrong header checksum is not looked for on the way, the " \
    "receiver drops the packet"


def malformed(family):
    """What a socket would not send."""
    for way, how, src, dst in (("out", "frame podA1", "podA1", "podB1"),
                               ("local", "frame podA1", "podA1", "podA2"),
                               ("in", "nic0", "podB1", "podA1")):
        for name, keys in (("version", {"version": 5}),
                           ("longer than it is", {"longer": 100}),
                           ("shorter than it is", {"longer": -20}),
                           ("ttl 0", {"ttl": 0})):
            differs = LENGTH if way == "in" and name.startswith("longer") \
                else None
            yield Case(f"{way}: {name}", how,
                       Packet(family, src, dst, **keys), differs=differs)
        if family == 6:
            continue
        yield Case(f"{way}: ihl of 4", how, Packet(4, src, dst, ihl=4))
        yield Case(f"{way}: header checksum", how,
                   Packet(4, src, dst, wrong=0x1111), differs=HEADER)


def special_sources(family):
    """Sources that have no business there."""
    own = {4: ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255",
               "240.0.0.1", "192.168.9.1"),
           6: ("::1", "ff02::1", "fe80::99", "::ffff:10.2.0.1", "fd09::1")}
    for source in own[family] + ("podA2", "podA1"):
        yield Case(f"in: from {source}", "nic0",
                   Packet(family, source, "podA1"))


def special_destinations(family):
    """Addresses that are not just somebody's."""
    to = {4: ("255.255.255.255", "192.168.9.255", "224.0.0.1", "239.1.1.1",
              "169.254.1.1", "169.254.77.77", "127.0.0.1", "240.0.0.1",
              "192.168.8.1", "0.0.0.1"),
          6: ("ff02::1", "ff05::1", "ff0e::1", "fe80::1", "fe80::77",
              "::1", "fd08::1", "::ffff:10.2.0.1", "2001:db8::1")}
    for destination in to[family]:
        for kind in "udp", "echo":
            differs = NOARP if destination == "fe80::77" else None
            yield Case(f"to {destination}: {kind}", "podA1",
                       Packet(family, "podA1", destination, kind=kind),
                       differs=differs)


def sized(family):
    """What is too large for the way."""
    for name, keys in (("udp", {}), ("echo", {"kind": "echo"}),
                       ("tcp", {"kind": "tcp", "flags": 0x10}),
                       ("protocol 253", {"kind": 253}),
                       ("sctp", {"kind": "sctp"})):
        for size in 1200, 1240, 1260, 1280, 1400:
            for df in (False, True) if family == 4 else (False,):
                text = f"{name} of {size}" + (", df" if df else "")
                yield Case(text, "podA1", Packet(
                    family, "podA1", "podB1", size=size, df=df, **keys))
                # The answer would be too large for the wire.
                if df or family == 6 or name == "echo":
                    continue
                yield Case(f"{text}, fragment", "podA1", Packet(
                    family, "podA1", "podB1", size=size + 200,
                    pieces=((0, size), (size, size + 200 + 8)), **keys))


def few(family, ways=WAYS, dst=None):
    """A little of everything, for the state of the node to decide on."""
    for way, how, src, to in ways:
        for name, keys in (("udp", {}), ("tcp", {"kind": "tcp"}),
                           ("echo", {"kind": "echo"}),
                           ("tos 10", {"tos": 0x10}), ("ttl 1", {"ttl": 1}),
                           ("ttl 2", {"ttl": 2}),
                           ("fragments", {"size": 64, "pieces":
                                          ((0, 40), (40, 72))})):
            yield Case(f"{way}: {name}", how,
                       Packet(family, src, dst or to, **keys))


def offloaded(family):
    """Work that is left to NICs: checksums and segments."""
    for way, dst in ("out", "podB1"), ("local", "podA2"), ("host", "nodeA"):
        for name, keys in (
                ("udp, checksum to do", {}),
                ("tcp, checksum to do", {"kind": "tcp"}),
                ("tcp, checksum to do, ttl 1", {"kind": "tcp", "ttl": 1}),
                ("tcp in segments", {"size": 4000, "gso": 1000,
                                     "kind": "tcp", "flags": 0x10}),
                ("tcp in segments with the last one short", {
                    "size": 4001, "gso": 1000, "kind": "tcp",
                    "flags": 0x18}),
                ("tcp in segments, ecn", {"size": 4000, "gso": 1000, "tos": 1,
                                          "kind": "tcp", "flags": 0x10}),
                ("tcp in segments as large as fits", {
                    "size": 5000, "gso": 1460 if family == 4 else 1440,
                    "kind": "tcp", "flags": 0x10, "df": True}),
                ("tcp in segments too large", {
                    "size": 5000, "gso": 1461 if family == 4 else 1441,
                    "kind": "tcp", "flags": 0x10, "df": True}),
                ("tcp in segments, ttl 1", {
                    "size": 4000, "gso": 1000, "kind": "tcp",
                    "flags": 0x10, "ttl": 1}),
                ("udp in segments", {"size": 4000, "gso": 1000}),
                ("udp in segments too large", {"size": 5000, "gso": 1480,
                                               "df": True}),
                ("tcp of 60000", {"size": 60000, "gso": 1400, "kind": "tcp",
                                  "flags": 0x10})):
            yield Case(f"{way}: {name}", "vnet podA1", Packet(
                family, "podA1", dst, csum="partial", **keys))


OUT, LOCAL, IN = WAYS


def scenes(family):
    """States of the node: name, commands to make and to undo them, cases."""
    prefix = {4: "10.2.0.0/24", 6: "fd02::/64"}[family]
    host = {4: "10.2.0.1/32", 6: "fd02::1/128"}[family]
    via = ADDRESSES[family]["nodeB"]
    via1 = ADDRESSES[family]["nodeB1"]
    pod = ADDRESSES[family]["podA1"]
    back = f"route replace {prefix} via {via} dev nic0"
    yield "plain", (), (), plain(family)
    yield "malformed", (), (), malformed(family)
    yield "offloaded", (), (), offloaded(family)
    yield "special source", (), (), special_sources(family)
    yield "special destination", (), (), special_destinations(family)
    yield "mtu of the route", \
        (f"route replace {prefix} via {via} dev nic0 mtu 1300",), (back,), \
        sized(family)
    yield "mtu of the uplink", ("link set nic0 mtu 1300",), \
        ("link set nic0 mtu 1500",), sized(family)
    for kind in "blackhole", "unreachable", "prohibit", "throw":
        yield f"{kind} route", (f"route add {kind} {host}",), \
            (f"route del {kind} {host}",), few(family, (OUT, IN))
    yield "route by the other NIC", \
        (f"route add {host} via {via1} dev nic1",), \
        (f"route del {host}",), few(family, (OUT, IN))
    yield "rule from the pod", \
        (f"rule add pref 100 from {pod} unreachable",), \
        ("rule del pref 100",), few(family)
    yield "rule to the pod", (f"rule add pref 100 to {pod} prohibit",), \
        ("rule del pref 100",), few(family)
    yield "rule on tos", ("rule add pref 100 tos 0x10 blackhole",), \
        ("rule del pref 100",), few(family)
    yield "rule on a protocol", ("rule add pref 100 ipproto udp prohibit",), \
        ("rule del pref 100",), few(family)
    yield "rule on ports", \
        ("rule add pref 100 ipproto udp dport 4000 prohibit",), \
        ("rule del pref 100",), few(family)
    yield "rule on a mark", (f"rule add pref 100 fwmark {MARK} prohibit",), \
        ("rule del pref 100",), \
        few(family, (("out", "mark podA1", "podA1", "podB1"),
                     ("local", "mark podA1", "podA1", "podA2")))
    yield "rule on the uplink", ("rule add pref 100 iif nic0 unreachable",), \
        ("rule del pref 100",), few(family)
    yield "rule to another table", \
        (f"route add default via {via1} dev nic1 table 100",
         f"rule add pref 100 from {pod} table 100"), \
        ("rule del pref 100", "route flush table 100"), \
        few(family, (OUT, IN))
    yield "second address of the node", \
        (f"address add {own_more(family)} dev nic0",), \
        (f"address del {own_more(family)} dev nic0",), \
        few(family, (("to", "podA1", "podA1", None),),
            own_more(family).split("/", maxsplit=1)[0])
    yield "node as next hop of itself", \
        (f"address add {own_more(family)} dev lo",), \
        (f"address del {own_more(family)} dev lo",), \
        few(family, (("in", "nic0", "podB1", None),),
            own_more(family).split("/", maxsplit=1)[0])


    paths = f"nexthop via {via} dev nic0 nexthop via {via1} dev nic1"
    # IPv6 adds to the paths that there are.
    remove = f"route del {prefix}"
    yield "multipath", \
        (remove, f"route add {prefix} {paths}",
         f"net.ipv{family}.fib_multipath_hash_policy=1"), \
        (remove, f"route add {prefix} via {via} dev nic0",
         f"net.ipv{family}.fib_multipath_hash_policy=0"), \
        spread(family)
    # Its routes go with the NIC, and its addresses of IPv6.
    yield "multipath, one NIC down", \
        (remove, f"route add {prefix} {paths}",
         f"net.ipv{family}.fib_multipath_hash_policy=1",
         "link set nic1 down"), \
        ("link set nic1 up", "-6 address replace fd08::1/64 dev nic1 nodad",
         f"route replace {prefix} via {via} dev nic0",
         f"net.ipv{family}.fib_multipath_hash_policy=0"), \
        spread(family)
    yield from scenes_v4(via1) if family == 4 else scenes_v6()
    yield "vrf", enter_vrf, leave_vrf, few(family)


def enter_vrf(side, family):
    """Commands that put NIC and pods into a VRF, whose table knows the pods."""
    yield "link add vrf7 type vrf table 77"
    yield "link set vrf7 up"
    yield "link set nic0 master vrf7"
    for device in {name for name, _ in side.pods(family)}:
        yield f"link set {device} master vrf7"
    yield from addresses_v6(side)
    yield from vrf_routes(side, family, " table 77")


def leave_vrf(side, family):
    """Undo that, and what it does to the main table."""
    yield "link del vrf7"
    yield from addresses_v6(side)
    for each in 4, 6:
        for command in vrf_routes(side, each, ""):
            yield f"-{each} {command}"


def addresses_v6(side):
    """Devices lose them on their way into a VRF, or out of it."""
    yield "-6 address replace fd09::1/64 dev nic0 nodad"
    for device in {name for name, _ in side.pods(6)}:
        yield f"-6 address replace fe80::1/64 dev {device} nodad"


def vrf_routes(side, family, table):
    """To pods here, and there."""
    length = {4: 32, 6: 128}[family]
    for pod, (_, way) in zip(("podA1", "podA2"), side.pods(family)):
        yield f"route replace {ADDRESSES[family][pod]}/{length} {way}{table}"
    prefix = {4: "10.2.0.0/24", 6: "fd02::/64"}[family]
    yield f"route replace {prefix} via {ADDRESSES[family]['nodeB']} " \
        f"dev nic0{table}"


def spread(family):
    """Flows that differ in a port."""
    for port in range(5000, 5016):
        for kind in "udp", "tcp":
            yield Case(f"{kind} from {port}", "podA1", Packet(
                family, "podA1", "podB1", kind=kind, sport=port))


def scenes_v4(via1):
    """Settings of IPv4."""
    other = ("in by the other NIC", "nic1", "podB1", "podA1")
    for value, name in (1, "strict"), (2, "loose"):
        yield f"{name} reverse path filter", \
            (f"net.ipv4.conf.all.rp_filter={value}",), \
            ("net.ipv4.conf.all.rp_filter=0",), few(4, (OUT, IN, other))
    yield "strict reverse path filter, asymmetric", \
        (f"route add 10.2.0.1/32 via {via1} dev nic1",
         "net.ipv4.conf.nic0.rp_filter=1"), \
        ("route del 10.2.0.1/32", "net.ipv4.conf.nic0.rp_filter=0"), \
        few(4, (OUT, IN, other))
    yield "forwarding off on the NIC", ("net.ipv4.conf.nic0.forwarding=0",), \
        ("net.ipv4.conf.nic0.forwarding=1",), few(4)
    yield "priority not by tos", ("net.ipv4.ip_forward_update_priority=0",), \
        ("net.ipv4.ip_forward_update_priority=1",), few(4)
    yield "path MTUs count for the node", \
        ("net.ipv4.ip_forward_use_pmtu=1",), \
        ("net.ipv4.ip_forward_use_pmtu=0",), sized(4)


def scenes_v6():
    """Settings of IPv6."""
    yield "forwarding off", ("net.ipv6.conf.all.forwarding=0",), \
        ("net.ipv6.conf.all.forwarding=1",), few(6)


def own_more(family):
    """One more address of the node."""
    return {4: "192.168.9.77/32", 6: "fd09::77/128"}[family]


# Running it

class Runner:
    """Both topologies side by side."""

    def __init__(self, ident, regex):
        self.regex = re.compile(regex)
        self.sides = [Topology(name, ident) for name in TOPOLOGIES]
        self.failed, self.silent, self.wanted = 0, 0, {}

    def change(self, family, commands):
        """Change the nodes of both topologies: by ip, or NAME=VALUE. A function
        says what a side needs.
        """
        for side in self.sides:
            for command in (commands(side, family) if callable(commands)
                            else commands):
                if "=" in command:
                    words = ["ip", "netns", "exec", side.ns("nodeA"),
                             "sysctl", "-qw", command]
                else:
                    words = ["ip", "-n", side.ns("nodeA"), f"-{family}"] + \
                        command.split()
                subprocess.run(words, check=True)

    def forget(self):
        """Path MTUs that the pods have learnt."""
        for side in self.sides:
            for family in "-4", "-6":
                subprocess.run(["ip", "-n", side.ns("podA1"), family, "route",
                                "flush", "cache"], check=True)

    def result(self, name, case, want, got):
        """Compare, and print."""
        good = (want != got) if case.differs else (want == got)
        if not good:
            self.failed += 1
            for line in want:
                print(f"# veth  {line}")
            for line in got:
                print(f"# shunt {line}")
            if case.differs:
                print(f"# does not differ, but should: {case.differs}")
        print(f"{'' if good else 'not '}ok {name}", flush=True)

    def flow_punts(self):
        """How many there were."""
        said = subprocess.run(["ip", "netns", "exec", self.sides[1].ns("nodeA"),
                               "shuntctl", "-j", "stats"], check=True,
                              capture_output=True)
        stats = json.loads(said.stdout)
        return sum(stats[f"punt_{name}"] for name in
                   ("route", "device", "source", "xfrm", "path", "flow"))

    def run_case(self, name, case):
        """Without a ruleset."""
        want, got = (side.run(case) for side in self.sides)
        self.wanted[name] = want
        self.silent += not want
        self.result(name, case, want, got)

    def run_stateful(self, name, case):
        """Under one."""
        if case.differs:
            return
        veth, shunt = self.sides
        want, got = self.wanted[name], shunt.run(case)
        if want != got:
            # Of a new connection, as the first time.
            self.forget_connections()
            before = self.flow_punts()
            got = shunt.run(case)
            if self.flow_punts() != before:
                want = veth.run(case)
        self.result(f"stateful ruleset, {name}", case, want, got)

    def run_cases(self, run):
        """The whole table."""
        number = 0
        for family in 4, 6:
            for scene, make, undo, cases in scenes(family):
                cases = [(f"v{family} {scene}, {case.name}", case)
                         for case in cases]
                cases = [item for item in cases if self.regex.search(item[0])]
                if not cases:
                    continue
                self.change(family, make)
                for name, case in cases:
                    number += 1
                    for packet in case.packets:
                        packet.keys["ident"] = number
                    run(name, case)
                self.change(family, undo)
                self.forget()

    def forget_connections(self):
        """What the nodes track."""
        for side in self.sides:
            subprocess.run(["ip", "netns", "exec", side.ns("nodeA"),
                            "conntrack", "-F"], check=True,
                           stderr=subprocess.DEVNULL)

    def rules(self):
        """The rulesets of the nodes."""
        for side in self.sides:
            subprocess.run(["ip", "netns", "exec", side.ns("nodeA"),
                            "nft", "-f", "-"], input=RULES, text=True,
                           check=True)


def main():
    """See above."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    runner = Runner(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    runner.run_cases(runner.run_case)
    print(f"# {len(runner.wanted)} cases, {runner.silent} of them in silence")
    runner.rules()
    runner.run_cases(runner.run_stateful)
    sys.exit(1 if runner.failed else 0)


main()
