"""What comes back of /box/out: few, small, soon, and how many files do not."""

import json
import os

import pytest

from sandbox.ending import left_out
from sandbox.runner.inside.collecting import MOST_SEEN, Collector


def collected(folder, *, seconds_each=0.0, **job):
    """(paths that came, the last frame) of what lies in `folder`; each look at the clock takes so long."""
    frames, now = [], [0.0]

    def clock():
        now[0] += seconds_each
        return now[0]

    made = Collector(
        {"artifacts": 32, "artifact_bytes": 1000, **job}, lambda kind, data: frames.append((kind, data)), clock
    )
    made.collect(str(folder))
    assert frames[-1][0] == b"z"
    return [json.loads(data)["path"] for kind, data in frames if kind == b"f"], json.loads(frames[-1][1])


def lay(folder, count, *, size=1):
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number}.txt").write_bytes(bytes(size))


@pytest.mark.parametrize(("count", "skipped"), [(5, 0), (6, 1), (100, 95)])
def test_it_says_how_many_files_were_too_many(tmp_path, count, skipped):
    lay(tmp_path, count)
    came, last = collected(tmp_path, artifacts=5)
    assert (len(came), last) == (5, {"skipped": skipped, "more": False})


def test_files_in_folders_count_each(tmp_path):
    for name in ("a", "b", "c"):
        lay(tmp_path / name, 10)
    came, last = collected(tmp_path, artifacts=12)
    assert (len(came), last["skipped"]) == (12, 18)


@pytest.mark.parametrize(("depth", "comes"), [(8, True), (9, False)])
def test_what_lies_too_deep_is_left_out_with_all_that_is_below(tmp_path, depth, comes):
    folder = tmp_path.joinpath(*["d"] * depth)
    folder.mkdir(parents=True)
    lay(folder, 1)
    came, last = collected(tmp_path)
    assert (came, last["skipped"]) == ((["d/" * depth + "0.txt"], 0) if comes else ([], 1))


def test_only_plain_files_with_one_name_come_and_no_link_is_followed(tmp_path):
    out, away = tmp_path / "out", tmp_path / "away"
    lay(away, 1)
    lay(out, 1)
    (out / "link.txt").symlink_to(away / "0.txt")
    (out / "folder").symlink_to(away)
    os.link(away / "0.txt", out / "two names.txt")
    os.mkfifo(out / "pipe")
    assert collected(out) == (["0.txt"], {"skipped": 4, "more": False})


def test_what_is_too_large_together_is_left_out(tmp_path):
    lay(tmp_path, 8, size=300)
    came, last = collected(tmp_path)
    assert (len(came), last["skipped"]) == (3, 5)


def test_after_its_time_nothing_more_is_sent_and_that_is_said(tmp_path):
    lay(tmp_path, 30)
    came, last = collected(tmp_path, seconds_each=0.5)
    assert 1 <= len(came) <= 4
    assert last["more"] is True


def test_it_does_not_look_at_more_than_it_can_in_that_time(tmp_path):
    lay(tmp_path, MOST_SEEN + 5, size=0)
    came, last = collected(tmp_path, artifacts=2)
    assert (len(came), last) == (2, {"skipped": MOST_SEEN - 2, "more": True})


def test_a_file_that_shrinks_has_the_size_that_was_said(tmp_path):
    """Else the frames after it would be taken for its bytes."""
    lay(tmp_path, 1, size=100)
    frames = []

    def put(kind, data):
        frames.append((kind, data))
        if kind == b"f":
            os.truncate(tmp_path / "0.txt", 7)

    Collector({"artifacts": 1, "artifact_bytes": 1000}, put).collect(str(tmp_path))
    assert sum(len(data) for kind, data in frames if kind == b"d") == 100


def test_without_the_folder_nothing_is_missing(tmp_path):
    os.symlink("/etc", tmp_path / "link")
    assert collected(tmp_path / "none") == ([], {"skipped": 0, "more": False})
    assert collected(tmp_path / "link") == ([], {"skipped": 0, "more": False})


def test_the_note_says_the_number_that_is_known():
    assert left_out(0) == ()
    assert left_out(1)[0].startswith("a file was left out")
    assert left_out(95)[0].startswith("95 files were left out")
    assert left_out(95, more=True)[0].startswith("more than 95 files were left out")
    assert left_out(0, more=True)[0].startswith("some files were left out")
