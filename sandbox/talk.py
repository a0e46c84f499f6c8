"""The conversation with the runner of one box: a job goes in, an Outcome comes out, on the host's own clock.

What the runner enforces (time, output, files) is enforced here again: a box whose runner was turned ends all the same.
Knows a Box and the values; neither engine nor pool.
"""

import json
import struct
import threading
import time
from typing import Any, Literal

from sandbox.box import Box, Late
from sandbox.ending import Report, left_out
from sandbox.frames import BadStream, count, frame, said
from sandbox.gathering import Gatherer
from sandbox.limits import Limits
from sandbox.outcome import Ended, OnOutput, Outcome
from sandbox.source import Source
from sandbox.text import Text

READY_S = 30.0  # a cold start was 1.7 s at p95 on a loaded machine
# Between the runner’s clock and ours: four fork bombs at once took 1.4 s to die on two busy cores, and one beside other
# work more than 2. Who is cut off there has its end right, but no counters.
GRACE_S = 5.0
COLLECT_S = 6.0  # for everything to die and its files to come: the runner takes 2 s of it at most
STOP_S = 0.5  # for a runner to obey a stop; it takes 9 ms
POLL_S = 0.02  # how late a stop from another thread may be heard
STDIN_PIECE = 64 * 1024


class _Flood(Exception):
    """Raised when more output came than the runner should have let through."""


