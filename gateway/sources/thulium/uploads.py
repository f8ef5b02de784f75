"""Files for later replies and tickets.

Page: https://api.thulium.com/docs/api/temporary_files/post_temporary_files
"""

from collections.abc import AsyncIterator
from datetime import timedelta

from gateway.domain.clock import Clock
from gateway.domain.writes import UploadedFile
from gateway.sources.rest import Rest
from gateway.sources.thulium import wire
from gateway.transport import Call

_LIFE = timedelta(hours=24)


class Uploads:
    """The endpoint that takes files."""

    def __init__(self, rest: Rest, *, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock

    async def upload(self, filename: str, content: AsyncIterator[bytes]) -> UploadedFile:
        """POST temporary_files?filename=, the raw bytes streamed.

        Source: https://api.thulium.com/docs/api/temporary_files/post_temporary_files
        """
        # Counted from before the upload, so that the gateway never believes in a file that is gone.
        expires_at = self._clock() + _LIFE
        reply = await self._rest.send(
            Call(
                "upload",
                "POST",
                "temporary_files",
                safe=False,
                query=(("filename", filename),),
                headers={"content-type": "application/octet-stream"},
                body=content,
            )
        )
        sent = self._rest.decode(reply, wire.Uploaded)
        return UploadedFile(
            token=sent.token,
            filename=sent.filename or filename,
            size_bytes=sent.size or 0,
            expires_at=expires_at,
        )
