"""Error bodies: no page prints one, so every form that the tables allow must be readable."""

import pytest

from gateway.domain.errors import Refusal, RefusalCode
from gateway.sources.telecomx.refusals import explain, is_log_in_refused
from gateway.transport import Reply


def reply(status: int, body: bytes) -> Reply:
    return Reply(status, {}, body)


@pytest.mark.parametrize(
    ("status", "word", "code", "field"),
    [
        (400, "bad_request", RefusalCode.INVALID, ()),
        (422, "title", RefusalCode.INVALID, ("title",)),
        (422, "email", RefusalCode.INVALID, ("channels",)),
        (422, "sms", RefusalCode.INVALID, ("channels",)),
        (422, "reseller", RefusalCode.INVALID, ("owner", "reseller")),
        (404, "reseller", RefusalCode.NOT_FOUND, ("owner", "reseller")),
        (403, "access_denied", RefusalCode.NO_ACCESS, ()),
        (400, "employeeSubscription", RefusalCode.INVALID, ("id",)),
        (404, "employeeSubscription", RefusalCode.NOT_FOUND, ("id",)),
        (404, "id", RefusalCode.NOT_FOUND, ("id",)),
        (404, "case", RefusalCode.NOT_FOUND, ("id",)),
        (422, "id", RefusalCode.INVALID, ("id",)),
        (422, "state", RefusalCode.INVALID, ("status",)),
        (422, "actionNeeded", RefusalCode.INVALID, ("actionNeeded",)),
        (409, "customer", RefusalCode.CONFLICT, ()),
        (418, "teapot", RefusalCode.REJECTED_BY_SOURCE, ()),
    ],
)
def test_the_word_names_the_inputs_field(
    status: int, word: str, code: RefusalCode, field: tuple[str, ...]
) -> None:
    (refusal,) = explain("tx", reply(status, f'{{"message": "{word}"}}'.encode()))

    assert (refusal.code, refusal.field, refusal.source, refusal.source_code) == (code, field, "tx", word)


def test_a_refusal_in_full() -> None:
    assert explain("tx", reply(422, b'{"message": "title"}')) == (
        Refusal(RefusalCode.INVALID, "tx does not take this value.", ("title",), "tx", "title"),
    )


@pytest.mark.parametrize(
    "inner", [b'["title", "email"]', b'[{"message": "title"}, {"message": "email", "status": 422}]']
)
def test_several_errors_are_several_refusals(inner: bytes) -> None:
    refusals = explain("tx", reply(422, b'{"message": "multiple", "inner": ' + inner + b"}"))

    assert [refusal.field for refusal in refusals] == [("title",), ("channels",)]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"title"', b'{"message": 7}', b"\xff", b"{}"])
def test_without_a_readable_word_the_status_speaks(body: bytes) -> None:
    assert explain("tx", reply(404, body)) == (
        Refusal(RefusalCode.NOT_FOUND, "tx has no such record.", (), "tx", None),
    )


@pytest.mark.parametrize(
    ("body", "about_us"),
    [
        (b'{"message": "expired"}', True),
        (b'{"message": "invalid_token"}', True),
        (b'{"message": "credentials_invalid"}', True),
        (b"", True),
        (b'{"message": "helpcenter"}', False),
    ],
)
def test_only_the_word_helpcenter_is_about_another_log_in(body: bytes, about_us: bool) -> None:
    assert is_log_in_refused(reply(401, body)) is about_us
