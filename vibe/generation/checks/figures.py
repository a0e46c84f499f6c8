"""Figures: the numbers in a text as people of many countries write them, and whether a text shows a number.

A figure can have several readings: "1,234" is a thousand or little more than one, "(5.00)" is five or minus five,
"12 %" is twelve or 0.12. A text shows a value when one reading of one of its figures is the value rounded to as many
decimals as are written; at a tie both neighbours do (23.505 is 23.50 and 23.51), since languages and banks differ.
A figure without decimals shows whole values only: 23.5 is shown by "23.5" and "23.50", never by "23" or "24", unless it
is within half a cent. Whoever wants a rounded whole number says round(…): a check must be able to fail.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

MAX_TEXT, MAX_FIGURES, MAX_DIGITS = 8000, 400, 60
CENT = Fraction(1, 200)
_NOISE = Fraction(1, 10**9)  # of a program that reckons in floating point and shows all of it

# Blanks that part thousands: plain, no-break, narrow no-break, thin, figure.
_BLANKS = " \u00a0\u202f\u2009\u2007"
_FIGURE = re.compile(
    rf"""
    (?P<open>\()?
    (?P<sign>(?<![\w)])[-−–]\s?|(?<=[\s(])[-−–]\s?)?
    (?P<money>(?:[A-Z]{{2,3}}|[^\w\s.,;:()/%\d-])[{_BLANKS}]?)?
    (?P<inner>(?(money)[-−]|(?!)))?
    (?P<digits>\d+(?:[.,'’٫٬{_BLANKS}]\d+)*|[.,]\d+)
    (?P<power>[eE][+-]?\d{{1,3}}(?!\w))?
    (?P<part>[½¼¾⅓⅔⅛⅜⅝⅞]|(?:(?<=\d)\s?/\s?\d{{1,2}}(?![\d/])))?
    (?P<percent>[{_BLANKS}]?[%％])?
    (?P<close>[^\w()]{{0,3}}\))?
    | (?P<vulgar>[½¼¾⅓⅔⅛⅜⅝⅞])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Figure:
    """One number as it is written: where it stands, and what it may mean as (value, decimals)."""

    start: int
    end: int
    readings: tuple[tuple[Fraction, int], ...]  # the likeliest first

    def within(self, low: Fraction, high: Fraction) -> bool:
        """Whether a reading is from `low` to `high`, give or take its own rounding."""
        return any(low - _slack(d, low) <= shown <= high + _slack(d, high) for shown, d in self.readings)


def figures(text: str) -> list[Figure]:
    """The numbers in `text`, in order, at most 400 of the first 8,000 characters."""
    plain = _western(text[:MAX_TEXT])
    found = []
    for match in _FIGURE.finditer(plain):
        digits = match["digits"] or ""
        if len(digits) > MAX_DIGITS or (
            digits and not match["money"] and _in_a_word(plain, match.start("digits"))
        ):
            continue
        at = match.start("vulgar") if match["vulgar"] else match.start("digits")
        end = match.end("vulgar") if match["vulgar"] else match.end("power" if match["power"] else "digits")
        found.append(Figure(at, end, tuple(dict.fromkeys(_readings(match)))))
        if len(found) >= MAX_FIGURES:
            break
    return found


def shows(text: str, value: float | Fraction) -> bool:
    """Whether a number in `text` is `value`, rounded to as many decimals as the text has."""
    wanted = exact(value)
    return any(figure.within(wanted, wanted) for figure in figures(text))


def exact(value: float | Fraction) -> Fraction:
    """A number without the noise of floating point: 23.504999999999995 is 23.505."""
    return Fraction(f"{value:.13g}") if isinstance(value, float) else Fraction(value)


def in_the_manner_of(text: str, value: float | Fraction) -> str:
    """`value` written as the only figure of `text` is ("€24,0" and 23.5 give "€23,5"); plainly when there is not one."""
    there = figures(text)
    if len(there) != 1 or len(text) > 60:
        return plainly(value)
    written = text[there[0].start : there[0].end]
    decimals = max((d for _, d in there[0].readings if d <= 4), default=0)
    comma = "," if re.search(r",\d{1,2}$", written) else "."
    number = exact(value)
    if number.denominator != 1 and decimals == 0:
        decimals = 2
    return text[: there[0].start] + f"{float(number):.{decimals}f}".replace(".", comma) + text[there[0].end :]


def plainly(value: float | Fraction) -> str:
    """90, 23.5, 0.3333333333: a number as one types it."""
    number = exact(value)
    if number.denominator == 1:
        return str(number.numerator)
    return f"{float(number):.10f}".rstrip("0").rstrip(".")


def half_unit(decimals: int) -> Fraction:
    """How far a number may be from its rounded form with so many decimals; a whole one is itself."""
    return Fraction(1, 2 * 10**decimals) if decimals else Fraction(0)


def _slack(decimals: int, wanted: Fraction) -> Fraction:
    return max(half_unit(decimals), _NOISE * max(Fraction(1), abs(wanted))) if decimals else CENT


# --- reading ----------------------------------------------------------------------------------------------------


def _western(text: str) -> str:
    """The digits of every script as 0 to 9; the length stays, so places stay."""
    return "".join(
        str(unicodedata.decimal(c)) if c > "\u007f" and unicodedata.decimal(c, None) is not None else c
        for c in text
    )


def _in_a_word(text: str, at: int) -> bool:
    """A4, h2, v1.2: digits that belong to a name."""
    return at > 0 and (text[at - 1].isalpha() or text[at - 1] == "_")


def _readings(match: re.Match[str]) -> Iterator[tuple[Fraction, int]]:
    if match["vulgar"]:
        yield exact(round(unicodedata.numeric(match["vulgar"]), 12)), 9
        return
    sign = match["sign"] or ""
    negative = bool(match["inner"] or sign)
    # "- 5" may be a bullet or a difference, "–5" the end of a range, "(5)" an aside or a bookkeeper's minus.
    unsure = sign.strip() == "–" or sign != sign.strip() or bool(match["open"] and match["close"])
    power = int(match["power"][1:]) if match["power"] else 0
    for value, decimals in _plain_readings(match["digits"]):
        value, decimals = value * Fraction(10) ** power, max(0, decimals - power)
        for signed in (value, -value) if unsure else (-value,) if negative else (value,):
            yield signed, decimals
            if match["percent"]:
                yield signed / 100, decimals + 2
    part = match["part"]
    if part and part[0] in "½¼¾⅓⅔⅛⅜⅝⅞" and match["digits"].isdigit():
        whole = int(match["digits"]) + exact(round(unicodedata.numeric(part[0]), 12))
        yield -whole if negative else whole, 9
    elif part and match["digits"].replace(" ", "").isdigit() and int(part.strip(" /")):
        *wholes, top = match["digits"].split(" ")  # 1 1/2
        mixed = (int(wholes[-1]) if wholes else 0) + Fraction(int(top), int(part.strip(" /")))
        yield -mixed if negative else mixed, 9
        yield Fraction(int(part.strip(" /"))), 0  # 3/10 may be three of ten


def _plain_readings(digits: str) -> Iterator[tuple[Fraction, int]]:
    """The values that a run of digits, points, commas and blanks may have."""
    text = digits.replace("٫", ",").replace("٬", ".").replace("’", "'")
    text = re.sub(f"[{_BLANKS}]", " ", text)
    if not re.search(r"[., ']", text):
        yield Fraction(int(text)), 0
        return
    # A decimal sign is the last one, occurs once, and is no blank; before it stand groups of one other sign.
    head, sign, tail = re.match(r"(.*?)([.,]?)(\d*)$", text).groups()  # type: ignore[union-attr]
    whole = _grouped(text)
    if whole is not None:
        yield Fraction(whole), 0
    if sign and sign not in head and (grouped := _grouped(head)) is not None:
        yield Fraction(f"{grouped}.{tail}"), len(tail)
    if whole is not None:
        return
    if " " in text:  # not one number but several, side by side
        for part in text.split():
            yield from _plain_readings(part)
    elif re.fullmatch(r"\d+(?:\.\d+){2,}", text):  # 24.12.2026
        for part in text.split("."):
            yield Fraction(int(part)), 0
    elif text.count(",") > 1:  # 1,2,3
        for part in text.split(","):
            if part:
                yield from _plain_readings(part)


def _grouped(text: str) -> str | None:
    """The digits of a whole number with its thousands parted (also by two, as in India), or None."""
    if not text:
        return "0"
    if text.isdigit():
        return text
    for sign in "., '":
        if re.fullmatch(rf"[1-9]\d{{0,2}}(?:{re.escape(sign)}\d{{2,3}})*{re.escape(sign)}\d{{3}}", text):
            return text.replace(sign, "")
    return None
