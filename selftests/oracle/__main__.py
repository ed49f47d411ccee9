# SPDX-License-Identifier: GPL-2.0
"""One table of packets, sent in two topologies: what comes out is the same.

  python3 -m oracle ID veth|shunt_nic [REGEX]

The topologies are those of lib.sh with the process id ID: "veth", which is the
oracle, and "shunt". By what their nodes have for NICs, it is another part of
the table. Each case of the table sends packets at one place, and
everything that arrives anywhere is written down in words: at pods, on the wire,
with checksums verified, without what the kernel chooses at random. So is how
far the counters of pods, nodes and links have moved.

First both without netfilter. Then with a stateful ruleset on their nodes: the
direct path does not meet it and it must not eat or mangle strays, so that what
comes out of "shunt" is the same as before; but if a packet took the stack's
path as a flow punt, or was none of shunt's at all, it is what comes out of
"veth" under the same ruleset.

Prints a line for each case, "ok NAME" or "not ok NAME", with what differs
before it. A case that is known to differ says why, and fails if it does not.
The exit status says whether it came to its end.
"""
import re
import subprocess
import sys

from .outcome import difference, run, settle
from .scenes import scenes, scenes_of_cards
from .topology import Topology

TOPOLOGIES = "veth", "shunt"
TABLES = {"veth": scenes, "shunt_nic": scenes_of_cards}

RULES = """
table inet fw {
    chain forward {
        type filter hook forward priority 0; policy drop
        ct state invalid drop
        ct state established,related accept
        ct state untracked accept
        ip saddr 10.1.0.0/24 accept
        ip6 saddr fd01::/64 accept
    }
    chain nat {
        type nat hook postrouting priority 100
        ip saddr 10.0.0.0/14 ip daddr != 10.0.0.0/14 masquerade
        ip6 saddr fd00::/14 ip6 daddr != fd00::/14 masquerade
    }
}
"""


class Runner:
    """Both topologies side by side."""

    def __init__(self, ident, table, regex):
        self.table, self.regex = table, re.compile(regex)
        self.sides = [Topology(name, ident) for name in TOPOLOGIES]
        self.number, self.silent, self.wanted = 0, 0, {}

    def run(self, case, *sides):
        """Its packets have an id of their own each time."""
        self.number += 1
        for packet in case.packets:
            packet.keys["ident"] = self.number
        return run(case, sides)

    def forget_connections(self):
        """What the nodes track."""
        for side in self.sides:
            subprocess.run(["ip", "netns", "exec", side.netns("nodeA"),
                            "conntrack", "-F"], check=True,
                           stderr=subprocess.DEVNULL)

    def result(self, name, case, want, got):
        """Compare, and print."""
        said = difference(case, want, got)
        for line in said:
            print(f"# {line}")
        print(f"{'not ' if said else ''}ok {name}", flush=True)

    def run_case(self, name, case):
        """Without a ruleset."""
        want, got = self.run(case, *self.sides)
        self.wanted[name] = want
        self.silent += not want.lines
        self.result(name, case, want, got)

    def run_stateful(self, name, case):
        """Under one."""
        if case.differs:
            return
        veth, shunt = self.sides
        want, [got] = self.wanted[name], self.run(case, shunt)
        if difference(case, want, got):
            # Of a new connection, as the first time.
            self.forget_connections()
            [got] = self.run(case, shunt)
            if got.is_tracked():
                [want] = self.run(case, veth)
        self.result(f"stateful ruleset, {name}", case, want, got)

    def run_cases(self, judge):
        """The whole table."""
        for family in 4, 6:
            for scene, make, undo, cases in self.table(family):
                cases = [(f"v{family} {scene}, {case.name}", case)
                         for case in cases]
                cases = [item for item in cases if self.regex.search(item[0])]
                if not cases:
                    continue
                for side in self.sides:
                    side.change(family, make)
                settle(self.sides)
                for name, case in cases:
                    judge(name, case)
                for side in self.sides:
                    side.change(family, undo)


def main():
    """See above."""
    if len(sys.argv) not in (3, 4) or sys.argv[2] not in TABLES:
        sys.exit(__doc__)
    ident, nics, *regex = sys.argv[1:]
    runner = Runner(ident, TABLES[nics], *(regex or [""]))
    runner.run_cases(runner.run_case)
    print(f"# {len(runner.wanted)} cases, {runner.silent} of them in silence")
    for side in runner.sides:
        side.nft("nodeA", RULES)
        side.enter("nodeA")
        side.sysctl("net.netfilter.nf_conntrack_frag6_timeout", 7200)
    runner.run_cases(runner.run_stateful)


main()
