"""The command line: `helpdesk-gateway`, also `python -m gateway`."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import config
from gateway.commands.options import DEFAULT_FILE, parser
from gateway.domain.audit import AuditFilter
from gateway.domain.errors import ConfigError
from gateway.domain.ledger import EntryFilter, LedgerUnavailable
from gateway.observability.logs import configure_logs, log_crashes
from gateway.observability.redaction import Redactor, secrets_of
from gateway.security.secret_files import warn_of_open_files


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code is 2 for a configuration that can't be used, 1 for a ledger that can't."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["sandbox"]:
        from gateway.sandbox.command import run  # noqa: PLC0415 - production doesn't load the sandbox

        return run(arguments[1:])
    options = parser(file_variable=config.FILE_VARIABLE).parse_args(arguments)
    configure_logs(readable=options.command == "dev" and sys.stderr.isatty())
    if argv is None:
        log_crashes()
    try:
        code = _run(options, os.environ)
        sys.stdout.flush()
    except ConfigError as error:
        sys.stderr.write("The configuration can't be used:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        return 2
    except BrokenPipeError:
        # Whoever reads has enough (`audit export | head`). What is left in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except LedgerUnavailable as error:
        sys.stderr.write(f"The ledger can't be reached: {error.detail}. Check ledger.url and its database.\n")
        return 1
    else:
        return code


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    # Each command loads what it needs and no more: `schema` needs no server, `serve` no sandbox.
    match options.command:
        case "schema":
            from gateway.commands.schema import schema  # noqa: PLC0415

            return schema(check=options.check)
        case "dev":
            from gateway.commands.dev import dev  # noqa: PLC0415

            return dev(port=options.port, with_cache=not options.no_cache)
        case "documents":
            return _documents(options, environ)
        case _:
            return _run_configured(options, config.load(_config_file(options, environ), environ))


def _run_configured(options: argparse.Namespace, settings: config.Settings) -> int:
    configure_logs(Redactor(secrets_of(settings)))
    match options.command:
        case "serve":
            from gateway.commands.serve import serve  # noqa: PLC0415

            warn_of_open_files(settings.secret_files.values())
            return serve(settings)
        case "config":
            from gateway.commands.config import show  # noqa: PLC0415

            return show(settings, settings.secret_files)
        case "check":
            from gateway.commands.check import check  # noqa: PLC0415

            return check(settings)
        case "migrate":
            from gateway.commands.migrate import migrate  # noqa: PLC0415

            return migrate(settings)
        case "reconcile":
            from gateway.commands.reconcile import reconcile  # noqa: PLC0415

            return reconcile(settings, options.ids)
        case "purge":
            from gateway.commands.purge import purge  # noqa: PLC0415

            return purge(settings)
        case "audit":
            from gateway.commands.audit import export  # noqa: PLC0415

            wanted = AuditFilter(
                principal=options.principal,
                source=options.source,
                since=options.since,
                until=options.until,
            )
            return export(settings, wanted)
        case "keys":
            return _keys(options, settings)
        case _:
            return _writes(options, settings)


def _keys(options: argparse.Namespace, settings: config.Settings) -> int:
    from gateway.commands import keys  # noqa: PLC0415

    match options.action:
        case "create":
            return keys.create_key(
                settings,
                options.name,
                scopes=options.scopes,
                write_as=options.write_as,
                expires_days=None if options.never_expires else options.expires_days,
            )
        case "list":
            return keys.list_keys(settings)
        case _:
            return keys.revoke_key(settings, options.id)


def _writes(options: argparse.Namespace, settings: config.Settings) -> int:
    from gateway.commands import writes  # noqa: PLC0415

    match options.action:
        case "list":
            wanted = EntryFilter(
                principal=options.principal,
                state=options.state,
                source=options.source,
                operation=options.operation,
                since=options.since,
            )
            return writes.list_writes(settings, wanted, limit=options.limit)
        case "show":
            return writes.show_write(settings, options.id, body=options.body)
        case _:
            applied = options.verdict == "applied"
            return writes.settle_write(settings, options.id, applied=applied, reason=options.reason)


def _documents(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from gateway.commands import documents  # noqa: PLC0415

    folder, limits = options.folder, documents.DEFAULTS
    if folder is None or options.config is not None:
        settings = config.load(_config_file(options, environ), environ)
        folder, limits = folder or settings.documents.folder, settings.limits
    if folder is None:
        raise ConfigError(["documents.folder: is missing; or name a folder by --folder"])
    match options.action:
        case "add":
            return documents.add_documents(folder, options.files, limits)
        case "list":
            return documents.list_documents(folder, limits)
        case _:
            return documents.check_documents(folder, limits)


def _config_file(options: argparse.Namespace, environ: Mapping[str, str]) -> Path | None:
    named: Path | None = options.config
    if named is None and environ.get(config.FILE_VARIABLE):
        named = Path(environ[config.FILE_VARIABLE])
    if named is None and DEFAULT_FILE.exists():
        named = DEFAULT_FILE
    return named


if __name__ == "__main__":
    sys.exit(main())
