#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A request of which the first allocation fails, then the second, until it
needs no more of them. Each time it is refused and nothing has changed, or it is
done without what could not be had; what undoes it is treated the same way. A
dump is refused, or whole.

  faults.py PAIR [netns PATH] [node IFINDEX] [ifindex N] [address ADDR]...
            [mac MAC] [mtu N]

PAIR is one of node, pod, uplink, address, path, adopt, dump, to be run where
the node is, or shall be. Prints how many allocations failed and what became of
it. Allocations are those of slabs and pages by the request itself: per-CPU memory
and what works later cannot be made to fail. See Documentation/fault-injection
of the kernel for fail-nth.
"""
import collections
import errno
import os
import socket
import struct
import sys

import netlink as nl

FAIL_NTH = "/proc/thread-self/fail-nth"
# More than any request needs.
MOST = 5000
# Whoever cannot be told how it ended gets one of these, too.
NO_MEMORY = errno.ENOMEM, errno.ENOBUFS
# What register_netdevice() says when there was no memory for the name.
NO_NAME = errno.EINVAL
FAMILY = nl.family()[1]
DUMPS = ["uplink-get-dump", "pod-get-dump", "path-get-dump", "stats-get"]


class Request:
    """What is sent, built before anything fails."""

    def __init__(self, protocol, kind, flags, body):
        self.protocol, self.message = protocol, (kind, flags, body)

    def refusals(self):
        if self.message[0] == nl.RTM_NEWLINK:
            return *NO_MEMORY, NO_NAME
        return NO_MEMORY

    def send(self, nth=0):
        """Returns the error, the replies, and whether an allocation failed;
        none shall with 0.
        """
        replies = []
        sock = nl.Netlink(self.protocol)
        file = os.open(FAIL_NTH, os.O_RDWR)
        try:
            os.pwrite(file, b"%d" % nth, 0)
            code, replies = sock.request(*self.message)
        except (OSError, MemoryError) as error:
            code = getattr(error, "errno", errno.ENOMEM)
        left = os.pread(file, 20, 0)
        os.pwrite(file, b"0", 0)
        os.close(file)
        sock.sock.close()
        return code, replies, nth and int(left) == 0


def genl(command, args):
    if command == "pod-del":
        args = {"netns": args["netns"]}
    return Request(16, FAMILY, *nl.genl_body(command, args))


def newlink(name, args):
    return Request(socket.NETLINK_ROUTE, nl.RTM_NEWLINK,
                   nl.NLM_F_CREATE | nl.NLM_F_EXCL, nl.newlink_body(name, args))


def dellink(name):
    return Request(socket.NETLINK_ROUTE, nl.RTM_DELLINK, 0,
                   struct.pack("=BxHiII", 0, 0, 0, 0, 0) +
                   nl.attr(nl.IFLA_IFNAME, name.encode() + b"\0"))


def state():
    """What the node says it has, but for counters; and whoever comes again has
    another index.
    """
    found = [name for _, name in socket.if_nameindex()]
    for command in DUMPS[:3]:
        code, replies = nl.Netlink(16).request(FAMILY,
                                               *nl.genl_body(command, {}))
        found.append(code or sorted(
            [part for part in nl.attrs(reply[4:])
             if command != "pod-get-dump" or part[0] != nl.POD["ifindex"]]
            for reply in replies))
    return found


def pairs(args):
    """What does, and what undoes, by name."""
    return {
        "node": lambda: (newlink("shunt0", {}), dellink("shunt0")),
        "pod": lambda: (newlink("eth0", args | {"name": "eth0"}),
                        genl("pod-del", args)),
        "uplink": lambda: (genl("uplink-add", args), genl("uplink-del", args)),
        "address": lambda: (genl("pod-addr-add", args),
                            genl("pod-addr-del", args)),
        "path": lambda: (
            genl("path-add", args | {"length": "24", "action": "1"}),
            genl("path-del", args | {"length": "24"})),
        "adopt": lambda: (genl("pod-adopt", args), genl("pod-del", args)),
    }


class Bad(Exception):
    """It was neither refused nor done."""


def told(replies):
    """All but how much has been counted."""
    return [[(kind, len(value) == 8 or value)
             for kind, value in nl.attrs(reply[4:])] for reply in replies]


def exhaust_dump(dump, outcomes):
    _, whole, _ = dump.send()
    for nth in range(1, MOST):
        code, replies, failed = dump.send(nth)
        if code and code not in NO_MEMORY:
            raise Bad(f"allocation {nth} failed: {os.strerror(code)}")
        if not code and told(replies) != told(whole):
            raise Bad(f"allocation {nth} failed: not all is told")
        if not failed:
            return nth - 1
        outcomes[errno.errorcode.get(code, "whole")] += 1
    raise Bad(f"more than {MOST} allocations")


def exhaust(does, undoes, outcomes):
    """Ends when it is done without a failure."""
    before = state()
    for nth in range(1, MOST):
        code, _, failed = does.send(nth)
        done = state() != before
        if code and code not in does.refusals():
            raise Bad(f"allocation {nth} failed: {os.strerror(code)}")
        if code != errno.ENOBUFS and done != (code == 0):
            raise Bad(f"allocation {nth} failed: error {code}, and it is " +
                      ("done" if done else "not done"))
        if not failed:
            if code:
                raise Bad(f"nothing failed: {os.strerror(code)}")
            return nth - 1
        outcomes["done" if done else errno.errorcode.get(code, code)] += 1
        if done and undoes.send()[0]:
            raise Bad(f"allocation {nth} failed: not to be undone")
        if state() != before:
            raise Bad(f"allocation {nth} failed: something is left")
    raise Bad(f"more than {MOST} allocations")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    name, args = sys.argv[1], nl.words(sys.argv[2:])
    outcomes = collections.Counter()
    try:
        if name == "dump":
            count = sum(exhaust_dump(genl(command, {}), outcomes)
                        for command in DUMPS)
        else:
            does, undoes = pairs(args)[name]()
            count = exhaust(does, undoes, outcomes)
            count += exhaust(undoes, does, outcomes)
    except Bad as error:
        sys.exit(f"{name}: {error}")
    print(f"{count} allocations failed:",
          ", ".join(f"{n} {what}" for what, n in outcomes.items()))


if __name__ == "__main__":
    main()
