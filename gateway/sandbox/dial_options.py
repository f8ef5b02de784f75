"""The command line's options that turn the dials: one for each setting of `Faults`.

At the start they name their source (`--latency thulium=50`), while it runs the command does
(`sandbox fault thulium ... --latency 50`). What they say is a JSON Merge Patch, as the control endpoint
takes it.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.sandbox import dial_values as values
from gateway.sandbox.dial_json import turned
from gateway.sandbox.dial_values import Changes
from gateway.sandbox.faults import Faults, Mishap, RetryAfterForm, Shape
from gateway.sandbox.world import KINDS


@dataclass(frozen=True, slots=True)
class _Option:
    flag: str
    form: str
    example: str
    read: Callable[[str], Changes]
    said: str

    def changes(self, text: str) -> Changes:
        """What the option's value changes."""
        return self._read(text, text, "")

    def changes_of_source(self, text: str) -> tuple[str, Changes]:
        """The same of `SOURCE=VALUE`."""
        kind, _, value = text.partition("=")
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is not a source; there are {', '.join(KINDS)}")
        return kind, self._read(value, text, f"{kind}=")

    def _read(self, value: str, text: str, prefix: str) -> Changes:
        try:
            return self.read(value)
        except values.Unreadable:
            raise argparse.ArgumentTypeError(f"{text!r} should look like {prefix}{self.example}") from None
        except ValueError as exc:
            raise argparse.ArgumentTypeError(str(exc)) from None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add every option that `read_dials` reads."""
    for each in _OPTIONS:
        parser.add_argument(
            each.flag,
            dest="dials",
            type=each.changes_of_source,
            action="append",
            default=[],
            metavar=f"SOURCE={each.form}",
            help=each.said,
        )


def add_options_of_one(parser: argparse.ArgumentParser) -> None:
    """Add every option that `read_changes` reads."""
    for each in _OPTIONS:
        parser.add_argument(
            each.flag,
            dest="changes",
            type=each.changes,
            action="append",
            default=[],
            metavar=each.form,
            help=each.said,
        )


def read_dials(options: argparse.Namespace) -> dict[str, Faults]:
    """Every source's dial; of what was given twice the last counts, and different mishaps add up.

    Raises:
        ValueError: A dial does not go that far.
    """
    dials = {}
    for kind in KINDS:
        try:
            dials[kind] = turned(Faults(), _all([given for of, given in options.dials if of == kind]))
        except ValueError as exc:
            raise ValueError(f"{kind}: {exc}") from None
    return dials


def read_changes(options: argparse.Namespace) -> Changes:
    """What the options change on one dial."""
    return _all(options.changes)


def _all(given: Sequence[Changes]) -> Changes:
    changes: Changes = {}
    for each in given:
        for name, value in each.items():
            adds_up = isinstance(value, dict) and name != "while_down"
            changes[name] = {**changes.get(name, {}), **value} if adds_up else value
    return changes


_NAMES = ", ".join(Mishap)
_OPTIONS = (
    _Option("--latency", "MS", "50", values.number("latency_ms"), "delay every answer"),
    _Option(
        "--latency-sigma",
        "SIGMA",
        "0.5",
        values.number("latency_sigma"),
        "draw the delays from a lognormal distribution around --latency",
    ),
    _Option(
        "--error-rate",
        "SHARE",
        "0.5",
        values.number("error_rate"),
        "answer this share of requests, 0 to 1, with --error-status",
    ),
    _Option("--error-status", "STATUS", "503", values.whole("error_status"), "a 4xx or 5xx (default: 500)"),
    _Option(
        "--error",
        "STATUS:SHARE",
        "503:0.5",
        values.error,
        "answer this share of requests with this status; may be repeated",
    ),
    _Option("--timeout", "on|off", "on", values.switch("timeout"), "let every request hang, undone"),
    _Option("--throttle", "on|off", "on", values.switch("throttle"), "answer every request with 429"),
    _Option(
        "--retry-after",
        "SECONDS|none",
        "5",
        values.whole_or_none("retry_after_s"),
        "send Retry-After with a 429 (default: none)",
    ),
    _Option(
        "--retry-after-share",
        "SHARE",
        "0.5",
        values.number("retry_after_share"),
        "the share of 429s that carry the header (default: 1)",
    ),
    _Option(
        "--retry-after-form",
        "|".join(RetryAfterForm),
        RetryAfterForm.DATE,
        lambda text: {"retry_after_form": text},
        "how the header says it (default: seconds)",
    ),
    _Option(
        "--malformed-json", "on|off", "on", values.switch("malformed_json"), "cut every answer's JSON in half"
    ),
    _Option(
        "--mishap",
        "NAME:SHARE",
        "lost_answer:0.5",
        values.share("mishaps"),
        f"let this befall a share of the writes, 0 to 1; may be repeated; NAME is {_NAMES}",
    ),
    _Option(
        "--only-writes",
        "on|off",
        "off",
        values.switch("only_writes"),
        "off: --mishap befalls reads too, where there is no --read-mishap (default: on)",
    ),
    _Option(
        "--read-mishap",
        "NAME:SHARE",
        "reset_before:0.5",
        values.share("read_mishaps"),
        "let this befall a share of the reads, log-ins included; as --mishap",
    ),
    _Option(
        "--apply-after",
        "SECONDS",
        "0.5",
        values.number("apply_after_s"),
        f"how late a write with the mishap {Mishap.APPLIED_LATE} is carried out (default: 1)",
    ),
    _Option(
        "--slow-bytes-per-s",
        "NUMBER",
        "500",
        values.number("slow_bytes_per_s"),
        f"how fast a {Mishap.SLOW_BODY} comes (default: 1000)",
    ),
    _Option(
        "--slow-pieces",
        "NUMBER|none",
        "3",
        values.whole_or_none("slow_pieces"),
        f"send a {Mishap.SLOW_BODY} in so many pieces instead, with --slow-pause between them",
    ),
    _Option("--slow-pause", "SECONDS", "0.5", values.number("slow_pause_s"), "see there (default: 0.1)"),
    _Option(
        "--shapes",
        "SHAPE,...|any",
        f"{Shape.MISSING_KEY},{Shape.NULL}",
        values.shapes,
        f"what a {Mishap.WRONG_SHAPE} may be: {', '.join(Shape)} (default: any)",
    ),
    _Option(
        "--page-items",
        "NUMBER",
        "3",
        values.whole("page_items"),
        f"how many items a {Mishap.REPEATED_PAGE} repeats and a {Mishap.SHIFTED_PAGE} moves by (default: 1)",
    ),
    _Option("--flap", "UP/DOWN|off", "20/5", values.flap, "up for UP seconds, down for DOWN, and so on"),
    _Option(
        "--while-down",
        "NAME|JSON",
        """'{"error_rate": 1, "error_status": 503}'""",
        values.while_down,
        "what befalls every request while it is down, or the JSON of the dial that counts then "
        f"(default: {Mishap.RESET_BEFORE})",
    ),
)
