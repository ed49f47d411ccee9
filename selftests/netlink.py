#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Netlink requests that the tools at hand do not make, valid and not.

  netlink.py newlink NAME [kind KIND] [netns PATH] [link-netnsid N]
             [node IFINDEX] [role N] [address ADDR]... [mac MAC] [mtu N]
  netlink.py changelink NAME [node IFINDEX] [role N] [address ADDR]...
  netlink.py show NAME
  netlink.py sizes NAME [GSO GRO]   (of IPv4: of newer kernels than ip knows)
  netlink.py genl COMMAND [netns PATH] [ifindex N] [address ADDR]
             [length N] [action N]
  netlink.py commands   (their names)
  netlink.py forbidden COMMAND...   (each is refused with EPERM)
  netlink.py raw-genl COMMAND LENGTH SEED COUNT
  netlink.py come-and-go PATH ADDR OTHER...   (a pod of shunt0 with this netns
             that sends to others, until killed; a line for each that came and
             went)
  netlink.py wait-events SECONDS   (prints link events of this netns)
  netlink.py ovs-port BRIDGE DEVICE   (a new bridge of Open vSwitch)
  netlink.py ovs-end BRIDGE

Prints "ok", or the name of the errno and the kernel's message, and exits with
status 1 then. COMMAND is a name of the specification, such as pod-get, with
"-dump" after it for a dump.
"""
import contextlib
import ctypes
import errno
import fcntl
import functools
import ipaddress
import os
import random
import socket
import struct
import sys
import time

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_EXCL, NLM_F_CREATE = 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU = 1, 3, 4
IFLA_LINKINFO, IFLA_NET_NS_FD, IFLA_LINK_NETNSID = 18, 28, 37
IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE = 63, 64
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_SHUNT = {"role": 1, "node": 2, "address": 3}
COMMANDS = ["uplink-get", "uplink-add", "uplink-del", "pod-get", "pod-del",
            "pod-addr-add", "pod-addr-del", "path-get", "path-add", "path-del",
            "stats-get", "pod-adopt"]
POD = {"ifindex": 1, "netns-fd": 3, "address": 6}
UPLINK = {"ifindex": 1}
PATH = {"address": 1, "length": 2, "action": 3}
GENL_CTRL, CTRL_GETFAMILY, CTRL_FAMILY_ID, CTRL_FAMILY_NAME = 16, 3, 1, 2


def attr(kind, payload):
    data = struct.pack("=HH", 4 + len(payload), kind) + payload
    return data + bytes(-len(data) % 4)


def attrs(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & 0x3fff, data[4:length]
        data = data[(length + 3) & ~3:]


class Netlink:
    def __init__(self, protocol, groups=0):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self.sock.bind((0, groups))
        self.sock.setsockopt(270, 11, 1)  # NETLINK_EXT_ACK
        self.sock.setsockopt(270, 10, 1)  # NETLINK_CAP_ACK
        self.seq = 0

    def request(self, kind, flags, body):
        """Returns (0, replies) or (errno, message)."""
        self.seq += 1
        flags |= NLM_F_REQUEST | NLM_F_ACK
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind, flags,
                                   self.seq, 0) + body)
        replies = []
        while True:
            data = self.sock.recv(1 << 17)
            while len(data) >= 16:
                length, kind, flags, _, _ = struct.unpack_from("=IHHII", data)
                body, data = data[16:length], data[(length + 3) & ~3:]
                if kind == NLMSG_ERROR:
                    return self.error(flags, body, replies)
                if kind == NLMSG_DONE:
                    return 0, replies
                replies.append(body)

    @staticmethod
    def error(flags, body, replies):
        code = -struct.unpack_from("=i", body)[0]
        if not code:
            return 0, replies
        message = ""
        if flags & 0x200:  # NLM_F_ACK_TLVS, after the capped request
            for kind, value in attrs(body[20:]):
                if kind == 1:
                    message = value.rstrip(b"\0").decode()
        return code, message


def pack_address(text):
    return ipaddress.ip_address(text).packed


def words(args, repeated=("address",)):
    """KEY VALUE pairs, in order."""
    out = {}
    for key, value in zip(args[::2], args[1::2]):
        if key in repeated:
            out.setdefault(key, []).append(value)
        else:
            out[key] = value
    return out


def info(args):
    data = b""
    if "role" in args:
        data += attr(1, struct.pack("=B", int(args["role"])))
    if "node" in args:
        data += attr(2, struct.pack("=I", int(args["node"])))
    for address in args.get("address", []):
        data += attr(3, pack_address(address))
    if "name" in args:
        data += attr(4, args["name"].encode() + b"\0")
    return attr(IFLA_LINKINFO,
                attr(IFLA_INFO_KIND, args.get("kind", "shunt").encode()) +
                attr(IFLA_INFO_DATA, data))


@functools.cache
def netns_fd(path):
    return struct.pack("=I", os.open(path, os.O_RDONLY))


def newlink_body(name, args):
    body = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
    if "node" in args:
        args["name"] = name
    else:
        body += attr(IFLA_IFNAME, name.encode() + b"\0")
    if "mac" in args:
        body += attr(IFLA_ADDRESS, bytes.fromhex(args["mac"].replace(":", "")))
    if "mtu" in args:
        body += attr(IFLA_MTU, struct.pack("=I", int(args["mtu"])))
    if "netns" in args:
        body += attr(IFLA_NET_NS_FD, netns_fd(args["netns"]))
    if "link-netnsid" in args:
        body += attr(IFLA_LINK_NETNSID,
                     struct.pack("=i", int(args["link-netnsid"])))
    return body + info(args)


def newlink(name, args):
    return Netlink(socket.NETLINK_ROUTE).request(
        RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, newlink_body(name, args))


def changelink(name, args):
    body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), 0, 0)
    return Netlink(socket.NETLINK_ROUTE).request(RTM_NEWLINK, 0,
                                                 body + info(args))


def show(name):
    body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), 0, 0)
    code, replies = Netlink(socket.NETLINK_ROUTE).request(RTM_GETLINK, 0, body)
    if code:
        return code, replies
    for kind, value in attrs(replies[0][16:]):
        if kind != IFLA_LINKINFO:
            continue
        for inner, data in attrs(value):
            if inner == IFLA_INFO_KIND:
                print("kind", data.rstrip(b"\0").decode())
            if inner == IFLA_INFO_DATA:
                show_data(data)
    return 0, []


def sizes(name, *new):
    body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), 0, 0)
    kinds = IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE
    if new:
        for kind, size in zip(kinds, new):
            body += attr(kind, struct.pack("=I", int(size)))
        return Netlink(socket.NETLINK_ROUTE).request(RTM_NEWLINK, 0, body)
    code, replies = Netlink(socket.NETLINK_ROUTE).request(RTM_GETLINK, 0, body)
    if not code:
        found = dict(attrs(replies[0][16:]))
        print(*(struct.unpack("=I", found[kind])[0] for kind in kinds))
    return code, replies


def show_data(data):
    for kind, value in attrs(data):
        if kind == 1:
            print("role", value[0])
        elif kind == 2:
            print("node", struct.unpack("=I", value)[0])
        elif kind == 3:
            print("address", ipaddress.ip_address(value))


def family(name="shunt"):
    genl = Netlink(16)
    code, replies = genl.request(
        GENL_CTRL, 0, struct.pack("=BBH", CTRL_GETFAMILY, 1, 0) +
        attr(CTRL_FAMILY_NAME, name.encode() + b"\0"))
    if code:
        return genl, None
    found = dict(attrs(replies[0][4:]))
    return genl, struct.unpack("=H", found[CTRL_FAMILY_ID])[0]


def genl_body(command, args):
    """The flags and the body of a request."""
    flags = 0
    if command.endswith("-dump"):
        command, flags = command[:-5], NLM_F_DUMP
    names = {"uplink": UPLINK, "path": PATH}.get(command.split("-")[0], POD)
    body = struct.pack("=BBH", COMMANDS.index(command) + 1, 1, 0)
    if "netns" in args:
        body += attr(names["netns-fd"], netns_fd(args["netns"]))
    if "ifindex" in args and "ifindex" in names:
        body += attr(names["ifindex"], struct.pack("=I", int(args["ifindex"])))
    for address in args.get("address", []):
        body += attr(names["address"], pack_address(address))
    for name in "length", "action":
        if name in args:
            body += attr(names[name], struct.pack("=B", int(args[name])))
    return flags, body


def genl_request(command, args):
    genl, number = family()
    if number is None:
        return errno.ENOENT, "no such family"
    code, replies = genl.request(number, *genl_body(command, args))
    if not code:
        for reply in replies:
            print("reply", len(list(attrs(reply[4:]))), "attributes")
    return code, replies


def fuzz(command, length, seed, count):
    """Random attributes: nothing but refusals is expected."""
    genl, number = family()
    rng = random.Random(seed)
    for _ in range(count):
        body = struct.pack("=BBH", COMMANDS.index(command) + 1, 1, 0)
        while len(body) < length:
            size = rng.choice((0, 1, 2, 4, 4, 4, 6, 16, 16, 40))
            body += attr(rng.randrange(12), rng.randbytes(size))
        genl.request(number, rng.choice((0, 0, NLM_F_DUMP)), body)
    return 0, []


def socket_in(netns):
    """A UDP socket there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as own, open(netns, "rb") as other:
        if libc.setns(other.fileno(), 0):
            raise OSError(ctypes.get_errno(), netns)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        libc.setns(own.fileno(), 0)
    return sock


