"""Measures a list of requests: through the product, and the bare model beside it. Exit codes as generate's."""

import os
import shutil
import subprocess
import sys
import tempfile
from argparse import SUPPRESS, RawDescriptionHelpFormatter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandParser

from vibe import models_in_use
from vibe.choices import Autonomy, Effort
from vibe.config import overridden
from vibe.generation.policy import policy
from vibe.llm.message import Model
from vibe.management.measuring import both, results, table, taped
from vibe.management.measuring.both import How, Source
from vibe.management.measuring.product import OurFault
from vibe.management.measuring.results import BadResults, Measured
from vibe.management.measuring.suite import Asked, BadSuite, Suite, read
from vibe.management.terminal import OUR_FAULT, TerminalCommand

ALL_HELD, SOME_BROKEN, NOT_MEASURED = 0, 1, 2
READ = 6_000  # tokens that a call reads, for the figure that is said beforehand
HELP = """Measure a list of requests through the product, and the bare model (one call) beside it.

SUITE is a TOML file:

    title = "Everyday requests"
    [[requests]]
    id = "split-tips"
    text = "Split tips by hours worked"
    shape = "page"            # optional: auto, page, tool, slides …
    files = ["hours.csv"]     # optional, beside the suite
    checks = "tips.json"      # optional, beside the suite: checks of your own (docs/checks.md), which no model sees

or a .jsonl file of results, whose table is printed again.

  manage.py measure suite.toml                             the connected model; stops at $1.00
  manage.py measure suite.toml --record today/             and keep its replies, dated
  manage.py measure suite.toml --play today/               the same replies through today's product, for nothing
  manage.py measure suite.toml --out mine.jsonl            stopped? The same line again goes on where it ended

Exit 0: everything was measured and all checks hold. 1: in some they do not. 2: not all could be measured (no model,
the limit, a stop); what was is kept. 3: something of ours is broken.
"""


OF_THIS_SITE = (
    "DATABASE_URL", "DATABASE_PASSWORD", "REDIS_URL", "REDIS_PASSWORD", "OPENAI_API_KEY", "OPENAI_BASE_URL", "VIBE_MODEL",
    "VIBE_QUICK_MODEL",
)  # fmt: skip


class Refused(Exception):
    """Raised when it cannot be measured like this; str() says why and what to do."""


