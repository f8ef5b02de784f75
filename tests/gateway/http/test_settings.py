from typing import Any

import pytest
from pydantic import ValidationError

from gateway.http.settings import ConnectionSettings, CorsSettings, HeaderSettings


@pytest.mark.parametrize(
    "origin",
    [
        "https://desk.example.com",
        "http://localhost:3000",
        "http://[::1]:5173",
        "capacitor://localhost",
        "chrome-extension://abcdefghijklmnop",
        "*",
    ],
)
def test_an_origin_is_taken_as_browsers_write_it(origin: str) -> None:
    assert CorsSettings(origins=(origin,)).origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "desk.example.com",
        "https://desk.example.com/",
        "https://desk.example.com/app",
        "https://Desk.example.com",
        "https://*.example.com",
        "https://user@desk.example.com",
        "https://desk.example.com:443",
        "http://desk.example.com:80",
        "https://desk.example.com:0443",
        "https://desk.example.com\r\nx: y",
        "https://żółw.example",
        "https://a.example https://b.example",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_a_mistake(origin: str) -> None:
    with pytest.raises(ValidationError):
        CorsSettings(origins=(origin,))


@pytest.mark.parametrize(
    "given", [{"origins": ("*",), "credentials": True}, {"origins": ("*", "https://desk.example.com")}]
)
def test_every_origin_stands_alone_and_without_credentials(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="stands alone"):
        CorsSettings(**given)


def test_a_header_that_pages_may_send_is_a_plain_name() -> None:
    assert CorsSettings(headers=("X-Support-Token",)).headers == ("X-Support-Token",)
    for name in ("", "*", "a b", "a,b", "a\r\nb"):
        with pytest.raises(ValidationError):
            CorsSettings(headers=(name,))


def test_by_default_no_origin_and_no_promise_of_https() -> None:
    assert CorsSettings().origins == ()
    assert HeaderSettings().hsts_max_age_s is None


@pytest.mark.parametrize("model", [CorsSettings, HeaderSettings, ConnectionSettings])
def test_every_setting_is_described_and_none_is_invented(model: Any) -> None:
    assert all(field.description for field in model.model_fields.values())
    with pytest.raises(ValidationError):
        model(nonsense=1)
