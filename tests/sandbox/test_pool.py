"""The pool: warm boxes used once, a fair line before a full house, nothing left when the owner goes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from sandbox import BoxFailed, EngineUnavailable, Limits, Source
from sandbox.box import Box
from sandbox.docker_engine import DockerEngine
from sandbox.line import Line, Ticket
from sandbox.pool import LONGEST_S, Pool
from sandbox.sealing import FREE_STDIN, LABEL, Fit
from tests.waiting import wait

ROOT = Path(__file__).resolve().parents[2]
TIGHT = Limits(time_s=8.0)


def program(code: str, *arguments: str) -> Source:
    return Source("python", ("python3", "main.py", *arguments), {"main.py": code.encode()})


def boxes(pool):
    return pool.engine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={pool.engine.owner}"})


@pytest.fixture(scope="module")
def pool():
    made = Pool(DockerEngine(f"pool-test-{os.getpid()}"), ready=1)
    yield made
    made.close()
    wait(lambda: not boxes(made))


@pytest.mark.docker
def test_the_second_run_finds_a_warm_box_and_each_box_is_used_once(pool):
    where = program(
        "import os\nprint(open('/proc/self/cgroup').read(), os.path.exists('/box/mine'))\nopen('/box/mine','w')"
    )
    first = pool.run(where, limits=TIGHT)
    assert pool.wait_ready("python", TIGHT)
    before = pool.hits
    second = pool.run(where, limits=TIGHT)
    assert pool.hits == before + 1
    assert first.ok
    assert second.ok
    assert first.stdout != second.stdout
    assert "True" not in second.stdout


@pytest.mark.docker
def test_an_upload_that_needs_room_gets_a_box_of_its_own(pool):
    misses, hits = pool.misses, pool.hits
    source = Source(
        "python", ("python3", "-c", "print(len(open('in/x','rb').read()))"), {"in/x": bytes(40_000_000)}
    )
    assert pool.run(source, limits=TIGHT).stdout == "40000000\n"
    assert (pool.misses, pool.hits) == (misses, hits)


@pytest.mark.docker
def test_a_box_that_died_while_it_waited_is_not_noticed(pool):
    assert pool.wait_ready("python", TIGHT)
    idle = [box for kept in pool._stock.idle.values() for box, _ in kept]
    assert idle
    for box in idle:  # not those of earlier runs, which are being removed
        pool.engine.client.api.kill(box.id)
    got = pool.run(program("print('here')"), limits=TIGHT)
    assert (got.ended, got.stdout) == ("exit", "here\n")


@pytest.mark.docker
def test_a_stop_from_another_thread_ends_a_warm_run(pool):
    assert pool.wait_ready("python", TIGHT)
    stop, heard = threading.Event(), threading.Event()
    times = {}

    def press():
        heard.wait(30)
        times["pressed"] = time.monotonic()
        stop.set()

    presser = threading.Thread(target=press)
    presser.start()
    got = pool.run(
        program("import time\nprint('going')\ntime.sleep(60)"), limits=Limits(time_s=30), cancelled=stop,
        on_output=lambda *_: heard.set(),
    )  # fmt: skip
    ended = time.monotonic()
    presser.join()
    assert got.ended == "cancelled"
    assert got.stdout == "going\n"
    assert ended - times["pressed"] < 10, "its time would be over after 30"


class Slow:
    """An engine that makes a box when it is let; none is ever ready."""

    def __init__(self):
        self.began, self.may, self.gone = threading.Event(), threading.Event(), []

    def open(self, fit, *, lasts_s):
        self.began.set()
        assert self.may.wait(60)
        ours, self.theirs = socket.socketpair()
        return Box("slow", ours, fit)

    def discard_beside(self, box):
        self.gone.append(box.id)
        box.close()
        self.theirs.close()

    def reap(self):
        pass

    def close(self):
        pass


def stopped(pool, source, when, **more):
    """(ended, seconds from the stop to that) of a run that is stopped once `when` is set."""
    stop, pressed = threading.Event(), []

    def press():
        assert when.wait(30)
        pressed.append(time.monotonic())
        stop.set()

    presser = threading.Thread(target=press)
    presser.start()
    ended = pool.run(source, cancelled=stop, **more).ended
    now = time.monotonic()
    presser.join()
    return ended, now - pressed[0]


def test_a_stop_is_heard_while_the_engine_makes_a_box_and_that_is_removed_beside():
    engine = Slow()
    slow = Pool(engine, ready=0)
    ended, seconds = stopped(slow, program("print(1)"), engine.began)
    assert ended == "cancelled"
    assert seconds < 10, "the box would come after a minute"
    assert slow.standing().running == 0
    assert engine.gone == []
    engine.may.set()
    wait(lambda: engine.gone == ["slow"])


def test_a_stop_is_heard_while_a_run_waits_for_a_box_that_is_nearly_ready(monkeypatch):
    monkeypatch.setattr("sandbox.pool.NEARLY_S", 60.0)
    engine, when = Slow(), threading.Event()
    slow = Pool(engine, ready=0)
    slow._stock.opening = Fit.of(Source("browser", ()), Limits()).warmed()  # never to end
    threading.Timer(0.2, when.set).start()
    ended, seconds = stopped(slow, Source("browser", ("true",)), when)
    assert ended == "cancelled"
    assert seconds < 10, "it would wait for a minute"
    assert not engine.began.is_set(), "no box is begun for nobody"


@pytest.mark.parametrize(
    ("limits", "stdin", "kept"),
    [(TIGHT, b"", True), (TIGHT, bytes(FREE_STDIN + 1), False), (Limits(time_s=LONGEST_S + 1), b"", False)],
    ids=["usual", "much input", "long"],
)
def test_only_a_run_that_a_ready_box_can_do_takes_one_and_leaves_the_wish_for_more(limits, stdin, kept):
    engine = Slow()
    engine.open = Mock(side_effect=BoxFailed("no"))
    pool = Pool(engine, ready=0)
    with pytest.raises(BoxFailed):
        pool.run(program("print(1)"), limits=limits, stdin=stdin)
    assert (pool.standing().misses, bool(pool._stock.kinds)) == (kept, kept)
    pool.close()


def test_who_fills_up_also_reaps():
    engine = Slow()
    engine.reap = Mock()
    pool = Pool(engine, ready=0)
    pool.expect("python")
    wait(lambda: engine.reap.called, 5)
    pool.close()


def test_there_are_never_more_boxes_than_there_may_be(monkeypatch):
    """Four of a size are wanted and two may be there."""
    engine, made = Slow(), []

    def open_one(fit, *, lasts_s):
        ours, theirs = socket.socketpair()
        box = Box(f"box{len(made)}", ours, fit)
        monkeypatch.setattr(box, "ready", lambda until: True)
        made.append((box, theirs))
        return box

    engine.open = open_one
    pool = Pool(engine, places=1, most=2, ready=4)
    assert pool.wait_ready("python", count=2, seconds=5)
    assert not pool.wait_ready("python", count=3, seconds=0.5)
    assert len(made) == 2
    pool.close()
    for _, theirs in made:
        theirs.close()


def test_what_goes_wrong_while_a_box_is_made_reaches_who_waits_for_it():
    engine = Slow()
    engine.open = Mock(side_effect=[BoxFailed("no"), TimeoutError("of the engine")])
    for problem in (BoxFailed, TimeoutError):
        with pytest.raises(problem):
            Pool(engine, ready=0).run(program("print(1)"), cancelled=threading.Event())


@pytest.mark.docker
def test_a_stop_of_a_run_that_found_no_box_leaves_none(pool):
    stop = threading.Event()
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    odd = Limits(time_s=8.0, memory_bytes=301 << 20)
    long = program("import time\ntime.sleep(60)")
    assert pool.engine.run(long, limits=odd, cancelled=stop).ended == "cancelled"
    timer.join()

    def odd_ones():
        return [row for row in boxes(pool) if f"{LABEL}.warm" not in row["Labels"]]

    wait(lambda: not odd_ones())


@pytest.mark.docker
def test_a_full_house_says_the_place_in_line_and_lets_go_who_no_longer_waits():
    narrow = Pool(DockerEngine(f"pool-narrow-{os.getpid()}"), places=1, ready=0)
    try:
        running, stop, places, gone = threading.Event(), threading.Event(), [], {}
        first = threading.Thread(
            target=narrow.run, args=(program("print('in')\nimport time\ntime.sleep(60)"),),
            kwargs={"limits": Limits(time_s=30), "cancelled": stop, "on_output": lambda *_: running.set(), "who": "ada"},
        )  # fmt: skip
        first.start()
        assert running.wait(30)
        give_up = threading.Event()
        second = threading.Thread(
            target=lambda: gone.update(
                ended=narrow.run(program("print(2)"), who="ada", cancelled=give_up).ended
            )
        )
        second.start()
        wait(lambda: narrow._line._waiting)
        third = threading.Thread(
            target=lambda: gone.update(
                bo=narrow.run(program("print(3)"), who="bo", on_wait=places.append).stdout
            )
        )
        third.start()
        wait(lambda: places)
        assert places == [1], "bo has nothing running, so bo is next although ada asked before"
        give_up.set()
        second.join(30)
        assert gone["ended"] == "cancelled"
        stop.set()
        third.join(30)
        first.join(30)
        assert gone["bo"] == "3\n"
        assert places == [1, 0]
    finally:
        narrow.close()


def test_who_has_fewer_runs_going_comes_first():
    line = Line(places=3)
    for who in ("ada", "ada", "bo"):
        line.enter(who)
    tickets = {name: Ticket(name[:-1]) for name in ("ada1", "ada2", "bo1", "mallory1")}
    for ticket in tickets.values():
        line.join(ticket)
    assert not any(line.may_enter(t) for t in tickets.values()), "the house is full"
    assert [line.before(tickets[n]) for n in ("mallory1", "bo1", "ada1", "ada2")] == [0, 1, 2, 3]
    line.end("ada")
    line.end("ada")
    assert [name for name, t in tickets.items() if line.may_enter(t)] == ["ada1", "mallory1"]


@pytest.mark.docker
def test_what_nobody_asks_for_any_more_is_let_go():
    short = Pool(DockerEngine(f"pool-short-{os.getpid()}"), ready=1)
    try:
        assert short.wait_ready("python", TIGHT)
        with short._news:
            short._stock.idle_s = 0.1
            short._news.notify_all()
        wait(lambda: not boxes(short))
        assert not short._stock.kinds
    finally:
        short.close()


@pytest.mark.docker
def test_a_running_program_goes_before_boxes_that_stand_ready():
    small = Pool(DockerEngine(f"pool-small-{os.getpid()}"), places=2, most=2, ready=2)
    try:
        assert small.wait_ready("python", TIGHT, count=2)
        got = small.run(program("print(1)"), limits=Limits(time_s=8.0, memory_bytes=300 << 20))
        assert got.ok
        assert sum(len(idle) for idle in small._stock.idle.values()) <= 2
        wait(lambda: len(boxes(small)) <= 2)
    finally:
        small.close()


@pytest.mark.docker
def test_a_closed_pool_leaves_nothing_and_takes_nothing():
    brief = Pool(DockerEngine(f"pool-brief-{os.getpid()}"), ready=2)
    assert brief.run(program("print(1)"), limits=TIGHT).ok  # its filler has one in hand now
    brief.close()
    wait(lambda: not boxes(brief))
    with pytest.raises(EngineUnavailable):
        brief.run(program("print(1)"))


@pytest.mark.docker
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_death_of_the_owner_ends_idle_and_busy_boxes(how, pool):
    owner = f"pool-dies-{os.getpid()}-{how}"
    code = (
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job ignores it
        "from sandbox import Source, Limits\nfrom sandbox.pool import Pool\nfrom sandbox.docker_engine import DockerEngine\n"
        f"pool = Pool(DockerEngine({owner!r}), ready=1)\n"
        "assert pool.wait_ready('python')\n"
        "pool.run(Source('python', ('python3', '-c', 'import time; print(1, flush=True); time.sleep(60)')),"
        " limits=Limits(time_s=50), on_output=lambda *_: print('running', flush=True))\n"
    )

    def there():
        return pool.engine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={owner}"})

    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "running\n"
        assert there()
        process.send_signal(how)
        process.wait(30)
    wait(lambda: not there())  # by itself: nobody would come for them within a minute


@pytest.mark.docker
def test_every_option_of_a_warm_box_was_taken_too(pool):
    assert pool.wait_ready("python", TIGHT)
    fit = Fit.of(Source("python", ()), TIGHT).warmed()
    assert fit in pool.engine._sealed
    box, _ = pool._stock.idle[fit][0]
    seen = pool.engine.client.api.inspect_container(box.id)
    assert seen["Config"]["Labels"][f"{LABEL}.owner"] == pool.engine.owner
    assert box.hello["forks"] is True
    assert not [e for e in seen["Config"]["Env"] if any(w in e for w in ("KEY", "SECRET", "TOKEN"))]
    assert json.dumps(box.hello["status"])
