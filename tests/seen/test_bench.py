"""The bench itself: what it says of loss must be true, and a short run must be one line."""

import asyncio

import pytest

from bench.__main__ import PARTS, split
from bench.wire import Seen, Socket, mark


def test_a_short_run_of_one_part_is_named_by_its_options():
    assert split(["--seconds", "5", "--jobs=1,50"]) == {"live": ["--seconds", "5", "--jobs", "1,50"]}
    assert split(["whole"]) == {"whole": []}
    assert set(split([])) == set(PARTS)
    with pytest.raises(SystemExit, match="--secnods"):
        split(["--secnods", "5"])


def test_what_is_lost_and_what_comes_twice_is_told_apart():
    seen = Seen()
    seen.text("so " + mark(0) + mark(1))
    seen.text(mark(1) + "<i>" + mark(3))
    assert (seen.lost(4), seen.doubled, seen.frames) == (1, 1, 2)
    assert all(0 <= late < 5 for late in seen.late)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [5, 125, 126, 70_000])
@pytest.mark.parametrize("cut", [1, 7, 4096])
async def test_frames_are_read_whole_however_they_are_cut(size, cut):
    got = []

    class Wire:
        def __init__(self):
            self.sent = []

        def write(self, data):
            self.sent.append(data)

        def close(self):
            pass

    socket = Socket("/x", {"Host": "h"}, got.append, acks=True)
    socket.connection_made(wire := Wire())
    text = '<template data-seq="1">a</template><template data-seq="7">'.ljust(size, "x")[:size]
    length = (
        bytes([size])
        if size < 126
        else b"\x7e" + size.to_bytes(2)
        if size < 65536
        else b"\x7f" + size.to_bytes(8)
    )
    frame = b"\x81" + length + text.encode()
    stream = b"HTTP/1.1 101 Yes\r\n\r\n" + frame * 2 + b"\x89\x01p"
    for at in range(0, len(stream), cut):
        socket.data_received(stream[at : at + cut])
    await asyncio.wait_for(socket.opened, 1)
    assert got == [text, text]
    assert wire.sent[-1].endswith(b"p")
    assert any(b'{"ack":7}' in data for data in wire.sent) is (size > 60)
