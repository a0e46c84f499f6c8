"""The processes that `bench.live` measures: `web`, `work`, or `all` in one, told by lines of JSON what to do.

They are the product's own parts: daphne with its consumers, the feed with its writer, the bell of the wiring that the
environment asks for. What is played is the model: a thread for each Job says a chunk of some twenty characters 40 times
a second, as the threads of a worker do.
"""

import json
import sys
import threading
import time

import django

from bench.wire import mark

FAR = 10**10  # a lease that no bench outlives


def answer(what: object) -> None:
    print(json.dumps(what), flush=True)


def seed(jobs: int) -> None:
    """One maker with a session and `jobs` Jobs that are being made."""
    from django.contrib.sessions.backends.db import SessionStore

    from vibe import events
    from vibe.live import feed
    from vibe.models import Job, Maker, Program

    maker = Maker.objects.create()
    session = SessionStore()
    session["maker"] = maker.pk
    session.save()
    ids = []
    for number in range(jobs):
        program = Program.objects.create(maker=maker, title=f"Bench {number}", description="Played")
        job = Job.objects.create(
            maker=maker, program=program, kind="make", once=f"{maker.pk}-{number}", state="running", request="Played",
            lease_owner=f"bench/{program.pk}", lease_until=FAR,
        )  # fmt: skip
        feed.publish_now(
            job.pk, events.StateChanged("running")
        )  # who waits in the line asks for their place, too
        ids.append(job.pk)
    answer({"jobs": ids, "session": session.session_key})


def say(jobs: list[int], chunks: int, rate: float) -> None:
    """Every Job says `chunks` chunks, `rate` a second, and is then done. Answers when all of it is stored."""
    from vibe import events
    from vibe.live import feed
    from vibe.models import Job

    owners = dict(Job.objects.filter(pk__in=jobs).values_list("pk", "lease_owner"))
    lines = [feed.open_(pk, owners[pk]) for pk in jobs]
    for line in lines:
        line.append(events.FileOpened("main.py"))
    begin = time.monotonic() + 0.5

    def one(line: feed.Line, place: int) -> None:
        shift = place / len(lines) / rate
        for number in range(chunks):
            pause = begin + shift + number / rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            line.append(events.FileText("main.py", mark(number)))
        line.append(events.StateChanged("done", "Played."))
        line.flush(120)

    threads = [threading.Thread(target=one, args=(line, at)) for at, line in enumerate(lines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for line in lines:
        line.close()
    answer({"took": time.monotonic() - begin})


def obey() -> None:
    for line in sys.stdin:
        what = json.loads(line)
        if "seed" in what:
            seed(what["seed"])
        elif "say" in what:
            say(what["say"], what["chunks"], what["rate"])


def keep() -> None:
    """Of the housekeeping what falls into the minutes of a bench, in a thread of its own as in a worker."""
    from vibe.housekeeping import checkpoint

    while True:
        time.sleep(1)
        checkpoint()


def main(role: str, port: int) -> None:
    django.setup()
    from vibe.management.heap import keep_for_good

    if role != "web":
        threading.Thread(target=keep, daemon=True).start()
    if role == "work":
        keep_for_good()
        answer("ready")
        obey()
        return
    from vibe.live import consumers
    from vibe.management.pages import serve_pages

    consumers.MAX_SOCKETS = 10**6  # one person may follow one Job eight times; here it is a thousand times
    if role == "all":
        threading.Thread(target=obey, daemon=True).start()
    answer("ready")
    serve_pages(["127.0.0.1"], port)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
