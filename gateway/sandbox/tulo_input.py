"""What Tulo accepts, refused with its codes.

The codes and the text on `account_id` are those of the page
https://docs.worldoftulo.com/payway/integration/payway_api/endpoints/helpdesk_message_api/create_helpdesk_message;
the other texts are the sandbox's, in the same style. One problem is reported per request: unknown names
first, then the fields in the order of the page.
"""

import re
from collections.abc import Mapping

from starlette.requests import Request

from gateway.sandbox.emulation import NotJson, read_json

# The original document allows capitals here (`/i`) and prints the pattern without the flag in its error.
_ID = re.compile(r"[a-f\d]{24}", re.IGNORECASE | re.ASCII)
_ID_FORMAT = r"/^[a-f\d]{24}$/"
_MESSAGE_LIMITS = {"heading": 512, "message": 1024}
_FORMATS = {
    "id": (_ID, _ID_FORMAT),
    "social_security_number": (re.compile(r"\d{6}-\d{4}", re.ASCII), r"/^\d{6}-\d{4}$/"),
    "customer_number": (re.compile(r"[a-zA-Z\-_0-9]*"), "/^[a-zA-Z-_0-9]*$/"),
}
_KEY_LIMITS = {"email": 1024, "customer_number": 10}
ACCOUNT_KEYS = (
    "id",
    "email",
    "alias",
    "social_security_number",
    "customer_number",
    "tulo_customer_number",
    "external_id_key",
    "external_id_value",
)


class InvalidInput(ValueError):
    """A refusal with 400; `field` only where one is at fault."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(code, message, field)
        self.code = code
        self.message = message
        self.field = field


def require_json_headers(request: Request) -> None:
    """Both headers are required on every request, GET included (overview page)."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise InvalidInput("invalid_content_type_error", "Content-Type must be application/json")
    accepted = {
        part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")
    }
    if "application/json" not in accepted:
        raise InvalidInput("invalid_accept_error", "Accept must be application/json")


async def read_message(request: Request) -> tuple[str, str, str]:
    """The body of `POST /v1/helpdesk_messages`: account id as given, heading, message."""
    try:
        body = await read_json(request)
    except NotJson:
        raise InvalidInput("json_parser_error", "Request body could not be parsed as JSON") from None
    if not isinstance(body, dict):
        raise InvalidInput("json_parser_error", "Request body must be a JSON object")
    _refuse_unknown(body, ("account_id", *_MESSAGE_LIMITS))
    account_id = _text(body, "account_id")
    check_id(account_id, "account_id")
    texts = []
    for name, limit in _MESSAGE_LIMITS.items():
        text = _text(body, name)
        _check_length(text, limit, name)
        texts.append(text)
    heading, message = texts
    return account_id, heading, message


def read_query(request: Request, *known: str) -> dict[str, str]:
    """The query, once every name in it is known."""
    query = dict(request.query_params)
    _refuse_unknown(query, known)
    return query


def read_account_id(query: Mapping[str, str]) -> str:
    """The required query parameter `account_id`."""
    account_id = _text(query, "account_id")
    check_id(account_id, "account_id")
    return account_id


def read_flag(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    """A query parameter of the vendor's type `bool`."""
    if name not in query:
        return default
    if query[name] not in ("true", "false"):
        raise InvalidInput("invalid_parameter", "Parameter must be true or false", name)
    return query[name] == "true"


def read_account_key(query: Mapping[str, str]) -> tuple[str, str]:
    """The one key that names an account; an external id is `external_id:<key>` and its value."""
    names = [name for name in query if name != "external_id_value"]
    if len(names) > 1:
        raise InvalidInput("invalid_parameter", f"Only one of {', '.join(names)} can be given")
    if not names:
        if "external_id_value" in query:
            raise InvalidInput("invalid_parameter", "Parameter is required", "external_id_key")
        raise InvalidInput("invalid_parameter", "One parameter that identifies the account is required")
    (name,) = names
    if name == "external_id_key":
        return f"external_id:{query[name]}", _text(query, "external_id_value")
    if "external_id_value" in query:
        raise InvalidInput("invalid_parameter", f"Only one of {name}, external_id_value can be given")
    value = query[name]
    if name in _KEY_LIMITS:
        _check_length(value, _KEY_LIMITS[name], name)
    if name in _FORMATS:
        pattern, shown = _FORMATS[name]
        _check_format(value, pattern, shown, name)
    return name, value


def check_id(value: str, field: str) -> None:
    """24 hex characters, either case."""
    _check_format(value, _ID, _ID_FORMAT, field)


def _check_format(value: str, pattern: re.Pattern[str], shown: str, field: str) -> None:
    if not pattern.fullmatch(value):
        raise InvalidInput("invalid_parameter", f"Parameter must match format ({shown})", field)


def _check_length(value: str, limit: int, field: str) -> None:
    if len(value) > limit:
        raise InvalidInput("invalid_parameter", f"Parameter cannot have length greater than {limit}", field)


def _refuse_unknown(given: Mapping[str, object], known: tuple[str, ...]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidInput("unknown_parameter", f"Unknown parameter: {', '.join(unknown)}")


def _text(fields: Mapping[str, object], name: str) -> str:
    if name not in fields:
        raise InvalidInput("invalid_parameter", "Parameter is required", name)
    value = fields[name]
    if not isinstance(value, str):
        raise InvalidInput("invalid_parameter", "Parameter must be a string", name)
    return value
