# SPDX-License-Identifier: GPL-2.0
"""Send packets at the places of a topology, and hear what arrives."""
import contextlib
import select
import socket
import struct
import time

from .packets import ADDRESSES, ETH, MARK
from .words import describe

GATEWAY_MAC = "02:00:00:00:00:fe"
# With the number of the NIC behind.
NIC_MAC = {"nodeA": "02:00:00:00:0a:0", "nodeB": "02:00:00:00:0b:0"}
# With the priority of the packet behind.
PRIORITY_MAC = "02:00:00:00:50:"


def mac(text):
    """The bytes of a MAC address."""
    return bytes.fromhex(text.replace(":", ""))


class Sockets:
    """Those of one topology. Pods also have a port that is open: 4000."""

    def __init__(self, topology, pods):
        self.listeners, self.senders, self.ports = {}, {}, {}
        self.macs = {}
        for pod in pods:
            topology.enter(pod)
            self.open_pod(pod)
        topology.enter("nodeA")
        self.open_raw("nodeA")
        topology.enter("nodeB")
        for nic in "nic0", "nic1":
            # The wire: all that nodeA sends.
            self.listen(nic, nic, 3)
            self.senders[nic] = self.frames(nic)
            self.senders[nic, "vnet"] = self.frames(nic)
            self.senders[nic, "vnet"].setsockopt(263, 15, 1)

    @staticmethod
    def frames(dev, protocol=0):
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

    @staticmethod
    def udp(family, address, port):
        """A socket of the pod's own stack."""
        sock = socket.socket(socket.AF_INET if family == 4 else
                             socket.AF_INET6, socket.SOCK_DGRAM)
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        return sock

    def open_raw(self, place, dev=None):
        """A way for IP packets."""
        for family, af in (4, socket.AF_INET), (6, socket.AF_INET6):
            sock = socket.socket(af, socket.SOCK_RAW, socket.IPPROTO_RAW)
            if family == 4:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
            if dev:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev)
            self.senders[place, family] = sock

    def open_pod(self, pod):
        """All ways to send there, and what listens."""
        self.open_raw(pod, b"eth0")
        for kind in "frame", "vnet", "mark":
            self.senders[pod, kind] = self.frames("eth0")
        self.senders[pod, "vnet"].setsockopt(263, 15, 1)  # PACKET_VNET_HDR
        self.senders[pod, "mark"].setsockopt(socket.SOL_SOCKET, 36, MARK)
        self.macs[pod] = self.senders[pod, "frame"].getsockname()[4].hex(":")
        self.senders[pod, "segments"] = {
            family: self.udp(family, addresses[pod], 4445)
            for family, addresses in ADDRESSES.items()}
        for family, protocol in ETH.items():
            # For one protocol each: those for all would be taps, for which
            # packets take another way out of the pod.
            self.listen(pod, "eth0", protocol)
            port = self.udp(family, "", 4000)
            port.setblocking(False)
            self.ports[port.fileno()] = port

    def send_frame(self, sender, to, packet, data, before=b""):
        """With an Ethernet header."""
        to = packet.get("mac", to)
        sender.send(before + mac(to) + mac("00:00:00:00:00:01") +
                    struct.pack("!H", ETH[packet.family]) + data)

    def send_segments(self, sender, packet):
        """Data for the stack to make segments of."""
        level, discover, ttl = \
            (socket.IPPROTO_IP, 10, 2) if packet.family == 4 else \
            (socket.IPPROTO_IPV6, 23, 16)
        # IP_PMTUDISC_PROBE or _INTERFACE: what the pod has learnt is not
        # asked.
        sender.setsockopt(level, discover, 3 if packet.get("df", False) else 4)
        sender.setsockopt(level, ttl, packet.get("ttl", 64))
        sender.setsockopt(socket.IPPROTO_UDP, 103, packet.get("gso", 0))
        sender.sendto(packet.body(), (packet.address(packet.dst), 4000))

    def send(self, case, packet, data):
        """One packet at the place where the case begins."""
        if case.how in self.senders:
            self.send_frame(self.senders[case.how],
                            NIC_MAC["nodeA"] + case.how[3:], packet, data)
            return
        *how, place = case.how.split()
        sender = self.senders[place, *(how or [packet.family])]
        if not how:
            sender.sendto(data, (packet.address(packet.dst), 0))
        elif how == ["segments"]:
            self.send_segments(sender[packet.family], packet)
        else:
            to = GATEWAY_MAC if place in self.macs else \
                NIC_MAC["nodeA"] + place[3:]
            self.send_frame(sender, to, packet, data,
                            packet.vnet() if how == ["vnet"] else b"")

    def send_all(self, case):
        """The packets of a case. Return: what the sockets said of them."""
        said = []
        for packet in case.packets:
            for data in packet.build():
                try:
                    self.send(case, packet, data)
                except OSError as error:
                    said.append(f"send: {error.strerror}")
        return said

    def receive(self, fd):
        """What has arrived there, in words, or None."""
        if fd in self.ports:
            # Datagrams are counted when they are read, and wrong ones then.
            with contextlib.suppress(BlockingIOError):
                self.ports[fd].recv(1 << 17)
            return None
        place, sock = self.listeners[fd]
        data, control, _, address = sock.recvmsg(1 << 17, 100)
        # What the place itself sends is heard where it arrives.
        if address[2] == 4 or address[1] not in ETH.values():
            return None
        ready = True
        for _, kind, value in control:
            if kind == 8:
                ready = not struct.unpack_from("=I", value)[0] & 8
        source, data = data[6:12], data[14:]
        text = describe(data, ready)
        if place not in self.macs and source.startswith(mac(PRIORITY_MAC)):
            text += f" priority {source[5]}"
        return place, text


class Ear:
    """Hears all that arrives at some Sockets."""

    def __init__(self, *all_sockets):
        self.poll, self.sockets = select.poll(), {}
        self.lines = {sockets: [] for sockets in all_sockets}
        for sockets in all_sockets:
            for fd in *sockets.listeners, *sockets.ports:
                self.poll.register(fd, select.POLLIN)
                self.sockets[fd] = sockets

    def hear(self, quiet):
        """Until so many seconds are quiet. Return: if there was anything."""
        end, heard = time.monotonic() + quiet, False
        # What lies there already is heard, however late it is.
        while ready := self.poll.poll(max(0, end - time.monotonic()) * 1000):
            for fd, _ in ready:
                sockets = self.sockets[fd]
                said = sockets.receive(fd)
                if said:
                    self.lines[sockets].append(said)
                    heard = True
                    end = time.monotonic() + quiet
        return heard

    def heard(self, sockets):
        """All of it in lines. Between places, order means nothing."""
        return [f"{place}: {text}" for place, text in
                sorted(self.lines[sockets], key=lambda item: item[0])]
