"""Engines that are not the machine's own: a private dockerd by socket, by TCP with certificates, and behind an sshd.

All of it lies in one throwaway folder. The private engine touches nothing of the main one: it has its own data, runtime
state, containerd and sockets, and a network namespace of its own. That last is needed: a dockerd that is told to make no
bridge removes the one called docker0, whose ever it is (moby, daemon_unix.go, removeDefaultBridgeInterface).
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from sandbox import catalog
from tests.services import free_port

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def lacking(*commands: str) -> str:
    """Why these tests cannot run on this machine, or nothing."""
    if os.getuid():
        return "only root can start an engine of its own"
    missing = [one for one in commands if not shutil.which(one) and not Path(one).exists()]
    return f"not installed: {', '.join(missing)} (setup/services.sh)" if missing else ""


def quiet(*command: str | Path, **more: object) -> None:
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"


class Certificates:
    """An authority of its own, a server at 127.0.0.1 and a client that it vouches for: ca.pem, cert.pem, key.pem."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, folder / "server"
        self.server.mkdir(parents=True)
        quiet(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", folder / "ca-key.pem", "-out", folder / "ca.pem", "-subj", "/CN=an authority of a test",
        )  # fmt: skip
        self._signed(self.server, "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        self._signed(folder, "extendedKeyUsage=clientAuth\n")

    def _signed(self, to: Path, extensions: str) -> None:
        (to / "extensions").write_text(extensions)
        quiet(
            "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", to / "key.pem",
            "-out", to / "request.pem", "-subj", "/CN=127.0.0.1",
        )  # fmt: skip
        quiet(
            "openssl", "x509", "-req", "-in", to / "request.pem", "-CA", self.folder / "ca.pem", "-CAkey",
            self.folder / "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", to / "extensions",
            "-out", to / "cert.pem",
        )  # fmt: skip


class PrivateEngine:
    """A second dockerd: `socket` and `tcp` are its DOCKER_HOSTs, the latter with `certificates`. Holds one image."""

    def __init__(self, image: str) -> None:
        self.folder = Path(
            tempfile.mkdtemp(prefix="vibe-private-")
        )  # short: a socket's path has 107 characters
        self.certificates = Certificates(self.folder / "certs")
        self.path = self.folder / "docker.sock"
        self.socket = f"unix://{self.path}"
        # Every box of ours is without a network, so gVisor needs no stack; its own limits come from the cgroup.
        runtimes = {"runsc": {"path": shutil.which("runsc"), "runtimeArgs": ["--network=none"]}}
        settings = {"runtimes": runtimes if shutil.which("runsc") else {}}
        (self.folder / "daemon.json").write_text(json.dumps(settings))
        server = self.certificates.server
        dockerd = [
            "dockerd", "--config-file", self.folder / "daemon.json", "--data-root", self.folder / "data",
            "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
            "--shutdown-timeout=1", "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false",
            "-H", self.socket, "-H", "fd://", "--tlsverify", "--tlscacert", self.certificates.folder / "ca.pem",
            "--tlscert", server / "cert.pem", "--tlskey", server / "key.pem",
        ]  # fmt: skip
        # The port is opened here, where we are, and handed over as a service manager would (sd_listen_fds(3)).
        with socket.create_server(("127.0.0.1", 0)) as port, (self.folder / "log").open("wb") as log:
            self.tcp = f"tcp://127.0.0.1:{port.getsockname()[1]}"
            begin = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&0 0</dev/null'
            self._process = subprocess.Popen(
                ["unshare", "--net", "sh", "-c", begin, "sh", *map(str, dockerd)],
                stdin=port, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait()
            # The smallest image that has a runner: the engine that built it hands it over.
            quiet("sh", "-c", f"docker save {catalog.tag(image)} | docker -H {self.socket} load")
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        until = time.monotonic() + 60
        asked = ["docker", "-H", self.socket, "version"]
        while subprocess.run(asked, capture_output=True, check=False).returncode:
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


class SshServer:
    """An sshd on a high port that lets in one key, and an `ssh` in `folder` that has this key as a person's would.

    That `ssh` is the real one with a configuration of its own: what lies in the home of who runs the tests is not asked.
    """

    def __init__(self) -> None:
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="vibe-sshd-")), free_port()
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it
        for name in ("host", "person", "stranger"):
            quiet("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name)
        shutil.copy(self.folder / "person.pub", self.folder / "allowed")
        (self.folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/allowed\n"
            "StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nUsePAM no\nPidFile none\n"
        )
        host = (self.folder / "host.pub").read_text()
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {host}")
        self.carry("person")
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")], stdout=log, stderr=log
            )
        until = time.monotonic() + 20
        while "listening" not in (self.folder / "log").read_text():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def carry(self, key: str) -> None:
        """The `ssh` of this folder has this key from now on."""
        command = self.folder / "ssh"
        (self.folder / "ssh_config").write_text(
            f"Host *\n  IdentityFile {self.folder}/{key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {self.folder}/known\n"
        )
        command.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self.folder}/ssh_config "$@"\n')
        command.chmod(0o755)

    def host(self, socket: Path) -> str:
        """The DOCKER_HOST of an engine with this socket, behind this server."""
        return f"ssh://root@127.0.0.1:{self.port}{socket}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
