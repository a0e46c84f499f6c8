"""The beginning of a table that a stranger's program left: what is not shown is counted, and costs nothing."""

import tracemalloc

from vibe.generation.tables import Cells, cells


def test_a_table_of_a_million_rows_takes_no_more_memory_than_its_text():
    """Whoever looks at a run has it read again; one process serves many of them."""
    data = b"a\n" * 1_000_000
    tracemalloc.start()
    found = cells(data, "a.csv", rows=200)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found
    assert (len(found.rows), found.left_out) == (200, 1_000_000 - 201)
    assert most < 8 * len(data)


def test_rows_are_cut_counted_and_told_to_be_numbers():
    text = "name;sum\n\n" + "".join(f"row {n};{n}\n" for n in range(90))
    found = cells(text.encode(), "a.csv", rows=8)
    assert found == Cells(["name", "sum"], [[f"row {n}", str(n)] for n in range(8)], [False, True], 82)
    late = text.replace("row 40;40", "row 40;none")
    assert cells(late.encode(), "a.csv", rows=8).numeric == [False, False], "fifty rows say what a column is"


def test_a_wide_table_shows_fewer_rows():
    data = (",".join("x" * 40) + "\n").encode() * 500
    found = cells(data, "a.csv", rows=200, most=600)
    assert (len(found.head), len(found.rows), found.left_out) == (30, 19, 480)
