"""What Thulium accepts, and its errors in two languages.

One answer lists every problem found (https://api.thulium.com/docs/api/error_handling). Neither the codes
nor the wording are published: the numbers and texts here are the sandbox's own.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from gateway.sandbox.times import WARSAW

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of `errors`."""

    code: int
    english: str
    polish: str

    def about(self, field: str) -> "Problem":
        """The same problem, naming a field or value."""
        return Problem(self.code, self.english.format(field), self.polish.format(field))


UNAUTHORIZED = Problem(410001, "Invalid API user or password.", "Nieprawidłowy użytkownik API lub hasło.")
FORBIDDEN = Problem(
    410002, "The API user has no right to this resource.", "Użytkownik API nie ma dostępu do zasobu."
)
NOT_JSON = Problem(410003, "Request body is not a JSON object.", "Treść żądania nie jest obiektem JSON.")
NOT_BINARY = Problem(
    410004, "Content-Type must be application/octet-stream.", "Wymagany application/octet-stream."
)
EMPTY = Problem(410007, "Field {} cannot be empty.", "Pole {} nie może być puste.")
INVALID = Problem(410008, "Field {} has an invalid value.", "Pole {} ma nieprawidłową wartość.")
NO_TICKET = Problem(410023, "Ticket does not exist.", "Zgłoszenie nie istnieje.")
NO_CUSTOMER = Problem(410024, "Customer does not exist.", "Klient nie istnieje.")
NO_COMPANY = Problem(410025, "Company does not exist.", "Firma nie istnieje.")
NO_AGENT = Problem(410026, "Agent {} does not exist.", "Agent {} nie istnieje.")
NO_MAILBOX = Problem(410027, "Mailbox {} is not defined.", "Skrzynka {} nie jest zdefiniowana.")
NO_FILE = Problem(410028, "Temporary file {} does not exist.", "Plik tymczasowy {} nie istnieje.")
NO_CUSTOM_FIELD = Problem(
    410029, "Custom field {} is not defined.", "Pole dodatkowe {} nie jest zdefiniowane."
)


class Fields:
    """Reads one body or query, collecting problems instead of stopping at the first.

    A field that is left out or null reads as None. Numbers may come as strings holding digits, in bodies
    too, as the vendor's own samples send them.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.problems: list[Problem] = []

    def text(self, name: str, *, required: bool = False) -> str | None:
        value = self._read(name, lambda given: given if isinstance(given, str) else None)
        if required and not (value or "").strip() and INVALID.about(name) not in self.problems:
            self.problems.append(EMPTY.about(name))
        return value

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        return self._read(name, lambda given: given if isinstance(given, str) and given in allowed else None)

    def number(self, name: str, *, at_least: int = 0, at_most: int | None = None) -> int | None:
        def read(given: object) -> int | None:
            value = _number(given)
            fits = value is not None and at_least <= value and (at_most is None or value <= at_most)
            return value if fits else None

        return self._read(name, read)

    def identifier(self, name: str, known: Collection[str]) -> str | None:
        """An id that the API shows as a string holding a number."""
        return self._read(name, lambda given: str(_number(given)) if str(_number(given)) in known else None)

    def flag(self, name: str) -> bool | None:
        return self._read(name, lambda given: _FLAGS.get(str(given).lower()))

    def texts(self, name: str) -> list[str] | None:
        return self._read(name, lambda given: given if _is_texts(given) else None)

    def mapping(self, name: str) -> dict[str, Any] | None:
        return self._read(name, lambda given: given if isinstance(given, dict) else None)

    def moment(self, name: str) -> datetime | None:
        """`YYYY-MM-DD HH:MM`, read as Warsaw time."""
        return self._read(name, _minute)

    def since(self, name: str) -> datetime | None:
        """The start of a window: a date, or a date and a minute."""
        return self._read(name, lambda given: _day(given) or _minute(given))

    def until(self, name: str) -> datetime | None:
        """The first moment after a window: its last day, or minute, belongs to it."""

        def read(given: object) -> datetime | None:
            if (day := _day(given)) is not None:
                return day + timedelta(days=1)
            minute = _minute(given)
            return None if minute is None else minute + timedelta(minutes=1)

        return self._read(name, read)

    def refuse(self, problem: Problem) -> None:
        """Add what only the caller can see."""
        self.problems.append(problem)

    def _read(self, name: str, read: Callable[[Any], _Value | None]) -> _Value | None:
        """A field through `read`, which answers None to what it cannot take."""
        given = self._values.get(name)
        if given is None:
            return None
        value = read(given)
        if value is None:
            self.problems.append(INVALID.about(name))
        return value


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def _number(given: object) -> int | None:
    if isinstance(given, str) and re.fullmatch(r"[0-9]{1,18}", given):
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) else None


def _is_texts(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(item, str) for item in given)


def _day(given: object) -> datetime | None:
    return _parse(given, "%Y-%m-%d")


def _minute(given: object) -> datetime | None:
    return _parse(given, "%Y-%m-%d %H:%M")


def _parse(given: object, form: str) -> datetime | None:
    try:
        return datetime.strptime(given, form).replace(tzinfo=WARSAW) if isinstance(given, str) else None
    except ValueError:
        return None


_NESTED = re.compile(r"(?P<name>[^\[\]]+)\[(?P<key>[^\[\]]*)\](\[[^\[\]]*\])?")


def read_query(items: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A query string's pairs in PHP's fashion.

    `status_id[]=1&status_id[]=2` is a list, `custom_fields[Name]=v` and `custom_fields[Name][0]=v` give a
    list of alternatives per name, anything else is a plain string.
    """
    query: dict[str, Any] = {}
    for raw, value in items:
        nested = _NESTED.fullmatch(raw)
        if nested is None:
            query[raw] = value
        elif nested["key"]:
            query.setdefault(nested["name"], {}).setdefault(nested["key"], []).append(value)
        else:
            query.setdefault(nested["name"] + "[]", []).append(value)
    return query
