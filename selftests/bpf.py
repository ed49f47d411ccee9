#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Attach a BPF program that takes or drops everything, until killed.

  bpf.py xdp|xdp-driver|tcx-egress|tcx-ingress DEVICE pass|drop
  bpf.py cgroup-egress DIRECTORY pass|drop

Prints "attached" when it is.
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
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
XDP_FLAGS_SKB_MODE = 2
XDP_FLAGS_DRV_MODE = 4
# program type, attach type, verdict to pass, verdict to drop, flags
HOOKS = {
    "xdp": (6, 37, 2, 1, XDP_FLAGS_SKB_MODE),
    "xdp-driver": (6, 37, 2, 1, XDP_FLAGS_DRV_MODE),
    "tcx-ingress": (3, 46, 0xffffffff, 2, 0),
    "tcx-egress": (3, 47, 0xffffffff, 2, 0),
    "cgroup-egress": (8, 1, 1, 0, 0),
}


def bpf(command, attributes):
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(SYS_BPF, command, buffer, len(attributes))
    if result < 0:
        sys.exit("bpf.py: " + os.strerror(ctypes.get_errno()))
    return result


def main():
    hook, target, verdict = sys.argv[1:]
    kind, attach, *verdicts, flags = HOOKS[hook]
    value = verdicts[verdict == "drop"]
    code = struct.pack("=BBhI", 0xb7, 0, 0, value)  # r0 = value
    code += struct.pack("=BBhI", 0x95, 0, 0, 0)  # exit
    code = ctypes.create_string_buffer(code, len(code))
    name = ctypes.create_string_buffer(b"GPL")
    program = bpf(BPF_PROG_LOAD, struct.pack(
        "=IIQQIIQII16sII", kind, 2, ctypes.addressof(code),
        ctypes.addressof(name), 0, 0, 0, 0, 0, b"shunt_test", 0, attach))
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
