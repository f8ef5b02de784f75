"""Thulium's clock: local minutes without an offset. The zone is not documented, so it is configured."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def parse(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Read `YYYY-MM-DD HH:MM`, with seconds where there are any, as a moment in UTC.

    In the hour that autumn repeats it is the first one; in the hour that spring skips, the clock is
    taken to have been put forward already. What is no date (`0000-00-00 00:00`) is none.
    """
    if text is None:
        return None
    try:
        local = datetime.fromisoformat(text)
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def minutes(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as Thulium takes it; its seconds are cut off."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def since(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as the start of a window that leaves nothing out.

    A minute of the repeated hour may be read as either of its two moments, so the window then starts an
    hour earlier, at a minute that there is only once.
    """
    local = moment.astimezone(zone)
    if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
        local -= timedelta(hours=1)
    return local.strftime("%Y-%m-%d %H:%M")


def is_before(text: str | None, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether a minute as Thulium shows it is certainly over before a moment.

    The moment's own minute is not, and nothing in the hour that autumn repeats.
    """
    shown = parse(text, zone)
    return shown is not None and minutes(shown, zone) < since(moment, zone)
