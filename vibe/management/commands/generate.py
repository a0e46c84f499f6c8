"""Makes a program from the terminal, on the same path as the browser. Exit codes are a contract (DESIGN §4)."""

import json
import re
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import close_old_connections, connections

from vibe import jobs, worker
from vibe.choices import Autonomy, Effort, JobState, Shape, Verdict
from vibe.forms import DescribeForm, clean_name
from vibe.live import feed
from vibe.models import EventRecord, Job, Maker, Version

MADE, MADE_UNSURE, NOT_MADE, OUR_FAULT = 0, 1, 2, 3
TERMINAL = "terminal"  # the maker of everything that is made from here


class Command(BaseCommand):
    help = (
        "Make a program from the terminal. Exit 0: made and its checks hold. 1: made, but a check fails or nothing "
        "could check it. 2: it could not be made. 3: something of ours is broken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("text", help="What the program should do, in plain words.")
        parser.add_argument(
            "--file", action="append", default=[], metavar="F", help="A file to give; repeatable."
        )
        parser.add_argument("--shape", choices=[s.value for s in Shape], default=Shape.AUTO.value)
        parser.add_argument("--autonomy", choices=[a.value for a in Autonomy], default=Autonomy.MAKE.value)
        parser.add_argument("--effort", choices=[e.value for e in Effort], default=Effort.NORMAL.value)
        parser.add_argument(
            "--out", metavar="DIR", help="Where the files go (default: a folder named by the title)."
        )
        parser.add_argument("--json", action="store_true", help="Print one event a line.")
        parser.add_argument("--recipe", default="", help="Use this ready-made recipe by name.")

    def handle(self, *args: Any, **o: Any) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=0)
            code = self._generate(o)
        except CommandError:
            raise
        except Exception as problem:
            if o["verbosity"] > 1:
                raise
            self.stderr.write(f"Something of ours is broken: {type(problem).__name__}: {problem}")
            code = OUR_FAULT
        finally:
            worker.leave(2)
            feed.stop()
        raise SystemExit(code)

    def _generate(self, o: dict[str, Any]) -> int:
        text = o["text"].strip()
        if trouble := DescribeForm.trouble_with(text):
            self.stderr.write(trouble)
            return NOT_MADE
        uploads = [(clean_name(Path(f).name), _chunks(Path(f))) for f in o["file"]]
        maker, _ = Maker.objects.get_or_create(pk=TERMINAL)
        job = jobs.begin(
            maker,
            description=text,
            shape=o["shape"],
            autonomy=o["autonomy"],
            effort=o["effort"],
            once=uuid.uuid4().hex,
            uploads=uploads,
            recipe=o["recipe"],
            lease=worker.OWNER,
        )
        printed = 0
        while True:
            attending = threading.Thread(target=_attend, args=(job,), daemon=True)
            attending.start()
            try:
                while attending.is_alive():
                    attending.join(0.05)
                    printed = self._print(job, printed, o)
            except KeyboardInterrupt:
                jobs.stop(job)
                attending.join(3)
            job.refresh_from_db()
            printed = self._print(job, printed, o)
            if job.state != JobState.WAITING:
                break
            if not self._answer(job, o):
                return NOT_MADE
            if jobs.claim(worker.OWNER, only=job.pk) is None:
                return OUR_FAULT
            job.refresh_from_db()
        return self._end(job, o)

    def _answer(self, job: Job, o: dict[str, Any]) -> bool:
        """Ask the person at the terminal; without one there is nobody to ask, which is exit 2."""
        step = jobs.open_step(job)
        if step is None or not sys.stdin.isatty() or o["json"]:
            self.stderr.write("It waits for an answer, and there is no terminal to ask. Nothing was made.")
            jobs.stop(job)
            return False
        if step.kind == "question":
            choices = step.request["choices"]
            for number, choice in enumerate(choices, 1):
                self.stdout.write(f"  {number}. {choice['label']}: {choice['line']}")
            said = input("Number, or Enter to leave it: ").strip()
            if not said.isdigit() or not 0 < int(said) <= len(choices):
                jobs.stop(job)
                return False
            jobs.answer(job, {"choice": choices[int(said) - 1]["value"]})
            return True
        plan = step.request["about"] == "plan"
        wish = "Make it like this?" if plan else f"{step.request['proposal']['sentence']} Go on?"
        yes = input(f"{wish} [Y/n] ").strip().lower() in {"", "y", "yes"}
        jobs.answer(job, {"yes": yes, "choice": "yes" if yes else "no"})
        return True

    def _print(self, job: Job, after: int, o: dict[str, Any]) -> int:
        for record in EventRecord.objects.filter(job=job, seq__gt=after).order_by("seq"):
            after = record.seq
            data = json.loads(record.payload)
            if o["json"]:
                head = {"job": job.pk, "seq": record.seq, "type": record.type, "at": record.at.isoformat()}
                self.stdout.write(json.dumps({**head, **data}, ensure_ascii=False))
            elif line := _line(record.type, data):
                self.stdout.write(line)
        self.stdout.flush()
        return after

    def _end(self, job: Job, o: dict[str, Any]) -> int:
        version = Version.objects.filter(job=job).first()
        if version is None:
            self.stderr.write(job.sentence)
            return OUR_FAULT if job.fault_ref else NOT_MADE
        folder = Path(
            o["out"] or re.sub(r"[^a-z0-9]+", "-", version.program.title.lower()).strip("-") or "program"
        )
        for path, text in version.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        if not o["json"]:
            card = version.cards.first()
            self.stdout.write(f"{job.sentence}\nFiles: {folder}/")
            if card:
                self.stdout.write(f"Card, while Vibe runs: {settings.VIBE_ORIGIN}{card.get_absolute_url()}")
        return MADE if version.verdict == Verdict.HELD else MADE_UNSURE


def _attend(job: Job) -> None:
    close_old_connections()
    try:
        worker.attend(job)
    finally:
        connections.close_all()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            yield block


def _line(type_: str, data: dict[str, Any]) -> str:
    match type_:
        case "step-started":
            return f"· {data['title']}"
        case "step-ended":
            return f"  {data['line']} ({data['seconds']:.1f} s)" if data["line"] else ""
        case "recipe-used":
            return f"· Made from the ready-made recipe “{data['name']}”. No AI was used."
        case "plan-proposed":
            checks = [f"    must hold: {c['sentence']}" for c in data["checks"]]
            return "\n".join([f"· Plan: {data['title']}", *[f"    {s}" for s in data["steps"]], *checks])
        case "question-asked":
            return f"· {data['sentence']}"
        case "checked":
            return "\n".join(f"  {'✓' if r['held'] else '✗'} {r['sentence']}" for r in data["results"])
        case "state-changed" if data["state"] in {"failed", "stopped"}:
            return ""
    return ""
