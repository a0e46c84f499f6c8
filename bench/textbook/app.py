"""Live output as the tutorials of Channels do it: a group a job, `async_to_sync(group_send)` a chunk. Nothing is stored.

    python bench/textbook/app.py web|work|all PORT     (REDIS_URL set: channels_redis; else the in-memory layer)

Obeys the lines of JSON that bench/live_parts.py obeys, so that `bench.live` measures both alike.
"""

import json
import os
import sys
import threading
import time

import django
from django.conf import settings

REDIS = os.environ.get("REDIS_URL", "")
LAYER = (
    {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS]}}
    if REDIS
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
)
settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={"default": LAYER},
    ROOT_URLCONF=None,
)
django.setup()

from asgiref.sync import async_to_sync  # noqa: E402
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class JobConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.group = f"job-{self.scope['url_route']['kwargs']['job_id']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        pass

    async def job_event(self, message: dict) -> None:
        await self.send(text_data=json.dumps(message["event"]))


application = ProtocolTypeRouter(
    {"websocket": URLRouter([path("live/jobs/<int:job_id>/", JobConsumer.as_asgi())])}
)


def mark(number: int) -> str:
    return f"[{number}@{time.monotonic_ns()}] "


def say(jobs: list[int], chunks: int, rate: float) -> None:
    send = async_to_sync(get_channel_layer().group_send)
    begin = time.monotonic() + 0.5

    def one(job: int, place: int) -> None:
        for number in range(chunks):
            pause = begin + place / len(jobs) / rate + number / rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            event = {"job": job, "type": "file-text", "path": "main.py", "text": mark(number)}
            send(f"job-{job}", {"type": "job.event", "event": event})

    threads = [threading.Thread(target=one, args=(job, at)) for at, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"took": time.monotonic() - begin}), flush=True)


def obey() -> None:
    for line in sys.stdin:
        what = json.loads(line)
        if "seed" in what:
            print(json.dumps({"jobs": list(range(1, what["seed"] + 1)), "session": "none"}), flush=True)
        elif "say" in what:
            say(what["say"], what["chunks"], what["rate"])


def main(role: str, port: int) -> None:
    if role == "work":
        print('"ready"', flush=True)
        obey()
        return
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server

    if role == "all":
        threading.Thread(target=obey, daemon=True).start()
    print('"ready"', flush=True)
    endpoints = build_endpoint_description_strings(host="127.0.0.1", port=port)
    Server(application=application, endpoints=endpoints, signal_handlers=False, verbosity=0).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
