"""A process that holds a Job and says 40 MB of output in it, as a worker would. See test_parts_die.py.

python -m tests.reliability.streaming JOB   a Job of the person who is to hear it
"""

import os
import sys
import threading
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vibe.settings")

import django

django.setup()

from vibe import events, jobs  # noqa: E402  after the set-up
from vibe.live import feed  # noqa: E402
from vibe.models import Job  # noqa: E402

PIECE, PIECES = 40_000, 1000

like = Job.objects.get(pk=int(sys.argv[1]))
job = Job.objects.create(
    maker=like.maker, program=like.program, kind="make", once=f"stream-{time.time()}", state="running",
    lease_owner="streaming", lease_until=time.time() + jobs.LEASE_S,
)  # fmt: skip


def beat() -> None:
    while True:
        jobs.beat({"streaming": job.pk})
        time.sleep(1)


threading.Thread(target=beat, daemon=True).start()
print(job.pk, flush=True)
sys.stdin.readline()
line = feed.open_(job.pk, "streaming")
for n in range(PIECES):
    line.append(events.Output("stdout", f"{n:07} ".ljust(PIECE, "x")))
    if n % 5 == 0:
        line.flush()
line.append(events.StateChanged("done", "Done."))
line.flush()
Job.objects.filter(pk=job.pk).update(state="done")
print("done", flush=True)
