"""Vibe: say what a small program should do, see it made, know what was checked, hand it on by a link.

Kept empty of imports: the pure core (generation, llm, events) must load without Django or Celery.
"""

__version__ = "0.1.0"
