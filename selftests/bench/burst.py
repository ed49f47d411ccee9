#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Many runs of a CNI plugin at once, as a runtime that starts many pods.

  burst.py namespaces COUNT
  burst.py VERB PLUGIN CONFIG COUNT RESULTS

"namespaces" makes the network namespaces burst0, burst1, ... of "ip netns".
VERB runs PLUGIN with the file CONFIG as standard input COUNT times at once,
each for a namespace and a container of its own, and prints how many ms passed
until half of them had ended, 99 of 100, and all. What they print goes to
RESULTS, where DEL finds what ADD has printed. Fails if one of them fails.
"""
import ctypes
import json
import os
import sys
import time

CLONE_NEWNET = 0x40000000
MS_BIND = 4096
RUN = "/run/netns"
libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def namespaces(count):
    for n in range(count):
        path = f"{RUN}/burst{n}"
        open(path, "x", encoding="ascii").close()
        check(libc.unshare(CLONE_NEWNET))
        check(libc.mount(b"/proc/thread-self/ns/net", path.encode(), None,
                         MS_BIND, None))


def spawn(verb, plugin, config, n, results):
    env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb,
           "CNI_CONTAINERID": f"burst{n}", "CNI_NETNS": f"{RUN}/burst{n}",
           "CNI_IFNAME": "eth0", "CNI_PATH": os.path.dirname(plugin)}
    files = [
        (os.POSIX_SPAWN_OPEN, 0, f"{config}.{n}", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, f"{results}.{n}",
         os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_OPEN, 2, f"{results}.err.{n}",
         os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    ]
    return os.posix_spawn(plugin, [plugin], env, file_actions=files)


def write_configs(verb, config, count, results):
    """DEL gets the result of ADD, as runtimes do it."""
    with open(config, encoding="utf-8") as file:
        base = json.load(file)
    for n in range(count):
        if verb == "DEL":
            with open(f"{results}.{n}", encoding="utf-8") as file:
                base["prevResult"] = json.load(file)
        with open(f"{config}.{n}", "w", encoding="utf-8") as file:
            json.dump(base, file)


def percentile(times, share):
    """The first one by which that share of all has ended."""
    return times[max(0, -(-len(times) * share // 100) - 1)]


def burst(verb, plugin, config, count, results):
    write_configs(verb, config, count, results)
    started, times, failed = {}, [], []
    begin = time.monotonic_ns()
    for n in range(count):
        now = time.monotonic_ns()
        started[spawn(verb, plugin, config, n, results)] = (n, now)
    while started:
        pid, status = os.wait()
        now = time.monotonic_ns()
        n, start = started.pop(pid)
        times.append((now - start) / 1e6)
        if status:
            failed.append(n)
    total = (time.monotonic_ns() - begin) / 1e6
    times.sort()
    print(f"{percentile(times, 50):.1f} {percentile(times, 99):.1f} "
          f"{total:.1f}")
    for n in failed[:3]:
        with open(f"{results}.{n}", encoding="utf-8") as file:
            print(f"{verb} burst{n}: {file.read()}", file=sys.stderr)
    return not failed


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "namespaces":
        namespaces(int(sys.argv[2]))
    elif len(sys.argv) == 6:
        verb, plugin, config, count, results = sys.argv[1:]
        sys.exit(not burst(verb, plugin, config, int(count), results))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
