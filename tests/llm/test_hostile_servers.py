"""Model servers that mean harm: what they send fills no memory, books no nonsense and ends in a ModelFault."""

import gzip
import select
import socket
import threading
import time

import pytest

from tests.modelserver import ModelServer
from tests.waiting import wait
from vibe.llm.client import OpenAIClient
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Call, Message, Model

MEGABYTE = "a" * 1_000_000


def ask(behaviour):
    with ModelServer([behaviour]) as server:
        return OpenAIClient().ask(
            Call(Model("m", server.url, "sk-secret-0123456789"), (Message("user", "hi"),))
        )


def endless(handler, begin, piece):
    """Far more than anyone may send; a test that reads it all takes long and fails."""
    handler.raw(begin)
    for _ in range(400):
        handler.raw(piece)


def line(handler):
    handler.begin()
    endless(handler, 'data: {"x":"', MEGABYTE)


def event(handler):
    handler.begin()
    endless(handler, "data: a\n", "data: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 30_000)


def comment(handler):
    handler.begin()
    endless(handler, ": ", MEGABYTE)


def error(handler):
    handler.send_response(500)
    handler.send_header("content-type", "application/json")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    endless(handler, '{"error":"', MEGABYTE)


@pytest.mark.parametrize("behaviour", [line, event, comment, error])
def test_what_never_ends_is_not_kept_until_it_does(behaviour):
    with pytest.raises(ModelFault) as caught:
        ask(behaviour)
    assert caught.value.kind == "too_long"


def test_a_packed_reply_is_not_unpacked():
    packed = gzip.compress(b"data: " + b"a" * 50_000_000, 1)

    def bomb(handler):
        handler.whole(200, "text/event-stream", packed, {"content-encoding": "gzip"})

    with pytest.raises(ModelFault) as caught:
        ask(bomb)
    assert caught.value.kind == "bad_json"
    assert "packed" in caught.value.detail


def test_json_without_a_bottom_is_a_fault_of_the_server():
    with pytest.raises(ModelFault) as caught:
        ask(lambda handler: handler.whole(200, "application/json", b"[" * 200_000))
    assert caught.value.kind == "bad_json"


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -1_000_000, "completion_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": -1_000_000},
        {"prompt_tokens": 10**30, "completion_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -9}},
    ],
)
def test_a_count_that_cannot_be_is_not_booked(usage):
    """A negative one would give the maker's allowance back, a huge one fits into no column."""

    def lie(handler):
        handler.begin()
        handler.chunk({"content": "tea " * 100})
        handler.chunk({}, finish="stop", usage=usage)
        handler.end()

    got = ask(lie).usage
    assert got.estimated
    assert got.tokens_out == 100


def without_end(piece, *, counts=0, last=None):
    """A server that knows no cap: its words go on until its caller hangs up. `counts`: it says after each piece that so
    many tokens were used so far for each of them; `last`: what its first piece ends with, as if that were all."""

    def behave(handler):
        handler.begin()
        for n in range(1, 5_000):
            handler.chunk({"content": piece}, finish=last if n == 1 else None)
            if counts:
                handler.chunk(None, usage={"prompt_tokens": 11, "completion_tokens": n * counts})

    return behave


def capped(behaviour, **more):
    """(Reply of at most 100 tokens from this server, whether it saw us hang up)."""
    with ModelServer([behaviour]) as server:
        model = Model("m", server.url, price_in=1, price_out=2, **more)
        reply = OpenAIClient().ask(Call(model, (Message("user", "hi"),), max_tokens=100))
        return reply, bool(wait(lambda: server.left))


@pytest.mark.parametrize("last", [None, "stop"], ids=["no end", "words after the end"])
def test_a_server_that_ignores_the_cap_is_left_when_what_was_set_aside_has_come(last):
    reply, left = capped(without_end("word" * 5, last=last))
    assert left
    assert (reply.finish, reply.usage.tokens_out, len(reply.text)) == (last or "length", 100, 400)


def test_a_server_that_counts_in_passing_is_left_when_its_count_reaches_what_was_set_aside():
    reply, left = capped(without_end("word", counts=30))
    assert left
    assert (reply.finish, reply.usage.tokens_out, reply.usage.tokens_in) == ("length", 120, 11)
    assert len(reply.text) == 4 * 4


def test_long_words_of_a_server_that_counts_are_not_mistaken_for_too_many():
    reply, _ = capped(without_end("w" * 40, counts=1))
    assert len(reply.text) > 80 * 40, "its cap holds: these are a hundred tokens or fewer"


def test_a_question_that_took_more_than_we_thought_cuts_no_answer_short():
    def counting(handler):
        handler.begin()
        for n in range(1, 51):
            handler.chunk({"content": "word"})
            handler.chunk(None, usage={"prompt_tokens": 90_000, "completion_tokens": n})
        handler.chunk({}, finish="stop")
        handler.end()

    with ModelServer([counting]) as server:
        call = Call(Model("m", server.url, price_in=1, price_out=2), (Message("user", "hi"),), max_tokens=100)
        reply = OpenAIClient().ask(call)
    assert (reply.finish, reply.text, reply.usage.tokens_in) == ("stop", "word" * 50, 90_000)


def test_an_answer_that_fills_its_cap_is_read_to_its_end():
    def honest(handler):
        handler.begin()
        handler.chunk({"content": "word" * 99})
        handler.chunk({}, finish="length")
        handler.chunk(None, usage={"prompt_tokens": 9_000, "completion_tokens": 100})
        handler.end()

    with ModelServer([honest]) as server:
        call = Call(Model("m", server.url, price_in=1, price_out=2), (Message("user", "hi"),), max_tokens=100)
        reply = OpenAIClient().ask(call)
    assert (reply.finish, reply.usage.tokens_in, reply.usage.tokens_out) == ("length", 9_000, 100)


def stopped(server_url, wait):
    """What a stop costs that comes once `wait()` returns."""
    stop = threading.Event()
    model = Model("m", server_url, "sk-secret-0123456789")
    threading.Thread(target=lambda: (wait(), stop.set()), daemon=True).start()
    with pytest.raises(Cancelled) as caught:
        OpenAIClient().ask(Call(model, (Message("user", "tea " * 100),)), cancelled=stop)
    return caught.value.usage


def test_a_stop_before_the_first_word_costs_the_question():
    """Or whoever stops in time, again and again, would let the site pay for long questions that nobody is charged for."""
    asked = threading.Event()

    def silent(handler):
        asked.set()
        select.select([handler.connection], [], [], 30)  # until its caller hangs up

    with ModelServer([silent]) as server:
        usage = stopped(server.url, asked.wait)
    assert usage
    assert (usage.tokens_in, usage.tokens_out) == (100, 0)


def test_a_stop_before_the_question_was_asked_costs_nothing():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as nobody:
        held = [socket.socket() for _ in range(8)]  # the line is full: a new connection waits
        for one in held:
            one.setblocking(False)
            one.connect_ex(nobody.getsockname())
        usage = stopped(f"http://127.0.0.1:{nobody.getsockname()[1]}/v1", lambda: time.sleep(0.3))
        for one in held:
            one.close()
    assert usage is None
