"""The runner alone, without a box: what happens in one and the same moment."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOTH_AT_ONCE = r"""
import os, select, struct
from sandbox.runner.inside.starting import Pipes
from sandbox.runner.inside.watching import Watch
owner_r, owner_w = os.pipe()
os.dup2(owner_r, 0)
pipes = Pipes()
pid = os.fork()
if pid == 0:
    os.close(pipes.in_r)
    os.write(pipes.out_w, b"!")
    os.read(pipes.err_r, 1)  # until the runner has seen both
    os._exit(3)
os.set_blocking(owner_w, True)
watch = Watch({"output_bytes": 10, "time_s": 20}, pid, pipes)
for fd in (watch.out, watch.err, 0):  # as run() does at its beginning: found in this order
    watch.poll.register(fd, select.POLLIN)
os.write(owner_w, b"i" + struct.pack(">I", 60_000) + bytes(60_000))
watch.obey()
os.write(owner_w, b"i" + struct.pack(">I", 60_000) + bytes(60_000))
watch.obey()
assert watch.waiting, "the program takes no more"
select.select([pipes.out_r], [], [])
pipes.close_theirs()  # it closes its input
os.write(owner_w, b"c" + struct.pack(">I", 0))  # and the owner has no more, before anybody looks
turn = watch.poll.poll
def poll(wait):
    found = turn(wait)
    if watch.status is None:  # it is reaped in the next turn
        os.kill(pid, 9)
    return found
class Poll:
    poll = staticmethod(poll)
    def __getattr__(self, name):
        return getattr(turn.__self__, name)
watch.poll = Poll()
watch.run()
assert watch.status == 9, watch.status
"""


def test_a_program_that_closes_its_input_in_the_moment_it_ends_is_no_trouble():
    """Both are ready in one turn of the loop; the first closes what the second is about (2 of 250 runs were lost)."""
    said = subprocess.run(
        [sys.executable, "-c", BOTH_AT_ONCE], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert said.returncode == 0, said.stderr


LEFT_IN_THE_PIPES = r"""
import os
from sandbox.runner.inside.starting import Pipes
from sandbox.runner.inside.watching import Watch
pipes = Pipes()
os.write(pipes.out_w, b"x" * 30)
os.write(pipes.err_w, b"why")
Watch({"output_bytes": 20, "time_s": 20}, 0, pipes).drain()
"""


def test_what_was_said_before_everything_was_ended_still_comes_up_to_the_limit():
    said = subprocess.run(
        [sys.executable, "-c", LEFT_IN_THE_PIPES], cwd=ROOT, capture_output=True, timeout=30, check=False
    )
    assert said.returncode == 0, said.stderr
    assert sorted(frames_of(said.stdout)) == [(b"e", b"why"), (b"o", b"x" * 20)]


def frames_of(data):
    """The frames of a runner as it writes them."""
    found = []
    while data:
        length = int.from_bytes(data[1:5], "big")
        found.append((data[:1], data[5 : 5 + length]))
        data = data[5 + length :]
    return found
