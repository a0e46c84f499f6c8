"""The film of a tool's run: what was filled in, what came out, and the moment it failed, in plain words."""

from sandbox.outcome import Artifact, Outcome
from tests.fakes import PIXEL, jpeg
from vibe.generation import look, tool_film
from vibe.generation.tool import Cleaned, ToolSpec

SPEC = ToolSpec.parse(
    'title = "Spending"\nrun = ["main.py"]\n'
    + "".join(
        f'[[inputs]]\nname = "{name}"\nlabel = "{label}"\ntype = "{kind}"\n{more}'
        for name, label, kind, more in (
            ("bank", "Bank statement", "file", ""), ("year", "Year", "number", ""),
            ("by", "Group by", "choice", 'choices = ["month", "shop"]\n'), ("rent", "Count the rent", "yesno", ""),
        )
    )
)  # fmt: skip
GIVEN = Cleaned({"bank": "in/bank.csv", "year": 2026, "by": "shop", "rent": True}, {"in/bank.csv": b"x"})


def film(outcome, given=GIVEN, spec=SPEC):
    return tool_film.frames(spec, given, outcome)


def words(frames):
    return [f.words for f in frames]


def test_each_field_is_filled_in_before_anything_comes_out():
    frames = film(Outcome("exit", 0, stdout="Tea 4\n", seconds=0.41))
    assert words(frames) == [
        "I opened it", "I gave it bank.csv as “Bank statement”", "I typed 2026 into “Year”", "I chose shop in “Group by”",
        "I ticked “Count the rent”", "I ran it, and it ended after 0.4 s", "Then I looked",
    ]  # fmt: skip
    assert [one["value"] for one in frames[0].form] == ["", "", "", ""]
    assert [(one["value"], one["now"]) for one in frames[2].form] == [
        ("bank.csv", False), ("2026", True), ("", False), ("", False),
    ]  # fmt: skip
    assert (frames[-1].said, frames[-1].look) == ("Tea 4", True)


def test_what_came_out_is_shown_one_thing_a_frame_and_the_rest_is_named():
    made = (
        Artifact("sums.csv", b"Shop,Sum\nTea,4\nBus,2\n"), Artifact("bars.png", PIXEL), Artifact("all.pdf", b"%PDF"),
        Artifact("photo.jpg", jpeg(2000, 1000)),
    )  # fmt: skip
    frames = film(Outcome("exit", 0, artifacts=made, seconds=1.0))[5:]
    assert words(frames) == [
        "I ran it, and it ended after 1.0 s: it said nothing and made files", "It made sums.csv", "It made bars.png",
        "It made photo.jpg", "It made all.pdf", "Then I looked",
    ]  # fmt: skip
    assert frames[1].table["rows"] == [["Tea", "4"], ["Bus", "2"]]
    assert (frames[2].picture, frames[2].whole, frames[3].width) == (PIXEL, True, 2000)
    assert frames[-1].table == frames[1].table  # what is looked at is what came first


def test_the_moment_it_broke_is_marked_and_a_plain_refusal_is_none():
    broke = film(
        Outcome("exit", 1, stderr='Traceback (most recent call last):\n  File "main.py", line 1\nKeyError: 4')
    )
    assert [f.bad for f in broke][-2:] == [True, False]
    assert "KeyError" in broke[-2].said
    assert broke[-2].words.startswith("I ran it: The tool broke on this input")
    refused = film(Outcome("exit", 1, stderr="Choose a CSV with a column Amount.\n"))
    assert (refused[-2].words, refused[-2].bad) == ("I ran it, and it answered with a message", False)
    assert refused[-2].said == "Choose a CSV with a column Amount."
    assert film(Outcome("timeout", stdout="on and on"))[-2].bad


def test_of_too_much_the_beginning_is_shown():
    many = ToolSpec.parse(
        'run = ["main.py"]\n'
        + "".join(f'[[inputs]]\nname = "n{n}"\nlabel = "N {n}"\ntype = "text"\n' for n in range(12))
    )
    given = Cleaned({f"n{n}": "x" * 9999 for n in range(12)})
    frames = film(Outcome("exit", 0, stdout="line\n" * 9000), given, many)
    assert words(frames)[5:7] == ["I typed " + "x" * 59 + "… into “N 4”", "I filled in the rest"]
    assert all(len(one["value"]) <= tool_film.VALUE for one in frames[6].form)
    assert frames[7].said.endswith("line\n…")
    assert len(frames[7].said) < 2000


def test_what_is_hostile_in_names_and_pictures_does_no_harm():
    bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (90_000).to_bytes(4) * 2 + bytes(20)
    made = (
        Artifact("a\u202eb.png", bomb),
        Artifact("big.png", PIXEL + bytes(300_000)),
        Artifact("x.svg", b"<svg/>"),
    )
    frames = film(Outcome("exit", 0, stdout="\x1b[31mred\u202e", artifacts=made))
    assert not any(f.picture for f in frames)
    assert "It made ab.png, big.png, x.svg" in words(frames)
    assert frames[5].said == "red"


class Box:
    """Runs nothing; gives the same answer."""

    def run(self, source, **_):
        return Outcome("exit", 0, stdout="sum", artifacts=(Artifact("a.png", PIXEL),))


FILES = {"tool.toml": 'run = ["main.py"]\n[[inputs]]\nname = "f"\nlabel = "F"\ntype = "file"\n', "main.py": "1"}
CHECK = {"id": "c", "sentence": "s", "input": {"f": "a.csv"}, "files": {"a.csv": "1"}, "expect": []}


def test_what_it_did_with_a_persons_own_file_is_in_no_film_and_no_picture():
    spec = ToolSpec.parse(FILES["tool.toml"])
    seen = look.run_tool_checks(Box(), FILES, spec, [CHECK], given={"mine.csv": b"secret"})
    assert set(seen.films) == {"broken", "c"}
    assert not seen.shots
    assert "mine.csv" not in repr(seen.films)
    seen = look.run_tool_checks(Box(), FILES, spec, [CHECK])
    assert set(seen.films) == {"sample", "broken", "c"}
    assert list(seen.shots.values()) == [PIXEL]
