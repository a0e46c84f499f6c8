"""What an engine's trouble is called, by its words."""

import shlex
import sys

import pytest

from sandbox import build, catalog
from sandbox.build import _progress, trouble
from sandbox.complaints import FULL, NO_APPARMOR, NO_SECCOMP, not_built, why
from sandbox.errors import EngineUnavailable

ASKED = '500 Server Error for http+docker://localhost/v1.41/containers/ab12/start: Internal Server Error ("%s")'
CREATE = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "


@pytest.mark.parametrize(
    "words",
    [
        CREATE + 'exec: \\"python3\\": stat python3: no such file or directory: unknown',
        CREATE
        + "error during container init: open /proc/self/attr/apparmor/exec: no such file or directory: unknown",
        CREATE + 'exec: \\"/entry\\": permission denied: unknown',
        "OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:545: "
        "container init caused: rootfs_linux.go:76: mounting tmpfs caused: connection reset by peer: unknown",
        "OCI runtime start failed: starting container: timed out waiting for the sandbox: unknown",
        "failed to start shim: fork/exec /usr/bin/containerd-shim-runc-v2: no such file or directory: unknown",
    ],
)
def test_a_box_that_the_engine_could_not_start_is_no_missing_engine(words):
    said = why(ASKED % words)
    assert said.startswith("The Docker engine says: ")
    assert words[-30:] in said
    assert len(said) < 320


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (ASKED % (CREATE + "write /sys/fs/cgroup/x: no space left on device: unknown"), FULL),
        (
            ASKED
            % "AppArmor enabled on system but the docker-default profile could not be loaded: running "
            "`apparmor_parser` apparmor_parser --version failed with output: error: exec: apparmor_parser: "
            "executable file not found in $PATH",
            NO_APPARMOR,
        ),
        (ASKED % (CREATE + "seccomp: config provided but seccomp not supported: unknown"), NO_SECCOMP),
        (ASKED % "Unknown runtime specified runsc", "This Docker engine does not have the runtime"),
        (ASKED % "unknown or invalid runtime name: runsc", "This Docker engine does not have the runtime"),
        ("('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))", "No Docker engine answers"),
        ("('Connection aborted.', PermissionError(13, 'Permission denied'))", "Docker is running, but this user"),
        ("HTTPConnectionPool: Read timed out.", "The Docker engine accepts calls but does not"),
    ],
)  # fmt: skip
def test_each_trouble_has_its_sentence(words, sentence):
    assert why(words).startswith(sentence)


@pytest.mark.parametrize(
    "problem",
    [
        OSError(28, "No space left on device"),
        "E: Write error - write (28: No space left on device)",
        "Error processing tar file(exit status 1): write /usr/lib/x: no space left on device",
    ],
)
def test_a_disk_that_fills_up_while_images_are_built_is_the_same_sentence(problem):
    assert trouble("Image python could not be built", problem) == FULL
    with pytest.raises(EngineUnavailable) as raised:
        list(_progress("python", iter([{"stream": "Step 1/2 : FROM x\n"}, {"error": str(problem)}])))
    assert raised.value.sentence == FULL


def test_any_other_trouble_with_a_build_keeps_its_words():
    said = trouble("Image python could not be built", "pull access denied, permission denied")
    assert said == "Image python could not be built: pull access denied, permission denied"


class Builder:
    """An engine that has the bases and no image, and whose builds end as `fails` says: {image: the last lines}."""

    def __init__(self, fails):
        self.fails, self.built = fails, []
        self.api = self.images = self

    def get(self, reference):
        if reference != build.OWN_BASE and reference not in self.built:
            raise build.ImageNotFound(reference)
        return self

    def tag(self, *_):
        pass

    def build(self, *, tag, labels, **_):
        name = labels["vibe.image"]
        yield {"stream": "Step 1/2 : FROM x\n"}
        for line in self.fails.get(name, "").splitlines():
            yield {"stream": f"{line}\n"}
        if name in self.fails:
            yield {"error": "The command '/bin/sh' returned a non-zero code: 100"}
        else:
            self.built.append(tag)


def test_images_that_cannot_be_built_are_named_with_their_last_lines_and_the_others_are_built():
    engine = Builder({"browser": "E: Unable to locate package chromium", "node": "x\n" * 40 + "no nodejs here"})
    with pytest.raises(EngineUnavailable) as raised:
        build.build_all(engine, lambda _: None)
    said = raised.value.sentence
    assert said.startswith("Images browser and node could not be built.\n")
    assert "browser: " in said
    assert "E: Unable to locate package chromium" in said
    assert "no nodejs here" in said
    assert said.count("\n") < 20
    assert engine.built == [catalog.tag("python"), catalog.tag("native")]


def test_a_full_disk_ends_the_building_of_images_at_once():
    engine = Builder(dict.fromkeys(catalog.names(), "write: no space left on device"))
    said = []
    with pytest.raises(EngineUnavailable) as raised:
        build.build_all(engine, said.append)
    assert raised.value.sentence == FULL
    assert sum(line.startswith("Building") for line in said) == 1


def test_a_base_that_cannot_be_made_names_the_images_that_are_missing_for_it(monkeypatch):
    def refuse(*_):
        raise EngineUnavailable("debootstrap failed (it needs root)")

    monkeypatch.setattr(build, "_base", refuse)
    with pytest.raises(EngineUnavailable) as raised:
        build.build_all(Builder({}), lambda _: None)
    assert "browser, python, native and node" in raised.value.sentence
    assert "it needs root" in raised.value.sentence


def test_who_has_the_library_alone_is_told_a_command_that_works_with_its_packages():
    """Any other interpreter, the first `python` of the shell as well, may lack them."""
    command = f"{shlex.quote(sys.executable)} -m sandbox images"
    assert not_built(["python"]).endswith(f"run  {command}")
    assert why("ConnectionRefusedError(111, 'Connection refused')").endswith(f"run  {command}")
