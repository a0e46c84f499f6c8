"""Opens a box for who may change their mind: a stop is heard while the engine, which hears nothing, makes one.

Creating and starting a box are calls of 30 to 250 ms, more on a busy machine, in which the caller could not look up.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future

from sandbox.box import Box

LOOK_S = 0.02  # how late a stop may be heard


def open_unless(
    cancelled: threading.Event | None, make: Callable[[], Box], unwanted: Callable[[Box], None]
) -> Box | None:
    """What `make` opens, or None as soon as `cancelled` is set. Raises what `make` raises.

    A box that was on its way by then is given to `unwanted`, in another thread, once it is there.
    """
    if cancelled is None:
        return make()
    if cancelled.is_set():
        return None
    made: Future[Box] = Future()

    def work() -> None:
        try:
            box = make()
        except BaseException as problem:
            if made.set_running_or_notify_cancel():  # else nobody is there to hear it
                made.set_exception(problem)
            return
        if made.set_running_or_notify_cancel():
            made.set_result(box)
        else:
            unwanted(box)

    threading.Thread(target=work, name="vibe-open", daemon=True).start()
    try:
        while not cancelled.is_set():
            try:
                return made.result(LOOK_S)
            except TimeoutError:
                if made.done():  # it came just now, or the engine's own call timed out: the Future knows which
                    return made.result()
    except BaseException:  # Ctrl-C as well
        _leave(made, unwanted)
        raise
    _leave(made, unwanted)
    return None


def _leave(made: "Future[Box]", unwanted: Callable[[Box], None]) -> None:
    """The caller waits no longer. One of the two sees the box off: who comes second."""
    if not made.cancel() and made.exception() is None:
        unwanted(made.result())
