"""apart: a world beside the page's own scripts. They share its document with us and nothing else: whatever a page makes of
its own prototypes, getters and globals, what is asked here is answered by the browser.

All that is observed of a page is asked here or by the driver, which keeps such a world of its own. Only what has no
other place is asked in the page's world: its note of what it put off (still.py) and its listeners (beside.py).
"""

import contextlib

from playwright.sync_api import CDPSession, Error


class Apart:
    """A line to a frame's own target and a world in it; closed when done with."""

    def __init__(self, context, frame) -> None:
        self.frame = frame
        self.line: CDPSession = context.new_cdp_session(frame)
        self.id = self.line.send("Page.getFrameTree")["frameTree"]["frame"]["id"]

    def _world(self) -> int:
        """The same one for as long as the document is the same: what was loaded into it is still there."""
        made = self.line.send("Page.createIsolatedWorld", {"frameId": self.id, "worldName": "beside"})
        return int(made["executionContextId"])

    def evaluate(self, expression: str):
        """The value that `expression` comes to in the world beside the page's, of the document that is there now. Raises
        Error when it throws."""
        return self._came(
            expression, {"awaitPromise": True, "returnByValue": True, "contextId": self._world()}
        ).get("value")

    def held(self, expression: str) -> str | None:
        """The id of the object that `expression` comes to in the page's own world: only there are its listeners told.
        A page can hide something by what it does to that world, but not be blamed for what is not so."""
        return self._came(expression, {}).get("objectId")

    def _came(self, expression: str, more: dict) -> dict:
        answer = self.line.send("Runtime.evaluate", {"expression": expression, **more})
        if "exceptionDetails" in answer:
            raise Error(str(answer["exceptionDetails"].get("text", "")))
        return answer["result"]

    def listeners(self, node: str) -> list[dict]:
        return self.line.send("DOMDebugger.getEventListeners", {"objectId": node})["listeners"]

    def close(self) -> None:
        with contextlib.suppress(Error):
            self.line.detach()
