from typing import Any

import pytest
from pydantic import ValidationError

from gateway.security.auth_settings import AuthSettings, JwtSettings

JWT = {
    "issuer": "https://login.example.org/",
    "audience": "helpdesk",
    "jwks_url": "https://login.example.org/keys",
}


def jwt(**changed: Any) -> JwtSettings:
    return JwtSettings.model_validate({**JWT, **changed})


def test_a_login_is_required_unless_said_otherwise() -> None:
    assert AuthSettings().model_dump() == {
        "required": True,
        "keys_refresh_s": 5.0,
        "failed_logins_per_minute": 10,
        "trusted_proxies": (),
        "jwt": None,
    }


def test_tokens_need_an_issuer_an_audience_and_where_its_keys_are() -> None:
    assert jwt().model_dump() == {
        **JWT,
        "algorithms": ("RS256", "ES256", "EdDSA"),
        "leeway_s": 30,
        "scopes_claim": "scope",
        "write_as_claim": None,
    }
    for name in JWT:
        with pytest.raises(ValidationError):
            JwtSettings.model_validate({key: value for key, value in JWT.items() if key != name})


@pytest.mark.parametrize(
    "name", ["HS256", "HS384", "HS512", "none", "None", "", "rs256", "ES256K", "dir", "RS1"]
)
def test_only_signatures_by_private_keys_can_be_configured(name: str) -> None:
    with pytest.raises(ValidationError, match="signatures by private keys can: RS256, RS384"):
        jwt(algorithms=["RS256", name])


def test_some_algorithm_must_be_left() -> None:
    with pytest.raises(ValidationError):
        jwt(algorithms=[])


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.org/keys?policy=a",
        "https://127.0.0.1:8443/keys",
        "http://localhost:8080/keys",
        "http://127.0.0.1:8080/keys",
        "http://[::1]:8080/keys",
    ],
)
def test_keys_come_by_https_or_from_this_machine(url: str) -> None:
    assert jwt(jwks_url=url).jwks_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.org/keys",
        "http://127.0.0.1.example.org/keys",
        "http://localhost.example.org/keys",
        "http://10.0.0.1/keys",
        "file:///etc/keys",
        "ftp://login.example.org/keys",
        "https://user:secret@login.example.org/keys",
        "https://login.example.org/keys#first",
        "login.example.org/keys",
        "",
    ],
)
def test_any_other_way_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        jwt(jwks_url=url)


@pytest.mark.parametrize("leeway_s", [-1, 301])
def test_clocks_differ_by_minutes_at_most(leeway_s: int) -> None:
    with pytest.raises(ValidationError):
        jwt(leeway_s=leeway_s)


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_not_everybody_can_be_a_trusted_proxy(network: str) -> None:
    with pytest.raises(ValidationError, match="everybody"):
        AuthSettings(trusted_proxies=(network,))


@pytest.mark.parametrize("network", ["10.0.0.1/8", "proxy.example.org", "10.0.0.0/33", "*", ""])
def test_a_proxy_is_named_by_its_network(network: str) -> None:
    with pytest.raises(ValidationError, match="is no network"):
        AuthSettings(trusted_proxies=(network,))


def test_what_is_no_setting_is_refused() -> None:
    for model in (AuthSettings, JwtSettings):
        with pytest.raises(ValidationError):
            model.model_validate({**JWT, "secret": "x"})
