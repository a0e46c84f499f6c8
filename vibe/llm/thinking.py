"""Splits `<think>…</think>` out of an answer while it streams: some models think inside their answer."""

OPEN, CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """feed(text) -> (answer, thinking). A tag may arrive in pieces; only a leading block counts as thinking.

    Only at the start of the answer, because a program may well hold the word <think> in its own text.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"  # start, thinking, gap (the line ends after it), answer

    def feed(self, text: str) -> tuple[str, str]:
        if self._state == "answer":
            return text, ""
        if self._state == "gap":
            return self._after_gap(text), ""
        self._held += text
        if self._state == "start":
            stripped = self._held.lstrip()
            if stripped.startswith(OPEN):
                self._state, self._held = "thinking", stripped[len(OPEN) :]
            elif OPEN.startswith(stripped):
                return "", ""
            else:
                answer, self._held, self._state = self._held, "", "answer"
                return answer, ""
        end = self._held.find(CLOSE)
        if end >= 0:
            thinking, answer = self._held[:end], self._held[end + len(CLOSE) :]
            self._held, self._state = "", "gap"
            return self._after_gap(answer), thinking
        keep = next(
            (
                n
                for n in range(min(len(CLOSE) - 1, len(self._held)), 0, -1)
                if CLOSE.startswith(self._held[-n:])
            ),
            0,
        )
        cut = len(self._held) - keep
        thinking, self._held = self._held[:cut], self._held[cut:]
        return "", thinking

    def _after_gap(self, text: str) -> str:
        text = text.lstrip("\n")
        if text:
            self._state = "answer"
        return text

    def close(self) -> tuple[str, str]:
        """What was held back when the stream ended."""
        held, self._held = self._held, ""
        return ("", held) if self._state == "thinking" else (held, "")
