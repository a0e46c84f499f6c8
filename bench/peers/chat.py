"""One streamed answer through chainlit and through gradio, from the model that `bench.whole` plays. See README.md beside this.

Each serves the smallest chat of its own tutorial, which reads the model with the openai SDK; a client of its own kind
(socket.io, gradio_client) reads it, in this process. Late and CPU mean what they mean in `bench.whole`.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

from bench.process import ROOT, cpu_s
from bench.wire import Seen
from tests.services import free_port

GRADIO = """
import os, sys
import gradio, openai
client = openai.OpenAI(base_url=os.environ["MODEL_URL"], api_key="none")
def chat(message, history):
    text = ""
    for chunk in client.chat.completions.create(model="played", stream=True, messages=[{"role": "user", "content": message}]):
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
            yield text
gradio.ChatInterface(chat).launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
"""
CHAINLIT = """
import os
import chainlit, openai
client = openai.AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="none")
@chainlit.on_message
async def on_message(message):
    answer = chainlit.Message(content="")
    stream = await client.chat.completions.create(model="played", stream=True, messages=[{"role": "user", "content": message.content}])
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            await answer.stream_token(chunk.choices[0].delta.content)
    await answer.update()
"""


def serve(name: str, url: str, folder: Path) -> tuple[subprocess.Popen, int]:
    port = free_port()
    app = folder / f"{name}_app.py"
    app.write_text(GRADIO if name == "gradio" else CHAINLIT)
    command = [sys.executable, str(app), str(port)]
    if name == "chainlit":
        command = [
            sys.executable,
            "-m",
            "chainlit",
            "run",
            str(app),
            "--headless",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
    env = {
        **os.environ,
        "MODEL_URL": url,
        "GRADIO_ANALYTICS_ENABLED": "False",
        "CHAINLIT_APP_ROOT": str(folder),
    }
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            return process, port
        except OSError:
            assert process.poll() is None, (folder / f"{name}.log").read_text()[-3000:]
            time.sleep(0.1)
    raise SystemExit((folder / f"{name}.log").read_text()[-3000:])


def read_gradio(port: int, chunks: int) -> Seen:
    from gradio_client import Client

    seen, known = Seen(), 0
    job = Client(f"http://127.0.0.1:{port}/", verbose=False).submit("hello", api_name="/chat")
    for text in job:
        seen.text(text[known:])
        known = len(text)
    return seen


async def read_chainlit(port: int, chunks: int) -> Seen:
    import socketio

    seen, done, talk = Seen(), asyncio.Event(), socketio.AsyncClient()

    @talk.on("stream_token")
    async def _(data: dict) -> None:
        seen.text(data["token"])
        if seen.lost(chunks) == 0:
            done.set()

    who = {
        "clientType": "webapp",
        "sessionId": str(uuid.uuid4()),
        "threadId": "",
        "userEnv": "{}",
        "chatProfile": "",
    }
    await talk.connect(
        f"http://127.0.0.1:{port}", socketio_path="/ws/socket.io", auth=who, transports=["websocket"]
    )
    await talk.emit("connection_successful")
    await asyncio.sleep(1.0)
    message = {
        "id": str(uuid.uuid4()),
        "name": "user",
        "type": "user_message",
        "output": "hello",
        "createdAt": "",
    }
    await talk.emit("client_message", {"message": message, "fileReferences": []})
    await asyncio.wait_for(done.wait(), 120)
    await talk.disconnect()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=500)
    parser.add_argument("--rate", type=float, default=100.0)
    options = parser.parse_args()
    played = subprocess.Popen(
        [sys.executable, "-m", "bench.played", str(options.rate), str(options.chunks)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert played.stdout
    url = played.stdout.readline().strip()
    folder = Path(tempfile.mkdtemp(prefix="vibe-peers-"))
    print(
        "| read by | chunks | lost | p50 ms | p99 ms | CPU µs a chunk | frames |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    try:
        for name in ("chainlit", "gradio"):
            process, port = serve(name, url, folder)
            try:
                for turn in range(2):  # the first does what is only done once
                    cpu = cpu_s(process.pid)
                    if name == "gradio":
                        seen = read_gradio(port, options.chunks)
                    else:
                        seen = asyncio.run(read_chainlit(port, options.chunks))
                    used, late = cpu_s(process.pid) - cpu, sorted(seen.late)
                    if turn:
                        p50, p99 = late[len(late) // 2] * 1000, late[int(len(late) * 0.99)] * 1000
                        cost = 1e6 * used / options.chunks
                        lost = seen.lost(options.chunks)
                        print(
                            f"| {name} | {options.chunks} | {lost} | {p50:.1f} | {p99:.1f} | {cost:.0f} | {seen.frames} |",
                            flush=True,
                        )
            finally:
                process.terminate()
                process.wait(20)
    finally:
        played.kill()
        played.wait()


if __name__ == "__main__":
    main()
