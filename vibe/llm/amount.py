"""What calls cost, as pure values: money and tokens, what may be used of them in a day, and how that is told.

Money is counted in millionths of a dollar, as whole numbers. People are told of words, not of tokens.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from vibe.llm.message import Model, Usage


@dataclass(frozen=True)
class Amount:
    """Money in millionths of a dollar and tokens. As a limit None is none; as a cost None is not known."""

    micro: int | None
    tokens: int | None

    @classmethod
    def of(cls, usage: Usage, model: Model) -> "Amount":
        cost = usage.cost_usd(model)
        return cls(
            None if cost is None else math.ceil(round(cost * 1e6, 3)), usage.tokens_in + usage.tokens_out
        )


@dataclass(frozen=True)
class Used:
    """What was used today and what may be; open calls are in `held`, not in `used`."""

    used: Amount
    held: Amount
    limit: Amount

    @property
    def line(self) -> str:
        """ "$0.12 of $1.00 used today"; empty where there is no limit."""
        if self.limit.micro is not None:
            return f"{_money(self.used.micro or 0)} of {_money(self.limit.micro)} used today"
        if self.limit.tokens is not None:
            return f"{_words(self.used.tokens or 0)} of {_words(self.limit.tokens)} words used today"
        return ""


def why_not(today: Used, wanted: Amount, now: datetime, *, of_site: bool) -> str:
    """Why `wanted` does not fit, and when it goes on. People are told about their own money, not about the site's."""
    unit = "tokens" if _fits(today, wanted, "micro") else "micro"
    used, top, more = (getattr(amount, unit) or 0 for amount in (today.used, today.limit, wanted))
    say = _money if unit == "micro" else lambda n: f"{_words(n)} words"
    on = f"It goes on at midnight UTC, {_until_midnight(now)}."
    if of_site:
        if more > top:
            return "The next step could take more than this server may use in a whole day. Its admins can change that."
        if used + more <= top:
            return "What is being made here now may use the rest of this server’s allowance for today. Try again in a few minutes."
        return f"This server has used its allowance for today. {on} Recipes still work."
    if more > top:
        return f"The next step could take up to {say(more)}, and you may use {say(top)} a day here. The admins of this server can change that."
    if used + more <= top:
        return f"What I am making for you now may use the rest of today’s allowance ({say(top)}). Try again when it has ended."
    if used >= top * 0.99:
        return f"You have used today’s allowance ({say(top)}). {on}"
    return (
        f"You have used {say(used)} of today’s {say(top)}, and the next step could take up to {say(more)}. {on}"
    )


def _fits(today: Used, wanted: Amount, unit: str) -> bool:
    used, held, top, more = (getattr(amount, unit) for amount in (today.used, today.held, today.limit, wanted))
    return top is None or more is None or used + held + more <= top


def _until_midnight(now: datetime) -> str:
    return until(datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC), now)


def until(then: datetime, now: datetime) -> str:
    """How long it is until `then`, in words."""
    minutes = math.ceil((then - now).total_seconds() / 60)
    if minutes < 90:
        return f"in about {minutes} minutes" if minutes > 1 else "in a minute"
    return f"in about {round(minutes / 60)} hours"


def _money(micro: int) -> str:
    """$1.00; below a cent to the tenth of a cent."""
    usd = micro / 1e6
    return f"${usd:.2f}" if usd >= 0.095 or not micro else f"{max(0.1, usd * 100):.1f} ¢"


def _words(tokens: int) -> str:
    """Tokens as words for a person: about three quarters of them, rounded."""
    words = round(tokens * 3 / 4)
    digits = max(0, len(str(words)) - 2)
    return f"{round(words, -digits):,}"
