"""python -m deploy up|down|scale|backup|restore|upgrade|reload|manage: the stack of compose.yaml (docs/operating.md)."""

import argparse
import sys
from pathlib import Path

from deploy import keeping
from deploy.stack import ROOT, Stack, Trouble
from sandbox.errors import SandboxError


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stack = Stack(options.folder, options.project)
    try:
        _do(stack, options)
    except Trouble as problem:
        print(problem, file=sys.stderr)
        return 1
    except SandboxError as problem:
        print(problem.sentence, file=sys.stderr)
        return 1
    return 0


def _do(stack: Stack, options: argparse.Namespace) -> None:
    match options.command:
        case "up":
            stack.up()
            print(f"Vibe is at https://{stack.site}/")
        case "down":
            stack.down(volumes=options.volumes)
        case "scale":
            stack.scale(options.service, options.count)
        case "backup":
            print(keeping.backup(stack, options.to, with_secrets=options.with_secrets))
        case "restore":
            keeping.restore(stack, options.source, other_key=options.other_key)
            print(f"Vibe is at https://{stack.site}/")
        case "upgrade":
            stack.prepare()
            stack.build()  # while the old one goes on; a backup is made with it, too
            print(f"Kept: {keeping.backup(stack)}")
            stack.up()
            print(f"Vibe is at https://{stack.site}/")
        case "reload":
            stack.prepare()
            stack.compose("exec", "-T", "proxy", "sh", "/opt/proxy/start.sh", "reload")
        case "manage":
            plain = [] if sys.stdin.isatty() else ["-T"]
            stack.compose("exec", *plain, options.service, "python3", "manage.py", *options.words)
        case "compose":
            stack.compose(*options.words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy", description="The stack of compose.yaml.")
    parser.add_argument(
        "--folder", type=Path, default=ROOT, help="where its .env, secrets and backups are (the checkout)"
    )
    parser.add_argument("--project", default="vibe", help="the name before its containers and volumes (vibe)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="make what is missing, build, start, and wait for the first page")
    down = commands.add_parser("down", help="stop everything; programs and cards stay")
    down.add_argument("--volumes", action="store_true", help="and delete them: the database and all files")
    scale = commands.add_parser("scale", help="so many workers or pages from now on")
    scale.add_argument("service", choices=["worker", "web"])
    scale.add_argument("count", type=int, choices=range(1, 65), metavar="N")
    backup = commands.add_parser("backup", help="database and files into a folder, while everything goes on")
    backup.add_argument("to", type=Path, nargs="?", help="a folder that is not there yet (backups/<time>)")
    backup.add_argument(
        "--with-secrets", action="store_true", help="and the secret key, the model key, the certificate"
    )
    restore = commands.add_parser("restore", help="a backup into an empty stack, and start it")
    restore.add_argument("source", type=Path, help="the folder of the backup")
    restore.add_argument("--other-key", action="store_true", help="although the secret key is another one")
    commands.add_parser("upgrade", help="back up, build what changed, migrate, start anew")
    commands.add_parser("reload", help="let the proxy take the certificate that lies there now")
    manage = commands.add_parser("manage", help="manage.py inside: web createsuperuser, worker doctor")
    manage.add_argument("service", choices=["worker", "web"])
    manage.add_argument("words", nargs=argparse.REMAINDER)
    compose = commands.add_parser("compose", help="anything else that compose can do: ps, logs -f")
    compose.add_argument("words", nargs=argparse.REMAINDER)
    return parser


if __name__ == "__main__":
    sys.exit(main())
