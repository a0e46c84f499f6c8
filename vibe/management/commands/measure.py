"""Measures a list of requests: through the product, and the bare model beside it. Exit codes as generate's."""

import os
import shutil
import subprocess
import sys
import tempfile
from argparse import SUPPRESS, RawDescriptionHelpFormatter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.utils import timezone
from django.utils.module_loading import import_string

from vibe import models_in_use, worker
from vibe.choices import Autonomy, Effort
from vibe.generation.policy import policy
from vibe.live import feed
from vibe.llm.cassette import BadCassette, Cassette, Player, Recorder
from vibe.llm.message import Model
from vibe.management import screen
from vibe.management.measuring import bare, product, results, table, taped
from vibe.management.measuring.product import OurFault
from vibe.management.measuring.results import BadResults, Measured
from vibe.management.measuring.suite import Asked, BadSuite, Suite, read
from vibe.management.private import keep_private
from vibe.models import ModelRow

ALL_HELD, SOME_BROKEN, NOT_MEASURED, OUR_FAULT = 0, 1, 2, 3
READ = 6_000  # tokens that a call reads, for the figure that is said beforehand
HELP = """Measure a list of requests through the product, and the bare model (one call) beside it.

SUITE is a TOML file:

    title = "Everyday requests"
    [[requests]]
    id = "split-tips"
    text = "Split tips by hours worked"
    shape = "page"            # optional: auto, page, tool, slides …
    files = ["hours.csv"]     # optional, beside the suite

or a .jsonl file of results, whose table is printed again.

  manage.py measure suite.toml                             the connected model; stops at $1.00
  manage.py measure suite.toml --record today/             and keep its replies, dated
  manage.py measure suite.toml --play today/               the same replies through today's product, for nothing
  manage.py measure suite.toml --out mine.jsonl            stopped? The same line again goes on where it ended

Exit 0: everything was measured and all checks hold. 1: in some they do not. 2: not all could be measured (no model,
the limit, a stop); what was is kept. 3: something of ours is broken.
"""


@dataclass(frozen=True)
class Source:
    """Whom is asked: the connected model (`folder` None) or the cassettes of a folder. `name`: as the table has it."""

    name: str
    folder: Path | None = None


class Refused(Exception):
    """Raised when it cannot be measured like this; str() says why and what to do."""


class Command(BaseCommand):
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
        add("--apart", action="store_true", help=SUPPRESS)  # we are in the database of our own already

    def handle(self, *args: Any, **o: Any) -> None:
        if o["play"] and not o["apart"] and not o["suite"].endswith(".jsonl"):
            raise SystemExit(_in_a_database_of_its_own(sys.argv[1:]))
        keep_private(settings.VAR)
        try:
            call_command("migrate", interactive=False, verbosity=0)
            code = self.measure(o)
        except CommandError:
            raise
        except Exception as problem:
            if o["verbosity"] > 1:
                raise
            self._complain(f"Something of ours is broken: {type(problem).__name__}: {problem}")
            code = OUR_FAULT
        finally:
            worker.leave(2)
            feed.stop()
        raise SystemExit(code)

    def measure(self, o: dict[str, Any]) -> int:
        """What the command does, but for setting up and leaving. The exit code."""
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
            self._complain(str(problem))
            return NOT_MEASURED
        return self._all(suite, asked, sources, out, there, o)

    def _all(
        self, suite: Suite, asked: list[Asked], sources: list[Source], out: Path, there: list[Measured], o: dict[str, Any]
    ) -> int:  # fmt: skip
        purse = taped.Purse(None if o["price_unknown"] or o["play"] else o["most_usd"])
        todo = [(s, one, n) for s in sources for one in asked for n in range(1, o["times"] + 1)]
        done = {m.key for m in there}
        todo = [t for t in todo if self._key(suite, t, o, "product") not in done]
        self._say_beforehand(len(todo), len(there), out, o)
        code = ALL_HELD
        try:
            for at, (source, one, nth) in enumerate(todo, 1):
                made = self._one(suite, source, one, nth, purse, o)
                if not made:
                    code = NOT_MEASURED
                    if purse.empty:
                        self._complain(
                            f"The limit of ${purse.most:.2f} is reached: {at - 1} of {len(todo)} were measured. "
                            "Go on with the same --out and a higher --most-usd."
                        )
                        break
                    continue
                results.add(out, made)
                there += made
                self._say(f"[{at}/{len(todo)}] {_line(made)}{_spent(purse)}")
        except KeyboardInterrupt:
            self._complain(f"Stopped. What was measured is kept: go on with --out {out}")
            code = NOT_MEASURED
        except OurFault as problem:
            self._complain(f"Something of ours is broken: {problem}")
            code = OUR_FAULT
        shown = self._show(there, o) if there else ALL_HELD
        if o["out"] or not o["play"]:
            self._say(f"Results: {out}")
        return code or shown

    def _one(
        self, suite: Suite, source: Source, asked: Asked, nth: int, purse: taped.Purse, o: dict[str, Any]
    ) -> list[Measured]:  # fmt: skip
        """One request by the product and by the bare model; [] when it could not be measured."""
        kept: Cassette | None = None
        if source.folder:
            path = taped.cassette_path(source.folder, asked.id, nth)
            try:
                kept = taped.load(path)
            except (OSError, BadCassette) as problem:
                self._complain(f"{path} cannot be played: {problem}")
                return []
        with _asked_model(kept, source.name):
            first: Any = Player(taped.for_product(kept)) if kept else self._client(purse)
            made = product.make(asked, first, autonomy=o["autonomy"], effort=o["effort"])
            rows = [("product", made.figures, getattr(first, "seconds", 0.0))]
            second: Any = None
            if not o["without_bare"] and not purse.empty:
                second = Player(taped.for_bare(kept)) if kept else self._client(purse)
                rows.append(("bare", bare.measure(made, second), 0.0))
        if purse.empty:  # a call of it was not made, so it says nothing about the model
            return []
        if o["record"]:
            takes = [*first.takes, *(taped.as_bare(second.takes) if second else [])]
            folder = Path(o["record"])
            taped.save(
                taped.cassette_path(folder, asked.id, nth), Cassette(_head(suite, asked, source, o), takes)
            )
        at = timezone.now().isoformat(timespec="seconds")
        return [
            Measured(
                suite=suite.name, request=asked.id, nth=nth, set=source.name, way=way, at=at, autonomy=o["autonomy"],
                effort=o["effort"], played=kept is not None,
                **{**figures, "seconds": round(figures["seconds"] + more, 1)},
            )  # type: ignore[arg-type]
            for way, figures, more in rows
        ]  # fmt: skip

    def _client(self, purse: taped.Purse) -> Recorder:
        return Recorder(taped.Limited(import_string(settings.LLM_CLIENT)(), purse))

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

    def _key(self, suite: Suite, todo: tuple[Source, Asked, int], o: dict[str, Any], way: str) -> object:
        source, one, nth = todo
        return suite.name, one.id, nth, source.name, way, o["autonomy"], o["effort"]

    def _say_beforehand(self, todo: int, there: int, out: Path, o: dict[str, Any]) -> None:
        calls = policy(Autonomy(o["autonomy"]).value, o["effort"]).calls
        alone = 0 if o["without_bare"] else 1
        before = f"{there} results are there already. " if there else ""
        self._say(
            f"{before}{todo} to make, with “{o['autonomy']}” at {o['effort']} effort: at most {calls} calls each"
            f"{', and one of the bare model' if alone else ''}."
        )
        if o["play"]:
            self._say("Cassettes are played: no model is asked and it costs nothing.")
            return
        model = self._model(o)
        if model.local:
            self._say(f"{model.name} runs on this machine: it costs seconds, no money.")
        elif model.price_in is None or model.price_out is None:
            self._say(f"The price of {model.name} is not known, so the cost is not: nothing stops it but you.")
        else:
            room = min(16_000, model.max_out or 16_000)
            most = todo * (calls + alone) * (READ * model.price_in + room * model.price_out) / 1e6
            self._say(
                f"{model.name}: about ${most:.2f} if every answer were as long as can be, mostly a small part of it. "
                f"It stops before ${o['most_usd']:.2f}."
            )

    def _show(self, measured: list[Measured], o: dict[str, Any]) -> int:
        draw = table.markdown if o["markdown"] else table.plain
        parts = [draw(table.HEAD, table.summary(measured)), draw(table.HEAD_EACH, table.each(measured)), table.note(measured)]  # fmt: skip
        self._say("\n" + "\n\n".join(parts) + "\n")
        return ALL_HELD if all(m.held for m in measured if m.way == "product") else SOME_BROKEN

    def _say(self, text: str) -> None:
        self.stdout.write(screen.plain(text))
        self.stdout.flush()

    def _complain(self, text: str) -> None:
        self.stderr.write(screen.plain(text))


