"""One process that is the whole product: web, live path, worker and sweep. Ctrl-C ends all but the Docker engine."""

import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandParser, call_command
from django.utils.module_loading import import_string

from vibe import allowance, jobs, models_in_use, perform, worker
from vibe.celery import app as celery_app
from vibe.forms import MAX_BODY
from vibe.live import feed
from vibe.management.door import limit_bodies
from vibe.management.private import keep_private

logger = logging.getLogger("vibe.serve")

MAKING_AT_ONCE = 8  # threads mostly wait for a model; boxes queue for the two cores anyway
REAP_EVERY_S = 30


class Command(BaseCommand):
    help = "Serve Vibe on this machine: web and worker in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="Port to listen on (VIBE_PORT, 8000).")
        parser.add_argument(
            "--lan", action="store_true", help="Serve phones at home too: listen on this machine's own address."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._settle_address(options["port"], lan=options["lan"])
        hosts, port = _hosts(lan=settings.CONFIG.lan), settings.CONFIG.port
        for host in hosts:
            if trouble := _cannot_listen(host, port):
                self.stderr.write(trouble)
                raise SystemExit(1)
        keep_private(settings.VAR)
        call_command("migrate", interactive=False, verbosity=0)
        ending = threading.Event()
        making = _start_worker()
        sweeping = threading.Thread(target=_sweep, args=(ending,), name="vibe-sweep", daemon=True)
        sweeping.start()
        self._greet()
        try:
            _serve(hosts, port)
        finally:
            ending.set()
            _end_worker(making)
            sweeping.join(2)
            feed.stop()
            self.stdout.write("Ended. Nothing is left running but the Docker engine.")
            self.stdout.flush()
            logging.shutdown()
            os._exit(0)  # celery's and Twisted's pool threads are not daemons; all that counts is written

    def _settle_address(self, port: int | None, *, lan: bool) -> None:
        """Settings are read from the environment before options are, so start again with what was asked for."""
        env = dict(os.environ)
        if port:
            env["VIBE_PORT"] = str(port)
        if lan and not settings.CONFIG.lan:
            number = env.get("VIBE_PORT", str(settings.CONFIG.port))
            env["VIBE_LAN"] = "1"
            env["VIBE_ORIGIN"] = env["VIBE_CONTENT_ORIGIN"] = f"http://{_own_address()}:{number}"
        if env != dict(os.environ):
            sys.stdout.flush()
            os.execve(sys.executable, [sys.executable, *sys.argv], env)  # noqa: S606

    def _greet(self) -> None:
        out = self.stdout.write
        out(f"\n  Vibe is at {settings.VIBE_ORIGIN}/\n")
        if settings.CONFIG.lan:
            import segno

            segno.make(settings.VIBE_ORIGIN + "/").terminal(out=sys.stdout, compact=True)
            out("  Phones in the same network can open it. Anyone in that network can, too.\n")
        model = models_in_use.current_model()
        out(f"  Model: {model.name} at {model.base_url}" if model else f"  Model: {models_in_use.why_none()}")
        trouble = perform.engine().available()
        out(f"  Sealed boxes: {trouble or 'ready'}")
        if not get_user_model().objects.filter(is_superuser=True).exists():
            out("  Admin: make the first one with  .venv/bin/python manage.py createsuperuser")
        out("  Ctrl-C ends it.\n")
        self.stdout.flush()


def _cannot_listen(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            return f"Port {port} cannot be used ({problem.strerror}). Choose another: VIBE_PORT=8001 make run"
    return ""


def _hosts(*, lan: bool) -> list[str]:
    """What to listen on: this machine alone, or also its one address at home. Never every network it happens to be in."""
    return list(dict.fromkeys([_own_address(), "127.0.0.1"] if lan else ["127.0.0.1"]))


def _own_address() -> str:
    """This machine's address in its network. Nothing is sent: a UDP socket only picks a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _start_worker() -> threading.Thread:
    # WorkController, not Worker: it sets no signal handlers, which only the main thread could.
    controller = celery_app.WorkController(
        pool_cls="threads",
        concurrency=MAKING_AT_ONCE,
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
    )
    thread = threading.Thread(target=controller.start, name="vibe-celery", daemon=True)
    thread.start()
    return thread


def _end_worker(thread: threading.Thread) -> None:
    import celery.worker.state

    worker.leave()
    celery.worker.state.should_stop = 0
    thread.join(1.5)


def _sweep(ending: threading.Event) -> None:
    last_reap = 0.0
    while not ending.wait(1.0):
        try:
            jobs.sweep(wake=max(0, MAKING_AT_ONCE - worker.busy()))
            if time.monotonic() - last_reap > REAP_EVERY_S:
                last_reap = time.monotonic()
                jobs.forget_old_runs()
                allowance.release_stale()
                if not perform.engine().available():
                    perform.engine().reap()
        except Exception:  # a locked database or a restarted engine must not end the sweep
            logger.exception("sweep failed, trying again")


def _serve(hosts: list[str], port: int) -> None:
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server
    from twisted.internet import reactor

    limit_bodies(MAX_BODY)
    server = Server(
        application=import_string(settings.ASGI_APPLICATION),
        endpoints=[e for host in hosts for e in build_endpoint_description_strings(host=host, port=port)],
        signal_handlers=False,
        websocket_timeout=86_400,
        ping_interval=20,
        ping_timeout=30,
        verbosity=0,
    )

    def end(*_: Any) -> None:
        reactor.callFromThread(reactor.stop)  # type: ignore[attr-defined]

    # Twisted leaves SIGINT alone when it is inherited as ignored (a shell's background job), so these are ours.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server.run()
