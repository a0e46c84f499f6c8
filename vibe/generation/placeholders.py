"""Finds lines that stand in for code a model did not write: "// ... rest of the code remains the same".

A remark is taken for a placeholder only where code should stand (alone on its line, or alone between brackets) and
only when all of it says so: "rest of the week" is no placeholder, a heading over code that follows is none. Whoever
adds a phrase adds it to the table in tests/generation/test_placeholders.py, with an honest line that looks like it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

# What of a program can be left out. NOUN is code for sure; WIDE is also what honest remarks speak of.
_NOUN = (
    r"(?:(?:java)?scripts?|js|css|html|codes?|style ?sheets?|styl(?:es?|ing)|functions?|methods?|logic|implementations?"
    r"|markup|imports?|rules|selectors?|(?:event )?(?:handlers?|listeners?)|class(?:es)?|components?|helpers?|definitions?"
    r"|declarations?|variables|constants|sections?|elements?|boilerplate|set-?up)\b"
)
_WIDE = rf"(?:{_NOUN}|files?|pages?|body|contents?|documents?|text|app|program|template|layout|items?|questions?|cards?|entries|rows?|options?|data|words|parts?|lines?|things?)\b"
_WHOSE = (
    r"(?:(?:all|of|the|your|my|our|this|these|any|other|existing|previous|original|current|remaining|in|and) )*"
)
_BEFORE = r"(?:before|above|(?:in |from )?(?:the )?(?:previous|original|old|earlier|last)(?: (?:version|file|code|one|reply|answer))?|it was|they were|is)"
_SAME = (
    rf"(?:(?:will |can |should )?(?:remains?|stays?|is|are|be|being|kept|left|goes|go|continues?|follows?|stay|keep) )?"
    rf"(?:(?:exactly|completely|all|entirely|mostly|the|as|exact) )*"
    rf"(?:same|unchanged|identical|untouched|unmodified|unaltered|here|below|intact|as (?:is|{_BEFORE}))"
    rf"(?: (?:as|to|from) {_BEFORE}| as (?:it )?is| here| below)?"
)
_STAYS = (
    rf"(?:will |can |should |must )?(?:remains?|stays?|is|are|be|being|kept|left|keeps?)? ?"
    rf"(?:(?:exactly|completely|all|entirely|the) )*"
    rf"(?:same|unchanged|identical|untouched|unmodified|unaltered|intact|as (?:is|{_BEFORE}))(?: (?:as|to|from) {_BEFORE})?"
)
_LEFT_OUT = r"(?:omitted|truncated|abbreviated|elided|shortened|skipped|snipped|not shown|hidden|cut)"

# (pattern of the whole remark, whether it must also be marked: dots at an end, or brackets around all of it)
_PHRASES: dict[str, tuple[tuple[str, bool], ...]] = {
    "en": (
        (rf"(?:(?:the|and|here|then|with|include|place|code|insert|goes|is|comes|this|use) )*(?:rest|remainder) of {_WHOSE}{_NOUN}(?: (?:code|file|section|block))?(?: {_SAME}.{{0,40}})?", False),
        (rf"(?:the )?(?:rest|remainder)(?: of {_WHOSE}{_WIDE}(?: {_NOUN})?)? {_SAME}.{{0,40}}", False),
        (rf"(?:the |and )*(?:rest|remainder)(?: of {_WHOSE}(?:{_WIDE}|it))?(?: of {_WHOSE}{_WIDE})?", True),
        (rf"(?:(?:all|the|your|any|of) )*(?:existing|previous|original) (?:{_NOUN} ?)+(?: ?{_SAME}.{{0,40}})?", False),
        (rf"(?:(?:all|the|your|any|of) )*(?:existing|previous|original|unchanged) content(?: {_SAME}.{{0,40}})?", False),
        (rf"(?:(?:all|the|your|any|of|and|other|remaining|existing|previous|original|current) )+(?:(?:{_NOUN}|page|file|content|body|document) ?){{1,3}} ?{_STAYS}", False),
        (rf"(?:and )?(?:everything|all)(?: else)? {_STAYS}", False),
        (rf"(?:{_NOUN} )?(?:remains?|stays?|is|are|kept|keep) (?:it )?(?:exactly |completely |the )*(?:same|unchanged|identical|as is|untouched)(?: as {_BEFORE})?", False),
        (rf"(?:exactly |the )*(?:same|unchanged|identical)(?: {_NOUN})? (?:as|from|to) (?!above|is){_BEFORE}", False),
        (r"(?:the )?same as above", True),
        (r"(?:.{0,40} )?(?:unchanged|no changes?(?: needed| here)?|same|identical|as (?:is|before|above))", True),
        (rf"keep (?:(?:all|the|your|of|everything|else|existing|previous|original|rest|remaining|other|current) )+(?:(?:{_WIDE}) ?)*(?: ?{_SAME}.{{0,30}})?", True),
        (rf"keep {_WHOSE}(?:rest )?{_WHOSE}{_NOUN}(?: (?:code|file))?(?: {_SAME}.{{0,30}})?", False),
        (rf"keep (?:all )?(?:the |your )?(?:existing|original|previous) contents?(?: {_SAME})?", False),
        (rf"keep (?:everything|all)(?: else)? (?:{_SAME})", False),
        (rf"(?:add|insert|include|put|paste|copy|place|use|append) {_WHOSE}(?:(?:rest|remainder) of {_WHOSE})?(?:existing|previous|original|remaining|unchanged|rest|your|same) {_WHOSE}(?:{_WIDE} ?)+(?: ?{_SAME})?", False),
        (rf"(?:your|existing) (?:\w+ )?{_NOUN} (?:goes |go |comes )?here", False),
        (rf"(?:{_NOUN}|(?:implementation|logic) details?) (?:goes|go|comes) here", False),
        (rf"(?:.{{0,60}} )?{_LEFT_OUT}(?: here)? (?:for|to save) (?:brevity|clarity|space|length)", False),
        (r"(?:.{0,60} )?for (?:the sake of )?brevity.{0,40}", False),
        (rf"{_WHOSE}(?:{_NOUN} )+(?:is |are )?{_LEFT_OUT}(?: here)?", False),
        (rf"{_WHOSE}(?:{_WIDE} )*(?:is |are )?{_LEFT_OUT}", True),
        (rf"(?:and |plus |with |\d+ )*(?:(?:more|other|others|additional|remaining|existing|previous|original|same|similar|further) )+{_WHOSE}(?:(?:{_WIDE}) ?)+(?: ?(?:{_SAME}|etc|follow.{{0,20}}))?", True),
        (r"(?:codes?|functions|methods|styles|imports|unchanged|snip|snipped|continued|code continues|continues|omitted|truncated)", True),
        (r"snip(?:ped)?", False),
        (rf"implement (?:this|me|the rest|later|{_NOUN})(?: here| later)?", False),
    ),
    "de": (
        (r"(?:der |und |hier )*(?:rest|übrige[rs]?) (?:des|der|vom|von|deines|ihres) (?:bestehenden |vorhandenen )?(?:codes?|skripts?|scripts?|styles?|stile|css|html|funktionen|datei|seite|programms)(?: .{0,40}(?:gleich|unverändert|hier|bisher|vorher|zuvor|oben|folgt))?", False),
        (r"(?:der |die |das |dein |ihr |alle |hier |und )*(?:restlich|übrig|bestehend|vorhanden|bisherig|ander|weiter)\w* (?:codes?|styles?|stile|css|html|skripte?|funktion(?:en)?|regeln|inhalte?|methoden)(?: .{0,20}(?:gleich|unverändert|hier|bisher|vorher|zuvor|oben|bestehen|erhalten))?", False),
        (r"(?:alles andere |der rest |code |rest )?(?:bleibt|bleiben|ist|sind) (?:genau )?(?:gleich|unverändert|wie (?:bisher|zuvor|vorher|oben))", False),
        (r"(?:genau |unverändert )?wie (?:bisher|zuvor|vorher|oben|gehabt)", False),
        (r"(?:.{0,40} )?(?:unverändert|keine änderung(?:en)?|gekürzt|ausgelassen|weggelassen)", True),
        (r"(?:.{0,40} )?(?:der (?:übersichtlichkeit|kürze) (?:halber|wegen)).{0,40}", False),
    ),
    "fr": (
        (r"(?:le |et |ici )*reste (?:du|de la|de ton|de votre|des) (?:code|script|css|html|styles?|fonctions?|fichier|page|programme)(?: .{0,20}(?:inchangée?s?|identiques?|ici|même|pareil|avant))?", False),
        (r"(?:le |la |les |vos |votre |autres )*(?:codes?|styles?|fonctions?|contenu|règles) (?:existante?s?|restante?s?|précédente?s?|inchangée?s?)(?: .{0,30})?", False),
        (r"(?:tout |le reste |tout le reste )?(?:reste|restent|est|sont) (?:inchangée?s?|identiques?|(?:le|la|les) mêmes?|comme avant)", False),
        (r"(?:comme avant|identique (?:à|au) .{0,20}(?:avant|précédent|dessus)|sans changement|même code (?:que|qu).{0,20})", False),
        (r"(?:.{0,40} )?(?:inchangée?s?|identiques?|omise?s?|suite|suite du code|le reste)", True),
    ),
    "es": (
        (r"(?:el |y |aquí )*resto (?:del?|de la|de tu|de los|de las) (?:código|script|css|html|estilos?|funciones|archivo|página|programa)(?: .{0,30}(?:igual|cambios|aquí|mismo|antes))?", False),
        (r"(?:el |los |las |tu |demás |otros )*(?:código|estilos|funciones|contenido|reglas) (?:existentes?|anteriore?s?|restantes?|originale?s?)(?: .{0,30})?", False),
        (r"(?:el resto |todo lo demás |todo )?(?:se mantienen?|permanecen?|sigue|quedan?|es) (?:igual|sin cambios|lo mismo|como antes)", False),
        (r"(?:igual que antes|como antes|sin cambios|sin modificaciones)", False),
        (r"(?:.{0,40} )?(?:sin cambios|igual|omitid[oa]s?|el resto|el mismo)", True),
    ),
    "pt": (
        (r"(?:o |e |aqui )*rest(?:o|ante) (?:do|da|dos|das|do seu) (?:código|script|css|html|estilos?|funções|arquivo|página|programa)(?: .{0,30}(?:igual|mesm[oa]|alterações|aqui|antes|inalterad[oa]))?", False),
        (r"(?:o |os |as |seu |outros )*(?:código|estilos|funções|conteúdo|regras) (?:existentes?|anteriore?s?|restantes?|originais)(?: .{0,30})?", False),
        (r"(?:o resto |tudo )?(?:permanecem?|continuam?|ficam?) (?:igual|iguais|o mesmo|inalterad[oa]s?|sem alterações)", False),
        (r"(?:sem alterações|igual ao anterior|como antes|sem mudanças)", False),
        (r"(?:.{0,40} )?(?:sem alterações|igual|omitid[oa]s?|inalterad[oa]s?)", True),
    ),
    "it": (
        (r"(?:il |e |qui )*resto (?:del|della|dei|delle) (?:codice|script|css|html|stili|funzioni|file|pagina|programma|tuo codice)(?: .{0,30}(?:uguale|invariat[oaei]|stess[oaei]|qui|prima))?", False),
        (r"(?:il |gli |le |tuo |altri |altre )*(?:codice|stili|funzioni|contenuto|regole) (?:esistent[ei]|precedent[ei]|rimanent[ei]|original[ei])(?: .{0,30})?", False),
        (r"(?:il resto |tutto |tutto il resto )?(?:rimane|rimangono|resta|restano) (?:uguale|uguali|invariat[oaei]|come prima|lo stesso)", False),
        (r"(?:come prima|nessuna modifica)", False),
        (r"(?:.{0,40} )?(?:invariat[oaei]|omess[oaei])", True),
    ),
    "ru": (
        (r"(?:остальной|остальные|существующий|существующие|прежний|предыдущий|оставшийся) (?:код|стили|функции|методы|скрипт|html|css)(?: .{0,40})?", False),
        (r"(?:всё остальное |остальное |код )?(?:остаётся|остается|остаются)? ?(?:без изменений|как раньше|как прежде|то же самое|прежним)", False),
        (r"(?:.{0,40} )?(?:без изменений|не изменилось|пропущено|опущено)", True),
    ),
    "zh": (
        (r"(?:这里|此处|这儿|在此)?(?:是|为|放|保留|省略|添加)?(?:你的|您的|了)?(?:其余|其他|其它|剩余|剩下|余下|原有|现有|已有|原来|之前|以前|上面|前面|后面|以下|以上)(?:的)?(?:所有|全部|部分)?(?:的)?(?:代码|样式|函数|方法|逻辑|脚本|内容|html|css|js|实现|部分|功能)+(?:部分)?(?:都|均|与之前|和之前|和原来|与原来|跟之前|同样)?(?:保持|维持|一样|相同|一致|不变|未变|同上|省略|在这里|在此|如上|没有变化|没有改变|无需修改|无变化|不改动)*", False),
        (r"(?:代码|其余|其他|其它|以下|下面|后面|部分)(?:部分|内容)?(?:都|均|的)?(?:保持不变|保持原样|不变|省略|同上|略|没有变化|无变化)", False),
        (r"(?:此处|这里|中间|以下|后面|已)?(?:省略|略去)(?:了)?(?:其余|其他|剩余|部分|若干|相同|重复)*(?:的)?(?:代码|内容|样式|函数|部分|逻辑)", False),
        (r"(?:与|和|跟|同)(?:之前|原来|上面|前面|以前|原版|上一版)(?:的)?(?:代码|版本)?(?:完全)?(?:相同|一样|一致)", False),
        (r"(?:保持不变|保持原样|同上|同前|不变|未改动|没有变化|略|省略|无变化)", True),
        (r"(?:同上|同前|此处省略|代码省略)", False),
    ),
    "ja": (
        (r"(?:残り|既存|以前|元|他|その他|以降|以下|上記)の(?:コード|スタイル|関数|処理|部分|内容|スクリプト|html|css|js)+(?:は|が|を)?(?:ここに?|そのまま|同じ|変更なし|省略|変わらず|変更しない|です|維持|続く)*", False),
        (r"(?:以下|以降|残り)(?:は)?(?:同じ|同様|省略|変更なし|そのまま)", False),
        (r"(?:以前|前|上記|元)と同じ(?:コード|です)?", False),
        (r"(?:変更なし|省略|そのまま|同じ|中略|以下略)", True),
    ),
}  # fmt: skip
_WHOLE = [(re.compile(p), marked) for phrases in _PHRASES.values() for p, marked in phrases]

_REMARK = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.){0,300}+"|'(?:[^'\\]|\\.){0,300}+'|`(?:[^`\\]|\\.){0,300}+`)"""
    r"""|(?P<block>\{?/\*.*?(?:\*/\}?|$)|<!--.*?(?:-->|$))|(?P<line>(?<![:\w])//.*$|(?:(?<=\s)|^)\#(?![\w!]).*$|(?<![\w-])--\s.*$)"""
)
LONG = 400  # characters: no remark that stands in for code says more, and a hostile one costs the patterns too much
_DOTTED = re.compile(r"^[\[({]?\s*(?:\.{3}|…).")
_SPREAD = re.compile(r"^[\[({ ]*\.{3}[\w$]+(?:[.\[(,;)\]}]|$)")  # ...items, is code
_ONLY_REMARK = re.compile(r"^\s*(?://|#(?!\w))\s*\w")
_OPEN = ("{", "[", "(", ">", ",", ":", "=>")
_CLOSE = ("}", "]", ")", "<", ",", ";")
_STANDS_IN = re.compile(r"^(?:\.{3}|…|pass|return)?;?$")
_DOTS = re.compile(r"^(?:\.{2,5}|…{1,3})$")  # more of them are a rule across the page
_MARKED = re.compile(r"^\W*(?:\.{3}|…)|(?:\.{3}|…)\W*$|^\W*[(\[{（【].*[)\]}）】]\W*$", re.DOTALL)


