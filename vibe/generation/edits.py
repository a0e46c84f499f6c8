"""Edits: which files may be edited rather than written anew, and how SEARCH/REPLACE hunks are applied.

Exact, then without trailing space, then by uniform indent; a unique match only. All hunks of a reply apply or none
does. Nothing is matched by likeness: a near miss is reported with its nearest lines and the model is asked once
more; after that it writes the file whole. Small models write 72 % of their edits well-formed and 100 % of their
whole files (measured by others on one model of 32B), so edits are for strong ones, where files are long.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence

from vibe.generation.reply import Hunk

LONG = 150  # lines; a shorter file is written as fast as it is searched
MOST_HUNKS, MOST_LINES = 200, 1000  # of one reply, and lines of one SEARCH: more is a file written anew
_LIKENED = 400_000  # characters that are compared to find the nearest lines


class EditFailed(Exception):
    """Raised when a hunk does not apply. str() is the sentence for the re-ask; it shows the nearest lines.

    `path` is the file, `nearest` those lines ("" when there are none to show), `whole` what to say when the re-ask
    failed as well.
    """

    def __init__(self, path: str, why: str, nearest: str = "") -> None:
        shown = f" The nearest lines are:\n{nearest}" if nearest else ""
        super().__init__(f"EDIT {path}: {why}{shown}")
        self.path, self.nearest = path, nearest
        self.whole = f"The change of {path} could not be applied. Write {path} whole, as a FILE block, and no EDIT of it."


def may_edit(files: Mapping[str, str], strong: bool) -> set[str]:
    """The paths for which an EDIT block may be offered: those of more than 150 lines, to a strong model."""
    return {path for path, text in files.items() if len(text.splitlines()) > LONG} if strong else set()


def offer(paths: Iterable[str]) -> str:
    """What a prompt says about edits: "" when no file may be edited, else the form and the files."""
    names = ", ".join(sorted(paths))
    if not names:
        return ""
    return (
        f"These files are long: {names}. Change them with EDIT blocks instead of writing them whole:\n\n"
        "EDIT path\n```\n<<<<<<< SEARCH\n…lines as they stand in the file, enough to be found once…\n=======\n"
        "…the lines that replace them…\n>>>>>>> REPLACE\n```\n"
        "Several changes of one file stand one after the other in its block. Every other file is written whole.\n"
    )


def apply_edits(files: Mapping[str, str], hunks: Sequence[Hunk]) -> dict[str, str]:
    """A copy of `files` with every hunk applied in order. Raises EditFailed and changes nothing otherwise."""
    changed = dict(files)
    if len(hunks) > MOST_HUNKS:
        raise EditFailed(hunks[0].path, f"these are {len(hunks)} changes, more than {MOST_HUNKS}.")
    for hunk in hunks:
        if hunk.path not in changed:
            raise EditFailed(hunk.path, "there is no such file.")
        changed[hunk.path] = _apply(changed[hunk.path], hunk)
    return changed


def _apply(text: str, hunk: Hunk) -> str:
    lines, search = text.split("\n"), hunk.search.split("\n")
    if not hunk.search.strip():
        raise EditFailed(hunk.path, "the SEARCH part is empty.")
    if len(search) > MOST_LINES:
        raise EditFailed(hunk.path, f"the SEARCH part has more than {MOST_LINES} lines.")
    ways: tuple[Callable[[str], str], ...] = (lambda s: s, str.rstrip, str.strip)
    for number, way in enumerate(ways):
        wanted, have = [way(s) for s in search], [way(s) for s in lines]
        ends, size = (wanted[0], wanted[-1]), len(wanted)
        hits = [
            i
            for i in range(len(have) - size + 1)
            if (have[i], have[i + size - 1]) == ends and have[i : i + size] == wanted
        ]
        if len(hits) > 1:
            raise EditFailed(hunk.path, f"the SEARCH text stands there {len(hits)} times; take more lines.")
        if len(hits) == 1:
            start = hits[0]
            fresh = hunk.replace.split("\n") if hunk.replace else []
            if number == 2:
                shifted = _shift(fresh, search, lines[start : start + len(search)])
                if shifted is None:
                    continue
                fresh = shifted
            return "\n".join([*lines[:start], *fresh, *lines[start + len(search) :]])
    raise EditFailed(hunk.path, "the SEARCH text is not there.", _nearest(lines, search))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _shift(fresh: list[str], search: list[str], found: list[str]) -> list[str] | None:
    """`fresh` moved by the one indent by which all of `search` differs from `found`; None when it is not one."""
    pairs = [(_indent(a), _indent(b)) for a, b in zip(search, found, strict=True) if a.strip()]
    added = {b.removesuffix(a) for a, b in pairs if b.endswith(a) and len(b) >= len(a)}
    if len(added) == 1 and all(b.endswith(a) for a, b in pairs):
        more = added.pop()
        return [more + line if line.strip() else line for line in fresh]
    removed = {a.removesuffix(b) for a, b in pairs if a.endswith(b)}
    if len(removed) == 1 and all(a.endswith(b) for a, b in pairs):
        less = removed.pop()
        if all(line.startswith(less) for line in fresh if line.strip()):
            return [line.removeprefix(less) for line in fresh]
    return None


def _nearest(lines: list[str], search: list[str]) -> str:
    size = min(len(search), 8)  # of which no more are shown
    wanted = "\n".join(search[:size])
    if len(wanted) + max(map(len, lines)) * size > _LIKENED or size * sum(map(len, lines)) > 10 * _LIKENED:
        return ""

    def likeness(start: int) -> float:
        return difflib.SequenceMatcher(None, "\n".join(lines[start : start + size]), wanted).quick_ratio()

    best = max(range(max(1, len(lines) - size + 1)), key=likeness)
    return "\n".join(lines[best : best + size][:8])
