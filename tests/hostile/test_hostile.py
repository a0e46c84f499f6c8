"""Every hostile program ends as it must and says what it must; then the box is gone and nothing of it is anywhere.

Programs run four at a time. `mode` is how a program is started: those that could differ go through the table twice.
"""

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path

import pytest
from docker.errors import NotFound

from sandbox import Outcome
from sandbox.docker_engine import DockerEngine
from sandbox.sealing import LABEL, Fit
from sandbox.talk import READY_S, Talk
from tests.hostile import control
from tests.hostile.attack import Attack
from tests.hostile.programs import artifacts, escape, kernel, languages, network, resources, running
from tests.pace import PACE

pytestmark = pytest.mark.docker
AT_ONCE = 4
ENOUGH = 60  # of the control: some 140 of all would fail, and 40 are asked for
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
FORKED = {
    kind: [attack for attack in KINDS[kind] if attack.language == "python"]
    for kind in ("resources", "processes", "protocol", "time", "signals", "output", "secrets")
}
# And what these get hangs on what a fork inherits: descriptors, folder, rights.
FORKED["inherited"] = [
    attack
    for attack in (*KINDS["kernel"], *KINDS["escape"], *KINDS["artifacts"])
    if attack.name in {
        "rights_are_none", "leaked_descriptors", "leaked_working_folder", "overwrite_the_runtime", "who",
        "link_to_a_descriptor", "swapped_all_the_time",
    }
]  # fmt: skip
GONE_S = 10.0 * PACE  # an engine with four boxes in hand takes a second at most
OUTSIDE = ("/tmp", "/", "/etc", "/usr/bin", "/var", "/root", "/home", "/run", "/dev", "/dev/shm", ".")
MARKER = "vibe-hostile-marker"


@pytest.fixture
def box(
    engine: DockerEngine, mode: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Attack], Outcome]]:
    """Runs a program in a box of its own, and sees the box gone, the engine well and the machine clean after each.

    mode: "exec", the program is started in a box opened for it; "fork", it is a fork of the Python of a warm box.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    mine = DockerEngine(owner=f"hostile-{socket.gethostname()}-{uuid.uuid4().hex[:8]}")

    def run(attack: Attack) -> Outcome:
        fit = Fit.of(attack.source, attack.bounds)
        opened = mine.open(fit.warmed() if mode == "fork" else fit, lasts_s=attack.bounds.time_s)
        if mode == "fork":
            assert opened.ready(time.monotonic() + READY_S), attack.name
            assert opened.hello["forks"] is True, f"{attack.name}: it would be started as any other"
        got = mine.talk(Talk(opened, attack.source, attack.bounds), b"")
        assert _gone(mine, opened.id), f"{attack.name}: its box was left behind"
        assert mine.client.ping(), attack.name
        assert _outside() == [], attack.name
        return got

    yield run
    left = mine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={mine.owner}"})
    assert not left, "a box was left behind"
    mine.close()
    mine.client.close()


def _gone(mine: DockerEngine, identity: str) -> bool:
    until = time.monotonic() + GONE_S
    while time.monotonic() < until:
        try:
            mine.client.api.inspect_container(identity)
        except NotFound:
            return True
        time.sleep(0.05)
    return False


def _outside() -> list[str]:
    return [str(Path(folder, MARKER)) for folder in OUTSIDE if os.path.lexists(Path(folder, MARKER))]


@pytest.mark.parametrize(
    ("mode", "kind"), [("exec", kind) for kind in KINDS] + [("fork", kind) for kind in FORKED]
)
def test_every_hostile_program_ends_as_it_must(box, mode, kind):
    programs = KINDS[kind] if mode == "exec" else FORKED[kind]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        seen = list(threads.map(lambda attack: attack.wrong(box(attack)), programs))
    if wrong := [line for line in seen if line]:
        pytest.fail("\n".join(wrong), pytrace=False)


@pytest.mark.parametrize(("mode", "loaded"), [("exec", "False"), ("fork", "True")])
def test_a_program_of_the_table_is_started_as_its_mode_says(box, loaded):
    """Only a fork finds modules that it did not import itself."""
    canary = Attack("canary", "print('numpy' in sys.modules)", loaded)
    assert canary.wrong(box(canary)) == ""


def test_there_are_enough_programs_and_each_has_its_own_name():
    names = [f"{kind} {attack.name}" for kind, programs in KINDS.items() for attack in programs]
    assert len(names) >= 120
    assert len(set(names)) == len(names)
    assert sum(map(len, FORKED.values())) >= 100
    assert len(FORKED["inherited"]) == 7


def test_where_nothing_is_sealed_the_same_programs_fail_these_assertions(engine):
    """Without it an assertion that cannot fail would go unnoticed. Of all kinds in turn, until enough of them failed."""
    owner = uuid.uuid4().hex
    programs = [attack for row in zip_longest(*KINDS.values()) for attack in row if attack]
    wrong: list[str] = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        while programs and len(wrong) < ENOUGH:
            some, programs = programs[: 4 * AT_ONCE], programs[4 * AT_ONCE :]
            seen = threads.map(lambda a: a.wrong(control.run(engine.client, a, owner)), some)
            wrong += [line for line in seen if line]
    assert len(wrong) >= ENOUGH
    assert engine.client.api.containers(all=True, filters={"label": f"{control.LABEL}={owner}"}) == []
