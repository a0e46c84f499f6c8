"""The gate before the engine: what a worker needs goes through it, and nothing that could open the machine."""

import contextlib
import copy
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs, quote, urlsplit

import pytest

import sandbox
from sandbox import catalog, life, oom
from sandbox.docker_engine import DockerEngine
from sandbox.gate import Gate
from sandbox.limits import MIB, Limits
from sandbox.pool import Pool
from sandbox.samebox import Refused, asked_memory, same_box
from sandbox.sealing import LABEL, Fit, config
from sandbox.source import Source
from tests.journeys.served import ROOT

pytestmark = pytest.mark.docker
ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
FIT = Fit.of(Source("python", ("python3", "a.py"), {"a.py": b"print(1)"}), Limits())


@pytest.fixture(scope="module")
def gate(tmp_path_factory, engine):
    path = tmp_path_factory.mktemp("gate") / "docker.sock"
    with Gate(str(path), ENGINE) as made:
        serving = threading.Thread(target=made.serve_forever, daemon=True)
        serving.start()
        yield str(path)
        made.shutdown()


@pytest.fixture
def behind(gate, monkeypatch):
    """An engine of ours that knows the gate alone."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{gate}")
    made = DockerEngine(f"gate-{os.getpid()}")
    yield made
    made.close()


def call(gate: str, method: str, path: str, body: object = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("x", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(gate)
    connection.request(method, path, None if body is None else json.dumps(body))
    reply = connection.getresponse()
    try:
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def sealed(**host: object) -> dict:
    made = json.loads(json.dumps(config(FIT, owner="somebody", deadline=int(time.time()) + 60)))
    made["HostConfig"].update(host)
    return made


# --- what goes through ------------------------------------------------------------------------------------------


def test_boxes_run_behind_it_as_before_it(behind):
    assert behind.available() == ""
    assert behind.has_image("python")
    said = []
    source = Source(
        "python", ("python3", "a.py"), {"a.py": b"print(input()[::-1]); open('/box/out/x', 'w').write('y')"}
    )
    outcome = behind.run(source, stdin=b"abc\n", on_output=lambda _, text: said.append(text))
    assert outcome.ok
    assert "".join(said) == "cba\n"
    assert [made.data for made in outcome.artifacts] == [b"y"]


def test_a_pool_keeps_its_boxes_behind_it(behind):
    pool = Pool(behind)
    try:
        pool.expect("python")
        until = time.monotonic() + 60
        while pool.hits == 0 and time.monotonic() < until:
            assert pool.run(Source("python", ("python3", "a.py"), {"a.py": b"print(1)"})).stdout == "1\n"
        assert pool.hits
    finally:
        pool.close()


def test_ten_megabytes_come_through_whole(behind):
    source = Source(
        "python", ("python3", "a.py"), {"a.py": b"open('/box/out/x', 'wb').write(b'0123456789' * 10**6)"}
    )
    outcome = behind.run(source)
    assert [len(made.data) for made in outcome.artifacts] == [10**7]


def test_a_worker_that_dies_leaves_no_box_behind_it(gate):
    owner = f"gate-dies-{os.getpid()}"
    program = (
        "from sandbox.docker_engine import DockerEngine; from sandbox.source import Source\n"
        f"DockerEngine({owner!r}).run(Source('python', ('python3', 'a.py'), {{'a.py': b'import time; time.sleep(60)'}}),\n"
        "    limits=__import__('sandbox.limits').limits.Limits(time_s=60))"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "DOCKER_HOST": f"unix://{gate}"}
    )

    def boxes() -> list:
        return [
            b
            for b in json.loads(call(gate, "GET", "/containers/json")[1])
            if b["Labels"][f"{LABEL}.owner"] == owner
        ]

    _until(lambda: boxes() and boxes()[0]["State"] == "running", 30)
    worker.kill()
    worker.wait()
    _until(lambda: not boxes(), 15)


def test_only_this_user_may_use_its_socket(gate):
    assert os.stat(gate).st_mode & 0o777 == 0o600


def test_of_the_machine_little_is_told(gate):
    assert set(json.loads(call(gate, "GET", "/info")[1])) == {
        "SecurityOptions",
        "Runtimes",
        "ServerVersion",
        "OSType",
        "CgroupVersion",
        "SystemTime",
        "NCPU",
    }


def test_the_shell_serves_one_until_it_is_told_to_end(tmp_path):
    path = tmp_path / "docker.sock"
    served = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "gate", "--listen", str(path), "--engine", str(tmp_path / "nobody")],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _until(lambda: _listens(path), 30)
    status, words = call(str(path), "GET", "/_ping")
    assert status == 503
    assert "no Docker engine" in words
    served.terminate()
    said = [json.loads(line)["level"] for line in served.communicate(timeout=10)[1].splitlines()]
    assert served.returncode == 0
    assert said == ["info", "error"]


# --- what does not ----------------------------------------------------------------------------------------------

OPENED = {
    "privileged": {"Privileged": True},
    "a folder of the machine": {"Binds": ["/:/host"]},
    "a mount": {"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]},
    "volumes of another": {"VolumesFrom": ["postgres"]},
    "the network of the machine": {"NetworkMode": "host"},
    "the network of another": {"NetworkMode": "container:postgres"},
    "a network": {"NetworkMode": "bridge"},
    "the processes of the machine": {"PidMode": "host"},
    "the memory of the machine": {"IpcMode": "host"},
    "the users of the machine": {"UsernsMode": "host"},
    "a capability": {"CapAdd": ["SYS_ADMIN"]},
    "its capabilities": {"CapDrop": []},
    "a device": {"Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}]},
    "all devices": {"DeviceCgroupRules": ["a *:* rwm"]},
    "no seccomp": {"SecurityOpt": ["no-new-privileges:true", "seccomp=unconfined"]},
    "a profile of its own": {"SecurityOpt": ["no-new-privileges:true", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']},
    "setuid": {"SecurityOpt": []},
    "a root that can be written": {"ReadonlyRootfs": False},
    "another runtime": {"Runtime": "runsc"},
    "a cgroup": {"CgroupParent": "/"},
    "a kernel setting": {"Sysctls": {"net.ipv4.ip_forward": "1"}},
    "no limit of memory": {"Memory": 0, "MemorySwap": 0},
    "more memory than there is for a box": {"Memory": 1 << 40, "MemorySwap": 1 << 40},
    "swap": {"MemorySwap": -1},
    "no limit of processes": {"PidsLimit": 0},
    "true for a number": {"PidsLimit": True},
    "a log on the disk": {"LogConfig": {"Type": "json-file", "Config": {}}},
    "to stay": {"AutoRemove": False},
    "to come back": {"RestartPolicy": {"Name": "always"}},
    "a temporary folder with devices": {"Tmpfs": {"/box": "rw,dev,size=67108864,", "/tmp": "rw"}},
    "a port": {"PortBindings": {"80/tcp": [{"HostPort": "80"}]}},
    "masked paths": {"MaskedPaths": [], "ReadonlyPaths": []},
    "an unknown option": {"SomethingNew": True},
}  # fmt: skip


@pytest.mark.parametrize("what", OPENED)
def test_no_box_is_opened_by(gate, what):
    status, words = call(
        gate, "POST", f"/v1.41/containers/create?name=vibe-box-{'0' * 12}", sealed(**OPENED[what])
    )
    assert status == 403
    assert "The gate refused it" in words


@pytest.mark.parametrize(
    "change",
    [
        {"User": "0:0"}, {"Image": "vibe-base:bookworm"}, {"Image": "postgres:15"}, {"Cmd": ["sh"]}, {"Entrypoint": ["sh"]},
        {"Env": ["A=b"]}, {"Tty": True}, {"StdinOnce": False}, {"NetworkDisabled": False}, {"Volumes": {"/a": {}}},
        {"Labels": {}}, {"Labels": {LABEL: "1"}}, {"HostConfig": None}, {"HostConfig": []}, {"Healthcheck": {"Test": ["CMD", "a"]}},
        {"NetworkingConfig": {"EndpointsConfig": {"back": {}}}}, {"ExposedPorts": {"80/tcp": {}}},
    ],
)  # fmt: skip
def test_nothing_else_about_a_box_may_differ(change):
    with pytest.raises(Refused):
        same_box({**sealed(), **change}, "", time.time())


def test_a_sealed_box_is_composed_anew():
    asked = sealed(Privileged=0)  # equal to False for Python: what is sent on is ours
    assert same_box(asked, "", time.time())["HostConfig"]["Privileged"] is False


def test_a_box_may_see_its_own_cgroup_alone_and_never_those_of_others():
    asked = sealed(CgroupnsMode="private")
    assert same_box(asked, "", time.time()) == asked
    for other in ("host", "", None):
        with pytest.raises(Refused):
            same_box(sealed(CgroupnsMode=other), "", time.time())


def test_a_box_that_would_stay_is_refused():
    asked = copy.deepcopy(sealed())
    asked["Labels"][f"{LABEL}.deadline"] = str(int(time.time()) + 10**6)
    with pytest.raises(Refused):
        same_box(asked, "", time.time())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1.41/containers/postgres/json"), ("GET", "/v1.41/images/json"), ("GET", "/v1.41/images/postgres/json"),
        ("GET", "/v1.41/images/vibe-python:19ec33229ba1/../../../containers/json"), ("GET", "/v1.41/volumes"),
        ("GET", "/v1.41/secrets"), ("GET", "/v1.41/events"), ("GET", "/v1.41/system/df"), ("POST", "/v1.41/build"),
        ("POST", "/v1.41/images/create?fromImage=evil"), ("POST", "/v1.41/images/load"), ("POST", "/v1.41/commit"),
        ("POST", "/v1.41/containers/prune"), ("POST", "/v1.41/volumes/create"), ("POST", "/v1.41/networks/create"),
        ("POST", f"/v1.41/containers/{'0' * 64}/exec"), ("POST", f"/v1.41/containers/{'0' * 64}/update"),
        ("PUT", f"/v1.41/containers/{'0' * 64}/archive?path=/"), ("GET", f"/v1.41/containers/{'0' * 64}/export"),
        ("GET", f"/v1.41/containers/{'0' * 64}/archive?path=/"), ("POST", f"/v1.41/containers/{'0' * 64}/json"),
        ("GET", "/v1.41/containers/json/../../secrets"), ("POST", "/v1.41/containers/create?name=postgres"), ("POST", "/session"),
        ("GET", "/v1.41//containers/json"), ("GET", "/v1.41/%63ontainers/json"), ("GET", "//evil/info"),
    ],
)  # fmt: skip
def test_nothing_else_of_the_engine_is_to_be_had(gate, method, path):
    status, _ = call(gate, method, path, {} if method == "POST" else None)
    assert status in {403, 501}, path


def test_the_list_holds_boxes_alone_whatever_is_asked_for(gate):
    status, listed = call(gate, "GET", "/v1.41/containers/json?all=1&filters=%7B%7D")
    assert status == 200
    assert all(row["Labels"].get(LABEL) == "1" for row in json.loads(listed))


def test_boxes_of_one_process_are_listed_alone(gate, behind):
    """What a janitor removes: were its filter passed over, it would remove everybody's."""
    box = behind.open(FIT, lasts_s=30)
    try:
        listed = behind.client.api.containers(all=True, filters={"label": f"{LABEL}.life={life.mine()}"})
        assert box.id in [row["Id"] for row in listed]
        assert behind.client.api.containers(all=True, filters={"label": f"{LABEL}.life=0:0:1:1"}) == []
    finally:
        behind.discard(box)


