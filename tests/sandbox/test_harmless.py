"""What comes out of a box is made harmless: text, names, types; and what the kernel counts is read as it is meant."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import complaints
from sandbox.ending import Report
from sandbox.gathering import clean_name, sniff
from sandbox.runner.inside.kernel import counters
from sandbox.sealing import Fit, config, unsealed, untaken
from sandbox.text import LONGEST, Text


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;a title\x07after", "after"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1bPq#0\x1b\\sixel", "sixel"),
        (b"\x1bXa\x1b\\\x1b^b\x1b\\\x1b_c\x07said", "said"),
        (b"\x1b7\x1b(0\x1b[?25l\x1bMmoved\x1b[6n", "moved"),
        (b"10%\r50%\r100%\r\n", "10%\n50%\n100%\n"),
        (b"a\x00b\x08c\x07d\x7f", "abcd"),
        ("\x9b31mc1".encode(), "c1"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"tab\tnew\nline", "tab\tnew\nline"),
        (b"\x1b", ""),
        (b"\x1b[", ""),
        ("日本 — ✓".encode(), "日本 — ✓"),
    ],
)
def test_terminal_sequences_and_control_characters_vanish_however_they_are_cut(printed, shown):
    for cut in range(len(printed) + 1):
        reader = Text()
        assert reader.feed(printed[:cut]) + reader.feed(printed[cut:]) + reader.feed(b"", final=True) == shown


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_no_bytes_at_all_leave_a_control_character(parts):
    reader = Text()
    text = "".join(reader.feed(part) for part in parts) + reader.feed(b"", final=True)
    assert not [c for c in text if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]


def test_sequences_that_never_end_cost_no_time():
    began = time.process_time()
    reader = Text()
    for _ in range(16):
        reader.feed(b"\x1b]" * 32_768)
    for _ in range(16):
        reader.feed(b"\x1b[" + b"0" * 65_534)
    assert time.process_time() - began < 5


def test_what_is_too_long_for_a_sequence_is_shown_and_not_held_back():
    for opening in (b"\x1b]", b"\x1b["):
        reader = Text()
        assert reader.feed(opening + b"0" * (LONGEST + 1))
        assert reader.feed(b"more") == "more"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\win.txt", "win.txt"),
        ("-rf", "rf"),
        ("\x1b[31m.txt", "__31m.txt"),
        ("<img src=x onerror=alert(1)>", "_img src_x onerror_alert(1)_"),
        ("a\u202egnp.exe", "a_gnp.exe"),
        ("...", "file"),
        ("CON.txt", "_CON.txt"),
        ("Bank März.csv", "Bank März.csv"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_name_from_a_box_is_harmless(path, name):
    assert clean_name(path, set()) == name


def test_names_that_differ_by_case_alone_are_told_apart():
    assert clean_name("A.txt", {"a.txt"}) == "A (2).txt"
    assert clean_name("noending", {"noending", "noending (2)"}) == "noending (3)"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"GIF87a...", "image/gif"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "application/octet-stream"),
        (b"\x1f\x8b\x08\0", "application/gzip"),
        (b"<HTML><p>", "text/html"),
        (b"<svg onload='x'>", "image/svg+xml"),
        (b"plain\0and not", "application/octet-stream"),
        (b"a,b\n1,2\n", "text/plain"),
        ("ä".encode() * 4096, "text/plain"),
        (b"  <!DOCTYPE html><p>", "text/html"),
        (b'<?xml version="1.0"?><svg onload="x"/>', "image/svg+xml"),
        (b"\0\1\2", "application/octet-stream"),
        (b"\xff\xfe\xfd", "application/octet-stream"),
        (b"", "text/plain"),
    ],
)
def test_the_type_of_a_file_is_told_by_its_bytes(data, kind):
    assert sniff(data) == kind


V1 = {
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "pids/pids.events": "max 7\n",
}
V2 = {"memory.events": "low 0\nhigh 0\nmax 55\noom 3\noom_kill 2\noom_group_kill 0\n", "pids.events": "max 7\n"}


@pytest.mark.parametrize("tree", [V1, V2], ids=["cgroup v1", "cgroup v2"])
def test_the_counters_of_either_kind_of_cgroup_are_read(tree, tmp_path):
    for path, text in tree.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert counters(str(tmp_path)) == {"oom_kill": 2, "refused": 7}
    assert counters(str(tmp_path / "none")) == {}


def ended(**more):
    return Report.parse({"why": "", "code": None, "signal": None, "seconds": 1, "counters": {}, **more}).ended


def test_an_oom_kill_is_the_end_only_of_who_died_of_it():
    assert ended(signal=9, counters={"oom_kill": 1}) == "memory"
    assert ended(signal=9) == "signal"
    assert ended(code=3, counters={"oom_kill": 1}) == "exit"
    assert ended(code=137) == "exit"
    assert ended(signal=11, counters={"oom_kill": 1}) == "signal"
    assert ended(why="timeout", signal=9, counters={"oom_kill": 1}) == "timeout"


def test_remarks_are_no_verdicts():
    said = Report.parse({"code": 0, "counters": {"refused": 3, "full": 1, "oom_kill": 1}}).notes()
    assert said == (
        "3 new processes were refused", "its disk was full", "a process of it was ended because memory was full",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (
            "Error while fetching server API version: ('Connection aborted.', FileNotFoundError(2, ''))",
            "start Docker",
        ),
        ("ConnectionRefusedError(111, 'Connection refused')", "start Docker"),
        ("('Connection aborted.', PermissionError(13, 'Permission denied'))", "add the user to the group"),
        ("HTTPConnectionPool: Read timed out. (read timeout=3)", "restart Docker"),
        ("500 Server Error: write /var/lib/docker/x: no space left on device", "disk is full"),
        ("400 Client Error: unknown or invalid runtime name: runsc", "SANDBOX_RUNTIME"),
        ("SSLError(SSLCertVerificationError(1, 'certificate verify failed'))", "do not trust each other"),
        ("[Errno -2] Name or service not known", "cannot be found"),
        ("418 teapot", "says: 418 teapot"),
    ],
)
def test_an_engines_trouble_is_a_sentence_one_can_act_on(problem, says):
    assert says in complaints.why(problem)


def test_an_engine_that_is_too_old_is_refused():
    assert "19.03" in complaints.too_old("1.39")
    assert not complaints.too_old("1.41")
    assert not complaints.too_old("2.0")


def test_each_option_that_was_not_taken_is_named():
    asked = config(Fit("python", 256 << 20, 64 << 20, 64, 1.0), owner="me", deadline=1, runtime="runsc")
    taken = {"HostConfig": dict(asked["HostConfig"]), "Config": dict(asked), "Mounts": []}
    assert untaken(asked, taken) == []
    for name in asked["HostConfig"]:
        changed = {**taken, "HostConfig": {**taken["HostConfig"], name: None}}
        assert untaken(asked, changed) == [name]
    for name in (
        "User", "StdinOnce", "Tty", "NetworkDisabled", "WorkingDir", "Hostname", "OpenStdin", "AttachStdin", "AttachStdout",
        "AttachStderr",
    ):  # fmt: skip
        assert untaken(asked, {**taken, "Config": {**taken["Config"], name: "other"}}) == [name]
    for name, value in (
        ("Binds", ["/:/host"]),
        ("Devices", [{}]),
        ("CapAdd", ["SYS_ADMIN"]),
        ("PidMode", "host"),
        ("DeviceRequests", [{}]),
        ("VolumesFrom", ["other"]),
        ("Links", ["other:db"]),
        ("PublishAllPorts", True),
        ("PortBindings", {"80/tcp": [{}]}),
        ("UTSMode", "host"),
        ("ExtraHosts", ["a:1.2.3.4"]),
        ("GroupAdd", ["0"]),
        ("Sysctls", {"net.ipv4.ip_forward": "1"}),
    ):
        assert untaken(asked, {**taken, "HostConfig": {**taken["HostConfig"], name: value}}) == [name]
    assert untaken(asked, {**taken, "Mounts": [{"Source": "/"}]}) == ["Mounts"]


def test_gvisors_own_kernel_shows_no_filter_of_the_hosts():
    held = {"uid": 65532, "NoNewPrivs": 1, "CapEff": 0, "CapBnd": 0, "Seccomp": 0}
    assert unsealed(held) == ["Seccomp"]
    assert unsealed(held, "runsc") == []
