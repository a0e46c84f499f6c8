"""What a model can do is seen, not believed, and what it refuses is not sent to it again."""

from dataclasses import replace
from datetime import date

import pytest

from tests import modelserver as play
from tests.modelserver import ModelServer
from vibe.llm import client as client_module
from vibe.llm.capabilities import PARAMETERS, detect
from vibe.llm.client import OpenAIClient
from vibe.llm.errors import ModelFault
from vibe.llm.message import Call, Message, Model

KEY = "sk-secret-0123456789"


@pytest.fixture(autouse=True)
def _forget_what_was_refused():
    client_module.forget()
    yield
    client_module.forget()


def found(behaviour, **entry):
    with ModelServer(models=[{"id": "test-model", **entry}]) as server:
        server.always(behaviour)
        return detect(Model("test-model", server.url, KEY)), list(server.requests)


def test_a_model_that_can_do_everything_is_seen_to():
    report, asked = found(play.able())
    assert report.ok
    assert report.capabilities == {
        "usage": True,
        "max_completion_tokens": True,
        "reasoning_effort": True,
        "json_schema": True,
        "vision": True,
    }
    assert len(asked) == 4
    assert "sees pictures" in report.sentence


def test_a_modest_model_is_asked_for_nothing_that_it_refuses():
    refuses = ("max_completion_tokens", "reasoning_effort", "response_format")
    report, _ = found(play.able(refuses=refuses, sees=False, usage=False))
    assert report.capabilities == {
        "usage": False,
        "max_completion_tokens": False,
        "max_tokens": True,
        "reasoning_effort": False,
        "json_schema": False,
        "response_format": False,
        "vision": False,
    }
    refused = frozenset(name for name in PARAMETERS if report.capabilities.get(name) is False)
    client_module.forget()
    with ModelServer() as server:
        server.always(play.able(refuses=refuses))
        model = Model("test-model", server.url, refuses=refused)
        OpenAIClient().ask(Call(model, (Message("user", "hi"),), effort="high", schema={}))
        assert len(server.requests) == 1
        assert set(server.requests[0]["body"]) == {
            "model", "messages", "stream", "stream_options", "max_tokens",
        }  # fmt: skip


def test_a_form_or_a_picture_that_is_taken_and_ignored_does_not_count():
    report, _ = found(play.able(form=False, sees=False))
    assert report.capabilities["json_schema"] is False
    assert report.capabilities["vision"] is False


def test_an_answer_that_is_nested_too_deeply_keeps_no_form():
    report, _ = found(play.say("[" * 50_000))
    assert report.ok
    assert report.capabilities["json_schema"] is False


def test_a_model_that_does_not_answer_is_asked_once_and_nothing_is_claimed():
    report, asked = found(play.status(401))
    assert not report.ok
    assert "key" in report.sentence
    assert (report.capabilities, len(asked)) == ({}, 1)


def test_what_fails_for_another_reason_is_not_known():
    with ModelServer([play.say("ready")]) as server:
        server.always(play.status(503))
        report = detect(Model("test-model", server.url))
    assert report.ok
    assert (report.capabilities["json_schema"], report.capabilities["vision"]) == (None, None)


@pytest.mark.parametrize(
    ("entry", "seen"),
    [
        ({"shutdown_date": "2026-12-11"}, {"shutdown": date(2026, 12, 11)}),
        ({"shutdown_date": 1796947200}, {"shutdown": date(2026, 12, 11)}),
        ({"shutdown_date": None, "max_model_len": 8192}, {"shutdown": None, "context": 8192}),
        ({"meta": {"n_ctx_train": 32768}}, {"context": 32768}),
        (
            {
                "context_length": 128000,
                "pricing": {"prompt": "0.0000025", "completion": "0.00001"},
                "top_provider": {"max_completion_tokens": 16384},
            },
            {"context": 128000, "price_in": 2.5, "price_out": 10.0, "max_out": 16384},
        ),
        (
            {"shutdown_date": "soon", "context_length": "much", "pricing": "free"},
            {"shutdown": None, "context": None},
        ),
    ],
)
def test_what_the_servers_list_says_of_the_model_is_read(entry, seen):
    report, _ = found(play.able(), **entry)
    assert {name: getattr(report.listed, name) for name in seen} == seen


def test_a_new_test_does_not_trust_what_was_refused_before():
    with ModelServer() as server:
        server.always(play.able(refuses=["reasoning_effort"]))
        model = Model("test-model", server.url)
        assert detect(model).capabilities["reasoning_effort"] is False
        server.always(play.able())
        known = replace(model, refuses=frozenset({"reasoning_effort"}))
        assert detect(known).capabilities["reasoning_effort"] is True


def test_a_cap_that_a_refusal_states_is_kept_to_and_told():
    with ModelServer() as server:
        server.always(play.able(most=4096))
        model = Model("test-model", server.url)
        learned = OpenAIClient().ask(Call(model, (Message("user", "hi"),))).learned
        assert (learned.max_out, learned.refuses) == (4096, frozenset())
        OpenAIClient().ask(Call(replace(model, max_out=4096), (Message("user", "hi"),)))
        assert [r["body"]["max_completion_tokens"] for r in server.requests] == [16_000, 4096, 4096]


def test_a_context_that_a_refusal_states_leaves_room_for_the_question():
    words = "'max_tokens' or 'max_completion_tokens' is too large: 16000. This model's maximum context length is 8192 tokens and your request has 9 input tokens"
    with ModelServer([play.status(400, message=words)]) as server:
        reply = OpenAIClient().ask(Call(Model("test-model", server.url), (Message("user", "x" * 3000),)))
        assert reply.learned.context == 8192
        assert 6000 < server.requests[-1]["body"]["max_completion_tokens"] < 7192


def test_a_question_longer_than_the_context_is_said_to_be_too_long():
    words = "max_completion_tokens: This model's maximum context length is 8192 tokens"
    with ModelServer() as server:
        server.always(play.status(400, message=words, error_code="context_length_exceeded"))
        with pytest.raises(ModelFault) as caught:
            OpenAIClient().ask(Call(Model("test-model", server.url), (Message("user", "hi"),)))
        assert caught.value.kind == "overflow"
        assert len(server.requests) == 2


def test_a_server_that_points_elsewhere_gets_no_key_there():
    with ModelServer() as trap, ModelServer() as server:
        server.always(play.elsewhere(trap.url + "/chat/completions"))
        report = detect(Model("test-model", server.url, KEY))
        assert not report.ok
        assert trap.requests == []
    assert KEY not in repr(report)
