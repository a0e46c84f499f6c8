"""What a server was seen to refuse in one test is unknown in the next."""

import pytest

from vibe.llm import client as client_module


@pytest.fixture(autouse=True)
def _forget_what_was_dropped():
    client_module.forget()
    yield
    client_module.forget()
