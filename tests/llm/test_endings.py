"""A call that is stopped, goes silent or breaks: it ends in time, keeps what came, and says what it has cost."""

import threading
import time

import pytest

from tests import modelserver as play
from tests.llm.asking import call, fault
from tests.modelserver import ModelServer
from tests.services import free_port
from tests.waiting import wait
from vibe.llm.client import OpenAIClient
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Call, Message, Model

QUIET_S = 2.0  # long enough for the first words to come, whatever else the machine does


def test_comments_keep_no_call_alive_for_ever():
    began = time.monotonic()
    got = fault(play.comments("the beginning"), idle_s=QUIET_S)
    assert (got.kind, got.partial) == ("silent", "the beginning")
    assert time.monotonic() - began < 15, "of twenty"


def test_a_call_that_streams_too_long_is_ended_and_not_tried_again():
    with ModelServer([play.endless()]) as server, pytest.raises(ModelFault) as caught:
        OpenAIClient(whole_s=QUIET_S).ask(call(server))
    assert caught.value.kind == "too_long"
    assert not caught.value.retry
    assert caught.value.partial


def test_silence_ends_the_call_and_keeps_what_came():
    began = time.monotonic()
    got = fault(play.silence("the beginning", 20.0), idle_s=QUIET_S)
    assert got.kind == "silent"
    assert got.partial == "the beginning"
    assert time.monotonic() - began < 15, "of twenty"


def test_a_cut_stream_keeps_what_came():
    assert fault(play.cut("the beginning")).partial == "the beginning"


def test_a_stop_ends_the_call_at_once_and_closes_the_connection():
    """The stop comes from another thread, while words stream."""
    stop, began, asked = threading.Event(), threading.Event(), []

    def press():
        began.wait(30)
        asked.append(time.monotonic())
        stop.set()

    with ModelServer([play.endless()]) as server:
        threading.Thread(target=press).start()
        with pytest.raises(Cancelled):
            OpenAIClient().ask(call(server), on_delta=lambda _: began.set(), cancelled=stop)
        assert time.monotonic() - asked[0] < 10, "of the thirty for which it streams"
        assert wait(lambda: server.left), "the server never saw the connection close"


def test_a_call_that_was_stopped_before_it_began_asks_nothing():
    stop = threading.Event()
    stop.set()
    with ModelServer() as server, pytest.raises(Cancelled):
        OpenAIClient().ask(call(server), cancelled=stop)


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
    assert unheard.is_call, "it may have thought all the while"
    for refusal in (play.status(429), play.status(503), play.status(401)):
        assert not fault(refusal).is_call
    with pytest.raises(ModelFault) as nobody:
        OpenAIClient().ask(Call(Model("m", f"http://127.0.0.1:{free_port()}/v1"), (Message("user", "hi"),)))
    assert not nobody.value.is_call


def test_what_was_asked_is_paid_for_where_no_word_of_an_answer_came():
    question = "what is tea? " * 40
    with ModelServer([lambda handler: handler.hang_up()]) as server, pytest.raises(ModelFault) as caught:
        OpenAIClient().ask(Call(Model("m", server.url), (Message("user", question),)))
    usage = caught.value.usage
    assert (usage.tokens_in, usage.tokens_out, usage.estimated) == (len(question) // 4, 0, True)
    assert fault(play.status(503)).usage is None
