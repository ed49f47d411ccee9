#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# A service that says who asks, over TCP and UDP.
#
#   who.py serve PORT...
#   who.py ask HOST PORT [PROTOCOL [TIMES [PAUSE [SIZE [short]]]]]
#
# PROTOCOL is tcp or udp, or sctp, which nobody serves. "serve" answers each
# line (TCP) or datagram (UDP) with the address that it came from. "ask" asks
# TIMES times in one connection, with PAUSE seconds between and SIZE bytes each,
# and prints the answers, each once; it fails if one is missing. Answers over
# UDP are as long as the question if it is not "short". Several hosts, ports and
# protocols, joined by commas, are asked in all combinations, one after the
# other.
"""Say who asks."""

import itertools
import selectors
import socket
import sys
import time

TIMEOUT = 3


def peer(address):
    """The address without the form that IPv4 has in IPv6 sockets."""
    return address[0].removeprefix('::ffff:')


def answer_tcp(selector, listener):
    """A new connection."""
    connection, address = listener.accept()
    connection.setblocking(False)

    def answer():
        try:
            data = connection.recv(4096)
            if data:
                connection.send(f'{peer(address)}\n'.encode())
                return
        except OSError:
            pass
        selector.unregister(connection)
        connection.close()
    selector.register(connection, selectors.EVENT_READ, answer)


def answer_udp(sock):
    """A datagram."""
    data, address = sock.recvfrom(65536)
    # As long as the question, to test sizes, unless that says otherwise.
    text = peer(address).encode()
    if not data.startswith(b'short'):
        text = text.ljust(len(data))
    sock.sendto(text, address)


def serve(ports):
    """Answer forever."""
    selector = selectors.DefaultSelector()
    for port in ports:
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            sock = socket.socket(socket.AF_INET6, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(('::', port))
            if kind == socket.SOCK_STREAM:
                sock.listen()
                call = (lambda s=sock: answer_tcp(selector, s))
            else:
                call = (lambda s=sock: answer_udp(s))
            selector.register(sock, selectors.EVENT_READ, call)
    while True:
        for key, _ in selector.select():
            key.data()


def ask(host, port, protocol='tcp', times='1', pause='0', size='4',
        word='who'):
    """Ask, and print who one is."""
    kind = socket.SOCK_DGRAM if protocol == 'udp' else socket.SOCK_STREAM
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    number = socket.IPPROTO_SCTP if protocol == 'sctp' else 0
    sock = socket.socket(family, kind, number)
    if protocol == 'sctp':
        # IP_RECVERR, IPV6_RECVERR: else it only counts ICMP errors.
        sock.setsockopt(*(socket.IPPROTO_IPV6, 25) if ':' in host else
                        (socket.IPPROTO_IP, 11), 1)
    sock.settimeout(TIMEOUT)
    sock.connect((host, int(port)))
    said = set()
    for i in range(int(times)):
        if i:
            time.sleep(float(pause))
        sock.send(f'{word}\n'.encode().ljust(int(size)))
        answer = sock.recv(65536)
        if not answer:
            sys.exit('the connection was closed')
        said.update(answer.decode().split())
    print('\n'.join(sorted(said)))


def main():
    """Choose."""
    if len(sys.argv) > 2 and sys.argv[1] == 'serve':
        serve([int(port) for port in sys.argv[2:]])
    if len(sys.argv) < 4 or sys.argv[1] != 'ask':
        sys.exit(f'usage: {sys.argv[0]} serve PORT... | ask HOST PORT ...')
    try:
        for target in itertools.product(
                *(word.split(',') for word in sys.argv[2:5])):
            ask(*target, *sys.argv[5:])
    except OSError as error:
        sys.exit(f'no answer: {error}')


if __name__ == "__main__":
    main()
