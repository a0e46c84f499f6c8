"""What an engine's trouble is called, by its words."""

import pytest

from sandbox.build import _progress, trouble
from sandbox.complaints import FULL, NO_SECCOMP, why
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
        list(_progress(iter([{"stream": "Step 1/2 : FROM x\n"}, {"error": str(problem)}])))
    assert raised.value.sentence == FULL


def test_any_other_trouble_with_a_build_keeps_its_words():
    said = trouble("Image python could not be built", "pull access denied, permission denied")
    assert said == "Image python could not be built: pull access denied, permission denied"
