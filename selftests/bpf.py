#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Attach a BPF program that takes or drops everything, until killed.

  bpf.py xdp|xdp-driver|tcx-egress|tcx-ingress DEVICE pass|drop
  bpf.py cgroup-egress DIRECTORY pass|drop
  bpf.py pinned FILE PORT

Prints "attached" when it is. A pinned one is for tc's filters, and gives all
packets to the UDP socket that has the PORT.
"""
import ctypes
import os
import platform
import signal
import socket
import struct
import sys

if platform.machine() not in ("x86_64", "aarch64"):
    sys.exit("bpf.py: unknown architecture")
SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
BPF_PROG_LOAD, BPF_OBJ_PIN, BPF_LINK_CREATE = 5, 6, 28
XDP_FLAGS_SKB_MODE = 2
XDP_FLAGS_DRV_MODE = 4
# program type, attach type, verdict to pass, verdict to drop, flags
HOOKS = {
    "xdp": (6, 37, 2, 1, XDP_FLAGS_SKB_MODE),
    "xdp-driver": (6, 37, 2, 1, XDP_FLAGS_DRV_MODE),
    "tcx-ingress": (3, 46, 0xffffffff, 2, 0),
    "tcx-egress": (3, 47, 0xffffffff, 2, 0),
    "cgroup-egress": (8, 1, 1, 0, 0),
    "pinned": (3, 0, 0xffffffff, 2, 0),
}


def bpf(command, attributes):
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(SYS_BPF, command, buffer, len(attributes))
    if result < 0:
        sys.exit("bpf.py: " + os.strerror(ctypes.get_errno()))
    return result


def op(code, dst=0, src=0, offset=0, value=0):
    """An instruction."""
    return struct.pack("=BBhI", code, src << 4 | dst, offset,
                       value & 0xffffffff)


def call(function, *arguments):
    """Of one of the kernel's functions, with numbers or ("r", REGISTER)."""
    code = b""
    for n, value in enumerate(arguments, 1):
        code += op(0xbf, n, value[1]) if isinstance(value, tuple) else \
            op(0xb7, n, value=value)
    return code + op(0x85, value=function)


def choose_socket(port):
    """What a lookup of 127.0.0.1 finds."""
    code = op(0xbf, 6, 1) + op(0xbf, 8, 10) + op(0x07, 8, value=-12)
    for offset, value in ((-12, 0), (-8, 0x0100007f),
                          (-4, socket.htons(port) << 16)):
        code += op(0x62, 10, offset=offset, value=value)
    code += call(85, ("r", 6), ("r", 8), 12, -1, 0)  # sk_lookup_udp
    code += op(0x15, 0, offset=7)  # if none, past the next 7
    code += op(0xbf, 7, 0)
    code += call(124, ("r", 6), ("r", 7), 0)  # sk_assign
    return code + call(86, ("r", 7))  # sk_release


def main():
    hook, target, verdict = sys.argv[1:]
    kind, attach, *verdicts, flags = HOOKS[hook]
    value = verdicts[verdict == "drop"]
    code = choose_socket(int(verdict)) if verdict.isdigit() else b""
    code += op(0xb7, value=value)  # r0
    code += op(0x95)  # exit
    code = ctypes.create_string_buffer(code, len(code))
    name = ctypes.create_string_buffer(b"GPL")
    program = bpf(BPF_PROG_LOAD, struct.pack(
        "=IIQQIIQII16sII", kind, len(code) // 8, ctypes.addressof(code),
        ctypes.addressof(name), 0, 0, 0, 0, 0, b"shunt_test", 0, attach))
    if hook == "pinned":
        path = ctypes.create_string_buffer(os.fsencode(target))
        bpf(BPF_OBJ_PIN, struct.pack("=QII", ctypes.addressof(path), program,
                                     0))
        return
    if hook == "cgroup-egress":
        where = os.open(target, os.O_RDONLY)
    else:
        where = socket.if_nametoindex(target)
    bpf(BPF_LINK_CREATE, struct.pack("=IIII48x", program, where, attach,
                                     flags))
    print("attached", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
