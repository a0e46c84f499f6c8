"""Finding and trying a model server."""

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests import modelserver as play
from tests.modelserver import ModelServer
from vibe.llm import connect, local
from vibe.llm.message import Model


@pytest.fixture
def patient(monkeypatch):
    """Three tenths of a second are much for a server on this machine, and little for a machine that does something else."""
    monkeypatch.setattr(local, "TIMEOUT_S", 30.0)


def test_a_server_on_this_machine_is_found_with_its_models(patient):
    with ModelServer(models=("llama-3", "nomic-embed-text")) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        found = local.detect(ports={"Ollama": port})
    assert [(f.name, f.models) for f in found] == [("Ollama", ("llama-3",))]


def test_looking_takes_no_longer_than_its_limit_and_never_asks_ourselves():
    with ModelServer() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        began = time.monotonic()
        assert local.detect(own_port=port, ports={"ours": port, "nobody": 9}) == []
    assert time.monotonic() - began < 2


def test_a_server_that_answers_tests_well_and_a_wrong_key_is_said():
    with ModelServer([play.say("ready"), play.status(401)]) as server:
        model = Model("test-model", server.url)
        assert connect.test(model).ok
        tested = connect.test(model)
    assert not tested.ok
    assert "key" in tested.sentence


@pytest.mark.parametrize(
    "address",
    ["", "ftp://x", "javascript:alert(1)", "http://169.254.169.254/v1", "http://0.0.0.0/v1", "https://user:pw@example.com/v1",
     "http://127.0.0.1/v1?x=1", "http://224.0.0.1/v1", "http://[fe80::1]/v1", "http://100.100.100.200/v1",
     "https://[fd00:ec2::254]/v1", "https://[::1/v1", "http://127.0.0.1:99999/v1", "http://no-such-host.invalid/v1"],
)  # fmt: skip
def test_an_address_that_is_no_model_servers_is_refused_with_a_sentence(address):
    assert connect.trouble_with(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "192.168.1.7"])
def test_a_server_on_this_machine_or_at_home_may_be_plain_http(host):
    assert connect.trouble_with(f"http://{host}:11434/v1") == ""


def test_a_port_that_hangs_dribbles_or_speaks_something_else_is_passed_over_in_time():
    """Something that is no model server often listens where one would."""

    def dribble(connection):
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    def babble(connection):
        connection.sendall(b"220 mail.example ESMTP\r\n\r\n")

    with _listening(lambda _: None) as hangs, _listening(dribble) as dribbles, _listening(babble) as babbles:
        began = time.monotonic()
        assert local.detect(ports={"hangs": hangs, "dribbles": dribbles, "babbles": babbles}) == []
        assert time.monotonic() - began < 5, "of the minutes that they take"
        assert connect.list_models(Model("", f"http://127.0.0.1:{babbles}/v1")) == []


@contextlib.contextmanager
def _listening(behave):
    """The port of a server that accepts and then does `behave(connection)`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    kept.append(connection)
                    threading.Thread(target=behave, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        for connection in kept:
            connection.close()


def test_a_server_on_this_machine_leads_us_nowhere_else(patient):
    """What listens at a usual port is not always a model server, and its redirect would leave the machine."""
    asked = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(302)
            self.send_header("location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        assert local.detect(ports={"Ollama": server.server_port}) == []
        server.shutdown()
    assert asked == ["/v1/models"]


def test_a_list_of_models_that_is_nested_too_deeply_is_none(patient):
    class Deep(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[" * 200_000)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Deep) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        assert local.detect(ports={"Ollama": server.server_port}) == []
        assert connect.list_models(Model("", f"http://127.0.0.1:{server.server_port}/v1")) == []
        server.shutdown()
