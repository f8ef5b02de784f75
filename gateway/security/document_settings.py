"""What can be configured of trusted documents."""

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DocumentMode(StrEnum):
    """What becomes of a document that isn't a trusted one."""

    OFF = "off"
    OBSERVE = "observe"
    ENFORCE = "enforce"


class DocumentSettings(BaseModel):
    """Which documents are trusted, and whether others run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: DocumentMode = Field(
        DocumentMode.OFF,
        description="off: other documents run too; observe: they run, are counted by client, and each is "
        "logged once; enforce: they are refused, unparsed.",
    )
    folder: Path | None = Field(
        None,
        description="Where the trusted documents are, as `documents add` puts them there: files that end in "
        ".graphql, no subfolders.",
    )
    look_every_s: float = Field(
        5.0,
        gt=0,
        le=3600,
        description="Pause between two looks at the folder. A change counts once two looks have found the "
        "same.",
    )

    @model_validator(mode="after")
    def _enforceable(self) -> "DocumentSettings":
        if self.mode is DocumentMode.ENFORCE and self.folder is None:
            raise ValueError("mode enforce needs a folder: without one nothing could run at all")
        return self
