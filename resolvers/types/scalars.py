"""Scalars of which Strawberry's own form takes too much."""

from datetime import datetime

import strawberry
from strawberry.exceptions import StrawberryInputCoercionError


def _moment(given: object) -> datetime:
    """A moment, as RFC 3339 writes it.

    Without an offset it would be read in the zone of the machine; and near the ends of the calendar
    it could not be written in another zone.
    """
    try:
        moment = datetime.fromisoformat(given if isinstance(given, str) else "")
    except ValueError as error:
        raise _no_moment() from error
    if moment.tzinfo is None or not 1900 <= moment.year <= 9998:
        raise _no_moment()
    return moment


def _no_moment() -> StrawberryInputCoercionError:
    return StrawberryInputCoercionError(
        "A DateTime is a string with an offset, such as 2026-01-31T09:30:00Z, of the years 1900 to 9998."
    )


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="Date with time (isoformat)",
    serialize=datetime.isoformat,
    parse_value=_moment,
)
