"""What the model client calls each thing that goes wrong with a server, and that no key is said with it."""

import traceback

import openai
import pytest

from tests import modelserver as play
from tests.llm.asking import call, fault
from tests.modelserver import ModelServer
from tests.services import free_port
from vibe.llm.client import OpenAIClient, fault_of
from vibe.llm.errors import TABLE, ModelFault, scrub
from vibe.llm.message import Call, Message, Model


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (play.status(401, message="Incorrect API key", error_code="invalid_api_key"), "wrong_key"),
        (play.status(403), "wrong_key"),
        (play.status(402), "no_credit"),
        (
            play.status(404, message="The model `x` does not exist", error_code="model_not_found"),
            "unknown_model",
        ),
        (play.status(429), "rate_limited"),
        (
            play.status(429, message="You exceeded your current quota", error_code="insufficient_quota"),
            "no_credit",
        ),
        (
            play.status(400, message="maximum context length is 8192", error_code="context_length_exceeded"),
            "overflow",
        ),
        (
            play.status(
                400, message="the request exceeds the available context size", kind="exceed_context_size_error"
            ),
            "overflow",
        ),
        (play.status(413), "overflow"),
        (play.status(500), "provider"),
        (play.status(503, message="loading model"), "provider"),
        (play.status(400, message="something else"), "bad_request"),
        (play.html(200), "not_a_model"),
        (play.html(404), "not_a_model"),
        (play.html(502), "provider"),
        (play.cut("FILE index.html\n```html\n<p>"), "cut"),
        (play.no_finish("half an answer"), "cut"),
        (play.broken_json("half"), "bad_json"),
        (play.error_inside("half", "Rate limit reached", "rate_limit_exceeded"), "rate_limited"),
        (play.error_inside("half", "upstream overloaded", "502"), "provider"),
        (play.null_choices("the upstream provider failed"), "provider"),
        (play.raw_chunks("null"), "bad_json"),
        (play.raw_chunks("[1, 2]"), "bad_json"),
        (play.raw_chunks('"words"'), "bad_json"),
        (play.raw_chunks('{"choices": [7]}'), "bad_json"),
        (play.raw_chunks('{"choices": [{"delta": "words"}]}'), "bad_json"),
        (play.raw_chunks('{"choices": 7}'), "bad_json"),
        (play.raw_chunks('{"choices": [], "usage": {"prompt_tokens": "many"}}'), "bad_json"),
        (play.plain(404, "404 page not found"), "not_a_model"),
        (play.plain(404, {"detail": "Not Found"}), "not_a_model"),
        (play.plain(405, {"detail": "Method Not Allowed"}), "not_a_model"),
        (play.status(404, message="model 'llama9' not found, try pulling it first"), "unknown_model"),
        (play.plain(200, {"hello": "world"}), "not_a_model"),
        (play.plain(200, {"error": {"message": "Rate limit", "code": "rate_limit"}}), "rate_limited"),
        (play.refusal("I can't help with that."), "refused"),
        (play.say("cut short", finish="content_filter"), "refused"),
        (play.say(""), "empty"),
        (play.think("hmm", ""), "empty"),
    ],
)
def test_each_fault_has_its_kind_and_a_sentence_for_a_person(behaviour, kind):
    got = fault(behaviour)
    assert got.kind == kind
    assert got.sentence == TABLE[kind].sentence
    assert got.retry is TABLE[kind].retry


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999/v1", "http://[::1/v1", "http://127.0.0.1:x/v1"])
def test_an_address_that_is_none_is_said_like_an_address_where_nobody_is(address):
    with pytest.raises(ModelFault) as caught:
        OpenAIClient().ask(Call(Model("m", address), (Message("user", "hi"),)))
    assert caught.value.kind == "no_server"


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
def test_a_key_that_no_header_can_carry_is_a_wrong_key_and_never_tried_again(key):
    with ModelServer() as server:
        with pytest.raises(ModelFault) as caught:
            OpenAIClient().ask(call(server, key=key))
        assert not server.requests
    assert caught.value.kind == "wrong_key"
    assert not caught.value.retry
    assert key not in str(caught.value)


def test_nobody_at_the_address_is_no_server():
    with pytest.raises(ModelFault) as caught:
        OpenAIClient().ask(Call(Model("m", f"http://127.0.0.1:{free_port()}/v1"), (Message("user", "hi"),)))
    assert caught.value.kind == "no_server"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("inf", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header, seconds):
    assert fault(play.status(429, retry_after=header)).retry_after == seconds


def test_no_exception_of_the_sdk_is_unknown_to_us():
    """Each public exception class of the pinned SDK is turned into a fault, so that none reaches a person raw."""
    import httpx2

    request = httpx2.Request("POST", "http://127.0.0.1/v1/chat/completions")
    response = httpx2.Response(400, request=request)
    made = {
        "APITimeoutError": lambda c: c(request=request),
        "APIConnectionError": lambda c: c(request=request),
        "APIResponseValidationError": lambda c: c(response=response, body=None),
        "APIError": lambda c: c("no", request, body=None),
        "LengthFinishReasonError": lambda c: c.__new__(c),
        "ContentFilterFinishReasonError": lambda c: c(),
    }
    seen = 0
    for name in dir(openai):
        cls = getattr(openai, name)
        if not (isinstance(cls, type) and issubclass(cls, openai.OpenAIError)):
            continue
        if name in made:
            problem = made[name](cls)
        elif issubclass(cls, openai.APIStatusError):
            problem = cls.__new__(cls)
            openai.APIStatusError.__init__(problem, "no", response=response, body=None)
        else:
            problem = cls.__new__(cls)
        assert isinstance(fault_of(problem), ModelFault), name
        seen += 1
    assert seen > 10


def test_an_error_of_ours_is_not_taken_for_the_models():
    assert fault_of(KeyError("ours")) is None


@pytest.mark.parametrize(
    "echo",
    [
        play.status(401, message="key zzSECRETkey0123456789 is not known"),
        play.status(400, message="x" * 590 + " zzSECRETkey0123456789"),
        play.error_inside("half", "no credit on zzSECRETkey0123456789", "502"),
        play.raw_chunks('{"choices": 7, "zzSECRETkey0123456789": 1}'),
    ],
)
def test_a_key_that_the_provider_echoes_reaches_no_log(echo):
    with ModelServer([echo]) as server, pytest.raises(ModelFault) as caught:
        OpenAIClient().ask(call(server, key="zz" + "SECRETkey0123456789"))
    printed = "".join(traceback.format_exception(caught.value))
    for text in (caught.value.detail, str(caught.value), repr(caught.value), printed):
        assert "zzSECRET" not in text


def test_no_key_reaches_a_log():
    got = fault(play.status(401, message="Incorrect API key provided: sk-secret-0123456789"))
    assert "sk-secret" not in got.detail
    assert "sk-secret" not in str(got.sentence)
    assert "Bearer abc" not in scrub("Authorization: Bearer abcdefgh")
    assert "sk-secret" not in repr(Model("m", "http://x", "sk-secret-0123456789"))
