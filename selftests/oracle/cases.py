# SPDX-License-Identifier: GPL-2.0
"""The table of packets: each kind on each way."""
import os

from .packets import NONE, Packet, packed


class Case:
    """Packets that begin at a place: a pod's or node's socket ("podA1"), a
    packet socket ("frame podA1"), one with work for a NIC ("vnet podA1") or
    with a mark ("mark podA1"), a UDP socket that sends segments ("segments
    podA1"), or the wire to the node ("nic0"). If what comes out is known to
    differ, or how it is counted is, or may be, these are the reasons. Lines with
    the words may_say mean nothing.
    """

    def __init__(self, name, how, *packets, differs=None, counts=None,
                 may_count=None, may_say=None):
        self.name, self.how, self.packets = name, how, packets
        self.differs, self.counts = differs, counts
        self.may_count, self.may_say = may_count, may_say


def kinds(family):
    """Packets by what is special about them."""
    yield "udp", {}
    yield "udp, no data", {"size": 0}
    yield "udp, bad checksum", {"csum": "bad"}
    yield "udp without checksum", {"csum": "none"}
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


REDIRECT = "the stack tells the pod of a shorter way now and then, the node " \
    "device does not, and only for IPv4 can the stack be told not to"


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
        yield Case(f"frame to itself: {name}", "frame podA1",
                   Packet(family, "podA1", "podA1", **keys),
                   may_count=REDIRECT if family == 6 else None,
                   may_say=" icmp 137/0 ")
        yield Case(f"in from the other node: {name}", "nic0",
                   Packet(family, "nodeB", "podA1", **keys))
        yield Case(f"in by the other NIC: {name}", "nic1",
                   Packet(family, "podB1", "podA1", **keys))


LENGTH = "that a packet is shorter than its header says is not looked for on " \
    "the way in, the receiver drops it"
PADDING = "what is behind a packet is taken off where it is read: by the node, " \
    "or on the direct path before it is sent and where it arrives"
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
            counts = PADDING if name.startswith("shorter") else None
            yield Case(f"{way}: {name}", how,
                       Packet(family, src, dst, **keys), differs=differs,
                       counts=counts)
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


QUEUE = "the wire of the lab drops an answer that is larger than the MTU at its " \
    "other end, and on the direct path the pod's socket is told"


def sized(family, narrow_wire=False):
    """What is too large for the way."""
    for name, keys in (("udp", {}), ("echo", {"kind": "echo"}),
                       ("tcp", {"kind": "tcp", "flags": 0x10}),
                       ("protocol 253", {"kind": 253}),
                       ("sctp", {"kind": "sctp"})):
        for size in 1200, 1240, 1260, 1280, 1400:
            for df in (False, True) if family == 4 else (False,):
                text = f"{name} of {size}" + (", df" if df else "")
                dropped = narrow_wire and family == 4 and not df and \
                    name == "echo" and size >= 1280
                yield Case(text, "podA1", Packet(
                    family, "podA1", "podB1", size=size, df=df, **keys),
                           counts=QUEUE if dropped else None)
                # The answer would be too large for the wire.
                if df or family == 6 or name == "echo":
                    continue
                yield Case(f"{text}, fragment", "podA1", Packet(
                    family, "podA1", "podB1", size=size + 200,
                    pieces=((0, size), (size, size + 200 + 8)), **keys))
    yield from segments_sized(family)


def segments_sized(family):
    """The same of what NICs would cut: it is the segments that have to fit."""
    for how, name, keys in (
            ("vnet podA1", "tcp", {"kind": "tcp", "flags": 0x10}),
            ("segments podA1", "udp", {})):
        for gso in 1200, 1240, 1260, 1280, 1400:
            for df in (False, True) if family == 4 else (False,):
                text = f"{name} in segments of {gso}" + (", df" if df else "")
                yield Case(text, how, Packet(
                    family, "podA1", "podB1", size=4 * gso, gso=gso, df=df,
                    csum="partial", **keys))


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


