"""`schema`: prints the graph's SDL, or checks that the exported file is current."""

import sys
from pathlib import Path

from resolvers.schema import build_schema


def schema(*, check: Path | None) -> int:
    """Print the SDL; with a file to check, compare instead and exit with 1 if it differs."""
    sdl = build_schema().as_str().rstrip() + "\n"
    if check is None:
        sys.stdout.write(sdl)
        return 0
    try:
        exported = check.read_bytes()
    except OSError as error:
        sys.stderr.write(f"{check}: {error.strerror}\n")
        return 1
    if exported == sdl.encode():
        return 0
    sys.stderr.write(f"{check} is not the graph's SDL: run `helpdesk-gateway schema > {check}`.\n")
    return 1
