"""Turns what a program prints into text that can be stored and shown: decoded piece by piece, harmless.

UTF-8 with replacement. Terminal sequences (ECMA-48: colours, cursor, titles, links) vanish and so do control
characters except tab and newline; CR LF and a lone CR are newlines, as in a progress bar. NUL, which PostgreSQL refuses
in text, is among what vanishes.
"""

import codecs
import re

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x1b\x07\x9c]*(?:\x1b\\|\x07|\x9c)"  # OSC, DCS, SOS, PM, APC; no ESC within: else quadratic
    r"|\x1b[ -/]*[0-~]"  # two and three letter ones
)
_OPEN = re.compile(r"\x1b(?:[ -/]*|\[[0-?]*[ -/]*|[\]PX^_][^\x1b\x07\x9c]*\x1b?)\Z|\x9b[0-?]*[ -/]*\Z|\r\Z")
_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
LONGEST = 4096  # characters of a sequence that is not closed; then it is none


class Text:
    """feed(bytes) -> text that is safe to show now. A sequence or letter cut in two waits for its other half."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, block: bytes, *, final: bool = False) -> str:
        text = self._held + self._decoder.decode(block, final)
        self._held = ""
        if not final and (half := _OPEN.search(text, max(0, len(text) - LONGEST))):
            text, self._held = text[: half.start()], text[half.start() :]
        if "\x1b" in text or "\x9b" in text:
            text = _SEQUENCE.sub("", text)
        return _HARMFUL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
