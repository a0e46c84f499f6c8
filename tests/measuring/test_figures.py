"""Rates with intervals that are honest for few, and results that a stop in the middle of a line does not spoil."""

import json
from dataclasses import asdict, replace

import pytest

from vibe.management.measuring import results, table
from vibe.management.measuring.results import BadResults, Measured

ONE = Measured(
    suite="s", request="tea", nth=1, set="m", way="product", shape="page", first=True, held=True, verdict="held", checks=1,
    calls=["plan", "write"], tokens_in=1000, tokens_out=500, seconds=4.0, usd=0.01, said="Done.", at="2026-11-24",
    autonomy="make", effort="normal", played=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("passed", "of", "low", "high"),
    [(0, 0, 0, 1), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilsons(passed, of, low, high):
    assert table.wilson(passed, of) == pytest.approx((low, high), abs=5e-5)


def test_each_shape_has_a_row_and_all_of_them_one_more():
    tool = replace(ONE, request="sum", shape="tool", first=False, usd=None, seconds=8.0)
    rows = table.summary([ONE, tool, replace(ONE, way="bare", held=False, first=False)])
    assert [(r[1], r[2], r[3]) for r in rows] == [
        ("product", "page", "1"), ("product", "tool", "1"), ("product", "all", "2"), ("bare model", "page", "1"),
    ]  # fmt: skip
    assert rows[2][4:] == ("1/2 (9–91 %)", "2/2 (34–100 %)", "2.0", "1,000", "500", "6.0", "not known")
    assert rows[0][-1] == "0.0100"
    assert rows[3][5] == "–", "the bare model is not given a second try"


def test_a_line_that_was_cut_off_is_left_out_and_written_over(tmp_path):
    kept = tmp_path / "r.jsonl"
    results.add(kept, [ONE])
    with kept.open("a") as out:
        out.write(json.dumps(asdict(ONE))[:40])
    assert results.read(kept) == [ONE]
    results.add(kept, [replace(ONE, request="milk")])
    assert [m.request for m in results.read(kept)] == ["tea", "milk"]


def test_another_file_is_not_taken_for_results(tmp_path):
    (tmp_path / "r.jsonl").write_text("{}\n{}\n")
    with pytest.raises(BadResults, match="line 1"):
        results.read(tmp_path / "r.jsonl")
