"""What a machine refuses of a change, and what it lets through."""

import pytest

from vibe.generation.edits import EditFailed, apply_edits, may_edit, offer
from vibe.generation.refusals import asks_for_less, refusals
from vibe.generation.reply import Hunk, parse

LONG = "\n".join(f"line {n};" for n in range(40)) + "\n"
SHORT = "\n".join(f"line {n};" for n in range(10)) + "\n"
BLUE = "Make the title blue"


def test_a_change_that_keeps_everything_is_let_through():
    assert refusals({"app.js": LONG}, {"app.js": LONG + "more();\n"}, BLUE) == []


def test_a_new_program_has_nothing_to_lose():
    assert refusals({}, {"app.js": SHORT}, BLUE) == []


def test_a_placeholder_names_its_place():
    (sentence,) = refusals({"app.js": LONG}, {"app.js": LONG + "// ... rest of the code\n"}, BLUE)
    assert "app.js, line 41" in sentence


def test_a_placeholder_is_refused_whatever_was_asked():
    assert refusals({"app.js": LONG}, {"app.js": "// ... existing code ...\n"}, "remove the sound")


def test_a_remark_that_the_person_wrote_is_no_placeholder():
    honest = LONG + "// ...\n"
    assert refusals({"app.js": honest}, {"app.js": honest + "x();\n"}, BLUE) == []
    reply = f"FILE app.js\n```js\n{honest}```\nDONE\n"
    assert parse(reply, old={"app.js": honest}).problems == []
    assert parse(reply).problems


def test_a_placeholder_in_what_an_edit_puts_in_is_a_problem():
    edit = "EDIT a.js\n```js\n<<<<<<< SEARCH\nlet a = 1;\n=======\nlet a = 2;\n// ... existing code ...\n>>>>>>> REPLACE\n```\nDONE\n"
    assert "a placeholder" in parse(edit).problems[0].sentence
    kept = edit.replace("let a = 1;\n", "let a = 1;\n// ... existing code ...\n", 1)
    assert parse(kept).problems == []


def test_a_file_that_shrank_unasked_is_refused():
    (sentence,) = refusals({"app.js": LONG}, {"app.js": LONG[: LONG.index("line 20")]}, BLUE)
    assert "had 40 lines and now has 20" in sentence


def test_a_file_may_shrink_a_little_and_a_small_one_as_it_likes():
    assert refusals({"app.js": LONG}, {"app.js": LONG[: LONG.index("line 30")]}, BLUE) == []
    assert refusals({"app.js": SHORT}, {"app.js": "line 1;\n"}, BLUE) == []


def test_blank_lines_are_no_lines():
    assert refusals({"app.js": LONG.replace("\n", "\n\n\n")}, {"app.js": LONG}, BLUE) == []


def test_a_file_that_went_unasked_is_refused():
    (sentence,) = refusals({"a.html": SHORT, "b.js": SHORT}, {"a.html": SHORT}, BLUE)
    assert sentence.startswith("b.js is gone")
    assert refusals({"a.html": SHORT, "b.js": SHORT}, {"a.html": SHORT, "b.js": ""}, BLUE)


def test_code_that_moved_to_another_file_is_not_gone():
    page = "<p>\n" + LONG + "</p>\n"
    assert refusals({"index.html": page}, {"index.html": "<p>\n</p>\n", "app.js": LONG}, BLUE) == []
    assert refusals({"old.js": LONG}, {"new.js": LONG}, BLUE) == []


LESS = """\
Remove the sound
please delete the second table
I want it without the chart
make it simpler
Shorter texts please
Start over, with a dark look
Replace the list by a table
Lösche die zweite Tabelle
bitte ohne Ton
Mach es einfacher
Nimm den Rahmen weg
Supprime le deuxième tableau
sans le son
Quita el sonido
hazlo más simple, menos texto
Rimuovi il grafico
Remova o som
verwijder de knop
usuń dźwięk
Удали вторую таблицу
删除第二个表格
去掉声音
简化一下
音を削除して
もっとシンプルにして
소리를 제거해 줘
"""
MORE = """\
Make the title blue
Add a column for the date
There is no title, add one
It does not add up
The button should be bigger
Mach den Titel blau
Füge eine Spalte hinzu
Ajoute une colonne
Añade una columna
Aggiungi una colonna
Добавь столбец
添加一列日期
列を追加して
열을 추가해 줘
"""


@pytest.mark.parametrize("request_", LESS.splitlines())
def test_who_asks_for_less_may_get_less(request_):
    assert asks_for_less(request_)
    assert refusals({"app.js": LONG}, {"app.js": SHORT}, request_) == []


@pytest.mark.parametrize("request_", MORE.splitlines())
def test_who_asks_for_more_loses_nothing(request_):
    assert not asks_for_less(request_)
    assert refusals({"app.js": LONG}, {"app.js": SHORT}, request_)


def test_only_strong_models_edit_and_only_long_files():
    files = {"long.js": "x\n" * 151, "at.js": "x\n" * 150, "short.css": "x\n" * 9}
    assert may_edit(files, strong=True) == {"long.js"}
    assert may_edit(files, strong=False) == set()
    assert offer(may_edit(files, strong=False)) == ""
    assert "long.js" in offer(may_edit(files, strong=True))
    assert "short.css" not in offer(may_edit(files, strong=True))


def test_an_edit_that_fails_says_what_to_do_next_and_then_to_write_it_whole():
    with pytest.raises(EditFailed) as caught:
        apply_edits({"app.js": LONG}, [Hunk("app.js", "line 7 ;", "x")])
    assert caught.value.path == "app.js"
    assert caught.value.nearest == "line 7;"
    assert str(caught.value).endswith("line 7;")
    assert "Write app.js whole" in caught.value.whole
