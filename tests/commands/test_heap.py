"""A process that serves for long does not walk through its own code again and again."""

import gc

from vibe.management.heap import keep_for_good


def test_what_was_loaded_is_passed_over_by_the_collector():
    before = gc.get_freeze_count()
    try:
        keep_for_good()
        assert gc.get_freeze_count() > before + 50_000, "Django and the libraries are most of what there is"
        assert len(gc.get_objects()) < 50_000
    finally:
        gc.unfreeze()
