"""The files of the stack: the compose tool that is here reads them, and no service is looser than the others."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy import keeping, secret_files
from deploy.stack import Stack, Trouble
from tests.journeys.served import ROOT
from vibe.perform.performer import SIDE_BY_SIDE

FILES = (("compose.yaml",), ("compose.yaml", "compose.debian.yaml"))
ONCE = {"migrate"}


OLD = shutil.which("docker-compose")  # Debian's 1.29 knows no JSON, but comes with a Python that knows YAML
AS_JSON = (
    "config | /usr/bin/python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))'"
    if OLD
    else "config --format json"
)


def tool() -> str:
    return OLD or "docker compose"


@pytest.fixture(scope="module", params=FILES, ids=["public", "debian"])
def read(request, tmp_path_factory):
    """What the compose tool makes of the files, with nothing set."""
    folder = tmp_path_factory.mktemp("stack")
    (folder / ".env").touch()
    files = [word for name in request.param for word in ("-f", str(ROOT / name))]
    env = {k: v for k, v in os.environ.items() if not k.startswith("VIBE_")}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", " ".join([tool(), "-p contract --env-file", str(folder / ".env"), *files, AS_JSON])], capture_output=True, text=True,
        check=False, cwd=ROOT, env={**env, "VIBE_ENV": str(folder / ".env"), "VIBE_SECRETS": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_service_is_checked_limited_and_nobody(read):
    assert len(read["services"]) == 7
    for name, service in read["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["user"] not in {"", "root", "0", "0:0"}, name
        for limit in ("mem_limit", "cpus", "pids_limit"):
            assert service[limit], f"{name}: {limit}"
        assert service["restart"] == ("no" if name in ONCE else "unless-stopped"), name
        assert name in ONCE or "test" in service["healthcheck"], name
        assert service["logging"]["options"]["max-size"], name
        assert "privileged" not in service, name


def test_no_secret_stands_in_an_environment(read):
    for name, service in read["services"].items():
        for setting, value in (service.get("environment") or {}).items():
            if re.search("KEY|PASSWORD|SECRET|TOKEN", setting):
                assert setting.endswith("_FILE"), f"{name}: {setting}"
                assert str(value).startswith("/run/secrets/"), f"{name}: {setting}"
    for secret in read["secrets"].values():
        assert set(secret) <= {"file", "name"}


def test_only_the_gate_is_given_the_engine_and_only_the_proxy_has_ports(read):
    for name, service in read["services"].items():
        mounts = json.dumps(service.get("volumes", []))
        assert ("docker.sock" in mounts) is (name == "gate"), name
        assert ("/run/gate" in mounts) is (name in {"gate", "worker"}), name
        assert bool(service.get("ports")) is (name == "proxy"), name
        assert ("openai_api_key" in json.dumps(service.get("secrets", []))) is (name == "worker"), name
    assert read["services"]["gate"]["network_mode"] == "none"
    assert read["networks"]["back"]["internal"] is True
    assert "127.0.0.1" in json.dumps(read["services"]["proxy"]["ports"])


def test_what_the_old_compose_refuses_is_not_in_the_files():
    for name in ("compose.yaml", "compose.debian.yaml"):
        text = (ROOT / name).read_text()
        assert not re.search(r"^name:", text, re.MULTILINE)
        assert "start_interval" not in text


def test_every_word_of_dot_env_is_in_the_operators_manual():
    manual = (ROOT / "docs" / "operating.md").read_text()
    text = "".join(
        (ROOT / name).read_text() for name in ("compose.yaml", "compose.debian.yaml", "deploy/stack.py")
    )
    names = set(re.findall(r"\$\{([A-Z_]+)", text)) | set(re.findall(r'setting\("([A-Z_]+)"', text))
    names -= {"VIBE_ENV", "VIBE_SECRETS"}  # where the stack's own folder is: `python -m deploy` sets them
    assert len(names) > 10
    assert not [name for name in sorted(names) if f"`{name}`" not in manual]


# --- the commands, without a stack ------------------------------------------------------------------------------


@pytest.fixture
def stack(tmp_path) -> Stack:
    return Stack(tmp_path / "stack", "contract")


def test_secrets_are_made_once_and_for_the_owner_alone(stack):
    stack.prepare()
    first = {path.name: path.read_bytes() for path in stack.secrets.iterdir() if path.is_file()}
    stack.prepare()
    assert {path.name: path.read_bytes() for path in stack.secrets.iterdir() if path.is_file()} == first
    assert stack.secrets.stat().st_mode & 0o777 == 0o700
    assert len({first["secret_key"], first["postgres_password"], first["redis_password"]}) == 3
    assert (stack.secrets / "own-authority.key").stat().st_mode & 0o777 == 0o400
    assert {path.name for path in (stack.secrets / "tls").iterdir()} == {"app.crt", "app.key", "authority.crt"}


def test_a_certificate_of_the_operators_own_is_left_alone(stack):
    secret_files.make(stack.secrets)
    (stack.secrets / "tls").mkdir()
    (stack.secrets / "tls" / "app.crt").write_text("theirs")
    stack.prepare()
    assert (stack.secrets / "tls" / "app.crt").read_text() == "theirs"


def test_our_certificate_follows_the_names(stack):
    stack.prepare()
    before = (stack.secrets / "tls" / "app.crt").read_bytes()
    stack.set("VIBE_SITE", "vibe.example")
    stack.prepare()
    assert (stack.secrets / "tls" / "app.crt").read_bytes() != before


@pytest.mark.parametrize("line", ["OPENAI_API_KEY=sk-1", "SECRET_KEY=a", "DATABASE_PASSWORD=b"])
def test_a_secret_in_dot_env_is_refused(stack, line):
    stack.folder.mkdir()
    stack.env_file.write_text(line + "\n")
    with pytest.raises(Trouble, match="does not belong into"):
        stack.prepare()


def test_a_key_without_its_model_is_refused(stack):
    stack.prepare()
    secret_files.write(stack.secrets / "openai_api_key", "sk-0123456789")
    with pytest.raises(Trouble, match="name its address and model"):
        stack.prepare()
    stack.set("OPENAI_BASE_URL", "https://api.openai.com/v1")
    stack.set("VIBE_MODEL", "a-model")
    stack.prepare()


def test_a_certificate_that_the_proxy_cannot_read_is_told_before_anything_starts(stack):
    stack.prepare()
    key = stack.secrets / "tls" / "app.key"
    key.chmod(0o600)
    with pytest.raises(Trouble, match="chmod 644"):
        stack.prepare()
    key.chmod(0o644)
    stack.prepare()


def test_a_backup_that_is_not_whole_is_refused(tmp_path, stack):
    for made in (
        {},
        {"about.json": "{"},
        {"about.json": json.dumps({"sha256": {"files.tar": "0"}}), "files.tar": "x"},
    ):
        source = Path(str(tmp_path / f"b{len(made)}"))
        source.mkdir(exist_ok=True)
        for name, text in made.items():
            (source / name).write_text(text)
        with pytest.raises(Trouble):
            keeping.restore(stack, source)
        assert not stack.secrets.exists(), "nothing is changed before it is known to be whole"


def test_no_authority_of_a_machine_is_handed_on():
    """Whatever lies in deploy/certs is believed by every image: what `make up` copies there stays on its machine."""
    tracked = subprocess.run(
        ["git", "ls-files", "deploy/certs", "*.crt", "*.key", "*.pem"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout.split()  # fmt: skip
    assert tracked == ["deploy/certs/.keep"]


def test_the_database_has_a_connection_for_everybody_who_may_need_one(read):
    postgres, worker = read["services"]["postgres"], read["services"]["worker"]
    most = int(dict(word.split("=") for word in postgres["command"] if "=" in word)["max_connections"])
    hands = int(worker["command"][worker["command"].index("--at-once") + 1])
    assert most >= 2 * (hands * (1 + SIDE_BY_SIDE) + 5) + 100, "two workers, and a hundred pages at once"
    assert int(postgres["pids_limit"]) > most + 20, "each is a process"
