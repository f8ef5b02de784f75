"""The command line's options that turn the dials: `--latency SOURCE=MS` and the like."""

import argparse
from collections.abc import Callable
from typing import Any

from gateway.sandbox.faults import Faults, Mishap
from gateway.sandbox.world import KINDS

# One turn of a dial: the source, the dial's field, and its value.
_Turn = tuple[str, str, float | dict[str, float]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add every option that `read_dials` reads."""
    for flag, metavar, read, said in (
        ("--latency", "SOURCE=MS", _number_of("latency_ms"), "delay every answer"),
        (
            "--error-rate",
            "SOURCE=SHARE",
            _number_of("error_rate"),
            "answer this share of requests, 0 to 1, with 500",
        ),
        (
            "--mishap",
            "SOURCE=NAME:SHARE",
            _mishap,
            f"let this befall a share of the writes, 0 to 1; may be repeated; NAME is {', '.join(Mishap)}",
        ),
        (
            "--apply-after",
            "SOURCE=SECONDS",
            _number_of("apply_after_s"),
            f"how late a write with the mishap {Mishap.APPLIED_LATE} is carried out (default: 1)",
        ),
    ):
        parser.add_argument(
            flag, dest="dials", type=read, action="append", default=[], metavar=metavar, help=said
        )


def read_dials(options: argparse.Namespace) -> dict[str, Faults]:
    """Every source's dial; of what was given twice the last counts, and different mishaps add up.

    Raises:
        ValueError: A dial does not go that far.
    """
    wanted: dict[str, dict[str, Any]] = {kind: {"mishaps": {}} for kind in KINDS}
    for kind, field, value in options.dials:
        if isinstance(value, dict):
            wanted[kind][field] |= value
        else:
            wanted[kind][field] = value
    dials = {}
    for kind, fields in wanted.items():
        try:
            dials[kind] = Faults(**fields)
        except ValueError as exc:
            raise ValueError(f"{kind}: {exc}") from None
    return dials


def _number_of(field: str) -> Callable[[str], _Turn]:
    """Read `source=number`; the dial itself says which numbers it takes."""

    def read(text: str) -> _Turn:
        kind, number = _source_and_rest(text)
        return kind, field, _number(number, text, like=f"{kind}=0.5")

    return read


def _mishap(text: str) -> _Turn:
    kind, rest = _source_and_rest(text)
    name, _, share = rest.partition(":")
    return kind, "mishaps", {name: _number(share, text, like=f"{kind}={Mishap.LOST_ANSWER}:0.5")}


def _source_and_rest(text: str) -> tuple[str, str]:
    kind, _, rest = text.partition("=")
    if kind not in KINDS:
        raise argparse.ArgumentTypeError(f"{kind!r} is not a source; there are {', '.join(KINDS)}")
    return kind, rest


def _number(number: str, text: str, *, like: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} should look like {like}") from None
