# SPDX-License-Identifier: GPL-2.0
"""What comes of a case in a topology, and how that of two compares: packets,
and how far counters have moved for them. Those of links and pods are the same.
Those of nodes are, once the direct packets are added that went past the IP
layer; Documentation/datapath.rst has the same table for users.
"""
import time

from .sockets import Ear
from .topology import NODES

# Seconds of silence: after packets, and after a change.
QUIET, SETTLED = 0.02, 0.03
# Links that both topologies have.
LINKS = "lo", "eth0", "nic0", "nic1"
FLOW_PUNTS = [f"punt_{name}" for name in
              ("route", "device", "source", "xfrm", "path", "flow")]
# What the stack of a node counts by, and shunt for direct packets. Kernels that
# do not count transmits count IPv4 packets that are forwarded as requests to
# send, too, and their octets twice.
PACKETS = {4: ("IpInReceives", "IpForwDatagrams", "IpOutTransmits"),
           6: ("Ip6InReceives", "Ip6OutForwDatagrams", "Ip6OutTransmits")}
OLD_SENT = {4: ("IpOutRequests", 2), 6: (None, 1)}
OCTETS = {4: ("IpExtInOctets", "IpExtOutOctets"),
          6: ("Ip6InOctets", "Ip6OutOctets")}
# Shunt looks at neither ECN nor segments: what matters is the sum of these, and
# not that of segments.
ECN = {family: [f"{name}In{kind}Pkts" for kind in
                ("NoECT", "ECT1", "ECT0", "CE")]
       for family, name in ((4, "IpExt"), (6, "Ip6"))}


# A pod's packet that is no packet is dropped at its device, which counts it as
# that and not as sent; the stack of a node would have received and refused it.
DROPS = [f"drop_{name}" for name in ("spoof", "nonip", "nd", "malformed")]
REFUSALS = {family: (f"{name}InHdrErrors", f"{name}InAddrErrors",
                     f"{name}InDiscards", f"{extension}InTruncatedPkts")
            for family, name, extension in ((4, "Ip", "IpExt"),
                                            (6, "Ip6", "Ip6"))}


class Outcome:
    """Lines of what was heard, and how far which counter has moved: of the
    kernel, and of shunt itself.
    """

    def __init__(self, side, said):
        self.side, self.lines = side, said
        self.moves = {place: {} for place in side.counters}
        self.own = {place: {} for place in side.devices}

    def count(self):
        """Add how far counters have moved since last time."""
        for sums, all_moves in zip((self.moves, self.own), self.side.moves()):
            for place, moves in all_moves.items():
                for name, value in moves.items():
                    sums[place][name] = sums[place].get(name, 0) + value

    def is_disturbed(self):
        """Has somebody reported multicast groups meanwhile?"""
        return any("Icmp6OutType143" in moves
                   for moves in self.moves.values())

    def is_tracked(self):
        """Did packets take the stack's path as flow punts, or never meet shunt?
        """
        own = self.own["nodeA"]
        return any(own[name] for name in FLOW_PUNTS) or not any(own.values())

    def drops(self, place):
        """How many packets of its pods a node has dropped."""
        return sum(self.own[place][name] for name in DROPS) \
            if place in self.own else 0

    def direct(self, place):
        """Packets and octets that went past the stack of a node."""
        own, moves = self.own[place], self.moves[place]
        packets = own["tx_direct"] + own["tx_local"] + own["rx_direct"]
        total = own["tx_bytes"] + own["rx_bytes"] - \
            moves.get("shunt0 tx_bytes", 0) - moves.get("shunt0 rx_bytes", 0)
        if own["tx_local"]:
            # Both pods count them, and no case has others as well.
            assert packets == own["tx_local"]
            total //= 2
        return packets, total - 14 * packets

    def counters(self, case, drops):
        """What has moved at all places, in one, given that pods' packets were
        dropped or none.
        """
        out = {}
        for place, moves in self.moves.items():
            moves = {name: value for name, value in moves.items()
                     if " " not in name or name.split()[0] in LINKS}
            if place in NODES:
                self.see_direct(place, moves, case)
            if drops:
                self.see_drops(place, moves, case)
            out |= {f"{place} {name}": value for name, value in moves.items()
                    if value}
        return out

    def see_direct(self, place, moves, case):
        """As if all packets had passed the stack of the node."""
        family = case.packets[0].family
        packets, octets = self.direct(place) if place in self.own else (0, 0)
        *names, sent = PACKETS[family]
        octets_in, octets_out = OCTETS[family]
        twice = 1
        if sent not in self.side.counters[place].values:
            sent, twice = OLD_SENT[family]
        for name, value in (*((name, packets) for name in (*names, sent)),
                            (octets_in, octets), (octets_out, octets * twice)):
            if name:
                moves[name] = moves.get(name, 0) + value
        ecn = sum(moves.pop(name, 0) for name in ECN[family])
        if not any(packet.get("gso", 0) for packet in case.packets):
            moves["/".join(ECN[family])] = ecn + packets

    def see_drops(self, place, moves, case):
        """As if it were the node that refuses. Drops have no length."""
        family = case.packets[0].family
        if place not in NODES:
            sent = [moves.pop(f"eth0 tx_{name}", 0) for name in
                    ("packets", "dropped", "bytes")]
            moves["eth0 tx_packets/tx_dropped"] = sum(sent[:2])
            return
        drops = self.drops(place)
        received = PACKETS[family][0]
        moves[received] = moves.get(received, 0) + drops
        moves["/".join(REFUSALS[family])] = drops + sum(
            moves.pop(name, 0) for name in REFUSALS[family])
        for name in OCTETS[family][0], "/".join(ECN[family]):
            moves.pop(name, None)


