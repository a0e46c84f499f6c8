"""The host against a runner that was turned: whatever comes down the line, the run ends and nothing of ours does."""

import json
import socket
import struct
import threading
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import EngineUnavailable, Limits, Source
from sandbox.box import Box
from sandbox.frames import Frames, frame
from sandbox.limits import MIB
from sandbox.pool import Pool
from sandbox.sealing import Fit
from sandbox.talk import Talk

HELD = {"uid": 65532, "NoNewPrivs": 1, "Seccomp": 2, "CapEff": 0, "CapBnd": 0}
READY = frame(b"R", json.dumps({"status": HELD}).encode())
START = frame(b"s")
END = frame(b"z", b'{"skipped": 0}')
NO_HELLO = (
    frame(b"R", b'{"status": [1]}'),
    frame(b"R", b'{"status": 1e999}'),
    frame(b"R", b"[" * 100_000),
    frame(b"R", b'{"status": {}, "n": ' + b"9" * 5000 + b"}"),
    frame(b"R", b"\xff"),
)
SOURCE = Source("python", ("python3", "main.py"), {"main.py": b""})


def docker(data: bytes, stream: int = 1) -> bytes:
    return struct.pack(">BxxxI", stream, len(data)) + data


def report(**more) -> bytes:
    return frame(b"x", json.dumps({"why": "", "code": 0, "seconds": 0.1, "counters": {}, **more}).encode())


def talk_with(*said: bytes, limits=None, hangs=False, once_told=(), **more):
    """The outcome of a run whose runner says just this, whatever it is told. `once_told`: a frame that it waits for, and
    what it says then."""
    ours, theirs = socket.socketpair()
    box = Box("none", ours, Fit("python", 1, 1, 1, 1.0))

    def play():
        try:
            for part in said:
                theirs.sendall(docker(part))
            for word, answer in once_told:
                heard = b""
                while word not in heard:
                    if not (block := theirs.recv(65536)):
                        return
                    heard += block
                theirs.sendall(docker(answer))
        except OSError:
            return
        if not hangs:
            theirs.shutdown(socket.SHUT_WR)

    player = threading.Thread(target=play)
    player.start()
    try:
        talk = Talk(box, SOURCE, limits or Limits(), **more)
        return talk.outcome(), talk
    finally:
        box.close()
        player.join(10)
        theirs.close()


class Fake:
    """An engine each of whose boxes says this."""

    def __init__(self, said):
        self.said, self.discarded = said, 0

    def open(self, fit, *, lasts_s):
        ours, theirs = socket.socketpair()
        theirs.sendall(docker(self.said))
        box = Box("none", ours, fit)
        self.line = theirs  # it stays open
        return box

    def discard_beside(self, box):
        raise AssertionError("it does not end by itself")

    def discard(self, box):
        box.close()
        self.line.close()
        self.discarded += 1

    def close(self):
        pass


def json_values():
    """Any, and mostly those that look like what a runner says."""
    number = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, 10**25, float("inf")]))
    plain = st.one_of(st.none(), st.booleans(), number, st.text(max_size=5))
    words = st.sampled_from(["status", "skipped", "path", "size", "why", "code", "seconds", "counters", "a"])
    return st.recursive(
        plain, lambda of: st.one_of(st.lists(of, max_size=3), st.dictionaries(words, of, max_size=6))
    )


def test_an_honest_runner_is_understood():
    got, talk = talk_with(
        READY, START, frame(b"o", "hä".encode()[:2]), frame(b"o", "hä".encode()[2:]), report(code=3),
        frame(b"f", b'{"path": "a.txt", "size": 4}'), frame(b"d", b"ab"), frame(b"d", b"cd"), END,
    )  # fmt: skip
    assert (got.ended, got.code, got.stdout) == ("exit", 3, "hä")
    assert [(a.name, a.data, a.type) for a in got.artifacts] == [("a.txt", b"abcd", "text/plain")]
    assert talk.clean


