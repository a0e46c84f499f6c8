"""The doctor, asked of real processes: every part, and the one thing to do about it."""

import json
import re
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.journeys.apart import Apart
from tests.journeys.served import ROOT, Served, environment, free_port
from tests.services import Postgres, Redis
from vibe.management import examining
from vibe.management.commands.doctor import CHECKS


def told(said):
    """{part: (mark, sentence)}, the last of each part."""
    return {
        m[2].strip(): (m[1], m[3]) for m in re.finditer(r"^  (ok|NO|!!)\s+(.{18}) (.*)$", said, re.MULTILINE)
    }


def ask(env, *args):
    return subprocess.run(
        [sys.executable, "manage.py", *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120
    )  # fmt: skip


def read(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read().decode()


def until(holds, seconds=30):
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("var"), VIBE_LOG="json,DEBUG")
    made.start()
    yield made
    if made.process:
        made.stop()


@pytest.mark.docker
def test_of_one_running_process_everything_is_told_and_holds(served):
    until(lambda: "ok  worker" in read(served.url + "/readyz"))
    said = served.manage("doctor")
    assert said.returncode == 0, said.stdout + said.stderr
    found = told(said.stdout)
    assert found["worker"] == ("ok", "sweeps, and takes what is asked for")
    assert found["pages"] == ("ok", f"answer at {served.url}")
    assert found["content origin"][0] == "ok"
    assert found["database"][1].startswith("SQLite 3")
    parts = {
        "model",
        "allowance",
        "docker",
        "image python",
        "image browser",
        "redis",
        "broker",
        "clock",
        "disk",
        "limits",
    }
    assert parts <= set(found)


@pytest.mark.docker
def test_a_running_process_gives_its_figures_and_logs_lines_of_json(served):
    with pytest.raises(urllib.error.HTTPError):
        read(served.url + "/nothing/here/")
    until(lambda: "vibe_workers 1.0" in read(served.url + "/metrics"))
    text = read(served.url + "/metrics")
    assert "vibe_database_up 1.0" in text
    assert "process_resident_memory_bytes" in text
    lines = [line for line in served.log.read_text().splitlines() if line.startswith("{")]
    (missing,) = [one for line in lines if "/nothing/here/" in (one := json.loads(line))["message"]]
    assert (missing["logger"], len(missing["request"])) == ("django.request", 8)


@pytest.mark.docker
def test_when_it_does_not_run_the_doctor_says_how_to_start_it(tmp_path):
    env = environment(tmp_path / "var", VIBE_PORT=str(free_port()))
    assert ask(env, "migrate", "--verbosity", "0").returncode == 0
    said = ask(env, "doctor")
    assert said.returncode == 0, said.stdout
    found = told(said.stdout)
    assert found["worker"][0] == found["pages"][0] == "!!"
    assert "make run" in found["worker"][1]


@pytest.mark.docker
def test_apart_each_missing_part_is_named_and_a_live_worker_is_seen(tmp_path):
    postgres, redis = Postgres(), Redis()
    made = None
    try:
        postgres.start()
        redis.start()
        figures = free_port()
        made = Apart(tmp_path / "var", postgres, redis, VIBE_METRICS=f"127.0.0.1:{figures}", VIBE_LOG="json")
        made.manage("migrate", "--verbosity", "0")
        found = told(ask(made.env, "doctor").stdout)
        assert found["redis"] == found["broker"] == ("ok", "answers")
        assert found["database"][1].startswith("PostgreSQL 1")
        assert found["clock"] == ("ok", "agrees with PostgreSQL and Redis")
        assert found["worker"][0] == "NO"
        assert "manage.py work" in found["worker"][1]
        assert found["pages"][0] == "NO"
        made.start_web()
        made.start_worker()
        until(lambda: "ok  worker: 1 at work" in read(made.url + "/readyz"))
        said = ask(made.env, "doctor")
        assert said.returncode == 0, said.stdout
        assert told(said.stdout)["worker"] == ("ok", "1 at work")
        assert "vibe_jobs_claimed_total" in read(f"http://127.0.0.1:{figures}/metrics")
        assert read(f"http://127.0.0.1:{figures}/healthz") == "ok\n"
        assert "vibe_workers 1.0" in read(made.url + "/metrics")
        redis.kill()
        said = ask(made.env, "doctor")
        assert said.returncode == 1
        assert told(said.stdout)["redis"][0] == "NO"
        assert read(made.url + "/readyz").startswith("ready\n")
    finally:
        if made:
            made.stop()
        redis.close()
        postgres.close()


# --- parts that no test machine has on order --------------------------------------------------------------------


def test_every_part_is_asked_and_none_twice():
    assert len(set(CHECKS)) == len(CHECKS) >= 11


@pytest.mark.parametrize(
    ("free", "works"), [(100 << 20, False), (2 << 30, None), (100 << 30, True)], ids=["full", "little", "ample"]
)
def test_a_disk_that_is_nearly_full_says_what_makes_room(monkeypatch, free, works):
    monkeypatch.setattr(examining.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    ((part, ok, line),) = examining.disk()
    assert (part, ok) == ("disk", works)
    assert ("manage.py housekeep" in line) is (works is not True)


def test_beside_a_proxy_a_name_under_localhost_is_asked_of_nobody(settings):
    settings.VIBE_ORIGIN = f"https://vibe.localhost:{free_port()}"
    settings.EMBEDDED = False
    assert next(iter(examining.addresses()))[1] is False
    settings.CONFIG = replace(settings.CONFIG, proxies=1)
    assert [(part, ok) for part, ok, _ in examining.addresses()] == [("pages", None), ("content origin", None)]
    settings.VIBE_ORIGIN = "https://vibe.invalid"
    assert next(iter(examining.addresses()))[1] is False


def test_few_open_files_are_minded(monkeypatch):
    monkeypatch.setattr(examining.resource, "getrlimit", lambda what: (1024, 2048))
    ((_, ok, line),) = examining.limits()
    assert ok is None
    assert "ulimit -n" in line
    monkeypatch.setattr(examining.resource, "getrlimit", lambda what: (resource.RLIM_INFINITY,) * 2)
    assert next(iter(examining.limits()))[1] is True


def test_another_server_at_the_content_origin_is_told_from_ours(settings, served):
    settings.VIBE_ORIGIN = served.url
    settings.VIBE_CONTENT_ORIGIN = served.url  # the pages themselves: no sealed documents
    settings.SINGLE_ORIGIN = False
    found = {part: (ok, line) for part, ok, line in examining.addresses()}
    assert found["pages"][0] is True
    assert found["content origin"][0] is False
    assert "takes our headers away" in found["content origin"][1] or "it says" in found["content origin"][1]


def test_clocks_that_differ_are_told_with_by_how_much(settings, monkeypatch):
    class Ahead:
        def time(self):
            return int(time.time()) + 60, 0

    settings.EMBEDDED = False
    settings.CONFIG = replace(settings.CONFIG)
    monkeypatch.setattr(examining.presence, "client", Ahead)
    ((part, ok, line),) = examining.clock()
    assert (part, ok) == ("clock", False)
    assert re.search(r"Redis is \+(59|60)\.\d s", line)
