"""Cassettes keep what a model said, byte for byte, and play it back to the call that it was said to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import modelserver as play
from vibe.llm import cassette
from vibe.llm.cassette import BadCassette, Cassette, Player, Recorder, Take
from vibe.llm.client import OpenAIClient
from vibe.llm.errors import ModelFault
from vibe.llm.message import Call, Message, Model

MODEL = Model("m", "http://127.0.0.1:9/v1")


def call(purpose, model=MODEL):
    return Call(model, (Message("user", "hello"),), purpose=purpose)


@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("%\n\r `"))))
def test_every_text_comes_back_byte_for_byte(texts):
    made = Cassette({"model": ["m"]}, [Take("write", text, {"in": "1", "out": "2"}) for text in texts])
    assert cassette.read(cassette.write(made)) == made


def test_a_call_gets_the_next_take_of_its_purpose_else_of_its_family():
    player = Player(Cassette({}, [Take("write", "one"), Take("repair", "two"), Take("plan", "STEP a")]))
    assert [player.ask(call(p)).text for p in ("plan", "repair", "resample")] == ["STEP a", "two", "one"]
    with pytest.raises(ModelFault) as ended:
        player.ask(call("plan"))
    assert ended.value.sentence == "The cassette has no reply left for “plan”."
    assert not ended.value.retry


def test_what_was_recorded_plays_with_the_same_words_tokens_end_and_faults():
    with play.ModelServer([play.say("half a", finish="length"), play.status(401)]) as server:
        recorder = Recorder(OpenAIClient())
        model = Model("m", server.url, "k" * 20)
        first = recorder.ask(call("write", model))
        with pytest.raises(ModelFault):
            recorder.ask(call("repair", model))
    player = Player(cassette.read(cassette.write(Cassette({}, recorder.takes))))
    again = player.ask(call("write"))
    assert (again.text, again.finish, again.usage.tokens_out) == (first.text, "length", first.usage.tokens_out)
    with pytest.raises(ModelFault) as fault:
        player.ask(call("repair"))
    assert fault.value.kind == "wrong_key"


@pytest.mark.parametrize(
    ("text", "words"),
    [("what is this", "line 1"), ("a: b\n%%%%%plan", "is no take"), ("%%%%% write finish=soon", "finish is"),
     ("%%%%% write out=few", "number of tokens"), ("%%%%% write fault=tired", "there is no fault")],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_its_line(text, words):
    with pytest.raises(BadCassette, match=words):
        cassette.read(text)
