#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Send and await packets that the tools at hand do not make.

  packet.py send raw|frame WHAT [KEY VALUE]...
  packet.py udp-echo ADDR PORT
  packet.py txtime ADDR PORT MILLISECONDS
  packet.py flows SRC DST PORT COUNT [ADDRESSES]
  packet.py paced ADDR PORT COUNT RATE
  packet.py gather ADDR PORT COUNT [CPUS]
  packet.py segments ADDR PORT COUNT SIZE
  packet.py zerocopy ADDR PORT BYTES
  packet.py tcp-echo ADDR PORT
  packet.py sctp|mptcp SRC ADDR PORT SIZE...
  packet.py sctp-echo|mptcp-echo ADDR PORT
  packet.py bystand POD PEER PORT

"raw" goes through a raw socket, thus the stack and its neighbour; "frame"
through a packet socket on the device "dev" (eth0). WHAT is udp, sum,
arp, lldp, version, short, ihl, totlen, ra, ns, redirect, dstopts, hopopts,
frag, options, lsrr, echo, or a datagram in fragments: see FRAGMENTS. Keys: src, dst, count,
ttl, tos, size, dev, sport, dport, mac, vlan.

"udp-echo" answers each datagram and prints it with its sender. "txtime" sends a
datagram to be delivered that much later. "flows" sends COUNT datagrams from as
many ports, or to ADDRESSES addresses from DST on. "paced" sends COUNT datagrams
of 1,000 bytes at once by a socket that may send RATE bytes per second.
"segments" sends COUNT numbered datagrams of SIZE bytes, several at once (UDP
GSO), and "gather" awaits that many and says how many were different and right,
and how many came behind a later one; after every 50 it moves to the next of
CPUS. "zerocopy" sends a stream of BYTES bytes from its own memory, and prints
how many the other end, a "tcp-echo", sent back in the same order. "sctp" and
"mptcp" send a message of each SIZE in one association, and print how many the
other end sent back as they were. "bystand" has all kinds of sockets of a node
that what is for PORT of a POD could be taken for, of a PEER's port 5000 even as its own; it
prints what they receive, and from whom.
"""
import ipaddress
import mmap
import os
import random
import select
import socket
import struct
import sys
import time

# Of type 0, by way of one more address.
IPV6_ROUTING = bytes((17, 2, 0, 1, 0, 0, 0, 0))
IPV6_DSTOPTS = bytes((17, 0, 1, 4, 0, 0, 0, 0))  # next header UDP, PadN
# Pieces of a datagram in the order they are sent: first byte, end, offset that
# the header says (if it is not the first byte), and whether more follow.
FRAGMENTS = {
    "tiny": [(0, 8, None, True), (8, 72, None, False)],
    "reversed": [(8, 72, None, False), (0, 8, None, True)],
    "twice": [(0, 8, None, True), (0, 8, None, True), (8, 72, None, False)],
    "overlap": [(0, 40, None, True), (16, 72, None, False)],
    "inside": [(0, 64, None, True), (8, 16, None, True),
               (64, 72, None, False)],
    "beyond": [(0, 64, None, True), (0, 72, 65528, False)],
    "lonely": [(8, 72, None, False)],
}
ND = {"ra": 134, "ns": 135, "redirect": 137, "echo": 128}


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def transport(src, dst, proto, payload, offset):
    """Fill in the checksum of UDP or ICMPv6."""
    pseudo = src.packed + dst.packed
    pseudo += struct.pack("!HBB", len(payload), 0, proto) if src.version == 4 \
        else struct.pack("!IHBB", len(payload), 0, 0, proto)
    value = checksum(pseudo + payload) or 0xffff
    return payload[:offset] + struct.pack("!H", value) + payload[offset + 2:]


def ipv4(args, proto, payload, frag=0):
    what = args["what"]
    options = b"\x94\x04\0\0" if what == "options" else b""
    if what == "lsrr":
        options = b"\x83\x07\x04" + args["dst"].packed + b"\0"
    words = 5 + len(options) // 4
    length = words * 4 + len(payload)
    version = 5 if what == "version" else 4
    if what == "ihl":
        words = 3
    if what == "totlen":
        length += 100
    if what == "frag":
        frag = 0x2000
    header = struct.pack("!BBHHHBBH4s4s", version << 4 | words, args["tos"],
                         length, 7, frag, args["ttl"], proto, 0,
                         args["src"].packed, args["dst"].packed) + options
    value = checksum(header)
    return header[:10] + struct.pack("!H", value) + header[12:] + payload


def ipv6(args, proto, payload):
    what = args["what"]
    if what == "dstopts":
        proto, payload = 60, IPV6_DSTOPTS + payload
    elif what == "hopopts":
        proto, payload = 0, IPV6_DSTOPTS + payload
    elif what == "routing":
        proto, payload = 43, IPV6_ROUTING + args["dst"].packed + payload
    elif what == "frag":
        payload = struct.pack("!BBHI", proto, 0, 0, 7) + payload
        proto = 44
    length = len(payload) + (100 if what == "totlen" else 0)
    version = 5 if what == "version" else 6
    return struct.pack("!IHBB", version << 28 | args["tos"] << 20, length,
                       proto, args["ttl"]) + \
        args["src"].packed + args["dst"].packed + payload


def build(args):
    src, dst, what = args["src"], args["dst"], args["what"]
    if what in ND and src.version == 6:
        body = struct.pack("!BBHI", ND[what], 0, 0, 0) + bytes(16)
        return ipv6(args, 58, transport(src, dst, 58, body, 2))
    if what == "echo":
        body = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + bytes(16)
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        return ipv4(args, 1, body)
    data = bytes(args["size"])
    udp = struct.pack("!HHHH", args["sport"], args["dport"], 8 + len(data), 0)
    udp = transport(src, dst, 17, udp + data, 6)
    if what == "sum":
        udp = udp[:7] + bytes((udp[7] ^ 1,)) + udp[8:]
    packet = (ipv4 if src.version == 4 else ipv6)(args, 17, udp)
    return packet[:12] if what == "short" else packet


def build_all(args):
    """The packets of one datagram."""
    if args["what"] not in FRAGMENTS:
        return [build(args)]
    whole = build(args | {"what": "udp", "size": 64})[-72:]
    packets = []
    for start, end, offset, more in FRAGMENTS[args["what"]]:
        offset = start if offset is None else offset
        piece = whole[start:end]
        if args["src"].version == 4:
            packets.append(ipv4(args, 17, piece, offset >> 3 | more << 13))
        else:
            header = struct.pack("!BBHI", 17, 0, offset | more, 7)
            packets.append(ipv6(args, 44, header + piece))
    return packets


def send(how, what, words):
    args = {"what": what, "count": 1, "ttl": 64, "tos": 0, "size": 32,
            "dev": "eth0", "sport": 4444, "dport": 9, "vlan": None,
            "mac": "02:00:00:00:00:fe", "src": None, "dst": None}
    for key, value in zip(words[::2], words[1::2]):
        args[key] = int(value, 0) if isinstance(args[key], int) else value
    protocol = {"arp": 0x0806, "lldp": 0x88cc}.get(what)
    if protocol:
        packets = [bytes(46)]
    else:
        args["src"] = ipaddress.ip_address(args["src"])
        args["dst"] = ipaddress.ip_address(args["dst"])
        packets = build_all(args)
        protocol = 0x0800 if args["src"].version == 4 else 0x86dd
    if how == "frame":
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sock.bind((args["dev"], 0))
        source = sock.getsockname()[4]
        tag = b"" if args["vlan"] is None else \
            struct.pack("!HH", 0x8100, int(args["vlan"]))
        head = bytes.fromhex(args["mac"].replace(":", "")) + source
        for packet in packets * args["count"]:
            sock.send(head + tag + struct.pack("!H", protocol) + packet)
        return
    if args["src"].version == 4:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                             socket.IPPROTO_RAW)
    else:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                             socket.IPPROTO_RAW)
        sock.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
        if args["dst"].is_multicast:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                            socket.if_nametoindex(args["dev"]))
    for packet in packets * args["count"]:
        sock.sendto(packet, (str(args["dst"]), 0))


def udp_socket(address):
    version = ipaddress.ip_address(address).version
    return socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6,
                         socket.SOCK_DGRAM)


def udp_echo(address, port):
    sock = udp_socket(address)
    sock.bind((address, port))
    while True:
        data, peer = sock.recvfrom(65536)
        print(peer[0], peer[1], len(data), flush=True)
        sock.sendto(data, peer)


def txtime(address, port, delay):
    """Prints how many milliseconds the echo took."""
    sock = udp_socket(address)
    # SO_TXTIME, CLOCK_MONOTONIC
    sock.setsockopt(socket.SOL_SOCKET, 61, struct.pack("=iI", 1, 0))
    sock.settimeout(10)
    start = time.monotonic_ns()
    when = struct.pack("=Q", start + delay * 1000000)
    sock.sendmsg([b"x"], [(socket.SOL_SOCKET, 61, when)], 0, (address, port))
    sock.recvfrom(100)
    print((time.monotonic_ns() - start) // 1000000)


def flows(src, dst, port, count, addresses=1):
    first = ipaddress.ip_address(dst)
    for n in range(count):
        sock = udp_socket(src)
        sock.bind((src, 20000 + n))
        sock.sendto(b"x" * 16, (str(first + n % addresses), port))
        sock.close()


def paced(address, port, count, rate):
    sock = udp_socket(address)
    sock.setsockopt(socket.SOL_SOCKET, 47, rate)  # SO_MAX_PACING_RATE
    for _ in range(count):
        sock.sendto(bytes(1000), (address, port))


def numbered(number, size):
    return (struct.pack("!I", number) * (size // 4 + 1))[:size]


def segments(address, port, count, size):
    sock = udp_socket(address)
    sock.connect((address, port))
    sock.setsockopt(socket.IPPROTO_UDP, 103, size)  # UDP_SEGMENT
    together = 60000 // size
    for first in range(0, count, together):
        sock.send(b"".join(numbered(n, size) for n in
                           range(first, min(first + together, count))))


def gather(address, port, count, cpus=0):
    sock = udp_socket(address)
    sock.bind((address, port))
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)  # SO_RCVBUFFORCE
    sock.settimeout(5)
    seen = set()
    late = last = 0
    print("ready", flush=True)
    try:
        while len(seen) < count:
            if cpus and len(seen) % 50 == 0:
                os.sched_setaffinity(0, {len(seen) // 50 % cpus})
            data = sock.recv(65536)
            number = struct.unpack_from("!I", data)[0]
            if data == numbered(number, len(data)):
                seen.add(number)
                late += number < last
                last = number
    except TimeoutError:
        pass
    print(len(seen), "gathered,", late, "late", flush=True)


def zerocopy(address, port, size):
    """Pages are sent as they are; the kernel says when it has let go."""
    sock = socket.create_connection((address, port), 5)
    sock.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY
    data = mmap.mmap(-1, size)
    data[:] = random.Random(1).randbytes(size)
    back = bytearray()
    sent = calls = 0
    while len(back) < size:
        sock.settimeout(0 if sent < size else 5)
        try:
            if sent < size:
                chunk = memoryview(data)[sent:sent + 65536]
                sent += sock.send(chunk, 0x4000000)  # MSG_ZEROCOPY
                calls += 1
            back += sock.recv(65536)
        except BlockingIOError:
            pass
    while calls:
        _, control, _, _ = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
        low, high = struct.unpack_from("=II", control[0][2], 8)
        calls -= high - low + 1
    print(len(back) if back == data[:] else 0, "the same")


def tcp_echo(address, port):
    """One connection, until its other end has nothing more to say."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family)
    sock, _ = listener.accept()
    while data := sock.recv(65536):
        sock.sendall(data)


