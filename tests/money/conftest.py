"""The admin's and a maker's side of money."""

import pytest

from vibe.llm import client as client_module


@pytest.fixture(autouse=True)
def _forget_what_was_refused():
    client_module.forget()
    yield
    client_module.forget()
