"""Finding and trying a model server."""

import time

import pytest

from tests import modelserver as play
from tests.modelserver import ModelServer
from vibe.llm import connect, local
from vibe.llm.message import Model


def test_a_server_on_this_machine_is_found_with_its_models():
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
     "http://127.0.0.1/v1?x=1", "http://224.0.0.1/v1", "http://[fe80::1]/v1", "http://no-such-host.invalid/v1"],
)  # fmt: skip
def test_an_address_that_is_no_model_servers_is_refused_with_a_sentence(address):
    assert connect.trouble_with(address)


def test_a_server_on_this_machine_may_be_plain_http():
    assert connect.trouble_with("http://127.0.0.1:11434/v1") == ""
