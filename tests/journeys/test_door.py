"""The served process itself: how soon it is there, what it takes in, and what it leaves readable to others."""

import http.client
import re
import resource
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.journeys.served import ROOT, Served
from vibe.forms import MAX_BODY

SLOW = 5.0  # seconds to the first page that issue and README promise


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("var"))
    made.start()
    yield made
    made.stop()


def test_the_first_page_is_there_within_five_seconds(tmp_path):
    """The best of three starts; where the machine is so busy that Django alone takes seconds to load, four times that."""
    made = Served(tmp_path / "var")
    seconds, bare = [], []
    for _ in range(3):
        seconds.append(made.start())
        made.stop()
        began = time.monotonic()
        subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, check=True, capture_output=True)
        bare.append(time.monotonic() - began)
        if min(seconds) <= SLOW:
            break
    assert min(seconds) <= max(SLOW, 4 * max(bare)), (seconds, bare)


def test_an_engine_that_accepts_and_is_silent_holds_neither_the_start_nor_a_page(tmp_path):
    with socket.create_server(
        ("127.0.0.1", 0), backlog=64
    ) as silent:  # accepted by the system, answered by nobody
        made = Served(tmp_path / "var", DOCKER_HOST=f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        assert made.start() < 5 * SLOW
        try:
            took = [3.0]  # so long is every page of one that waits for the engine
            while min(took) > 2 and len(took) < 4:
                time.sleep(2.5)  # what was found is forgotten by now
                began = time.monotonic()
                page = urllib.request.urlopen(made.url + "/").read().decode()
                took.append(time.monotonic() - began)
                assert "restart Docker" in page
            assert min(took) < 2, took
        finally:
            made.stop()


def ask(served, head: bytes, *, body=(), wait_s=5.0) -> tuple[bytes, float]:
    """What comes back to raw bytes, and after how many seconds. `body` is sent until an answer comes."""
    began = time.monotonic()
    with socket.create_connection(("localhost", served.port), timeout=wait_s) as line:
        line.sendall(head)
        try:
            for piece in body:
                line.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = line.recv(4096)
        return answer, time.monotonic() - began


HEAD = "POST /programs/ HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: multipart/form-data; boundary=x\r\n"


def test_a_body_that_is_announced_too_large_is_answered_before_it_is_sent(served):
    head = HEAD.format(port=served.port) + f"Content-Length: {50 << 30}\r\nExpect: 100-continue\r\n\r\n"
    answer, seconds = ask(served, head.encode(), wait_s=60)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 MB in all" in answer
    assert b"100 Continue" not in answer
    assert seconds < 20
    assert served.process.poll() is None


def test_a_body_in_chunks_is_counted_and_kept_no_longer_than_it_may_be(served):
    head = HEAD.format(port=served.port) + "Transfer-Encoding: chunked\r\n\r\n"
    piece = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    sent = 0

    def body():
        nonlocal sent
        while sent < 4 * MAX_BODY:
            sent += 1 << 20
            yield piece

    answer, _ = ask(served, head.encode(), body=body(), wait_s=20)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert f"http://localhost:{served.port}/" in served.log.read_text()
    assert "Traceback" not in served.log.read_text()


def test_a_small_body_in_chunks_is_taken_as_ever(served):
    line = http.client.HTTPConnection("localhost", served.port, timeout=30)
    line.request("POST", "/programs/", body=iter([b"description=", b"tea"]), encode_chunked=True,
                 headers={"Transfer-Encoding": "chunked", "Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert line.getresponse().status == 403  # without its token, which is the next gate
    line.close()


@pytest.mark.parametrize("chunks", [False, True])
def test_a_form_of_many_megabytes_is_never_in_memory(served, chunks):
    """Read by a server for nobody, thirty megabytes of such words took two gigabytes."""
    words = b"description=" + b"%41B" * (30 << 18)
    before = _peak(served, anew=True)
    line = http.client.HTTPConnection("localhost", served.port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers |= {"Transfer-Encoding": "chunked"} if chunks else {}
    line.request(
        "POST", "/programs/", body=iter([words]) if chunks else words, headers=headers, encode_chunked=chunks
    )
    assert line.getresponse().status in {400, 403, 413}
    line.close()
    assert _peak(served) - before < 300, "MB"


def test_large_uploads_that_end_at_once_are_not_in_memory(served):
    """From nobody in particular, six of a hundred megabytes took six hundred, and kept them."""
    head = HEAD.format(port=served.port) + f"Cookie: csrftoken={'a' * 32}\r\nContent-Length: {80 << 20}\r\n\r\n"
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
    before, lines = _own(served), []
    for _ in range(3):
        line = socket.create_connection(("localhost", served.port), timeout=60)
        line.sendall(head.encode() + part)
        for _ in range(79):
            line.sendall(bytes(1 << 20))
        lines.append(line)
    for line in lines:
        line.sendall(bytes((1 << 20) - len(part) - 9) + b"\r\n--x--\r\n")
    most = 0.0
    for line in lines:
        line.settimeout(0.02)
        for _ in range(2000):
            most = max(most, _own(served))
            try:
                assert line.recv(100).startswith(b"HTTP/1.1 403 ")  # without its token
            except TimeoutError:
                continue
            break
        line.close()
    assert most - before < 60, "MB"


def test_many_small_files_from_anybody_leave_descriptors_for_others(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard > 4096
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))  # what most systems give
    try:
        made = Served(tmp_path / "var")
        made.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%d.csv"\r\n\r\n%s\r\n'
    body = b"".join(part % (n, bytes(1500)) for n in range(1990)) + b"--x--\r\n"
    head = HEAD.format(port=made.port) + f"Cookie: csrftoken={'a' * 32}\r\nContent-Length: {len(body)}\r\n\r\n"
    try:
        assert ask(made, head.encode(), body=[body], wait_s=60)[0].startswith(b"HTTP/1.1 403 ")
        assert "Too many open files" not in made.log.read_text()
    finally:
        made.stop()


def test_a_visitor_says_nothing_about_our_own_path(served):
    line = http.client.HTTPConnection("localhost", served.port, timeout=30)
    line.request("GET", "/x/healthz", headers={"Daphne-Root-Path": "/x"})
    assert line.getresponse().status == 404
    line.close()


def _own(served) -> float:
    """Its memory in MB, without files that are mapped into it."""
    said = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(said.split("RssAnon:")[1].split()[0]) / 1000


def _peak(served, *, anew: bool = False) -> float:
    """The most memory that it had since this was asked `anew`, in MB."""
    about = Path(f"/proc/{served.process.pid}")
    if anew:
        (about / "clear_refs").write_text("5")
    said = (about / "status").read_text()
    return int(said.split("VmHWM:")[1].split()[0]) / 1000


def test_two_requests_on_one_line_are_each_counted_alone(served):
    line = http.client.HTTPConnection("localhost", served.port, timeout=30)
    for _ in range(2):
        line.request("GET", "/healthz")
        assert line.getresponse().read()
    line.close()


def test_nobody_else_on_the_machine_reads_what_it_writes(served):
    urllib.request.urlopen(served.url + "/").read()
    assert stat.S_IMODE(served.var.stat().st_mode) == 0o700
    for path in served.var.rglob("*"):
        if path != served.log:  # that one is the test's own
            assert not path.stat().st_mode & 0o077, path


def test_what_the_terminal_makes_is_open_as_the_persons_files_are_and_the_rest_is_not(tmp_path):
    made = Served(tmp_path / "var")
    out = tmp_path / "made"
    said = made.manage("generate", "A timer for 25 minutes of work and 5 minutes of rest", "--out", str(out))
    assert said.returncode in {0, 1}, said.stderr
    assert stat.S_IMODE((out / "index.html").stat().st_mode) == 0o644
    assert stat.S_IMODE(made.var.stat().st_mode) == 0o700
    assert not (made.var / "vibe.sqlite3").stat().st_mode & 0o077


def test_a_first_form_that_is_sent_twice_at_once_makes_one_program_of_one_person(tmp_path):
    """Without a script nothing holds the second press, and no answer has brought a session yet."""
    made = Served(tmp_path / "var")
    made.start()
    try:
        page = http.client.HTTPConnection("localhost", made.port, timeout=30)
        page.request("GET", "/")
        reply = page.getresponse()
        cookie = reply.headers["Set-Cookie"].partition(";")[0]
        fields = dict(re.findall(r'name="(csrfmiddlewaretoken|once)" value="([^"]+)"', reply.read().decode()))
        page.close()
        body = urlencode({**fields, "description": "A timer for 25 minutes of work and 5 minutes of rest"})
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        gate = threading.Barrier(4)

        def press(_) -> str:
            line = http.client.HTTPConnection("localhost", made.port, timeout=60)
            line.connect()
            gate.wait()
            line.request("POST", "/programs/", body, headers)
            where = line.getresponse().headers["Location"]
            line.close()
            return where

        with ThreadPoolExecutor(4) as hands:
            assert len(set(hands.map(press, range(4)))) == 1
        for table in ("maker", "program", "job"):
            assert made.rows(f"SELECT count(*) FROM vibe_{table}") == [(1,)], table
        assert made.rows("SELECT used FROM vibe_count WHERE what = 'makers' AND who = 'site'") == [(1,)]
    finally:
        made.stop()
