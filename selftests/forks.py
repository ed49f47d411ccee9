#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Run the Python programs of this directory by forks: to start Python and load
what they need takes an emulated guest half a second.

  forks.py

Each request on standard input is a number of words, each of them ended by a
zero byte, that number first: "wait" or "go on", the process whose standard
output and error the program shall have, a network namespace, the program and
its arguments. With "wait", the answer is the program's exit status in a line;
with "go on" there is none, and the program ends with that process. After "end",
whatever could end so has, and the answer is an empty line. See py and bg_py in
lib.sh.
"""
import ctypes
import importlib
import os
import select
import signal
import sys
import time
import traceback

SYS_PIDFD_GETFD = 438
CLONE_NEWNET = 0x40000000
PROGRAMS = {f"{name}.py": importlib.import_module(name)
            for name in ("ftp", "netlink", "packet", "who")}
libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def file_of(process, fd):
    """While it asks, a shell has the requests in the place of its output."""
    while True:
        file = checked(libc.syscall(SYS_PIDFD_GETFD, process, fd, 0))
        if not os.path.sameopenfile(file, 0):
            return file
        os.close(file)
        time.sleep(0.001)


def take_output(process):
    for fd in (1, 2):
        os.dup2(file_of(process, fd), fd)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)


def enter(netns):
    file = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
    checked(libc.setns(file, CLONE_NEWNET))
    os.close(file)


def status_of(error):
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)
    return 1


def run(process, netns, argv):
    """In the child, which ends here."""
    status = 1
    try:
        take_output(process)
        enter(netns)
        sys.argv = argv
        PROGRAMS[argv[0]].main()
        status = 0
    except SystemExit as error:
        status = status_of(error)
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def start(pid, netns, *argv):
    """The process of the request, or None if it has gone meanwhile, and that of
    the program.
    """
    try:
        process = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return None, None
    child = os.fork()
    if not child:
        run(process, netns, list(argv))
    return process, child


class Forks:
    """Programs that go on as long as another process, by its pidfd."""

    def __init__(self):
        self.running = {}

    def wait(self, *request):
        process, child = start(*request)
        if process is None:
            return
        _, status = os.waitpid(child, 0)
        os.close(process)
        print(os.waitstatus_to_exitcode(status), flush=True)

    def go_on(self, *request):
        process, child = start(*request)
        if process is not None:
            self.running[process] = child

    def end(self, _):
        self.reap([])
        print(flush=True)

    def reap(self, others, timeout=0):
        """Those whose process has gone. Return: which of the others can be
        read."""
        ready, _, _ = select.select([*others, *self.running], [], [], timeout)
        for process in set(ready) & set(self.running):
            child = self.running.pop(process)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(process)
        return [fd for fd in ready if fd in others]


def requests(words):
    """Those that are complete; what is left of the words stays."""
    while words and len(words) > int(words[0]):
        count = int(words[0])
        yield words[1:count + 1]
        del words[:count + 1]


def main():
    forks = Forks()
    does = {"wait": forks.wait, "go on": forks.go_on, "end": forks.end}
    words, rest = [], b""
    while True:
        if not forks.reap([0], None):
            continue
        *more, rest = (rest + os.read(0, 65536)).split(b"\0")
        words += [word.decode() for word in more]
        for how, *request in requests(words):
            does[how](*request)


if __name__ == "__main__":
    main()
