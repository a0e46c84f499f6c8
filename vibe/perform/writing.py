"""What a person sees of files: as a model writes them, or whole at once."""

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from vibe import events
from vibe.generation import reply
from vibe.generation.edits import EditFailed, apply_edits
from vibe.llm.message import Reply

Tell = Callable[[events.Event], object]


class Painted:
    """The latest complete files that were seen, which is what Stop can keep.

    wrote: some of them are new in this Job. begun: a stop came when some text of a file was there.
    """

    def __init__(self, files: dict[str, str], tell: Tell, *, wrote: bool) -> None:
        self.files = files
        self.wrote = wrote
        self.begun = False
        self._tell = tell

    def keep(self, writer: "FileWriter") -> None:
        if writer.complete:
            self.files = {**self.files, **writer.complete}
            self.wrote = True

    def edit(self, parsed: reply.Parsed) -> None:
        """Show what the edits of a reply came to; an edit that does not fit is asked for again."""
        if not parsed.edits:
            return
        with contextlib.suppress(EditFailed):
            edited = apply_edits(self.files, parsed.edits)
            self.whole({hunk.path: edited[hunk.path] for hunk in parsed.edits})
            self.wrote = True

    def whole(self, files: dict[str, str]) -> None:
        """Show whole files at once: nothing is streamed that was not being written."""
        for path, text in sorted(files.items(), key=lambda file: file[0] == "index.html"):
            self._tell(events.FileOpened(path))
            self._tell(events.FileText(path, text))
            self._tell(events.FileClosed(path))
        self.files = {**self.files, **files}

    def settle(self, files: dict[str, str]) -> None:
        """Show these and keep no others: another candidate's were painted before."""
        self.whole(files)
        self.files, self.wrote = files, True

    def again(self, parsed: reply.Parsed) -> None:
        """What a reply came to that was journaled before a worker was lost."""
        if parsed.files:
            self.whole(dict(parsed.files))
            self.wrote = True
        self.edit(parsed)


class FileWriter:
    """A model's reply on its way to the browser: prose is said, files appear as they are written."""

    def __init__(self, tell: Tell, n: str) -> None:
        self._tell, self._n = tell, n
        self._parser = reply.ReplyParser()
        self._open: dict[str, list[str]] = {}
        self.complete: dict[str, str] = {}

    def write(self, text: str) -> None:
        self._show(self._parser.feed(text))

    def close(self, finish: str) -> None:
        self._show(self._parser.close(finish))

    @property
    def begun(self) -> bool:
        return bool(self.complete) or any("".join(parts).strip() for parts in self._open.values())

    def came_to(self, got: Reply) -> tuple[str, str]:
        """How the step ended, done or bad, and its line."""
        parsed = reply.parse(got.text, got.finish)
        if not parsed.files and not parsed.edits:
            return "bad", "There was no file in the reply"
        return "done", ", ".join(filter(None, (self.line(), _places(parsed))))

    def line(self) -> str:
        """What was written, for the step's line: "2 files, 212 lines"."""
        count = sum(text.count("\n") for text in self.complete.values())
        files = f"{len(self.complete)} files" if len(self.complete) != 1 else next(iter(self.complete))
        return f"{files}, {count} lines" if self.complete else ""

    def _show(self, items: list[Any]) -> None:
        for item in items:
            match item:
                case reply.Prose(text):
                    self._tell(events.Said(text))
                case reply.FileOpen(path, "file"):
                    self._open[path] = []
                    self._tell(events.FileOpened(path))
                    self._tell(events.StepNoted(self._n, f"Writing {path}"))
                case reply.FileText(path, text):
                    self._open.setdefault(path, []).append(text)
                    self._tell(events.FileText(path, text))
                case reply.FileClose(path) if path in self._open:
                    self.complete[path] = "".join(self._open.pop(path))
                    self._tell(events.FileClosed(path))


def _places(parsed: reply.Parsed) -> str:
    """What was edited, for the step's line: "app.js changed in 2 places"."""
    counts = Counter(hunk.path for hunk in parsed.edits)
    return ", ".join(f"{path} changed in {n} place{'s' if n > 1 else ''}" for path, n in counts.items())
