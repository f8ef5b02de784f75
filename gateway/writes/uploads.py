"""Handles for files that a source holds for a later write: each belongs to whom it was given."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.clock import Clock
from gateway.domain.errors import Refusal, RefusalCode
from gateway.domain.writes import UploadedFile

# Who uploads more than this without writing anything pushes out their own, not the others'.
_MOST_OF_ONE = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """An issued handle, and what it stands for."""

    handle: str
    principal: str
    source: str
    file: UploadedFile


class Uploads:
    """The handles that this process has issued, the oldest forgotten beyond `memory`."""

    def __init__(self, clock: Clock, *, memory: int = 10_000) -> None:
        self._clock = clock
        self._memory = memory
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._of: dict[str, OrderedDict[str, None]] = {}

    def issue(self, principal: str, source: str, file: UploadedFile) -> Upload:
        """Give out a handle for a file that the source has taken."""
        upload = Upload(secrets.token_urlsafe(18), principal, source, file)
        self._uploads[upload.handle] = upload
        own = self._of.setdefault(principal, OrderedDict())
        own[upload.handle] = None
        if len(own) > _MOST_OF_ONE:
            self._forget(next(iter(own)))
        while len(self._uploads) > self._memory:
            self._forget(next(iter(self._uploads)))
        return upload

    def _forget(self, handle: str) -> None:
        owner = self._uploads.pop(handle).principal
        own = self._of[owner]
        del own[handle]
        if not own:
            del self._of[owner]

    def tokens(
        self, handles: Sequence[str], *, principal: str, source: str
    ) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
        """The source's own tokens for handles, and a refusal for each that can't be used.

        A handle of someone else, of another source, or out of date is answered like an unknown one.
        """
        tokens: list[str] = []
        refusals: list[Refusal] = []
        for index, handle in enumerate(handles):
            upload = self._uploads.get(handle)
            if (
                upload is None
                or (upload.principal, upload.source) != (principal, source)
                or self._expired(upload)
            ):
                refusals.append(
                    Refusal(
                        RefusalCode.NOT_FOUND,
                        "No such upload of yours for this source. Upload the file again: POST /uploads.",
                        ("attachments", str(index)),
                        source,
                    )
                )
            else:
                tokens.append(upload.file.token)
        return tuple(tokens), tuple(refusals)

    def _expired(self, upload: Upload) -> bool:
        expires_at: datetime | None = upload.file.expires_at
        return expires_at is not None and self._clock() >= expires_at
