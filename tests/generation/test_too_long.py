"""More to read than a model can hold, as its server says it: less is asked once, and nothing that is made is lost."""

from tests.generation.world import BROKEN, PAGE, World, make
from vibe.generation.request import Base, Request
from vibe.generation.steps import Ask

TOO_MUCH = {"fault": {"kind": "overflow", "sentence": "This is more text than the model can read at once."}}
LONG = tuple(f"earlier wish {n} {'tea ' * 60}" for n in range(20))


def test_what_a_server_refuses_as_too_long_is_asked_once_more_with_less_and_it_is_said():
    base = Base({"index.html": "<p>tea</p>"}, "page", "Tea", "held", 0)
    world = World(asks=[TOO_MUCH, PAGE])
    assert make(world, Request("bye", salt="s", base=base, history=LONG)).files
    first, second = [ask for ask in world.of(Ask) if ask.purpose == "change"]
    assert "earlier wish" in first.messages[-1].text
    assert "earlier wish" not in second.messages[-1].text
    assert second.note == "To fit, I left out what you asked before."


def test_what_is_too_long_with_less_in_it_too_ends_with_a_sentence():
    world = World(asks=[TOO_MUCH, TOO_MUCH])
    result = make(world, Request("bye", salt="s", history=LONG))
    assert not result.made
    assert "more" in result.sentence
    assert "at once" in result.sentence


def test_a_repair_that_the_model_cannot_read_takes_nothing_away():
    world = World(asks=[PAGE, TOO_MUCH, TOO_MUCH], runs=[BROKEN])
    result = make(world)
    assert result.files
    assert "at once" in result.why
    long = {
        **BROKEN,
        "errors": [{"kind": "uncaught", "text": "x" * 500, "file": "index.html", "line": 1}] * 100,
    }
    page = PAGE.replace("<p>hello</p>", "<p>hello</p>\n" * 600)
    result = make(
        World(
            asks=[page],
            runs=[long],
            force={"writers": {"strong": {"context": 3000, "vision": False, "reasoning": True}}},
        )
    )
    assert result.files
    assert "more than the model can read at once" in result.why
