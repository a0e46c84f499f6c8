"""Lines that stand in for code, as models write them, beside honest lines that look like them."""

import pytest

from vibe.generation.placeholders import is_placeholder, placeholders

LAZY = """\
// ... rest of the code remains the same
// ...rest of code unchanged
// rest of your code here
// Rest of the JavaScript remains the same as before
// The rest of the functions stay the same
// [rest of the functions]
// ... existing code ...
// ...existing code...
// existing code here
// (existing code)
// ... other functions
// ... (other methods remain unchanged)
// All other functions remain the same
// Everything else stays the same
// same as before
// (same as above)
// unchanged from the previous version
// ... keep the existing functions
// keep existing code
// Keep all other functions unchanged
// Insert existing code here
// add the rest of your code here
// your code here
// implementation goes here
// code omitted for brevity
// ... truncated for brevity
// (event handlers omitted)
// ...
/* ... */
/* existing styles */
/* Existing CSS remains here */
/* ... other styles ... */
/* Previous styles unchanged */
/* (rest of the styles unchanged) */
/* All previous styles remain the same */
  {/* ... existing components ... */}
function draw() { /* ... existing code ... */ }
.card { /* existing styles */ }
const words = [ /* ... more words ... */ ];
function save() { // ... same as before
# (unchanged)
# ... rest of the function
# ... (unchanged)
# rest of the code stays the same
# keep the existing functions
    ...  # rest of the implementation
    pass  # implementation goes here
<!-- same as before -->
<!-- rest of the HTML -->
<!-- ... existing content ... -->
<!-- Keep existing content -->
<!-- existing code remains here -->
<div> <!-- ... more cards ... --> </div>
<!-- ... -->
... rest of the code ...
[... existing code ...]
… (rest unchanged)
-- rest of the code unchanged
// Rest des Codes bleibt unverändert
// ... restlicher Code wie bisher
/* bestehende Styles */
# (unverändert)
<!-- Der Rest der Seite bleibt gleich -->
// bleibt unverändert
// Le reste du code reste inchangé
/* styles existants */
# (inchangé)
<!-- ... reste de la page ... -->
// El resto del código permanece igual
/* estilos existentes */
// Resto do código permanece igual
// Il resto del codice rimane invariato
// Остальной код без изменений
// 其余代码保持不变
// ... 其他代码不变 ...
/* 原有样式保持不变 */
// 此处省略其余代码
# （不变）
// 与之前相同
<!-- 其余部分不变 -->
// 残りのコードは変更なし
/* 既存のスタイル */
"""

HONEST = """\
// rest of the week
// the rest of the week is free
// Rest of the players wait for their turn
// split the rest evenly
// keep the rest
// keep the original order
// keep the previous value
// Keep the page from scrolling
// existing entries win over new ones
// Existing teas are kept
// previous month
// other currencies are rounded to the cent
// same height for all bars
// same colour as the title
// unchanged
// Same as above.
//// a rule ///////
/* ........................ */
//]]></script>
# use the original function to repeat the work
// ... and more
// ... and then draw it again
// ...then the remainder goes to whoever ate most
// wait for the picture to load...
// loading ...
// no change to give back
// Other styles of tea
// remaining time in seconds
// the code of the country, e.g. DE
// Code goes from A to Z
// cut for length: a label has at most 20 letters
/* Styles for print */
/* Other buttons */
/* the same colours in the dark */
/* layout */
.card { color: red } /* same as the title */
let total = old; // unchanged
return before;  // same as before
total = old  # unchanged
f(...args); // all the rest
const { first, ...rest } = props;
...rest,
  ...existing,
  ...other.items,
const t = "// ...";
const t = '/* existing styles */';
say("the rest of the code is yours");
say("// rest of the code");
<p>... rest of the week</p>
… and so it ends
<p>The rest of the page is about tea.</p>
<li>Keep existing code</li>
<!-- the form -->
<!-- Rest day -->
<!-- Questions -->
# the rest of the file is read line by line
# rest of the division
# existing rows are kept, new ones are added
# Keep the header row
# previous version of the file had no dates
# the rest goes to savings
#existing { color: red }
#rest-of-code { color: red }
    ...
def f(): ...
x = a[..., 0]
url = "https://example.org/rest"
a = b // c
// Rest der Woche
// Rest durch sieben
# Der Preis bleibt gleich
// andere Farben für die Nacht
// le reste de la division
# le prix reste le même que celui du panier
// el resto de la semana
// el mismo precio para todos
// 其余金额平分
// 本周其余时间
// 比例保持不变
// 残りの時間
-- Rest of the week --
* rest of the code
--accent: #f00; /* dots ... */
// TODAY
# 10 % of the rest of the bill
"""


@pytest.mark.parametrize("line", LAZY.splitlines())
def test_a_line_that_stands_in_for_code_is_found(line):
    assert is_placeholder(line)
    assert placeholders(f"let a = 1;\n{line}\nlet b = 2;\n") == [(2, line.strip())]


@pytest.mark.parametrize("line", HONEST.splitlines())
def test_an_honest_line_is_left_alone(line):
    assert not is_placeholder(line)


def test_the_table_is_long_both_ways():
    assert len(LAZY.splitlines()) >= 60
    assert len(HONEST.splitlines()) >= 60


def test_what_stood_there_before_is_not_left_out_now():
    assert placeholders("a\n  // ...\nb", known=["// ...", "a"]) == []


@pytest.mark.parametrize("mark", ["`", '"""', "'''"])
def test_dots_inside_a_string_of_several_lines_are_text(mark):
    assert placeholders(f"show = {mark}\nfunction f() {{\n  // ...\n}}{mark}\nx = 1\n") == []
    assert placeholders(f"show = {mark}\nx{mark}\n// ...\n") == [(3, "// ...")]


def test_no_line_takes_long_to_judge():
    import time

    began = time.process_time()
    for line in (
        "// " + "rest of the " * 400,
        "/* " + "existing other same " * 300,
        "#" + " keep the" * 500,
        "…" * 5000,
    ):
        is_placeholder(line)
    assert time.process_time() - began < 2
