"""Arithmetic over the values of a check: `sum(food) * (1 + tip / 100) / people`, reckoned by us, never by a model.

Python's own parser reads the expression and a walk over a white list of its nodes does the sums; nothing is ever
evaluated as code. Numbers are exact fractions (0.1 is one tenth), so 23.505 is a real tie and not 23.50499…; only
powers and roots that have no small exact value go through floating point. `round` rounds ties away from zero; whoever
compares with what a page shows accepts both ways at the last digit (see figures.py). `%` and `//` are Python's.
"""

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

MAX_LENGTH, MAX_NODES, MAX_BITS, MAX_POWER, MAX_LIST = 300, 120, 1024, 1000, 200
LARGEST = 10**15

Number = int | float | Fraction
Values = Mapping[str, Number | Sequence[Number] | str]
_Value = Fraction | tuple[Fraction, ...]


class BadExpression(Exception):
    """Raised when an expression cannot be reckoned; its text is a sentence that says why."""


def evaluate(expression: str, names: Values) -> float:
    """What `expression` comes to over `names` (numbers, lists of numbers; a text there may not be used).

    Raises BadExpression: it does not parse, uses something unknown, divides by zero, grows beyond 10^15, is a list.
    """
    return float(exactly(expression, names))


def exactly(expression: str, names: Values) -> Fraction:
    """As evaluate, before it becomes a float."""
    found = _walk(_parsed(expression), names)
    if isinstance(found, tuple):
        raise BadExpression(f"“{expression}” is a list; take one of it, its sum or its length.")
    return found


def names_in(expression: str) -> set[str]:
    """The values that an expression uses. Raises BadExpression when it does not parse."""
    tree = _parsed(expression)
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called}


@lru_cache(maxsize=512)
def _parsed(expression: str) -> ast.expr:
    text = expression.strip().replace("×", "*").replace("÷", "/").replace("−", "-")
    if not text or len(text) > MAX_LENGTH:
        raise BadExpression(f"An expression has 1 to {MAX_LENGTH} characters.")
    try:
        tree = ast.parse(text, mode="eval").body
        if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
            raise BadExpression(f"“{expression}” has too many parts.")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise BadExpression(f"“{expression}” is no expression that I can read.") from problem
    return tree


# --- the walk ---------------------------------------------------------------------------------------------------

_COMPARE: dict[type[ast.cmpop], Callable[[Fraction, Fraction], bool]] = {
    ast.Lt: lambda a, b: a < b, ast.LtE: lambda a, b: a <= b, ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b, ast.Eq: lambda a, b: a == b, ast.NotEq: lambda a, b: a != b,
}  # fmt: skip
_SIMPLE: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b, ast.FloorDiv: lambda a, b: Fraction(a // b), ast.Mod: lambda a, b: a % b,
}  # fmt: skip


def _walk(node: ast.expr, names: Values) -> _Value:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return _number(number)
        case ast.Name(id=name):
            return _named(name, names)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not() as op, operand=operand):
            value = _one(operand, names)
            return (
                Fraction(not value)
                if isinstance(op, ast.Not)
                else -value
                if isinstance(op, ast.USub)
                else value
            )
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_one(left, names), _one(right, names))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIMPLE:
            a, b = _one(left, names), _one(right, names)
            if b == 0 and isinstance(op, ast.Div | ast.FloorDiv | ast.Mod):
                raise BadExpression(f"“{ast.unparse(node)}” divides by zero.")
            return _bounded(_SIMPLE[type(op)](a, b))
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compared([_one(n, names) for n in (left, *others)], ops)
        case ast.BoolOp(op=op, values=parts):
            truths = (_one(part, names) != 0 for part in parts)
            return Fraction(all(truths) if isinstance(op, ast.And) else any(truths))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _walk(body if _one(test, names) != 0 else orelse, names)
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            return _item(name, _one(index, names), names)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _called(name, [_walk(a, names) for a in arguments])
    raise BadExpression(_why_not(node))


def _why_not(node: ast.expr) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name not in _FUNCTIONS:
            return f"There is no function “{name}”; there are {', '.join(sorted(_FUNCTIONS))}."
        case ast.BinOp(op=ast.BitXor()):
            return "A power is written with **, not with ^."
    return f"“{ast.unparse(node)}” is more than arithmetic."


def _one(node: ast.expr, names: Values) -> Fraction:
    value = _walk(node, names)
    if isinstance(value, tuple):
        raise BadExpression(f"“{ast.unparse(node)}” is a list; take one of it, its sum or its length.")
    return value


