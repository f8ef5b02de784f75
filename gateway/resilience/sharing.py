"""What two callers may share, and until when."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.domain.errors import SourceError
from gateway.transport import Call

# Credential, method, path, query, body, headers.
Key = tuple[str, str, str, tuple[tuple[str, str], ...], bytes, tuple[tuple[str, str], ...]]

_CACHE_CONTROL = "cache-control"


def sharing_key(call: Call) -> Key | None:
    """All that an answer may depend on: what is sent, and with whose credentials.

    None where nothing may be shared: a call that changes something, or a body that can be read once
    only. Of a caller's credential the id is enough, as secrets don't belong into keys; all
    others are sent with the one credential of the source. A call that asks
    for a fresh answer has the key of the one that doesn't.
    """
    body = call.body or b""
    if not call.safe or not isinstance(body, bytes):
        return None
    headers = tuple(each for each in call.headers.items() if each[0].lower() != _CACHE_CONTROL)
    whose = "" if call.credential is None else call.credential.id
    return whose, call.method, call.path, call.query, body, headers


def asks_anew(call: Call) -> bool:
    """Whether the source itself must answer (RFC 9111, section 5.2.1.4)."""
    return any(
        name.lower() == _CACHE_CONTROL and "no-cache" in value.lower() for name, value in call.headers.items()
    )


class Generations:
    """Tells which reads still hold, by the writes that went the same way since they began.

    Any write counts against any read of the source, whatever its object and credential: which objects a
    write touches can't be told from its URL, and what one account changes another one sees. What was read
    before a write is left aside while the write is under way and void once it has ended, however it
    ended: a source may apply late what it never confirmed. Only a write that certainly wasn't sent leaves
    things as they were; so agents who try to reply while a source is down don't cost the others what is
    still known of it.
    """

    def __init__(self) -> None:
        self._count = 0
        self._under_way: set[int] = set()
        self._floor = 0
        self.void_below = 0

    def current(self) -> int:
        """The generation of a read that begins now."""
        return self._count

    def holds(self, generation: int) -> bool:
        """Whether what was read in that generation may be used now."""
        return generation >= self._floor

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around a write."""
        self._count += 1
        begun = self._count
        self._under_way.add(begun)
        self._floor = begun
        sent = True
        try:
            yield
        except SourceError as error:
            sent = error.sent
            raise
        finally:
            self._under_way.remove(begun)
            if sent:
                self._count += 1
                self.void_below = self._count
            self._floor = max(self.void_below, *self._under_way, 0)
