# SPDX-License-Identifier: GPL-2.0
"""Counters that users look at, and how far they have moved: what "nstat -a",
"ip -s link" and "ethtool -S" show.
"""
import array
import fcntl
import os
import socket
import struct

FILES = "snmp", "netstat", "snmp6", "dev"
LINK = [f"rx_{name}" for name in (
    "bytes", "packets", "errors", "dropped", "fifo", "frame", "compressed",
    "multicast")] + [f"tx_{name}" for name in (
        "bytes", "packets", "errors", "dropped", "fifo", "collisions",
        "carrier", "compressed")]
SIOCETHTOOL, ETHTOOL_GSTRINGS, ETHTOOL_GSTATS = 0x8946, 0x1b, 0x1d
ETH_SS_STATS = 1


class Netns:
    """The counters of the netns that this is made in, by the names of nstat, or
    as "eth0 rx_packets".
    """

    def __init__(self):
        self.names, self.values = {}, {}
        self.texts = {os.open(f"/proc/thread-self/net/{name}", os.O_RDONLY): b""
                      for name in FILES}
        self.moves()

    def changed_lines(self):
        """Lines that say something else than last time."""
        for file, before in self.texts.items():
            text = os.pread(file, 1 << 16, 0)
            if text == before:
                continue
            known = set(before.splitlines())
            yield from (line.decode().split() for line in text.splitlines()
                        if line not in known)
            self.texts[file] = text

    def moves(self):
        """How far those have moved that have, since this was last asked."""
        moved = {}
        for words in self.changed_lines():
            for name, value in self.parse(words):
                before = self.values.setdefault(name, 0)
                if value != before:
                    moved[name] = value - before
                    self.values[name] = value
        return moved

    def parse(self, words):
        """Names and numbers of a line."""
        first, *rest = words
        if not first.endswith(":"):
            # One of IPv6, or what stands above those of devices.
            return [(first, int(rest[0]))] if len(rest) == 1 else []
        if not rest[0].lstrip("-").isdigit():
            self.names[first] = [first[:-1] + name for name in rest]
            return []
        names = self.names.get(first) or \
            [f"{first[:-1]} {name}" for name in LINK]
        return zip(names, map(int, rest))


class Device:
    """What a device of this netns counts by names of its own."""

    def __init__(self, name):
        self.name = name
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        text = self.ask(ETHTOOL_GSTRINGS, ETH_SS_STATS, size=32)
        self.names = [text[at:at + 32].rstrip(b"\0").decode()
                      for at in range(0, len(text), 32)]
        self.values = self.read()

    def ask(self, command, *words, size):
        """As many items of this size as the device has."""
        head = struct.pack(f"={len(words) + 2}I", command, *words, 0)
        data = array.array("B", head + bytes(256 * size))
        fcntl.ioctl(self.sock, SIOCETHTOOL, struct.pack(
            "=16sQ16x", self.name.encode(), data.buffer_info()[0]))
        count = struct.unpack_from("=I", data, len(head) - 4)[0]
        return data[len(head):len(head) + count * size].tobytes()

    def read(self):
        """All of them, in order."""
        data = self.ask(ETHTOOL_GSTATS, size=8)
        return struct.unpack(f"={len(data) // 8}Q", data)

    def moves(self):
        """How far each has moved since this was last asked."""
        before, self.values = self.values, self.read()
        return {name: new - old for name, new, old in
                zip(self.names, self.values, before)}