@pytest.mark.parametrize(
    "said",
    [
        (READY,),
        (READY, START, frame(b"o", b"and then nothing")),
        (READY, START, report()),
        (START, READY, report(), END),
        (READY, READY, START, report(), END),
        (frame(b"R", b"[]"), START, report(), END),
        (frame(b"R", b"{"), START, report(), END),
        (READY, frame(b"o", b"before it was started"), START, report(), END),
        (READY, START, report(), frame(b"o", b"after its end"), END),
        (READY, START, report(), report(), END),
        (READY, START, frame(b"x", b"7"), END),
        (READY, START, report(code=999), END),
        (READY, START, report(code=True), END),
        (READY, START, report(signal="9"), END),
        (READY, START, report(why="because"), END),
        (READY, START, report(seconds=float("nan")), END),
        (READY, START, report(counters={"oom_kill": "1"}), END),
        (READY, START, END),
        (READY, START, START, report(), END),
        (READY, report(), END),  # of a program that never began
        (READY, END),
        (READY, START, frame(b"f", b'{"path": "early", "size": 0}'), report(), END),
        (READY, START, report(), frame(b"d", b"of no file"), END),
        (READY, START, report(), frame(b"f", b'{"path": "a", "size": 1}'), frame(b"d", b"ab"), END),
        (READY, START, report(), frame(b"f", b'{"path": "a", "size": 2}'), frame(b"d", b"a"), END),
        (READY, START, report(), frame(b"f", b'{"path": "a", "size": -1}'), END),
        (READY, START, report(), frame(b"f", b'{"path": "a", "size": 999999999}'), END),
        (READY, START, report(), frame(b"f", b'{"size": 1}'), END),
        (READY, START, report(), frame(b"f", b'{"path": "a", "size": 2}'), frame(b"f", b'{"path": "b", "size": 0}'), END),
        (READY, START, report(), *([frame(b"f", b'{"path": "a", "size": 0}')] * 40), END),
        (READY, START, report(), END + frame(b"o", b"more")),  # as one: who has heard the end listens no longer
        (READY, START, report(), END + END),
        (READY, START, report(), END + frame(b"f", b'{"path": "a", "size": 0}')),
        (READY, START, b"o" + struct.pack(">I", 2**31)),
        (READY, START, b"Q\0\0\0\0"),
        (READY, START, frame(b"x", b"[" * 100_000), END),
        (READY, START, report(), frame(b"z", b'{"skipped": 1e999}')),
        (READY, START, report(), frame(b"z", b'{"skipped": true}')),
        (READY, START, report(), frame(b"z", b'{"skipped": -1}')),
        (READY, START, report(), frame(b"z", b"[" * 100_000)),
        (READY, START, report(), frame(b"f", b'{"path": "a", "size": Infinity}'), END),
        (READY, START, report(), frame(b"f", b'{"path": "a", "size": "0"}'), END),
        (READY, START, report(), frame(b"f", b'{"path": ["a"], "size": 0}'), END),
        (READY, START, report(), frame(b"f", b"[" * 100_000), END),
        (READY, START, report(seconds=10**400), END),
        (READY, START, report(why=[]), END),
        (READY, START, report(counters={"refused": 10**400}), END),
        *((hello, START, report(), END) for hello in NO_HELLO),
    ],
)  # fmt: skip
def test_what_breaks_the_protocol_is_lost(said):
    got, talk = talk_with(*said)
    assert got.ended == "lost"
    assert got.code is None
    assert not talk.clean


@pytest.mark.parametrize("sizes", [[3], [1, 2], [2, 1]])
def test_files_that_are_more_than_may_come_back_are_lost_though_they_come_whole(sizes):
    files = [frame(b"f", b'{"path": "a", "size": %d}' % size) + frame(b"d", bytes(size)) for size in sizes]
    said = (READY, START, report(), *files, END)
    assert talk_with(*said, limits=Limits(artifact_bytes=2))[0].ended == "lost"
    assert len(talk_with(*said, limits=Limits(artifact_bytes=3))[0].artifacts) == len(sizes)