def talk(sock, address, others):
    """Set up eth0 with an address, and send to others."""
    fcntl.ioctl(sock, 0x8916, struct.pack(  # SIOCSIFADDR, with a route of /8
        "=16sH2x4s16x", b"eth0", socket.AF_INET, socket.inet_aton(address)))
    fcntl.ioctl(sock, 0x8914, struct.pack(  # SIOCSIFFLAGS, IFF_UP
        "=16sH22x", b"eth0", 1))
    for other in others:
        # An error may be about what went before.
        with contextlib.suppress(OSError):
            sock.sendto(b"here", (other, 9))


def come_and_go(netns, address, *others):
    """The node device, too, may go and come."""
    sock = socket_in(netns)
    while True:
        try:
            node = socket.if_nametoindex("shunt0")
            code, _ = newlink("eth0", {"netns": netns, "node": node,
                                       "address": [address]})
        except OSError:
            code = errno.ENODEV
        if not code:
            with contextlib.suppress(OSError):
                talk(sock, address, others)
        if not code and not genl_request("pod-del", {"netns": netns})[0]:
            print("gone", flush=True)
        time.sleep(0.02)


def ovs(kind, command, bridge, attributes):
    """A request to the kernel's switch about BRIDGE, an index or 0."""
    genl, number = family(kind)
    if number is None:
        return errno.ENOENT, "no " + kind
    return genl.request(number, 0, struct.pack("=BBHi", command, 1, 0, bridge) +
                        attributes)


