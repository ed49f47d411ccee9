# SPDX-License-Identifier: GPL-2.0
"""The table of scenes: states of the node, and the cases that each decides
on.
"""
from .cases import (WAYS, Case, few, framed, large, malformed, offloaded,
                    plain, sized, special_destinations, special_sources)
from .packets import ADDRESSES, MARK, Packet

OUT, LOCAL, IN = WAYS


def scenes(family):
    """States of the node: name, commands to make and to undo them, cases."""
    prefix = {4: "10.2.0.0/24", 6: "fd02::/64"}[family]
    host = {4: "10.2.0.1/32", 6: "fd02::1/128"}[family]
    via = ADDRESSES[family]["nodeB"]
    via1 = ADDRESSES[family]["nodeB1"]
    pod = ADDRESSES[family]["podA1"]
    yield "plain", (), (), plain(family)
    yield "malformed", (), (), malformed(family)
    yield "framed", (), (), framed(family)
    yield "offloaded", (), (), offloaded(family)
    yield "special source", (), (), special_sources(family)
    yield "special destination", (), (), special_destinations(family)
    yield "mtu of the route", (f"{pods_there(family)} mtu 1300",), \
        (pods_there(family),), sized(family)
    yield "mtu of the uplink", ("link set nic0 mtu 1300",), \
        ("link set nic0 mtu 1500",), sized(family, narrow_wire=True)
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
    yield from scenes_of_paths(family, prefix, (via, via1))
    anywhere, inside = {4: ("0.0.0.0/0", "10.0.0.0/14"),
                        6: ("::/0", "fd00::/14")}[family]
    # Under the stateful ruleset the first one is masqueraded.
    yield "outside by the stack", \
        (f"path add {anywhere} stack", f"path add {inside} direct"), \
        (f"path del {anywhere}", f"path del {inside}"), \
        few(family, (("outside", "podA1", "podA1", "nodeB"),
                     ("from outside", "nic0", "nodeB", "podA1"), *WAYS))
    yield from scenes_v4(via1) if family == 4 else scenes_v6()
    yield "vrf", enter_vrf, leave_vrf, few(family)


def scenes_of_cards(family):
    """What depends on how a NIC receives. These tell the sum of all bytes
    (CHECKSUM_COMPLETE), and put segments of TCP together to packets beyond
    64 KiB, or to lists.
    """
    def from_wire(cases):
        return [case for case in cases if case.how.endswith("nic0")]

    yield "cards, plain", (), (), from_wire(plain(family))
    yield "cards, malformed", (), (), from_wire(malformed(family))
    yield "cards, offloaded", (), (), from_wire(offloaded(family))
    yield "cards, large", (), (), large(family)
    yield "cards, lists", ("nic rx-gro-list on",), ("nic rx-gro-list off",), \
        from_wire(offloaded(family, lists=True))


def scenes_of_paths(family, prefix, vias):
    """More than one way to the other pods, and what decides between them."""
    paths = f"nexthop via {vias[0]} dev nic0 nexthop via {vias[1]} dev nic1"
    policy = f"net.ipv{family}.fib_multipath_hash_policy"
    # IPv6 adds to the paths that there are.
    remove = f"route del {prefix}"
    make = (remove, f"route add {prefix} {paths}")
    undo = (remove, f"route add {prefix} via {vias[0]} dev nic0",
            f"{policy}=0")
    yield "multipath", (*make, f"{policy}=1"), undo, spread(family)
    yield "multipath by what is inside", (*make, f"{policy}=2"), undo, \
        spread_inside(family)
    # Its routes go with the NIC, and its addresses of IPv6.
    yield "multipath, one NIC down", \
        (*make, f"{policy}=1", "link set nic1 down"), nic1_up, spread(family)


def nic1_up(side, family):
    """Commands that bring back all that was lost with the NIC."""
    yield "link set nic1 up"
    yield "-6 address replace fd08::1/64 dev nic1 nodad"
    yield pods_there(family)
    yield f"net.ipv{family}.fib_multipath_hash_policy=0"
    yield from side.neighbours("nodeA")


def enter_vrf(side, family):
    """Commands that put NIC and pods into a VRF, whose table knows the pods."""
    yield "link add vrf7 type vrf table 77"
    yield "link set vrf7 up"
    yield "link set nic0 master vrf7"
    for device in {name for name, _ in side.pods(family)}:
        yield f"link set {device} master vrf7"
    yield from lost(side)
    yield from vrf_routes(side, family, " table 77")


def leave_vrf(side, family):
    """Undo that, and what it does to the main table."""
    yield "link del vrf7"
    yield from lost(side)
    for each in 4, 6:
        for command in vrf_routes(side, each, ""):
            yield f"-{each} {command}"


def lost(side):
    """Commands for what devices lose on their way into a VRF, or out of it."""
    yield "-6 address replace fd09::1/64 dev nic0 nodad"
    for device in {name for name, _ in side.pods(6)}:
        yield f"-6 address replace fe80::1/64 dev {device} nodad"
    yield from side.neighbours("nodeA")


def vrf_routes(side, family, table):
    """To pods here, and there."""
    length = {4: 32, 6: 128}[family]
    for pod, (_, way) in zip(("podA1", "podA2"), side.pods(family)):
        yield f"route replace {ADDRESSES[family][pod]}/{length} {way}{table}"
    yield pods_there(family) + table


def pods_there(family):
    """To those of the other node."""
    prefix = {4: "10.2.0.0/24", 6: "fd02::/64"}[family]
    return f"route replace {prefix} via {ADDRESSES[family]['nodeB']} dev nic0"


def spread(family):
    """Flows that differ in a port."""
    for port in range(5000, 5016):
        for kind in "udp", "tcp":
            yield Case(f"{kind} from {port}", "podA1", Packet(
                family, "podA1", "podB1", kind=kind, sport=port))


def spread_inside(family):
    """Tunnels of a pod's own, whose packets differ inside."""
    for n in range(1, 17):
        to = {4: f"192.0.2.{n}", 6: f"2001:db8::{n}"}[family]
        yield Case(f"to {to} inside", "podA1", Packet(
            family, "podA1", "podB1", kind={4: 4, 6: 41}[family], inner=to))


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
