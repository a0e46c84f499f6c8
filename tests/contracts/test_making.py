"""docs/making.md says what the code does: the caps of the dials, and the tables of what was measured."""

import io
import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from vibe.choices import Autonomy
from vibe.generation.policy import KEEP_S, KEEP_USD, policy
from vibe.management.commands import measure
from vibe.management.measuring import results, table
from vibe.management.measuring.suite import read

ROOT = Path(settings.BASE_DIR)
TEXT = (ROOT / "docs" / "making.md").read_text(encoding="utf-8")
KEPT = ROOT / "docs" / "measured" / "everyday.jsonl"
EVERYDAY = ROOT / "tests" / "everyday"
SETS = ("strong", "middling", "poor")
PART = ("mortgage", "strip-signatures")  # two tools: quick, and of every kind of end


def test_the_caps_are_those_of_the_policy():
    rows = {
        name: [int(cell) for cell in cells.split("|")]
        for name, cells in re.findall(
            r"^\| (ask|plan|make|keep): [^|]*\|[^|]*\|([\d |]+)\|$", TEXT, re.MULTILINE
        )
    }
    assert rows == {
        a.value: [policy(a, effort).calls for effort in ("quick", "normal", "thorough")] for a in Autonomy
    }
    assert f"${KEEP_USD:.2f} or {KEEP_S / 60:.0f} minutes" in TEXT


def test_the_suite_is_twelve_everyday_requests_with_at_least_four_tools_and_three_qualities():
    suite = read(EVERYDAY / "suite.toml")
    assert len(suite.requests) == 12
    assert sum(one.shape == "tool" for one in suite.requests) >= 4
    assert len({one.shape for one in suite.requests}) >= 4
    for set_ in SETS:
        assert {p.stem for p in (EVERYDAY / set_).glob("*.txt")} == {one.id for one in suite.requests}


def test_the_tables_are_those_of_the_kept_results_and_say_what_they_are():
    kept = results.read(KEPT)
    shown = TEXT.partition("<!-- measured -->\n")[2].partition("\n<!-- /measured -->")[0]
    assert shown == table.whole(kept)
    assert len(kept) == 12 * len(SETS) * 2
    assert all(one.played for one in kept)
    assert "no success rate of any model" in " ".join(TEXT.split())


@pytest.mark.docker
def test_a_part_of_it_made_again_comes_to_the_same(engine, settings, monkeypatch, transactional_db, tmp_path):
    settings.SANDBOX_ENGINE = "sandbox.docker_engine.DockerEngine"
    monkeypatch.setattr("vibe.perform.boxes._engine", engine)
    out, made = io.StringIO(), tmp_path / "made.jsonl"
    options = {
        "suite": str(EVERYDAY / "suite.toml"), "only": PART, "times": 1, "autonomy": "make", "effort": "normal",
        "without_bare": False, "most_usd": 1.0, "price_unknown": False, "record": None, "out": str(made), "markdown": True, "into": None,
        "play": [str(EVERYDAY / set_) for set_ in SETS],
    }  # fmt: skip
    measure.Command(stdout=out, stderr=io.StringIO(), no_color=True).work(options)
    rows = table.each(results.read(made))
    assert len(rows) == len(PART) * len(SETS)
    assert rows == [row for row in table.each(results.read(KEPT)) if row[0] in PART]
    assert "held after repair" in json.dumps(rows)
    assert "no program" in json.dumps(rows)
