"""The command line: `helpdesk-gateway`, also `python -m gateway`."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import __version__, config
from gateway.domain.errors import ConfigError
from gateway.observability.logs import configure_logs

_DEFAULT_FILE = Path("helpdesk-gateway.toml")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code is 2 for a configuration that can't be used."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["sandbox"]:
        from gateway.sandbox.command import run  # noqa: PLC0415 - production doesn't load the sandbox

        return run(arguments[1:])
    options = _parser().parse_args(arguments)
    configure_logs()
    try:
        return _run(options, os.environ)
    except ConfigError as error:
        sys.stderr.write("The configuration can't be used:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        return 2


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    # Each command loads what it needs and no more: `schema` needs no server, `serve` no sandbox.
    match options.command:
        case "schema":
            from gateway.commands.schema import schema  # noqa: PLC0415

            return schema(check=options.check)
        case "dev":
            from gateway.commands.dev import dev  # noqa: PLC0415

            return dev(port=options.port)
        case "serve":
            from gateway.commands.serve import serve  # noqa: PLC0415

            return serve(config.load(_config_file(options, environ), environ))
        case _:
            from gateway.commands.check import check  # noqa: PLC0415

            return check(config.load(_config_file(options, environ), environ))


def _config_file(options: argparse.Namespace, environ: Mapping[str, str]) -> Path | None:
    named: Path | None = options.config
    if named is None and environ.get(config.FILE_VARIABLE):
        named = Path(environ[config.FILE_VARIABLE])
    if named is None and _DEFAULT_FILE.exists():
        named = _DEFAULT_FILE
    return named


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("helpdesk-gateway", description="Five helpdesk REST APIs, one graph.")
    parser.add_argument("--version", action="version", version=f"helpdesk-gateway {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    dev = commands.add_parser("dev", help="run the gateway over the sandbox, on this machine only")
    dev.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("PORT") or "8000",
        help="the gateway's port; default: the variable PORT, else 8000; 0 takes a free one",
    )
    for name, text in (
        ("serve", "run the gateway over the configured sources"),
        ("check", "ask each configured source whether it can be used, and say what is wrong"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--config",
            type=Path,
            help=f"the TOML file; default: the variable {config.FILE_VARIABLE}, else {_DEFAULT_FILE}",
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
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
