"""Nothing that a client sends breaks the gateway: the fuzz run in short, on one seed. `make fuzz` has the long one."""

from collections.abc import Iterator

import pytest

from tests.fuzz.operations import fuzz_operations
from tests.fuzz.raw import fuzz_requests, statuses
from tests.fuzz.target import Target, served, started

SEED = 1
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
EMPTY_THEN_HIDDEN = b"0\r\n\r\n" + HIDDEN
CHUNKED, NO_LENGTH = b"Transfer-Encoding: chunked", b"Content-Length: 0"
LENGTH, LONGER = b"Content-Length: %d" % len(HIDDEN), b"Content-Length: %d" % len(EMPTY_THEN_HIDDEN)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with started() as running:
        yield running


def test_whatever_bytes_are_sent_are_answered_in_good_form(target: Target) -> None:
    counts = fuzz_requests(target, seconds=4, first_seed=SEED)
    # Not everything was refused at the door.
    assert {"200", "400", "405", "415"} <= counts.keys(), counts


def test_whatever_operation_the_schema_allows_or_does_not_is_answered_in_good_form(target: Target) -> None:
    counts = fuzz_operations(target, seconds=6, first_seed=SEED)
    assert min(counts[each] for each in ("data", "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")) > 0, counts
    # Limits on how often one may ask would leave the rest untried.
    assert counts["RATE_LIMITED"] == 0, counts


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ([LONGER, CHUNKED], EMPTY_THEN_HIDDEN),
        ([CHUNKED, LONGER], EMPTY_THEN_HIDDEN),
        ([CHUNKED, NO_LENGTH], EMPTY_THEN_HIDDEN),
        ([NO_LENGTH, LENGTH], HIDDEN),
        ([b"Content-Length: 0, %d" % len(HIDDEN)], HIDDEN),
        ([b"Content-Length: +0"], HIDDEN),
        ([b"Content-Length: -1"], HIDDEN),
        ([b"Content-Length: 0x0"], HIDDEN),
        ([b"Content-Length: 0 0"], HIDDEN),
        ([b"Content-Length: 18446744073709551616"], HIDDEN),
        ([b"Transfer-Encoding: xchunked", NO_LENGTH], HIDDEN),
        ([b"Transfer-Encoding: xchunked"], HIDDEN),
        ([b"Transfer-Encoding: identity"], HIDDEN),
        ([b"Transfer-Encoding: chunked, identity"], EMPTY_THEN_HIDDEN),
        ([CHUNKED, b"Transfer-Encoding: identity"], EMPTY_THEN_HIDDEN),
        ([b"Transfer-Encoding : chunked", LONGER], EMPTY_THEN_HIDDEN),
        ([b"Transfer-Encoding:\r\n chunked", LONGER], EMPTY_THEN_HIDDEN),
        ([b"Transfer-Encoding: \x0bchunked", NO_LENGTH], HIDDEN),
        ([b"X: a\nTransfer-Encoding: chunked", LONGER], EMPTY_THEN_HIDDEN),
        ([b"X: a\rTransfer-Encoding: chunked", LONGER], EMPTY_THEN_HIDDEN),
        ([b"X: a\x00", NO_LENGTH], HIDDEN),
        ([CHUNKED], b"10000000000000000\r\n\r\n" + HIDDEN),
        ([CHUNKED], b"-0\r\n\r\n" + HIDDEN),
        ([CHUNKED], b"0x0\r\n\r\n" + HIDDEN),
        ([CHUNKED], b"0\n\n" + HIDDEN),
        ([CHUNKED], b"0 \r\n\r\n" + HIDDEN),
    ],
)
def test_no_request_hides_in_another(target: Target, fields: list[bytes], body: bytes) -> None:
    head = [b"POST /graphql HTTP/1.1", b"Host: localhost", b"Content-Type: application/json", *fields]
    assert statuses(target.url, b"\r\n".join([*head, b"", body])) == [400]
    served(target)


def test_two_requests_on_one_connection_are_two(target: Target) -> None:
    assert statuses(target.url, HIDDEN + HIDDEN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) == [
        200,
        200,
    ]