def test_whether_memory_was_full_in_a_box_is_told_behind_it(behind, monkeypatch):
    """Else a box of gVisor, which goes as a whole, would be called lost: our fault, not its program's."""
    left, beside = [], behind.discard_beside
    monkeypatch.setattr(behind, "discard_beside", lambda box: left.append(box.id) or beside(box))
    hog = b"held = []\nwhile True:\n    held.append(b'x' * 10**6)"
    assert behind.run(Source("python", ("python3", "a.py"), {"a.py": hog})).ended == "memory"
    assert oom.ran_out(behind.client.api, left[0], threading.Event())
    monkeypatch.setattr(oom, "HEARS_S", 0.0)
    assert not oom.ran_out(behind.client.api, "0" * 64, threading.Event())


@pytest.mark.parametrize(
    "filters",
    [
        {}, {"event": ["oom"]}, {"container": ["0" * 64]}, {"container": ["0" * 64], "event": ["oom", "die"]},
        {"container": ["0" * 64, "1" * 64], "event": ["oom"]}, {"container": ["postgres"], "event": ["oom"]},
        {"container": {"0" * 64: True}, "event": ["oom"]}, {"container": ["0" * 64], "event": ["oom"], "type": ["image"]}, ["a"],
    ],
)  # fmt: skip
def test_nothing_else_that_happens_is_told(filters):
    with pytest.raises(Refused):
        asked_memory({"filters": [json.dumps(filters)]}, time.time())


