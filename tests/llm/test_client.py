"""What the model client sends, and how it reads what model servers were seen to reply."""

import ssl

import pytest

from tests import modelserver as play
from tests.llm.asking import call, fault
from tests.modelserver import ModelServer
from vibe.llm.client import OpenAIClient
from vibe.llm.errors import ModelFault
from vibe.llm.message import Call, Delta, Message


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