def test_files_whose_names_differ_by_case_alone_come_back_beside_each_other():
    files = [frame(b"f", b'{"path": "%s", "size": 0}' % name) for name in (b"A.txt", b"d/a.TXT", b"a.txt")]
    got, _ = talk_with(READY, START, report(), *files, END)
    assert [a.name for a in got.artifacts] == ["A.txt", "a (2).TXT", "a (3).txt"]


@pytest.mark.parametrize("hello", NO_HELLO)
def test_a_box_that_says_nonsense_when_it_is_ready_does_not_stop_the_filling_up(hello):
    engine = Fake(hello)
    pool = Pool(engine, ready=1)
    fit = Fit.of(SOURCE, Limits()).warmed()
    with pool._news:
        pool._stock.want(fit)
        pool._stock.opening = fit
    pool._add(fit)
    assert pool._stock.opening is None
    assert pool._stock.count(fit) == 0
    assert engine.discarded == 1


@settings(max_examples=200)
@given(st.sampled_from("Rxfz"), json_values())
def test_no_json_at_all_makes_the_host_fail(kind, value):
    """In the place where a frame of this kind is expected."""
    before = {"R": (), "x": (READY, START), "f": (READY, START, report()), "z": (READY, START, report())}[kind]
    try:
        got, _ = talk_with(*before, frame(kind.encode(), json.dumps(value).encode()), END)
    except EngineUnavailable:
        assert kind == "R", "it says that it is not sealed"
    else:
        assert got.ended in {"lost", "exit", "signal"}


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("Rsoexfdz"), st.binary(max_size=30)), max_size=6))
def test_no_frames_at_all_make_the_host_fail(frames):
    got, _ = talk_with(READY, *(frame(k.encode(), p) for k, p in frames))
    assert got.ended in {"lost", "exit", "signal"}


@pytest.mark.parametrize("problem", [ValueError("mine"), BrokenPipeError(), KeyError("k"), AttributeError("a")])
@pytest.mark.parametrize("printed", [b"text", b"\xe2"], ids=["at once", "at the end"])
def test_what_the_listener_raises_reaches_the_caller(problem, printed):
    def listen(stream, text):
        raise problem

    with pytest.raises(type(problem)) as raised:
        talk_with(READY, START, frame(b"o", printed), report(), END, on_output=listen)
    assert raised.value is problem


def test_a_runner_that_lets_a_flood_through_is_stopped_by_the_host():
    got, talk = talk_with(
        READY, START, *[frame(b"o", b"x" * 65536)] * 400, limits=Limits(output_bytes=MIB), hangs=True
    )
    assert got.ended == "output_limit"
    assert len(got.stdout) == MIB
    assert not talk.clean


def test_a_runner_that_says_nothing_ends_by_our_own_clock(monkeypatch):
    monkeypatch.setattr("sandbox.talk.GRACE_S", 0.2)
    began = time.monotonic()
    got, _ = talk_with(READY, START, hangs=True, limits=Limits(time_s=0.2))
    assert got.ended == "timeout"
    assert time.monotonic() - began < 5


def test_a_runner_that_goes_on_collecting_ends_by_our_own_clock_with_what_came(monkeypatch):
    monkeypatch.setattr("sandbox.talk.COLLECT_S", 0.2)
    began = time.monotonic()
    got, talk = talk_with(
        READY, START, frame(b"o", b"said"), report(), frame(b"f", b'{"path": "a", "size": 1}'), frame(b"d", b"x"),
        frame(b"f", b'{"path": "b", "size": 2}'), frame(b"d", b"x"), hangs=True, limits=Limits(time_s=60.0),
    )  # fmt: skip
    assert time.monotonic() - began < 5
    assert (got.ended, got.stdout, [a.name for a in got.artifacts]) == ("timeout", "said", ["a"])
    assert not talk.clean


