"""Every hostile program ends as it must and says what it must; then the box is gone and nothing of it is anywhere.

Programs run four at a time. `mode` is how a program is started: those that could differ go through the table twice.
"""

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import Outcome
from sandbox.docker_engine import DockerEngine
from sandbox.sealing import LABEL, Fit
from sandbox.talk import READY_S, Talk
from tests.hostile import control
from tests.hostile.attack import Attack
from tests.hostile.programs import artifacts, escape, kernel, languages, network, resources, running

pytestmark = pytest.mark.docker
AT_ONCE = 4
KINDS = {
    "kernel": kernel.ALL,
    "escape": escape.ALL,
    "network": network.ALL,
    "resources": resources.ALL,
    "processes": running.PROCESSES,
    "protocol": running.PROTOCOL,
    "time": running.TIME,
    "signals": running.SIGNALS,
    "output": running.OUTPUT,
    "secrets": running.SECRETS,
    "artifacts": artifacts.ALL,
    "languages": languages.ALL,
}
# Of these the end or the words could be other ones where a Python that is already there starts the program.
FORKED = ("resources", "processes", "protocol", "time", "signals", "output", "secrets")
OUTSIDE = ("/tmp", "/", "/etc", "/usr/bin", "/var", "/root", "/home", "/run", "/dev", "/dev/shm", ".")
MARKER = "vibe-hostile-marker"


@pytest.fixture
def box(
    engine: DockerEngine, mode: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Attack], Outcome]]:
    """Runs a program in a box of an owner of its own, and sees the box gone and the engine well after each.

    mode: "exec", the program is started in a box opened for it; "fork", it is a fork of the Python of a warm box.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    mine = DockerEngine(owner=f"hostile-{socket.gethostname()}-{uuid.uuid4().hex[:8]}")

    def run(attack: Attack) -> Outcome:
        got = _fork(mine, attack) if mode == "fork" else mine.run(attack.source, limits=attack.bounds)
        assert mine.client.ping(), attack.name
        return got

    yield run
    for _ in range(200):
        left = mine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={mine.owner}"})
        if not left:
            break
        time.sleep(0.05)
    assert not left, "a box was left behind"
    assert _outside() == []
    mine.close()
    mine.client.close()


def _fork(mine: DockerEngine, attack: Attack) -> Outcome:
    opened = mine.open(Fit.of(attack.source, attack.bounds).warmed(), lasts_s=attack.bounds.time_s)
    try:
        assert opened.ready(time.monotonic() + READY_S), attack.name
        return Talk(opened, attack.source, attack.bounds).outcome(b"")
    finally:
        mine.discard(opened)


def _outside() -> list[str]:
    return [str(Path(folder, MARKER)) for folder in OUTSIDE if os.path.lexists(Path(folder, MARKER))]


@pytest.mark.parametrize(
    ("mode", "kind"), [("exec", kind) for kind in KINDS] + [("fork", kind) for kind in FORKED]
)
def test_every_hostile_program_ends_as_it_must(box, mode, kind):
    programs = [attack for attack in KINDS[kind] if mode == "exec" or attack.language == "python"]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        seen = list(threads.map(lambda attack: attack.wrong(box(attack)), programs))
    if wrong := [line for line in seen if line]:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_there_are_enough_programs_and_each_has_its_own_name():
    names = [f"{kind} {attack.name}" for kind, programs in KINDS.items() for attack in programs]
    assert len(names) >= 120
    assert len(set(names)) == len(names)
    assert sum(len(KINDS[kind]) for kind in FORKED) >= 90


def test_where_nothing_is_sealed_the_same_programs_fail_these_assertions(engine):
    """Without it an assertion that cannot fail would go unnoticed."""
    owner = uuid.uuid4().hex
    programs = [attack for kind in KINDS.values() for attack in kind]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        seen = list(threads.map(lambda a: a.wrong(control.run(engine.client, a, owner)), programs))
    assert len([line for line in seen if line]) >= 40
    assert engine.client.api.containers(all=True, filters={"label": f"{control.LABEL}={owner}"}) == []
