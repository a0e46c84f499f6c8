"""What the model client makes of each thing that a model server was seen to do."""

import ssl
import threading
import time
import traceback

import openai
import pytest

from tests import modelserver as play
from tests.modelserver import ModelServer
from vibe.llm import client as client_module
from vibe.llm.client import OpenAIClient, fault_of
from vibe.llm.errors import TABLE, Cancelled, ModelFault, scrub
from vibe.llm.message import Call, Delta, Message, Model


@pytest.fixture(autouse=True)
def _forget_what_was_dropped():
    client_module.forget()
    yield
    client_module.forget()


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


def test_a_reply_streams_and_is_counted():
    deltas: list[Delta] = []
    with ModelServer([play.say("a small program", piece=4)]) as server:
        reply = OpenAIClient().ask(call(server), on_delta=deltas.append)
    assert reply.text == "a small program"
    assert "".join(d.text for d in deltas) == reply.text
    assert len(deltas) > 2
    assert (reply.usage.tokens_in, reply.usage.tokens_out, reply.usage.cached) == (11, 7, 4)
    assert not reply.usage.estimated


def test_whose_certificates_are_believed_is_read_once_and_holds_up_no_stream_for_each_call(monkeypatch):
    read = []
    monkeypatch.setattr(ssl.SSLContext, "__init__", lambda *_: read.append(1))
    with ModelServer([play.say("one"), play.say("two")]) as server:
        for _ in range(2):
            OpenAIClient().ask(call(server))
    assert len(read) <= 1


def test_an_emoji_that_a_server_cuts_in_two_arrives_whole():
    with ModelServer([play.pieces("tea \ud83c", "\udf75 and half \ud83c", " end")]) as server:
        deltas: list[Delta] = []
        reply = OpenAIClient().ask(call(server), on_delta=deltas.append)
    assert reply.text == "tea 🍵 and half \ufffd end"
    assert "".join(d.text for d in deltas) == reply.text


def test_text_that_comes_as_a_list_of_parts_is_read():
    with ModelServer(
        [play.pieces([{"type": "text", "text": "hel"}], [{"type": "text", "text": "lo"}])]
    ) as server:
        assert OpenAIClient().ask(call(server)).text == "hello"


def test_without_usage_the_count_is_an_estimate_and_says_so():
    with ModelServer([play.say("x" * 400, usage=False)]) as server:
        reply = OpenAIClient().ask(call(server))
    assert reply.usage.estimated
    assert reply.usage.tokens_out == 100


def test_only_the_portable_subset_is_sent_and_the_sdk_never_retries_by_itself():
    with ModelServer([play.status(500), play.say("never asked")]) as server:
        with pytest.raises(ModelFault):
            OpenAIClient().ask(call(server))
        assert len(server.requests) == 1
        assert set(server.requests[0]["body"]) == {
            "model",
            "messages",
            "stream",
            "stream_options",
            "max_completion_tokens",
        }


def test_pictures_are_sent_as_parts_of_the_content_and_only_where_there_are_any():
    with ModelServer([play.say("a cat")]) as server:
        asked = call(server)
        message = Message("user", "what is this?", ("data:image/jpeg;base64,/9j/",))
        OpenAIClient().ask(Call(asked.model, (Message("system", "look"), message)))
        system, user = server.requests[0]["body"]["messages"]
    assert system == {"role": "system", "content": "look"}
    assert user["content"] == [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/"}},
    ]
    assert message.as_json() == {"role": "user", "text": "what is this?", "images": 1}


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


def test_a_chunk_without_choices_says_nothing_and_harms_nothing():
    """Some servers end with one that only counts; without any other there was no answer."""
    bare = '{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": null}'
    said = '{"id": "c", "choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]}'
    with ModelServer([play.raw_chunks(bare, said, bare)]) as server:
        assert OpenAIClient().ask(call(server)).text == "hello"
    assert fault(play.raw_chunks(bare)).kind == "cut"


def test_a_server_that_does_not_stream_is_read_as_well():
    deltas: list[Delta] = []
    with ModelServer([play.whole("a small program", reasoning_content="let me see")]) as server:
        reply = OpenAIClient().ask(call(server), on_delta=deltas.append)
    assert (reply.text, reply.finish, reply.usage.tokens_in) == ("a small program", "stop", 11)
    assert "".join(d.thinking for d in deltas) == "let me see"


def test_a_stream_that_calls_itself_json_is_read_as_the_stream_it_is():
    def behave(handler):
        lines = ['data: {"choices":[{"delta":{"content":"he"}}]}', "", ": alive", "",
                 'data: {"choices":[{"delta":{"content":"llo"},"finish_reason":"stop"}]}', "", "data: [DONE]", ""]  # fmt: skip
        handler.whole(200, "application/json", "\n".join(lines).encode())

    with ModelServer([behave]) as server:
        assert OpenAIClient().ask(call(server)).text == "hello"


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


