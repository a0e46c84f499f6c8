"""The host's end of a box's stream: linear, and never fooled."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import BadSource
from sandbox.frames import COMPLAINT, MAX_FRAME, BadStream, Frames, frame
from sandbox.source import Source, check_name

FRAME = st.tuples(st.sampled_from([b"o", b"e", b"x", b"f", b"d"]), st.binary(max_size=40))


def docker(data: bytes, stream: int = 1) -> bytes:
    return struct.pack(">BxxxI", stream, len(data)) + data


@given(st.lists(FRAME, max_size=8), st.data())
def test_any_way_of_cutting_the_stream_gives_the_same_frames(sent, data):
    inner = b"".join(frame(kind, payload) for kind, payload in sent)
    at = sorted(data.draw(st.lists(st.integers(0, len(inner)), max_size=4)))
    outer = b"".join(docker(inner[a:b]) for a, b in zip([0, *at], [*at, len(inner)], strict=True) if a < b)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(outer)), max_size=6)))
    reader, got = Frames(), []
    for a, b in zip([0, *cuts], [*cuts, len(outer)], strict=True):
        got += list(reader.feed(outer[a:b]))
    assert got == sent


@given(st.binary(max_size=200))
def test_noise_is_frames_or_a_bad_stream_and_nothing_else(noise):
    try:
        for kind, payload in Frames().feed(noise):
            assert len(kind) == 1
            assert isinstance(payload, bytes)
    except BadStream:
        pass


def test_a_frame_of_gigabytes_is_refused_before_it_is_read():
    with pytest.raises(BadStream):
        list(Frames().feed(docker(b"o" + struct.pack(">I", 2**31))))


@pytest.mark.parametrize(
    "block",
    [
        docker(b"", stream=0),
        docker(b"", stream=3),
        struct.pack(">BxxxI", 1, 2**24),
        docker(frame(b"Q")),
        docker(frame(b"\0")),
        docker(b"o" + struct.pack(">I", MAX_FRAME + 1)),
    ],
)
def test_what_no_engine_and_no_runner_sends_is_refused_at_its_head(block):
    with pytest.raises(BadStream):
        list(Frames().feed(block))


def test_of_the_runners_own_complaint_the_beginning_is_kept():
    reader = Frames()
    for _ in range(3):
        assert list(reader.feed(docker(b"it broke" * 200, stream=2))) == []
    assert reader.complaint == (b"it broke" * 600)[:COMPLAINT]


def test_the_runners_own_complaint_is_kept_apart():
    reader = Frames()
    assert list(reader.feed(docker(b"it broke", stream=2))) == []
    assert reader.complaint == b"it broke"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/x",
        "../x",
        "a/../b",
        "a//b",
        "a\\b",
        "a\0b",
        ".",
        "a/./b",
        "x" * 300,
        "a\nb",
        "~/x",
        "好" * 86,
        "a/" + "好" * 86,
        "a\udc80b",
    ],
)
def test_a_name_that_could_leave_the_box_is_refused(name):
    with pytest.raises(BadSource):
        check_name(name)


@pytest.mark.parametrize("name", ["main.py", "in/Bank März.csv", "a/b/c.txt", "好" * 85, "out/a.txt", "a/out"])
def test_an_honest_name_is_taken(name):
    check_name(name)


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b/c", "x", "a/b"), ("out",)])
def test_files_that_cannot_lie_beside_each_other_are_refused(names):
    with pytest.raises(BadSource, match="folder"):
        Source("python", ("python3",), dict.fromkeys(names, b""))


def test_names_that_only_begin_alike_are_taken():
    Source("python", ("python3",), dict.fromkeys(("a", "a.b", "a-b/c", "ab/c", "out/a"), b""))


def test_too_many_files_are_refused():
    with pytest.raises(BadSource):
        Source("python", ("python3",), {f"f{n}": b"" for n in range(2000)})
