"""Performs the steps that a generation asks for, journals the answers, and tells the browser what it sees.

performer is the seam that drive calls; asking holds the model calls and their books, running what goes into a box,
writing what is shown of files, boxes the one engine of this process.
"""

from vibe.perform.boxes import engine, expect, in_line, standing, why_no_box, why_not_run
from vibe.perform.performer import Paused, Performer

__all__ = ["Paused", "Performer", "engine", "expect", "in_line", "standing", "why_no_box", "why_not_run"]