class Talk:
    """One job in one box. outcome() may be called once; afterwards `clean` says whether the box ends by itself."""

    def __init__(
        self,
        box: Box,
        source: Source,
        limits: Limits,
        *,
        on_output: OnOutput | None = None,
        cancelled: threading.Event | None = None,
        how: Literal["any", "exec"] = "any",
    ) -> None:
        self.box, self.source, self.limits, self.how = box, source, limits, how
        self.on_output, self.cancelled = on_output, cancelled or threading.Event()
        self.until = time.monotonic() + READY_S
        self.asked_to_stop = 0.0
        self.readers = {b"o": Text(), b"e": Text()}
        self.text: dict[bytes, list[str]] = {b"o": [], b"e": []}
        self.left = {b"o": limits.output_bytes, b"e": limits.output_bytes}
        self.began = 0.0  # when the program did, by our clock; 0.0: not yet
        self.report: Report | None = None
        self.gatherer = Gatherer(limits)
        self.skipped: int | None = None  # known with the last frame
        self.more = False
        self.clean = False

    @property
    def started(self) -> bool:
        """Whether the runner said that the program began."""
        return bool(self.began)

    def outcome(self, stdin: bytes = b"") -> Outcome:
        """Run the job to its end, whatever that is. Raises for what `on_output` raises, never for what the box says.

        EngineUnavailable, when the box says that it is not sealed, is the one exception: it was given no job.
        """
        forced: Ended | None = None
        try:
            if self._await(lambda: self.box.hello is not None):
                self._send_job(stdin)
                if (
                    self.report is None
                ):  # else it ended before it had all of its job, and its clock runs already
                    self.until = time.monotonic() + self.limits.time_s + GRACE_S
                self._await(lambda: self.skipped is not None)
        except Late:
            # A program that did not begin took no time: the box is at fault.
            forced = "cancelled" if self.asked_to_stop else "timeout" if self.began else "lost"
        except _Flood:
            forced = "output_limit"
        except BadStream:  # alone: an OSError is one of the caller's own, whose output has nobody to read it
            forced = "lost"
        self.clean = forced is None and self.skipped is not None
        if forced is None and self.skipped is None:  # the stream ended before the runner had said all
            forced = "cancelled" if self.asked_to_stop else "lost"
        for kind in self.readers:
            self._say(kind, b"", final=True)
        return self._told(forced)

    # --- what comes -------------------------------------------------------------------------------------------------

    def _await(self, done: Any) -> bool:
        """Read frames until `done`. False when the stream ended before. Raises Late past our clock."""
        while not done():
            self._heed_cancel()
            came, _ = self.box.wait(POLL_S)
            if time.monotonic() > self.until:
                raise Late
            if came and not self._receive():
                return False
        return True

    def _receive(self) -> bool:
        """Take what has come. False at the end of the stream."""
        frames = self.box.receive()
        for kind, payload in frames or ():
            self._take(kind, payload)
        return frames is not None

    def _heed_cancel(self) -> None:
        if self.asked_to_stop or not self.cancelled.is_set():
            return
        self.asked_to_stop = time.monotonic()
        if self.box.hello is None:
            raise Late
        if self.report is None:
            self.until = min(self.until, self.asked_to_stop + STOP_S)
            self._send(frame(b"k"))

    def _take(self, kind: bytes, payload: bytes) -> None:
        """One frame, where it may come: R; s; o and e; x; f and d; z. Raises BadStream elsewhere."""
        if self.skipped is not None:
            raise BadStream("a frame after the last")
        if self.box.hello is None:
            self.box.greet(kind, payload)
        elif kind == b"s" and not self.began:
            self.began = time.monotonic()
        elif kind in (b"o", b"e") and self.began and self.report is None:
            self._say(kind, payload)
        elif kind == b"x" and self.began and self.report is None:
            self.report = Report.parse(said(payload))
            self.until = time.monotonic() + COLLECT_S
        elif kind == b"f" and self.report is not None:
            self.gatherer.file(payload)
        elif kind == b"d" and self.report is not None:
            self.gatherer.data(payload)
        elif kind == b"z" and self.report is not None and self.gatherer.complete:
            last = said(payload)
            self.skipped, self.more = count(last.get("skipped")), last.get("more") is True
        else:
            raise BadStream(f"frame {kind!r} at the wrong time")

    def _say(self, kind: bytes, payload: bytes, *, final: bool = False) -> None:
        kept = payload[: self.left[kind]]
        self.left[kind] -= len(kept)
        if text := self.readers[kind].feed(kept, final=final):
            self.text[kind].append(text)
            if self.on_output:
                self.on_output("stdout" if kind == b"o" else "stderr", text)
        if len(kept) < len(payload):
            raise _Flood

    # --- what goes --------------------------------------------------------------------------------------------------

    def _send_job(self, stdin: bytes) -> None:
        header = json.dumps(
            {
                "command": list(self.source.command),
                "how": self.how,
                "files": [[path, len(data)] for path, data in self.source.files.items()],
                "time_s": self.limits.time_s,
                "output_bytes": self.limits.output_bytes,
                "artifacts": self.limits.artifacts,
                "artifact_bytes": self.limits.artifact_bytes,
            }
        ).encode()
        pieces = [struct.pack(">I", len(header)), header, *self.source.files.values()]
        pieces += [frame(b"i", stdin[at : at + STDIN_PIECE]) for at in range(0, len(stdin), STDIN_PIECE)]
        pieces.append(frame(b"c"))
        small = b""  # what is small travels together: each call costs a packet and a wake-up on the way
        for piece in pieces:
            if len(small) + len(piece) <= STDIN_PIECE:
                small += piece
                continue
            self._send(small)
            self._send(piece)
            small = b""
        self._send(small)

    def _send(self, data: bytes) -> None:
        """Send all of `data`, or what a run that ends meanwhile still wants of it.

        What the program prints is read beside: a runner that nobody reads would not read us either.
        """
        left = memoryview(data)
        while left and self.report is None:
            if self.cancelled.is_set() and not self.asked_to_stop:  # half a frame is sent: no `k` can follow it
                self.asked_to_stop = time.monotonic()
                raise Late
            came, ready = self.box.wait(POLL_S, to_send=True)
            if came and not self._receive():
                return
            if ready:
                try:
                    left = left[self.box.send(left) :]
                except (BrokenPipeError, ConnectionResetError):
                    return  # it ended; what it said before is still to be read
                except OSError as problem:
                    raise BadStream(f"the stream broke: {problem}") from problem
            elif time.monotonic() > self.until:
                raise Late

    # --- what it came to --------------------------------------------------------------------------------------------

    def _told(self, forced: Ended | None) -> Outcome:
        ours = round(time.monotonic() - self.began, 6) if self.began else 0.0
        report = self.report or Report("", None, None, ours, {})
        ended = forced or report.ended
        return Outcome(
            ended=ended,
            code=report.code if ended == "exit" else None,
            signal=report.signal if ended == "signal" else None,
            stdout="".join(self.text[b"o"]),
            stderr="".join(self.text[b"e"]),
            artifacts=tuple(self.gatherer.artifacts),
            seconds=report.seconds,
            notes=(*report.notes(), *left_out(self.skipped or 0, more=self.more)),
        )
