from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.errors import Refusal, RefusalCode
from gateway.domain.writes import UploadedFile
from gateway.writes.uploads import Uploads

_START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class _Clock:
    def __init__(self) -> None:
        self.now = _START

    def __call__(self) -> datetime:
        return self.now


def _file(token: str, *, hours: int | None = 24) -> UploadedFile:
    expires_at = None if hours is None else _START + timedelta(hours=hours)
    return UploadedFile(token, f"{token}.pdf", 12, expires_at)


def _not_found(index: int, source: str = "desk") -> Refusal:
    return Refusal(
        RefusalCode.NOT_FOUND,
        "No such upload of yours for this source. Upload the file again: POST /uploads.",
        ("attachments", str(index)),
        source,
    )


def test_a_handle_stands_for_the_sources_token() -> None:
    uploads = Uploads(_Clock())
    upload = uploads.issue("ola", "desk", _file("t1"))

    assert (upload.principal, upload.source, upload.file) == ("ola", "desk", _file("t1"))
    assert uploads.tokens([upload.handle], principal="ola", source="desk") == (("t1",), ())


def test_tokens_come_in_the_order_of_their_handles() -> None:
    uploads = Uploads(_Clock())
    a, b, c = (uploads.issue("ola", "desk", _file(token)).handle for token in "abc")

    assert uploads.tokens([c, a, b, a], principal="ola", source="desk") == (("c", "a", "b", "a"), ())
    assert uploads.tokens([], principal="ola", source="desk") == ((), ())


def test_a_handle_can_be_used_again() -> None:
    uploads = Uploads(_Clock())
    handle = uploads.issue("ola", "desk", _file("t1")).handle

    for _ in range(2):
        assert uploads.tokens([handle], principal="ola", source="desk") == (("t1",), ())


def test_handles_cannot_be_guessed_and_tell_nothing_of_the_token() -> None:
    uploads = Uploads(_Clock())
    handles = {uploads.issue("ola", "desk", _file("t1")).handle for _ in range(100)}

    assert len(handles) == 100
    assert {len(handle) for handle in handles} == {24}, "18 random bytes"
    assert not any("t1" in repr(uploads.issue("ola", "desk", UploadedFile("t1secret"))) for _ in range(3))


@pytest.mark.parametrize(
    ("principal", "source"), [("jan", "desk"), ("ola", "other"), ("jan", "other"), ("", ""), ("desk", "ola")]
)
def test_a_handle_of_someone_else_or_of_another_source_is_like_an_unknown_one(
    principal: str, source: str
) -> None:
    uploads = Uploads(_Clock())
    handle = uploads.issue("ola", "desk", _file("t1")).handle

    assert uploads.tokens([handle, "unknown"], principal=principal, source=source) == (
        (),
        (_not_found(0, source), _not_found(1, source)),
    )


def test_each_bad_handle_among_good_ones_is_named_by_its_place() -> None:
    uploads = Uploads(_Clock())
    a, b = (uploads.issue("ola", "desk", _file(token)).handle for token in "ab")
    foreign = uploads.issue("jan", "desk", _file("c")).handle

    assert uploads.tokens([a, "", b, foreign], principal="ola", source="desk") == (
        ("a", "b"),
        (_not_found(1), _not_found(3)),
    )


def test_a_handle_ends_with_the_file_at_the_source() -> None:
    clock = _Clock()
    uploads = Uploads(clock)
    handle = uploads.issue("ola", "desk", _file("t1", hours=24)).handle

    clock.now = _START + timedelta(hours=24) - timedelta(microseconds=1)
    assert uploads.tokens([handle], principal="ola", source="desk") == (("t1",), ())
    clock.now = _START + timedelta(hours=24)
    assert uploads.tokens([handle], principal="ola", source="desk") == ((), (_not_found(0),))


def test_a_file_that_its_source_keeps_for_ever_has_a_handle_for_ever() -> None:
    clock = _Clock()
    uploads = Uploads(clock)
    handle = uploads.issue("ola", "desk", _file("t1", hours=None)).handle

    clock.now = _START + timedelta(days=36_500)
    assert uploads.tokens([handle], principal="ola", source="desk") == (("t1",), ())


def test_only_the_latest_handles_are_kept() -> None:
    uploads = Uploads(_Clock(), memory=2)
    handles = [uploads.issue("ola", "desk", _file(token)).handle for token in "abc"]

    assert uploads.tokens(handles, principal="ola", source="desk") == (("b", "c"), (_not_found(0),))


def test_who_uploads_much_pushes_out_their_own() -> None:
    uploads = Uploads(_Clock(), memory=1000)
    others = uploads.issue("ida", "desk", _file("t0"))
    first = uploads.issue("ola", "desk", _file("t1"))
    for number in range(2000):
        uploads.issue("ola", "desk", _file(f"u{number}"))
    last = uploads.issue("ola", "desk", _file("t2"))

    assert uploads.tokens([others.handle], principal="ida", source="desk") == (("t0",), ())
    assert uploads.tokens([first.handle], principal="ola", source="desk") == ((), (_not_found(0),))
    assert uploads.tokens([last.handle], principal="ola", source="desk") == (("t2",), ())
