"""print(1) by us and by other libraries that run programs in Docker, in turns. See README.md beside this."""

import argparse
import asyncio
import io
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import docker

Run = Callable[[], object]


@contextmanager
def ours(_: str) -> Iterator[Run]:
    from sandbox import Source
    from sandbox.pool import Pool

    pool, source = Pool(ready=1), Source("python", ("python3", "main.py"), {"main.py": b"print(1)"})

    def once() -> object:
        assert pool.run(source).stdout == "1\n"
        return pool

    once.between = lambda: pool.wait_ready("python")  # type: ignore[attr-defined]
    yield once
    pool.close()


@contextmanager
def llm_sandbox(image: str) -> Iterator[Run]:
    from llm_sandbox import SandboxSession

    with SandboxSession(lang="python", image=with_command(image), skip_environment_setup=True) as session:

        def once() -> object:
            assert session.run("print(1)").stdout.strip() == "1"
            return session

        yield once


@contextmanager
def autogen(image: str) -> Iterator[Run]:
    from autogen_core import CancellationToken
    from autogen_core.code_executor import CodeBlock
    from autogen_ext.code_executors.docker import DockerCommandLineCodeExecutor

    loop = asyncio.new_event_loop()
    executor = DockerCommandLineCodeExecutor(image=with_command(image), timeout=30)
    loop.run_until_complete(executor.start())

    def once() -> object:
        block = CodeBlock(code="print(1)", language="python")
        got = loop.run_until_complete(executor.execute_code_blocks([block], CancellationToken()))
        assert got.output.strip() == "1", got
        return executor

    yield once
    loop.run_until_complete(executor.stop())


@contextmanager
def smolagents(image: str) -> Iterator[Run]:
    """In our image with the kernel gateway that its own image has, as root."""
    from smolagents.monitoring import AgentLogger
    from smolagents.remote_executors import DockerExecutor

    executor = DockerExecutor([], AgentLogger(), image_name=with_gateway(image), build_new_image=False)

    def once() -> object:
        assert "1" in executor.run_code_raise_errors("print(1)").logs
        return executor

    yield once
    executor.cleanup()


def with_command(image: str) -> str:
    """Our image without its runner: as root, with Python as its command, as these peers expect one."""
    return built("vibe-peer:latest", f'FROM {image}\nUSER root\nCMD ["python3"]\n')


def with_gateway(image: str) -> str:
    """The same with what smolagents' own Dockerfile installs and starts; it takes a minute, once."""
    install = "env PIP_CERT=/etc/ssl/certs/ca-certificates.crt pip install --no-cache-dir jupyter_kernel_gateway jupyter_client ipykernel"
    start = '["jupyter", "kernelgateway", "--KernelGatewayApp.ip=0.0.0.0", "--KernelGatewayApp.port=8888"]'
    env = "ENV HOME=/root MPLCONFIGDIR=/root"
    return built("vibe-peer:gateway", f"FROM {image}\nUSER root\n{env}\nRUN {install}\nCMD {start}\n")


def built(name: str, dockerfile: str) -> str:
    """The image `name` of this Dockerfile; the engine remembers what it built before."""
    docker.from_env().images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=name, rm=True)
    return name


PEERS = {
    "ours, a fresh sealed box": ours,
    "llm-sandbox": llm_sandbox,
    "autogen": autogen,
    "smolagents": smolagents,
}


def seconds(act: Run) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def bare() -> object:
    return subprocess.run([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE, check=True)


def cold(peer: Callable, image: str) -> float:
    began = time.perf_counter()
    with peer(image) as once:
        once()
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--cold", type=int, default=10)
    options = parser.parse_args()
    took, open_ = defaultdict(list), {}
    for name, peer in PEERS.items():
        try:
            entered = peer(options.image)
            once = entered.__enter__()
            once()
            open_[name] = (entered, once)
        except Exception as problem:  # a peer that cannot run here is left out, with the reason
            print(f"{name}: left out: {type(problem).__name__}: {str(problem)[:200]}")
    for _ in range(options.rounds):
        cases = list(open_.items())
        random.shuffle(cases)
        took["bare python3"].append(seconds(bare))
        for name, (_, once) in cases:
            getattr(once, "between", lambda: None)()
            took[f"{name}: warm"].append(seconds(once))
    for entered, _ in open_.values():
        entered.__exit__(None, None, None)
    for _ in range(options.cold):
        for name in random.sample(list(open_), len(open_)):
            took[f"{name}: cold"].append(cold(PEERS[name], options.image))
    base = statistics.median(took["bare python3"])
    print("| case | n | median ms | p95 ms | × bare |\n|---|---|---|---|---|")
    for name, values in sorted(took.items(), key=lambda one: statistics.median(one[1])):
        middle, high = statistics.median(values), sorted(values)[int(0.95 * (len(values) - 1))]
        print(f"| {name} | {len(values)} | {middle * 1000:.1f} | {high * 1000:.1f} | {middle / base:.2f} |")


if __name__ == "__main__":
    main()
