"""`helpdesk-gateway sandbox fault`: turns the dial of a service that runs, through its control endpoint."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import httpx
import orjson

from gateway.sandbox.dial_json import told, told_briefly, turned
from gateway.sandbox.dial_options import add_options_of_one, read_changes
from gateway.sandbox.dial_values import Changes
from gateway.sandbox.faults import Faults
from gateway.sandbox.world import KINDS

PROGRAM = "helpdesk-gateway sandbox fault"
_TIMEOUT_S = 10.0


class _Unheard(Exception):
    """The service could not be reached, or is another one."""


class _Refused(Exception):
    """The service takes no such dial."""


def run(argv: Sequence[str]) -> int:
    """Change or show a dial, and print what it is then.

    Args:
        argv: What follows the words `sandbox fault` on the command line.

    Returns:
        0 once done, 1 where no such service answers. Bad arguments end in argparse's exit 2.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    changes = read_changes(options)
    if not changes and not options.clear and not options.show:
        parser.error("nothing to do: name a setting, such as --error 503:0.5, or --show or --clear")
    url = options.url or httpx.URL(f"http://127.0.0.1:{options.port}")
    try:
        settings = _turn(url, options.source, changes, clear=options.clear)
    except _Refused as exc:
        parser.error(str(exc))
    except _Unheard as exc:
        sys.stderr.write(f"{PROGRAM}: {exc}\n")
        return 1
    brief = told_briefly(settings)
    sys.stdout.write(f"{options.source}: {orjson.dumps(brief).decode() if brief else 'healthy'}\n")
    return 0


def _turn(url: httpx.URL, kind: str, changes: Changes, *, clear: bool) -> dict[str, Any]:
    """The dial as it is in the end."""
    # A proxy that the environment names has nothing to do with what is on this machine.
    with httpx.Client(trust_env=False, timeout=_TIMEOUT_S) as client:
        found = _ask(client, "GET", url, "service").get("service")
        if found != kind:
            raise _Unheard(f"{url} is {found}, not {kind}")
        if clear:
            try:
                dial = turned(Faults(), changes)
            except ValueError as exc:
                raise _Refused(str(exc)) from None
            return _ask(client, "PUT", url, "faults", told(dial))
        if changes:
            return _ask(client, "PATCH", url, "faults", changes)
        return _ask(client, "GET", url, "faults")


def _ask(
    client: httpx.Client, method: str, url: httpx.URL, what: str, body: Changes | None = None
) -> dict[str, Any]:
    content = None if body is None else orjson.dumps(body)
    try:
        response = client.request(method, url.join(f"/__sandbox__/{what}"), content=content)
    except httpx.HTTPError as exc:
        raise _Unheard(
            f"{url} does not answer ({exc}). Is the sandbox running, and is that the address it printed?"
        ) from None
    try:
        answer = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict) or response.status_code not in {200, 400}:
        raise _Unheard(f"{url} is not a service of the sandbox")
    if response.status_code == 400:
        raise _Refused(str(answer.get("error")))
    return answer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} SOURCE (--url URL | --port PORT) [--show] [--clear] [SETTING ...]",
        description="Turns the fault dial of a service of the sandbox while it runs, and prints what differs "
        "from a healthy one. What isn't named stays as it is.",
        epilog="`helpdesk-gateway sandbox` and `helpdesk-gateway dev` print where their services are. "
        "docs/rehearsing.md shows each fault.",
    )
    parser.add_argument("source", choices=KINDS, metavar="SOURCE", help=", ".join(KINDS))
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", type=_url, help="the service's base URL, as it was printed")
    where.add_argument("--port", type=_port, help="its port on 127.0.0.1")
    parser.add_argument("--show", action="store_true", help="only print the dial")
    parser.add_argument("--clear", action="store_true", help="everything not named here becomes healthy")
    add_options_of_one(parser)
    return parser


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme != "http" or not url.host:
        raise argparse.ArgumentTypeError(f"{text!r} should look like http://127.0.0.1:41234")
    return url


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535)")
    return int(text)
