"""Event → HTML for the socket: one `<template>` a frame, made of the partials that the page itself uses.

Inside: an element with `data-swap` replaces the one of its id; `data-append="ID"` appends its text to that element;
`data-say` is one sentence for the status line. Django escapes everything.
"""

from typing import Any

from django.template.loader import render_to_string

from vibe import events
from vibe.live.timeline import Timeline


def fragment(timeline: Timeline, event: events.Event, seq: int, job: Any) -> str:
    """The frame that brings a page of `timeline` before `event` to `timeline` after it (already applied)."""
    context: dict[str, Any] = {"timeline": timeline, "event": event, "seq": seq, "job": job}
    if isinstance(event, events.StepStarted | events.StepNoted | events.StepEnded):
        context["step"] = timeline.step(event.n)
        context["fresh"] = isinstance(event, events.StepStarted) and _is_new(timeline, event)
    if isinstance(event, events.FileOpened | events.FileText | events.FileClosed):
        context["file"] = timeline.file(event.path)
    return render_to_string(f"live/{event.type}.html", context)


def _is_new(timeline: Timeline, event: events.StepStarted) -> bool:
    """Whether this is the last step of the list, which then is sent whole: the list may have been empty before."""
    return bool(timeline.steps) and timeline.steps[-1].n == event.n
