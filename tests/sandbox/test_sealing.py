"""A box that is not sealed takes no job; engines elsewhere are reached; what a full box says."""

import contextlib
import os
import select
import socket
import threading
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from sandbox import EngineUnavailable, Limits, Source, catalog
from sandbox.docker_engine import DockerEngine
from sandbox.pool import Pool
from sandbox.sealing import LABEL, Fit, config, untaken
from vibe.generation import look
from vibe.generation.bundle import bundle

pytestmark = pytest.mark.docker
HELLO = Source("python", ("python3", "-c", "print('hello')"))


def boxes(engine):
    return engine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={engine.owner}"})


@pytest.mark.parametrize("image", catalog.names())
@pytest.mark.parametrize("warm", [False, True])
def test_the_engine_took_every_option_of_every_image(engine, image, warm):
    fit = Fit.of(Source(image, ()), Limits())
    fit = fit.warmed() if warm else fit
    box = engine.open(fit, lasts_s=20)
    try:
        seen = engine.client.api.inspect_container(box.id)
        asked = engine.config(fit)
        assert untaken(asked, seen) == []
        assert seen["HostConfig"]["Ulimits"] == asked["HostConfig"]["Ulimits"]
        assert seen["Config"]["Image"] == asked["Image"]
        assert (seen["AppArmorProfile"] or "") != "unconfined"
    finally:
        engine.discard(box)


@pytest.mark.parametrize(
    ("api", "info", "asks"),
    [
        ("1.41", {"CgroupVersion": "2"}, True),
        ("1.50", {"CgroupVersion": "2"}, True),
        ("1.40", {"CgroupVersion": "2"}, False),
        ("1.41", {"CgroupVersion": "1"}, False),
        ("1.41", {}, False),
        ("", {"CgroupVersion": "2"}, False),
    ],
)
def test_where_cgroups_are_of_the_second_kind_a_box_sees_its_own_alone(api, info, asks):
    some = DockerEngine()
    some._client = Mock(api=Mock(_version=api, info=Mock(return_value=info)))
    host = some.config(Fit.of(HELLO, Limits()))["HostConfig"]
    assert host.get("CgroupnsMode") == ("private" if asks else None)
    some.config(Fit.of(HELLO, Limits()))
    some._client.api.info.assert_called_once()


@pytest.mark.parametrize(("cores", "may_use"), [(1, 1.0), (2, 2.0), (64, 2.0), (None, 2.0)])
def test_a_box_may_use_no_more_cores_than_its_engine_has(cores, may_use):
    """An engine refuses to make one that may."""
    some = DockerEngine()
    some._client = Mock(api=Mock(_version="1.41", info=Mock(return_value={"NCPU": cores})))
    fit = Fit.of(Source("browser", ()), Limits())
    assert some.config(fit)["HostConfig"]["NanoCpus"] == may_use * 1e9


def test_an_engine_that_shares_its_cgroups_all_the_same_is_found_out():
    asked = config(Fit.of(HELLO, Limits()), owner="a", deadline=0, own_cgroups=True)
    seen = {"HostConfig": {**asked["HostConfig"], "CgroupnsMode": "host"}, "Config": asked}
    assert untaken(asked, seen) == ["CgroupnsMode"]


def test_a_box_that_sees_its_own_cgroup_alone_still_counts(engine):
    """Asked of whatever engine is here, which may be one that is not asked by itself."""
    own = DockerEngine(f"own-{os.getpid()}")
    own._own_cgroups = True
    code = b"import os, time\nprint(open('/proc/self/cgroup').read())\ntry:\n    while True:\n        if not os.fork(): time.sleep(9)\nexcept OSError: pass"
    try:
        got = own.run(Source("python", ("python3", "main.py"), {"main.py": code}))
    finally:
        own.close()
    assert got.ok, got.stderr
    assert "docker" not in got.stdout
    assert "new process" in " ".join(got.notes)