def _in_a_database_of_its_own(argv: list[str]) -> int:
    """Played replies are no facts about this site: they are made where nothing of it is, and nothing of it stays."""
    var = tempfile.mkdtemp(prefix="vibe-measure-")
    gone = {"DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "VIBE_MODEL", "VIBE_QUICK_MODEL"}
    env = {name: value for name, value in os.environ.items() if name not in gone} | {"VIBE_VAR": var}
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


class _asked_model:  # noqa: N801  a context manager
    """While a cassette is played its model is the connected one, at its own price, whatever is connected here."""

    def __init__(self, kept: Cassette | None, name: str) -> None:
        self._kept, self._name, self._before = kept, name, settings.CONFIG

    def __enter__(self) -> None:
        if self._kept is None:
            return
        name = self._kept.one("model", self._name)
        settings.CONFIG = replace(
            self._before, model_key="played", model_url=taped.NOWHERE, model=name, quick_model=""
        )
        prices = {key: self._kept.one(f"price-{key}") or None for key in ("in", "out")}
        ModelRow.objects.update_or_create(
            name=name, base_url=taped.NOWHERE,
            defaults={"enabled": False, "price_in": prices["in"], "price_out": prices["out"]},
        )  # fmt: skip

    def __exit__(self, *_: object) -> None:
        settings.CONFIG = self._before


def _chosen(suite: Suite, only: Iterable[str]) -> list[Asked]:
    wanted = set(only)
    if unknown := wanted - {one.id for one in suite.requests}:
        raise Refused(f"There is no request “{sorted(unknown)[0]}” in this suite.")
    return [one for one in suite.requests if not wanted or one.id in wanted]


def _somewhere(suite: Suite) -> Path:
    return Path(settings.VAR) / "measured" / f"{suite.name}-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.jsonl"


def _head(suite: Suite, asked: Asked, source: Source, o: dict[str, Any]) -> dict[str, list[str]]:
    model = models_in_use.current_model()
    prices = {"price-in": model.price_in, "price-out": model.price_out} if model else {}
    said = {
        "suite": suite.title, "request": asked.text, "model": source.name, "recorded": f"{timezone.now():%Y-%m-%d}",
        "autonomy": o["autonomy"], "effort": o["effort"], **{k: str(v) for k, v in prices.items() if v is not None},
    }  # fmt: skip
    return {key: [value] for key, value in said.items()}


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
