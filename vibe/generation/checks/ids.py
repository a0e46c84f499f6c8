"""Ids of checks: what a box saw is kept by them, so no two checks that a program is held to may share one."""

from collections.abc import Collection, Iterable
from typing import Any

from vibe.generation.steps import Json

LONGEST = 40  # characters of an id (language.Check)


def free(stem: str, taken: Collection[str], at: int = 1) -> str:
    """`stem` with the first number from `at` on that makes an id which is not `taken`."""
    while (found := f"{stem[: LONGEST - len(str(at))]}{at}") in taken:
        at += 1
    return found


def apart(checks: Iterable[Json]) -> list[Json]:
    """`checks`, those with an id of an earlier one under an id of their own; nothing is lost, the order stays."""
    checks = list(checks)
    taken = {str(check["id"]) for check in checks}
    made: list[Json] = []
    seen: set[str] = set()
    for check in checks:
        id_ = str(check["id"])
        if id_ in seen:
            id_ = free(f"{id_}-", taken, 2)
            taken.add(id_)
            check = {**check, "id": id_}
        seen.add(id_)
        made.append(check)
    return made


def told_apart(rows: Iterable[Json]) -> set[Any]:
    """The ids that stand for one row each: by any other one nobody can tell which of two is meant."""
    ids = [row.get("id") for row in rows]
    return {id_ for id_ in ids if id_ and ids.count(id_) == 1}