def is_placeholder(line: str) -> bool:
    """Whether this line of a file stands in for code. It knows the line alone; see `placeholders` for a file."""
    return any(_bare(words) or _says_so(words) for words in _remarks(line))


def placeholders(text: str, known: Iterable[str] = ()) -> list[tuple[int, str]]:
    """(line number from 1, the line) of each placeholder in a file that does not stand among the `known` lines.

    `known` are the lines of the file before: what was there is not left out now. Dots alone in a string of several
    lines are text and pass.
    """
    passed = {line.strip() for line in known}
    rows = list(_lines(text))
    found = []
    for at, (number, line, inside) in enumerate(rows):
        if line.strip() in passed:
            continue
        prose = bool(
            at and _ONLY_REMARK.match(rows[at - 1][1])
        )  # the line before is a remark: this may go on with it
        closed_in = prose and at + 1 < len(rows) and bool(_ONLY_REMARK.match(rows[at + 1][1]))
        for words in _remarks(line):
            dots = _bare(words) and not inside and not closed_in
            if dots or (_says_so(words) and not (prose and words[:1].islower())):
                found.append((number, line.strip()))
                break
    return found


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each line with its number and whether it lies inside a string of several lines."""
    fence = ""
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line, bool(fence)
        for mark in re.findall(r"(?<!\\)(?:\"\"\"|'''|`)", line):
            if not fence:
                fence = mark
            elif mark == fence:
                fence = ""


def _remarks(line: str) -> Iterator[str]:
    """What stands on this line where code should stand: its remarks, or dots with words that no language has."""
    bare = line.strip()
    if _DOTTED.match(bare) and not _SPREAD.match(bare) and "//" not in bare:
        yield bare
    if bare.startswith(("* ", "*/")):
        return  # inside a remark of several lines: prose
    for found in _REMARK.finditer(line):
        start, end = found.span()
        if found["string"] is not None or end - start > LONG:
            continue
        before, after = line[max(0, start - LONG) : start].strip(), line[end : end + LONG].strip()
        alone = _STANDS_IN.match(before) or before.endswith(_OPEN)
        if alone and (not after or after.startswith(_CLOSE)) and not _said_of(before, after, found["line"]):
            yield _inner(found[0])


def _said_of(before: str, after: str, to_the_end: str | None) -> bool:
    """A remark to the end of a line that has code, such as `switch (x) { // same as above`, speaks of that code."""
    return bool(before and to_the_end and not after and before.endswith((",", ":")))


def _inner(remark: str) -> str:
    return re.sub(r"^\{?(?:/{2,}|/\*+|#+|<!-+|--+)|(?:\*+/\}?|-+>)$", "", remark).strip().strip("*/").strip()


def _bare(words: str) -> bool:
    return bool(_DOTS.match(words))


def _says_so(words: str) -> bool:
    if len(words) > LONG:  # dots with words that no language has
        return False
    marked = bool(_MARKED.search(words))
    plain = unicodedata.normalize("NFC", words).lower()
    plain = re.sub(r"[.…()\[\]{}（）【】<>*=~_,:;!。，、：；!“”\"'`’&+/|-]+", " ", plain)
    plain = " ".join(plain.split())
    return any((marked or not needs) and whole.fullmatch(plain) for whole, needs in _WHOLE) if plain else False
