"""What is mended without asking a model."""

import pytest

from vibe.generation import fixers

EVIDENCE = "main.py: NameError: name '{}' is not defined"


@pytest.mark.parametrize(
    ("name", "use", "line"),
    [
        ("pd", "print(pd.DataFrame())\n", "import pandas as pd"),
        ("json", "print(json.loads('1'))\n", "import json"),
        ("plt", "plt.plot([1])\n", "import matplotlib.pyplot as plt"),
        ("Counter", "print(Counter('aab'))\n", "from collections import Counter"),
    ],
)
def test_a_missing_import_of_a_library_that_we_serve_is_added(name, use, line):
    fixed = fixers.after({"main.py": use, "tool.toml": ""}, EVIDENCE.format(name))
    assert fixed.files["main.py"] == f"{line}\n{use}"
    assert line in fixed.did


def test_it_goes_below_the_docstring_and_future_imports():
    text = '"""Says hello."""\nfrom __future__ import annotations\n\nprint(math.pi)\n'
    fixed = fixers.after({"main.py": text}, EVIDENCE.format("math"))
    assert fixed.files["main.py"].splitlines()[:3] == [
        '"""Says hello."""',
        "from __future__ import annotations",
        "import math",
    ]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"main.py": "print(total)\n"}, "total"),  # a variable, not a library
        ({"main.py": "print(json)\ndel json\njson = 1\n"}, "json"),  # it has a value somewhere: not certain
        ({"a.py": "json.x\n", "b.py": "json.y\n"}, "json"),  # which of the two?
        ({"main.py": "def f(:\n"}, "json"),
        ({"main.py": "print(requests.get(1))\n"}, "requests"),  # not in the box
    ],
)
def test_what_is_not_certain_is_left_alone(files, name):
    assert fixers.after(files, EVIDENCE.format(name)) is None


def test_a_page_under_another_name_is_found():
    fixed = fixers.before({"index.htm": "<p>hi</p>", "style.css": "p{}"})
    assert set(fixed.files) == {"index.html", "style.css"}
    assert fixers.before({"index.html": "x", "old.html": "y"}) is None
    assert fixers.before({"a.html": "x", "b.html": "y"}) is None