PROTOCOLS = {"sctp": socket.IPPROTO_SCTP, "mptcp": 262}


def stream_socket(protocol, address, port):
    """Of one address: SCTP would use all of the host's else."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, PROTOCOLS[protocol])
    sock.bind((address, port))
    return sock


def messages(protocol, src, address, port, *sizes):
    sock = stream_socket(protocol, src, 0)
    sock.settimeout(5)
    sock.connect((address, port))
    same = 0
    for size in sizes:
        data = random.Random(size).randbytes(size)
        sock.sendall(data)
        back = b""
        while len(back) < size:
            back += sock.recv(65536)
        same += back == data
    print(same, "the same")


def echo(protocol, address, port):
    """One association, as "tcp-echo"."""
    listener = stream_socket(protocol, address, port)
    listener.listen()
    print("ready", flush=True)
    sock, _ = listener.accept()
    while data := sock.recv(65536):
        sock.sendall(data)


def bystanders(pod, peer, port):
    """The sockets by a name for each."""
    v4 = ":" not in pod
    family = socket.AF_INET if v4 else socket.AF_INET6
    icmp = socket.IPPROTO_ICMP if v4 else socket.IPPROTO_ICMPV6
    sockets = {}

    def add(name, kind, protocol, *where):
        sock = sockets[name] = socket.socket(family, kind, protocol)
        # IP_TRANSPARENT, IPV6_TRANSPARENT: any address may be its own.
        sock.setsockopt(*(socket.IPPROTO_IP, 19) if v4 else
                        (socket.IPPROTO_IPV6, 75), 1)
        if where:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(where)
        return sock

    for name, address in ("any", "0.0.0.0" if v4 else "::"), ("pod", pod):
        add(f"udp-{name}", socket.SOCK_DGRAM, 0, address, port)
        add(f"tcp-{name}", socket.SOCK_STREAM, 0, address, port).listen()
    add("udp-peer", socket.SOCK_DGRAM, 0, pod, port).connect((peer, 5000))
    for protocol in "udp", "tcp":
        add(f"raw-{protocol}", socket.SOCK_RAW,
            socket.getprotobyname(protocol))
    add("raw-icmp", socket.SOCK_RAW, icmp)
    # Echoes of this identity are its own.
    add("ping", socket.SOCK_DGRAM, icmp, "0.0.0.0" if v4 else "::", 7)
    return sockets


def bystand(pod, peer, port):
    sockets = bystanders(pod, peer, port)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select(sockets.values(), [], [])
        for name, sock in sockets.items():
            if sock in readable:
                receive = sock.accept if name.startswith("tcp") else \
                    lambda s=sock: s.recvfrom(65536)
                print(name, receive()[1][0], flush=True)


CALLS = {"paced": paced, "segments": segments, "gather": gather,
         "zerocopy": zerocopy, "tcp-echo": tcp_echo}


def main():
    verb, *rest = sys.argv[1:]
    if verb == "send":
        send(rest[0], rest[1], rest[2:])
    elif verb == "udp-echo":
        udp_echo(rest[0], int(rest[1]))
    elif verb == "txtime":
        txtime(rest[0], int(rest[1]), int(rest[2]))
    elif verb == "flows":
        flows(rest[0], rest[1], *map(int, rest[2:]))
    elif verb == "bystand":
        bystand(rest[0], rest[1], int(rest[2]))
    elif verb in PROTOCOLS:
        messages(verb, rest[0], rest[1], *map(int, rest[2:]))
    elif verb.removesuffix("-echo") in PROTOCOLS:
        echo(verb.removesuffix("-echo"), rest[0], int(rest[1]))
    elif verb in CALLS:
        CALLS[verb](rest[0], *map(int, rest[1:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
