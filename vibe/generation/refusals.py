"""Why a changed program is refused by machine, before any box is opened: code left out, files that shrank or went.

It compares texts and knows no program. A refusal costs one call, an accepted loss costs the person's work; so what a
request might have wished for is allowed: the words of ASKS_FOR_LESS are wide, and code that moved to another file is
not gone.
"""

import re
from collections import Counter
from collections.abc import Mapping

from vibe.generation.placeholders import placeholders

SHRINKS_TO, SMALL = 0.6, 20  # of its lines; files of at most 20 lines may shrink as they like

# Beginnings of words, or (Chinese, Japanese, Korean) parts, with which people ask for less or for something else.
# "no" and "not" are missing on purpose: "there is no title" asks for more.
ASKS_FOR_LESS = re.compile(
    r"\b(?:remov|delet|drop|without|get rid|take (?:out|away|off)|leave out|throw (?:out|away)|strip|eras|clear out|cut"
    r"|simpl|short|small|less|fewer|reduc|trim|minimal|compact|tidy|clean ?up|clean it up|tone down|merge|combin|only|just the"
    r"|re-?writ|re-?do|redesign|re-?style|start (?:over|again|afresh|anew)|from scratch|new look|replac|instead|swap|turn (?:it|this) into|undo|revert|back to"
    r"|entfern|lösch|loesch|weg\b|ohne|weniger|einfach|vereinfach|kürz|kuerz|kleiner|schlank|streich|raus|neu schreib|neu machen|statt|ersetz|umgestalt|aufräum|zurück|nur noch"
    r"|supprim|enlev|retir|effac|sans\b|moins|simplif|raccourc|réduis|rédui|remplac|refai|refont|réécri|à la place|plutôt|nettoi"
    r"|elimin|quita|quite|borra|sin\b|menos|acort|reduc|reemplaz|sustitu|reescrib|rehac|en lugar|en vez|limpia"
    r"|rimuov|togli|cancell|senza|meno\b|semplific|accorci|riduc|sostitu|riscriv|rifai|invece|al posto"
    r"|remov|apag|tira\b|tire|sem\b|exclu|encurt|diminu|substitu|reescrev|refaz|refaç|em vez|no lugar"
    r"|verwijder|zonder|minder|korter|vereenvoud|vervang|in plaats|opnieuw"
    r"|usuń|usun|bez\b|uprość|skróć|mniej|zamiast|zastąp"
    r"|удал|убер|убра|без\b|упрост|сократ|меньше|короче|замен|вместо|перепиш|переделай|заново)"
    r"|删|去掉|去除|移除|不要|取消|简化|精简|缩短|减少|更少|简单|换成|改成|替换|重写|重做|而不是"
    r"|削除|消し|消す|取り除|取って|なくし|無くし|外し|減ら|短く|シンプル|簡単|簡素|置き換え|書き直|作り直|代わり|やめ"
    r"|삭제|제거|없애|빼|지워|줄여|짧게|단순|간단|대신|바꿔|다시",
    re.IGNORECASE,
)


def asks_for_less(request: str) -> bool:
    """Whether the person's words may mean that something should go. Rather yes than no."""
    return bool(ASKS_FOR_LESS.search(request))


def refusals(old_files: Mapping[str, str], new_files: Mapping[str, str], request: str) -> list[str]:
    """Sentences for the model, why `new_files` (all files of the changed program) are refused; [] when they are not.

    `old_files` is {} for a new program.
    """
    found = []
    for path, text in sorted(new_files.items()):
        for number, line in placeholders(text, old_files.get(path, "").split("\n")):
            found.append(
                f"{path}, line {number}: a placeholder stands where code should be: {line[:60]!r}. Write that code."
            )
    return found if asks_for_less(request) else [*found, *_losses(old_files, new_files)]


def _losses(old_files: Mapping[str, str], new_files: Mapping[str, str]) -> list[str]:
    found = []
    for path, text in sorted(old_files.items()):
        before, after = _lines(text), _lines(new_files.get(path, ""))
        if not before or (after and len(before) <= SMALL):
            continue
        kept = len(after) + _moved(text, path, old_files, new_files)
        if kept >= SHRINKS_TO * len(before):
            continue
        if after:
            found.append(
                f"{path} had {len(before)} lines and now has {len(after)}, though nothing was to be removed. "
                "Write the whole file with everything that it had."
            )
        else:
            found.append(f"{path} is gone, though nothing was to be removed. Keep it.")
    return found


def _lines(text: str) -> list[str]:
    """The lines that say something."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def _moved(text: str, path: str, old_files: Mapping[str, str], new_files: Mapping[str, str]) -> int:
    """How many lines of `text` that left `path` stand in other files now and did not before."""
    left = Counter(_lines(text)) - Counter(_lines(new_files.get(path, "")))
    moved = 0
    for other, fresh in new_files.items():
        if other != path:
            came = Counter(_lines(fresh)) - Counter(_lines(old_files.get(other, "")))
            moved += (left & came).total()
            left -= came
    return moved