class Command(TerminalCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("suite", metavar="SUITE", help="The list of requests, or results to show again.")
        add = parser.add_argument
        add("--only", action="append", default=[], metavar="ID", help="Only this request; repeatable.")
        add("--times", type=int, default=1, metavar="N", help="Make each N times (1).")
        add("--autonomy", choices=["make", "keep"], default="make")
        add("--effort", choices=[e.value for e in Effort], default=Effort.NORMAL.value)
        add("--without-bare", action="store_true", help="Leave out the bare model.")
        add("--most-usd", type=float, default=1.0, metavar="USD", help="Stop before it costs more (1.00).")
        add(
            "--price-unknown",
            action="store_true",
            help="Go on although the model’s price, and so the cost, is not known.",
        )
        add("--record", metavar="DIR", help="Keep the replies as cassettes: DIR/<id>.txt.")
        add(
            "--play",
            action="append",
            default=[],
            metavar="DIR",
            help="Ask no model: play these cassettes, in a database of their own; repeatable.",
        )
        add(
            "--out",
            metavar="FILE",
            help="Where results are kept, a line each (var/measured/…). What is there is not made again.",
        )
        add("--markdown", action="store_true", help="Print the tables as Markdown.")
        add("--into", metavar="FILE", help="Write the tables into this page, between its marks.")
        add("--apart", action="store_true", help=SUPPRESS)  # we are in the database of our own already

    def handle(self, *args: Any, **o: Any) -> None:
        if o["play"] and not o["apart"] and not o["suite"].endswith(".jsonl"):
            raise SystemExit(_in_a_database_of_its_own(sys.argv[1:]))
        super().handle(*args, **o)

    def work(self, o: dict[str, Any]) -> int:
        path = Path(o["suite"])
        try:
            if path.suffix == ".jsonl":
                return self._show(results.read(path), o)
            suite = read(path)
            out = Path(o["out"]) if o["out"] else _somewhere(suite)
            there = results.read(out)
            asked = _chosen(suite, o["only"])
            sources = [Source(Path(d).name, Path(d)) for d in o["play"]] or [Source(self._model(o).name)]
        except (BadSuite, BadResults, Refused) as problem:
            self.complain(str(problem))
            return NOT_MEASURED
        return self._all(suite, asked, sources, out, there, o)

    def _all(
        self, suite: Suite, asked: list[Asked], sources: list[Source], out: Path, there: list[Measured], o: dict[str, Any]
    ) -> int:  # fmt: skip
        purse = taped.Purse(None if o["price_unknown"] or o["play"] else o["most_usd"])
        record = Path(o["record"]) if o["record"] else None
        how = How(suite.name, suite.title, o["autonomy"], o["effort"], not o["without_bare"], record, purse)
        done = {(m.set, m.request, m.nth) for m in there if _same(m, how)}
        todo = [(s, one, n) for s in sources for one in asked for n in range(1, o["times"] + 1)]
        todo = [(s, one, n) for s, one, n in todo if (s.name, one.id, n) not in done]
        self._say_beforehand(len(todo), len(there), o)
        code = ALL_HELD
        try:
            for at, (source, one, nth) in enumerate(todo, 1):
                try:
                    made = both.measure(one, nth, source, how)
                except both.Unmeasured as why:
                    self.complain(str(why))
                    code = NOT_MEASURED
                    if purse.empty:
                        self.complain(
                            f"{at - 1} of {len(todo)} were measured: go on with --out {out} and a higher --most-usd."
                        )
                        break
                    continue
                results.add(out, made)
                there += made
                self.say(f"[{at}/{len(todo)}] {_line(made)}{_spent(purse)}")
        except KeyboardInterrupt:
            self.complain(f"Stopped. What was measured is kept: go on with --out {out}")
            code = NOT_MEASURED
        except OurFault as problem:
            self.complain(f"Something of ours is broken: {problem}")
            code = OUR_FAULT
        shown = self._show(there, o) if there else ALL_HELD
        if there and (o["out"] or not o["play"]):
            self.say(f"Results: {out}")
        return code or shown

    def _model(self, o: dict[str, Any]) -> Model:
        model = models_in_use.current_model()
        if model is None:
            raise Refused(f"{models_in_use.why_none()} Connect one, or play cassettes with --play.")
        known = model.local or (model.price_in is not None and model.price_out is not None)
        if not known and not o["price_unknown"]:
            raise Refused(
                f"The price of {model.name} is not known, so no limit in money can hold. Enter it in the admin "
                "(Models), or add --price-unknown."
            )
        return model

    def _say_beforehand(self, todo: int, there: int, o: dict[str, Any]) -> None:
        calls = policy(Autonomy(o["autonomy"]).value, o["effort"]).calls
        alone = 0 if o["without_bare"] else 1
        before = f"{there} results are there already. " if there else ""
        self.say(
            f"{before}{todo} to make, with “{o['autonomy']}” at {o['effort']} effort: at most {calls} calls each"
            f"{', and one of the bare model' if alone else ''}."
        )
        if o["play"]:
            self.say("Cassettes are played: no model is asked and it costs nothing.")
            return
        model = self._model(o)
        if model.local:
            self.say(f"{model.name} runs on this machine: it costs seconds, no money.")
        elif model.price_in is None or model.price_out is None:
            self.say(f"The price of {model.name} is not known, so the cost is not: nothing stops it but you.")
        else:
            room = min(16_000, model.max_out or 16_000)
            most = todo * (calls + alone) * (READ * model.price_in + room * model.price_out) / 1e6
            self.say(
                f"{model.name}: about ${most:.2f} if every answer were as long as can be, mostly a small part of it. "
                f"It stops before ${o['most_usd']:.2f}."
            )

    def _show(self, measured: list[Measured], o: dict[str, Any]) -> int:
        draw = table.markdown if o["markdown"] else table.plain
        if o["into"]:
            page = Path(o["into"])
            try:
                page.write_text(table.into(page.read_text(encoding="utf-8"), measured), encoding="utf-8")
            except (OSError, ValueError) as problem:
                self.complain(f"{page} keeps what it has: {problem}.")
        parts = [draw(table.head(measured), table.summary(measured)), draw(table.HEAD_EACH, table.each(measured)), table.note(measured)]  # fmt: skip
        self.say("\n" + "\n\n".join(parts) + "\n")
        return ALL_HELD if all(m.held for m in measured if m.way == "product") else SOME_BROKEN


def _in_a_database_of_its_own(argv: list[str]) -> int:
    """Played replies are no facts about this site: they are made where nothing of it is, and nothing of it stays."""
    var = tempfile.mkdtemp(prefix="vibe-measure-")
    env = overridden(os.environ, dict.fromkeys(OF_THIS_SITE) | {"VIBE_VAR": var})
    manage = str(Path(settings.BASE_DIR) / "manage.py")
    child = subprocess.Popen([sys.executable, manage, *argv, "--apart"], env=env)  # noqa: S603
    try:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # the child was told, too: it keeps what it has and ends
                continue
    finally:
        shutil.rmtree(var, ignore_errors=True)


def _chosen(suite: Suite, only: Iterable[str]) -> list[Asked]:
    wanted = set(only)
    if unknown := wanted - {one.id for one in suite.requests}:
        raise Refused(f"There is no request “{sorted(unknown)[0]}” in this suite.")
    return [one for one in suite.requests if not wanted or one.id in wanted]


def _somewhere(suite: Suite) -> Path:
    return Path(settings.VAR) / "measured" / f"{suite.name}-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.jsonl"


def _same(one: Measured, how: How) -> bool:
    return (one.suite, one.autonomy, one.effort) == (how.suite, how.autonomy, how.effort)


def _line(made: list[Measured]) -> str:
    one = made[0]
    usd = "" if one.usd is None else f" · ${one.usd:.4f}"
    parts = [
        f"{one.request} ({one.set}): {table.outcome(one)} · {len(one.calls)} calls · {one.seconds:.0f} s{usd}"
    ]
    parts += [f"bare model: {table.outcome(m)}" for m in made[1:]]
    return " · ".join(parts)


def _spent(purse: taped.Purse) -> str:
    return "" if purse.most is None else f" · ${purse.spent:.4f} of ${purse.most:.2f}"