def settle(sides):
    """Wait until what a change brings about is over: reports of multicast
    groups follow it, in one or two steps of a timer.
    """
    ear = Ear(*(side.sockets for side in sides))
    moved = True
    while moved:
        ear.hear(SETTLED)
        moved = any(moves for side in sides
                    for moves in side.moves()[0].values())


def run(case, sides):
    """Send the packets of a case on each, and tell what came of them."""
    outcomes = [Outcome(side, side.sockets.send_all(case)) for side in sides]
    ear = Ear(*(side.sockets for side in sides))
    more = True
    while more:
        ear.hear(QUIET / 2)
        # To read the counters takes about as long as the rest of the silence.
        end = time.monotonic() + QUIET / 2
        for outcome in outcomes:
            outcome.count()
        more = ear.hear(max(0, end - time.monotonic()))
    for outcome in outcomes:
        outcome.lines += ear.heard(outcome.side.sockets)
    if any(outcome.is_disturbed() for outcome in outcomes):
        # What was sent and not yet received is none of the case's.
        settle(sides)
        return run(case, sides)
    return outcomes


def difference(case, want, got):
    """In lines to be read, if there is any that there should not be."""
    said, counted = [], []
    lines = [[line for line in outcome.lines
              if not (case.may_say and case.may_say in line)]
             for outcome in (want, got)]
    if lines[0] != lines[1]:
        said += [f"veth  {line}" for line in lines[0]]
        said += [f"shunt {line}" for line in lines[1]]
    drops = any(got.drops(place) for place in NODES)
    moved = [outcome.counters(case, drops) for outcome in (want, got)]
    for name in sorted(moved[0] | moved[1]):
        veth, shunt = (counters.get(name, 0) for counters in moved)
        if veth != shunt:
            counted.append(f"{name}: veth {veth}, shunt {shunt}")
    if case.differs:
        said = [] if said or counted else \
            [f"does not differ, but should: {case.differs}"]
    elif case.counts:
        said += [] if counted else \
            [f"is not counted differently, but should: {case.counts}"]
    elif not case.may_count:
        said += counted
    if any(line.startswith("send: ") for line in want.lines):
        said.append(f"is not sent: {want.lines[0]}")
    return said
