"""Jobs: begun, claimed, answered, stopped, ended. The only writer of Job.state, always by conditional update.

A Job is leased to one worker. The lease is extended each second; a sweep queues again what lost its worker.
Brokers may lose a wake-up message, rows may not.
"""

from vibe.jobs.beginning import begin, busy, change, edit
from vibe.jobs.commands import (
    answer,
    change_plan,
    changed_plan,
    open_step,
    set_autonomy,
    stop,
    take_changed_plan,
)
from vibe.jobs.enough import Enough, take_copy
from vibe.jobs.lease import (
    beat,
    claim,
    claim_several,
    end,
    hand_back,
    is_anothers,
    is_held,
    next_end,
    progress,
    sweep,
    wait_for_person,
)
from vibe.jobs.rows import HELD, LEASE_S, NotNow, once_key
from vibe.jobs.runs import forget_old_runs, keep_run, keep_run_file, run, runs_of
from vibe.jobs.uploads import folder
from vibe.line import queued

__all__ = [
    "HELD",
    "LEASE_S",
    "Enough",
    "NotNow",
    "answer",
    "beat",
    "begin",
    "busy",
    "change",
    "change_plan",
    "changed_plan",
    "claim",
    "claim_several",
    "edit",
    "end",
    "folder",
    "forget_old_runs",
    "hand_back",
    "is_anothers",
    "is_held",
    "keep_run",
    "keep_run_file",
    "next_end",
    "once_key",
    "open_step",
    "progress",
    "queued",
    "run",
    "runs_of",
    "set_autonomy",
    "stop",
    "sweep",
    "take_changed_plan",
    "take_copy",
    "wait_for_person",
]
