"""Makes a program from the terminal, on the same path as the browser. Exit codes are a contract (DESIGN §4)."""

import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandParser
from django.db import close_old_connections, connections

from vibe import jobs, models_in_use, weak_spots, worker
from vibe.choices import Autonomy, Effort, JobState, Shape, Verdict
from vibe.forms import MAX_ALL, MAX_FILE, MAX_FILES, DescribeForm, clean_name, unique_name
from vibe.management import folder, screen
from vibe.management.terminal import OUR_FAULT, TerminalCommand
from vibe.models import EventRecord, Job, Maker, StepRecord, Version

MADE, MADE_UNSURE, NOT_MADE = 0, 1, 2
TERMINAL = "terminal"  # the maker of everything that is made from here


class Command(TerminalCommand):
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
        parser.add_argument(
            "--force",
            action="store_true",
            help="Write over files of the same name in DIR, which must be empty else.",
        )
        parser.add_argument("--json", action="store_true", help="Print one event a line.")
        parser.add_argument("--recipe", default="", help="Use this ready-made recipe by name.")

    def work(self, o: dict[str, Any]) -> int:
        text = o["text"].strip()
        if trouble := DescribeForm.trouble_with(text):
            self.complain(trouble)
            return NOT_MADE
        paths = [Path(f) for f in o["file"]]
        trouble = _trouble_with_files(paths)
        if o["out"]:
            trouble = trouble or folder.trouble_with(Path(o["out"]), force=o["force"])
        if trouble:
            self.complain(trouble)
            return NOT_MADE
        uploads = [(name, _chunks(path)) for name, path in zip(_names(paths), paths, strict=True)]
        self.warned = weak_spots.sentence(o["shape"]) if models_in_use.current_model() else ""
        if self.warned and not o["json"]:
            self.say(f"· {self.warned}")
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
        self.printed = 0
        mine = True
        while True:
            job = self._attend(job, o) if mine else self._follow(job, o)
            if job.state == JobState.WAITING:
                if not self._answer(job, o):
                    job.refresh_from_db()
                    if job.is_over:
                        return NOT_MADE
            elif job.state not in (JobState.QUEUED, JobState.RUNNING):
                return self._end(job, o)
            claimed = jobs.claim(worker.OWNER, only=job.pk)
            if claimed is None and mine and not o["json"]:
                self.say("· The Vibe that runs here takes it on.")
            mine = claimed is not None
            job.refresh_from_db()

    def _attend(self, job: Job, o: dict[str, Any]) -> Job:
        """Make it here, and print what happens, until it ends, waits, or is somebody else's."""
        attending = threading.Thread(target=_attend, args=(job,), daemon=True)
        attending.start()
        try:
            while attending.is_alive():
                attending.join(0.05)
                self._print(job, o)
        except KeyboardInterrupt:
            jobs.stop(job)
            attending.join(3)
        job.refresh_from_db()
        self._print(job, o)
        return job

    def _follow(self, job: Job, o: dict[str, Any]) -> Job:
        """Print what happens to a Job that another worker makes, until it ends, waits, or is free again."""
        while True:
            try:
                time.sleep(0.1)
                job.refresh_from_db()
                self._print(job, o)
                if job.state != JobState.RUNNING:
                    return job
            except KeyboardInterrupt:
                jobs.stop(job)

    def _answer(self, job: Job, o: dict[str, Any]) -> bool:
        """Ask the person at the terminal; without one there is nobody to ask, which is exit 2. False: it was stopped."""
        step = jobs.open_step(job)
        choices = step.request["choices"] if step and step.kind == "question" else []
        for number, choice in enumerate([] if o["json"] else choices, 1):
            self.say(f"  {number}. {choice['label']}: {choice['line']}")
        if step is None or not sys.stdin.isatty() or o["json"]:
            self.complain("It waits for an answer, and there is no terminal to ask. Nothing was made.")
            jobs.stop(job)
            return False
        try:
            given = _asked(step, choices)
        except (EOFError, KeyboardInterrupt):  # Ctrl-D, Ctrl-C
            self.say("")
            given = None
        if given is None:
            jobs.stop(job)
            if job.sentence:
                self.complain(job.sentence)
            return False
        jobs.answer(job, given, counted=False)
        return True

    def _print(self, job: Job, o: dict[str, Any]) -> None:
        """Every event that was not printed yet."""
        for record in EventRecord.objects.filter(job=job, seq__gt=self.printed).order_by("seq"):
            self.printed = record.seq
            data = json.loads(record.payload)
            if o["json"]:
                head = {"job": job.pk, "seq": record.seq, "type": record.type, "at": record.at.isoformat()}
                self.stdout.write(screen.as_json({**head, **data}))
            elif line := _line(record.type, data, self.warned):
                self.say(line)
        self.stdout.flush()

    def _end(self, job: Job, o: dict[str, Any]) -> int:
        version = Version.objects.filter(job=job).first()
        if version is None:
            self.complain(job.sentence)
            return OUR_FAULT if job.fault_ref else NOT_MADE
        out = Path(o["out"]) if o["out"] else folder.free_one(version.program.title)
        private = os.umask(self.umask)  # what goes to the person is as they like their files
        try:
            folder.fill(out, version.files, force=o["force"])
        except (
            folder.NoFolder
        ) as problem:  # it is made: it lies in the database, and on the shelf while Vibe runs
            self.complain(problem.sentence)
            return OUR_FAULT
        finally:
            os.umask(private)
        if not o["json"]:
            card = version.cards.first()
            self.say(f"{job.sentence}\nFiles: {out}/")
            if card:
                self.say(f"Card, while Vibe runs: {settings.VIBE_ORIGIN}{card.get_absolute_url()}")
        return MADE if version.verdict == Verdict.HELD else MADE_UNSURE