def framed(family):
    """From the wire, to more than one, or to somebody else."""
    group = {4: "01:00:5e:00:00:05", 6: "33:33:00:00:00:05"}[family]
    many = "ff:ff:ff:ff:ff:ff"
    for name, mac, dst in (
            ("broadcast", many, "podA1"),
            ("to a group", group, "podA1"),
            ("to somebody else", "02:00:00:00:0c:00", "podA1"),
            ("to a group, and its address", group,
             {4: "224.0.0.5", 6: "ff02::5"}[family]),
            ("to all, and their address", many,
             {4: "224.0.0.1", 6: "ff02::1"}[family]),
            ("to a group elsewhere", group,
             {4: "239.1.1.1", 6: "ff05::5"}[family]),
            *((("to all on the cable", many, "192.168.9.255"),
               ("to all pods", many, "10.1.0.255"),
               ("to all anywhere", many, "255.255.255.255"))
              if family == 4 else ())):
        for kind in "udp", "echo":
            yield Case(f"frame {name}: {kind}", "nic0", Packet(
                family, "podB1", dst, mac=mac, kind=kind))


LISTS = "a list that a NIC has put together is one packet to the stack, and " \
    "its pieces to the direct path, which takes it apart first"


def offloaded(family, lists=False):
    """Work that is left to NICs: checksums and segments. They may put lists
    together.
    """
    for way, how, src, dst in (("out", "podA1", "podA1", "podB1"),
                               ("local", "podA1", "podA1", "podA2"),
                               ("host", "podA1", "podA1", "nodeA"),
                               ("in", "nic0", "podB1", "podA1")):
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
                ("tcp of 60000", {"size": 60000, "gso": 1400, "kind": "tcp",
                                  "flags": 0x10})):
            yield Case(f"{way}: {name}", f"vnet {how}", Packet(
                family, src, dst, csum="partial", **keys),
                       may_count=LISTS if lists and "gso" in keys else None)
        # No sender makes them any more but virtual machines.
        yield Case(f"{way}: udp to be fragmented", f"vnet {how}", Packet(
            family, src, dst, csum="partial", size=4000, gso=1448, ufo=True))
        if way == "in":
            continue
        for name, keys in (
                ("udp in segments", {"size": 4000, "gso": 1000}),
                ("udp in segments with the last one short", {
                    "size": 4001, "gso": 1000}),
                ("udp in segments as large as fits", {
                    "size": 5000, "gso": 1472 if family == 4 else 1452,
                    "df": True}),
                ("udp in segments, ttl 1", {"size": 4000, "gso": 1000,
                                            "ttl": 1})):
            yield Case(f"{way}: {name}", "segments podA1",
                       Packet(family, "podA1", dst, **keys))


# Until Linux 7.0.
HAS_JUMBO = int(os.uname().release.split(".")[0]) < 7
JUMBO = "packets beyond 64 KiB are as large as their segments here, and the " \
    "stack adds the header that says their length to each of those"


def large(family):
    """Beyond what the header has a length for (BIG TCP). The header that has it
    for IPv6 is gone when those of packet sockets leave a pod, which makes them
    malformed.
    """
    for way, how, src, dst in (("out", "podA1", "podA1", "podB1"),
                               ("local", "podA1", "podA1", "podA2"),
                               ("in", "nic0", "podB1", "podA1")):
        for name, gso in (("", 1400), (" as large as fits", 1460 if
                                       family == 4 else 1440),
                          (" too large", 1461 if family == 4 else 1441)):
            differs = JUMBO if HAS_JUMBO and family == 6 and \
                way == "in" and name.endswith("fits") else None
            yield Case(f"{way}: tcp of 68000 in segments{name}", f"vnet {how}",
                       Packet(family, src, dst, csum="partial", size=68000,
                              gso=gso, kind="tcp", flags=0x10, df=True),
                       differs=differs)
