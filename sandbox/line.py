"""The line before a full house: fair between those who wait, whoever has many runs going waits behind who has few."""

from collections import Counter
from dataclasses import dataclass


@dataclass(eq=False)
class Ticket:
    """One run that wants a place. `who` is anything that names whose it is; "" is nobody in particular."""

    who: str


class Line:
    """Not safe by itself: the pool holds its lock around every call."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.running: Counter[str] = Counter()  # places taken, by whose they are
        self._waiting: list[Ticket] = []

    @property
    def busy(self) -> int:
        return self.running.total()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def join(self, ticket: Ticket) -> None:
        self._waiting.append(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Out of the line, with or without a place."""
        self._waiting.remove(ticket)

    def before(self, ticket: Ticket) -> int:
        """How many waiting runs come before this one: those whose owner would by then have fewer places."""
        return self._order().index(ticket)

    def may_enter(self, ticket: Ticket) -> bool:
        """Whether there is a place, and for this one: the first k of the line enter k free places."""
        return self.before(ticket) < self.places - self.busy

    def enter(self, who: str) -> None:
        self.running[who] += 1

    def end(self, who: str) -> None:
        self.running[who] -= 1
        self.running += Counter()  # forget who has none

    def _order(self) -> list[Ticket]:
        """By the number of places that its owner has, and will have had before it; then by arrival."""
        ahead: Counter[str] = Counter(self.running)
        keyed = []
        for arrival, ticket in enumerate(self._waiting):
            keyed.append((ahead[ticket.who], arrival, ticket))
            ahead[ticket.who] += 1
        return [ticket for _, _, ticket in sorted(keyed, key=lambda one: one[:2])]
