"""The admin's and a maker's side of money."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils.crypto import get_random_string

from tests.views.conftest import Browser
from vibe.llm import client as client_module


@pytest.fixture
def admin(db, boxes):
    user = get_user_model().objects.create_superuser("ada", password=get_random_string(20))
    client = Client(HTTP_HOST="localhost:8000")
    client.force_login(user)
    return client


@pytest.fixture
def browser(db, boxes):
    return Browser()


@pytest.fixture(autouse=True)
def _forget_what_was_refused():
    client_module.forget()
    yield
    client_module.forget()
