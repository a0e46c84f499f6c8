"""How the tests of the model client ask."""

import pytest

from tests.modelserver import ModelServer
from vibe.llm.client import OpenAIClient
from vibe.llm.errors import ModelFault
from vibe.llm.message import Call, Message, Model


def call(server: ModelServer, **more) -> Call:
    return Call(
        Model("test-model", server.url, more.pop("key", "sk-secret-0123456789")),
        (Message("user", "hi"),),
        **more,
    )


def fault(*script, idle_s: float = 5.0) -> ModelFault:
    with ModelServer(script) as server, pytest.raises(ModelFault) as caught:
        OpenAIClient(idle_s=idle_s).ask(call(server))
    return caught.value
