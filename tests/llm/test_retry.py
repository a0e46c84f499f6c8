"""Patience: another try where it can help, never silently, never for long."""

import threading

import pytest

from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Call, Message, Model, Usage
from vibe.llm.retry import ask_patiently
from vibe.llm.scripted import ScriptedClient

CALL = Call(Model("m", "http://x"), (Message("user", "hi"),))


def patiently(replies, **more):
    waits: list[tuple[float, str]] = []
    client = ScriptedClient(replies)
    more.setdefault("wait", lambda stop, seconds: False)
    reply = ask_patiently(client, CALL, on_wait=lambda s, words: waits.append((s, words)), **more)
    return reply, waits, client


def test_it_waits_as_long_as_the_provider_asks_and_says_so():
    reply, waits, client = patiently([ModelFault("rate_limited", retry_after=7.0), "fine"])
    assert reply.text == "fine"
    assert waits == [
        (7.0, "The model’s provider asks for a pause: too many requests at once. I try again in 7 s.")
    ]
    assert len(client.calls) == 2


def test_what_another_try_cannot_mend_is_not_tried_again():
    with pytest.raises(ModelFault) as caught:
        patiently([ModelFault("no_credit"), "never asked"])
    assert caught.value.kind == "no_credit"


def test_it_gives_up_after_two_more_tries():
    client = ScriptedClient([ModelFault("silent")] * 5)
    with pytest.raises(ModelFault):
        ask_patiently(client, CALL, wait=lambda stop, seconds: False)
    assert len(client.calls) == 3


def test_a_pause_of_minutes_is_told_instead_of_waited():
    with pytest.raises(ModelFault) as caught:
        patiently([ModelFault("rate_limited", retry_after=300.0), "never asked"])
    assert "about 5 minutes" in caught.value.sentence


def test_a_stop_ends_the_waiting():
    stop = threading.Event()
    with pytest.raises(Cancelled):
        ask_patiently(
            ScriptedClient([ModelFault("silent"), "x"]), CALL, cancelled=stop, wait=lambda event, s: True
        )


def test_text_that_had_streamed_is_withdrawn_before_the_next_try():
    restarts = []
    patiently([ModelFault("cut", partial="half"), "whole"], on_restart=lambda: restarts.append(1))
    patiently([ModelFault("silent"), "whole"], on_restart=lambda: restarts.append(2))
    assert restarts == [1]


def broken(tokens_out):
    fault = ModelFault("cut", partial="half")
    fault.usage = Usage(10, tokens_out, estimated=True)
    return fault


def test_what_broken_tries_cost_is_counted_with_the_one_that_came_through():
    reply, _, _ = patiently([broken(5), ModelFault("silent"), "whole"])
    assert (reply.usage.tokens_in, reply.usage.tokens_out) == (10 + 2 // 4, 5 + 5 // 4)


def test_what_broken_tries_cost_is_told_when_none_comes_through():
    with pytest.raises(ModelFault) as caught:
        patiently([broken(5), broken(6), broken(7)])
    assert caught.value.usage.tokens_out == 18
    with pytest.raises(ModelFault) as caught:
        patiently([ModelFault("no_credit")])
    assert caught.value.usage is None
