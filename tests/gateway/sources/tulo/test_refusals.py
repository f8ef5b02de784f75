import pytest

from gateway.domain.errors import Refusal, RefusalCode
from gateway.sources.tulo.refusals import explain
from gateway.transport import Reply


@pytest.mark.parametrize(
    ("status", "body", "code", "field"),
    [
        (400, b'{"code": "invalid_parameter", "field": "account_id"}', RefusalCode.INVALID, ("requester",)),
        (400, b'{"code": "invalid_parameter", "field": "heading"}', RefusalCode.INVALID, ("subject",)),
        (400, b'{"code": "invalid_parameter", "field": "message"}', RefusalCode.INVALID, ("body",)),
        (400, b'{"code": "invalid_parameter", "field": "news"}', RefusalCode.INVALID, ()),
        (400, b'{"code": "unknown_parameter"}', RefusalCode.REJECTED_BY_SOURCE, ()),
        (400, b'{"code": "json_parser_error"}', RefusalCode.REJECTED_BY_SOURCE, ()),
        (404, b'{"code": "not_found"}', RefusalCode.NOT_FOUND, ("requester",)),
        (404, b"<html>", RefusalCode.NOT_FOUND, ("requester",)),
        (403, b"", RefusalCode.NO_ACCESS, ()),
        (409, b"[]", RefusalCode.REJECTED_BY_SOURCE, ()),
        (400, b"\xff", RefusalCode.REJECTED_BY_SOURCE, ()),
    ],
)
def test_the_code_and_the_field_become_the_inputs(
    status: int, body: bytes, code: RefusalCode, field: tuple[str, ...]
) -> None:
    (refusal,) = explain("tulo", Reply(status, {}, body))

    assert (refusal.code, refusal.field, refusal.source) == (code, field, "tulo")


def test_a_refusal_in_full() -> None:
    body = b"""{"code": "invalid_parameter", "field": "heading", "pw_correlation_id": "a1b2c3",
                "message": "Parameter cannot have length greater than 512"}"""

    assert explain("tulo", Reply(400, {}, body)) == (
        Refusal(
            RefusalCode.INVALID,
            "tulo refused it: Parameter cannot have length greater than 512",
            ("subject",),
            "tulo",
            "invalid_parameter",
        ),
    )
