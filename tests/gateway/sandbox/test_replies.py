"""Answers as values: spoilt, and sent in pieces."""

import pytest
from starlette.types import Message

from gateway.sandbox.replies import Reply, dripped, half_of, send_reply

REPLY = Reply(200, [(b"content-length", b"10")], b"0123456789")


async def sent(
    reply: Reply, *, pauses_at_most: int = 1000
) -> tuple[list[tuple[bytes, bool]], list[float], bool]:
    """The pieces and whether more was said to come, the pauses, and whether all was sent."""
    pieces: list[tuple[bytes, bool]] = []
    pauses: list[float] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            pieces.append((message["body"], message["more_body"]))

    async def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) <= pauses_at_most

    whole = await send_reply(reply, send, pause)
    return pieces, pauses, whole


async def test_a_reply_is_one_piece() -> None:
    assert await sent(REPLY) == ([(b"0123456789", False)], [], True)
    assert await sent(Reply(200, [], b"")) == ([(b"", False)], [], True)


async def test_so_many_pieces_have_a_pause_between_each_two() -> None:
    slow = dripped(REPLY, bytes_per_s=1000, pieces=3, pause_s=0.5)
    assert await sent(slow) == ([(b"012", True), (b"345", True), (b"6789", False)], [0.5, 0.5], True)


async def test_there_are_no_more_pieces_than_bytes() -> None:
    pieces, pauses, _ = await sent(dripped(REPLY, bytes_per_s=1, pieces=50, pause_s=0.5))
    assert (len(pieces), len(pauses)) == (10, 9)
    assert await sent(dripped(Reply(200, [], b""), bytes_per_s=1, pieces=50, pause_s=1)) == (
        [(b"", False)],
        [],
        True,
    )


@pytest.mark.parametrize(("bytes_per_s", "at_a_time"), [(1, 1), (5, 1), (20, 2), (1000, 100), (55_000, 5500)])
async def test_bytes_per_second_are_that_many(bytes_per_s: float, at_a_time: int) -> None:
    body = bytes(at_a_time * 40)
    pieces, pauses, _ = await sent(
        dripped(Reply(200, [], body), bytes_per_s=bytes_per_s, pieces=None, pause_s=9)
    )
    assert (b"".join(piece for piece, _ in pieces), {len(piece) for piece, _ in pieces}) == (
        body,
        {at_a_time},
    )
    assert len(body) / (sum(pauses) + pauses[0]) == pytest.approx(bytes_per_s)


async def test_nothing_more_is_sent_once_there_is_no_sense_in_it() -> None:
    slow = dripped(REPLY, bytes_per_s=1000, pieces=5, pause_s=0.5)
    assert await sent(slow, pauses_at_most=1) == ([(b"01", True), (b"23", True)], [0.5, 0.5], False)


def test_half_of_an_answer_is_its_head_and_half_of_its_body_or_half_of_its_head() -> None:
    assert half_of(Reply(200, [(b"x-a", b"1")], b"")) == b"HTTP/1.1 200 \r\nx-a: 1\r"
    assert half_of(Reply(200, [(b"content-length", b"9"), (b"x-a", b"1")], b"123")) == (
        b"HTTP/1.1 200 \r\nx-a: 1\r\ncontent-length: 3\r\n\r\n1"
    )
