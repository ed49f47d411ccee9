# SPDX-License-Identifier: GPL-2.0
"""Two nodes and their pods, as lib.sh has built them on one datapath: settings
and routes, with sockets to send and hear by, and counters.
"""
import ctypes
import itertools
import os
import subprocess
import sys

from .counters import Device, Netns
from .packets import ADDRESSES
from .sockets import GATEWAY_MAC, NIC_MAC, PRIORITY_MAC, Sockets

PODS = "podA1", "podA2", "podB1"
NODES = "nodeA", "nodeB"
GATEWAY = {4: "169.254.1.1", 6: "fe80::1"}
LIBC = ctypes.CDLL(None, use_errno=True)
# nodeA's NICs write the priority of what they send into its source address.
PRIORITIES = f"""
table netdev priorities {{
    chain egress {{
        type filter hook egress devices = {{ nic0, nic1 }} priority 0
        ether saddr set meta priority map {{ {", ".join(
            f"0:{n:x} : {PRIORITY_MAC}{n:02x}" for n in range(1, 16))} }}
    }}
}}
"""


def kind_of(command):
    """Who a change of the node is told to."""
    if "=" in command:
        return "setting"
    word = command.split()[0]
    return word if word in ("path", "nic") else "ip"


class Topology:
    """What there is of one datapath."""

    def __init__(self, name, ident):
        self.name, self.ident = name, ident
        self.counters, self.devices = {}, {}
        for place in PODS + NODES:
            self.enter(place)
            self.still()
            self.counters[place] = Netns()
            if name == "shunt" and place in NODES:
                self.devices[place] = Device("shunt0")
        self.nft("nodeA", PRIORITIES)
        self.sockets = Sockets(self, PODS)
        for place in PODS + NODES:
            self.ip(place, 4, self.neighbours(place))

    def netns(self, place):
        """The name of a netns."""
        return f"{place}-{self.name}.{self.ident}"

    def enter(self, place):
        """From now on, sockets and settings are those of this place."""
        fd = os.open(f"/run/netns/{self.netns(place)}", os.O_RDONLY)
        if LIBC.setns(fd, 0x40000000):
            sys.exit(f"no such netns: {self.netns(place)}")
        os.close(fd)

    @staticmethod
    def sysctl(name, value):
        """Change a setting of the place that was entered."""
        with open(f"/proc/sys/{name.replace('.', '/')}", "w",
                  encoding="ascii") as file:
            file.write(f"{value}\n")

    def still(self):
        """Nothing happens here but what packets bring about, and that at once:
        nobody gives up waiting for the rest of fragments, multicast groups are
        reported when they are joined, and who does not answer a question for
        his address is not asked again. See neighbours(), too. Path MTUs are
        forgotten, so that what is too large is sent each time.
        """
        self.sysctl("net.ipv4.ipfrag_time", 7200)
        self.sysctl("net.ipv6.ip6frag_time", 7200)
        self.sysctl("net.ipv4.route.mtu_expires", 0)
        self.sysctl("net.ipv6.route.mtu_expires", 0)
        for device in os.listdir("/proc/sys/net/ipv6/conf"):
            for version in 1, 2:
                self.sysctl(f"net.ipv6.conf/{device}/"
                            f"mldv{version}_unsolicited_report_interval", 1)
        for device in os.listdir("/proc/sys/net/ipv6/neigh"):
            self.sysctl(f"net.ipv6.neigh/{device}/mcast_solicit", 1)
            self.sysctl(f"net.ipv6.neigh/{device}/retrans_time_ms", 4)

    def ip(self, place, family, commands):
        """Have ip do all of these. A command may say its family itself."""
        words = [command.split() if command[0] == "-" else
                 [f"-{family}", *command.split()] for command in commands]
        for flag, group in itertools.groupby(words, lambda words: words[0]):
            batch = "".join(" ".join(rest) + "\n" for _, *rest in group)
            subprocess.run(["ip", flag, "-n", self.netns(place), "-batch",
                            "-"], input=batch, text=True, check=True)

    def nft(self, place, rules):
        """Load a ruleset."""
        subprocess.run(["ip", "netns", "exec", self.netns(place), "nft", "-f",
                        "-"], input=rules, text=True, check=True)

    def path(self, place, command):
        """Tell shunt, if it is there, which way packets take."""
        if self.name == "shunt":
            subprocess.run(["ip", "netns", "exec", self.netns(place),
                            "shuntctl", *command.split()], check=True)

    def change(self, family, commands):
        """Change nodeA: by ip, NAME=VALUE, "path" as for shuntctl, or "nic"
        with features of nic0. A function says what a topology needs.
        """
        if callable(commands):
            commands = commands(self, family)
        self.enter("nodeA")
        for kind, group in itertools.groupby(commands, kind_of):
            if kind == "ip":
                self.ip("nodeA", family, group)
                continue
            for command in group:
                if kind == "path":
                    self.path("nodeA", command)
                elif kind == "nic":
                    subprocess.run(["ethtool", "-K", "nic0",
                                    *command.split()[1:]], check=True)
                else:
                    self.sysctl(*command.split("="))

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

    def neighbours(self, place):
        """Commands that tell a place who is on its links, so that it does not
        ask. Shunt knows its pods.
        """
        def known(address, lladdr, device):
            return f"-{family} neigh replace {address} lladdr {lladdr} " \
                f"dev {device} nud permanent"

        for family, addresses in ADDRESSES.items():
            if place in NODES:
                peer = "nodeB" if place == "nodeA" else "nodeA"
                yield known(addresses[peer], NIC_MAC[peer] + "0", "nic0")
                yield known(addresses[peer + "1"], NIC_MAC[peer] + "1", "nic1")
            if self.name == "shunt":
                continue
            if place in PODS:
                yield known(GATEWAY[family], GATEWAY_MAC, "eth0")
                continue
            for pod in PODS:
                if pod[3] == place[4]:
                    yield known(addresses[pod], self.sockets.macs[pod], pod)

    def moves(self):
        """How far the counters of all places have moved since this was last
        asked, and those of shunt itself.
        """
        return [{place: each.moves() for place, each in all_of.items()}
                for all_of in (self.counters, self.devices)]