def _number(value: Number) -> Fraction:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadExpression("A value is no finite number.")
        return _bounded(Fraction(repr(value)))  # 0.1 is one tenth, as it was written
    return _bounded(Fraction(value))


def _bounded(value: Fraction) -> Fraction:
    if abs(value) > LARGEST:
        raise BadExpression("It comes to a number that is too large.")
    if value.denominator.bit_length() > MAX_BITS:
        return Fraction(float(value))
    return value


def _named(name: str, names: Values) -> _Value:
    value = names.get(name)
    if isinstance(value, str):
        raise BadExpression(f"“{name}” is a text; only numbers can be reckoned with.")
    if value is None:
        known = ", ".join(n for n, v in names.items() if not isinstance(v, str))
        raise BadExpression(f"There is no value “{name}”; there is {known or 'none'}.")
    if not isinstance(value, int | float | Fraction):
        return tuple(_number(item) for item in value[:MAX_LIST])
    return _number(value)


def _item(name: str, index: Fraction, names: Values) -> Fraction:
    items = _named(name, names)
    if not isinstance(items, tuple):
        raise BadExpression(f"“{name}” is one number and no list.")
    if index.denominator != 1 or not -len(items) <= index < len(items):
        raise BadExpression(f"“{name}” has {len(items)} numbers, counted from 0.")
    return items[int(index)]


def _compared(values: list[Fraction], ops: list[ast.cmpop]) -> Fraction:
    for at, op in enumerate(ops):
        if type(op) not in _COMPARE:
            raise BadExpression("Numbers are compared with <, <=, >, >=, == and !=.")
        if not _COMPARE[type(op)](values[at], values[at + 1]):
            return Fraction(0)
    return Fraction(1)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if abs(exponent) > MAX_POWER:
        raise BadExpression(f"A power is at most {MAX_POWER}.")
    if base == 0 and exponent < 0:
        raise BadExpression("Zero to a negative power divides by zero.")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator == 1 and bits * abs(exponent) <= MAX_BITS:
        return _bounded(Fraction(base ** int(exponent)))
    if base < 0 and exponent.denominator != 1:
        raise BadExpression("A negative number has no such root.")
    try:
        return _bounded(Fraction(math.pow(float(base), float(exponent))))
    except (OverflowError, ValueError) as problem:
        raise BadExpression("It comes to a number that is too large.") from problem


# --- functions --------------------------------------------------------------------------------------------------


def half_up(value: Fraction, digits: int = 0) -> Fraction:
    """`value` rounded to `digits` decimals, ties away from zero, as people round money."""
    scale = Fraction(10) ** digits
    whole = math.floor(abs(value) * scale + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole) / scale


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise BadExpression("A negative number has no square root.")
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return Fraction(math.sqrt(value))


def _round(values: list[Fraction]) -> Fraction:
    if len(values) == 2 and (values[1].denominator != 1 or abs(values[1]) > 12):
        raise BadExpression("round takes a whole number of decimals, at most 12.")
    return half_up(values[0], int(values[1]) if len(values) == 2 else 0)


# name: (fewest and most arguments, whether a list is spread out into numbers, what it does)
_FUNCTIONS: dict[str, tuple[int, int, bool, Callable[[list[Fraction]], Fraction]]] = {
    "sum": (0, MAX_LIST, True, lambda v: sum(v, Fraction(0))),
    "min": (1, MAX_LIST, True, min),
    "max": (1, MAX_LIST, True, max),
    "mean": (1, MAX_LIST, True, lambda v: sum(v, Fraction(0)) / len(v)),
    "len": (0, MAX_LIST, True, lambda v: Fraction(len(v))),
    "round": (1, 2, False, _round),
    "abs": (1, 1, False, lambda v: abs(v[0])),
    "floor": (1, 1, False, lambda v: Fraction(math.floor(v[0]))),
    "ceil": (1, 1, False, lambda v: Fraction(math.ceil(v[0]))),
    "sqrt": (1, 1, False, lambda v: _root(v[0])),
}


def _called(name: str, arguments: list[_Value]) -> Fraction:
    fewest, most, spreads, work = _FUNCTIONS[name]
    values: list[Fraction] = []
    for argument in arguments:
        if isinstance(argument, tuple) and not spreads:
            raise BadExpression(f"{name} takes a number, not a list.")
        values += argument if isinstance(argument, tuple) else (argument,)
    if not arguments or not fewest <= len(values) <= most:
        raise BadExpression(f"{name} cannot be used on {len(values)} numbers.")
    return _bounded(work(values))