def ovs_port(bridge, device):
    """OVS_DP_CMD_NEW with a name, then OVS_VPORT_CMD_NEW of type NETDEV."""
    nobody = struct.pack("=I", 0)
    code, message = ovs("ovs_datapath", 1, 0, attr(1, bridge.encode() + b"\0") +
                        attr(2, nobody))
    if code:
        return code, message
    return ovs("ovs_vport", 1, socket.if_nametoindex(bridge),
               attr(2, struct.pack("=I", 1)) +
               attr(3, device.encode() + b"\0") + attr(5, nobody))


def wait_events(seconds):
    sock = Netlink(socket.NETLINK_ROUTE, 1).sock
    print("ready", flush=True)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data = sock.recv(1 << 17)
        except TimeoutError:
            break
        while len(data) >= 16:
            length, kind = struct.unpack_from("=IH", data)
            body, data = data[16:length], data[(length + 3) & ~3:]
            name = dict(attrs(body[16:])).get(IFLA_IFNAME, b"?")
            what = {RTM_NEWLINK: "new", RTM_DELLINK: "del"}.get(kind, kind)
            print(what, name.rstrip(b"\0").decode(), flush=True)
    return 0, []


def forbidden(*commands):
    for command in commands:
        code, message = genl_request(command, {"ifindex": "1"})
        if code != errno.EPERM:
            return code or errno.EINVAL, f"{command}: {message}"
    return 0, []


def main():
    verb, *rest = sys.argv[1:]
    if verb == "newlink":
        code, message = newlink(rest[0], words(rest[1:]))
    elif verb == "changelink":
        code, message = changelink(rest[0], words(rest[1:]))
    elif verb == "show":
        code, message = show(rest[0])
    elif verb == "sizes":
        code, message = sizes(*rest)
    elif verb == "genl":
        code, message = genl_request(rest[0], words(rest[1:]))
    elif verb == "commands":
        sys.exit(print(*COMMANDS, sep="\n"))
    elif verb == "forbidden":
        code, message = forbidden(*rest)
    elif verb == "raw-genl":
        code, message = fuzz(rest[0], *map(int, rest[1:]))
    elif verb == "come-and-go":
        come_and_go(*rest)
    elif verb == "ovs-port":
        code, message = ovs_port(*rest)
    elif verb == "ovs-end":
        code, message = ovs("ovs_datapath", 2, socket.if_nametoindex(rest[0]),
                            b"")
    elif verb == "wait-events":
        code, message = wait_events(float(rest[0]))
    else:
        sys.exit(__doc__)
    if code:
        print(errno.errorcode.get(code, code), message)
        sys.exit(1)
    print("ok")


if __name__ == "__main__":
    main()
