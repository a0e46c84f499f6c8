"""`make run` as a process: quick to start, honest about what it lacks, gone without a trace."""

import os
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests import modelserver as play
from tests.journeys.served import Served, boxes, free_port
from tests.waiting import wait

pytestmark = [pytest.mark.docker, pytest.mark.browser]


def test_it_says_where_it_is_and_ends_without_a_trace(tmp_path):
    served = Served(tmp_path / "var")
    served.start()
    served.stop()
    served.start()
    said = served.log.read_text()
    assert f"Vibe is at {served.url}/" in said
    assert "createsuperuser" in said
    assert "No AI model is connected yet." in said
    group = served.process.pid
    assert served.stop(signal.SIGINT) == 0
    assert "Nothing is left running" in served.log.read_text()
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # connections that have ended linger for a minute
        probe.bind(("127.0.0.1", served.port))


def test_ended_in_mid_run_it_leaves_no_box_and_goes_on_the_next_time(tmp_path):
    from tests.journeys.test_with_a_model import MAIN, TOML, blocks

    slow = MAIN.replace("print(", "import time; time.sleep(8)\nprint(", 1)
    with play.ModelServer([play.say(blocks(toml=TOML, main=slow))]) as model:
        served = Served(tmp_path / "var", OPENAI_BASE_URL=model.url, VIBE_MODEL="m")
        served.start()
        job = _begin(served, "Count lines", shape="tool")
        wait(lambda: served.rows("SELECT 1 FROM vibe_steprecord WHERE kind = 'run' AND job_id = ?", job))
        wait(lambda: boxes(*served.pids, warm=False))
        served.stop(signal.SIGTERM)
        wait(lambda: not boxes(*served.pids))
        assert served.rows("SELECT state FROM vibe_job WHERE id = ?", job) == [("queued",)]
        served.start()
        wait(lambda: served.rows("SELECT state FROM vibe_job WHERE id = ?", job) == [("done",)], 60)
        assert len(model.requests) == 1
        served.stop()


def _begin(served, words, **more):
    """A form sent the way a browser does, without one."""
    import http.cookiejar
    import urllib.parse

    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = opener.open(served.url + "/").read().decode()
    key = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    data = urllib.parse.urlencode(
        {"csrfmiddlewaretoken": key, "description": words, "once": "1", **more}
    ).encode()
    opener.open(urllib.request.Request(served.url + "/programs/", data, {"Origin": served.url})).read()
    return served.rows("SELECT max(id) FROM vibe_job")[0][0]


def test_a_port_that_is_taken_is_said_in_one_sentence(tmp_path):
    served = Served(tmp_path / "var")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", served.port))
        taken.listen()
        said = served.manage("serve")
    assert said.returncode == 1
    assert f"Port {served.port} cannot be used" in said.stderr
    assert "Traceback" not in said.stderr


def test_without_an_engine_it_serves_and_says_what_it_cannot_do(tmp_path):
    served = Served(tmp_path / "var", DOCKER_HOST=f"tcp://127.0.0.1:{free_port()}")
    served.start()
    try:
        assert "No Docker engine answers" in served.log.read_text()
        page = urllib.request.urlopen(served.url + "/").read().decode()
        assert "Sealed boxes are not available" in page
        job = _begin(served, "a focus timer")
        wait(
            lambda: (
                served.rows("SELECT state, sentence FROM vibe_job WHERE id = ?", job)
                == [("done", "Made, but not checked.")]
            )
        )
    finally:
        served.stop()


def test_every_bad_setting_is_named_in_one_message(tmp_path):
    served = Served(
        tmp_path / "var", SANDBOX_RUNTIME="chroot", OPENAI_BASE_URL="ftp://x", DATABASE_URL="oracle://y"
    )
    said = served.manage("check")
    assert said.returncode != 0
    for name in ("SANDBOX_RUNTIME", "OPENAI_BASE_URL", "DATABASE_URL"):
        assert name in said.stderr
    assert "Traceback" not in said.stderr


def test_phones_at_home_are_served_from_one_origin(tmp_path, visitor):
    served = Served(tmp_path / "var")
    served.var.mkdir(parents=True)
    from tests.journeys.served import ROOT, environment

    with served.log.open("a") as log:
        process = subprocess.Popen(
            [".venv/bin/python", "manage.py", "serve", "--lan", "--port", str(served.port)], cwd=ROOT, stdout=log, stderr=log,
            env=environment(served.var), start_new_session=True,
        )  # fmt: skip
    try:
        said = wait(
            lambda: (m := re.search(r"Vibe is at (http://[\d.]+:\d+)/", served.log.read_text())) and m[1]
        )
        page = wait(lambda: _page(said + "/"))
        assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
        assert _listening(served.port) == {re.search(r"//([\d.]+):", said)[1], "127.0.0.1"}
        assert _page(f"http://127.0.0.1:{served.port}/healthz").status == 200
        draft = urllib.request.urlopen(said + "/sealed/draft/")
        assert "sandbox allow-scripts allow-forms" in draft.headers["Content-Security-Policy"]
        assert "Anyone in that network can, too" in served.log.read_text()
        phone, friend = visitor(), visitor()
        phone.describe(said, "shopping list: milk, eggs")
        assert phone.finished() == "Ready. Try it."
        assert "milk" in phone.page.frame_locator("#part-preview iframe").locator("#list").inner_text()
        phone.page.click(".bar button[data-opens=share]")
        link = phone.page.input_value("#share-link")
        assert link.startswith(said)
        friend.page.goto(link)
        frame = friend.page.frame_locator("[data-frame] iframe")
        assert frame.locator("body").evaluate("() => origin") == "null"
        assert "eggs" in frame.locator("#list").inner_text()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _page(address):
    try:
        return urllib.request.urlopen(address)
    except OSError:
        return None


def _listening(port):
    """The addresses on which this port is listened to, as the kernel has them."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        number, _, at = address.partition(":")
        if state == "0A" and int(at, 16) == port:
            found.add(socket.inet_ntoa(bytes.fromhex(number)[::-1]))
    return found
