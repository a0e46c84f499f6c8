"""Watches the one program: relays what it prints, passes on its input, obeys the owner, and knows why it ended."""

import contextlib
import os
import select
import struct
import time
from typing import Any

from .starting import Pipes
from .wire import CHUNK, put


class Watch:
    """Relays output, obeys the owner, and knows why the run ended."""

    def __init__(self, job: dict[str, Any], pid: int, pipes: Pipes) -> None:
        self.pid, self.out, self.err, self.stdin = pid, pipes.out_r, pipes.err_r, pipes.in_w
        self.left = dict.fromkeys((self.out, self.err), job["output_bytes"])
        self.open = {self.out, self.err}
        self.until = time.monotonic() + job["time_s"]
        self.status: int | None = None
        self.why = ""
        self.commands = bytearray()
        self.input = bytearray()  # of the program, until it takes it
        self.input_ends = False
        self.poll = select.poll()
        self.waiting = False  # for the program to read on
        os.set_blocking(self.stdin, False)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status

    def run(self) -> None:
        for fd in (self.out, self.err, 0):
            self.poll.register(fd, select.POLLIN)
        dead_at, closed_at = None, 0.0
        while not self.why:
            self.reap()
            now = time.monotonic()
            if self.status is not None:
                dead_at = dead_at or now
                if not self.open or now - dead_at > 0.05:  # daemons that hold the pipe do not hold us
                    return
            elif now >= self.until:
                self.why = "timeout"
                return
            # A process that ends closes its pipes a moment before it can be reaped: then look again soon, for a while.
            closed_at = (closed_at or now) if not self.open else 0.0
            soon = self.status is not None or (closed_at and now - closed_at < 0.1)
            wait = 1 if soon else min(20, max(1, (self.until - now) * 1000))
            for fd, _ in self.poll.poll(wait):
                if fd == 0:
                    self.obey()
                elif fd == self.stdin:
                    self.feed()
                # Else it is the program's input, which was closed in this very turn.
                elif fd in self.open and not self.relay(fd):
                    self.poll.unregister(fd)
                    self.open.discard(fd)

    def relay(self, fd: int) -> bool:
        """Pass on what is there. False at its end."""
        block = os.read(fd, CHUNK)
        if not block:
            return False
        if self.left[fd] > 0:
            put(b"o" if fd == self.out else b"e", block[: self.left[fd]])
        self.left[fd] -= len(block)
        if self.left[fd] < 0:
            self.why = "output_limit"
        return True

    def obey(self) -> None:
        block = os.read(0, CHUNK)
        if not block:
            os._exit(7)  # the owner died: the kernel kills everything else with PID 1
        self.commands += block
        while len(self.commands) >= 5:
            (length,) = struct.unpack(">I", self.commands[1:5])
            if len(self.commands) < 5 + length:
                return
            kind, payload = self.commands[:1], bytes(self.commands[5 : 5 + length])
            del self.commands[: 5 + length]
            if kind == b"i" and self.stdin >= 0:
                self.input += payload
            elif kind == b"c":
                self.input_ends = True
            elif kind == b"k":
                self.why = "cancelled"
        self.feed()

    def feed(self) -> None:
        """Give the program what it takes of its input now. Never waits: it may not read at all."""
        if self.stdin < 0:
            return
        try:
            while self.input:
                del self.input[: os.write(self.stdin, self.input[:CHUNK])]
        except BlockingIOError:
            pass
        except OSError:  # it closed its input
            self.input.clear()
            self.input_ends = True
        if self.waiting != bool(self.input):
            self.waiting = bool(self.input)
            if self.waiting:
                self.poll.register(self.stdin, select.POLLOUT)
            else:
                self.poll.unregister(self.stdin)
        if self.input_ends and not self.input:
            os.close(self.stdin)
            self.stdin = -1

    def drain(self) -> None:
        """What was already in the pipes when everything died."""
        for fd in self.open:
            os.set_blocking(fd, False)
            with contextlib.suppress(OSError):
                while self.left[fd] > 0:
                    block = os.read(fd, CHUNK)
                    if not block:
                        break
                    put(b"o" if fd == self.out else b"e", block[: self.left[fd]])
                    self.left[fd] -= len(block)