def test_what_happened_is_told_of_boxes_alone_and_of_what_was():
    asked = asked_memory(
        {"filters": [json.dumps({"container": ["0" * 64], "event": ["oom"]})], "until": ["9e9"]}, 12.5
    )
    query = parse_qs(urlsplit(asked).query)
    assert query["until"] == ["12.500000000"]
    assert json.loads(query["filters"][0])["label"] == [f"{LABEL}=1"]


@pytest.mark.parametrize(
    "filters",
    [{"label": ["vibe.sandbox", "a=b"]}, {"name": ["a"]}, {"label": {"a": True}}, {"label": ["vibe.sandbox.life=$(x)"]}, ["a"]],
)  # fmt: skip
def test_a_list_by_anything_else_is_refused(gate, filters):
    assert call(gate, "GET", "/v1.41/containers/json?all=1&filters=" + quote(json.dumps(filters)))[0] == 403


def test_a_container_of_somebody_else_cannot_be_touched(gate, engine):
    other = engine.client.api.create_container(
        catalog.tag("python"), ["true"], name=f"vibe-other-{os.getpid()}"
    )["Id"]
    try:
        for method, what in (("GET", "/json"), ("POST", "/start"), ("POST", "/attach"), ("DELETE", "?force=1")):
            assert call(gate, method, f"/v1.41/containers/{other}{what}")[0] == 403, what
        assert engine.client.api.inspect_container(other)["State"]["Status"] == "created"
    finally:
        engine.client.api.remove_container(other, force=True)


