"""`helpdesk-gateway sandbox`: the emulated services on loopback until Ctrl-C; and `sandbox fault`."""

import argparse
import asyncio
import ipaddress
import signal
import sys
from collections.abc import Sequence
from typing import Any

import orjson

from gateway.sandbox import KINDS, Running, Sandbox, fault_command
from gateway.sandbox.dial_options import add_options, read_dials


def run(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        argv: What follows the word `sandbox` on the command line.

    Returns:
        0 after a clean stop, 1 where a port could not be taken. Bad arguments end in argparse's exit 2.
    """
    if argv[:1] == ["fault"]:
        return fault_command.run(argv[1:])
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        dials = read_dials(options)
    except ValueError as exc:
        parser.error(str(exc))
    ports = {kind: getattr(options, f"port_{kind}") for kind in KINDS}
    try:
        asyncio.run(_serve(Sandbox(faults=dials), host=options.host, ports=ports, as_json=options.json))
    except OSError as exc:
        print(f"helpdesk-gateway sandbox: cannot listen: {exc}", file=sys.stderr)  # noqa: T201 - a command's voice
        return 1
    return 0


async def _serve(sandbox: Sandbox, *, host: str, ports: dict[str, int], as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with sandbox.serve(host, ports) as running:
        text = orjson.dumps(running.describe()).decode() if as_json else _for_people(running)
        print(text, flush=True)  # noqa: T201 - whoever started it reads this line
        await stop.wait()


def _for_people(running: Running) -> str:
    lines = ["The sandbox is up: invented data, in memory. Ctrl-C stops it."]
    description: dict[str, Any] = running.describe()
    for kind, source in description["sources"].items():
        lines += ["", f"{kind}  {source['baseUrl']}", f"  docs: {source['docs']}"]
        lines += [f"  {name}: {value}" for name, value in source["credentials"].items()]
        lines += [f"  to let it fail: {running.fault_line(kind)} --error 503:0.5"]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="helpdesk-gateway sandbox",
        description="Emulates the REST APIs of the five sources, in memory, over invented data.",
        epilog="While it runs, `helpdesk-gateway sandbox fault SOURCE` turns a service's dial.",
    )
    parser.add_argument(
        "--json", action="store_true", help="print base URLs and credentials as one line of JSON"
    )
    parser.add_argument(
        "--host", type=_loopback, default="127.0.0.1", help="a loopback address (default: %(default)s)"
    )
    for kind in KINDS:
        parser.add_argument(
            f"--port-{kind.replace('_', '-')}",
            dest=f"port_{kind}",
            type=_port,
            default=0,
            metavar="PORT",
            help=f"port of {kind} (default: a free one)",
        )
    add_options(parser)
    return parser


def _loopback(text: str) -> str:
    try:
        inside = text == "localhost" or ipaddress.ip_address(text).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a loopback address: the credentials are public, so it stays on this machine"
        )
    return text


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
