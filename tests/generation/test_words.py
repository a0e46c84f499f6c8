"""Every word that a model writes for the person is asked for in the language of the request."""

import pytest

from tests.generation.world import BROKEN, CHECKED, PAGE, World, make
from vibe.generation import prompt
from vibe.generation.request import Request
from vibe.generation.steps import Ask
from vibe.generation.work import WRITING

HEADS = {"plan", "checks", "system"}  # what a call begins with; the others of WRITING stand beneath "system"
WITHIN = {"question", "clash"}  # stand in the middle of "plan"
SAID = "in the language of the request"


def test_each_prompt_says_so_or_stands_beneath_one_that_does():
    files = {path.stem for path in prompt._FOLDER.glob("*.md")}
    assert files == HEADS | WITHIN | set(WRITING), "a new prompt: does it yield words for the person?"
    for name in HEADS:
        assert SAID in prompt._text(name), name


@pytest.mark.parametrize("autonomy", ["ask", "keep"])
def test_each_call_of_a_making_is_asked_so(autonomy):
    asks = CHECKED.replace("CHECK", "QUESTION Welche? | laut | leise\nCHECK")
    own = {"yes": True, "proposal": {"checks": [{"id": "", "sentence": "Es ist warm", "confirmed": True}]}}
    world = World(
        asks=["CHECK Es ist warm\n", *[PAGE] * 20], runs=[BROKEN] * 20, plan=asks, choice="1",
        approve={"plan": own}, force={"autonomy": autonomy, "effort": "thorough"},
    )  # fmt: skip
    make(world, Request("Eine Teeuhr", salt="s"))
    assert {"plan", "checks", "write", "repair"} <= set(world.purposes())
    assert all(SAID in ask.messages[0].text for ask in world.of(Ask))
    first = world.of(Ask)[0].messages[0].text
    assert ("in the same language, of the form QUESTION" in first) == (autonomy == "ask")
