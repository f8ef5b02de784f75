"""What the command line takes."""

import argparse
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from gateway import __version__
from gateway.domain.ids import ENTRY_ID
from gateway.domain.ledger import WriteState
from gateway.security.keys import KEY_ID

DEFAULT_FILE = Path("helpdesk-gateway.toml")
_CONFIGURED = {
    "serve": "run the gateway over the configured sources",
    "check": "ask each configured source whether it can be used, and say what is wrong",
    "config": "print the effective settings, secrets masked",
    "migrate": "make the ledger's tables, or bring them up to this version",
    "reconcile": "look at the sources for writes in doubt",
    "purge": "let go of what the ledger has kept long enough",
}


def parser(*, file_variable: str) -> argparse.ArgumentParser:
    """The parser of every command but `sandbox`, which has its own."""
    line = argparse.ArgumentParser("helpdesk-gateway", description="Five helpdesk REST APIs, one graph.")
    line.add_argument("--version", action="version", version=f"helpdesk-gateway {__version__}")
    commands = line.add_subparsers(dest="command", required=True, metavar="COMMAND")
    dev = commands.add_parser("dev", help="run the gateway over the sandbox, on this machine only")
    dev.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("PORT") or "8000",
        help="the gateway's port; default: the variable PORT, else 8000; 0 takes a free one",
    )
    dev.add_argument(
        "--no-cache", action="store_true", help="ask the sandbox anew each time, so that changes show at once"
    )
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument(
        "--config",
        type=Path,
        help=f"the TOML file; default: the variable {file_variable}, else {DEFAULT_FILE}",
    )
    for name, text in _CONFIGURED.items():
        command = commands.add_parser(name, help=text, parents=[configured])
        if name == "reconcile":
            command.add_argument(
                "ids",
                nargs="*",
                type=_entry_id,
                metavar="ID",
                help="these now; default: all whose time has come",
            )
    _add_writes(commands.add_parser("writes", help="see and settle what the ledger holds"), configured)
    _add_audit(commands.add_parser("audit", help="read the audit log"), configured)
    _add_keys(commands.add_parser("keys", help="make, see and revoke API keys"), configured)
    _add_documents(
        commands.add_parser("documents", help="put trusted documents into their folder, and check them"),
        configured,
    )
    schema = commands.add_parser("schema", help="print the graph's SDL")
    schema.add_argument(
        "--check",
        nargs="?",
        const=Path("schema.graphql"),
        type=Path,
        metavar="FILE",
        help="compare with a file instead (schema.graphql unless named) and fail if it differs",
    )
    commands.add_parser("sandbox", help="run the five emulated REST APIs alone (see: sandbox --help)")
    return line


def _add_writes(writes: argparse.ArgumentParser, configured: argparse.ArgumentParser) -> None:
    actions = writes.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="print the newest writes", parents=[configured])
    listing.add_argument("--state", type=WriteState, choices=list(WriteState), help="only these")
    listing.add_argument("--source", help="only those to this source")
    listing.add_argument("--operation", help="only those of this mutation, such as reply")
    listing.add_argument("--principal", help="only this caller's")
    listing.add_argument(
        "--since", type=_moment, help="only those since then, such as 2026-01-31T08:00+01:00"
    )
    listing.add_argument("--limit", type=_limit, default=50, help="so many at most (default: %(default)s)")
    show = actions.add_parser("show", help="print all that is known of one write", parents=[configured])
    show.add_argument("id", type=_entry_id, metavar="ID")
    show.add_argument("--body", action="store_true", help="with what was written")
    settle = actions.add_parser(
        "settle", help="record what you found out about a write in doubt", parents=[configured]
    )
    settle.add_argument("id", type=_entry_id, metavar="ID")
    settle.add_argument("verdict", choices=["applied", "not-applied"], help="whether it is at its source")
    settle.add_argument("--reason", default="no reason given", help="for those who read it later")


def _add_keys(keys: argparse.ArgumentParser, configured: argparse.ArgumentParser) -> None:
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key and print it, once", parents=[configured])
    create.add_argument("name", metavar="NAME", help="whose it is; keys of one name are one caller")
    create.add_argument(
        "--scope",
        dest="scopes",
        nargs="+",
        action="extend",
        required=True,
        metavar="SCOPE",
        help="what it may: messages:read, or messages:write@support for one source alone; may be repeated",
    )
    create.add_argument(
        "--write-as",
        action="append",
        default=[],
        metavar="SOURCE:FIELD=TEXT",
        help="who it is at a source, such as support:agent=ola; fields: agent, author_name, author_email",
    )
    ends = create.add_mutually_exclusive_group()
    ends.add_argument(
        "--expires-days", type=_days, default=365, metavar="N", help="when it ends (default: %(default)s)"
    )
    ends.add_argument("--never-expires", action="store_true", help="it ends when it is revoked")
    actions.add_parser("list", help="print all keys, never what is secret of them", parents=[configured])
    revoke = actions.add_parser("revoke", help="make a key worth nothing", parents=[configured])
    revoke.add_argument("id", type=_key_id, metavar="ID")


def _add_audit(audit: argparse.ArgumentParser, configured: argparse.ArgumentParser) -> None:
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser(
        "export", help="print what was done, oldest first, as JSON lines", parents=[configured]
    )
    export.add_argument("--since", type=_moment, help="only since then, such as 2026-01-31T08:00+01:00")
    export.add_argument("--until", type=_moment, help="only before then")
    export.add_argument("--principal", help="only what this principal has done")
    export.add_argument("--source", help="only writes to this source")


def _add_documents(documents: argparse.ArgumentParser, configured: argparse.ArgumentParser) -> None:
    placed = argparse.ArgumentParser(add_help=False, parents=[configured])
    placed.add_argument(
        "--folder", type=Path, help="where they are, without any configuration; default: documents.folder"
    )
    actions = documents.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="put documents into the folder, all or none", parents=[placed])
    add.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a .graphql file, or a .json list of a build tool"
    )
    actions.add_parser("list", help="print ids and operations", parents=[placed])
    actions.add_parser("check", help="fail if a document isn't valid for this version", parents=[placed])


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to 3650")
    return int(text)


def _key_id(text: str) -> str:
    # Whoever gives the whole key by mistake shall not find it in an error message.
    if not re.fullmatch(KEY_ID, text):
        raise argparse.ArgumentTypeError(
            "that is not the id of a key: 12 hexadecimal digits, as `keys list` prints them"
        )
    return text


def _entry_id(text: str) -> str:
    if not re.fullmatch(ENTRY_ID, text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the id of a write: 32 hexadecimal digits, as `writes list` prints them"
        )
    return text


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date or time; write it like 2026-01-31T08:00+01:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
