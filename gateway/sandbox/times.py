"""The ways in which these vendors write a moment."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

WARSAW = ZoneInfo("Europe/Warsaw")
STOCKHOLM = ZoneInfo("Europe/Stockholm")


def utc_millis(moment: datetime) -> str:
    """`2026-01-20T07:00:00.000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def warsaw_minutes(moment: datetime) -> str:
    """`2026-01-20 08:00`: local, without zone and seconds."""
    return moment.astimezone(WARSAW).strftime("%Y-%m-%d %H:%M")


def offset_millis(moment: datetime) -> str:
    """`2026-01-20T08:00:00.000+01:00`, Swedish time."""
    return moment.astimezone(STOCKHOLM).isoformat(timespec="milliseconds")


def offset_seconds(moment: datetime) -> str:
    """`2026-01-20T08:00:00+01:00`, Swedish time."""
    return moment.astimezone(STOCKHOLM).isoformat(timespec="seconds")


def spaced_offset(moment: datetime) -> str:
    """`2026-01-20 08:00:00 +0100`, Swedish time."""
    return moment.astimezone(STOCKHOLM).strftime("%Y-%m-%d %H:%M:%S %z")


def utc_seconds(moment: datetime) -> str:
    """`2026-01-20T07:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