def _asked(step: StepRecord, choices: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What the person typed, as jobs.answer takes it; None when they leave it."""
    if choices:
        said = input("Number, or Enter to leave it: ").strip()
        numbers = {str(n): choice["value"] for n, choice in enumerate(choices, 1)}
        return {"choice": numbers[said]} if said in numbers else None
    plan = step.request["about"] == "plan"
    wish = "Make it like this?" if plan else f"{step.request['proposal']['sentence']} Go on?"
    yes = input(f"{wish} [Y/n] ").strip().lower() in {"", "y", "yes"}
    return {"yes": yes, "choice": "yes" if yes else "no"}


def _attend(job: Job) -> None:
    close_old_connections()
    try:
        worker.attend(job)
    finally:
        connections.close_all()


def _trouble_with_files(paths: list[Path]) -> str:
    """Why these files cannot be given; empty when they can. The same limits as on the page."""
    if len(paths) > MAX_FILES:
        return f"Give at most {MAX_FILES} files. These were {len(paths)}."
    whole = 0
    for path in paths:
        if path.is_dir():
            return f"{path} is a folder: give its files one by one."
        if not path.is_file():
            return f"{path} is not there, or no plain file."
        if not os.access(path, os.R_OK):
            return f"{path} may not be read."
        if (size := path.stat().st_size) > MAX_FILE:
            return f"{path} is larger than {MAX_FILE >> 20} MB."
        whole += size
    return f"All files together are larger than {MAX_ALL >> 20} MB." if whole > MAX_ALL else ""


def _names(paths: list[Path]) -> Iterator[str]:
    taken: set[str] = set()
    for path in paths:
        taken.add(name := unique_name(clean_name(path.name), taken))
        yield name


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            yield block


def _line(type_: str, data: dict[str, Any], warned: str) -> str:
    match type_:
        case "step-started":
            return f"· {data['title']}"
        case "step-ended":
            return f"  {data['line']} ({data['seconds']:.1f} s)" if data["line"] else ""
        case "recipe-used":
            return f"· Made from the ready-made recipe “{data['name']}”. No AI was used."
        case "plan-proposed":
            checks = [f"    must hold: {c['sentence']}" for c in data["checks"]]
            weak = [f"· {data['warning']}"] if data["warning"] not in {"", warned} else []
            unpromised = [f"    not promised: {sentence}" for sentence in data["unpromised"]]
            plan = [f"· Plan: {data['title']}", *[f"    {s}" for s in data["steps"]], *checks]
            return "\n".join([*weak, *plan, *unpromised])
        case "question-asked":
            return f"· {data['sentence']}"
        case "checked":
            return "\n".join(f"  {'✓' if r['held'] else '✗'} {r['sentence']}" for r in data["results"])
        case "state-changed" if data["state"] in {"failed", "stopped"}:
            return ""
    return ""