@pytest.mark.parametrize("version", ["/v1.41", "/v1.999", "/v1.1", ""])
def test_what_follows_an_attach_that_failed_does_not_reach_the_engine(gate, version):
    """An engine that refuses keeps the connection open and reads what comes next as another call."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(20)
        raw.connect(gate)
        raw.sendall(f"POST {version}/containers/{'0' * 64}/attach HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        said = raw.recv(1 << 16)
        assert said.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), said
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            raw.sendall(b"GET /v1.41/images/json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while more := raw.recv(1 << 16):
                said += more
    assert b"RepoTags" not in said


def test_a_body_without_a_length_or_too_large_is_refused(gate):
    for head in ("Transfer-Encoding: chunked", f"Content-Length: {2 * MIB}", "Content-Length: -1"):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(20)
            raw.connect(gate)
            raw.sendall(f"POST /v1.41/containers/create?name=a HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 403"), head


def test_no_more_boxes_are_open_than_there_is_room_for(tmp_path, engine, monkeypatch):
    path = tmp_path / "docker.sock"
    with Gate(str(path), ENGINE, at_once=0) as full:
        threading.Thread(target=full.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(sandbox.SandboxError, match="0 boxes are open already"):
            DockerEngine().run(Source("python", ("python3", "a.py"), {"a.py": b""}))
        full.shutdown()


class _Told(Gate):
    """A gate whose engine lists these boxes."""

    there: tuple[str, ...] = ()

    def ask(self, method, path, body=None):
        return 200, json.dumps([{"Id": one} for one in self.there]).encode()


def test_boxes_on_their_way_have_a_place_already(tmp_path):
    """Else as many as are asked for at once are open at once."""
    with (
        _Told(str(tmp_path / "a"), "", at_once=2) as gate,
        gate.a_place() as made,
        gate.a_place(),
        pytest.raises(Refused, match="2 boxes are open already"),
        gate.a_place(),
    ):
        made("a")


def test_a_gate_that_was_started_anew_counts_the_boxes_that_are_there(tmp_path):
    with _Told(str(tmp_path / "a"), "", at_once=2) as gate:
        gate.there = ("a", "b")
        with pytest.raises(Refused), gate.a_place():
            pass
        gate.there = ("b",)
        with gate.a_place() as made:
            made("c")


def _listens(path) -> bool:
    """Its socket is there a moment before anybody listens on it."""
    with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
        line.connect(str(path))
        return True
    return False


def _until(ask, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
