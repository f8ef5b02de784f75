"""An answer's body, gathered while it comes and never larger than allowed, packed or unpacked."""

import zlib

from gateway.domain.errors import SourceProtocolError

ACCEPT_ENCODING = "gzip"
_GZIP = frozenset({"gzip", "x-gzip"})  # RFC 9110, section 8.4.1.3: the same.
_PLAIN = frozenset({"", "identity"})


class Body:
    """Takes the bytes as they come over the wire.

    Unpacking is not left to the libraries: each takes other codings, reads over other faults, and none
    says how many bytes it is about to make of a chunk.
    """

    def __init__(self, source: str, coding: str, *, max_bytes: int) -> None:
        """Begin with nothing.

        Args:
            source: For errors.
            coding: The `content-encoding` header; empty without one.
            max_bytes: The largest body that is taken.
        Raises:
            SourceProtocolError: It is packed in a way that nobody asked for, or more than once.
        """
        coding = coding.strip().lower()
        if coding not in _PLAIN and coding not in _GZIP:
            packed = "more than once" if "," in coding else "in a way that was not asked for"
            raise SourceProtocolError(source, detail=f"an answer packed {packed}")
        self._source = source
        self._max_bytes = max_bytes
        self._unpacker = zlib.decompressobj(wbits=31) if coding in _GZIP else None
        self._parts: list[bytes] = []
        self._came = 0
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """Take what came next.

        Raises:
            SourceProtocolError: The answer has grown too large, or isn't packed as it says.
        """
        self._came += len(chunk)
        if self._unpacker is not None:
            chunk = self._unpack(self._unpacker, chunk)
        self._size += len(chunk)
        if self._came > self._max_bytes or self._size > self._max_bytes:
            raise SourceProtocolError(self._source, detail=f"an answer of more than {self._max_bytes} bytes")
        self._parts.append(chunk)

    def _unpack(self, unpacker: "zlib._Decompress", chunk: bytes) -> bytes:
        try:
            unpacked = unpacker.decompress(chunk, self._max_bytes - self._size + 1)
        except zlib.error as error:
            raise self._wrongly_packed() from error
        if unpacker.unused_data:
            raise self._wrongly_packed()
        return unpacked

    def whole(self) -> bytes:
        """All of it, once nothing more comes.

        Raises:
            SourceProtocolError: It ends before what is packed in it does.
        """
        if self._unpacker is not None and self._came and not self._unpacker.eof:
            raise self._wrongly_packed()
        return b"".join(self._parts)

    def _wrongly_packed(self) -> SourceProtocolError:
        return SourceProtocolError(self._source, detail="an answer that is not packed as it says")
