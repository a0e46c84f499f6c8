"""Places of sockets in this process: how many are open of each who shares a limit. In memory, on the server's loop."""

from collections import Counter
from collections.abc import Iterable

Place = tuple[str, ...]  # ("maker", id), ("address", block), ("site",) …


class Places:
    def __init__(self) -> None:
        self.taken: Counter[Place] = Counter()

    def take(self, wanted: Iterable[tuple[Place, int | None]]) -> Place | None:
        """One place of each, or of none: then the first that has none free. None where all were taken."""
        wanted = list(wanted)
        for place, most in wanted:
            if most is not None and self.taken[place] >= most:
                return place
        self.taken.update(place for place, _ in wanted)
        return None

    def give_back(self, places: Iterable[Place]) -> None:
        for place in places:
            self.taken[place] -= 1
            if not self.taken[place]:
                del self.taken[place]


places = Places()