STOP = frame(b"k")
BEGINS = (frame(b"c"), START + frame(b"o", b"here"))  # once it has all of its job


@pytest.mark.parametrize("when", ["before it is ready", "while it is given its job", "while its program runs"])
def test_a_runner_that_does_not_obey_a_stop_is_left_at_once(when):
    stop = threading.Event()
    said, more = (READY, START), {}
    if when == "while its program runs":  # it heard, and does nothing
        said, more = (READY,), {"on_output": lambda *_: stop.set(), "once_told": [BEGINS, (STOP, b"")]}
    else:
        stop.set()
    if when == "before it is ready":
        said = ()
    began = time.monotonic()
    got, talk = talk_with(*said, hangs=True, cancelled=stop, **more)
    assert got.ended == "cancelled"
    assert not talk.clean
    assert time.monotonic() - began < 5


def test_a_runner_that_obeys_a_stop_has_the_last_word():
    stop = threading.Event()
    last = report(why="cancelled", code=None, signal=9) + frame(b"z", b'{"skipped": 0, "more": true}')
    got, talk = talk_with(
        READY, cancelled=stop, once_told=[BEGINS, (STOP, last)], on_output=lambda *_: stop.set()
    )
    assert (got.ended, got.code, got.signal, got.stdout, got.seconds) == ("cancelled", None, None, "here", 0.1)
    assert got.notes[0].startswith("some files were left out")
    assert talk.clean


def test_a_runner_that_is_never_ready_is_no_fault_of_the_program(monkeypatch):
    """It had no time at all: to say that it took too long would be untrue."""
    monkeypatch.setattr("sandbox.talk.READY_S", 0.2)
    for said in ((), (READY,)):
        got, _ = talk_with(*said, hangs=True, limits=Limits(time_s=0.0001))
        assert (got.ended, got.seconds) == ("lost", 0.0)


def test_no_job_goes_into_a_box_that_is_not_sealed():
    each = [
        {**HELD, name: instead} for name, instead in HELD.items() for instead in (1 - bool(HELD[name]), None)
    ]
    for wrong in (*each, {}):
        with pytest.raises(EngineUnavailable, match="did not take"):
            talk_with(frame(b"R", json.dumps({"status": wrong}).encode()), START, report(), END)


def test_a_flood_of_100_megabytes_leaves_the_host_small():
    block = b"".join(docker(frame(b"o", b"x" * 32_000)) for _ in range(8))
    reader, seen = Frames(), 0
    tracemalloc.start()
    try:
        while seen < 100 * MIB:
            for at in range(0, len(block), 50_000):  # never where a frame ends
                seen += sum(len(payload) for _, payload in reader.feed(block[at : at + 50_000]))
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("way", ["stopped", "out of time", "flooding", "lost"])
def test_a_run_without_a_report_tells_the_seconds_of_our_own_clock(monkeypatch, way):
    monkeypatch.setattr("sandbox.talk.GRACE_S", 0.1)
    stop, began = threading.Event(), time.monotonic()
    limits = Limits(time_s=0.2 if way == "out of time" else 60.0, output_bytes=2 if way == "flooding" else MIB)
    got, _ = talk_with(
        READY, START, frame(b"o", b"here"), limits=limits, cancelled=stop, hangs=way != "lost",
        on_output=lambda *_: stop.set() if way == "stopped" else None,
    )  # fmt: skip
    ends = {"stopped": "cancelled", "out of time": "timeout", "flooding": "output_limit", "lost": "lost"}
    assert got.ended == ends[way]
    least = 0.2 if way == "out of time" else 0.0  # the others may end while the job is still being sent
    assert least < got.seconds <= time.monotonic() - began


def test_a_program_that_never_began_took_no_seconds():
    assert talk_with(READY)[0].seconds == 0.0