def test_comments_keep_no_call_alive_for_ever():
    began = time.monotonic()
    got = fault(play.comments("the beginning"), idle_s=0.4)
    assert (got.kind, got.partial) == ("silent", "the beginning")
    assert time.monotonic() - began < 4


def test_a_call_that_streams_too_long_is_ended_and_not_tried_again():
    with ModelServer([play.endless()]) as server, pytest.raises(ModelFault) as caught:
        OpenAIClient(whole_s=0.5).ask(call(server))
    assert caught.value.kind == "too_long"
    assert not caught.value.retry
    assert caught.value.partial


def test_silence_ends_the_call_and_keeps_what_came():
    began = time.monotonic()
    got = fault(play.silence("the beginning", 5.0), idle_s=0.3)
    assert got.kind == "silent"
    assert got.partial == "the beginning"
    assert time.monotonic() - began < 4


def test_a_cut_stream_keeps_what_came():
    assert fault(play.cut("the beginning")).partial == "the beginning"


def test_nobody_at_the_address_is_no_server():
    with ModelServer() as server:
        gone = server.url
    with pytest.raises(ModelFault) as caught:
        OpenAIClient().ask(Call(Model("m", gone), (Message("user", "hi"),)))
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


def test_a_truncated_reply_says_so():
    with ModelServer([play.say("half a file", finish="length")]) as server:
        assert OpenAIClient().ask(call(server)).finish == "length"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_is_told_apart_from_the_answer(field):
    deltas: list[Delta] = []
    with ModelServer([play.think("let me see", "the answer", field=field)]) as server:
        reply = OpenAIClient().ask(call(server), on_delta=deltas.append)
    assert reply.text == "the answer"
    assert "".join(d.thinking for d in deltas) == "let me see"


def test_thinking_inside_the_answer_is_told_apart_too():
    with ModelServer([play.say("<think>let me see</think>\nthe answer", piece=3)]) as server:
        assert OpenAIClient().ask(call(server)).text == "the answer"


def test_a_parameter_that_the_server_refuses_is_dropped_and_remembered():
    refuses = play.status(400, message="Unsupported parameter: 'max_completion_tokens'")
    with ModelServer([refuses, play.say("one"), play.say("two")]) as server:
        client = OpenAIClient()
        assert client.ask(call(server)).text == "one"
        assert client.ask(call(server)).text == "two"
        sent = [set(r["body"]) & {"max_tokens", "max_completion_tokens"} for r in server.requests]
    assert sent == [{"max_completion_tokens"}, {"max_tokens"}, {"max_tokens"}]


def test_reasoning_effort_is_sent_only_when_asked_for():
    with ModelServer() as server:
        OpenAIClient().ask(call(server))
        OpenAIClient().ask(call(server, effort="low"))
        assert [r["body"].get("reasoning_effort") for r in server.requests] == [None, "low"]


def test_a_stop_ends_the_call_at_once_and_closes_the_connection():
    stop = threading.Event()
    began: list[float] = []

    def on_delta(_):
        began.append(time.monotonic())

    with ModelServer([play.endless()]) as server:
        threading.Timer(0.4, stop.set).start()
        asked = time.monotonic()
        with pytest.raises(Cancelled):
            OpenAIClient().ask(call(server), on_delta=on_delta, cancelled=stop)
        ended = time.monotonic()
        for _ in range(200):
            if server.left:
                break
            time.sleep(0.01)
        assert began
        assert ended - asked < 2
        assert server.left, "the server never saw the connection close"


def test_a_call_that_was_stopped_before_it_began_asks_nothing():
    stop = threading.Event()
    stop.set()
    with ModelServer() as server, pytest.raises(Cancelled):
        OpenAIClient().ask(call(server), cancelled=stop)


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


def test_a_stream_that_broke_or_was_stopped_says_what_it_has_cost():
    assert fault(play.cut("x" * 400)).usage.tokens_out == 100
    assert fault(play.status(429)).usage is None
    stop = threading.Event()
    with ModelServer([play.endless()]) as server, pytest.raises(Cancelled) as caught:
        OpenAIClient().ask(call(server), on_delta=lambda _: stop.set(), cancelled=stop)
    assert caught.value.usage.tokens_out > 0


def test_a_question_that_a_server_took_is_a_call_and_one_that_it_refused_is_none():
    assert fault(play.cut("half")).is_call
    unheard = fault(lambda handler: handler.hang_up())
    assert unheard.usage is None
    assert unheard.is_call, "it may have thought all the while"
    for refusal in (play.status(429), play.status(503), play.status(401)):
        assert not fault(refusal).is_call
    with ModelServer() as server:
        gone = server.url
    with pytest.raises(ModelFault) as nobody:
        OpenAIClient().ask(Call(Model("m", gone), (Message("user", "hi"),)))
    assert not nobody.value.is_call
