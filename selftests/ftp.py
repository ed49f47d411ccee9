#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# FTP as far as its connections go: the client asks the server to call back
# (active mode, RFC 959 and 2428), which a firewall knows only by its helper.
#
#   ftp.py serve      from port 21; calls back from port 20
#   ftp.py ask HOST PORT
#
# "ask" prints the address that the call came from.
"""Calls that are called back."""

import socket
import sys

TIMEOUT = 3


def read_port(line):
    """Whom to call: the argument of PORT or EPRT."""
    command, words = line.split()
    if command == "EPRT":
        _, _, host, port, _ = words.split("|")
        return host, int(port)
    numbers = words.split(",")
    return ".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])


def write_port(address):
    """The line that names an address."""
    host, port = address[:2]
    if ":" in host:
        return f"EPRT |2|{host}|{port}|"
    return f"PORT {host.replace('.', ',')},{port >> 8},{port & 255}"


def listen(family, port=0):
    """A socket that takes calls."""
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("::" if family == socket.AF_INET6 else "", port))
    sock.listen()
    return sock


def call_back(line):
    """Open the connection for data."""
    host, port = read_port(line)
    with socket.socket(socket.AF_INET6 if ":" in host else
                       socket.AF_INET) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(TIMEOUT)
        sock.bind(("", 20))
        sock.connect((host, port))


def serve():
    """Take calls, one after the other, forever."""
    listener = listen(socket.AF_INET6, 21)
    while True:
        control, _ = listener.accept()
        with control, control.makefile("r") as lines:
            try:
                lines.readline()
                control.sendall(b"230 welcome\r\n")
                call_back(lines.readline())
                control.sendall(b"226 done\r\n")
            except OSError as error:
                control.sendall(f"425 {error}\r\n".encode())


def ask(host, port):
    """Be called back, and print by whom."""
    with socket.create_connection((host, int(port)), TIMEOUT) as control:
        listener = listen(control.family)
        listener.settimeout(TIMEOUT)
        address = control.getsockname()[0], listener.getsockname()[1]
        # Helpers read from the second line on: behind the first they know
        # where lines begin.
        control.sendall(b"USER anonymous\r\n")
        control.recv(100)
        control.sendall(f"{write_port(address)}\r\n".encode())
        data, peer = listener.accept()
        data.close()
        print(peer[0])
        return control.recv(100).startswith(b"226")


def main():
    """Choose."""
    if sys.argv[1:] == ["serve"]:
        serve()
    if len(sys.argv) != 4 or sys.argv[1] != "ask":
        sys.exit(f"usage: {sys.argv[0]} serve | ask HOST PORT")
    try:
        if not ask(*sys.argv[2:]):
            sys.exit("the call back failed")
    except OSError as error:
        sys.exit(f"no call back: {error}")


if __name__ == "__main__":
    main()
