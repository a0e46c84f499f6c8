"""What a program printed, made short and clean."""

from vibe.generation import output

TRACE = """Traceback (most recent call last):
  File "/box/main.py", line 4, in <module>
    totals(read())
    ~~~~~~^^^^^^^^
  File "/opt/py/lib/python3.11/site-packages/pandas/io/parsers.py", line 912, in read_csv
    return _read(filepath, kwds)
  File "/opt/py/lib/python3.11/site-packages/pandas/io/common.py", line 33, in get
    raise KeyError(key)
  File "/box/helpers.py", line 9, in totals
    return row["sum"]
KeyError: 'sum'
"""


def test_terminal_escapes_and_control_characters_vanish():
    hostile = (
        "\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ bell\x07 \u202eright\x9b2J"
    )
    assert output.plain(hostile) == "red link bell right"


def test_of_a_progress_bar_its_last_state_is_kept():
    assert output.plain("10 %\r50 %\r100 %\r\ndone\r\n") == "100 %\ndone\n"


def test_repeats_are_folded_also_of_several_lines():
    assert output.trim("warm\n" * 14 + "done\n") == "warm × 14\ndone"
    assert output.trim("a\nb\n" * 3 + "c") == "a\nb (these 2 lines × 3)\nc"


def test_of_long_output_the_beginning_and_the_end_are_kept():
    seen = output.trim("\n".join(f"line {n}" for n in range(500))).split("\n")
    assert (seen[0], seen[29], seen[30], seen[-1]) == (
        "line 0",
        "line 29",
        "… 440 lines left out …",
        "line 499",
    )


def test_two_kilobytes_are_the_most_whatever_was_printed():
    for text in ("x" * 900_000, "\n".join("ü" * 290 + str(n) for n in range(60)), "(" * 500_000 + ":1:1"):
        assert len(output.trim(text).encode()) <= output.BYTES


def test_frames_are_shown_of_the_programs_own_files_only():
    seen = output.trim(TRACE, {"main.py", "helpers.py"})
    assert "pandas" not in seen
    assert "raise KeyError(key)" not in seen
    assert "… 2 frames of libraries …" in seen
    for kept in ("totals(read())", 'File "/box/helpers.py", line 9', 'return row["sum"]', "KeyError: 'sum'"):
        assert kept in seen
    script = "TypeError: x is undefined\n    at draw (http://check.localhost:8000/app.js:3:5)\n    at node:internal/timers:5:1\n"
    seen = output.trim(script, {"app.js"})
    assert "app.js:3:5" in seen
    assert "node:internal" not in seen


def test_a_run_of_a_tool_is_its_end_and_what_it_said():
    run = {"check": "sample", "outcome": {"ended": "exit", "code": 1, "stdout": "a\na\n", "stderr": TRACE}}
    seen = output.last_run({"runs": [run]}, ["main.py"])
    assert seen.startswith("It ended with exit code 1.\na × 2\nTraceback")
    assert output.last_run({"unchecked": "no box"}, []) == ""
    assert output.last_run({}, []) == ""


def test_errors_of_a_page_are_grouped():
    boom = {"kind": "uncaught", "text": "boom\x1b[2J", "file": "app.js", "line": 3}
    seen = output.last_run({"loaded": True, "errors": [boom] * 9}, ["app.js"])
    assert seen == "It opened.\nerror: app.js, line 3: boom × 9"
