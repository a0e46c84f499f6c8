"""The stack of compose.yaml, started for real and driven through its proxy: `make test-compose` (some five minutes).

Not named test_*.py: it starts a dozen containers, so `make test` leaves it out. Everything is its own: a folder, a
project name, ports of this machine alone; all of it is removed.
"""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.journeys.conftest import visitor  # noqa: F401  a fixture
from tests.journeys.served import ROOT, free_port
from tests.journeys.test_without_a_model import BANK, BILL
from tests.waiting import wait

pytestmark = [pytest.mark.docker, pytest.mark.browser]
OURS = ("proxy", "web", "worker", "gate", "redis", "postgres")


class Stack:
    """A stack with a folder of its own, worked by the same commands as an operator's."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, f"vibe-test-{os.getpid()}"
        self.https, self.http = free_port(), free_port()
        self.site, self.cards = f"vibe.localhost:{self.https}", f"cards.localhost:{self.https}"
        self.url = f"https://{self.site}"
        lines = (
            f"VIBE_SITE={self.site}", f"VIBE_CARDS={self.cards}", f"VIBE_HTTPS={self.https}", f"VIBE_HTTP={self.http}",
            "VIBE_RELEASE=journey",
        )  # fmt: skip
        (folder / ".env").write_text("\n".join(lines) + "\n")

    def deploy(self, *words: str, code: int = 0) -> str:
        """What `python -m deploy` said; it must end with `code`."""
        command = [
            sys.executable,
            "-m",
            "deploy",
            "--folder",
            str(self.folder),
            "--project",
            self.project,
            *words,
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr + self.logs()
        self.settle()
        return done.stdout + done.stderr

    @staticmethod
    def settle() -> None:
        """Until no network of this machine has come or gone for a while: Chromium breaks off what it loads when one does."""
        known, since = None, time.monotonic()
        while time.monotonic() - since < 2:
            now = sorted(os.listdir("/sys/class/net"))
            known, since = (now, since) if now == known else (now, time.monotonic())
            time.sleep(0.1)

    def containers(self, service: str) -> list[str]:
        label = f"label=com.docker.compose.project={self.project}"
        return docker(
            "ps", "-aq", "--no-trunc", "-f", label, "-f", f"label=com.docker.compose.service={service}"
        ).split()

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "exec", self.containers(service)[0], *command],
            capture_output=True,
            text=True,
            check=False,
        )

    def logs(self) -> str:
        return "\n".join(
            f"--- {name}\n" + docker("logs", one, both=True)[-3000:] for name in (*OURS, "migrate") for one in self.containers(name)
        )  # fmt: skip

    def ask(self, host: str, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str):
        """(status, headers, body) through the proxy, whose certificate is verified."""
        context = ssl.create_default_context(cafile=str(self.folder / "secrets/tls/authority.crt"))
        talk = http.client.HTTPSConnection("127.0.0.1", self.https, timeout=60, context=context)
        raw = socket.create_connection(("127.0.0.1", self.https), 10)
        talk.sock = context.wrap_socket(raw, server_hostname=host.partition(":")[0])
        try:
            talk.request(method, path, body, {"Host": host, **headers})
            reply = talk.getresponse()
            return reply.status, reply.headers, reply.read().decode()
        finally:
            talk.close()


def docker(*words: str, both: bool = False) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if both else done.stdout


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Stack(tmp_path_factory.mktemp("stack"))
    try:
        made.deploy("up")
        yield made
    finally:
        made.deploy("down", "--volumes")
        assert docker("ps", "-aq", "-f", f"label=com.docker.compose.project={made.project}") == ""
        assert docker("volume", "ls", "-q", "-f", f"name={made.project}_") == ""


@pytest.fixture
def person(visitor):  # noqa: F811
    """Somebody with a browser; the certificate is of an authority that only `ask` knows."""
    return lambda: visitor(ignore_https_errors=True)


def makes(someone, stack: Stack) -> str:
    """Make the bill splitter, see it live, open its checks. The link of its card."""
    someone.describe(stack.url, BILL)
    assert "ready-made, no AI was used" in someone.page.wait_for_selector("#part-note .sheet").inner_text()
    someone.page.wait_for_selector("#part-steps li[data-step]")
    assert someone.finished() == "Ready. Try it.", someone.page.inner_text("#part-end")
    frame = someone.page.frame_locator("#part-preview iframe")
    frame.locator(".had").first.fill("20")
    assert frame.locator(".owes").first.inner_text() == "€22.00"
    someone.page.click("#tab-checks")
    assert "checks hold" in someone.page.inner_text("#part-checks h2")
    someone.page.click(".bar button[data-opens=share]")
    return someone.page.input_value("#share-link")


def opens(someone, link: str, stack: Stack) -> None:
    someone.page.goto(link)
    card = someone.page.frame_locator("[data-frame] iframe")
    card.locator(".had").first.fill("12,50")
    assert card.locator(".owes").first.inner_text() == "€13.75"
    assert card.locator("body").evaluate("() => origin") == "null"
    inside = [frame.url for frame in someone.page.frames if frame.url.endswith(f".{stack.cards}/")]
    assert len(inside) == 1, "the card is shown from a host of its own"


def test_a_sentence_becomes_a_card_that_a_stranger_opens(stack, person):
    link = makes(person(), stack)
    assert link.startswith(stack.url + "/c/")
    opens(person(), link, stack)


def test_a_tool_runs_in_a_box_and_is_there_again_after_all_was_lost(stack, person, tmp_path):
    """Two makers, two workers; backed up, thrown away with its volumes, restored."""
    maker, friend = person(), person()
    link = makes(maker, stack)
    maker.describe(stack.url, "Turn my bank CSV into monthly totals, rent on its own line")
    assert maker.finished() == "Ready. Try it."
    maker.page.click(".bar button[data-opens=share]")
    friend.page.goto(maker.page.input_value("#share-link"))
    bank = tmp_path / "bank.csv"
    bank.write_text(BANK)
    friend.page.set_input_files("#in-file", bank)
    friend.page.click("form button.big")
    friend.page.wait_for_url("**/runs/*/#result")
    friend.page.wait_for_selector("#part-run table")
    result = friend.page.url

    kept = tmp_path / "backup"
    stack.deploy("backup", str(kept))
    assert {path.name for path in kept.iterdir()} == {"about.json", "database.dump", "files.tar"}
    assert "nothing was changed" in stack.deploy("restore", str(kept), code=1)
    stack.deploy("down", "--volumes")
    stack.deploy("restore", str(kept))

    opens(person(), link, stack)
    friend.page.goto(result)
    with friend.page.expect_download() as download:
        friend.page.click("#part-run .btn:has-text('monthly-totals.csv')")
    assert "2026-01,2840.00,870.00,64.20" in download.value.path().read_text()
    maker.page.goto(stack.url + "/shelf/")
    assert "Split the bill" in maker.page.inner_text("#cards")
    makes(maker, stack)


def test_a_second_worker_goes_on_when_the_first_is_killed(stack, person):
    stack.deploy("scale", "worker", "2")
    workers = stack.containers("worker")
    assert len(workers) == 2
    for worker in workers:
        _until(
            lambda one=worker: docker("inspect", "-f", "{{.State.Health.Status}}", one).strip() == "healthy", 90
        )
    docker("kill", workers[0])
    try:
        makes(person(), stack)
    finally:
        stack.deploy("up")
    assert len(stack.containers("worker")) == 2, "how many there are is kept"
    stack.deploy("scale", "worker", "1")
    assert len(stack.containers("worker")) == 1


def test_two_processes_of_pages_serve_one_person(stack, person):
    stack.deploy("scale", "web", "2")
    try:
        asked = set()
        for _ in range(20):
            assert stack.ask(stack.site, "/readyz")[0] == 200
        for line in docker("logs", stack.containers("proxy")[0]).splitlines():
            asked.add(json.loads(line)["web"])
        assert len(asked) >= 2
        opens(person(), makes(person(), stack), stack)
    finally:
        stack.deploy("scale", "web", "1")


# --- who reaches what -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", OURS)
def test_a_service_is_nobody_and_can_change_nothing_of_itself(stack, service):
    status = dict(
        line.split(":", 1) for line in stack.execute(service, "cat", "/proc/1/status").stdout.splitlines()
    )
    assert set(status["Uid"].split()) & {"0"} == set()
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert "Read-only file system" in stack.execute(service, "sh", "-c", "echo > /new").stderr
    seen = json.loads(docker("inspect", stack.containers(service)[0]))[0]["HostConfig"]
    assert seen["Memory"] > 0
    assert seen["NanoCpus"] > 0
    assert seen["PidsLimit"] > 0
    assert not seen["Privileged"]


def test_only_the_gate_sees_the_engine_and_only_workers_see_the_gate(stack):
    for service in OURS:
        seen = json.loads(docker("inspect", stack.containers(service)[0]))[0]
        mounts = {mount["Destination"] for mount in seen["Mounts"]}
        assert ("/var/run/docker.sock" in mounts) is (service == "gate"), service
        assert ("/run/gate" in mounts) is (service in {"gate", "worker"}), service
    assert docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", stack.containers("gate")[0]).strip() == "none"
    asking = "import os; from sandbox.docker_engine import DockerEngine; print(DockerEngine().available())"
    assert "No Docker engine answers" in stack.execute("web", "python3", "-c", asking).stdout
    assert stack.execute("worker", "python3", "-c", asking).stdout == "\n"
    opening = "import docker; docker.from_env().containers.run('vibe-app:journey', volumes=['/:/host'])"
    assert "The gate refused it" in stack.execute("worker", "python3", "-c", opening).stderr


def test_the_database_and_redis_have_no_way_out_and_the_proxy_none_to_them(stack):
    for service in ("postgres", "redis"):
        seen = json.loads(docker("inspect", stack.containers(service)[0]))[0]
        assert list(seen["NetworkSettings"]["Networks"]) == [f"{stack.project}_back"]
    assert docker("network", "inspect", "-f", "{{.Internal}}", f"{stack.project}_back").strip() == "true"
    reach = "curl -sS --max-time 5 telnet://%s"
    for name in ("postgres:5432", "redis:6379"):
        assert "Could not resolve host" in stack.execute("proxy", "sh", "-c", reach % name).stderr


def test_no_secret_is_to_be_seen_in_an_inspection_a_process_list_or_a_log(stack):
    secrets = [
        path.read_text().strip() for path in (stack.folder / "secrets").iterdir() if path.is_file() and path.stat().st_size
    ]  # fmt: skip
    assert len(secrets) >= 4
    for service in OURS:
        one = stack.containers(service)[0]
        for seen in (docker("inspect", one), docker("top", one), docker("logs", one, both=True)):
            assert not [secret for secret in secrets if secret in seen], service
    assert oct((stack.folder / "secrets").stat().st_mode & 0o777) == "0o700"


def test_doctor_finds_every_part_well(stack):
    said = stack.deploy("manage", "worker", "doctor")
    assert "NO " not in said
    for part in ("docker", "image browser", "database", "broker", "disk"):
        assert f"ok  {part} " in said, said


# --- the proxy --------------------------------------------------------------------------------------------------


def test_both_hosts_have_a_certificate_and_strangers_none(stack):
    assert stack.ask(stack.site, "/healthz")[0] == 200
    status, headers, _ = stack.ask(f"abc.{stack.cards}")
    assert status == 404
    assert "sandbox allow-scripts" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers
    with pytest.raises(ssl.SSLError):
        stack.ask("somebody.example")
    with socket.create_connection(("127.0.0.1", stack.http), 10) as plain:
        plain.sendall(f"GET /shelf/?a=b HTTP/1.1\r\nHost: vibe.localhost:{stack.http}\r\n\r\n".encode())
        said = plain.recv(4096).decode()
    assert said.startswith("HTTP/1.1 308")
    assert f"Location: {stack.url}/shelf/?a=b" in said


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/./metrics", "/a/../metrics"]
)
def test_figures_are_not_for_the_internet(stack, path):
    assert stack.ask(stack.site, path)[0] == 404
    assert stack.ask(f"abc.{stack.cards}", path)[0] == 404


def test_a_body_that_is_too_large_is_answered_at_once(stack):
    status, _, said = stack.ask(stack.site, "/programs/", "POST", b"", **{"Content-Length": str(200 << 20)})
    assert status == 413
    assert "100 MB in all" in said


def test_of_large_bodies_only_a_few_of_one_address_are_taken_at_once(stack):
    """None of them is ever whole: its sender stops in the middle."""
    context = ssl.create_default_context(cafile=str(stack.folder / "secrets/tls/authority.crt"))
    name = stack.site.partition(":")[0]
    begun = f"POST /programs/ HTTP/1.1\r\nHost: {stack.site}\r\nContent-Length: 50000000\r\n\r\nrequest="
    with contextlib.ExitStack() as held:
        for _ in range(6):
            raw = held.enter_context(socket.create_connection(("127.0.0.1", stack.https), 10))
            line = held.enter_context(context.wrap_socket(raw, server_hostname=name))
            line.sendall(begun.encode())
        time.sleep(1)  # all of them were read as far as they go
        status, headers, said = stack.ask(stack.site, "/programs/", "POST", b"x" * 2_000_000)
        assert (status, headers["Retry-After"]) == (503, "30")
        assert "Wait until some are here" in said
        assert stack.ask(stack.site)[0] == 200
    wait(
        lambda: stack.ask(stack.site, "/programs/", "POST", b"x" * 2_000_000)[0] == 403, 20
    )  # the app's: no token


def test_what_a_caller_says_of_itself_is_replaced(stack):
    """An echo in place of the pages, behind the same image of the proxy."""
    net, name = f"{stack.project}-echo", f"{stack.project}-echo"
    port = free_port()
    echo = (
        "from http.server import *\n"
        "class E(BaseHTTPRequestHandler):\n"
        " def do_GET(self):\n"
        "  self.send_response(200); self.end_headers(); self.wfile.write(str(self.headers).encode())\n"
        "HTTPServer(('', 8000), E).serve_forever()"
    )
    docker("network", "create", net)
    try:
        docker(
            "run",
            "-d",
            "--rm",
            "--network",
            net,
            "--network-alias",
            "web",
            "--name",
            name,
            "vibe-app:journey",
            "python3",
            "-c",
            echo,
        )
        docker(
            "run", "-d", "--rm", "--network", net, "--name", f"{name}-proxy", "-e", f"VIBE_ORIGIN=https://{stack.site}",
            "-e", f"VIBE_CONTENT_ORIGIN=https://{{card}}.{stack.cards}", "--read-only", "--tmpfs", "/tmp:mode=1777",
            "-v", f"{stack.folder}/secrets/tls:/run/tls:ro", "-p", f"127.0.0.1:{port}:8443", "vibe-proxy:journey",
        )  # fmt: skip
        other = Stack.__new__(Stack)
        other.folder, other.https = stack.folder, port
        lies = {
            "X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6", "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "gopher", "Via": "1.1 evil", "X-Forwarded-Port": "6666",
        }  # fmt: skip
        _until(lambda: _status(other, stack.site) == 200, 60)
        heard = other.ask(stack.site, "/", **lies)[2]
    finally:
        docker("rm", "-f", name, f"{name}-proxy")
        docker("network", "rm", net)
    for lie in ("6.6.6.6", "evil", "gopher", "6666"):
        assert lie not in heard
    assert "X-Forwarded-Proto: https" in heard
    assert heard.count("X-Forwarded-For:") == 1
    assert f"Host: {stack.site}" in heard


def test_while_the_pages_are_away_people_are_told_so(stack):
    web = stack.containers("web")[0]
    docker("stop", "-t", "5", web)
    try:
        status, headers, said = stack.ask(stack.site)
        assert status == 503
        assert "Nothing is lost" in said
        assert headers["Retry-After"]
    finally:
        docker("start", web)
        _until(lambda: _status(stack, stack.site) == 200, 60)


def test_the_log_of_the_proxy_is_json_and_holds_no_link_of_a_card(stack):
    stack.ask(stack.site, "/c/abcdefghijklmnopqrstuv/")
    stack.ask(f"{'0123abcd' * 4}.{stack.cards}", "/")  # where the page of a card is sealed
    lines = [json.loads(line) for line in docker("logs", stack.containers("proxy")[0]).splitlines()]
    assert "/c/…/" in {line["address"] for line in lines}
    assert not [line for line in lines if "abcdefgh" in line["address"]]
    assert [line for line in lines if line["host"].startswith("….")]
    assert not [line for line in lines if "0123abcd" in line["host"]]


def test_a_new_certificate_is_taken_without_a_restart(stack):
    before = stack.ask(stack.site, "/healthz")[0]
    for name in ("app.crt", "app.key"):
        (stack.folder / "secrets/tls" / name).unlink()
    stack.deploy("reload")
    assert before == 200
    _until(lambda: _status(stack, stack.site) == 200, 20)
    with socket.create_connection(("127.0.0.1", stack.https), 10) as raw:
        context = ssl.create_default_context(cafile=str(stack.folder / "secrets/tls/authority.crt"))
        with context.wrap_socket(raw, server_hostname="vibe.localhost") as talk:
            shown = ssl.DER_cert_to_PEM_cert(talk.getpeercert(binary_form=True))
    assert shown.split() == (stack.folder / "secrets/tls/app.crt").read_text().split()


def _status(stack: Stack, host: str) -> int:
    try:
        return stack.ask(host, "/healthz")[0]
    except (OSError, http.client.HTTPException):
        return 0


def _until(ask, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.2)