@pytest.mark.parametrize(
    ("option", "instead"),
    [("ReadonlyRootfs", False), ("CapDrop", None), ("SecurityOpt", None), ("NetworkMode", "bridge"), ("PidsLimit", 0)],
)  # fmt: skip
def test_an_engine_that_does_not_take_an_option_gets_no_job(option, instead):
    lax = DockerEngine(f"lax-{os.getpid()}-{option}")
    create = lax.client.api.create_container_from_config

    def loosen(asked, name):
        return create({**asked, "HostConfig": {**asked["HostConfig"], option: instead}}, name)

    lax.client.api.create_container_from_config = loosen
    with pytest.raises(EngineUnavailable, match=f"did not take {option}"):
        lax.run(HELLO)
    for _ in range(100):  # the engine lists it for a moment while it removes it
        if not boxes(lax):
            break
        time.sleep(0.1)
    assert not boxes(lax)
    lax.close()


def test_a_runtime_that_the_engine_does_not_have_is_a_sentence(monkeypatch):
    monkeypatch.setenv("SANDBOX_RUNTIME", "not-there")
    wishful = DockerEngine()
    assert "SANDBOX_RUNTIME" in wishful.available()
    with pytest.raises(Exception, match="SANDBOX_RUNTIME"):
        wishful.run(HELLO)


def test_what_was_refused_or_full_is_said(engine):
    code = b"import os\nn = 0\ntry:\n    while True:\n        if os.fork() == 0:\n            os._exit(0) if n > 500 else __import__('time').sleep(5)\n        n += 1\nexcept OSError:\n    print('refused')\n    os._exit(0)"
    got = engine.run(Source("python", ("python3", "main.py"), {"main.py": code}), limits=Limits(time_s=8.0))
    assert "refused" in got.stdout
    assert any("new process" in note and "refused" in note for note in got.notes)
    code = b"with open('big', 'wb') as f:\n    while True:\n        f.write(bytes(1 << 16)); f.flush()"
    got = engine.run(
        Source("python", ("python3", "main.py"), {"main.py": code}), limits=Limits(disk_bytes=8 << 20)
    )
    assert "No space left" in got.stderr
    assert "its disk was full" in got.notes


@pytest.fixture
def far(monkeypatch):
    """The same engine behind a TCP port, as DOCKER_HOST names one on another machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ending = threading.Event()

        def serve():
            while not ending.is_set():
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=carry, args=(near,), daemon=True).start()

        def carry(near):
            with near, socket.socket(socket.AF_UNIX) as there, contextlib.suppress(OSError):
                there.connect(str(Path("/var/run/docker.sock")))
                to = {near: there, there: near}
                while True:
                    for one in select.select(list(to), [], [])[0]:
                        data = one.recv(1 << 16)
                        if not data:
                            return
                        to[one].sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.getsockname()[1]}")
        yield
        ending.set()


def test_an_engine_on_another_machine_is_used_by_tcp(far):
    remote = DockerEngine(f"far-{os.getpid()}")
    got = remote.run(HELLO)
    assert (got.ended, got.stdout) == ("exit", "hello\n")
    remote.close()


def test_an_engine_that_ssh_does_not_reach_is_a_sentence(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "ssh://nobody@127.0.0.1:9")
    assert "ssh" in DockerEngine().available()


def test_a_page_is_looked_at_by_a_browser_that_was_started_before():
    pool = Pool(DockerEngine(f"kept-{os.getpid()}"), ready=1)
    page = bundle(
        {
            "index.html": "<!doctype html><title>t</title><h1>Hi</h1><button onclick='document.title=1'>Go</button>"
        }
    )
    try:
        assert pool.wait_ready("browser", look.limits())
        kept, _ = next(iter(pool._stock.idle.values()))[0]
        assert kept.hello["kept"] is True
        outcome = pool.run(look.source(page, (), brief=True), limits=look.limits())
        assert pool.hits == 1
        seen = look.observations(outcome, page)
        assert seen.data["loaded"], outcome
        assert "Hi" in seen.data["text"]
        cold = look.observations(pool.engine.run(look.source(page, (), brief=True), limits=look.limits()), page)
        assert {**seen.data, "seconds": 0} == {**cold.data, "seconds": 0}
        assert pool.wait_ready("browser", look.limits())
        other = pool.run(Source("browser", ("sh", "-c", "pgrep chromium || echo none")), limits=look.limits())
        assert other.stdout == "none\n", "for another command the browser makes room"
    finally:
        pool.close()
