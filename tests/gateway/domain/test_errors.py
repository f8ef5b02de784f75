import inspect

import pytest

from gateway.domain import errors
from gateway.domain.errors import (
    BadInput,
    CircuitOpen,
    ConfigError,
    DeadlineExceeded,
    Forbidden,
    GatewayError,
    LimitExceeded,
    NotForwarded,
    RateLimited,
    Refusal,
    RefusalCode,
    RequestError,
    SourceAuthError,
    SourceCutShort,
    SourceError,
    SourceFault,
    SourceOverloaded,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
    TooManySourceCalls,
    Unauthenticated,
    Unsupported,
)

_DETAIL = "read case: 503 https://hub.example/v3?accessToken=secret"
_REFUSAL = Refusal(RefusalCode.INVALID, "No.", ("body",), "hub", "E17")
_PERHAPS_SENT = (
    SourceError("hub", detail=_DETAIL),
    SourceUnavailable("hub", detail=_DETAIL),
    SourceTimeout("hub", detail=_DETAIL),
    SourceThrottled("hub", detail=_DETAIL, retry_after_s=30.0),
    SourceAuthError("hub", detail=_DETAIL),
    SourceProtocolError("hub", detail=_DETAIL, json_path="$.items[0]"),
    SourceRejected("hub", (_REFUSAL,), detail=_DETAIL),
    SourceCutShort("hub", detail=_DETAIL),
    DeadlineExceeded("hub", detail=_DETAIL),
    SourceFault("hub", detail=_DETAIL),
)
_NEVER_SENT = (
    CircuitOpen("hub", detail=_DETAIL, retry_after_s=4.0),
    SourceOverloaded("hub", detail=_DETAIL),
    TooManySourceCalls("hub", "more than 60 calls to hub"),
    NotForwarded("hub"),
)
_OF_SOURCES = (*_PERHAPS_SENT, *_NEVER_SENT)
_ALL = (
    *_OF_SOURCES,
    GatewayError("It went wrong."),
    RequestError("Not so."),
    BadInput("Not so.", argument="filter.guids.2"),
    Unsupported("hub can't do this.", source="hub"),
    Unauthenticated(),
    Forbidden("messages:read", source="hub"),
    LimitExceeded("Too deep."),
    RateLimited("Too often.", retry_after_s=3.0),
)


def test_every_error_of_the_tree_is_covered_here() -> None:
    declared = {
        each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)
    }

    assert {type(error) for error in _ALL} | {ConfigError} == declared


def test_codes_and_whether_a_retry_can_help() -> None:
    assert {type(error).__name__: (error.code.value, error.retryable, error.source) for error in _ALL} == {
        "GatewayError": ("INTERNAL_SERVER_ERROR", False, None),
        "RequestError": ("BAD_USER_INPUT", False, None),
        "BadInput": ("BAD_USER_INPUT", False, None),
        "DeadlineExceeded": ("DEADLINE_EXCEEDED", True, "hub"),
        "Unsupported": ("BAD_USER_INPUT", False, "hub"),
        "Unauthenticated": ("UNAUTHENTICATED", False, None),
        "Forbidden": ("FORBIDDEN", False, "hub"),
        "LimitExceeded": ("LIMIT_EXCEEDED", False, None),
        "RateLimited": ("RATE_LIMITED", True, None),
        "SourceError": ("SOURCE_UNAVAILABLE", True, "hub"),
        "SourceUnavailable": ("SOURCE_UNAVAILABLE", True, "hub"),
        "CircuitOpen": ("SOURCE_UNAVAILABLE", True, "hub"),
        "SourceTimeout": ("SOURCE_TIMEOUT", True, "hub"),
        "SourceOverloaded": ("SOURCE_OVERLOADED", True, "hub"),
        "SourceThrottled": ("SOURCE_THROTTLED", True, "hub"),
        "TooManySourceCalls": ("TOO_MANY_SOURCE_CALLS", False, "hub"),
        "NotForwarded": ("SOURCE_AUTH_FAILED", False, "hub"),
        "SourceAuthError": ("SOURCE_AUTH_FAILED", False, "hub"),
        "SourceProtocolError": ("SOURCE_PROTOCOL_ERROR", False, "hub"),
        "SourceRejected": ("SOURCE_PROTOCOL_ERROR", False, "hub"),
        "SourceCutShort": ("SOURCE_UNAVAILABLE", False, "hub"),
        "SourceFault": ("INTERNAL_SERVER_ERROR", False, "hub"),
    }


@pytest.mark.parametrize("error", _OF_SOURCES, ids=lambda error: type(error).__name__)
def test_the_public_message_holds_nothing_of_the_detail(error: SourceError) -> None:
    if not isinstance(error, DeadlineExceeded | TooManySourceCalls):
        assert error.message == type(error).text
    assert "secret" not in error.message
    assert "secret" not in repr(error)
    assert "secret" not in repr(error.args)


@pytest.mark.parametrize("error", _OF_SOURCES, ids=lambda error: type(error).__name__)
def test_the_log_gets_source_and_detail(error: SourceError) -> None:
    assert str(error) == f"hub: {error.message} ({error.detail})"
    if not isinstance(error, NotForwarded | TooManySourceCalls):
        assert error.detail.startswith(_DETAIL)


def test_without_a_detail_the_log_gets_the_source() -> None:
    assert str(SourceTimeout("hub")) == "hub: The source did not answer in time."


def test_a_broken_contract_says_where() -> None:
    error = SourceProtocolError("hub", detail="Expected `int`, got `str`", json_path="$.data[2].id")

    assert (error.json_path, error.detail) == (
        "$.data[2].id",
        "Expected `int`, got `str` at $.data[2].id",
    )


@pytest.mark.parametrize("error", _PERHAPS_SENT, ids=lambda error: type(error).__name__)
def test_a_source_may_have_got_the_request_unless_it_is_known_better(error: SourceError) -> None:
    assert error.sent is True


def test_what_was_certainly_not_sent_says_so() -> None:
    assert SourceUnavailable("hub", sent=False).sent is False


@pytest.mark.parametrize("error", _NEVER_SENT, ids=lambda error: type(error).__name__)
def test_what_the_gateway_holds_back_was_not_sent(error: SourceError) -> None:
    assert error.sent is False


def test_what_ran_out_of_time_says_whether_it_was_sent_and_nothing_of_its_detail() -> None:
    cut, late = DeadlineExceeded("hub", detail=_DETAIL), DeadlineExceeded("hub", sent=False)

    assert [(each.message, each.detail, each.sent) for each in (cut, late)] == [
        ("The request's time ran out before the source had answered.", _DETAIL, True),
        ("The request's time ran out before the source was asked.", "", False),
    ]
    assert "secret" not in repr(cut)


def test_bad_input_names_its_argument() -> None:
    assert (BadInput("No.", argument="first").argument, BadInput("No.").argument) == ("first", None)


def test_a_wrong_configuration_lists_every_problem_on_a_line() -> None:
    error = ConfigError(["server.port: too large", "sources.hub.token: is missing"])

    assert str(error) == "server.port: too large\nsources.hub.token: is missing"
    assert error.problems == ["server.port: too large", "sources.hub.token: is missing"]
    assert not isinstance(error, GatewayError), "no client ever sees it"
